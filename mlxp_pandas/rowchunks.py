# SPDX-License-Identifier: MIT
"""Many lines of a metrics file at once: the values of each key, by the fastest way that these lines allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from .errors import MissingDependencyError
from .plainrows import plain_rows
from .rowstructs import Decoded, Values, decoded_rows, is_installed
from .rowtext import MAX_DEPTH, MAX_DIGITS, MAX_LINE_BYTES, Fault, Row, has_each_key_once, read_line, scan_row

__all__ = ["Engine", "Rows", "Values", "even_columns", "rows_of"]

Engine = Literal["auto", "fast", "stdlib"]
Columns = tuple[dict[str, Values], dict[str, list[int]]]

_FEW_KEYS = 8
_MANY_BYTES = 1 << 15  # where reading lines side by side begins to pay


class Rows(NamedTuple):
    """The rows of some lines.

    Attributes
    ----------
    n_rows : int
    values : dict of str to list or ndarray
        Values of each key, of the rows that have it.
    at : dict of str to list of int
        The positions of these rows; only of keys that some rows lack.
    faults : list of Fault
    """

    n_rows: int
    values: dict[str, Values]
    at: dict[str, list[int]]
    faults: list[Fault]


def rows_of(
    data: bytes, keys: Sequence[str] | None, line: int, *, is_open: bool = False, engine: Engine = "auto"
) -> Rows:
    """Read lines; `keys` and `engine` as in `jsonlines.parse`.

    Parameters
    ----------
    data : bytes
        Lines, each with its newline; or, where `is_open`, one line without.
    keys : sequence of str or None
    line : int
        Number of the first line.
    is_open : bool
    engine : {"auto", "fast", "stdlib"}

    Returns
    -------
    Rows
    """
    if engine == "fast" and not is_installed():
        raise MissingDependencyError('engine="fast" needs msgspec. Install it: pip install "mlxp_pandas[fast]"')
    if is_open:
        rows, faults = read_line(data, line, keys=keys, is_open=True)
        return Rows(len(rows), *_columns(rows, keys), faults)
    if keys is not None:
        decoded = _decoded(data, keys, engine)
        if decoded is not None:
            return Rows(*decoded, [])
    rows, faults = _scanned(data, keys, line)
    return Rows(len(rows), *_columns(rows, keys), faults)


def even_columns(data: bytes, keys: Sequence[str], n_lines: int, engine: Engine) -> dict[str, Values] | None:
    """The values of each key, as written, where each line is plainly one row that has all the keys; else None."""
    decoded = _decoded(data, keys, engine, as_written=True)
    if decoded is not None:
        values, at = decoded.values, decoded.at
    else:
        lines, rows, odd = _scan(data)
        if odd or len(lines) != n_lines:
            return None
        values, at = _columns(rows, keys)
    return values if not at and len(values) == len(keys) else None


def _decoded(data: bytes, keys: Sequence[str], engine: Engine, *, as_written: bool = False) -> Decoded | None:
    """The rows of healthy lines by the fast ways, where one of them gives an answer."""
    if len(data) >= _MANY_BYTES:
        plain = plain_rows(data, keys, as_written=as_written)
        if plain is not None:
            n_rows, curves = plain
            return Decoded(n_rows, {key: curves[key] for key in keys if key in curves}, {})
    return decoded_rows(data, keys, as_written=as_written) if engine != "stdlib" else None


def _scanned(data: bytes, keys: Sequence[str] | None, first_line: int) -> tuple[list[Row], list[Fault]]:
    """The rows by the standard library; each line that is not plainly healthy by `read_line`."""
    lines, values, odd = _scan(data)
    return _mended(lines, values, sorted(odd), keys, first_line)


def _scan(data: bytes) -> tuple[list[str], list[Any], set[int]]:
    """The lines, one value each, and the places of the lines that are not plainly one row."""
    try:
        text, has_odd_bytes = data.decode("utf-8"), False
    except UnicodeDecodeError:
        text, has_odd_bytes = data.decode("utf-8", "surrogateescape"), True
    lines = text.removesuffix("\n").split("\n")
    if "\r" in text:
        lines = [line.rstrip("\r") for line in lines]
    values, odd = _scan_lines(lines)
    odd |= _over_limits(text, lines)
    odd |= _with_keys_twice(text, lines, values)
    if has_odd_bytes:
        odd.update(place for place, line in enumerate(lines) if not line.isascii())
    return lines, values, odd


def _scan_lines(lines: list[str]) -> tuple[list[Any], set[int]]:
    values: list[Any] = []
    odd: set[int] = set()
    for line in lines:
        try:
            value, end = scan_row(line, 0)
        except (StopIteration, ValueError, RecursionError):
            value, end = None, -1
        if end != len(line) or value.__class__ is not dict:
            odd.add(len(values))
        values.append(value)
    return values, odd


def _over_limits(text: str, lines: list[str]) -> set[int]:
    """The places of lines that may be over a limit which the scanner does not know."""
    odd: set[int] = set()
    if text.count("{") + text.count("[") > len(lines) + MAX_DEPTH:
        odd = _places(line.count("{") + line.count("[") > MAX_DEPTH for line in lines)
    if max(map(len, lines)) > min(MAX_DIGITS, MAX_LINE_BYTES):
        odd |= _places(len(line) > MAX_DIGITS for line in lines)
    return odd


def _with_keys_twice(text: str, lines: list[str], values: list[Any]) -> set[int]:
    """The places of rows that may write a key twice."""
    sizes = [len(value) if value.__class__ is dict else 0 for value in values]
    if has_each_key_once(text, sum(sizes)):
        return set()
    return _places(not has_each_key_once(line, size) for line, size in zip(lines, sizes, strict=True))


def _places(flags: Iterable[bool]) -> set[int]:
    return {place for place, flag in enumerate(flags) if flag}


def _mended(
    lines: list[str], values: list[Any], odd: list[int], keys: Sequence[str] | None, first_line: int
) -> tuple[list[Row], list[Fault]]:
    """The rows, with what `read_line` finds in the odd lines in their place."""
    rows: list[Row] = []
    faults: list[Fault] = []
    done = 0
    for place in odd:
        found, new = read_line(lines[place].encode("utf-8", "surrogateescape"), first_line + place, keys=keys)
        rows += values[done:place]
        rows += found
        faults += new
        done = place + 1
    return rows + values[done:], faults


def _columns(rows: list[Row], keys: Sequence[str] | None) -> Columns:
    """The values of each key, and their positions where some rows lack it."""
    wanted = keys if keys is not None else list(rows[0]) if rows else []
    if keys is not None or all(len(row) == len(wanted) for row in rows):
        try:
            return {key: list(map(itemgetter(key), rows)) for key in wanted if rows}, {}
        except KeyError:
            pass
    return _few_columns(rows, wanted) if keys is not None and len(keys) <= _FEW_KEYS else _uneven_columns(rows, keys)


def _few_columns(rows: list[Row], keys: Sequence[str]) -> Columns:
    """The same, key by key."""
    at = {key: [place for place, row in enumerate(rows) if key in row] for key in keys}
    values: dict[str, Values] = {key: [rows[place][key] for place in places] for key, places in at.items() if places}
    return values, {key: at[key] for key in values if len(at[key]) < len(rows)}


def _uneven_columns(rows: list[Row], keys: Sequence[str] | None) -> Columns:
    """The same, row by row, so that many keys in few rows each cost no more than the rows hold."""
    wanted = dict.fromkeys(keys if keys is not None else chain.from_iterable(rows))
    values: dict[str, Values] = {}
    at: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        for key in filter(wanted.__contains__, row):
            values.setdefault(key, []).append(row[key])  # type: ignore[union-attr]
            at.setdefault(key, []).append(place)
    found = [key for key in wanted if key in values]
    return {key: values[key] for key in found}, {key: at[key] for key in found if len(at[key]) < len(rows)}
