# SPDX-License-Identifier: MIT
"""The bytes of a metrics file, one JSON object a line, as curves: by msgspec where it is installed, else by `json`.

Blocks of whole lines are decoded at once. One that is not plainly healthy is halved, and at last read line by line.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..disk import Fault
from ..plaintext import shown

__all__ = ["Fault", "Keys", "Log", "counted", "parse"]

MAX_LINE, MAX_LINE_ROWS, MAX_DEPTH = 32 << 20, 1_000, 200  # bytes; rows; objects and lists inside one another
_BLOCK, _LEAF = 1 << 18, 1 << 12  # bytes that are decoded at once; of a damaged block that is not halved again
_FEW_KEYS = 256  # that are looked up in each row; more are found by going through the rows
_SHOWN = 20  # faults, beside the last; the others are counted
_TRIES, _TRY_BYTES = 64, 4_000_000  # places behind a torn start where a row is looked for, and bytes read for it
_MISSING = object()  # the value of a key that a row lacks
_DTYPES: dict[type, type] = {float: np.float64, int: np.int64, bool: np.bool_, type(None): np.float64}

_BOM, _BLANK, _TOO_LONG = b"\xef\xbb\xbf", b" \t\r\n\v\f", b"\xff too long"  # the last stands for such a line
_NOT_OPENING = bytes(set(range(256)) - set(b"[{\n"))
_START, _FIRST_KEY = re.compile(r'\{"'), re.compile(r'\{\s*"((?:[^"\\]|\\.)*+)"')
_DEEP = f"values are nested more than {MAX_DEPTH} deep"
counted = lru_cache(maxsize=64)(np.arange)  # one array for all curves of a length: it is compared with itself
_careful = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) <= 4_300 else math.nan)

Row = dict[str, Any]
Keys = tuple[str, ...] | None
Decode = Callable[[Any], list[Any]]
Column = tuple[list[int] | None, list[Any], set[type]]  # where the rows are that have a key, None for all; the values
Columns = dict[str, Column]


class Log(NamedTuple):
    """What a metrics file holds.

    Attributes
    ----------
    curves : dict of str to ndarray of shape (n_values,)
        The values of each key, of the rows that have it: int64, bool, or float64, where null is NaN too; objects as
        written where none of these holds them. A key that no row has is missing.
    at : dict of str to ndarray of int64 of shape (n_values,)
        The positions of these rows among all; only of the keys that some rows lack.
    n_rows : int
        Healthy rows, those rescued from damaged lines included; -1 where the file could not be read.
    faults : list of Fault
        The first 20 and the last, and one that counts those between.
    """

    curves: dict[str, Any]
    at: dict[str, NDArray[np.int64]]
    n_rows: int
    faults: list[Fault]

    def rows(self, key: str) -> NDArray[np.int64]:
        """The positions, among all rows, of those that have a key."""
        return self.at[key] if key in self.at else counted(self.n_rows)


def parse(data: bytes | Iterable[bytes], keys: Keys = None, *, fast: bool = True) -> Log:
    r"""Read the rows of a metrics file.

    Parameters
    ----------
    data : bytes or iterable of bytes
        The file, or its consecutive parts, cut anywhere.
    keys : tuple of str, optional
        The keys whose values are wanted; all by default.
    fast : bool
        False does without msgspec. The result is the same.

    Returns
    -------
    Log

    Examples
    --------
    >>> log = parse(b'{"loss": 0.5, "epoch": 0}\n{"loss": NaN, "epoch": 1}\n{"lo', ("loss",))
    >>> log.curves["loss"], log.n_rows
    (array([0.5, nan]), 2)
    >>> log.faults[0].kind, log.faults[0].line
    ('torn last line', 3)
    """
    decode = _decoder(keys) if fast and keys else None
    if decode and isinstance(data, bytes) and len(data) <= _LEAF and (log := _small_log(data, keys or (), decode)):
        return log
    found: dict[str, list[tuple[int, Column]]] = defaultdict(list)
    faults: list[Fault] = []
    n_rows = n_lines = n_faults = 0
    for block in _blocks((data,) if isinstance(data, bytes) else data):
        for lines, rows, columns, new in _parts(block, keys, decode):
            for key, column in columns.items():
                found[key] += [(n_rows, column)] if column[1] else []
            faults += [fault._replace(line=n_lines + (fault.line or 0)) for fault in new]
            del faults[_SHOWN + 1 : -2]
            n_rows, n_lines, n_faults = n_rows + rows, n_lines + lines, n_faults + len(new)
    asked = (key for key in (found if keys is None else keys) if found[key])
    curves = {key: _joined([column for _, column in found[key]]) for key in asked}
    places = {key: _places(found[key]) for key, curve in curves.items() if len(curve) < n_rows}
    return Log(curves, places, n_rows, _summed(faults, n_faults, n_rows, n_lines))


def _small_log(data: bytes, keys: tuple[str, ...], decode: Decode) -> Log | None:
    """A small log whose rows all have the keys, in a third of the time; None where it must be looked at closer."""
    rows = _decoded(data, decode)
    if not len(rows) == data.count(b"\n") == data.count(b"}\n{") + 1 or not data.endswith(b"}\n"):
        return None
    curves = {}
    for key, some in zip(keys, _values(rows, len(keys)), strict=True):
        curves[key] = curve = _curve(some, set(map(type, some)))
        if curve.dtype.hasobject:
            return None
    return Log(curves, {}, len(rows), [])


def _summed(faults: list[Fault], n_faults: int, n_rows: int, n_lines: int) -> list[Fault]:
    """The first faults, one that counts the others, and the last; or one for a file of which no line is a row."""
    if faults and not n_rows and (n_faults > 1 or faults[0].kind == "not a row"):  # else it may be a first row, torn
        reason = f"none of its {n_lines:,} lines is a row; line {faults[0].line}: {faults[0].reason}"
        return [Fault(None, "not json lines", reason, "nothing")]
    if n_faults > _SHOWN + 1:
        reason = f"{n_faults - _SHOWN - 1:,} further faults, up to line {faults[-2].line}"
        faults[_SHOWN:-1] = [Fault(None, "further faults", reason, "all other lines")]
    return faults


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, some at once, and at last the line without a newline; of a line that is too long, what it is."""
    rest, mark = b"", _BOM
    for piece in pieces:
        data, start = rest + piece, 0
        while stop := data.find(b"\n", start + _BLOCK) + 1 or data.rfind(b"\n", start) + 1:
            yield data[start:stop].removeprefix(mark)
            start, mark = stop, b""
        is_long = len(data) - start > MAX_LINE or data.startswith(_TOO_LONG, start)
        rest = _TOO_LONG if is_long else data[start:]
    if rest:
        yield rest.removeprefix(mark)


