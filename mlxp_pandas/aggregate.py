# SPDX-License-Identifier: MIT
"""Maps and groups of runs to frames: users' functions on lists of values, and statistics of curves step by step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import InvalidMapError, InvalidOptionError, suggest
from .fields import column, is_artifact, require
from .maps import STATISTICS, Aggregation, call, parse_aggregations
from .values import ColumnValues, read_values

__all__ = ["aggregate", "step_statistic"]

_Curve = npt.NDArray[Any]
_Column = npt.NDArray[Any] | pd.api.extensions.ExtensionArray
_Rows = Sequence[npt.NDArray[np.int64]]


def aggregate(
    frame: pd.DataFrame, rows: _Rows, index: pd.Index[Any], maps: object, named: Mapping[str, object]
) -> pd.DataFrame:
    """Reduce groups of rows to one row each.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    rows : sequence of ndarray
        The row positions of each group; groups do not overlap.
    index : Index
        The keys of the groups: the index of the result.
    maps, named
        The aggregation, in one of the spellings of `maps.parse_aggregations`. A function gets the list of the group's
        values of a column: curves as ndarrays, of the runs that have the metric; of other columns all values, missing
        ones as NaN. It is not called for a group without any value: its cell is NaN. Named statistics are those of
        `step_statistic` on curves, and those of pandas on other columns.

    Returns
    -------
    DataFrame
        One row a group, one column an output; arrays and lists stay whole, in object columns.

    Raises
    ------
    InvalidMapError
        A map of another form, or a statistic that the column's values do not have.
    UnknownColumnError
        A column that the frame does not have.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 0.3], "loss": [np.array([4.0, 2.0]), np.array([2.0, 1.0])]})
    >>> aggregate(runs, [np.array([0, 1])], pd.Index(["all"]), (max, "config.lr"), {})
         fmax.config.lr
    all             0.3
    >>> aggregate(runs, [np.array([0, 1])], pd.Index(["all"]), {"loss": "mean"}, {}).loc["all", "loss"]
    array([3. , 1.5])
    """
    aggregations = parse_aggregations(maps, named, lambda labels: require(frame, labels, levels=True))
    values = read_values(frame, dict.fromkeys(each.column for each in aggregations))
    outputs = {each.output: _column(frame, each, values[each.column], rows, index) for each in aggregations}
    result = pd.DataFrame(outputs, index=pd.RangeIndex(len(index)))
    return result.set_axis(index, axis=0)


def step_statistic(curves: Sequence[_Curve], name: str) -> _Curve:
    """A statistic over runs at each step; at each step of those runs that reached it.

    Parameters
    ----------
    curves : sequence of ndarray of shape (n_steps of the run,)
        One curve a run, of any lengths. Arrays of more dimensions must have equal shapes after the first.
    name : {"mean", "std", "sem", "median", "min", "max", "count"}
        `std` and `sem` have n - 1 degrees of freedom, so they are NaN where one run is left; `count` is the number of
        runs that reached the step.

    Returns
    -------
    ndarray of shape (n_steps of the longest run,)
        A NaN in any of the runs at a step makes the statistic NaN there.

    Raises
    ------
    InvalidOptionError
        There is no such statistic.
    TypeError, ValueError
        The curves do not hold numbers.

    Examples
    --------
    >>> step_statistic([np.array([1.0, 2.0, 3.0]), np.array([3.0, np.nan])], "mean")
    array([ 2., nan,  3.])
    >>> step_statistic([np.array([1.0, 2.0, 3.0]), np.array([3.0, np.nan])], "count")
    array([2, 2, 1])
    """
    if name not in STATISTICS:
        raise InvalidOptionError(f"There is no statistic {name!r}.{suggest(name, STATISTICS)}")
    arrays = [_as_numbers(curve, name) for curve in curves]
    ends = sorted({0, *map(len, arrays)})
    # Between two ends the same runs are left: each stretch is one plain computation. Diverged runs hold infinities.
    with np.errstate(invalid="ignore", over="ignore"):
        stretches = [
            _STATISTICS[name](np.array([array[start:end] for array in arrays if len(array) >= end]))
            for start, end in pairwise(ends)
        ]
    if len(stretches) == 1:
        return stretches[0]
    return np.concatenate(stretches) if stretches else np.empty(0)


def _column(frame: pd.DataFrame, each: Aggregation, values: ColumnValues, rows: _Rows, index: pd.Index[Any]) -> _Column:
    """One output: the result of each group, typed."""
    if isinstance(each.function, str) and not values.holds_curves:
        return _plain_statistic(column(frame, each.column), each.function, rows)
    function = partial(_over_runs, name=each.function) if isinstance(each.function, str) else each.function
    groups = _split(values, rows)
    filled = [place for place, group in enumerate(groups) if group]
    results = [call(function, [groups[place]], partial(_place_text, each.column, index, place)) for place in filled]
    return _typed(results, filled, len(groups))


def _place_text(label: Hashable, index: pd.Index[Any], place: int) -> str:
    return f"column {label!r}, group {index[place]!r}"


def _split(values: ColumnValues, rows: _Rows) -> list[list[Any]]:
    """The values of each group, without the runs that have no such metric."""
    if values.present is not None:
        rows = [group[values.present[group]] for group in rows]
    return [list(map(values.values.__getitem__, group.tolist())) for group in rows]


def _over_runs(curves: list[_Curve], name: str) -> _Curve:
    """The statistic over the runs of a group, with an error that users understand."""
    try:
        return step_statistic(curves, name)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidMapError(
            f"{name!r} needs curves of numbers ({error}). Give a function of the list of curves instead."
        ) from error


def _plain_statistic(values: pd.Series[Any], name: str, rows: _Rows) -> _Column:
    """What pandas' groupby gives on a column of plain values."""
    codes = np.full(len(values), -1, dtype=np.int64)
    for place, group in enumerate(rows):
        codes[group] = place
    if is_artifact(values) and name != "count":
        raise InvalidMapError(f"{values.name!r} holds artifacts: they have no {name!r}, only a 'count'.")
    try:
        with warnings.catch_warnings():
            # numpy warns of groups whose values are all missing; their cell is NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            found: pd.Series[Any] = values.reset_index(drop=True).groupby(codes).agg(name)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidMapError(f"{values.name!r} ({values.dtype}) has no {name!r}: {error}") from error
    result: _Column = found.reindex(range(len(rows)), fill_value=0 if name == "count" else np.nan).array
    return result


