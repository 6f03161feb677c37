# SPDX-License-Identifier: MIT
"""Which runs, and which settings, are best; and how sure that is where the same seeds are compared."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import InvalidOptionError, UnknownColumnError, UnknownGroupError, suggest
from .columns import as_list, check_choice, column, completed, listed, picked, run_ids, setting_columns
from .numbers import as_floats, best_points, curve_numbers, number_column, number_columns, split_name
from .partition import Partition, plain_key
from .points import as_numbers, is_curves, points_of, shared_steps, tidy
from .spread import check_level, t_quantile

_Floats = npt.NDArray[np.float64]

_LAST_K = re.compile(r"last-([1-9][0-9]{0,8})")
_MIN_PAIRS = 3


class Criterion(NamedTuple):
    """What makes a run good.

    Attributes
    ----------
    by : label
        A column of curves or of numbers, or a name such as `test.loss.min`.
    mode : {"min", "max"}
        Which is better.
    scope : str
        Of a curve: "last", its last point; "best", its best finite point; "last-10", the mean of its last ten points
        (any number; of all points where there are fewer).
    """

    by: Hashable
    mode: str = "min"
    scope: str = "last"


def best_runs(
    frame: pd.DataFrame, criterion: Criterion, per: Any = None, over: Any = None, report: Any = ()
) -> pd.DataFrame:
    """The best run, or the best setting, of each group.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    criterion : Criterion
        What is judged.
    per : label or list of labels, optional
        Columns that make the groups; all runs are one group unless given.
    over : label or list of labels, optional
        Columns of repetitions, such as `config.seed`: then the best setting of the other config columns that vary is
        looked for, by its mean over these runs.
    report : str or list of str
        What else to tell of the winner, as `reported` reads it.

    Returns
    -------
    DataFrame
        One row a group, indexed by `per`. Columns: `log_id` (not with `over`); the config columns that vary, but those
        of `per` and `over`; `by`; each of `report`; and `n_skipped`, how many runs of the group could not win because
        their value is NaN or infinite. With `over`, each number has the columns `<name>.mean`, `<name>.std` (n - 1
        degrees of freedom) and `<name>.n`, over those runs of the setting whose `by` is finite. Of equal values, the
        run with the lower log_id wins. NaN in a group where no run can.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        An option outside its allowed values, or values that are no numbers.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 0.1, 1.0, 1.0], "config.seed": [1, 2, 1, 2]})
    >>> runs["loss"] = [np.array([3.0, 1.0]), np.array([3.0, 2.0]), np.array([0.5, 4.0]), np.array([np.nan])]
    >>> best_runs(runs, Criterion("loss", scope="best"))
       log_id  config.lr  config.seed  loss  n_skipped
    0       2        1.0            1   0.5          1
    >>> best_runs(runs, Criterion("loss"), over="config.seed").round(2)
       config.lr  loss.mean  loss.std  loss.n  n_skipped
    0        0.1        1.5      0.71       2          1
    """
    groups, repeated = listed(frame, per), listed(frame, over)
    settings = setting_columns(frame, [*groups, *repeated])
    values = scores(frame, criterion)
    numbers = {criterion.by: values} | reported(frame, criterion, [] if report is None else as_list(report))
    partition = Partition(frame, groups)
    runs = pd.DataFrame({"group": partition.codes, "rank": np.where(np.isfinite(values), values, np.nan)})
    runs["setting"] = Partition(frame, [*groups, *settings]).codes if repeated else np.arange(len(frame))
    ids = run_ids(frame)
    won = _winners(runs, ids if pd.api.types.is_numeric_dtype(ids) else runs.index, criterion.mode)
    won = won.reindex(range(len(partition)))
    rows = won["row"].fillna(-1).astype(int).tolist()
    table: dict[Hashable, Any] = {label: picked(column(frame, label), rows) for label in settings}
    if repeated:
        runs = runs[runs["setting"].eq(runs["group"].map(won["setting"])) & runs["rank"].notna()]
        for name, each in numbers.items():
            table |= _over_runs(as_floats(each, name), runs, name, len(partition))
    else:
        table = {ids.name: picked(ids, rows), **table, **{name: picked(each, rows) for name, each in numbers.items()}}
    table = {label: cells for label, cells in table.items() if label not in groups}
    table["n_skipped"] = np.bincount(partition.codes[~np.isfinite(values)], minlength=len(partition))
    return pd.DataFrame(table).set_axis(partition.index, axis=0)


def compare_settings(
    frame: pd.DataFrame, metric: Hashable, baseline: Any, pair: Any = "config.seed", by: Any = None, **options: Any
) -> pd.DataFrame:
    """Compare each setting with a baseline, over the seeds that both have.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    metric : label
        What is compared: a column of curves or of numbers, or a name such as `test.loss.min`.
    baseline : scalar, tuple or mapping
        The setting to compare with: the values of the columns `by`, or `{column: value}`.
    pair : label or list of labels
        Columns that say which runs belong together, such as `config.seed`.
    by : label or list of labels, optional
        The columns that make a setting; unless given, the config columns that vary, but those of `pair`.
    **options
        `level`, the confidence level of the interval, 0.95 unless given; `scope`, which number of a curve, as in
        `Criterion`; `mode`, which is better, "min" unless given, or "max".

    Returns
    -------
    DataFrame
        One row a setting but the baseline, indexed by its columns. `difference`: the mean of setting minus baseline
        over the pairs; `low`, `high`: its interval, by Student's t with n_pairs - 1 degrees of freedom, NaN for fewer
        than 3 pairs; `p_improvement`: the share of pairs in which the setting is better, ties count half; `n_pairs`;
        `n_unpaired`: runs of the setting and of the baseline without a partner, or whose value is NaN or infinite.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    UnknownGroupError
        No setting is the baseline.
    InvalidOptionError
        Several settings are the baseline, a setting has two runs of one seed, or an option is not allowed.
    MissingDependencyError
        Without scipy.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 0.1, 0.1, 1.0, 1.0, 1.0], "config.seed": [1, 2, 3, 1, 2, 3]})
    >>> runs["loss"] = [0.1, 0.2, 0.3, 0.2, 0.4, 0.3]
    >>> compare_settings(runs, "loss", 0.1).round(3)
               difference    low   high  p_improvement  n_pairs  n_unpaired
    config.lr
    1.0               0.1 -0.148  0.348          0.167        3           0
    """
    chosen = completed(options, {"level": 0.95, "scope": "last", "mode": "min"})
    check_level(chosen["level"])
    paired = listed(frame, pair)
    names = setting_columns(frame, paired) if by is None else listed(frame, by)
    values = scores(frame, Criterion(metric, chosen["mode"], chosen["scope"]))
    settings, partners = Partition(frame, names), Partition(frame, paired)
    base = _baseline(settings, baseline)
    runs = pd.DataFrame({"setting": settings.codes, "partner": partners.codes, "value": values})
    _check_one_run_each(runs, settings, partners)
    sizes = runs.groupby("setting").size()
    has_partner = np.all([column(frame, name).notna().to_numpy() for name in paired], axis=0)
    runs = runs[np.isfinite(values) & has_partner]
    wide = runs.pivot(index="partner", columns="setting", values="value").reindex(columns=range(len(settings)))
    table = _differences(wide.sub(wide[base], axis=0), chosen["mode"], chosen["level"])
    table["n_unpaired"] = sizes + sizes[base] - 2 * table["n_pairs"]
    return table.set_axis(settings.index, axis=0).iloc[[place for place in range(len(settings)) if place != base]]


def sorted_runs(frame: pd.DataFrame, by: object, ascending: bool | list[bool] = True) -> pd.DataFrame:
    """The runs in the order of columns, or of numbers of curves; equal ones stay in their order, NaN comes last.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    by : str or list of str
        As for `split_name`.
    ascending : bool or list of bool
        One for all, or one each.

    Returns
    -------
    DataFrame

    Raises
    ------
    UnknownColumnError
        There is no such column.
    InvalidOptionError
        A column without an order, or another number of `ascending`.

    Examples
    --------
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0]), np.array([2.0, 2.0]), np.array([0.5])]})
    >>> sorted_runs(runs, "train.loss.last").index.tolist()
    [2, 0, 1]
    """
    keys = pd.DataFrame({place: values.array for place, (_, values) in enumerate(number_columns(frame, by).items())})
    try:
        order = keys.sort_values(list(keys.columns), ascending=ascending, kind="stable").index
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"The runs cannot be sorted by {by!r}: {error}.") from error
    return frame.take(order.to_numpy())


def scores(frame: pd.DataFrame, criterion: Criterion) -> _Floats:
    """The number that each run is judged by.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    criterion : Criterion
        What is judged.

    Returns
    -------
    ndarray of float64, shape (n_runs,)
        NaN where a run has no such metric. NaN or infinite where it has diverged, but not with the scope "best".

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        An option outside its allowed values, or values that are no numbers.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [np.array([3.0, 1.0, 2.0]), np.array([4.0, np.nan])]})
    >>> scores(runs, Criterion("loss", scope="best")), scores(runs, Criterion("loss", scope="last-2"))
    (array([1., 4.]), array([1.5, nan]))
    """
    by, mode, scope = criterion
    check_choice("mode", mode, ("min", "max"))
    if not _LAST_K.fullmatch(str(scope)):
        check_choice("scope", scope, ("last", "best", "last-10"))
    if _is_metric(frame, by):
        number = mode if scope == "best" else scope
        return as_numbers(curve_numbers(frame, [(by, number)])[by, number])
    if scope != "last":
        raise InvalidOptionError(f"scope={scope!r} is for curves, and {by!r} is one number a run.")
    return number_column(frame, by)


def reported(frame: pd.DataFrame, criterion: Criterion, names: Sequence[Hashable]) -> dict[Hashable, Any]:
    """What other columns say of each run.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    criterion : Criterion
        What is judged.
    names : sequence of label
        Columns of curves, read at the step where the run is best with the scope "best", else at their last point;
        columns of other values; and names such as `test.loss.min`.

    Returns
    -------
    dict of label to array of shape (n_runs,)
        NaN where a run has no such metric, or not at this step.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.

    Notes
    -----
    The step where a run is best is a row of the log. In another log it is the row with the same `step`, `global_step`,
    `epoch`, `iteration` or `iter`, the first of them that both logs have; and the row of the same place where they
    share none.

    Examples
    --------
    >>> runs = pd.DataFrame({"val": [np.array([3.0, 1.0, 2.0])], "test": [np.array([3.1, 1.3, 1.2])]})
    >>> reported(runs, Criterion("val", scope="best"), ["test"])
    {'test': array([1.3])}
    """
    found: dict[Hashable, Any] = dict(number_columns(frame, names, bare="last").items())
    if criterion.scope == "best" and _is_metric(frame, criterion.by):
        found |= {name: _at_best(frame, criterion, name) for name in names if _is_metric(frame, name)}
    return found


def _is_metric(frame: pd.DataFrame, name: Hashable) -> bool:
    """Whether a name is that of curves, not of one of their numbers."""
    return split_name(frame, name)[1] is None and is_curves(column(frame, name))


def _at_best(frame: pd.DataFrame, criterion: Criterion, name: Hashable) -> npt.NDArray[Any]:
    """The values at the step where each run is best; the last one where it was logged twice."""
    curves = points_of(frame, shared_steps(frame, criterion.by, name))
    best = best_points(curves[criterion.by], criterion.mode)[["run", "step"]]
    told = tidy(curves[name]).drop_duplicates(["run", "step"], keep="last")
    return best.merge(told, on=["run", "step"]).set_index("run")["value"].reindex(range(len(frame))).to_numpy()


def _winners(runs: pd.DataFrame, order: Any, mode: str) -> pd.DataFrame:
    """The best setting of each group: by the mean of its runs, and of equal ones by the lowest id."""
    runs = runs.assign(order=np.asarray(order), row=runs.index)
    each = runs.groupby("setting").agg({"group": "first", "rank": "mean", "order": "min", "row": "first"})
    ranked = each.dropna(subset="rank").reset_index()
    ranked = ranked.sort_values(["rank", "order"], ascending=[mode == "min", True], kind="stable")
    return ranked.drop_duplicates("group").set_index("group")


def _over_runs(values: _Floats, runs: pd.DataFrame, name: Hashable, n_groups: int) -> dict[Hashable, Any]:
    """Mean, std and n of a number over the runs of each winner; NaN and infinite values are left out."""
    finite = pd.Series(np.where(np.isfinite(values), values, np.nan))[runs.index]
    found = finite.groupby(runs["group"]).agg(["mean", "std", "count"]).reindex(range(n_groups))
    n = found["count"].fillna(0).astype(np.int64)
    return {f"{name}.mean": found["mean"], f"{name}.std": found["std"], f"{name}.n": n}


def _differences(difference: pd.DataFrame, mode: str, level: float) -> pd.DataFrame:
    """What is told of the differences of the pairs, by partner and setting."""
    mean, n = difference.mean(), difference.count()
    width = (t_quantile(n, level) * difference.std() / np.sqrt(n)).where(n >= _MIN_PAIRS)
    better = (difference < 0 if mode == "min" else difference > 0) + 0.5 * (difference == 0)
    share = better.where(difference.notna()).mean()
    bounds = {"low": mean - width, "high": mean + width}
    return pd.DataFrame({"difference": mean, **bounds, "p_improvement": share, "n_pairs": n})


def _check_one_run_each(runs: pd.DataFrame, settings: Partition, partners: Partition) -> None:
    again = runs[runs.duplicated(["setting", "partner"])].head(1)
    for setting, partner in zip(again["setting"], again["partner"], strict=True):
        pair = f"{settings.names} = {settings.keys[setting]} and {partners.names} = {partners.keys[partner]}"
        raise InvalidOptionError(f"A setting has two runs with {pair}: give `by` and `pair` so that one is left.")


def _baseline(settings: Partition, baseline: Any) -> int:
    """The setting that a baseline names, by all of its values or by those of some columns."""
    if not settings.names:
        raise UnknownGroupError("No config column varies beside those of `pair`: name those of a setting with `by`.")
    if isinstance(baseline, Mapping):
        for name in baseline:
            if name not in settings.names:
                raise UnknownColumnError(f"The settings have no column {name!r}.{suggest(name, settings.names)}")
        places = settings.having(list(baseline), {plain_key(tuple(baseline.values()))})
    else:
        place = settings.place(tuple(baseline) if isinstance(baseline, list) else baseline)
        places = [] if place is None else [place]
    if not places:
        near = suggest(baseline, [str(key if len(key) != 1 else key[0]) for key in settings.keys])
        raise UnknownGroupError(f"No setting of {settings.names} is the baseline {baseline!r}.{near}")
    if len(places) > 1:
        rest = [name for name in settings.names if name not in baseline]
        raise InvalidOptionError(f"{len(places)} settings are {baseline!r}: name their {rest} too, or pair by it.")
    return places[0]
