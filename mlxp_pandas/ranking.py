# SPDX-License-Identifier: MIT
"""Which runs, and which settings, are best; and how sure that is where the same seeds are compared."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import InvalidOptionError, UnknownColumnError, UnknownGroupError, suggest
from .fields import column, is_missing
from .options import completed
from .partition import Partition, plain_key
from .scores import Criterion, as_floats, listed, reported, run_ids, scores, setting_columns
from .stepstats import check_level, moments, t_quantile

__all__ = ["CompareOptions", "best_runs", "compare_settings"]

_Floats = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int64]

_MIN_PAIRS = 3


class CompareOptions(TypedDict, total=False):
    """How settings are compared.

    Attributes
    ----------
    level : float
        Confidence level of the interval. 0.95 when left out.
    scope : str
        Which number of a curve, as in `scores.Criterion`. `"last"` when left out.
    mode : {"min", "max"}
        Which is better. `"min"` when left out.

    Examples
    --------
    >>> CompareOptions(mode="max")
    {'mode': 'max'}
    """

    level: float
    scope: str
    mode: str


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
        What else to tell of the winner, as `scores.reported` reads it.

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
    names = list(report) if pd.api.types.is_list_like(report) else [] if report is None else [report]
    numbers = {criterion.by: values} | reported(frame, criterion, names)
    ranks = values if criterion.mode == "min" else -values
    partition = Partition(frame, groups)
    if repeated:
        table = _best_settings(frame, partition, [*groups, *settings], ranks, numbers)
    else:
        table = _best_rows(frame, partition, settings, ranks, numbers)
    table = {label: cells for label, cells in table.items() if label not in groups}
    table["n_skipped"] = [int((~np.isfinite(ranks[rows])).sum()) for rows in partition.rows]
    return pd.DataFrame(table).set_axis(partition.index, axis=0)


def compare_settings(
    frame: pd.DataFrame,
    metric: Hashable,
    baseline: Any,
    pair: Any = "config.seed",
    by: Any = None,
    **options: Unpack[CompareOptions],
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
        The keywords of `CompareOptions`.

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
    partition = Partition(frame, names)
    place = _baseline(partition, baseline)
    partners = Partition(frame, paired)
    runs = [_by_partner(frame, partition, number, partners, values) for number in range(len(partition))]
    others = [number for number in range(len(partition)) if number != place]
    rows = [_comparison(runs[number], runs[place], chosen["mode"]) for number in others]
    for row, number in zip(rows, others, strict=True):
        row["n_unpaired"] = len(partition.rows[number]) + len(partition.rows[place]) - 2 * row["n_pairs"]
    table = pd.DataFrame(rows, columns=["difference", "std", "p_improvement", "n_pairs", "n_unpaired"])
    return _with_interval(table, chosen["level"]).set_axis(partition.index.take(others), axis=0)


def _best_rows(
    frame: pd.DataFrame, partition: Partition, settings: list[Hashable], ranks: _Floats, numbers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    ids = run_ids(frame)
    winners = [_first(rows, ranks[rows], _order(ids)[rows]) for rows in partition.rows]
    columns = {ids.name: ids} | {label: column(frame, label) for label in settings} | dict(numbers)
    return {label: _picked(values, winners) for label, values in columns.items()}


def _best_settings(
    frame: pd.DataFrame, partition: Partition, names: list[Hashable], ranks: _Floats, numbers: Mapping[Hashable, Any]
) -> dict[Hashable, Any]:
    settings = Partition(frame, names)
    finite = [rows[np.isfinite(ranks[rows])] for rows in settings.rows]
    means = np.array([ranks[rows].mean() if len(rows) else np.nan for rows in finite])
    order = _order(run_ids(frame))
    first_ids = np.array([order[rows].min() for rows in settings.rows])
    candidates = [np.unique(settings.codes[rows]) for rows in partition.rows]
    winners = [_first(each, means[each], first_ids[each]) for each in candidates]
    heads = [-1 if place < 0 else int(settings.rows[place][0]) for place in winners]
    table = {label: _picked(column(frame, label), heads) for label in names}
    runs = [np.empty(0, dtype=np.int64) if place < 0 else finite[place] for place in winners]
    for name, values in numbers.items():
        table |= _over_runs(as_floats(values, name), runs, name)
    return table


def _over_runs(values: _Floats, runs: Sequence[_Rows], name: Hashable) -> dict[Hashable, Any]:
    """Mean, std and n of a number over the runs of each winner; NaN and infinite values are left out."""
    finite = np.where(np.isfinite(values), values, np.nan)
    found = [moments(finite[rows, None]) for rows in runs]
    means, stds = (np.array([float(each[part][0]) for each in found]) for part in (1, 2))
    counts = np.array([int(n[0]) for n, _, _ in found], dtype=np.int64)
    return {f"{name}.mean": means, f"{name}.std": stds, f"{name}.n": counts}


def _order(ids: pd.Series[Any]) -> npt.NDArray[Any]:
    """By what ties are decided: the log_id, or the place of the row."""
    return ids.to_numpy() if pd.api.types.is_numeric_dtype(ids) else np.arange(len(ids))


def _first(places: npt.NDArray[Any], ranks: _Floats, order: npt.NDArray[Any]) -> int:
    """The place with the lowest finite rank, -1 if there is none."""
    finite = np.isfinite(ranks)
    if not finite.any():
        return -1
    return int(places[finite][np.lexsort((order[finite], ranks[finite]))[0]])


def _picked(values: Any, places: list[int]) -> pd.Series[Any]:
    """The values of some rows; missing for the place -1, without making floats of integers."""
    series = pd.Series(values).reset_index(drop=True)
    nullable = {"i": "Int64", "b": "boolean"}.get(getattr(series.dtype, "kind", ""))
    if -1 in places and nullable:
        series = series.astype(nullable)  # type: ignore[call-overload]
    return series.reindex(places).reset_index(drop=True)


def _baseline(partition: Partition, baseline: Any) -> int:
    """The group that a baseline names."""
    if isinstance(baseline, Mapping):
        return _baseline_by_names(partition, baseline)
    if not partition.names:
        raise UnknownGroupError("No config column varies beside those of `pair`: name those of a setting with `by`.")
    given = tuple(baseline) if isinstance(baseline, list) else baseline
    # A list in a config is a tuple in the frame: for one column, a tuple may be its value.
    for key in ((given,), given):
        if isinstance(key, tuple) and isinstance(key, Hashable) and plain_key(key) in partition.places:
            return partition.places[plain_key(key)]
    near = suggest(baseline, [str(known if len(known) != 1 else known[0]) for known in partition.keys])
    raise UnknownGroupError(f"No setting of {partition.names} is the baseline {baseline!r}.{near}")


def _baseline_by_names(partition: Partition, baseline: Mapping[Any, Any]) -> int:
    for name in baseline:
        if name not in partition.names:
            raise UnknownColumnError(f"The settings have no column {name!r}.{suggest(name, partition.names)}")
    columns = [partition.names.index(name) for name in baseline]
    wanted = plain_key(tuple(baseline.values()))
    places = [place for place, key in enumerate(partition.keys) if tuple(key[column] for column in columns) == wanted]
    if not places:
        raise UnknownGroupError(f"No setting is the baseline {dict(baseline)!r}. There are {partition.keys[:8]}.")
    if len(places) > 1:
        rest = [name for name in partition.names if name not in baseline]
        raise InvalidOptionError(
            f"{len(places)} settings are {dict(baseline)!r}: name their {rest} too, or pair the runs also by these."
        )
    return places[0]


def _by_partner(
    frame: pd.DataFrame, partition: Partition, number: int, partners: Partition, values: _Floats
) -> dict[int, float]:
    """The finite values of a setting's runs by the group of their partners."""
    found: dict[int, float] = {}
    for row in partition.rows[number].tolist():
        partner = int(partners.codes[row])
        key = partners.keys[partner]
        if partner in found:
            raise InvalidOptionError(
                f"The setting {partition.keys[number]} of {partition.names} has two runs with {partners.names} = "
                f"{key}: give `by` and `pair` so that one run is left, or filter the runs."
            )
        if not any(map(is_missing, key)):
            found[partner] = values[row]
    return {partner: value for partner, value in found.items() if np.isfinite(value)}


def _comparison(runs: Mapping[int, float], base: Mapping[int, float], mode: str) -> dict[str, Any]:
    pairs = [partner for partner in runs if partner in base]
    differences = np.array([runs[partner] - base[partner] for partner in pairs])
    better = differences < 0 if mode == "min" else differences > 0
    share = float(np.mean(better + 0.5 * (differences == 0))) if pairs else np.nan
    n, mean, std = (part[0] for part in moments(differences[:, None]))
    return {"difference": mean, "std": std, "p_improvement": share, "n_pairs": int(n)}


def _with_interval(table: pd.DataFrame, level: float) -> pd.DataFrame:
    n = table["n_pairs"].to_numpy()
    width = t_quantile(n, level) * table.pop("std") / np.sqrt(n)
    width = width.where(n >= _MIN_PAIRS)
    table.insert(1, "low", table["difference"] - width)
    table.insert(2, "high", table["difference"] + width)
    return table
