# SPDX-License-Identifier: MIT
"""The columns of metrics: a cell stands for the curve of one run, and whole columns are read in bulk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.extensions import register_extension_dtype

from ..curves import counted, read_curves
from ..disk import Problem, warn_of
from ..errors import ArtifactError, MetricError
from .artifact import Artifacts
from .lazy import LazyArray, LazyCell, LazyDtype

__all__ = ["SEE", "Curve", "Metric", "MetricArray", "MetricDtype", "load_columns", "read_cells"]

SEE = "df.mlxp.health()"
"""What a warning of damaged files tells the user to call."""


class Curve(NamedTuple):
    """The points of one run.

    Attributes
    ----------
    steps : ndarray of shape (n_points,)
        The places of the rows in the log, counted from 0; or what was logged as steps.
    values : ndarray of shape (n_points,)
        NaN where the run logged one.
    """

    steps: np.ndarray
    values: np.ndarray


class Metric(LazyCell):
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

    def load(self) -> np.ndarray:
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
        curve: np.ndarray | None = read.values[self.column][0]
        if curve is None:
            raise MetricError(_why_gone(self, read.problems))
        warn_of(read.problems, SEE)
        return curve

    def __getitem__(self, item: Any) -> Any:
        return _walk.curve_at(self, item)[item] if type(item) is int else self.load()[item]


class _Walk(threading.local):
    """The curve that is walked through by position, as `list` and `max` do: one look at the file, not one a step."""

    metric: Metric | None = None
    curve: np.ndarray | None = None
    position = 0

    def curve_at(self, metric: Metric, position: int) -> np.ndarray:
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


class MetricArray(LazyArray):
    """A column of metrics: one reference to a run a row, or NaN; nothing is read.

    Examples
    --------
    >>> from mlxp_pandas.disk import RunDir
    >>> MetricArray._from_runs([RunDir("/logs", "1"), None], "train.loss")
    <MetricArray>
    [METRIC, NaN]
    Length: 2, dtype: metric[train.loss]
    """

    dtype_class = MetricDtype


MetricDtype.array_class = MetricArray


def load_columns(columns: Mapping[Any, pd.Series] | pd.DataFrame, *kinds: type[LazyCell]) -> dict[Any, list[Any]]:
    """The values of columns of metrics and artifacts; each log file is opened once for all of them.

    Parameters
    ----------
    columns : mapping of key to Series, or DataFrame
        Columns without metrics and artifacts are left out.
    *kinds : type
        `Metric` or `Artifacts`; both unless given.

    Returns
    -------
    dict of key to list of length n_rows
        For a metric the curve, ndarray of shape (n_steps,), for artifacts a dict of them; NaN where the run has none.
        Other values, in an `object` column, are as they were.

    Warns
    -----
    ProblemsWarning
        One warning a call, for all files that are damaged; their healthy lines are returned.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlxp_pandas.cells import MetricArray, load_columns
    >>> load_columns(pd.DataFrame({"config.seed": [1], "train.loss": MetricArray._from_runs([None], "train.loss")}))
    {'train.loss': [nan]}
    """
    problems: list[Problem] = []
    wanted = set(kinds or (Metric, Artifacts))
    chosen = {key: values for key, values in columns.items() if not wanted.isdisjoint(_kinds_in(values))}
    curves = read_cells(chosen, problems=problems)
    loaded = {key: _loaded(values, curves[key], problems) for key, values in chosen.items()}
    warn_of(problems, SEE)
    return loaded


def read_cells(
    columns: Mapping[Any, Any], read: Callable[..., Any] = read_curves, problems: list[Problem] | None = None
) -> dict[Any, list[Curve | None]]:
    """Read the curves of cells as they were logged; each log file is opened once for all of them.

    Parameters
    ----------
    columns : mapping of key to iterable of cells
        A cell is a metric, a curve that is loaded already (ndarray or list of n_steps), or something else, which has
        no curve. Runs of several log folders are fine, the cells know what they stand for.
    read : callable
        `read_curves`; or `read_last`, which gives metrics their last value in the place of all values.
    problems : list of Problem, optional
        Where to add what is wrong with the files, for a caller that warns of it himself.

    Returns
    -------
    dict of key to list of (Curve or None)
        None where there is no curve.

    Warns
    -----
    ProblemsWarning
        One warning a call, for all files that are damaged; their healthy lines are returned.

    Examples
    --------
    >>> import numpy as np
    >>> from mlxp_pandas.cells import read_cells
    >>> read_cells({"epoch": [np.array([10, 20]), None]})
    {'epoch': [Curve(steps=array([0, 1]), values=array([10, 20])), None]}
    """
    arrays = {key: of.array for key, of in columns.items() if isinstance(getattr(of, "array", None), MetricArray)}
    shared: list[Any] = next((array.runs for array in arrays.values()), [])
    is_shared = len(arrays) == len(columns) and all(array.runs == shared for array in arrays.values())
    names = {key: array.dtype.column for key, array in arrays.items() if is_shared}  # nothing has to be looked up
    columns = {} if names else {key: list(of) for key, of in columns.items()}
    cells = [cell for of in columns.values() for cell in of if isinstance(cell, Metric)]
    # Runs by their `id`: the cells of a row share it, and thousands of paths are slow to hash.
    runs = {id(cell.run): cell.run for cell in cells}
    metrics = [*dict.fromkeys(names.values())] or [*dict.fromkeys(cell.column for cell in cells)]
    is_full = names or len({(id(cell.run), cell.column) for cell in cells}) == len(runs) * len(metrics)
    found = read(
        shared if names else [*runs.values()], metrics, None if is_full else {(cell.run, cell.column) for cell in cells}
    )
    warn_of(found.problems, SEE) if problems is None else problems.extend(found.problems)
    if names:
        return {key: list(map(_curve_of, found.rows[name], found.values[name])) for key, name in names.items()}
    numbers = {run: number for number, run in enumerate(runs)}

    def curve_of(cell: Any) -> Curve | None:
        if not isinstance(cell, Metric):
            return Curve(counted(len(cell)), np.asarray(cell)) if isinstance(cell, (np.ndarray, list)) else None
        number = numbers[id(cell.run)]
        return _curve_of(found.rows[cell.column][number], found.values[cell.column][number])

    return {key: list(map(curve_of, of)) for key, of in columns.items()}


def _curve_of(rows: Any, values: Any) -> Curve | None:
    return None if rows is None else Curve(rows, values)


def _kinds_in(values: pd.Series) -> set[type]:
    return set(map(type, values.tolist())) if values.dtype == object else {values.dtype.type}


def _loaded(values: pd.Series, curves: Sequence[Curve | None], problems: list[Problem]) -> list[Any]:
    if isinstance(values.array, MetricArray):
        return [np.nan if curve is None else curve.values for curve in curves]
    return [_loaded_cell(cell, curve, problems) for cell, curve in zip(values, curves, strict=True)]


def _loaded_cell(cell: Any, curve: Curve | None, problems: list[Problem]) -> Any:
    if isinstance(cell, Metric):
        return np.nan if curve is None else curve.values
    try:
        return dict(cell.items()) if isinstance(cell, Artifacts) else cell
    except ArtifactError as error:
        problems.append(Problem(cell.log_id, f"{cell.log_id}/artifacts", None, "missing", str(error), "NaN"))
        return np.nan


def _why_gone(metric: Metric, problems: Sequence[Problem]) -> str:
    found = "; ".join(problem.sentence for problem in problems) or f"looked in {metric.run.path}/metrics"
    again = "read_runs(path) again gives the columns that are there now"
    return f"run {metric.log_id} has no metric {metric.column!r}: {found}. {again}"
