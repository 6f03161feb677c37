# SPDX-License-Identifier: MIT
"""The columns of metrics: a cell stands for the curve of one run, and whole columns are read in bulk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from operator import is_
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import register_extension_dtype

from .curves import read_curves
from .errors import MetricError
from .lazy import LazyArray, LazyCell, LazyDtype
from .problems import Problem, warn_of
from .rundir import RunDir

__all__ = ["Metric", "MetricArray", "MetricDtype", "load_columns", "load_curves"]

_SEE = "df.mlxp.health()"

Curve = npt.NDArray[Any]
_Curves = dict[str, dict[int, Curve | None]]


class _Wish(NamedTuple):
    """A curve to be read. The run by its `id`: the cells of a row share it, and thousands of paths are slow to hash."""

    run: int
    column: str


class Metric(LazyCell[RunDir]):
    """The curve of one metric of one run, read when it is asked for.

    `metric[:]`, `metric[-1]`, `list(metric)`, `max(metric)` and `metric.load()` read the file; nothing else does. Read
    files are kept in a bounded cache, so that the second look is cheap.

    Parameters
    ----------
    run : RunDir
        The run.
    column : str
        `<log>.<key>`, such as `train.loss`.

    Examples
    --------
    >>> import tempfile, mlxp_pandas
    >>> from mlxp_pandas.testing import make_runs
    >>> folder = tempfile.TemporaryDirectory()
    >>> runs = mlxp_pandas.read_runs(make_runs(folder.name, 2, n_steps=3))
    >>> metric = runs.loc[1, "train.loss"]
    >>> metric
    METRIC
    >>> metric.load().shape
    (3,)
    >>> list(metric) == metric[:].tolist()
    True
    >>> runs.loc[1, "train.epoch"][:]
    array([0, 1, 2])
    >>> folder.cleanup()
    """

    __slots__ = ()
    placeholder = "METRIC"

    def load(self) -> Curve:
        """Read the whole curve.

        Returns
        -------
        ndarray of shape (n_steps,)
            The values of the lines that have the key, in the order of the file. A value that was logged as NaN or null
            is NaN; text and nested values give an array of objects.

        Raises
        ------
        MetricError
            The run has no such metric any more.

        Warns
        -----
        ProblemsWarning
            The file is damaged; its healthy lines are returned.
        """
        read = read_curves([self.run], [self.column])
        curve: Curve | None = read.values[self.column][0]
        if curve is None:
            raise MetricError(_why_gone(self, read.problems))
        warn_of(read.problems, _SEE)
        return curve

    def __getitem__(self, item: Any) -> Any:
        return _walk.curve_at(self, item)[item] if type(item) is int else self.load()[item]


class _Walk(threading.local):
    """The curve that is walked through by position, as `list` and `max` do: one look at the file, not one a step."""

    metric: Metric | None = None
    curve: Curve | None = None
    position = 0

    def curve_at(self, metric: Metric, position: int) -> Curve:
        """The curve of the walk if this is its next step, else the file's; behind the last step it is forgotten."""
        known = self.curve if metric is self.metric and position == self.position else None
        curve = metric.load() if known is None else known
        goes_on = (position == 0 or known is not None) and position < len(curve)
        self.metric, self.curve, self.position = (metric, curve, position + 1) if goes_on else (None, None, 0)
        return curve


_walk = _Walk()


@register_extension_dtype
class MetricDtype(LazyDtype):
    """The dtype of a column of metrics, named `metric[<column>]`.

    Parameters
    ----------
    column : str
        The metric, `<log>.<key>`. It stays when the frame's column is renamed.

    Examples
    --------
    >>> import pandas as pd
    >>> pd.Series([None], dtype="metric[train.loss]").dtype
    MetricDtype('train.loss')
    """

    prefix = "metric"
    cell_class = Metric


class MetricArray(LazyArray[RunDir]):
    """A column of metrics: one reference to a run a row, or NaN; nothing is read.

    Examples
    --------
    >>> from mlxp_pandas.rundir import RunDir
    >>> MetricArray._from_runs([RunDir("/logs", "1"), None], "train.loss")
    <MetricArray>
    [METRIC, NaN]
    Length: 2, dtype: metric[train.loss]
    """

    dtype_class = MetricDtype


MetricDtype.array_class = MetricArray