def _parts(block: bytes, keys: Keys, decode: Decode | None) -> Iterator[tuple[int, int, Columns, list[Fault]]]:
    """The lines, the rows, the columns and the faults of a block, in as many parts as keep damage apart."""
    half = block.rfind(b"\n", 0, len(block) // 2) + 1 or block.find(b"\n") + 1
    if plain := _plain_columns(block, keys, decode):
        yield plain[0], plain[0], plain[1], []
    elif len(block) > _LEAF and 0 < half < len(block):
        yield from _parts(block[:half], keys, decode)
        yield from _parts(block[half:], keys, decode)
    else:
        lines = enumerate(block.removesuffix(b"\n").split(b"\n"), start=1)
        read = [rows_of_line(line, number, not block.endswith(b"\n")) for number, line in lines]
        rows = [row for some, _ in read for row in some]
        yield len(read), len(rows), _columns_of(rows, keys), [fault for _, bad in read for fault in bad]


def _plain_columns(block: bytes, keys: Keys, decode: Decode | None) -> tuple[int, Columns] | None:
    """How many lines a healthy block has, one row each, and what they hold."""
    block = block.replace(b"\r\n", b"\n") if block.endswith(b"\r\n") else block
    if not block.endswith(b"}\n") or len(block) > MAX_LINE:
        return None
    codes = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(codes == ord("\n"))  # faster than `bytes.count`
    # Between the braces of two rows, a newline cannot be within a row.
    if not (codes[ends - 1] == ord("}")).all() or not (codes[ends[:-1] + 1] == ord("{")).all():
        return None
    columns = _struct_columns(block, len(ends), keys, decode) if decode and keys else None
    if columns is None and (not decode or len(block) <= _LEAF):
        listed = block[:-1].replace(b"\n", b",").decode("utf-8", "replace")
        rows = _decoded(f"[{listed}]", json.loads)
        columns = _columns_of(rows, keys) if len(rows) == len(ends) and set(map(type, rows)) == {dict} else None
    if columns is None or (_any_is(columns, list, dict) and _n_opening(block) > MAX_DEPTH):
        return None
    return len(ends), columns


def _n_opening(block: bytes) -> int:
    """The most brackets that a line opens."""
    return max(map(len, block.translate(None, _NOT_OPENING).split(b"\n")))


def _any_is(columns: Columns, *kinds: type) -> bool:
    return not all(found.isdisjoint(kinds) for _, _, found in columns.values())


@lru_cache(maxsize=256)
def _decoder(keys: tuple[str, ...]) -> Decode | None:
    """A decoder of a list of rows that leaves other keys out; None without msgspec."""
    names = {f"f{place}": key for place, key in enumerate(keys)}
    fields = [(name, object, _MISSING) for name in names]
    if len(keys) > _FEW_KEYS or re.search("\ufffd|: ", "".join(keys)):  # stands for bytes that are no UTF-8; see below
        return None
    try:
        import msgspec

        row: Any = msgspec.defstruct("Row", fields, rename=names, gc=False)
        return msgspec.json.Decoder(row).decode_lines
    except (ImportError, ValueError):  # the latter for a quote, a backslash or a lone surrogate in a key
        return None


def _struct_columns(block: bytes, n_rows: int, keys: tuple[str, ...], decode: Decode) -> Columns | None:
    """The columns of rows by msgspec, which knows no NaN: it is read as null, which means the same in a curve."""
    has_nan = b"N" in block and b": NaN" in block  # a byte is found ten times faster than a name
    rows = _decoded(block.replace(b": NaN", b": null") if has_nan else block, decode)
    columns = dict(zip(keys, map(_column, _values(rows, len(keys))), strict=True))
    is_altered = has_nan and _any_is(columns, str, list, dict)  # a NaN in a text or below a value stays what it is
    return None if is_altered or len(rows) != n_rows else columns


def _values(rows: list[Any], n_keys: int) -> list[list[Any]]:
    first = [row.f0 for row in rows]  # by name: faster than `attrgetter`
    return [first, *(list(map(attrgetter(f"f{place}"), rows)) for place in range(1, n_keys))] if n_keys > 1 else [first]


def _decoded(block: Any, decode: Decode) -> list[Any]:
    """The rows, if they are all read."""
    try:
        return decode(block)
    except Exception:  # RecursionError, ValueError, or an error of msgspec, which is none before 0.22
        return []


def _columns_of(rows: list[Row], keys: Keys) -> Columns:
    """The columns of rows; many keys in few rows each cost no more than the rows hold."""
    wanted = dict.fromkeys(chain.from_iterable(rows) if keys is None else keys)
    if len(wanted) <= _FEW_KEYS:
        return {key: _column([row.get(key, _MISSING) for row in rows]) for key in wanted}
    found: dict[str, tuple[Any, list[Any]]] = defaultdict(lambda: ([], []))
    for place, row in enumerate(rows):
        for key in filter(wanted.__contains__, row):
            found[key][0].append(place)
            found[key][1].append(row[key])
    return {key: _column(values, at) for key, (at, values) in found.items()}


def _column(values: list[Any], at: list[int] | None = None) -> Column:
    """The values without what rows lack, with the places of the rows that have them, and their types."""
    kinds = set(map(type, values))
    if object not in kinds:
        return at, values, kinds
    at = [place for place, value in enumerate(values) if value is not _MISSING]
    return at, [values[place] for place in at], kinds - {object}


def _joined(parts: list[Column]) -> NDArray[Any]:
    """The curve of consecutive parts, whose type does not depend on where they were cut."""
    values = list(chain.from_iterable(values for _, values, _ in parts))
    return _curve(values, set().union(*(kinds for _, _, kinds in parts)))


def _curve(values: list[Any], kinds: set[type]) -> NDArray[Any]:
    """The values as an array of one type where that tells them; null is NaN, and integers beside floats are floats."""
    dtype = _DTYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
    try:
        if dtype or kinds <= {float, int, type(None)}:
            return np.array(values, dtype or np.float64)
    except OverflowError:  # an integer of more than 64 bits, or larger than any float
        pass
    plain = (math.nan if value is None else shown(value) for value in values)
    return np.fromiter(plain, object, len(values))


def _places(parts: list[tuple[int, Column]]) -> NDArray[np.int64]:
    return np.concatenate([first + np.asarray(at or range(len(values)), np.int64) for first, (at, values, _) in parts])


def rows_of_line(line: bytes, number: int, is_open: bool) -> tuple[list[Row], list[Fault]]:
    """The rows of one line: none where it is blank, several where newlines are missing; and what is wrong with it."""
    if len(line) > MAX_LINE or line.startswith(_TOO_LONG):
        return [], [Fault(number, "line too long", f"more than {MAX_LINE:,} bytes", "all other lines")]
    bare = line.strip(b"\0" + _BLANK)
    text = bare.decode("utf-8", "replace")
    rows, end, reason = _rows_from(text, 0)
    behind = _rows_behind(text, end) if reason else []
    rows += behind
    torn = "torn last line" if is_open and not behind else "torn line"
    kind = torn if rows or text.startswith("{") else "not a row"
    if reason == _DEEP or _is_deep(rows):
        rows, kind, reason = [], "too deep", _DEEP
    kept = "the whole rows in the line" if rows else "all other lines"
    faults = [Fault(number, kind, reason, kept)] if reason else []
    if n_null := len(line.strip(_BLANK)) - len(bare):  # a crash of the system leaves them where nothing was written yet
        kind = "torn last line" if is_open and not rows else "NUL block"
        faults.insert(0, Fault(number, kind, f"{n_null:,} NUL bytes", kept))
    return rows, faults


def _rows_from(text: str, start: int) -> tuple[list[Row], int, str]:
    """The rows from a place on, up to the first that is damaged: where it starts, and what is wrong with it."""
    rows: list[Row] = []
    try:
        while start < len(text):
            row, end = _careful.raw_decode(text, start)
            if type(row) is not dict or len(rows) == MAX_LINE_ROWS:
                raise json.JSONDecodeError(f"no object, or more than {MAX_LINE_ROWS:,} in a line", text, start)
            rows.append(row)
            start = json.decoder.WHITESPACE.match(text, end).end()  # type: ignore[attr-defined]
    except json.JSONDecodeError as error:
        return rows, start, f"{error.msg} at column {error.pos + 1}"
    except RecursionError:
        return rows, start, _DEEP
    return rows, start, ""


def _rows_behind(text: str, torn: int) -> list[Row]:
    """The rows that were written behind a torn start, if they are no values of it."""
    for match in islice(_START.finditer(text, torn + 1), min(_TRIES, _TRY_BYTES // (len(text) + 1) + 2)):
        start = match.start()
        rows, _, reason = _rows_from(text, start)
        key = _FIRST_KEY.match(text, torn, start)
        if not reason and (not key or key[1] in rows[0] or text[:start].rstrip()[-1] not in ":[,"):
            return rows
    return []


def _is_deep(value: Any, levels: int = MAX_DEPTH + 1) -> bool:
    """Whether objects and lists are nested in more levels, that of the list of rows included."""
    inner = value.values() if type(value) is dict else value if type(value) is list else None
    return inner is not None and (not levels or any(_is_deep(each, levels - 1) for each in inner))
