# SPDX-License-Identifier: MIT
"""The curves of groups of runs: aligned and reduced group by group, one row a group and step."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from .disk import Problem, warn_of
from .errors import InvalidOptionError
from .fields import require
from .options import completed
from .partition import Partition
from .points import read_points, step_columns
from .steps import DUPLICATES, Curve, Stack, align, grid_of, interpolate, settle
from .stepstats import ERRORS, STATS, StepStatistics, check_level, step_statistics

__all__ = [
    "CurveOptions",
    "GroupCurves",
    "SamplingOptions",
    "checked_options",
    "curves_of_groups",
    "curves_table",
    "step_name",
]

_SEE = "df.mlxp.health()"
_BATCH = 256  # runs of small groups that are read together


class SamplingOptions(TypedDict, total=False):
    """Where curves are interpolated, and how runs are drawn for the bootstrap.

    Attributes
    ----------
    grid : array-like or int, optional
        Interpolate each run linearly at these steps, or at so many from the group's first step to its last; never
        beyond the run's own range. Exact steps when left out.
    n_resamples : int
        Of the bootstrap. 2000 when left out.
    random_state : int, Generator or RandomState
        Of the bootstrap. 0 when left out.

    Examples
    --------
    >>> SamplingOptions(grid=100)
    {'grid': 100}
    """

    grid: Any
    n_resamples: int
    random_state: Any


class CurveOptions(SamplingOptions, total=False):
    """How the curves of a group become one, besides the keywords of `SamplingOptions`.

    Attributes
    ----------
    stat : {"mean", "median", "iqm"}
        `iqm` is the mean of the middle half of the runs, as rliable defines it. `"mean"` when left out.
    error : {"ci", "std", "sem", "minmax", None}
        What `low` and `high` are. "ci": for a mean Student's t with n - 1 degrees of freedom, for the others the
        percentile bootstrap over whole runs. "std", "sem": the statistic plus and minus that. "minmax": the extreme
        runs. None: NaN. `"ci"` when left out.
    level : float
        Confidence level of "ci". 0.95 when left out.
    align : {"outer", "inner"}
        Every step that a run of the group has, or only the steps that all of them have (runs without the metric do
        not count). `"outer"` when left out.
    min_runs : int
        Steps at which fewer runs have a value are dropped. 1 when left out.
    dup : {"last", "first", "mean", "raise"}
        What counts where a run has logged a step twice, as after a resume. `"last"` when left out.

    Examples
    --------
    >>> CurveOptions(stat="median", level=0.9)
    {'stat': 'median', 'level': 0.9}
    """

    stat: str
    error: str | None
    level: float
    align: str
    min_runs: int
    dup: str


class GroupCurves(NamedTuple):
    """The curves of one metric in one group.

    Attributes
    ----------
    place : int
        The number of the group.
    label : label
        The metric.
    runs : list of (Curve or None)
        One a run of the group, settled; None where the run has no such metric.
    steps : ndarray of shape (n_steps,)
        Ascending.
    statistics : StepStatistics
        At these steps.
    """

    place: int
    label: Hashable
    runs: list[Curve | None]
    steps: npt.NDArray[Any]
    statistics: StepStatistics


def curves_table(
    frame: pd.DataFrame, partition: Partition, metric: Any, x: str | None = None, **options: Unpack[CurveOptions]
) -> pd.DataFrame:
    """Reduce the curves of each group to one, step by step.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    partition : Partition
        Its groups.
    metric : label or list of labels
        Columns of metrics, or of loaded curves.
    x : str, optional
        What the steps are: a metric of the same log, such as `"train.epoch"`, or a key that the log of each metric
        has (`"epoch"`). The place of the row in its log, counted from 0, unless given.
    **options
        The keywords of `CurveOptions`.

    Returns
    -------
    DataFrame
        One row a group and step. Index: the group's columns, `metric` where a list was given, and the step (named as
        `x`, or `step`). Columns: the statistic under its name, `std` (n - 1 degrees of freedom), `sem`, `low`, `high`,
        and `n`, the number of runs that have a value there. NaN values of runs are left out of all of them, infinite
        ones are kept. With n = 1, `std`, `sem`, `low` and `high` are NaN. A group without the metric has no row.

    Raises
    ------
    UnknownColumnError
        The frame has no such column, or the runs have no such `x`.
    InvalidOptionError
        A column without curves, an `x` of another log, or an option outside its allowed values.
    MissingDependencyError
        "ci" or "iqm" without scipy.

    Warns
    -----
    ProblemsWarning
        Some files are damaged; their healthy lines count.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 0.1], "loss": [np.array([4.0, 2.0, 1.0]), np.array([2.0, 1.0])]})
    >>> curves_table(runs, Partition(runs, ["lr"]), "loss", error="minmax").round(2)
              mean   std  sem  low  high  n
    lr  step
    0.1 0      3.0  1.41  1.0  2.0   4.0  2
        1      1.5  0.71  0.5  1.0   2.0  2
        2      1.0   NaN  NaN  NaN   NaN  1
    """
    chosen = checked_options(options)
    labels = list(dict.fromkeys(require(frame, metric)))
    # Without the curves of the runs: only one group's are to be in memory.
    found = [each._replace(runs=[]) for each in curves_of_groups(frame, partition, labels, x, chosen)]
    metrics = None if labels == [metric] else labels
    index = _index(partition, metrics, found, step_name(x))
    named = [(chosen["stat"] if field == "centre" else field) for field in StepStatistics._fields]
    parts = zip(*(each.statistics for each in found), strict=True) if found else [[]] * len(named)
    columns = {name: _joined(part, name) for name, part in zip(named, parts, strict=True)}
    return pd.DataFrame(columns, index=index)


def curves_of_groups(
    frame: pd.DataFrame, partition: Partition, labels: Sequence[Hashable], x: str | None, chosen: CurveOptions
) -> Iterator[GroupCurves]:
    """Read and reduce the curves, group after group; only those of one group are in memory.

    Parameters
    ----------
    frame, partition, labels, x
        As for `curves_table`.
    chosen : CurveOptions
        Whole, as `checked_options` gives it.

    Yields
    ------
    GroupCurves
        One for each group and metric that has points.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [np.array([4.0, 2.0]), np.nan]})
    >>> [each] = curves_of_groups(runs, Partition(runs, []), ["loss"], None, checked_options({"error": None}))
    >>> each.runs, each.statistics.centre
    ([Curve(steps=array([0, 1]), values=array([4., 2.])), None], array([4., 2.]))
    """
    steps = step_columns(frame, labels, x)
    frame = frame[list(dict.fromkeys(name for name in (*labels, *steps.values()) if name in frame.columns))]
    problems: list[Problem] = []
    for places in _batches([len(rows) for rows in partition.rows]):
        rows = np.concatenate([partition.rows[place] for place in places])
        points = read_points(frame.take(rows), steps)
        problems += points.problems
        ends = np.cumsum([0, *(len(partition.rows[place]) for place in places)]).tolist()
        for place, start, end in zip(places, ends, ends[1:], strict=False):
            names = frame.index[partition.rows[place]]
            for label in labels:
                runs = _settled(points.curves[label][start:end], chosen["dup"], label, names)
                if any(runs):
                    yield GroupCurves(place, label, runs, *_reduced(runs, chosen))
        del points
    warn_of(problems, _SEE)


def checked_options(options: Mapping[str, Any]) -> CurveOptions:
    """The options, each with its value, in its range.

    Raises
    ------
    InvalidOptionError
        An option that does not exist, or a value that is not allowed.

    Examples
    --------
    >>> checked_options({"eror": "std"})
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: There is no option 'eror'. Did you mean 'error'?
    """
    chosen: CurveOptions = completed(options, _DEFAULTS, _ALLOWED)  # type: ignore[assignment]
    check_level(chosen["level"])
    for name, least in (("min_runs", 0), ("n_resamples", 1)):
        number = chosen[name]  # type: ignore[literal-required]
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < least:
            raise InvalidOptionError(f"{name}={number!r} is not a whole number of {least} or more.")
    return chosen


def step_name(x: str | None) -> str:
    """What the steps are called in results.

    >>> step_name(None), step_name("train.epoch")
    ('step', 'train.epoch')
    """
    return "step" if x is None else x


_DEFAULTS: CurveOptions = {
    "stat": "mean",
    "error": "ci",
    "level": 0.95,
    "align": "outer",
    "min_runs": 1,
    "dup": "last",
    "grid": None,
    "n_resamples": 2000,
    "random_state": 0,
}
_ALLOWED: dict[str, tuple[Any, ...]] = {
    "stat": STATS,
    "error": ERRORS,
    "align": ("outer", "inner"),
    "dup": DUPLICATES,
}


def _batches(sizes: Sequence[int]) -> Iterator[list[int]]:
    """Consecutive groups that are read together: a large one alone."""
    batch: list[int] = []
    for place, size in enumerate(sizes):
        if batch and sum(sizes[each] for each in batch) + size > _BATCH:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _settled(runs: Sequence[Curve | None], dup: str, label: Hashable, names: pd.Index[Any]) -> list[Curve | None]:
    """The curves in the order of their steps; a run without points has no curve."""
    settled: list[Curve | None] = []
    known = np.empty(0, dtype=np.int64)
    for place, run in enumerate(runs):
        curve = None
        if run is not None and len(run.steps):
            curve = _settled_one(run, known, dup, partial(_place_text, label, names, place))
            known = curve.steps
        settled.append(curve if curve is not None and len(curve.steps) else None)
    return settled


def _place_text(label: Hashable, names: pd.Index[Any], place: int) -> str:
    return f"{label!r} of run {names[place]}"


def _settled_one(run: Curve, known: npt.NDArray[Any], dup: str, place: Callable[[], str]) -> Curve:
    """The curve, on the very array of the run before where the steps are equal: so they are compared only once."""
    if run.steps is known or (run.steps.shape == known.shape and bool((run.steps == known).all())):
        return Curve(known, run.values)
    try:
        return settle(run, dup)
    except InvalidOptionError as error:
        raise InvalidOptionError(f"{place()}: {error}") from error


def _reduced(runs: Sequence[Curve | None], chosen: CurveOptions) -> tuple[npt.NDArray[Any], StepStatistics]:
    """The steps of a group and the statistics there."""
    stack = _stacked([run for run in runs if run is not None], chosen)
    found = step_statistics(
        stack.values,
        chosen["stat"],
        chosen["error"],
        level=chosen["level"],
        n_resamples=chosen["n_resamples"],
        random_state=chosen["random_state"],
    )
    kept = found.n >= chosen["min_runs"]
    if kept.all():
        return stack.steps, found
    return stack.steps[kept], StepStatistics(*(field[kept] for field in found))  # type: ignore[arg-type]


def _stacked(curves: list[Curve], chosen: CurveOptions) -> Stack:
    if chosen["grid"] is not None:
        grid = grid_of(curves, chosen["grid"])
        curves = [interpolate(curve, grid) for curve in curves]
    stack = align(curves)
    if chosen["align"] == "inner":
        shared = stack.reached == len(curves)
        return Stack(stack.steps[shared], stack.values[:, shared], stack.reached[shared])
    return stack


def _index(
    partition: Partition, metrics: Sequence[Hashable] | None, found: Sequence[GroupCurves], name: str
) -> pd.Index[Any]:
    """The group's columns, the metric, the step: from codes, because there may be millions of rows."""
    lengths = [len(each.steps) for each in found]
    places = np.repeat(np.array([each.place for each in found], dtype=np.intp), lengths)
    levels, codes = _key_levels(partition, places)
    if metrics is not None:
        levels.append(pd.Index(metrics, name="metric"))
        codes.append(np.repeat(np.array([metrics.index(each.label) for each in found], dtype=np.intp), lengths))
    steps = np.concatenate([each.steps for each in found]) if found else np.empty(0, dtype=np.int64)
    if not levels:
        return pd.Index(steps, name=name)
    numbers, unique = pd.factorize(steps, sort=True)
    names = [*(level.name for level in levels), name]
    codes.append(numbers)
    return pd.MultiIndex([*levels, pd.Index(unique)], codes, names=names)  # type: ignore[list-item,arg-type]


def _key_levels(
    partition: Partition, places: npt.NDArray[np.intp]
) -> tuple[list[pd.Index[Any]], list[npt.NDArray[np.intp]]]:
    keys = partition.index
    if isinstance(keys, pd.MultiIndex):
        return list(keys.levels), [np.asarray(codes, dtype=np.intp)[places] for codes in keys.codes]
    return ([keys], [places]) if partition.names else ([], [])


def _joined(parts: Sequence[npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    empty = np.empty(0, dtype=np.int64 if name == "n" else np.float64)
    return np.concatenate(parts) if len(parts) else empty
