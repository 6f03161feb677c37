# SPDX-License-Identifier: MIT
"""The bytes of a metrics file, one JSON object a line, as curves: by msgspec where it is installed, else by `json`.

Blocks of whole lines are decoded at once. One that is not plainly healthy is halved, and at last read line by line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..disk import Fault
from ..plaintext import shown
from .lines import MAX_DEPTH, MAX_LINE, TOO_LONG, Row, rows_of_line

__all__ = ["Fault", "Keys", "Log", "keys_of", "parse"]

_FEW_KEYS = 256  # that are looked up in each row; more are found by going through the rows
_BLOCK, _LEAF = 1 << 17, 1 << 12  # bytes that are decoded at once; of a damaged block that is not halved again
_SHOWN = 20  # faults, beside the last; the others are counted
_MISSING = object()  # the value of a key that a row lacks
_LACKING, _MARK = (b"NaN", b"Infinity", b"-Infinity"), rb"\u0000"  # numbers that JSON lacks; in texts for them
_DTYPES: dict[type, type] = {float: np.float64, int: np.int64, bool: np.bool_, type(None): np.float64}
_FLOATS, _NUMBERS = {float, type(None)}, {float, int, type(None)}
_NOT_OPENING = bytes(set(range(256)) - set(b"[{\n"))

_BOM = b"\xef\xbb\xbf"
_TWO_ROWS = re.compile(r"\}\s*,\s*\{")
_FOREIGN = re.compile(rb"(?P<JSON_list>\s*\[)|(?P<gzip>\x1f\x8b)|(?P<UTF_16>\xff\xfe|\xfe\xff|[^\0]\0|\0[^\0])")

Keys = tuple[str, ...] | None
Decode = Callable[[bytes], list[Any]]
Columns = dict[str, tuple[list[int] | None, Any]]  # the places of the rows that have a key, None for all; the values
Structs = Callable[[bytes, int], Columns | None]
Part = tuple[int, int, Columns, list[Fault]]  # lines, rows, columns, faults


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
    has_others : bool
        Whether rows have keys that were not asked for; not looked at by all ways unless `parse` is told to.
    """

    curves: dict[str, Any]
    at: dict[str, NDArray[np.int64]]
    n_rows: int
    faults: list[Fault]
    has_others: bool = False

    def rows(self, key: str) -> NDArray[np.int64]:
        """The positions, among all rows, of those that have a key."""
        return self.at[key] if key in self.at else np.arange(self.n_rows)


def parse(data: bytes | Iterable[bytes], keys: Keys = None, *, is_whole: bool = False, fast: bool = True) -> Log:
    r"""Read the rows of a metrics file.

    Parameters
    ----------
    data : bytes or iterable of bytes
        The file, or its consecutive parts, cut anywhere.
    keys : tuple of str, optional
        The keys whose values are wanted; all by default.
    is_whole : bool
        Whether these should be all keys of the log, so that others are to be noticed.
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
    decode = _decoder(keys, is_whole) if fast and keys else None
    if decode and keys and isinstance(data, bytes) and len(data) <= _LEAF and (log := _small_log(data, keys, decode)):
        return log
    structs = partial(_struct_columns, keys=keys, decode=decode) if decode and keys else None
    found: dict[str, list[tuple[int, list[int] | None, Any]]] = {}
    faults: list[Fault] = []
    n_rows = n_lines = n_faults = 0
    head, wanted = b"", None if is_whole else keys
    for block in _blocks((data,) if isinstance(data, bytes) else data, _BLOCK if decode else _BLOCK >> 3):
        for lines, rows, columns, new in _parts(block if head else block.removeprefix(_BOM), wanted, structs):
            for key, (at, values) in columns.items():
                found.setdefault(key, []).append((n_rows, at, values))
            faults += [fault._replace(line=n_lines + (fault.line or 0)) for fault in new]
            del faults[_SHOWN + 1 : -2]
            n_rows, n_lines, n_faults = n_rows + rows, n_lines + lines, n_faults + len(new)
        head = head or block[:64]
    asked = found if keys is None else [key for key in keys if key in found]
    curves = {key: _joined([values for _, _, values in found[key]]) for key in asked}
    places = {key: _places(found[key]) for key, curve in curves.items() if len(curve) < n_rows}
    has_others = is_whole and len(found) > len(curves)
    return Log(curves, places, n_rows, _summed(faults, n_faults, n_rows, n_lines, head), has_others)


def keys_of(data: bytes | Iterable[bytes]) -> list[str]:
    r"""List the keys of the rows of a metrics file, in the order in which they are first seen.

    Examples
    --------
    >>> keys_of(b'{"loss": 0.5}\n{"loss": 0.4, "note": "slow"}\n')
    ['loss', 'note']
    """
    return list(parse(data).curves)


def _small_log(data: bytes, keys: tuple[str, ...], decode: Decode) -> Log | None:
    """A small flat log whose rows all have the keys, in a third of the time; None where it must be looked at closer."""
    n_rows = data.count(b"\n")
    if b"[" in data or data[-2:] != b"}\n" or not n_rows == data.count(b"{") == data.count(b"}\n{") + 1:
        return None
    columns = _values(_decoded(data, decode), len(keys))
    curves = {key: _array(values, set(map(type, values))) for key, values in zip(keys, columns, strict=True)}
    return None if list in map(type, curves.values()) else Log(curves, {}, n_rows, [])


def _summed(faults: list[Fault], n_faults: int, n_rows: int, n_lines: int, head: bytes) -> list[Fault]:
    """The first faults, one that counts the others, and the last; or one for a file of which no line is a row."""
    foreign = _FOREIGN.match(head)
    if faults and not n_rows and (foreign or n_faults > 1):  # else it may be a first row that is still written
        found = f"the file looks like {foreign.lastgroup}" if foreign else f"none of its {n_lines:,} lines is a row"
        return [Fault(None, "not json lines", f"{found}; the first fault: {faults[0].reason}", "nothing")]
    if n_faults > _SHOWN + 1:
        reason = f"{n_faults - _SHOWN - 1:,} further faults, up to line {faults[-2].line}"
        faults[_SHOWN:-1] = [Fault(None, "further faults", reason, "all other lines")]
    return faults


def _blocks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Whole lines, some at once, and at last the line without a newline; of a line that is too long, what it is."""
    rest = b""
    for piece in pieces:
        data, start = rest + piece, 0
        while stop := data.find(b"\n", start + size) + 1 or data.rfind(b"\n", start) + 1:
            yield data[start:stop]
            start = stop
        is_long = len(data) - start > MAX_LINE or data.startswith(TOO_LONG, start)
        rest = TOO_LONG if is_long else data[start:]
    if rest:
        yield rest


