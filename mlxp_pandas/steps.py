# SPDX-License-Identifier: MIT
"""Curves as arrays: brought onto common steps, or reduced to one number; nothing is read and nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import InvalidOptionError, suggest
from .options import check_choice

__all__ = [
    "DUPLICATES",
    "REDUCTIONS",
    "Curve",
    "Stack",
    "align",
    "as_numbers",
    "grid_of",
    "interpolate",
    "position_of",
    "reduced",
    "settle",
    "step_of",
    "typed_numbers",
    "value_at",
]

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]

DUPLICATES = ("last", "first", "mean", "raise")
REDUCTIONS = ("first", "last", "min", "max", "mean", "median", "std", "count", "n_nan", "argmin", "argmax")
"""The numbers of a curve, which are also suffixes of its name."""

_EXACT = 2**53  # up to here, every integer is a float64


class Curve(NamedTuple):
    """The points of one run.

    Attributes
    ----------
    steps : ndarray of shape (n_points,)
        int64 or float64; ascending and each once after `settle`.
    values : ndarray of shape (n_points,)
        NaN where the run logged one.
    """

    steps: _Array
    values: _Array


class Stack(NamedTuple):
    """The curves of several runs on common steps.

    Attributes
    ----------
    steps : ndarray of shape (n_steps,)
        Ascending, each once.
    values : ndarray of float64, shape (n_runs, n_steps)
        NaN where a run has no value at a step.
    reached : ndarray of int64, shape (n_steps,)
        How many runs have the step, with a value or with NaN.
    """

    steps: _Array
    values: _Floats
    reached: npt.NDArray[np.int64]


def as_numbers(values: _Array) -> _Floats:
    """The values of a curve as float64; what is no number (text, a list, None) is NaN.

    Parameters
    ----------
    values : ndarray of shape (n_points,)
        A curve as `Metric.load` gives it.

    Returns
    -------
    ndarray of float64, shape (n_points,)
        Not copied where it is float64 already. Integers beyond what a float can hold are infinite.

    Examples
    --------
    >>> as_numbers(np.array([1, True, "diverged", None, 10**400], dtype=object))
    array([ 1.,  1., nan, nan, inf])
    """
    if values.dtype.kind in "biuf":
        return values.astype(np.float64, copy=False)
    return np.fromiter(map(_number, values), dtype=np.float64, count=len(values))


def settle(curve: Curve, dup: str = "last") -> Curve:
    """Order a curve by its steps, each of them once.

    Parameters
    ----------
    curve : Curve
        In the order of the log. A run that was resumed has logged some steps twice.
    dup : {"last", "first", "mean", "raise"}
        Which of the values of a repeated step counts, in the order of the log; the mean is that of the values that are
        not NaN.

    Returns
    -------
    Curve
        Points whose step is NaN or infinite are gone.

    Raises
    ------
    InvalidOptionError
        A repeated step with `dup="raise"`, or `dup` has another value.

    Examples
    --------
    >>> resumed = Curve(np.array([0, 1, 2, 1, 2, 3]), np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0]))
    >>> settle(resumed).values.tolist()
    [9.0, 6.0, 5.0, 4.0]
    >>> settle(resumed, "mean").values.tolist()
    [9.0, 7.0, 6.0, 4.0]
    """
    check_choice("dup", dup, DUPLICATES)
    steps, values = curve
    if steps.dtype.kind == "f" and not np.isfinite(steps).all():
        steps, values = steps[np.isfinite(steps)], values[np.isfinite(steps)]
    if (steps[1:] > steps[:-1]).all():
        return Curve(steps, values)
    order = np.argsort(steps, kind="stable")
    return _without_repeats(Curve(steps[order], values[order]), dup)


def align(curves: Sequence[Curve]) -> Stack:
    """Put settled curves side by side, on every step that one of them has.

    Parameters
    ----------
    curves : sequence of Curve
        One a run, each with ascending steps.

    Returns
    -------
    Stack
        Rows in the order of the curves. Runs that log the same steps, of whatever length, cost one copy.

    Examples
    --------
    >>> curves = Curve(np.array([0, 1, 2]), np.array([3.0, 2.0, 1.0])), Curve(np.array([0, 2]), np.array([5.0, 4.0]))
    >>> stack = align(curves)
    >>> stack.values
    array([[ 3.,  2.,  1.],
           [ 5., nan,  4.]])
    >>> stack.reached
    array([2, 1, 2])
    """
    if not curves:
        return Stack(np.empty(0, dtype=np.int64), np.empty((0, 0)), np.empty(0, dtype=np.int64))
    longest = max((curve.steps for curve in curves), key=len)
    if all(_is_head(curve.steps, longest) for curve in curves):
        return _stacked_heads(longest, curves)
    steps, places = np.unique(np.concatenate([curve.steps for curve in curves]), return_inverse=True)
    lengths = [len(curve.steps) for curve in curves]
    values = np.full((len(curves), len(steps)), np.nan)
    values[np.repeat(np.arange(len(curves)), lengths), places] = np.concatenate([curve.values for curve in curves])
    return Stack(steps, values, np.bincount(places, minlength=len(steps)))


def interpolate(curve: Curve, grid: _Array) -> Curve:
    """Interpolate a settled curve linearly between its points, at the steps of a grid that are inside its range.

    Parameters
    ----------
    curve : Curve
        With ascending steps.
    grid : ndarray of shape (n_grid,)
        Ascending.

    Returns
    -------
    Curve
        Nothing before its first point and after its last. NaN where one of the two points beside a step is NaN; a
        logged point keeps its value.

    Examples
    --------
    >>> interpolate(Curve(np.array([0, 10]), np.array([1.0, 2.0])), np.array([-5.0, 0.0, 5.0, 15.0]))
    Curve(steps=array([0., 5.]), values=array([1. , 1.5]))
    """
    steps, values = curve.steps.astype(np.float64), curve.values
    if not len(steps):
        return Curve(grid[:0], values)
    inside = grid[(grid >= steps[0]) & (grid <= steps[-1])]
    after = np.searchsorted(steps, inside)
    before = np.maximum(after - 1, 0)
    is_logged = steps[after] == inside
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        share = (inside - steps[before]) / (steps[after] - steps[before])
        between = values[before] * (1 - share) + values[after] * share
    return Curve(inside, np.where(is_logged, values[after], between))


def grid_of(curves: Sequence[Curve], grid: object) -> _Floats:
    """The steps of a grid.

    Parameters
    ----------
    curves : sequence of Curve
        Those that will be interpolated.
    grid : int or array-like of shape (n_grid,)
        The steps; or how many, equally spaced from the first step of the curves to the last.

    Returns
    -------
    ndarray of float64, shape (n_grid,)
        Ascending, each once.

    Raises
    ------
    InvalidOptionError
        Neither a positive number nor finite steps.

    Examples
    --------
    >>> grid_of([Curve(np.array([0, 8]), np.zeros(2)), Curve(np.array([2, 10]), np.zeros(2))], 3)
    array([ 0.,  5., 10.])
    """
    if isinstance(grid, (int, np.integer)) and not isinstance(grid, bool) and grid >= 1:
        ends = [end for curve in curves if len(curve.steps) for end in (curve.steps[0], curve.steps[-1])]
        return np.linspace(min(ends), max(ends), int(grid)) if ends else np.empty(0)
    try:
        steps = np.unique(np.asarray(grid, dtype=np.float64))
    except (TypeError, ValueError):
        steps = np.empty(0)
    if np.ndim(grid) != 1 or not len(steps) or not np.isfinite(steps).all():  # type: ignore[arg-type]
        raise InvalidOptionError(f"grid={grid!r} is neither a number of points nor a list of finite steps.")
    return steps


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
        return typed_numbers([_reduction(curve, name, skipna) for curve in curves])


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


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else np.nan
    except OverflowError:
        return np.inf if isinstance(value, int) and value > 0 else -np.inf


def _without_repeats(curve: Curve, dup: str) -> Curve:
    """The points of a curve with sorted steps; points of equal step are in the order of the log."""
    steps, values = curve
    is_first = np.append(True, steps[1:] != steps[:-1])
    if dup == "first" or is_first.all():
        return Curve(steps[is_first], values[is_first])
    if dup == "last":
        is_last = np.append(is_first[1:], True)
        return Curve(steps[is_last], values[is_last])
    if dup == "raise":
        repeated = steps[~is_first][0]
        raise InvalidOptionError(f'step {repeated} was logged twice; dup="last" (or "first", "mean") takes one value.')
    return Curve(steps[is_first], _means(values, np.cumsum(is_first) - 1))


def _means(values: _Floats, places: npt.NDArray[np.int64]) -> _Floats:
    """The mean of the values at each place, NaN left out."""
    present = ~np.isnan(values)
    sums = np.bincount(places, weights=np.where(present, values, 0))
    with np.errstate(invalid="ignore"):
        means: _Floats = sums / np.bincount(places, weights=present)
    return means


def _is_head(steps: _Array, longest: _Array) -> bool:
    return steps is longest or np.array_equal(steps, longest[: len(steps)])


def _stacked_heads(steps: _Array, curves: Sequence[Curve]) -> Stack:
    """The curves of runs that all log the same steps and stop at some time."""
    lengths = np.array([len(curve.values) for curve in curves])
    if (lengths == len(steps)).all():
        values = np.concatenate([curve.values for curve in curves]).reshape(len(curves), -1)
        return Stack(steps, values, np.full(len(steps), len(curves)))
    reached = len(curves) - np.cumsum(np.bincount(lengths, minlength=len(steps) + 1))[: len(steps)]
    values = np.full((len(curves), len(steps)), np.nan)
    for row, curve in zip(values, curves, strict=True):
        row[: len(curve.values)] = curve.values
    return Stack(steps, values, reached)


def _reduction(curve: Any, name: str, skipna: bool) -> Any:
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
