# SPDX-License-Identifier: MIT
"""The extra `fast`: many healthy lines at once by msgspec, only the values of the wanted keys.

msgspec is as strict as the standard library and keeps integers of any size, with these exceptions: it reads on over
newlines, takes several rows on one line and bytes that are not UTF-8, keeps the last of a key that is written twice,
and knows neither NaN nor Infinity. Each of them is looked for, and lines in which one can matter are left to the
standard library. `tests/test_jsonlines.py` compares the two on generated and on damaged lines.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .rowtext import MAX_DEPTH, MAX_DIGITS, MAX_LINE_BYTES

__all__ = ["Decoded", "Values", "decoded_rows", "has_nonfinite", "is_installed"]

Values = list[Any] | NDArray[np.float64]

_MOST_KEYS = 256
_SMALL = 1 << 13  # bytes; below, counting by `bytes` beats numpy
_EXACT = 2.0**53  # below, every integer is a float64
_STRIDE = 257  # bytes; prime, so that it falls out of step with lines of equal length
_DIGITS = bytes(ord("9") if chr(code).isdigit() and code < 128 else ord(" ") for code in range(256))
_FLOAT = re.compile(rb"[ \t\r]*-?\d+\.\d")
_PLAIN_KEY = re.compile(r"[ !#-\[\]-~]+")  # ASCII without quote and backslash, as it stands between quotes
_STAND_INS = ((b": NaN", b": null"), (b": -Infinity", b": false"), (b": Infinity", b": true"))
_MEANT = {None: math.nan, False: -math.inf, True: math.inf}


class Decoded(NamedTuple):
    """The rows of healthy lines: one a line; as in `rowchunks.Rows`."""

    n_rows: int
    values: dict[str, Values]
    at: dict[str, list[int]]


@functools.cache
def is_installed() -> bool:
    """Whether msgspec can be imported."""
    try:
        import msgspec
    except ImportError:
        return False
    return hasattr(msgspec, "json")


def decoded_rows(data: bytes, keys: Sequence[str], *, as_written: bool = False) -> Decoded | None:
    r"""Read whole lines if all of them are plainly healthy.

    Parameters
    ----------
    data : bytes
        Lines, each with its newline.
    keys : sequence of str
        The wanted keys, each once.
    as_written : bool
        Integers among floats stay integers. Else a curve may already be the float64 array that it would become.

    Returns
    -------
    Decoded or None
        None where the lines, or the keys, are for the standard library; also where msgspec is not installed.

    Examples
    --------
    >>> decoded = decoded_rows(b'{"loss": 0.5, "epoch": 0}\n', ["loss"])
    >>> decoded is None or decoded.values["loss"]
    array([0.5])
    """
    if not is_installed() or not _are_plain(tuple(keys)) or not _are_healthy(data):
        return None
    if has_nonfinite(data):
        standing_in = _with_stand_ins(data)
        return None if standing_in is None else _columns(standing_in, tuple(keys), frozenset(), _meant)
    floats = frozenset(() if as_written else (key for key in keys if _begins_with_float(data, key)))
    decoded = _columns(data, tuple(keys), floats)
    return _columns(data, tuple(keys), frozenset()) if decoded is None and floats else decoded


def has_nonfinite(data: bytes) -> bool:
    """Whether lines may hold NaN or Infinity, which JSON does not know."""
    return (b"N" in data and b"NaN" in data) or (b"I" in data and b"Infinity" in data)


@functools.lru_cache(maxsize=256)
def _are_plain(keys: tuple[str, ...]) -> bool:
    return len(keys) <= _MOST_KEYS and all(_PLAIN_KEY.fullmatch(key) and "NaN" not in key for key in keys)


def _are_healthy(data: bytes) -> bool:
    """Whether the lines can be left to msgspec, if it accepts them. A backslash could hide a key."""
    return (
        data.endswith(b"\n")
        and b"\\" not in data
        and len(data) <= MAX_LINE_BYTES
        and (b"[" not in data or data.count(b"[") <= MAX_DEPTH)
        and _is_one_object_a_line(data)
        and (len(data) <= MAX_DIGITS or not _may_hold_long_integers(data))
        and (data.isascii() or _is_utf8(data))
    )


def _is_one_object_a_line(data: bytes) -> bool:
    """Whether braces open at the start of each line and nowhere else: then no object is nested, split or beside one."""
    if len(data) < _SMALL:
        count = data.count(b"{")
        return data[0] == 0x7B and data.count(b"\n") == count and data.count(b"\n{") == count - 1
    codes = np.frombuffer(data, dtype=np.uint8)
    braces, ends = codes == 0x7B, codes == 0x0A
    return bool(braces[0]) and np.array_equal(braces[1:], ends[:-1])


def _may_hold_long_integers(data: bytes) -> bool:
    """Whether there may be a run of more than MAX_DIGITS digits, judged by every 257th byte."""
    return b"9" * (MAX_DIGITS // _STRIDE) in data[::_STRIDE].translate(_DIGITS)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _with_stand_ins(data: bytes) -> bytes | None:
    """The lines with null, true and false for NaN and the infinities, where they hold neither these nor any text."""
    if b"null" in data or b"true" in data or b"false" in data or data.count(b'"') != 2 * data.count(b'":'):
        return None
    for value, stand_in in _STAND_INS:
        data = data.replace(value, stand_in)
    return data


def _meant(values: list[Any]) -> list[Any]:
    return [_MEANT[value] if value is None or value.__class__ is bool else value for value in values]


def _begins_with_float(data: bytes, key: str) -> bool:
    """Whether the first value of a key is written as a float: then at least one is."""
    name = f'"{key}":'.encode()
    at = data.find(name)
    return at >= 0 and _FLOAT.match(data, at + len(name)) is not None


def _columns(
    data: bytes, keys: tuple[str, ...], floats: frozenset[str], meant: Callable[[list[Any]], list[Any]] | None = None
) -> Decoded | None:
    """The values of each key; None where msgspec, or a look at what it gave, refuses."""
    try:
        decoder, missing = _decoder(keys, floats)
        rows = decoder.decode_lines(data)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None
    values: dict[str, Values] = {}
    at: dict[str, list[int]] = {}
    for place, key in enumerate(keys):
        present, places = _column(rows, attrgetter(f"f{place}"), key in floats, missing)
        if present is None:
            return None
        if len(present):
            values[key] = meant(present) if meant else present
        if 0 < len(present) < len(rows):
            at[key] = places
    counts = {key: len(values.get(key, ())) for key in keys}
    return Decoded(len(rows), values, at) if _are_written_once(data, counts) else None


def _are_written_once(data: bytes, counts: dict[str, int]) -> bool:
    """Whether keys are in the lines as often as rows have them; if they are all keys of all rows, one count tells."""
    if len(counts) > 1 and data.count(b'":') == sum(counts.values()):
        return True
    return all(data.count(f'"{key}":'.encode()) == count for key, count in counts.items())


@functools.lru_cache(maxsize=256)
def _decoder(keys: tuple[str, ...], floats: frozenset[str]) -> tuple[Any, object]:
    """The decoder of rows of these keys, and what stands for a key that a row lacks."""
    import msgspec

    fields = [(f"f{place}", float if key in floats else object, msgspec.UNSET) for place, key in enumerate(keys)]
    names = {f"f{place}": key for place, key in enumerate(keys)}
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=names, gc=False)), msgspec.UNSET


def _column(rows: list[Any], value_of: Callable[[Any], Any], is_float: bool, missing: object) -> tuple[Any, list[int]]:
    """The values of a key and the places of the rows that have it, these only where some have not."""
    if is_float:
        try:
            curve = np.fromiter(map(value_of, rows), dtype=np.float64, count=len(rows))
        except TypeError:  # a missing value is no number
            pass
        else:
            return _exact(curve), []
    values = list(map(value_of, rows))
    if type(missing) not in set(map(type, values)):
        return values, []
    places = [place for place, value in enumerate(values) if value is not missing]
    values = [values[place] for place in places]
    return _exact(np.array(values, dtype=np.float64)) if is_float else values, places


def _exact(curve: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The curve, unless an integer in it may have been rounded."""
    return curve if not curve.size or (curve.min() > -_EXACT and curve.max() < _EXACT) else None
