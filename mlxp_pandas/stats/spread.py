# SPDX-License-Identifier: MIT
"""Statistics over runs, step by step, and how sure they are; and the curves of groups, one row a group and step.

The distributions and the bootstrap are scipy's (the extra `stats`), imported where they are used.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cells import SEE, Curve
from ..disk import Problem, warn_of
from ..errors import InvalidOptionError, MissingDependencyError
from .columns import check_choice, completed, require
from .partition import Partition
from .points import points_of, steps_of

_Floats = npt.NDArray[np.float64]

DUPLICATES = ("last", "first", "mean", "raise")
"""What can be done with a step that was logged twice."""

_RESAMPLED = 2**22  # values held at once: 32 MB


class CurveOptions(NamedTuple):
    """How the curves of a group become one.

    Attributes
    ----------
    stat : {"mean", "median", "iqm"}
        `iqm` is the mean of the middle half of the runs, as rliable defines it.
    error : {"ci", "std", "sem", "minmax", None}
        What `low` and `high` are. "ci": for a mean Student's t with n - 1 degrees of freedom, for the others the
        percentile bootstrap over whole runs. "std", "sem": the statistic plus and minus that. "minmax": the extreme
        runs. None: NaN.
    level : float
        Confidence level of "ci".
    align : {"outer", "inner"}
        Every step that a run of the group has, or only the steps that all of them have (runs without the metric do
        not count).
    min_runs : int
        Steps at which fewer runs have a value are dropped.
    dup : {"last", "first", "mean", "raise"}
        What counts where a run has logged a step twice, as after a resume.
    grid : array-like or int, optional
        Interpolate each run linearly at these steps, or at so many from the group's first step to its last; never
        beyond the run's own range. Exact steps when left out.
    n_resamples : int
        Of the bootstrap.
    random_state : int, Generator or RandomState
        Of the bootstrap.

    Examples
    --------
    >>> CurveOptions(stat="median").level
    0.95
    """

    stat: str = "mean"
    error: str | None = "ci"
    level: float = 0.95
    align: str = "outer"
    min_runs: int = 1
    dup: str = "last"
    grid: Any = None
    n_resamples: int = 2000
    random_state: Any = 0


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
        The steps, ascending.
    numbers : dict of str to ndarray of shape (n_steps,)
        The statistics at each step, as `step_statistics` gives them.
    """

    place: int
    label: Hashable
    runs: list[Curve | None]
    steps: npt.NDArray[Any]
    numbers: dict[str, Any]


def checked_options(given: Mapping[str, Any]) -> CurveOptions:
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
    chosen = CurveOptions(**completed(given, CurveOptions()._asdict()))
    check_choice("stat", chosen.stat, ("mean", "median", "iqm"))
    check_choice("error", chosen.error, ("ci", "std", "sem", "minmax", None))
    check_choice("align", chosen.align, ("outer", "inner"))
    check_choice("dup", chosen.dup, DUPLICATES)
    check_level(chosen.level)
    for name, number, least in (("min_runs", chosen.min_runs, 0), ("n_resamples", chosen.n_resamples, 1)):
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool) or number < least:
            raise InvalidOptionError(f"{name}={number!r} is not a whole number of {least} or more.")
    return chosen


