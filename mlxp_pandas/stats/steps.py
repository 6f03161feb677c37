# SPDX-License-Identifier: MIT
"""Curves as arrays, brought onto common steps; nothing is read and nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cells import Curve
from ..errors import InvalidOptionError

_Array = npt.NDArray[Any]
_Floats = npt.NDArray[np.float64]

DUPLICATES = ("last", "first", "mean", "raise")
"""What can be done with a step that was logged twice."""


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


def settle(curve: Curve, dup: str = "last", name: str = "") -> Curve:
    """Order a curve by its steps, each of them once.

    Parameters
    ----------
    curve : Curve
        In the order of the log. A run that was resumed has logged some steps twice.
    dup : {"last", "first", "mean", "raise"}
        Which of the values of a repeated step counts, in the order of the log; the mean is that of the values that are
        not NaN.
    name : str
        What an error message begins with.

    Returns
    -------
    Curve
        Points whose step is NaN or infinite are gone.

    Raises
    ------
    InvalidOptionError
        A repeated step with `dup="raise"`.

    Examples
    --------
    >>> resumed = Curve(np.array([0, 1, 2, 1, 2, 3]), np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0]))
    >>> settle(resumed).values.tolist()
    [9.0, 6.0, 5.0, 4.0]
    >>> settle(resumed, "mean").values.tolist()
    [9.0, 7.0, 6.0, 4.0]
    """
    steps, values = curve
    if steps.dtype.kind == "f" and not np.isfinite(steps).all():
        steps, values = steps[np.isfinite(steps)], values[np.isfinite(steps)]
    if (steps[1:] > steps[:-1]).all():
        return Curve(steps, values)
    points = pd.Series(values, index=steps).sort_index(kind="stable")
    repeated = points.index[points.index.duplicated()]
    if dup == "raise" and len(repeated):
        choice = 'dup="last" (or "first", "mean") takes one value.'
        raise InvalidOptionError(f"{name}step {repeated[0]} was logged twice; {choice}")
    if dup == "mean":
        points = points.groupby(level=0).mean()
    elif len(repeated):
        points = points[~points.index.duplicated(keep="first" if dup == "first" else "last")]
    return Curve(points.index.to_numpy(), points.to_numpy())


def align(curves: Sequence[Curve]) -> tuple[_Array, _Floats, npt.NDArray[np.int64]]:
    """Put settled curves side by side, on every step that one of them has.

    Parameters
    ----------
    curves : sequence of Curve
        One a run, each with ascending steps.

    Returns
    -------
    steps : ndarray of shape (n_steps,)
        Ascending, each once.
    values : ndarray of float64, shape (n_runs, n_steps)
        NaN where a run has no value at a step.
    reached : ndarray of int64, shape (n_steps,)
        How many runs have the step, with a value or with NaN.

    Examples
    --------
    >>> curves = Curve(np.array([0, 1, 2]), np.array([3.0, 2.0, 1.0])), Curve(np.array([0, 2]), np.array([5.0, 4.0]))
    >>> steps, values, reached = align(curves)
    >>> values
    array([[ 3.,  2.,  1.],
           [ 5., nan,  4.]])
    >>> reached
    array([2, 1, 2])
    """
    steps = max((curve.steps for curve in curves), key=len, default=np.empty(0, dtype=np.int64))
    are_heads = all(curve.steps is steps or np.array_equal(curve.steps, steps[: len(curve.steps)]) for curve in curves)
    if not are_heads:
        steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    elif curves and all(len(curve.steps) == len(steps) for curve in curves):
        return steps, np.stack([curve.values for curve in curves]), np.full(len(steps), len(curves))
    values, reached = np.full((len(curves), len(steps)), np.nan), np.zeros(len(steps), dtype=np.int64)
    for row, curve in zip(values, curves, strict=True):
        places = slice(len(curve.steps)) if are_heads else np.searchsorted(steps, curve.steps)
        row[places] = curve.values
        reached[places] += 1
    return steps, values, reached


def interpolate(curve: Curve, grid: _Array) -> Curve:
    """Interpolate a settled curve linearly between its points, at the steps of a grid that are inside its range.

    Parameters
    ----------
    curve : Curve
        With ascending steps, at least one.
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
    inside = grid[(grid >= steps[0]) & (grid <= steps[-1])]
    after = np.searchsorted(steps, inside)
    between = np.interp(inside, steps, values)
    return Curve(inside, np.where(steps[after] == inside, values[after], between))


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
        ends = np.concatenate([np.empty(0), *(curve.steps[[0, -1]] for curve in curves)])
        return np.linspace(ends.min(), ends.max(), int(grid)) if len(ends) else ends
    try:
        steps = np.unique(np.asarray(grid, dtype=np.float64))
    except (TypeError, ValueError):
        steps = np.empty(0)
    if np.ndim(grid) != 1 or not len(steps) or not np.isfinite(steps).all():  # type: ignore[arg-type]
        raise InvalidOptionError(f"grid={grid!r} is neither a number of points nor a list of finite steps.")
    return steps


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else np.nan
    except OverflowError:
        return np.inf if isinstance(value, int) and value > 0 else -np.inf
