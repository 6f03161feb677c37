# SPDX-License-Identifier: MIT
"""Plain rows, the most common and the fastest: lines of the same keys in the same order, every value a plain number.

    {"loss": 0.5118216247002567, "epoch": 0}
    {"loss": 0.9504636963259353, "epoch": 1}

numpy reads all lines side by side: eight bytes of a line are one 64-bit integer, in which up to eight digits are found
and added up at once. Every byte of every line is looked at. A few lines that are not as the first one, or whose numbers
are not plain (`1e-05`, `NaN`), are read by the standard library; where many are, or one is damaged, there is no answer
and another way reads them all. The floats are those that `float` gives, by the proof in `_divided`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rowtext import MAX_DIGITS, Row, has_each_key_once, scan_row

__all__ = ["plain_rows"]

Words = NDArray[np.uint64]
Places = NDArray[np.int64]
Floats = NDArray[np.float64]
Curves = dict[str, NDArray[Any]]
Fields = dict[str, bytes]

_BLOCK = 1 << 19  # bytes of lines that are read side by side: a processor's cache holds what is made of them
_PAD = 64  # bytes that a number can lead beyond what stands before it, where a line is not plain
_MOST_FIELDS = 6  # of a line; with more, lines are long and few are in a block
_ODD_LINES, _ODD_SHARE = 4, 0.05  # of a block, which the standard library reads
_EXACT = 2**53  # up to here, every integer is a float64
_FIELD = re.compile(rb'[{,] ?"[ !#-\[\]-~]*": (?=-?\d+(?:\.\d+)?[,}])')

_ZERO = np.uint8(ord("0"))
_ZEROS = np.uint64(0x3030303030303030)  # eight characters "0"
_OVER_NINE = np.uint64(0x7676767676767676)  # added to a byte, sets its high bit if it is over nine
_HIGH_BITS = np.uint64(0x8080808080808080)
_BYTE_NUMBER = np.uint64(0x0001020304050607)  # times 1 << 8 * n, has n in its highest byte
_TO_LOW_BIT, _TO_LOW_BYTE = np.uint64(7), np.uint64(56)
_ADDITIONS = (  # of neighbours: eight digits to four pairs, to two fours, to one integer
    (np.uint64(10 * 2**8 + 1), np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(100 * 2**16 + 1), np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(10_000 * 2**32 + 1), np.uint64(32), np.uint64(0x00000000FFFFFFFF)),
)
_MOST_DIGITS = 18  # of an int64
_MOST_DECIMALS = 22  # of a power of ten that a float64 holds
_TENS = 10 ** np.arange(_MOST_DIGITS + 1, dtype=np.int64)
_FLOAT_TENS = np.array([float(10**power) for power in range(_MOST_DECIMALS + 1)])  # exact
_SPLIT = 2.0**27 + 1
_MARGIN = 2.0**-45


def plain_rows(data: bytes, keys: Sequence[str], *, as_written: bool = False) -> tuple[int, Curves] | None:
    r"""The curves of some keys, of lines that are all healthy and nearly all plain.

    Parameters
    ----------
    data : bytes
        Lines, each with its newline.
    keys : sequence of str
    as_written : bool
        No answer either where a curve of floats has integers.

    Returns
    -------
    n_rows : int
    curves : dict of str to ndarray of shape (n_rows,)
        int64 where all numbers of a key are integers, else float64. Without the keys that the lines have not.
        None instead of both where the lines are not plain.

    Examples
    --------
    >>> plain_rows(b'{"loss": 0.5, "epoch": 0}\n{"loss": 0.25, "epoch": 1}\n', ["loss"])
    (2, {'loss': array([0.5 , 0.25])})
    >>> plain_rows(b'{"loss": 0.5}\n{"los\n', ["loss"]) is None
    True
    """
    fields = _fields(data)
    padded = data + bytes(_PAD + sum(len(text) + _PAD for text in fields.values()))
    n_rows = 0
    blocks: list[Curves] = []
    for start, stop in _spans(data) if fields else ():
        lines = _Lines(padded, start, stop)
        block = _block(lines, fields, keys, as_written)
        if block is None:
            return None
        blocks.append(block)
        n_rows += len(lines.ends)
    curves = _joined(blocks)
    return None if curves is None else (n_rows, curves)


def _joined(blocks: list[Curves]) -> Curves | None:
    if len(blocks) < 2:
        return blocks[0] if blocks else None
    parts = {key: [block[key] for block in blocks] for key in blocks[0]}
    is_even = all(part.dtype == curve[0].dtype for curve in parts.values() for part in curve)
    return {key: np.concatenate(curve) for key, curve in parts.items()} if is_even else None


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(data):
        stop = data.find(b"\n", start + _BLOCK) + 1 or len(data)
        yield start, stop
        start = stop


def _fields(data: bytes) -> Fields:
    """Each key of the first line, and what stands before its number; empty where that is not plain."""
    texts = [match[0] for match in _FIELD.finditer(data, 0, data.find(b"\n") + 1)]
    fields = {text[text.index(b'"') + 1 : -3].decode("ascii"): text for text in texts}
    is_row = [text[:1] for text in texts] == [b"{", *[b","] * (len(texts) - 1)]
    return fields if is_row and len(fields) == len(texts) <= _MOST_FIELDS else {}


def _block(lines: _Lines, fields: Fields, keys: Sequence[str], as_written: bool) -> Curves | None:
    at = lines.starts
    curves: Curves = {}
    for key, text in fields.items():
        lines.expect(text, at)
        at = at + len(text)
        if key in keys:
            curves[key], at = lines.numbers(at)
        else:
            at = lines.ends_of_numbers(at)
    lines.expect(b"}", at)
    lines.is_plain &= at + 1 == lines.ends
    odd = np.flatnonzero(~lines.is_plain)
    most_odd = min(_ODD_LINES + len(at) * _ODD_SHARE, len(at) - 1)  # one plain line at least tells the dtypes
    if not lines.is_whole or len(odd) > most_odd:
        return None
    rows = [_odd_row(lines.line(int(place)), fields) for place in odd]
    is_filled = all(rows) and all(
        _fill(curve, odd, [row.get(key) for row in rows], as_written) for key, curve in curves.items()
    )
    return curves if is_filled else None


def _odd_row(line: bytes, fields: Fields) -> Row:
    """The row of a line that is not plain; empty where it is not healthy, or not of the same keys."""
    try:
        text = line.decode("ascii")
        row, end = scan_row(text, 0)
    except (StopIteration, ValueError, RecursionError):
        return {}
    is_healthy = end == len(text) <= MAX_DIGITS and isinstance(row, dict) and row.keys() == fields.keys()
    return (
        row
        if is_healthy and has_each_key_once(text, len(row)) and not {"[", "\n"} & set(text) and text.count("{") == 1
        else {}
    )


def _fill(curve: NDArray[Any], places: Places, values: Sequence[object], as_written: bool) -> bool:
    """Put values of odd rows into a curve, if they do not change its dtype."""
    allowed = {int} if curve.dtype == np.int64 else {float} if as_written else {float, int}
    if not {*map(type, values)} <= allowed or any(type(value) is int and abs(value) > _EXACT for value in values):
        return False
    curve[places] = values
    return True


class _Lines:
    """Lines side by side: their bytes, and which of them are still plain."""

    def __init__(self, padded: bytes, start: int, stop: int) -> None:
        self._data = padded
        self._bytes = np.frombuffer(padded, dtype=np.uint8)
        self._words = np.ndarray(self._bytes.size - 7, dtype="V8", buffer=self._bytes, strides=(1,))
        self.ends = np.minimum(_newlines(self._bytes[start:stop]) + start, stop - 1)
        self.starts = np.empty_like(self.ends)
        self.starts[:1] = start
        np.add(self.ends[:-1], 1, out=self.starts[1:])
        self.is_plain = self._bytes[self.ends] == ord("\n")
        self.is_whole = len(self.ends) > 0 and int(self.ends[-1]) == stop - 1

    def line(self, place: int) -> bytes:
        return self._data[self.starts[place] : self.ends[place]]

    def expect(self, text: bytes, at: Places) -> None:
        """The same text at a place of each line."""
        words = list(range(0, len(text) - 7, 8))
        rest = range(8 * len(words), len(text))
        if words and len(rest) > 2:
            words, rest = [*words, len(text) - 8], range(0)
        for place in words:
            word = np.frombuffer(text, dtype="<u8", count=1, offset=place)
            self.is_plain &= self._words[at + place].view("<u8") == word
        for place in rest:
            self.is_plain &= self._bytes[at + place] == text[place]

    def numbers(self, at: Places) -> tuple[NDArray[Any], Places]:
        """The numbers that begin at a place of each line, and where they end: all integers, or all with a point."""
        curve: NDArray[Any]
        is_negative = self._bytes[at] == ord("-")
        at = at + is_negative
        whole, counts = self._leading(at)
        at = at + counts
        if self._have_point(at):
            part, decimals = self._run(at + 1)
            at = at + 1 + decimals
            decimals = np.minimum(decimals, _MOST_DECIMALS)
            self.is_plain &= (counts + decimals <= _MOST_DIGITS) | (whole == 0)
            curve = _divided(whole * _TENS[np.minimum(decimals, _MOST_DIGITS)] + part, decimals)
        else:
            curve = whole
        return np.negative(curve, out=curve, where=is_negative) if is_negative.any() else curve, at

    def ends_of_numbers(self, at: Places) -> Places:
        """Where these numbers end."""
        at = at + (self._bytes[at] == ord("-"))
        at = at + self._leading(at)[1]
        return at + 1 + self._run(at + 1)[1] if self._have_point(at) else at

    def _have_point(self, at: Places) -> bool:
        has_point = self._bytes[at] == ord(".")
        if 2 * np.count_nonzero(has_point) < len(at):
            return False
        self.is_plain &= has_point
        return True

    def _leading(self, at: Places) -> tuple[Places, Places]:
        """The digits of an integer, or before the point: most often one."""
        if 8 * np.count_nonzero(self._bytes[at + 1] == ord(".")) > 7 * len(at):
            digits = self._bytes[at] - _ZERO
            self.is_plain &= digits < 10
            return digits.astype(np.int64), np.ones_like(at)
        values, counts = self._run(at)
        self.is_plain &= (self._bytes[at] != _ZERO) | (counts == 1)
        return values, counts

    def _run(self, at: Places) -> tuple[Places, Places]:
        """The integers that begin at a place of each line, and how many digits they have: 1 to 18 after zeros."""
        words, counts = _counted(self._words[at].view("<u8"))
        values = first = _added(words, counts)
        total = counts
        for _ in range(2):
            is_full = counts == 8
            if not is_full.any():
                break
            words, counts = _counted(self._words[at + total].view("<u8"))
            counts *= is_full
            values = values * _TENS.take(counts)
            values += _added(words, counts)
            total = total + counts
        self.is_plain &= total > 0
        if total.max() > _MOST_DIGITS:
            self.is_plain &= total <= _MOST_DECIMALS
            self.is_plain &= first < _TENS[np.minimum(_MOST_DIGITS + 8 - total, 8)]
        return values, total


def _newlines(codes: NDArray[np.uint8]) -> Places:
    """Where the newlines are. Two within eight bytes, which healthy rows never have, give one place that is not."""
    marks = np.zeros(len(codes) + -len(codes) % 8, dtype=np.bool_)
    np.equal(codes, ord("\n"), out=marks[: len(codes)])
    words = marks.view("<u8")
    places = np.flatnonzero(words != 0)  # of booleans: many times faster than of integers
    words = words[places]
    words *= _BYTE_NUMBER
    words >>= _TO_LOW_BYTE
    places <<= 3
    places += words.view(np.int64)
    return places


def _counted(words: Words) -> tuple[Words, Places]:
    """The words with the bytes 0 to 9 for the characters 0 to 9, and how many of these come before anything else."""
    words ^= _ZEROS
    marks = words + _OVER_NINE
    marks |= words
    marks &= _HIGH_BITS
    first = np.negative(marks)
    first &= marks
    first >>= _TO_LOW_BIT
    first *= _BYTE_NUMBER
    first >>= _TO_LOW_BYTE
    first |= (marks == 0).view(np.uint8) << 3
    return words, first.view(np.int64)


def _added(words: Words, counts: Places) -> Places:
    """The integers that the first so many of eight digits make."""
    words <<= ((8 - counts) << 3).view(np.uint64)  # by 64 gives 0
    for factor, shift, mask in _ADDITIONS:
        words *= factor
        words >>= shift
        words &= mask
    return words.view(np.int64)


def _divided(mantissas: Places, decimals: Places) -> Floats:
    """The floats nearest to `mantissas / 10**decimals`, as `float` and `json` give them.

    A mantissa is the sum of two floats, a power of ten is one. What the division of the first leaves is exact, so that
    the correction of the quotient is wrong by a few units in its own last place. Where a correction that is larger or
    smaller by many more gives the same sum, that sum is the nearest float. Elsewhere Python divides the integers.
    """
    tens = _FLOAT_TENS[decimals]
    high = mantissas.astype(np.float64)
    low = (mantissas - high.astype(np.int64)).astype(np.float64)
    quotients = high / tens
    corrections = (_remainders(high, quotients, tens) + low) / tens
    margins = corrections * _MARGIN
    curve: Floats = quotients + (corrections - margins)
    margins += corrections
    margins += quotients
    for place in np.flatnonzero(curve != margins):
        curve[place] = int(mantissas[place]) / 10 ** int(decimals[place])
    return curve


def _remainders(dividends: Floats, quotients: Floats, divisors: Floats) -> Floats:
    """Exactly `dividends - quotients * divisors`, by Dekker's product."""
    product = quotients * divisors
    a, b = _halves(quotients)
    c, d = _halves(divisors)
    lost = a * c
    lost -= product
    lost += a * d
    lost += b * c
    lost += b * d
    product = dividends - product
    product -= lost
    return product


def _halves(values: Floats) -> tuple[Floats, Floats]:
    """Each value as the sum of two of half its digits (Veltkamp)."""
    scaled = values * _SPLIT
    high = scaled - (scaled - values)
    return high, values - high