def curves_table(
    frame: pd.DataFrame, partition: Partition, metric: Any, x: str | None = None, **options: Any
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
        The fields of `CurveOptions`.

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
        "ci" without scipy.

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
    found = found or [GroupCurves(0, None, [], *_reduced([], CurveOptions(chosen.stat, error=None)))]
    places, names, _, steps, numbers = zip(*found, strict=True)
    table = pd.DataFrame({name: np.concatenate([each[name] for each in numbers]) for name in numbers[0]})
    rows = np.flatnonzero(table["n"] >= chosen.min_runs)
    group = np.repeat(np.arange(len(found)), list(map(len, steps)))[rows]
    levels = [pd.Index(np.concatenate(steps)[rows], name=x or "step")]
    if labels != [metric]:
        levels.insert(0, pd.Index(names, name="metric", tupleize_cols=False).take(group))
    return table.take(rows).set_axis(partition.index_with(np.take(places, group), levels), axis=0)


def curves_of_groups(
    frame: pd.DataFrame, partition: Partition, labels: Sequence[Hashable], x: str | None, chosen: CurveOptions
) -> Iterator[GroupCurves]:
    """Read and reduce the curves, group after group; only those of one group are in memory.

    Parameters
    ----------
    frame, partition, labels, x
        As for `curves_table`.
    chosen : CurveOptions
        Whole, as `checked_options` gives it; steps that fewer than `min_runs` runs have are still there.

    Yields
    ------
    GroupCurves
        One for each group and metric that has points.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [np.array([4.0, 2.0]), np.nan]})
    >>> [each] = curves_of_groups(runs, Partition(runs, []), ["loss"], None, CurveOptions(error=None))
    >>> each.runs, each.numbers["mean"].tolist()
    ([Curve(steps=array([0, 1]), values=array([4., 2.])), None], [4.0, 2.0])
    """
    steps = steps_of(frame, labels, x)
    kept = frame[[label for label in dict.fromkeys([*labels, *steps.values()]) if label in frame.columns]]
    problems: list[Problem] = []
    for place, rows in enumerate(partition.rows):
        for label, points in points_of(kept.iloc[rows], steps, problems).items():
            runs = points
            if x is not None:  # the rows of a log ascend
                named = zip(points, frame.index[rows], strict=True)
                runs = [run and settle(run, chosen.dup, f"{label!r} of run {name}: ") for run, name in named]
            runs = [run if run is not None and len(run.steps) else None for run in runs]
            if any(runs):
                yield GroupCurves(place, label, runs, *_reduced(runs, chosen))
    warn_of(problems, SEE)


def step_statistics(values: _Floats, chosen: CurveOptions) -> dict[str, Any]:
    """Reduce the runs at each step.

    Parameters
    ----------
    values : ndarray of float64, shape (n_runs, n_steps)
        NaN where a run has no value: it is left out. Infinite values are kept.
    chosen : CurveOptions
        Of which `stat`, `error`, `level`, `n_resamples` and `random_state` count. The order of the runs does not
        matter to the bootstrap.

    Returns
    -------
    dict of str to ndarray of shape (n_steps,)
        The statistic under its name, NaN where no run has a value; `std` (n - 1 degrees of freedom),
        `sem`, `low` and `high`, NaN where fewer than two runs have one; and `n`, the number of runs that have a value.

    Raises
    ------
    MissingDependencyError
        "ci" without scipy.

    Examples
    --------
    >>> values = np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]])
    >>> pd.DataFrame(step_statistics(values, CurveOptions(error="sem")))[["mean", "low", "high", "n"]]
       mean  low  high  n
    0   2.0  1.0   3.0  2
    1   2.0  NaN   NaN  1
    2   NaN  NaN   NaN  0
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        n, mean, std = moments(values)
        sem = std / np.sqrt(n)
        centre = mean if chosen.stat == "mean" else _middle(values, n, chosen.stat)
        if chosen.error == "ci" and chosen.stat != "mean":
            bounds = _bootstrap(values, chosen)
        elif chosen.error == "minmax":
            bounds = np.fmin.reduce(values, initial=np.nan), np.fmax.reduce(values, initial=np.nan)
        else:
            widths: dict[str | None, Any] = {"std": std, "sem": sem, None: np.nan}
            width = t_quantile(n, chosen.level) * sem if chosen.error == "ci" else widths[chosen.error]
            bounds = centre - width, centre + width
    low, high = (np.where(n > 1, bound, np.nan) for bound in bounds)
    return {chosen.stat: centre, "std": std, "sem": sem, "low": low, "high": high, "n": n}


def moments(values: _Floats) -> tuple[npt.NDArray[np.int64], _Floats, _Floats]:
    """The number of runs with a value, their mean and their standard deviation, at each step.

    Parameters
    ----------
    values : ndarray of float64, shape (n_runs, n_steps)
        NaN is left out.

    Returns
    -------
    n, mean, std : ndarray of shape (n_steps,)
        Equal values have exactly their value as mean, and no spread; std has n - 1 degrees of freedom.

    Notes
    -----
    The sums are about the least value of each step. Its own distance from the mean is part of the variance, so that
    no digits are lost where all values are large, and that of equal values is exactly zero.

    Examples
    --------
    >>> moments(np.array([[0.1, 1.0], [0.1, np.nan], [0.1, 3.0]]))
    (array([3, 2]), array([0.1, 2. ]), array([0.        , 1.41421356]))
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        n, least = np.full(values.shape[1], len(values)), values.min(axis=0, initial=np.inf)
        if np.isnan(least).any():
            n, least = n - np.isnan(values).sum(axis=0), np.fmin.reduce(values)
            values = np.fmax(values, least)  # the least value in place of a missing one adds nothing to the sums
        least = np.nan_to_num(least, posinf=0.0, neginf=0.0)
        above = values - least
        total = above.sum(axis=0)
        squares = np.einsum("ij,ij->j", above, above) - total * total / n
        std = np.sqrt(np.maximum(squares, 0) / np.where(n > 1, n - 1.0, np.nan))
        mean = least + total / n
    return n, mean, std


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
        raise InvalidOptionError(f'{name}step {repeated[0]} was logged twice; dup="last" or "mean" takes one value.')
    if dup == "mean":
        points = points.groupby(level=0).mean()
    elif len(repeated):
        points = points[~points.index.duplicated(keep="first" if dup == "first" else "last")]
    return Curve(points.index.to_numpy(), points.to_numpy())


def align(curves: Sequence[Curve]) -> tuple[npt.NDArray[Any], _Floats, npt.NDArray[np.int64]]:
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
    if are_heads and {len(curve.steps) for curve in curves} == {len(steps)}:
        return steps, np.array([curve.values for curve in curves], np.float64), np.full(len(steps), len(curves))
    if not are_heads:
        steps = np.unique(np.concatenate([curve.steps for curve in curves]))
    values, reached = np.full((len(curves), len(steps)), np.nan), np.zeros(len(steps), dtype=np.int64)
    for row, curve in zip(values, curves, strict=True):
        places = slice(len(curve.steps)) if are_heads else np.searchsorted(steps, curve.steps)
        row[places] = curve.values
        reached[places] += 1
    return steps, values, reached


def interpolate(curve: Curve, grid: npt.NDArray[Any]) -> Curve:
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
    is_flat = np.ndim(grid) == 1  # type: ignore[arg-type]
    steps = np.unique(pd.to_numeric(pd.Series(grid), errors="coerce").astype(float)) if is_flat else np.empty(0)
    if not len(steps) or not np.isfinite(steps).all():
        raise InvalidOptionError(f"grid={grid!r} is neither a number of points nor a list of finite steps.")
    return steps


def t_quantile(n: npt.ArrayLike, level: float) -> Any:
    """How many standard errors the t-interval of a mean of n values reaches to each side; NaN for n below 2.

    Examples
    --------
    >>> t_quantile(np.array([1, 5]), 0.95).round(3)
    array([  nan, 2.776])
    """
    counts, places = np.unique(n, return_inverse=True)
    # What scipy.stats.t.ppf computes, without its 300 microseconds a call.
    quantiles = _scipy().special.stdtrit(np.where(counts > 1, counts - 1.0, np.nan), (1 + level) / 2)
    return quantiles[places.reshape(-1)]


def check_level(level: object) -> None:
    """Refuse a confidence level that is not between 0 and 1.

    >>> check_level(95)
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: level=95 is not between 0 and 1; give 0.95 for 95 per cent.
    """
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise InvalidOptionError(f"level={level!r} is not between 0 and 1; give 0.95 for 95 per cent.")


def _reduced(runs: Sequence[Curve | None], chosen: CurveOptions) -> tuple[npt.NDArray[Any], dict[str, Any]]:
    """The steps of a group and the statistics there."""
    curves = [run for run in runs if run is not None]
    if chosen.grid is not None:
        grid = grid_of(curves, chosen.grid)
        curves = [interpolate(curve, grid) for curve in curves]
    steps, values, reached = align(curves)
    if chosen.align == "inner":
        steps, values = steps[reached == len(curves)], values[:, reached == len(curves)]
    return steps, step_statistics(values, chosen)


def _middle(values: _Floats, n: npt.NDArray[np.int64], stat: str) -> Any:
    """The mean of the runs in the middle at each step, by rank: of one or two, or of half of them."""
    ordered = np.sort(values, axis=0)  # NaN last
    cut = (n - 1) // 2 if stat == "median" else n // 4
    rank = np.arange(len(values))[:, None]
    is_middle = (rank >= cut) & (rank < n - cut)
    return np.where(is_middle, ordered, 0.0).sum(axis=0) / is_middle.sum(axis=0)


def _bootstrap(values: _Floats, chosen: CurveOptions) -> tuple[_Floats, _Floats]:
    """The percentile interval; a resample takes whole runs, the same at all steps that the same runs have."""
    stats = _scipy().stats
    statistic = np.median if chosen.stat == "median" else partial(stats.trim_mean, proportiontocut=0.25)
    settings = {"method": "percentile", "confidence_level": chosen.level, "n_resamples": chosen.n_resamples}
    settings["random_state"] = chosen.random_state
    low, high = np.full((2, values.shape[1]), np.nan)
    patterns, places = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        steps = np.flatnonzero(places.reshape(-1) == number)
        runs = values[np.ix_(pattern, steps)]
        if len(runs) < 2:
            continue
        # In an order of their own, so that the order of the runs does not matter.
        runs = runs[np.lexsort(runs.T[::-1])]
        batch = max(1, _RESAMPLED // runs.size)
        found = stats.bootstrap((runs,), statistic, vectorized=True, axis=0, batch=batch, **settings)
        low[steps], high[steps] = found.confidence_interval
    return low, high


def _scipy() -> Any:
    try:
        import scipy.stats
    except ImportError as error:
        raise MissingDependencyError('Intervals need scipy: pip install scipy. error="std" needs none.') from error
    return scipy
