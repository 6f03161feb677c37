# SPDX-License-Identifier: MIT
"""The bytes of a metrics file into curves: exact, tolerant line by line, fast where all lines are healthy.

A file is read in chunks of whole lines. A chunk of healthy lines takes a fast way: msgspec where it is installed (the
extra `fast`), else the scanner of the standard library. Whatever is not plainly healthy is read line by line
(`rowtext`). All ways give the same curves and the same faults; the tests compare them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .curvetypes import curve_of, joined, uniform_curve_of
from .rowchunks import Engine, Rows, Values, even_columns, rows_of
from .rowstructs import has_nonfinite
from .rowtext import Fault, Row, healthy_row, read_line

__all__ = ["Engine", "Fault", "LogRows", "joined_logs", "keys_of", "last_values", "parse", "parse_many"]

_CHUNK = 4 * 2**20  # bytes; bounds the memory for rows that are read and not yet curves
_SHOWN_FAULTS = 20  # a file; the others are counted
_MANY_ROWS = np.arange(1 << 14)
_MANY_ROWS.flags.writeable = False
_BOM = b"\xef\xbb\xbf"


class LogRows(NamedTuple):
    """What a metrics file, or a part of it, holds.

    Attributes
    ----------
    curves : dict of str to ndarray of shape (n_values,)
        The values of each key, of the rows that have it, in order; dtypes as `curvetypes.curve_of`.
        A key that no row has is missing.
    rows : dict of str to ndarray of int64 of shape (n_values,)
        The position, among the `n_rows` rows, of each of these values. Read only: keys share it.
    n_rows : int
        Healthy rows, those rescued from damaged lines included.
    faults : list of Fault
        `(line, kind, reason, kept)`, at most 20 and one that counts the others.
    end : int
        Bytes up to and including the last newline: where the next part begins when the file grows. The whole length
        when the line after it is a row already.
    others : tuple of str, optional
        The other keys that rows have, besides those that were asked for; None where nobody looked.
    """

    curves: dict[str, NDArray[Any]]
    rows: dict[str, NDArray[np.int64]]
    n_rows: int
    faults: list[Fault]
    end: int
    others: tuple[str, ...] | None = None


def parse(data: bytes, keys: Collection[str] | None = None, *, first_line: int = 1, engine: Engine = "auto") -> LogRows:
    r"""Read the rows of a metrics file: one JSON object a line, as `json.dump` writes it.

    Parameters
    ----------
    data : bytes
        The file, or a part of it that begins at the start of a line.
    keys : collection of str, optional
        The keys whose values are wanted; all by default.
    first_line : int
        Number of the first line, for the faults.
    engine : {"auto", "fast", "stdlib"}
        `auto` uses msgspec where it is installed. The results do not depend on it.

    Returns
    -------
    LogRows

    Raises
    ------
    MissingDependencyError
        `engine="fast"` without msgspec.

    Examples
    --------
    >>> log = parse(b'{"loss": 0.5, "epoch": 0}\n{"loss": NaN, "epoch": 1}\n{"lo', ["loss"])
    >>> log.curves["loss"], log.n_rows
    (array([0.5, nan]), 2)
    >>> log.faults[0].kind, log.faults[0].line
    ('torn last line', 3)
    """
    wanted = None if keys is None else list(dict.fromkeys(keys))
    pieces = list(_pieces(data, len(_BOM) if first_line == 1 and data.startswith(_BOM) else 0))
    parts = list(_parts(data, pieces, wanted, first_line, engine))
    n_rows = sum(part.n_rows for part in parts)
    faults = [fault for part in parts for fault in part.faults]
    is_open_row = bool(parts) and pieces[-1].is_open and parts[-1].n_rows > 0
    seen = dict.fromkeys(chain.from_iterable(part.values for part in parts))
    found = list(seen) if wanted is None else [key for key in wanted if key in seen]
    return LogRows(
        curves={key: _curve(data, key, pieces, parts) for key in found},
        rows={key: _positions(key, parts) for key in found},
        n_rows=n_rows,
        faults=_bounded(faults) if n_rows or first_line > 1 else _of_no_rows(data, faults),
        end=len(data) if is_open_row else data.rfind(b"\n") + 1,
    )


def parse_many(datas: Sequence[bytes], keys: Sequence[str], *, engine: Engine = "auto") -> list[LogRows]:
    r"""Read many files, as `[parse(data, keys) for data in datas]` does; small healthy ones all at once.

    Parameters
    ----------
    datas : sequence of bytes
    keys : sequence of str
        Each once.
    engine : {"auto", "fast", "stdlib"}

    Returns
    -------
    list of LogRows

    Examples
    --------
    >>> [log.n_rows for log in parse_many([b'{"a": 1}\n', b'{"a": 1}\n{"a": 2}\n'], ["a"])]
    [1, 2]
    """
    are_odd = [not data.endswith(b"\n") or has_nonfinite(data) for data in datas]
    if not any(are_odd):
        return _parse_alike(datas, keys, engine)
    alike = iter(_parse_alike([data for data, is_odd in zip(datas, are_odd, strict=True) if not is_odd], keys, engine))
    return [
        parse(data, keys, engine=engine) if is_odd else next(alike) for data, is_odd in zip(datas, are_odd, strict=True)
    ]


def _parse_alike(datas: Sequence[bytes], keys: Sequence[str], engine: Engine) -> list[LogRows]:
    """The same for files of whole lines, all at once if they are healthy."""
    counts = [data.count(b"\n") for data in datas]
    columns = even_columns(b"".join(datas), keys, sum(counts), engine) if len(datas) > 1 else None
    if columns is None:
        return [parse(data, keys, engine=engine) for data in datas]
    curves = zip(*(_cut(columns[key], counts) for key in keys), strict=True) if keys else [()] * len(datas)
    rows = {n_rows: dict.fromkeys(keys, _all_rows(n_rows)) for n_rows in set(counts)}
    return [
        LogRows(dict(zip(keys, parts, strict=True)), rows[n_rows], n_rows, [], len(data))
        for data, n_rows, parts in zip(datas, counts, curves, strict=True)
    ]


def joined_logs(first: LogRows, second: LogRows) -> LogRows | None:
    r"""Join two consecutive parts of a log; None where only the whole file tells a curve's dtype.

    Examples
    --------
    >>> parts = [parse(b'{"a": 1}\n'), parse(b'{"a": 2, "b": 3}\n')]
    >>> log = joined_logs(*parts)
    >>> log.curves["a"], log.curves["b"], log.rows["b"]
    (array([1, 2]), array([3]), array([1]))
    """
    curves: dict[str, NDArray[Any]] = {}
    rows: dict[str, NDArray[np.int64]] = {}
    for key in first.curves | second.curves:
        parts = [log for log in (first, second) if key in log.curves]
        curve = joined([log.curves[key] for log in parts])
        if curve is None:
            return None
        curves[key] = curve
        rows[key] = np.concatenate([log.rows[key] + (0 if log is first else first.n_rows) for log in parts])
        rows[key].flags.writeable = False
    faults = [fault for fault in first.faults if fault.kind != "torn last line"] + second.faults
    return LogRows(curves, rows, first.n_rows + second.n_rows, faults, first.end + second.end, first.others)


def keys_of(data: bytes) -> list[str]:
    r"""The keys of the rows of a metrics file, in the order in which they are first seen.

    Examples
    --------
    >>> keys_of(b'{"loss": 0.5}\n{"loss": 0.4, "note": "slow"}\n')
    ['loss', 'note']
    """
    row = healthy_row(data)  # of one line, most often
    return list(parse(data).curves if row is None else row)


def last_values(data: bytes, keys: Collection[str], *, is_whole: bool) -> tuple[Row, list[Fault]]:
    r"""The last value of each key in the end of a metrics file, as written.

    Parameters
    ----------
    data : bytes
        The file, or its end.
    keys : collection of str
    is_whole : bool
        False where `data` may begin inside a line: then its first line is left out.

    Returns
    -------
    values : dict
        Without the keys that no row in `data` has.
    faults : list of Fault
        Of the lines that were looked at, without line numbers.

    Examples
    --------
    >>> last_values(b'25}\n{"loss": 0.5, "note": "slow"}\n{"loss": 0.4}\n', ["loss", "note"], is_whole=False)
    ({'loss': 0.4, 'note': 'slow'}, [])
    """
    end = data.rfind(b"\n", 0, -1) + 1
    last = healthy_row(data[end:]) if end or is_whole else None
    if last is not None and all(key in last for key in keys):
        return {key: last[key] for key in keys}, []
    start = 0 if is_whole else data.find(b"\n") + 1 or len(data)
    values: Row = {}
    faults: list[Fault] = []
    stop = len(data)
    while stop > start and len(values) < len(keys):
        begin = max(data.rfind(b"\n", start, stop), start - 1) + 1
        rows, new = read_line(data[begin:stop], 0, keys=keys, is_open=stop == len(data))
        faults[:0] = [fault._replace(line=None) for fault in new]
        for row in reversed(rows):
            values = {key: row[key] for key in keys if key in row} | values
        stop = begin - 1
    return values, faults


def _cut(values: Values, counts: Sequence[int]) -> list[NDArray[Any]]:
    """The curves of consecutive files, each with a dtype of its own."""
    whole = uniform_curve_of(values)
    spans = [slice(stop - count, stop) for stop, count in zip(accumulate(counts), counts, strict=True)]
    return [curve_of(values[span]) for span in spans] if whole is None else [whole[span] for span in spans]


def _all_rows(n_rows: int) -> NDArray[np.int64]:
    """The positions of all rows; of most logs cut from one array."""
    rows = _MANY_ROWS[:n_rows] if n_rows <= len(_MANY_ROWS) else np.arange(n_rows)
    rows.flags.writeable = False
    return rows


class _Piece(NamedTuple):
    """Where a part of the bytes is: whole lines, or the last line without its newline."""

    start: int
    stop: int
    is_open: bool


def _pieces(data: bytes, start: int) -> Iterator[_Piece]:
    end = data.rfind(b"\n") + 1
    while start < end:
        stop = end if end - start <= _CHUNK else data.find(b"\n", start + _CHUNK) + 1 or end
        yield _Piece(start, stop, is_open=False)
        start = stop
    if start < len(data):
        yield _Piece(start, len(data), is_open=True)


def _parts(data: bytes, pieces: Sequence[_Piece], keys: list[str] | None, line: int, engine: Engine) -> Iterator[Rows]:
    for start, stop, is_open in pieces:
        part = data[start:stop]
        yield _compact(rows_of(part, keys, line, is_open=is_open, engine=engine))
        line += part.count(b"\n") if stop < len(data) else 0


def _compact(part: Rows) -> Rows:
    """The part with arrays for lists, which hold the same in a quarter of the memory."""
    return part._replace(values={key: curve_of(values) for key, values in part.values.items()})


def _curve(data: bytes, key: str, pieces: Sequence[_Piece], parts: Sequence[Rows]) -> NDArray[Any]:
    """The curve of a key over all parts."""
    curves = [np.asarray(part.values[key]) for part in parts if key in part.values]
    curve = curves[0] if len(curves) == 1 else joined(curves)
    return curve if curve is not None else _curve_as_written(data, key, pieces)


def _curve_as_written(data: bytes, key: str, pieces: Sequence[_Piece]) -> NDArray[Any]:
    """The curve of a key whose parts have dtypes that do not tell the values as they are written."""
    parts = (rows_of(data[start:stop], [key], 1, is_open=is_open, engine="stdlib") for start, stop, is_open in pieces)
    return curve_of([value for part in parts for value in part.values.get(key, [])])


def _positions(key: str, parts: Sequence[Rows]) -> NDArray[np.int64]:
    """The positions of the rows that have a key."""
    if all(key in part.values and key not in part.at for part in parts):
        return _all_rows(sum(part.n_rows for part in parts))
    places = []
    first = 0
    for part in parts:
        if key in part.values:
            places.append(first + np.array(part.at.get(key, range(part.n_rows)), dtype=np.int64))
        first += part.n_rows
    rows = np.concatenate(places)
    rows.flags.writeable = False
    return rows


def _bounded(faults: list[Fault]) -> list[Fault]:
    """The first faults, and one that counts the others."""
    if len(faults) <= _SHOWN_FAULTS + 1:
        return faults
    shown, rest = faults[:_SHOWN_FAULTS], faults[_SHOWN_FAULTS:-1]
    reason = f"{len(rest):,} further faults, up to line {rest[-1].line}"
    return [*shown, Fault(None, "further faults", reason, "all other lines"), faults[-1]]


def _of_no_rows(data: bytes, faults: list[Fault]) -> list[Fault]:
    """One fault for a file of which no line is a row, but for a first row that may still be written."""
    looks_like = _looks_like(data)
    if not faults or (len(faults) == 1 and not looks_like):
        return faults
    n_lines = data.count(b"\n") + (not data.endswith(b"\n"))
    found = f"the file looks like {looks_like}" if looks_like else f"none of its {n_lines:,} lines is a row"
    return [Fault(None, "not json lines", f"{found}; the first fault: {faults[0].reason}", "nothing")]


def _looks_like(data: bytes) -> str:
    head = data[:64]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_every_second_nul(head):
        return "UTF-16 text"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    return "one JSON list" if head.lstrip().startswith(b"[") else ""


def _is_every_second_nul(head: bytes) -> bool:
    even, odd = set(head[::2]), set(head[1::2])
    return (even == {0}) != (odd == {0})
