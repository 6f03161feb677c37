# SPDX-License-Identifier: MIT
"""The points of metrics, steps beside values: read in bulk from metric columns, or taken from loaded curves."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from .cells import Metric, MetricArray, MetricDtype
from .curves import STEP_KEYS, Curves, find_log, read_curves, read_last
from .disk import Problem, RunDir
from .errors import InvalidOptionError, UnknownColumnError, suggest
from .fields import column, is_metric, is_missing, require
from .steps import Curve, as_numbers

__all__ = [
    "Points",
    "curve_columns",
    "is_curves",
    "log_columns",
    "read_ends",
    "read_logged",
    "read_points",
    "shared_steps",
    "sources_of",
    "step_columns",
]

_Cell = tuple[RunDir, str]
Source = _Cell | npt.NDArray[Any] | None
"""Where the curve of a row is: a run and a metric, the curve itself, or nowhere."""

_TRIED = 20  # runs that are asked for a metric that the frame has no column for


class Points(NamedTuple):
    """The points of several metrics.

    Attributes
    ----------
    curves : dict of label to list of (Curve or None)
        One a row; None where the run has no such metric, or no steps for it. In the order of the log, as logged:
        `steps.settle` makes the steps ascending.
    problems : list of Problem
        What is wrong with the files.
    """

    curves: dict[Hashable, list[Curve | None]]
    problems: list[Problem]


def read_points(frame: pd.DataFrame, steps: Mapping[Hashable, str | None]) -> Points:
    """Read the points of metrics; each log file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    steps : mapping of label to str or None
        For each column of curves what its steps are, as `step_columns` gives it; None is the place of the row in its
        log, counted from 0.

    Returns
    -------
    Points

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        A column that holds no curves, or steps that are no numbers.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan], "epoch": [np.array([10, 20]), np.nan]})
    >>> read_points(runs, {"loss": "epoch"}).curves["loss"]
    [Curve(steps=array([10, 20]), values=array([3., 1.])), None]
    """
    values = {label: sources_of(frame, label) for label in steps}
    beside = {label: _step_sources(frame, values[label], x) for label, x in steps.items()}
    reading = _Reading([*values.values(), *beside.values()])
    found = {
        label: [reading.points(value, step, x) for value, step in zip(values[label], beside[label], strict=True)]
        for label, x in steps.items()
    }
    return Points(found, reading.read.problems)


def read_logged(frame: pd.DataFrame, labels: Iterable[Hashable]) -> Points:
    """Read the values of metrics as they were logged, each with the place of its row in the log.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    labels : iterable of labels
        Columns of metrics, or of loaded curves.

    Returns
    -------
    Points
        Steps are the places of rows, counted from 0; values have the dtypes of `Metric.load`.

    Examples
    --------
    >>> read_logged(pd.DataFrame({"epoch": [np.array([10, 20])]}), ["epoch"]).curves["epoch"]
    [Curve(steps=array([0, 1]), values=array([10, 20]))]
    """
    columns = {label: sources_of(frame, label) for label in labels}
    reading = _Reading(list(columns.values()))
    return Points({label: [*map(reading.logged, sources)] for label, sources in columns.items()}, reading.read.problems)


def log_columns(frame: pd.DataFrame, log: str) -> list[Hashable]:
    """The columns of curves that are keys of one log.

    Raises
    ------
    UnknownColumnError
        There is no such log; the message holds the nearest.

    Examples
    --------
    >>> log_columns(pd.DataFrame({"train.loss": [np.zeros(2)], "test.loss": [np.zeros(2)]}), "train")
    ['train.loss']
    """
    logs = {label: _log_name(frame, label) for label in curve_columns(frame)}
    found = [label for label, name in logs.items() if name == log or _was_of(frame, label, name, log)]
    if not found:
        raise UnknownColumnError(f"There is no log {log!r}.{suggest(log, dict.fromkeys(filter(None, logs.values())))}")
    return found


def step_columns(frame: pd.DataFrame, labels: Iterable[Hashable], x: str | None) -> dict[Hashable, str | None]:
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
    >>> step_columns(pd.DataFrame({"loss": [np.zeros(2)], "epoch": [np.arange(2)]}), ["loss"], "epoch")
    {'loss': 'epoch'}
    """
    if x is None:
        return {label: None for label in labels if _curve_column(frame, label) is not None}
    if not isinstance(x, str):
        raise InvalidOptionError(f"x={x!r} is no name: give a metric of the same log, such as 'train.epoch'.")
    return {label: _step_column(frame, label, sources_of(frame, label), x) for label in labels}


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
        For `read_points`: in one log the row, and in two logs the first of `STEP_KEYS` that both have. The row where
        they share none.

    Examples
    --------
    >>> runs = pd.DataFrame({"train.loss": [np.zeros(2)], "test.loss": [np.zeros(2)]})
    >>> shared_steps(runs, "train.loss", "test.loss")
    {'train.loss': None, 'test.loss': None}
    """
    cells = {label: _first_cells(sources_of(frame, label)) for label in (first, second)}
    logs = {label: _log_of(tried[:1]) for label, tried in cells.items()}
    if logs[first] != logs[second] and None not in logs.values():
        for key in STEP_KEYS:
            if all(any(find_log(run, f"{logs[label]}.{key}") for run, _ in tried) for label, tried in cells.items()):
                return {label: f"{log}.{key}" for label, log in logs.items()}
    return dict.fromkeys((first, second))


def curve_columns(frame: pd.DataFrame) -> list[Hashable]:
    """The columns that hold curves; one of metrics may have lost all of its runs.

    Examples
    --------
    >>> curve_columns(pd.DataFrame({"seed": [1], "loss": [np.array([1.0])]}))
    ['loss']
    """
    columns = ((label, frame.iloc[:, place]) for place, label in enumerate(frame.columns))
    return [label for label, values in columns if is_metric(values) or (is_curves(values) and values.notna().any())]


def is_curves(values: pd.Series[Any]) -> bool:
    """Whether a column holds curves: metrics, or arrays and lists of numbers; a column without any value may.

    Examples
    --------
    >>> is_curves(pd.Series([np.nan, np.array([1.0])])), is_curves(pd.Series([1.0]))
    (True, False)
    """
    if isinstance(values.array, MetricArray):
        return True
    if values.dtype != object:
        return bool(values.dtype == np.float64 and values.isna().all())
    first = next((value for value in values if value is not None and not is_missing(value)), None)
    return first is None or isinstance(first, (Metric, list)) or (isinstance(first, np.ndarray) and first.ndim == 1)


def sources_of(frame: pd.DataFrame, label: Hashable) -> list[Source]:
    """Where the curves of a column are, one a row.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        The column holds no curves.

    Examples
    --------
    >>> sources_of(pd.DataFrame({"loss": [np.nan]}), "loss")
    [None]
    """
    values = _curve_column(frame, label)
    if isinstance(values.array, MetricArray):
        metric = values.array.dtype.column
        return [None if run is None else (run, metric) for run in values.array.runs]
    return [_source(value, label) for value in values]


def read_ends(frame: pd.DataFrame, labels: Iterable[Hashable]) -> tuple[dict[Hashable, list[Any]], list[Problem]]:
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
    list of Problem
        What was wrong with the lines that were looked at.

    Examples
    --------
    >>> ends, problems = read_ends(pd.DataFrame({"loss": [np.array([3, 1]), np.nan]}), ["loss"])
    >>> print(ends["loss"][0], ends["loss"][1])
    1 nan
    """
    labels = list(labels)
    if len(labels) == 1 and isinstance(array := _curve_column(frame, labels[0]).array, MetricArray):
        metric = array.dtype.column
        last = read_last(array.runs, [metric])  # aligned already: nothing has to be looked up
        return {labels[0]: [np.nan if value is None else value for value in last.values[metric]]}, last.problems
    columns = {label: sources_of(frame, label) for label in labels}
    cells = {source for sources in columns.values() for source in sources if isinstance(source, tuple)}
    runs = list(dict.fromkeys(run for run, _ in cells))
    metrics = list(dict.fromkeys(metric for _, metric in cells))
    last = read_last(runs, metrics, None if len(cells) == len(runs) * len(metrics) else cells)
    ends = {metric: dict(zip(runs, values, strict=True)) for metric, values in last.values.items()}
    return {label: [_end(source, ends) for source in sources] for label, sources in columns.items()}, last.problems