def load_curves(values: pd.Series | MetricArray) -> list[Curve | float]:
    """Load one column of metrics; see `load_columns`.

    Returns
    -------
    list of ndarray of shape (n_steps,), or NaN
        The curve of each row; NaN where the cell is missing.

    Examples
    --------
    >>> from mlxp_pandas.metrics import MetricArray, load_curves
    >>> load_curves(MetricArray._from_runs([None], "train.loss"))
    [nan]
    """
    return _load({"": pd.Series(values)})[""]


def load_columns(frame: pd.DataFrame, columns: Sequence[str], *, also: Sequence[Problem] = ()) -> dict[str, list[Any]]:
    """The values of columns, with the curves in the place of metrics, read in bulk: each log file is opened once.

    Parameters
    ----------
    frame : DataFrame
        Any frame; runs of several log folders and renamed columns are fine, the cells know what they stand for.
    columns : sequence of str
        Columns of the frame. Others than metrics are returned as they are; metrics in an `object` column are loaded.
    also : sequence of Problem
        What the caller found himself, to be part of the same warning.

    Returns
    -------
    dict of str to list of length n_rows
        For a metric the curve, ndarray of shape (n_steps,), or NaN where the run has none.

    Warns
    -----
    ProblemsWarning
        One warning a call, for all files that are damaged; their healthy lines are returned.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlxp_pandas.metrics import load_columns
    >>> load_columns(pd.DataFrame({"config.seed": [1, 2]}), ["config.seed"])
    {'config.seed': [1, 2]}
    """
    return _load({column: frame[column] for column in columns}, also=also)


def _load(columns: dict[str, pd.Series], *, also: Sequence[Problem] = ()) -> dict[str, list[Any]]:
    """The columns as lists; every metric in them is read in one go."""
    arrays = {name: series.array for name, series in columns.items() if isinstance(series.array, MetricArray)}
    shared = _shared_runs([array.runs for array in arrays.values()]) if len(arrays) == len(columns) else None
    if shared is not None:
        read = read_curves(shared, sorted({array.dtype.column for array in arrays.values()}))
        warn_of([*read.problems, *also], _SEE)
        return {name: _or_nan(read.values[array.dtype.column]) for name, array in arrays.items()}
    runs: dict[int, RunDir] = {}
    asked = {name: _asked(series, runs) for name, series in columns.items()}
    wishes = {item for items in asked.values() for item in items if type(item) is _Wish}
    curves, problems = _read(wishes, runs)
    warn_of([*problems, *also], _SEE)
    return {name: [_answer(item, curves) for item in items] for name, items in asked.items()}


def _shared_runs(columns: Sequence[list[RunDir | None]]) -> list[RunDir | None] | None:
    """The runs of the rows, where every column has a metric in every row, as those of most frames have."""
    if not columns or any(run is None for run in columns[0]):
        return None
    return columns[0] if all(all(map(is_, columns[0], runs)) for runs in columns[1:]) else None


def _or_nan(curves: list[Any]) -> list[Any]:
    return [np.nan if curve is None else curve for curve in curves]


def _asked(series: pd.Series, runs: dict[int, RunDir]) -> list[Any]:
    """The values of a column, with wishes in the place of metrics; their runs are added to `runs`."""
    if isinstance(series.array, MetricArray):
        column, found = series.array.dtype.column, series.array.runs
        runs.update((id(run), run) for run in found if run is not None)
        return [np.nan if run is None else _Wish(id(run), column) for run in found]
    values = list(series)
    runs.update((id(value.run), value.run) for value in values if isinstance(value, Metric))
    return [_Wish(id(value.run), value.column) if isinstance(value, Metric) else value for value in values]


def _answer(item: Any, curves: _Curves) -> Any:
    if type(item) is not _Wish:
        return item
    curve = curves[item.column][item.run]
    return np.nan if curve is None else curve


def _read(wishes: set[_Wish], runs: dict[int, RunDir]) -> tuple[_Curves, list[Problem]]:
    """The curves by column and run, from one bulk read, and what is wrong with them."""
    columns = sorted({wish.column for wish in wishes})
    is_full = len(wishes) == len(runs) * len(columns)
    cells = None if is_full else {(runs[wish.run], wish.column) for wish in wishes}
    read = read_curves(list(runs.values()), columns, cells)
    return {column: dict(zip(runs, read.values[column], strict=True)) for column in columns}, read.problems


def _why_gone(metric: Metric, problems: Sequence[Problem]) -> str:
    found = "; ".join(problem.sentence for problem in problems) or f"looked in {metric.run.path}/metrics"
    again = "read_runs(path) again gives the columns that are there now"
    return f"run {metric.log_id} has no metric {metric.column!r}: {found}. {again}"
