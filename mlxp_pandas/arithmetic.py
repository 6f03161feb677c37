# SPDX-License-Identifier: MIT
"""Calculating with columns as Python calculates with their values: integers stay exact and never wrap around."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from .vectors import Mask, Vector, place

__all__ = ["calculate"]

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}
_DIVISIONS = ("//", "%")
_MAX_BITS = 4096
_EXACT = 2**53  # up to here every integer is a float


def calculate(symbol: str, left: Any, right: Any) -> tuple[Vector, Mask]:
    """Calculate with numbers, row by row.

    Parameters
    ----------
    symbol : str
        One of `+ - * / // % **`.
    left, right : Vector, int or float
        At least one is a Vector.

    Returns
    -------
    result : Vector
        Integers stay exact; powers are floats. Dividing by zero gives inf or NaN. NaN where a value is missing.
    unsupported : ndarray of bool, shape (n_rows,)
        Where a present value is no number; the result is NaN there.

    Examples
    --------
    >>> calculate("//", Vector("number", np.array([7, 8])), 2)[0].values.tolist()
    [3, 4]
    """
    vectors = [side for side in (left, right) if isinstance(side, Vector)]
    if all(vector.kind == "number" for vector in vectors):
        values = _calculate_at_once(
            symbol, *(side.values if isinstance(side, Vector) else side for side in (left, right))
        )
        if values is not None:
            hides = symbol == "**" and (isinstance(right, Vector) or not right)
            return Vector("number", values, _marks(values, vectors, hides)), np.zeros(len(values), dtype=bool)
    present: Mask = ~np.logical_or.reduce([vector.missing for vector in vectors])
    results = list(map(_calculate_one, repeat(symbol), *(_cells(side, present) for side in (left, right))))
    cells = np.full(len(present), math.nan, dtype=object)
    cells[present] = [math.nan if result is None else result for result in results]
    return Vector("object", cells), place(present, [result is None for result in results])


def _marks(values: npt.NDArray[Any], vectors: list[Vector], hides: bool) -> Mask | None:
    """The rows without a result, where NaN does not say it: a power can hide it, 1 ** NaN and NaN ** 0 are 1."""
    if not hides and not any(vector.is_marked for vector in vectors):
        return None
    marks: Mask = np.logical_or.reduce([np.isnan(values), *(vector.missing for vector in vectors)])
    return marks


def _calculate_at_once(symbol: str, left: Any, right: Any) -> npt.NDArray[Any] | None:
    """The calculation on whole arrays; None where integers would overflow, or be rounded before they are divided."""
    is_whole = symbol != "**" and _is_integer(left) and _is_integer(right)
    if is_whole and symbol != "/" and not (symbol in _DIVISIONS and np.any(np.equal(right, 0))):
        if not _fits(symbol, _largest(left), _largest(right)):
            return None
        return np.asarray(_OPERATIONS[symbol](np.asarray(left, dtype=np.int64), np.asarray(right, dtype=np.int64)))
    if is_whole and max(_largest(left), _largest(right)) > _EXACT:
        return None
    try:
        first, second = _floats(left), _floats(right)
    except OverflowError:
        return None
    with np.errstate(all="ignore"):
        return np.asarray(_OPERATIONS[symbol](first, second))


def _floats(side: Any) -> Any:
    """Scalars stay Python's: numpy squares `values ** 2.0` fast, and not with an array of the one value 2."""
    return side.astype(np.float64, copy=False) if isinstance(side, np.ndarray) else float(side)


def _is_integer(side: Any) -> bool:
    return side.dtype.kind in "biu" if isinstance(side, np.ndarray) else isinstance(side, int)


def _largest(side: Any) -> int:
    """The largest absolute value of integers."""
    if not isinstance(side, np.ndarray):
        return abs(int(side))
    return max(abs(int(side.min())), abs(int(side.max()))) if len(side) else 0


def _fits(symbol: str, first: int, second: int) -> bool:
    """Whether sides of at most these absolute values, and their result, are within 64 bits."""
    result = {"+": first + second, "-": first + second, "*": first * second}.get(symbol, 0)
    return max(first, second, result) < 2**63


def _cells(side: Any, present: Mask) -> Iterable[Any]:
    return side.cells[present] if isinstance(side, Vector) else repeat(side)


def _calculate_one(symbol: str, left: Any, right: Any) -> Any:
    """The result for one row as numpy gives it for floats; None where a side is no number."""
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        return None
    try:
        # Integers to the power of integers grow without bound; floats do not.
        result = float(left) ** float(right) if symbol == "**" else _OPERATIONS[symbol](left, right)
    except ZeroDivisionError:
        return math.nan if symbol == "%" or not left else math.copysign(math.inf, left)
    except OverflowError:
        return math.inf
    if isinstance(result, int) and result.bit_length() > _MAX_BITS:
        return math.inf if result > 0 else -math.inf
    return math.nan if isinstance(result, complex) else result
