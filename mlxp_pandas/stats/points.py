# SPDX-License-Identifier: MIT
"""The points of metrics, steps beside values: read in bulk from metric columns, or taken from loaded curves."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cells import Curve, Metric, MetricDtype, read_cells
from ..curves import STEP_KEYS, find_log, read_last
from ..disk import Problem
from ..errors import InvalidOptionError, UnknownColumnError, suggest
from .columns import column, is_missing, require

Curves = dict[Hashable, list[Curve | None]]
Steps = Mapping[Hashable, str | None]

_TRIED = 20  # runs that are asked for a metric that the frame has no column for


def read_ends(frame: pd.DataFrame, labels: Iterable[Hashable]) -> dict[Hashable, list[Any]]:
    """The last value of columns of curves, from the ends of the files alone.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    labels : iterable of labels
        Columns of metrics, or of loaded curves.

    Returns
    -------
    dict of label to list of length n_rows
        As logged; NaN where the run has no such metric.

    Examples
    --------
    >>> ends = read_ends(pd.DataFrame({"loss": [np.array([3, 1]), np.nan]}), ["loss"])
    >>> print(ends["loss"][0], ends["loss"][1])
    1 nan
    """
    curves = read_cells({label: curve_column(frame, label) for label in labels}, read_last)
    return {label: [_end(curve) for curve in of] for label, of in curves.items()}


def points_of(frame: pd.DataFrame, steps: Steps, problems: list[Problem] | None = None) -> Curves:
    """Read the points of metrics; each log file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    steps : mapping of label to str or None
        For each column of curves what its steps are, as `steps_of` gives it; None is the place of the row in its
        log, counted from 0. `steps_of` and `shared_steps` have checked that all of these columns hold curves.
    problems : list of Problem, optional
        Where to add what is wrong with the files, in place of a warning.

    Returns
    -------
    dict of label to list of (Curve or None)
        One a run; None where it has no such metric, or no steps for it. In the order of the log, as logged:
        `spread.settle` makes the steps ascending.

    Raises
    ------
    InvalidOptionError
        Steps that are no numbers, or loaded curves that are longer or shorter than their steps.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan], "epoch": [np.array([10, 20]), np.nan]})
    >>> points_of(runs, {"loss": "epoch"})["loss"]
    [Curve(steps=array([10, 20]), values=array([3., 1.])), None]
    """
    cells: dict[Any, Any] = {(label, None): column(frame, label) for label in steps}
    cells |= {(label, x): _cells_of_steps(frame, cells[label, None], x) for label, x in steps.items() if x is not None}
    curves = read_cells(cells, problems=problems)
    return {
        label: list(map(_points, cells[label, None], curves[label, None], curves[label, x], repeat(x)))
        for label, x in steps.items()
    }


def as_numbers(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
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


def tidy(curves: Iterable[Curve | None]) -> pd.DataFrame:
    """The points of runs as one frame, run after run.

    Parameters
    ----------
    curves : iterable of (Curve or None)
        One a run.

    Returns
    -------
    DataFrame
        `run`, the place of the curve among the others, `step` and `value`; one row a point.

    Examples
    --------
    >>> tidy([Curve(np.array([10, 20]), np.array([3.0, 1.0])), None, Curve(np.array([10]), np.array([2.0]))])
       run  step  value
    0    0    10    3.0
    1    0    20    1.0
    2    2    10    2.0
    """
    nothing = Curve(np.empty(0, dtype=np.int64), np.empty(0))
    there = [(run, curve) for run, curve in enumerate(curves) if curve is not None] or [(0, nothing)]
    runs = np.repeat([run for run, _ in there], [len(curve.steps) for _, curve in there])
    steps, values = (np.concatenate(parts) for parts in zip(*(curve for _, curve in there), strict=True))
    return pd.DataFrame({"run": runs, "step": steps, "value": values})


def log_curves(frame: pd.DataFrame, log: str) -> Curves:
    """Read the curves of one log, as they were logged, and warn of what is wrong with the files.

    Returns
    -------
    dict of label to list of (Curve or None)
        As `read_cells` gives them, for each column that is a key of the log.

    Raises
    ------
    UnknownColumnError
        There is no such log; the message holds the nearest.

    Examples
    --------
    >>> list(log_curves(pd.DataFrame({"train.loss": [np.zeros(2)], "test.loss": [np.zeros(2)]}), "train"))
    ['train.loss']
    """
    logs = {label: _log_of(_metrics(frame, label)[:1]) for label in curve_columns(frame)}
    # Of loaded curves, and of metrics that no run has, the name of the metric tells.
    names = {label: str(getattr(column(frame, label).dtype, "column", label)) for label, of in logs.items() if not of}
    found = [label for label in logs if logs[label] == log or f"{names.get(label)}.".startswith(f"{log}.")]
    if not found:
        known = dict.fromkeys(of or names[label].partition(".")[0] for label, of in logs.items())
        raise UnknownColumnError(f"There is no log {log!r}.{suggest(log, known)}")
    return read_cells({label: curve_column(frame, label) for label in found})


def steps_of(frame: pd.DataFrame, labels: Iterable[Hashable], x: str | None) -> dict[Hashable, str | None]:
    """Find out what the steps of metrics are.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    labels : iterable of labels
        Columns of metrics, or of loaded curves.
    x : str, optional
        A metric of the same log: a column (`"train.epoch"`), or a key that the log of each metric has (`"epoch"`).

    Returns
    -------
    dict of label to str or None
        The column, or the metric where the frame has no column for it.

    Raises
    ------
    UnknownColumnError
        The frame has no such column, or the runs have no such `x`.
    InvalidOptionError
        A column that holds no curves, or an `x` of another log.

    Examples
    --------
    >>> steps_of(pd.DataFrame({"loss": [np.zeros(2)], "epoch": [np.arange(2)]}), ["loss"], "epoch")
    {'loss': 'epoch'}
    """
    for label in labels:
        curve_column(frame, label)
    if x is None:
        return dict.fromkeys(labels)
    if not isinstance(x, str):
        raise InvalidOptionError(f"x={x!r} is no name: give a metric of the same log, such as 'train.epoch'.")
    return {label: _step_column(frame, label, x) for label in labels}


def shared_steps(frame: pd.DataFrame, first: Hashable, second: Hashable) -> dict[Hashable, str | None]:
    """The steps that belong together in two columns of curves, which may be in two logs.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    first, second : label
        Columns of metrics, or of loaded curves.

    Returns
    -------
    dict of label to str or None
        For `points_of`: in one log the row, and in two logs the first of `STEP_KEYS` that both have. The row where
        they share none.

    Examples
    --------
    >>> runs = pd.DataFrame({"train.loss": [np.zeros(2)], "test.loss": [np.zeros(2)]})
    >>> shared_steps(runs, "train.loss", "test.loss")
    {'train.loss': None, 'test.loss': None}
    """
    logs = [_log_of(_metrics(frame, label)[:1]) for label in (first, second)]
    if logs[0] != logs[1] and None not in logs:
        for key in STEP_KEYS:
            with suppress(UnknownColumnError):
                return steps_of(frame, (first, second), key)
    return dict.fromkeys((first, second))


def curve_columns(frame: pd.DataFrame) -> list[Hashable]:
    """The columns that hold curves; one of metrics may have lost all of its runs.

    Examples
    --------
    >>> curve_columns(pd.DataFrame({"seed": [1], "loss": [np.array([1.0])]}))
    ['loss']
    """
    return [label for label, values in frame.items() if holds_curves(values)]


def holds_curves(values: pd.Series[Any]) -> bool:
    """Whether a column holds curves, and not only may: metrics, or at least one array or list of numbers.

    Examples
    --------
    >>> holds_curves(pd.Series([np.nan, [1.0]])), holds_curves(pd.Series([np.nan]))
    (True, False)
    """
    return isinstance(values.dtype, MetricDtype) or (is_curves(values) and bool(values.notna().any()))


def is_curves(values: pd.Series[Any]) -> bool:
    """Whether a column holds curves: metrics, or arrays and lists of numbers; a column without any value may.

    Examples
    --------
    >>> is_curves(pd.Series([np.nan, np.array([1.0])])), is_curves(pd.Series([1.0]))
    (True, False)
    """
    if values.dtype != object:
        return isinstance(values.dtype, MetricDtype) or bool(values.dtype == np.float64 and values.isna().all())
    return all(map(_may_be_curve, values))


def curve_column(frame: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    """A column of curves: of metrics, or of arrays and lists of n_points; or missing.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        The column holds no curves.

    Examples
    --------
    >>> curve_column(pd.DataFrame({"loss": [[3.0, 1.0]]}), "loss").tolist()
    [[3.0, 1.0]]
    """
    values = column(frame, *require(frame, [label]))
    if not is_curves(values):
        raise InvalidOptionError(f"{label!r} holds no curves.{suggest(label, curve_columns(frame))}")
    return values


def _may_be_curve(value: Any) -> bool:
    if isinstance(value, (np.ndarray, list)):
        return np.asarray(value).ndim == 1
    return isinstance(value, Metric) or value is None or is_missing(value)


def _end(curve: Curve | None) -> Any:
    """The last value of a loaded curve, or of a metric whose last value was read."""
    if curve is None or not isinstance(curve.values, np.ndarray):
        return np.nan if curve is None else curve.values
    return curve.values[-1] if len(curve.values) else np.nan


def _cells_of_steps(frame: pd.DataFrame, cells: Any, x: str) -> Any:
    """The cells of the steps, also of a metric that the frame has no column for."""
    if x in frame.columns:
        return column(frame, x)
    return [Metric(cell.run, x) if isinstance(cell, Metric) else None for cell in cells]


def _points(cell: Any, logged: Curve | None, at: Curve | None, x: str | None) -> Curve | None:
    """The values of the rows of the log that have both, at the steps that stand there."""
    if logged is None or at is None:
        return None
    if x is None:
        return logged if logged.values.dtype == np.float64 else Curve(logged.steps, as_numbers(logged.values))
    if not isinstance(cell, Metric) and len(logged.steps) != len(at.steps):
        lengths = f"A curve has {len(logged.steps)} values and its {x!r} has {len(at.steps)}"
        raise InvalidOptionError(f"{lengths}: give the columns as read_runs returns them, of which the rows are known.")
    if not np.array_equal(logged.steps, at.steps):
        _, of_logged, of_at = np.intersect1d(logged.steps, at.steps, assume_unique=True, return_indices=True)
        logged, at = Curve(logged.steps[of_logged], logged.values[of_logged]), Curve(at.steps[of_at], at.values[of_at])
    for value in at.values.tolist() if at.values.dtype == object else []:
        if isinstance(value, (str, list, dict)):
            raise InvalidOptionError(f"{x!r} holds {value!r}: steps are numbers.")
    return Curve(at.values if at.values.dtype.kind in "iuf" else as_numbers(at.values), as_numbers(logged.values))


def _metrics(frame: pd.DataFrame, label: Hashable) -> list[Metric]:
    """The first metrics of a column."""
    return [cell for cell in curve_column(frame, label) if isinstance(cell, Metric)][:_TRIED]


def _log_of(metrics: Iterable[Metric]) -> str | None:
    """The log of the first of these metrics that is there."""
    return next((found[0] for each in metrics if (found := find_log(each.run, each.column))), None)


def _step_column(frame: pd.DataFrame, label: Hashable, x: str) -> str:
    metrics = _metrics(frame, label)
    log = _log_of(metrics[:1])
    is_whole = log is None or x in frame.columns or x.startswith(f"{log}.")
    for name in (x,) if is_whole else (f"{log}.{x}", x):
        is_column = name in frame.columns
        other = _log_of(_metrics(frame, name)[:1] if is_column else [Metric(each.run, name) for each in metrics])
        if None not in (log, other) and log != other:
            logs = f"{label!r} is in the log {log!r} and {x!r} in {other!r}: rows of two logs do not belong together"
            raise InvalidOptionError(f"{logs}. Give a metric of {log!r}, or a key that each log has.")
        if is_column or other:
            return name
    raise UnknownColumnError(f"There is no {x!r} beside {label!r}.{suggest(x, curve_columns(frame))}")


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, (int, float)) else np.nan
    except OverflowError:
        return np.inf if isinstance(value, int) and value > 0 else -np.inf