def _typed(results: list[Any], filled: list[int], n_groups: int) -> _Column:
    """The results as a column: scalars get their type, arrays and lists stay whole; groups without one are missing."""
    if not all(map(pd.api.types.is_scalar, results)) or not results:
        cells = np.full(n_groups, np.nan, dtype=object if results else np.float64)
        for place, result in zip(filled, results, strict=True):
            cells[place] = result
        return cells
    typed = pd.Series(results, index=filled)
    nullable = {"int64": "Int64", "bool": "boolean"}.get(str(typed.dtype))
    if len(filled) < n_groups and nullable:
        typed = typed.astype(nullable)  # type: ignore[call-overload]
    typed = typed.reindex(range(n_groups))
    return typed.array


def _as_numbers(curve: _Curve, name: str) -> _Curve:
    """The curve as an array that numpy can compute with; objects only where they are numbers."""
    array = np.asarray(curve)
    kinds = "biuf" if name in ("min", "max") else "iuf"
    return array if array.dtype.kind in kinds or name == "count" else array.astype(np.float64)


def _mean(stack: _Curve) -> _Curve:
    return np.asarray(np.mean(stack, axis=0))


def _std(stack: _Curve) -> _Curve:
    if len(stack) < 2:
        return np.full(stack.shape[1:], np.nan)
    return np.asarray(np.std(stack, axis=0, ddof=1))


def _sem(stack: _Curve) -> _Curve:
    return np.asarray(_std(stack) / np.sqrt(len(stack)))


_STATISTICS: dict[str, Callable[[_Curve], _Curve]] = {
    "mean": _mean,
    "std": _std,
    "sem": _sem,
    "median": lambda stack: np.asarray(np.median(stack, axis=0)),
    "min": lambda stack: np.asarray(np.min(stack, axis=0)),
    "max": lambda stack: np.asarray(np.max(stack, axis=0)),
    "count": lambda stack: np.full(stack.shape[1:], len(stack)),
}
