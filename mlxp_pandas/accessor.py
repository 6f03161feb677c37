# SPDX-License-Identifier: MIT
"""`df.mlxp` and `df[metric].mlxp`: each method is one call to the module that does it.

pandas 2 keeps an accessor with its frame, pandas 3 builds one at each access: it has no state and costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cache, partial
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd

from . import stats, views
from .errors import InvalidOptionError, NoCurvesError
from .groups import RunGroups, all_but_names, select_runs
from .query import local_names, selected_rows

__all__ = ["CurveAccessor", "RunsAccessor"]

_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")


@pd.api.extensions.register_dataframe_accessor("mlxp")
class RunsAccessor:
    """The runs of a frame: query, compare, group, aggregate and load them.

    It works on every DataFrame, also on an aggregated one, and never changes it.

    Examples
    --------
    >>> import mlxp_pandas
    >>> runs = pd.DataFrame({"config.lr": [10.0, 1.0, 1.0], "config.seed": [1, 1, 2], "loss": [0.3, 0.2, 0.4]})
    >>> runs.mlxp.diff()
    ['config.lr', 'config.seed']
    >>> runs.mlxp.groupby("config.lr").aggregate(loss=("loss", "mean"))
               loss
    config.lr
    1.0         0.3
    10.0        0.3
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    @property
    def fields(self) -> pd.DataFrame:
        """The columns and their types, as MLXP's `Reader.fields` prints them.

        Returns
        -------
        DataFrame
            Index `Fields`, sorted; column `Type`: `<class 'int'>`, ..., `METRIC` or `Artifact`.

        Examples
        --------
        >>> pd.DataFrame({"config.seed": [1], "note": ["x"]}).mlxp.fields
                              Type
        Fields
        config.seed  <class 'int'>
        note         <class 'str'>
        """
        return stats.fields_table(self._frame)

    @property
    def searchable(self) -> pd.DataFrame:
        """The rows of `fields` that start with `config.` or `info.`, which are those that MLXP can query.

        Examples
        --------
        >>> pd.DataFrame({"config.seed": [1], "note": ["x"]}).mlxp.searchable
                              Type
        Fields
        config.seed  <class 'int'>
        """
        return stats.searchable_table(self._frame)

    def filter(
        self, condition: Any, bygroups: Hashable | list[Hashable] | None = None, *, missing: str = "drop"
    ) -> pd.DataFrame:
        """Keep the runs that a query or a filter map selects.

        Parameters
        ----------
        condition : str or tuple
            A query such as `"config.optimizer.lr < 1 & info.status == 'COMPLETE'"`, in which `@name` is a variable of
            the caller and `train.loss.last` a number of a curve (see `summary`); or MLXP's filter map `(function,
            column or columns)`: the function gets one list a column, of the values of all runs (curves as ndarrays, NaN
            where a run has none), and returns one boolean a run.
        bygroups : label or list of labels, optional
            For a filter map: columns or index levels; the function is applied to each of their groups.
        missing : {"drop", "keep", "raise"}
            For a query: what a run without the value is to a comparison: no match, what pandas says, or an error.

        Returns
        -------
        DataFrame
            The runs that pass, in the frame's order.

        Raises
        ------
        QueryError
            The query is not in the grammar, or cannot be answered.
        UnknownColumnError
            The frame has no such column.
        InvalidMapError
            The map has another form, or its function does not return one boolean a run.
        InvalidOptionError
            `bygroups` with a query, or `missing` with a map.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [1.0, 1.0, 2.0], "loss": [4.0, 3.0, 5.0]})
        >>> runs.mlxp.filter("config.lr < 2").index.tolist()
        [0, 1]
        >>> runs.mlxp.filter((lambda x: [v == min(x) for v in x], "loss"), bygroups="config.lr").index.tolist()
        [1, 2]
        """
        if not isinstance(condition, str):
            _check_only(
                missing == "drop", "missing is for queries; a filter map gets NaN for what a run does not have."
            )
            return stats.filter_runs(self._frame, condition, bygroups)
        _check_only(bygroups is None, "bygroups is for filter maps (function, columns), not for queries.")
        return _queried(self._frame, condition, missing, _callers_values(local_names(condition)))

    def diff(self, start_key: str = "config") -> list[Hashable]:
        """The columns whose values differ between runs.

        Parameters
        ----------
        start_key : str
            What the names start with.

        Returns
        -------
        list of labels
            In the order of the columns. A run that lacks a value differs from one that has it; 1, 1.0 and True are
            equal, and NaN equals NaN. Metrics and artifacts are not read: only their presence is compared.

        Examples
        --------
        >>> pd.DataFrame({"config.seed": [1, 2], "config.lr": [0.1, 0.1]}).mlxp.diff()
        ['config.seed']
        """
        return stats.varying(self._frame, start_key)

    def groupby(
        self, keys: Hashable | list[Hashable] | None = None, *, all_but: Hashable | list[Hashable] | None = None
    ) -> RunGroups:
        """Group the runs by the values of columns.

        Parameters
        ----------
        keys : label or list of labels
            Columns or index levels. Runs that lack the value are a group of their own.
        all_but : label or list of labels, optional
            Instead of keys: every config column that varies, except these, such as `config.seed`.

        Returns
        -------
        RunGroups
            A mapping of key tuples to frames, sorted by key.

        Raises
        ------
        UnknownColumnError
            The frame has no such column.
        InvalidOptionError
            The column holds curves, artifacts, or values that are no keys; or neither or both arguments are given.

        Examples
        --------
        >>> list(pd.DataFrame({"config.lr": [10.0, 1.0, None]}).mlxp.groupby("config.lr"))
        [(1.0,), (10.0,), (nan,)]
        >>> runs = pd.DataFrame({"config.lr": [1.0, 2.0], "config.seed": [1, 2]})
        >>> runs.mlxp.groupby(all_but="config.seed").names
        ['config.lr']
        """
        _check_only((keys is None) != (all_but is None), "Give the columns to group by, or all_but=[columns].")
        return RunGroups(self._frame, keys if all_but is None else all_but_names(self._frame, all_but))

    def aggregate(self, maps: Any = None, **named: Any) -> pd.DataFrame:
        """Reduce all runs to one row.

        Parameters
        ----------
        maps, **named
            As for `RunGroups.aggregate`.

        Returns
        -------
        DataFrame
            One row.

        Raises
        ------
        UnknownColumnError
            The frame has no such column.
        InvalidMapError
            The maps have another form.

        Examples
        --------
        >>> pd.DataFrame({"loss": [4.0, 3.0]}).mlxp.aggregate([(min, "loss"), (max, "loss", "worst")])
           fmin.loss  worst
        0        3.0    4.0
        """
        return RunGroups(self._frame, []).aggregate(maps, **named)

    def select(self, keys: Any) -> pd.DataFrame:
        """Keep the runs whose columns take these values.

        Parameters
        ----------
        keys : Index, GroupKeys, RunGroups, or mapping
            The index of an aggregated frame, `groups.keys()`, or `{column: value or values}`.

        Returns
        -------
        DataFrame
            In the frame's order.

        Raises
        ------
        UnknownColumnError
            The frame has no such column.
        InvalidOptionError
            Keys that do not name their columns.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [10.0, 1.0, 1.0], "loss": [0.3, 0.2, 0.4]})
        >>> runs.mlxp.select(pd.Index([10.0], name="config.lr"))
           config.lr  loss
        0       10.0   0.3
        """
        return select_runs(self._frame, keys)

    def load(self, columns: Hashable | list[Hashable] | None = None) -> pd.DataFrame:
        """Replace the placeholders of metrics and artifacts by what they stand for.

        Parameters
        ----------
        columns : label or list of labels, optional
            All metrics and artifacts unless given.

        Returns
        -------
        DataFrame
            A copy: curves as ndarrays of shape (n_steps,), artifacts as dicts of their names to `Artifact`, whose own
            `load()` reads the object; NaN where a run has none.

        Raises
        ------
        UnknownColumnError
            The frame has no such column.

        Examples
        --------
        >>> pd.DataFrame({"config.seed": [1, 2]}).mlxp.load()
           config.seed
        0            1
        1            2
        """
        return stats.load(self._frame, columns)

    def health(self, stale: object = "2h") -> pd.DataFrame:
        """The state of each run, all of whose files are read now: alive, diverged, resumed, damaged.

        Parameters
        ----------
        stale : str or timedelta
            How long a run that says RUNNING or STARTING may write nothing before it counts as dead.

        Returns
        -------
        DataFrame of shape (n_runs, n_columns)
            `status`, `stale`, `last_write`, `duration`, `n_steps.<log>`, `first_nan_step`, `repeated_steps`,
            `torn_lines`, `n_problems`, `problems`; missing where a run does not have it. See `stats.health_of`.

        Raises
        ------
        InvalidOptionError
            `stale` is no length of time, or the frame has no metric or artifact column left, which know the folders.

        Examples
        --------
        >>> import tempfile, mlxp_pandas
        >>> from mlxp_pandas.testing import make_runs
        >>> folder = tempfile.TemporaryDirectory()
        >>> runs = mlxp_pandas.read_runs(make_runs(folder.name, 2, n_steps=5))
        >>> runs.mlxp.health()[["status", "stale", "n_steps.train", "n_problems"]]
                  status  stale  n_steps.train  n_problems
        log_id
        1       COMPLETE  False              5           0
        2       COMPLETE  False              5           0
        >>> folder.cleanup()
        """
        return stats.health_of(self._frame, stale)

    def summary(self, names: str | list[str]) -> pd.DataFrame:
        """Columns, and numbers of curves, side by side.

        Parameters
        ----------
        names : str or list of str
            Columns; or `<metric>.<number>`, where the number is first, last, min, max, mean, median, std, count, n_nan,
            argmin, argmax, step_of_min or step_of_max, as in `df["train.loss"].mlxp`. A real column of that name wins.

        Returns
        -------
        DataFrame
            On the frame's index. NaN where a run has no such metric.

        Raises
        ------
        UnknownColumnError
            There is no such column.
        InvalidOptionError
            A metric without saying which number of it.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [0.1], "loss": [[3.0, 1.0, 2.0]]})
        >>> runs.mlxp.summary(["config.lr", "loss.min", "loss.last"])
           config.lr  loss.min  loss.last
        0        0.1       1.0        2.0
        """
        return stats.number_columns(self._frame, names)

    def sort(self, by: str | list[str], ascending: bool | list[bool] = True) -> pd.DataFrame:
        """Sort the runs by columns, or by numbers of curves.

        Parameters
        ----------
        by : str or list of str
            Names as in `summary`.
        ascending : bool or list of bool
            One for all, or one each.

        Returns
        -------
        DataFrame
            Equal runs stay in their order; those without a value come last.

        Raises
        ------
        UnknownColumnError
            There is no such column.
        InvalidOptionError
            A column without an order.

        Examples
        --------
        >>> runs = pd.DataFrame({"loss": [[3.0, 1.0], [2.0, 0.5]]})
        >>> runs.mlxp.sort("loss.last").index.tolist()
        [1, 0]
        """
        return stats.sorted_runs(self._frame, by, ascending)

    def best(
        self,
        by: str,
        mode: str = "min",
        scope: str = "last",
        per: Any = None,
        over: Any = None,
        report: str | Sequence[str] = (),
    ) -> pd.DataFrame:
        """The best run, or the best setting, of each group.

        Parameters
        ----------
        by : str
            What is judged: a metric, or a name as in `summary`.
        mode : {"min", "max"}
            Which is better.
        scope : str
            Of a metric: "last", its last point; "best", the run's own best finite point; "last-10", the mean of its
            last ten points (or any other number).
        per : label or list of labels, optional
            One winner for each value of these columns.
        over : label or list of labels, optional
            Columns of repetitions, such as `config.seed`: look for the best setting of the other config columns that
            vary, by its mean over these runs.
        report : str or list of str
            What else to tell of the winner: metrics, read at the step where `by` is best (scope "best") or at their
            last point; or names as in `summary`.

        Returns
        -------
        DataFrame
            One row a group, indexed by `per`; see `stats.best_runs` for the columns. Runs whose value is NaN or
            infinite never win; `n_skipped` counts them. Of equal values, the run with the lower log_id wins.

        Raises
        ------
        UnknownColumnError
            There is no such column.
        InvalidOptionError
            An option outside its allowed values.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [0.1, 1.0], "val": [[3.0, 1.0], [0.5, 2.0]]})
        >>> runs["test"] = [[3.1, 1.1], [0.6, 2.1]]
        >>> runs.mlxp.best("val", scope="best", report="test")
           log_id  config.lr  val  test  n_skipped
        0       1        1.0  0.5   0.6          0
        """
        return stats.best_runs(self._frame, stats.Criterion(by, mode, scope), per, over, report)

    def compare(
        self,
        metric: str,
        baseline: Any,
        pair: Any = "config.seed",
        by: Any = None,
        level: float = 0.95,
        scope: str = "last",
        **options: Any,
    ) -> pd.DataFrame:
        """Compare each setting with a baseline, over the seeds that both have.

        Parameters
        ----------
        metric : str
            What is compared: a metric, or a name as in `summary`.
        baseline : scalar, tuple or mapping
            The setting to compare with: the values of the columns `by`, or `{column: value}`.
        pair : label or list of labels
            Columns that say which runs belong together.
        by : label or list of labels, optional
            The columns that make a setting; all config columns that vary unless given, but those of `pair`.
        level : float
            Confidence level of the interval.
        scope : str
            Which number of a curve: "last", "best" or "last-10", as for `best`.
        **options
            `mode`, which is better: "min" unless given, or "max".

        Returns
        -------
        DataFrame
            One row a setting: `difference` (the mean of setting minus baseline over the pairs), `low`, `high` (its
            t-interval, NaN for fewer than 3 pairs), `p_improvement` (the share of pairs in which it is better, ties
            half), `n_pairs` and `n_unpaired`.

        Raises
        ------
        UnknownColumnError, UnknownGroupError
            There is no such column, or no such setting.
        InvalidOptionError
            Several settings are the baseline, or a setting has two runs of one seed.
        MissingDependencyError
            Without scipy.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [0.1] * 3 + [1.0] * 3, "config.seed": [1, 2, 3] * 2})
        >>> runs["loss"] = [0.1, 0.2, 0.3, 0.2, 0.4, 0.3]
        >>> runs.mlxp.compare("loss", {"config.lr": 0.1}).round(2)
                   difference   low  high  p_improvement  n_pairs  n_unpaired
        config.lr
        1.0               0.1 -0.15  0.35           0.17        3           0
        """
        return stats.compare_settings(self._frame, metric, baseline, pair, by, level=level, scope=scope, **options)

    def table(  # noqa: PLR0913, PLR0917  # one word for each thing that can be asked, in one place
        self,
        rows: Any,
        columns: Any = None,
        value: str = "test.loss.last",
        over: Any = "config.seed",
        spread: str = "std",
        bold: str | None = "min",
        digits: int | None = None,
        **options: Any,
    ) -> stats.RunTable:
        """Tabulate the mean of a number over runs: `mean ± spread (n)`.

        Parameters
        ----------
        rows, columns : label or list of labels
            The config columns whose values make the rows and the columns.
        value : str
            A column of numbers, or a name as in `summary`.
        over : label or list of labels
            Columns of repetitions. Where other config columns vary within a cell, a note says so.
        spread : {"std", "sem", "ci"}
            What stands after ±: the standard deviation (n - 1 degrees of freedom), the standard error of the mean, or
            half the t-interval of the mean.
        bold : {"min", "max", None}
            Which mean of a column is best. It is bold, and so is each cell whose interval mean ± spread contains it.
        digits : int, optional
            Decimals; two digits of the spread unless given.
        **options
            `level`, the confidence level of "ci": 0.95 unless given.

        Returns
        -------
        RunTable
            Prints as text and shows as HTML; has `frame`, `to_latex()` and `to_markdown()`.

        Raises
        ------
        UnknownColumnError
            There is no such column.
        InvalidOptionError
            An option outside its allowed values.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [0.1, 0.1, 1.0], "loss": [[3.0, 0.3], [0.4], [0.8]]})
        >>> runs.mlxp.table("config.lr", value="loss.last")
        config.lr  loss.last
        0.1        0.350 ± 0.071 (2) *
        1          0.800 (1)
        loss.last: mean ± std (number of runs)
        * best of its column, or its interval holds the best mean
        """
        chosen = {"over": over, "spread": spread, "bold": bold, "digits": digits, **options}
        return stats.run_table(self._frame, rows, columns, value, **chosen)

    def long(self, log: str, columns: str | list[str] | None = None) -> pd.DataFrame:
        """The rows of one log as a tidy frame, as seaborn takes it.

        Parameters
        ----------
        log : str
            The name of the log, such as `train`.
        columns : str or list of str, optional
            Columns of the frame to repeat on each row, or names as in `summary`.

        Returns
        -------
        DataFrame
            `log_id`; `step`, the place of the row in its log, counted from 0; each key; and `columns`.

        Raises
        ------
        UnknownColumnError
            There is no such log or column.

        Examples
        --------
        >>> pd.DataFrame({"config.lr": [0.1], "train.loss": [[3.0, 1.0]]}).mlxp.long("train", columns="config.lr")
           log_id  step  train.loss  config.lr
        0       0     0         3.0        0.1
        1       0     1         1.0        0.1
        """
        return stats.long_frame(self._frame, log, columns)

    def plot(
        self, metric: Hashable, x: str | None = None, hue: Hashable | None = None, ax: Any = None, logy: bool = False
    ) -> Any:
        """Draw the curve of each run.

        Parameters
        ----------
        metric : label
            A metric.
        x : str, optional
            What the steps are: a metric of the same log, such as `train.epoch`; the row of the log unless given.
        hue : label, optional
            The column whose values have colours of their own.
        ax : matplotlib Axes, optional
            Where to draw; a new figure unless given.
        logy : bool
            Whether the axis of the values is logarithmic.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnknownColumnError
            There is no such column.
        MissingDependencyError
            Without matplotlib.

        Examples
        --------
        >>> ax = pd.DataFrame({"loss": [[3.0, 1.0], [2.0]]}).mlxp.plot("loss")
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('step', 'loss')
        """
        return views.plot_runs(self._frame, metric, x, hue, ax=ax, logy=logy)

    def heatmap(self, rows: Any, columns: Any, value: str, over: Any = "config.seed", **options: Any) -> Any:
        """Draw the mean of a number for each pair of settings.

        Parameters
        ----------
        rows, columns : label or list of labels
            The config columns of the two axes.
        value : str
            A column of numbers, or a name as in `summary`.
        over : label or list of labels
            Columns of repetitions.
        **options
            `ax`, a matplotlib Axes to draw on, and `log`, for colours on a logarithmic scale.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnknownColumnError
            There is no such column.
        MissingDependencyError
            Without matplotlib.

        Examples
        --------
        >>> runs = pd.DataFrame({"config.lr": [0.1, 1.0], "config.units": [2, 3], "loss": [0.3, 0.4]})
        >>> runs.mlxp.heatmap("config.units", "config.lr", "loss").get_ylabel()
        'config.units'
        """
        return views.heat_map(self._frame, rows, columns, value, over=over, **options)