class _Reading:
    """One bulk read of all the metrics among some columns of sources."""

    def __init__(self, columns: Sequence[Sequence[Source]]) -> None:
        cells = dict.fromkeys(source for column in columns for source in column if isinstance(source, tuple))
        self._places = {run: place for place, run in enumerate(dict.fromkeys(run for run, _ in cells))}
        metrics = list(dict.fromkeys(metric for _, metric in cells))
        self.read = read_curves(list(self._places), metrics, cells.keys()) if cells else Curves({}, {}, [])
        self._arange: dict[int, npt.NDArray[np.int64]] = {}

    def points(self, values: Source, steps: Source, x: str | None) -> Curve | None:
        """The points of one row."""
        logged = self.logged(values)
        if x is None:
            return None if logged is None else Curve(logged.steps, as_numbers(logged.values))
        at = self.logged(steps)
        if logged is None or at is None:
            return None
        if isinstance(values, np.ndarray) and len(logged.steps) != len(at.steps):
            raise InvalidOptionError(
                f"A curve has {len(logged.steps)} values and its {x!r} has {len(at.steps)}. Which belong together is "
                "known of metrics, not of curves that were loaded: give the columns as read_runs returns them."
            )
        return _beside(logged, at, x)

    def logged(self, source: Source) -> Curve | None:
        """The rows of the log and the values there, as logged."""
        if isinstance(source, tuple):
            run, metric = source
            place = self._places[run]
            found = self.read.places[metric][place]
            return None if found is None else Curve(found[0].rows(found[1]), self.read.values[metric][place])
        return None if source is None else Curve(self._positions(len(source)), source)

    def _positions(self, length: int) -> npt.NDArray[np.int64]:
        """The rows of a loaded curve; one array for all of a length, which costs less and compares faster."""
        if length not in self._arange:
            self._arange[length] = np.arange(length)
        return self._arange[length]