def _parts(block: bytes, keys: Keys, structs: Structs | None) -> Iterator[Part]:
    """What a block holds, in as many parts as it takes to keep damage apart."""
    half = block.rfind(b"\n", 0, len(block) // 2) + 1 or block.find(b"\n") + 1
    if part := _plain_part(block, keys, structs):
        yield part
    elif len(block) > _LEAF and 0 < half < len(block):
        yield from _parts(block[:half], keys, structs)
        yield from _parts(block[half:], keys, structs)
    else:
        lines = enumerate(block.removesuffix(b"\n").split(b"\n"), start=1)
        read = [rows_of_line(line, number, not block.endswith(b"\n")) for number, line in lines]
        rows = [row for some, _ in read for row in some]
        yield len(read), len(rows), _columns_of(rows, keys), [fault for _, bad in read for fault in bad]


def _plain_part(block: bytes, keys: Keys, structs: Structs | None) -> Part | None:
    """What a block of healthy lines holds: by msgspec, or by `json` where there is none or the block is small."""
    if b"\r" in block:  # as Windows ends lines, MLXP there with two of them
        block = block.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n")
    n_lines = _n_plain_lines(block)
    found = structs(block, n_lines) if structs and n_lines else None
    if n_lines and found is None and (not structs or len(block) <= _LEAF) and (rows := _rows_of(block, n_lines)):
        found = _columns_of(rows, keys)
    return None if found is None else (n_lines, n_lines, found, [])


def _n_plain_lines(block: bytes) -> int:
    """How many lines there are, if each is one object or more and none may be nested too deep; else 0."""
    if not block.startswith(b"{") or not block.endswith(b"}\n") or len(block) > MAX_LINE:
        return 0
    codes = np.frombuffer(block, np.uint8)  # compared many times faster than `bytes.count` counts
    is_end, is_open = codes == ord("\n"), codes | 32 == ord("{")  # the latter also of "["
    n_lines = int(np.count_nonzero(is_end))
    n_seams = np.count_nonzero(is_end[1:-1] & is_open[2:] & (codes[:-2] == ord("}")))
    is_flat = (
        np.count_nonzero(is_open) < n_lines + MAX_DEPTH
        or np.diff(np.flatnonzero(is_end), prepend=-1).max() <= 2 * MAX_DEPTH
        or max(map(len, block.translate(None, _NOT_OPENING).split())) <= MAX_DEPTH
    )
    return n_lines if is_flat and n_seams == n_lines - 1 else 0


@lru_cache(maxsize=256)
def _decoder(keys: tuple[str, ...], is_whole: bool) -> Decode | None:
    """A decoder of lines, which refuses other keys where these should be all; None without msgspec."""
    names = {f"f{place}": key for place, key in enumerate(keys)}
    fields = [(name, object, _MISSING) for name in names]
    if len(keys) > _FEW_KEYS or "\ufffd" in "".join(keys):  # which stands for bytes that are no UTF-8
        return None
    try:
        import msgspec

        struct = msgspec.defstruct("Row", fields, rename=names, gc=False, forbid_unknown_fields=is_whole)
        return msgspec.json.Decoder(struct).decode_lines
    except (ImportError, ValueError):  # the latter for a quote, a backslash or a lone surrogate in a key
        return None


def _struct_columns(block: bytes, n_rows: int, keys: tuple[str, ...], decode: Decode) -> Columns | None:
    """The columns of rows by msgspec, which has no NaN and no infinities: they are read as texts."""
    rows = _decoded(block, decode)
    changed = b"" if rows else _with_texts(block)
    rows = rows or _decoded(changed, decode)
    if len(rows) != n_rows:
        return None
    columns = _values(rows, len(keys))
    if changed and any({list, dict} & set(map(type, values)) for values in columns):
        return None
    if changed:
        columns = [[_meant(value) if type(value) is str else value for value in values] for values in columns]
    return _columns({key: (None, values) for key, values in zip(keys, columns, strict=True)})


def _decoded(block: bytes, decode: Decode) -> list[Any]:
    """The rows, if msgspec takes them all."""
    try:
        return decode(block)
    except Exception:  # RecursionError, or an error of msgspec, which is a ValueError only from 0.22 on
        return []


def _values(rows: list[Any], n_keys: int) -> list[list[Any]]:
    others = [list(map(attrgetter(f"f{place}"), rows)) for place in range(1, n_keys)] if n_keys > 1 else []
    return [[row.f0 for row in rows], *others]  # faster than `attrgetter`


def _with_texts(block: bytes) -> bytes:
    """The lines with a text for each number that JSON lacks; empty where there is none, or a text may look like one."""
    changed = block  # within a text, what is replaced gives no JSON
    for name in _LACKING:
        if name.strip(b"-")[:1] in block:  # a byte is found ten times faster than a name
            changed = changed.replace(b": " + name, b': "' + _MARK + name + b'"')
    return b"" if _MARK in block or len(changed) == len(block) else changed


def _meant(text: str) -> str | float:
    return float(text[1:]) if text[:1] == "\0" else text


def _rows_of(block: bytes, n_lines: int) -> list[Row]:
    """The rows of plain lines by `json`, as one list; none where a line may hold a comma between two rows."""
    text = block.decode("utf-8", "replace").removesuffix("\n")
    try:
        rows = [] if _TWO_ROWS.search(text) else json.loads(f"[{text.replace(chr(10), ',')}]")
    except (ValueError, RecursionError):
        return []
    return rows if len(rows) == n_lines and set(map(type, rows)) == {dict} else []


def _columns_of(rows: list[Row], keys: Keys) -> Columns:
    """The columns of rows; many keys in few rows each cost no more than the rows hold."""
    wanted = dict.fromkeys(chain.from_iterable(rows) if keys is None else keys)
    if len(wanted) <= _FEW_KEYS:
        return _columns({key: (None, [row.get(key, _MISSING) for row in rows]) for key in wanted})
    found: dict[str, tuple[Any, list[Any]]] = {}
    for place, row in enumerate(rows):
        for key in filter(wanted.__contains__, row):
            at, values = found.get(key) or found.setdefault(key, ([], []))
            at.append(place)
            values.append(row[key])
    return _columns(found)


def _columns(found: Columns) -> Columns:
    """The columns without what rows lack; as arrays where these tell the values as written, wherever a file is cut."""
    columns: Columns = {}
    for key, (at, values) in found.items():
        kinds = set(map(type, values))
        if object in kinds:
            places = [place for place, value in enumerate(values) if value is not _MISSING]
            columns[key] = places, _array([values[place] for place in places], kinds - {object})
        else:
            columns[key] = at, _array(values, kinds)
    return {key: column for key, column in columns.items() if len(column[1])}


def _array(values: list[Any], kinds: set[type], is_whole: bool = False) -> Any:
    """The values as an array; in part of a curve only where it does not matter what the other parts are."""
    dtype = _DTYPES.get(next(iter(kinds))) if len(kinds) == 1 else None
    if not dtype and (kinds == _FLOATS or (is_whole and kinds <= _NUMBERS)):
        dtype = np.float64
    try:
        if dtype:
            return np.array(values, dtype)
    except OverflowError:  # an integer of more than 64 bits, or larger than any float
        pass
    plain = (math.nan if value is None else shown(value) for value in values)
    return np.fromiter(plain, object, len(values)) if is_whole else values


def _joined(parts: list[Any]) -> Any:
    """The curve of consecutive parts."""
    kinds = {part.dtype.kind if isinstance(part, np.ndarray) else "O" for part in parts}
    if kinds <= {"i", "f"} or kinds == {"b"}:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    values = [value for part in parts for value in (part.tolist() if isinstance(part, np.ndarray) else part)]
    return _array(values, set(map(type, values)), is_whole=True)


def _places(parts: list[tuple[int, list[int] | None, Any]]) -> NDArray[np.int64]:
    return np.concatenate([first + np.asarray(at or range(len(values)), np.int64) for first, at, values in parts])
