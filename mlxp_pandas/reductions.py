# SPDX-License-Identifier: MIT
"""One number from a curve: first, last, min, mean, ...; arrays in, one array of numbers out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .curves import Curve, as_numbers
from .errors import InvalidOptionError, suggest

__all__ = ["REDUCTIONS", "position_of", "reduced", "step_of", "typed_numbers", "value_at"]

_Array = npt.NDArray[Any]

REDUCTIONS = ("first", "last", "min", "max", "mean", "median", "std", "count", "n_nan", "argmin", "argmax")
"""The numbers of a curve, which are also suffixes of its name."""

_EXACT = 2**53  # up to here, every integer is a float64


def reduced(curves: Iterable[Any], name: str, *, skipna: bool = True) -> _Array:
    """Reduce each curve to one number.

    Parameters
    ----------
    curves : iterable of (array-like of shape (n_points,) or NaN)
        NaN where a run has no such metric.
    name : str
        One of `REDUCTIONS`. `std` has n - 1 degrees of freedom; `count` is the number of points, `n_nan` how many of
        them are NaN, infinite or no number; `argmin` and `argmax` are positions, counted from 0.
    skipna : bool
        Whether min, max, mean, median, std, argmin and argmax leave out NaN and infinite points. If not, one NaN
        among the points makes them NaN.

    Returns
    -------
    ndarray of shape (n_runs,)
        int64 where all are integers, otherwise float64; object where `first` or `last` is no number. NaN where there
        is no curve, or no point that counts.

    Raises
    ------
    InvalidOptionError
        There is no such number.

    Examples
    --------
    >>> curves = [np.array([3.0, 1.0, np.nan]), np.array([2, 4]), np.nan]
    >>> reduced(curves, "min"), reduced(curves, "last"), reduced(curves, "n_nan")
    (array([ 1.,  2., nan]), array([nan,  4., nan]), array([ 1.,  0., nan]))
    """
    if name not in REDUCTIONS:
        raise InvalidOptionError(f"There is no number {name!r} of a curve.{suggest(name, REDUCTIONS)}")
    with np.errstate(over="ignore", invalid="ignore"):
        return typed_numbers([_number(curve, name, skipna) for curve in curves])


def position_of(values: _Array, name: str) -> int | None:
    """The position of the smallest (`"argmin"`) or largest (`"argmax"`) finite point; None where there is none.

    Examples
    --------
    >>> position_of(np.array([np.nan, 3.0, 1.0]), "argmin")
    2
    """
    numbers = as_numbers(values)
    is_finite = np.isfinite(numbers)
    if not is_finite.any():
        return None
    if not is_finite.all():
        numbers = np.where(is_finite, numbers, np.inf if name == "argmin" else -np.inf)
    return int(numbers.argmin() if name == "argmin" else numbers.argmax())


def step_of(curve: Curve | None, name: str) -> Any:
    """The step of the smallest (`"argmin"`) or largest (`"argmax"`) finite point; NaN where there is none.

    Examples
    --------
    >>> step_of(Curve(np.array([10, 20]), np.array([2.0, 1.0])), "argmin").item()
    20
    """
    place = None if curve is None else position_of(curve.values, name)
    return np.nan if curve is None or place is None else curve.steps[place]


def value_at(curve: Curve | None, step: float) -> Any:
    """The value at a step, the last one where it was logged twice; NaN where it was not logged.

    Examples
    --------
    >>> value_at(Curve(np.array([10, 20, 10]), np.array([2.0, 1.0, 0.5])), 10).item()
    0.5
    """
    places = np.empty(0) if curve is None else np.flatnonzero(curve.steps == step)
    return np.nan if curve is None or not len(places) else curve.values[places[-1]]


def typed_numbers(numbers: Sequence[Any]) -> _Array:
    """Numbers as an array: bool, int64 or float64 where that holds them exactly, otherwise objects as they are.

    Examples
    --------
    >>> typed_numbers([1, 2]), typed_numbers([1, np.nan]), typed_numbers([1, "x"])
    (array([1, 2]), array([ 1., nan]), array([1, 'x'], dtype=object))
    """
    plain = [number.item() if isinstance(number, np.generic) else number for number in numbers]
    kinds = set(map(type, plain))
    if kinds == {bool}:
        return np.array(plain, dtype=np.bool_)
    if kinds == {int} and all(-(2**63) <= number < 2**63 for number in plain):
        return np.array(plain, dtype=np.int64)
    if kinds <= {float} or (kinds <= {int, float} and all(map(_is_exact, plain))):
        return np.array(plain, dtype=np.float64)
    return np.fromiter(plain, dtype=object, count=len(plain))


def _number(curve: Any, name: str, skipna: bool) -> Any:
    if not isinstance(curve, (np.ndarray, list)):
        return np.nan
    values = np.asarray(curve)
    if name == "count":
        return len(values)
    if name in ("first", "last"):
        return values[-1 if name == "last" else 0] if len(values) else np.nan
    numbers = as_numbers(values)
    if name == "n_nan":
        return len(values) - int(np.isfinite(numbers).sum())
    return _of_points(numbers, name, skipna, values.dtype.kind)


def _of_points(numbers: _Array, name: str, skipna: bool, kind: str) -> Any:
    """A number that leaves points out, if `skipna`."""
    counts = np.isfinite(numbers) if skipna else ~np.isnan(numbers)
    if not counts.any() or not (skipna or counts.all()):
        return np.nan
    if name in ("argmin", "argmax"):
        return position_of(numbers, name) if skipna else int(getattr(numbers, name)())
    return _of_numbers(numbers if counts.all() else numbers[counts], name, kind)


def _of_numbers(numbers: _Array, name: str, kind: str) -> Any:
    if name in ("min", "max"):
        number = numbers.min() if name == "min" else numbers.max()
        return int(number) if kind in "iu" and abs(number) <= _EXACT else float(number)
    if name == "std":
        return float(numbers.std(ddof=1)) if len(numbers) > 1 else np.nan
    return float(np.median(numbers) if name == "median" else numbers.mean())


def _is_exact(number: Any) -> bool:
    return isinstance(number, float) or -_EXACT <= number <= _EXACT