@pd.api.extensions.register_series_accessor("mlxp")
class CurveAccessor:
    """The curves of a column: one number from each, or the curves themselves.

    It works on columns of metrics, and on columns of loaded curves. Every result is on the index of the column, NaN
    where a run has no such metric. Points that are NaN or infinite are left out of min, max, mean, median, std, argmin
    and argmax unless `skipna=False`, which makes them NaN where a point is NaN; a curve without any other point gives
    NaN. `n_nan` counts them.

    The names of these methods are also suffixes of column names, as in `df.mlxp.filter("train.loss.min < 1")`.

    Raises
    ------
    NoCurvesError
        The column holds something else.

    Examples
    --------
    >>> import mlxp_pandas
    >>> loss = pd.Series([np.array([3.0, 1.0, 2.0]), np.array([4.0, np.nan]), np.nan], name="loss")
    >>> loss.mlxp.min().tolist()
    [1.0, 4.0, nan]
    """

    def __init__(self, values: pd.Series[Any]) -> None:
        if not stats.is_curves(values):
            raise NoCurvesError(
                f"{values.name!r} holds no curves ({values.dtype}): .mlxp is for columns of metrics; "
                "df.mlxp, on the frame, does the rest."
            )
        self._values = values
        self._label = "curve" if values.name is None else values.name

    def first(self) -> pd.Series[Any]:
        """The first point, as it was logged.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.first().tolist()
        [3.0]
        """
        return self._reduced("first")

    def last(self) -> pd.Series[Any]:
        """The last point, as it was logged: NaN where a run has diverged. Reads only the ends of the files.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.last().tolist()
        [1.0]
        """
        return self._reduced("last")

    def min(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The smallest point.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0, np.nan])]).mlxp.min().tolist()
        [1.0]
        """
        return self._reduced("min", skipna)

    def max(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The largest point.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.inf])]).mlxp.max().tolist()
        [3.0]
        """
        return self._reduced("max", skipna)

    def mean(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The mean over the points of each run.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.mean().tolist()
        [2.0]
        """
        return self._reduced("mean", skipna)

    def median(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The median of the points of each run.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0, 9.0])]).mlxp.median().tolist()
        [3.0]
        """
        return self._reduced("median", skipna)

    def std(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The standard deviation of the points of each run, with n - 1 degrees of freedom; NaN for a single point.

        Examples
        --------
        >>> pd.Series([np.array([1.0, 2.0, 3.0])]).mlxp.std().tolist()
        [1.0]
        """
        return self._reduced("std", skipna)

    def count(self) -> pd.Series[Any]:
        """The number of points, those that are NaN or infinite included: `count() - n_nan()` are the others.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.nan])]).mlxp.count().tolist()
        [2]
        """
        return self._reduced("count")

    def n_nan(self) -> pd.Series[Any]:
        """The number of points that are NaN, infinite, or no number.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.nan, np.inf])]).mlxp.n_nan().tolist()
        [2]
        """
        return self._reduced("n_nan")

    def argmin(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The position of the smallest point among the points of the curve, counted from 0; the first of equal ones.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0, 1.0])]).mlxp.argmin().tolist()
        [1]
        """
        return self._reduced("argmin", skipna)

    def argmax(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The position of the largest point among the points of the curve, counted from 0; the first of equal ones.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.nan, 5.0])]).mlxp.argmax().tolist()
        [2]
        """
        return self._reduced("argmax", skipna)

    def at(self, step: float, x: str | None = None) -> pd.Series[Any]:
        """The value at one step.

        Parameters
        ----------
        step : number
            Exactly as it was logged: nothing is interpolated.
        x : str, optional
            What the steps are: a metric of the same log (`"train.epoch"`), or its key (`"epoch"`). The place of the
            row in its log, counted from 0, unless given.

        Returns
        -------
        Series
            float64. NaN where a run has no such step; the last value where it has logged it twice.

        Raises
        ------
        UnknownColumnError
            The runs have no such `x`.
        InvalidOptionError
            An `x` of another log, or a step that is no number.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0]), np.array([2.0])]).mlxp.at(1).tolist()
        [1.0, nan]
        """
        return self._series(stats.values_at(self._frame(), self._label, step, x), f"at({step})")

    def step_of_min(self, x: str | None = None) -> pd.Series[Any]:
        """The step at which the curve is smallest.

        Parameters
        ----------
        x : str, optional
            What the steps are, as for `at`.

        Returns
        -------
        Series
            The first of equal ones; NaN for a curve without finite points.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0]), np.nan]).mlxp.step_of_min().tolist()
        [1.0, nan]
        """
        return self._reduced("step_of_min", x=x)

    def step_of_max(self, x: str | None = None) -> pd.Series[Any]:
        """The step at which the curve is largest.

        Parameters
        ----------
        x : str, optional
            What the steps are, as for `at`.

        Returns
        -------
        Series
            The first of equal ones; NaN for a curve without finite points.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.step_of_max().tolist()
        [0]
        """
        return self._reduced("step_of_max", x=x)

    def load(self) -> pd.Series[Any]:
        """The curves.

        Returns
        -------
        Series of ndarray of shape (n_points,)
            NaN where a run has no such metric.

        Examples
        --------
        >>> pd.Series([[3.0, 1.0]], name="loss").mlxp.load()[0]
        array([3., 1.])
        """
        curves = stats.load(self._frame())[self._label]
        return self._series(curves.map(lambda curve: np.asarray(curve) if isinstance(curve, list) else curve).array)

    def _reduced(self, name: str, skipna: bool = True, x: str | None = None) -> pd.Series[Any]:
        numbers = stats.curve_numbers(self._frame(), [(self._label, name)], skipna=skipna, x=x)
        return self._series(numbers[self._label, name], name)

    def _frame(self) -> pd.DataFrame:
        return pd.DataFrame({self._label: self._values.array})

    def _series(self, values: Any, name: str | None = None) -> pd.Series[Any]:
        label = self._values.name
        shown = label if name is None else name if label is None else f"{label}.{name}"
        return pd.Series(values, index=self._values.index, name=shown)


def _check_only(is_allowed: bool, message: str) -> None:
    if not is_allowed:
        raise InvalidOptionError(message)


def _queried(frame: pd.DataFrame, query: str, missing: str, values: dict[str, Any]) -> pd.DataFrame:
    """The runs that a query selects; numbers of curves are read when the first of their names is met."""
    numbers = cache(partial(stats.numbers_in, frame, query))
    found = selected_rows(frame, query, missing=missing, local_values=values, derived=lambda name: numbers().get(name))
    return frame.take(found)


def _callers_values(names: Iterable[str]) -> dict[str, Any]:
    """The values of these names where the accessor was called; unknown ones are left to the query to name."""
    scopes = list(_scopes(sys._getframe(2)))
    return {name: scope[name] for name in names for scope in reversed(scopes) if name in scope}


def _scopes(frame: FrameType) -> Iterator[dict[str, Any]]:
    """The variables that a line sees, inner ones first."""
    yield frame.f_locals
    # Before Python 3.12 a comprehension has a frame of its own, which does not show what is around it.
    while frame.f_code.co_name in _COMPREHENSIONS and frame.f_back is not None:
        frame = frame.f_back
        yield frame.f_locals
    yield frame.f_globals