def _end(source: Source, ends: Mapping[str, Mapping[RunDir, object]]) -> Any:
    if isinstance(source, tuple):
        value = ends[source[1]][source[0]]
        return np.nan if value is None else value
    return source[-1] if source is not None and len(source) else np.nan


def _beside(logged: Curve, at: Curve, x: str) -> Curve:
    """The values of the rows that have both, at the steps that stand there."""
    if logged.steps is at.steps or np.array_equal(logged.steps, at.steps):
        return Curve(_as_steps(at.values, x), as_numbers(logged.values))
    _, of_logged, of_at = np.intersect1d(logged.steps, at.steps, assume_unique=True, return_indices=True)
    return Curve(_as_steps(at.values[of_at], x), as_numbers(logged.values[of_logged]))


def _as_steps(values: npt.NDArray[Any], x: str) -> npt.NDArray[Any]:
    if values.dtype.kind in "iuf":
        return values
    for value in values.tolist():
        if isinstance(value, (str, list, dict)):
            raise InvalidOptionError(f"{x!r} holds {value!r}: steps are numbers.")
    return as_numbers(values)


def _curve_column(frame: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    values = column(frame, *require(frame, [label]))
    if not is_curves(values):
        raise InvalidOptionError(f"{label!r} holds no curves.{suggest(label, curve_columns(frame))}")
    return values


def _source(value: Any, label: Hashable) -> Source:
    if isinstance(value, Metric):
        return value.run, value.column
    if isinstance(value, (list, np.ndarray)) and np.ndim(value) == 1:
        return np.asarray(value)
    if is_missing(value) or value is None:
        return None
    raise InvalidOptionError(f"{label!r} holds {value!r} beside curves: a curve is a metric or a flat array.")


def _first_cells(sources: Iterable[Source]) -> list[_Cell]:
    return [source for source in sources if isinstance(source, tuple)][:_TRIED]


def _step_sources(frame: pd.DataFrame, sources: Sequence[Source], x: str | None) -> Sequence[Source]:
    """Where the steps of each row are."""
    if x is not None and x in frame.columns:
        return sources_of(frame, x)
    return [(source[0], x) if x is not None and isinstance(source, tuple) else None for source in sources]


def _step_column(frame: pd.DataFrame, label: Hashable, sources: Sequence[Source], x: str) -> str:
    cells = _first_cells(sources)
    log = _log_of(cells[:1])
    if x in frame.columns:
        other = _log_of(_first_cells(sources_of(frame, x))[:1])
        if None not in (log, other) and log != other:
            raise _other_log(label, log, x, other)
        return x
    name = x if log is None or x.startswith(f"{log}.") else f"{log}.{x}"
    if name in frame.columns or any(find_log(run, name) for run, _ in cells):
        return name
    other = _log_of([(run, x) for run, _ in cells])
    if other is not None:
        raise _other_log(label, log, x, other)
    counting = [f"{log}.{key}" for key in STEP_KEYS if any(find_log(run, f"{log}.{key}") for run, _ in cells)]
    known = dict.fromkeys(each for each in (*counting, *curve_columns(frame)) if each != label)
    raise UnknownColumnError(f"There is no {x!r} beside {label!r}.{suggest(x, known)}")


def _log_of(cells: Iterable[_Cell]) -> str | None:
    """The log of the first of these metrics that is there."""
    return next((found[0] for found in (find_log(run, metric) for run, metric in cells) if found), None)


def _log_name(frame: pd.DataFrame, label: Hashable) -> str | None:
    """The log of a column; of loaded curves, what stands before the first dot."""
    sources = sources_of(frame, label)
    on_disk = _log_of(_first_cells(sources)[:1])
    if on_disk is not None or not isinstance(label, str) or all(source is None for source in sources):
        return on_disk
    return label.partition(".")[0]


def _was_of(frame: pd.DataFrame, label: Hashable, name: str | None, log: str) -> bool:
    """Whether a column of metrics without any run has the name of a metric of a log."""
    dtype = column(frame, label).dtype
    return name is None and isinstance(dtype, MetricDtype) and dtype.column.startswith(f"{log}.")


def _other_log(label: Hashable, log: str | None, x: str, other: str | None) -> InvalidOptionError:
    return InvalidOptionError(
        f"{label!r} is in the log {log!r} and {x!r} in {other!r}: the rows of two logs do not belong together. "
        f"Give a metric of {log!r}, or a key that each log has."
    )
