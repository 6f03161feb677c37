# SPDX-License-Identifier: MIT
"""One line of a metrics file: the rows in it, and, where the line is damaged, what is wrong and what could be kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection
from json.scanner import make_scanner
from typing import Any, NamedTuple

__all__ = [
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_LINE_BYTES",
    "MAX_LINE_ROWS",
    "Fault",
    "Row",
    "has_each_key_once",
    "healthy_row",
    "read_line",
    "scan_row",
]

MAX_LINE_BYTES = 32 * 2**20  # a longer line is a fault
MAX_LINE_ROWS = 1_000  # rows on one line; what follows is a fault
MAX_DEPTH = 200  # objects and lists inside one another in one row
MAX_DIGITS = 4_300  # of an integer; Python's own limit for turning text into integers and back

_BLANK = b" \t\r\n\v\f"
_MAX_TRIES = 64  # places of a damaged line at which a whole row is looked for
_TRY_BYTES = 4_000_000  # and the bytes that may be read for it

_BLANKS = re.compile(r"[ \t\r]*")
_LONG_INTEGER = re.compile(rf"\d{{{MAX_DIGITS + 1}}}")
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_FIRST_KEY = re.compile(r'\{\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_NOT_JSON = (StopIteration, ValueError, RecursionError)

Row = dict[str, Any]
Scan = Callable[[str, int], tuple[Any, int]]  # (text, start) -> value, end; StopIteration where no value begins


def _scan_of(decoder: json.JSONDecoder) -> Scan:
    """The scanner in C of the standard library, without the checks around it that cost twice its time a line."""
    scan: Scan = make_scanner(decoder)  # type: ignore[arg-type]  # typeshed has the type of its argument wrong
    return scan


scan_row = _scan_of(json.JSONDecoder())


class Fault(NamedTuple):
    """What is wrong with a line: as in `Problem`, without the run."""

    line: int | None
    kind: str
    reason: str
    kept: str


def read_line(
    line: bytes, number: int, *, keys: Collection[str] | None = None, is_open: bool = False
) -> tuple[list[Row], list[Fault]]:
    """Read one line of a metrics file, whatever it holds.

    Parameters
    ----------
    line : bytes
        The line without its newline.
    number : int
        Its number, for the faults.
    keys : collection of str, optional
        The keys for which it is a fault to be written twice in a row; all by default.
    is_open : bool
        Whether it is the last of the file and its newline is missing, so that it may still be written.

    Returns
    -------
    rows : list of dict
        One for a healthy line, none for a blank one; the whole rows that are found in a damaged line. Rows that only
        miss the newline between them are healthy.
    faults : list of Fault
        Empty when nothing is lost. An open line that is not whole has the kind `torn last line`.

    Examples
    --------
    >>> read_line(b'{"loss": 0.5}', 1)
    ([{'loss': 0.5}], [])
    >>> rows, faults = read_line(b'{"loss": 0.1, "ep{"loss": 0.2, "epoch": 3}', 7)
    >>> rows, faults[0].kind, faults[0].line
    ([{'loss': 0.2, 'epoch': 3}], 'torn line', 7)
    """
    content = line.strip(_BLANK)
    bare = content.strip(b"\0" + _BLANK)
    rows, faults = _read_content(bare, number, keys, is_open) if bare else ([], [])
    if len(bare) < len(content):
        # A crash of the system leaves NUL bytes where data was not yet on the disk.
        kind = "torn last line" if is_open and not rows else "NUL block"
        faults.insert(0, Fault(number, kind, f"{len(content) - len(bare):,} NUL bytes", _kept(len(rows))))
    return rows, faults


def healthy_row(line: bytes) -> Row | None:
    r"""The row of a line that is plainly nothing else, by the shortest way; None where `read_line` must look.

    Examples
    --------
    >>> healthy_row(b'{"loss": 0.5}\n')
    {'loss': 0.5}
    >>> healthy_row(b'{"loss": 0.5, "loss": 0.6}') is None
    True
    """
    if len(line) > MAX_DIGITS:
        return None
    try:
        text = line.decode("utf-8")
        row, end = scan_row(text, 0)
    except _NOT_JSON:
        return None
    is_row = isinstance(row, dict) and text[end:] in ("", "\n") and has_each_key_once(text, len(row))
    return row if is_row and text.count("{") + text.count("[") <= MAX_DEPTH else None


def _read_content(
    content: bytes, number: int, keys: Collection[str] | None, is_open: bool
) -> tuple[list[Row], list[Fault]]:
    if len(content) > MAX_LINE_BYTES:
        reason = f"{len(content):,} bytes in one line; the limit is {MAX_LINE_BYTES:,}"
        return [], [Fault(number, "line too long", reason, _kept(0))]
    text, reason = _decoded(content)
    if text.count("{") + text.count("[") > MAX_DEPTH and _is_too_deep(text):
        return [], [Fault(number, "too deep", f"values are nested more than {MAX_DEPTH} deep", _kept(0))]
    scanner = _Scanner(text, number, keys)
    if not reason:
        rows, reason = scanner.healthy_rows()
    if not reason:
        return rows, scanner.faults
    rows, end = scanner.rescued_rows() if not scanner.is_other_value else ([], 0)
    kind = _kind_of_damage(text, rows, is_open and end < len(text))
    return rows, [Fault(number, kind, reason, _kept(len(rows))), *scanner.faults]


def _decoded(content: bytes) -> tuple[str, str]:
    """The text, and what is wrong with it; bytes that are not UTF-8 become lone surrogates."""
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        reason = f"byte {content[error.start]:#04x} at column {error.start + 1} is not UTF-8"
        return content.decode("utf-8", "surrogateescape"), reason


def _kind_of_damage(text: str, rows: list[Row], is_open: bool) -> str:
    if is_open:
        return "torn last line"
    if _has_escaped_bytes(text):
        return "encoding"
    return "torn line" if rows or text.startswith("{") else "not a row"


def _kept(rows: int) -> str:
    if not rows:
        return "all other lines"
    return "the whole row in the line" if rows == 1 else f"the {rows} whole rows in the line"


def has_each_key_once(text: str, n_keys: int) -> bool:
    """Whether no key can be written twice in a row, or rows, of so many keys: cheap, and never wrongly true.

    Examples
    --------
    >>> has_each_key_once('{"a": 1, "b": 2}', 2), has_each_key_once('{"a": 1, "a": 2}', 1)
    (True, False)
    """
    return text.count('":') == n_keys and '" ' not in text and '"\t' not in text and '"\r' not in text


class _Scanner:
    """Reads the rows of one line, and notes what they could not keep."""

    def __init__(self, text: str, number: int, keys: Collection[str] | None) -> None:
        self.text = text
        self.number = number
        self.keys = keys
        self.faults: list[Fault] = []
        self.is_other_value = False  # a healthy list, number or text, in which no rows are looked for
        self._twice: list[list[str]] = []
        self._careful: Scan | None = None
        self._is_plain = len(text) <= MAX_DIGITS or not _LONG_INTEGER.search(text)

    def healthy_rows(self) -> tuple[list[Row], str]:
        """The rows, and the reason why the line is damaged: empty when nothing but rows is in it."""
        rows: list[Row] = []
        at = 0
        while at < len(self.text) and len(rows) < MAX_LINE_ROWS:
            try:
                row, at = self.scan(at)
            except _NOT_JSON as error:
                return [], _reason(error)
            if not isinstance(row, dict):
                self.is_other_value = not rows and _end_of_blanks(self.text, at) == len(self.text)
                return [], f"a JSON {_kind_of(row)} where an object is expected"
            rows.append(row)
            at = _end_of_blanks(self.text, at)
        return rows, "" if at == len(self.text) else f"more than {MAX_LINE_ROWS:,} rows in one line"

    def rescued_rows(self) -> tuple[list[Row], int]:
        """The whole rows in a damaged line, and where the last of them ends.

        A whole object inside a torn row may be one of its values: such a one is no row and is left out.
        """
        self.faults.clear()
        rows: list[Row] = []
        end = start = 0
        tries = min(_MAX_TRIES, _TRY_BYTES // (len(self.text) + 1) + 2)
        while tries and (at := self.text.find('{"', start)) >= 0:
            tries, start = tries - 1, at + 1
            row, after = self._row_at(at)
            if row is None:
                continue
            start = after
            if not _has_escaped_bytes(self.text[at:after]) and not _is_a_value(self.text[end:at], row):
                rows.append(row)
                end = after
        return rows, end

    def _row_at(self, at: int) -> tuple[Row | None, int]:
        known = len(self.faults)
        try:
            row, end = self.scan(at)
        except _NOT_JSON:
            del self.faults[known:]
            return None, at
        return row, end  # an object, since it starts with a brace

    def scan(self, at: int) -> tuple[Any, int]:
        """One JSON value and its end; noted: keys written twice, and integers too long to be turned into text again."""
        if self._is_plain:
            try:
                value, end = scan_row(self.text, at)
            except json.JSONDecodeError:
                raise
            except ValueError:  # the interpreter is set to refuse integers of fewer digits than we do
                self._is_plain = False
            else:
                if not isinstance(value, dict) or has_each_key_once(self.text[at:end], len(value)):
                    return value, end
        if self._careful is None:
            self._careful = _scan_of(json.JSONDecoder(object_pairs_hook=self._object, parse_int=self._integer))
        self._twice.clear()
        value, end = self._careful(self.text, at)
        self._note_twice()
        return value, end

    def _object(self, pairs: list[tuple[str, object]]) -> Row:
        row = dict(pairs)
        self._twice.append(_repeated(pairs) if len(row) < len(pairs) else [])
        return row

    def _note_twice(self) -> None:
        """Inner objects are seen first, the row last; of the row, only the keys that are asked for count."""
        top = self._twice.pop() if self._twice else []
        wanted = [key for key in top if self.keys is None or key in self.keys]
        for names in filter(None, [*self._twice, wanted]):
            shown = ", ".join(map(repr, names[:3]))
            self.faults.append(
                Fault(self.number, "duplicate key", f"{shown} more than once in a row", "the last value")
            )

    def _integer(self, text: str) -> int | None:
        if len(text) <= MAX_DIGITS:
            return _exact_integer(text)
        reason = f"an integer of {len(text.lstrip('-')):,} digits; the limit is {MAX_DIGITS:,}"
        self.faults.append(Fault(self.number, "integer too long", reason, "null in its place"))
        return None


def _has_escaped_bytes(text: str) -> bool:
    return not text.isascii() and any("\udc80" <= char <= "\udcff" for char in text)


def _is_a_value(torn: str, row: Row) -> bool:
    """Whether an object after the start of a torn row is a value of it, not a row written after it."""
    first = _FIRST_KEY.search(torn)
    if first is None or first[1] in row:
        return False
    torn = torn.rstrip()
    bare = _STRING.sub("", torn)
    return torn.endswith((":", "[")) or (torn.endswith(",") and bare.count("[") > bare.count("]"))


def _repeated(pairs: list[tuple[str, object]]) -> list[str]:
    counts = Counter(key for key, _ in pairs)
    return [key for key, count in counts.items() if count > 1]


def _exact_integer(text: str) -> int:
    """The integer, also where the interpreter is set to refuse as many digits (its lowest limit is 640)."""
    digits = text.lstrip("-")
    value = 0
    for at in range(0, len(digits), 600):
        part = digits[at : at + 600]
        value = value * 10 ** len(part) + int(part)
    return -value if text.startswith("-") else value


def _is_too_deep(text: str) -> bool:
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def _end_of_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[0].lower()}{error.msg[1:]} at column {error.pos + 1}"
    if isinstance(error, StopIteration):
        return f"no JSON value at column {error.value + 1}"
    return "nested too deep"


def _kind_of(value: object) -> str:
    kinds = {list: "list", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "value")
