# SPDX-License-Identifier: MIT
"""Numbers of curves as columns: the names such as `train.loss.last` that stand for them, read in bulk."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cells import ArtifactDtype, Curve
from ..errors import InvalidOptionError, UnknownColumnError, suggest
from ..query import names as names_in
from .columns import as_list, column, has_column, labels_of, read_values, require, run_ids
from .points import as_numbers, curve_column, holds_curves, is_curves, log_curves, points_of, read_ends, steps_of, tidy

_Array = npt.NDArray[Any]

REDUCTIONS = ("first", "last", "min", "max", "mean", "median", "std", "count", "n_nan", "argmin", "argmax")
"""The numbers of a curve that its values alone give."""

NUMBERS = (*REDUCTIONS, "step_of_min", "step_of_max")
"""The numbers of a curve whose names are suffixes of the column's name."""


def reduced(curves: Iterable[Any], name: str, *, skipna: bool = True) -> _Array:
    """Reduce each curve to one number.

    Parameters
    ----------
    curves : iterable of (array-like of shape (n_points,) or NaN)
        NaN where a run has no such metric.
    name : str
        One of `REDUCTIONS`. `std` has n - 1 degrees of freedom; `count` is the number of points, `n_nan` how many of
        them are NaN, infinite or no number; `argmin` and `argmax` are positions, counted from 0.
    skipna : bool
        Whether min, max, mean, median, std, argmin and argmax leave out NaN and infinite points. If not, one NaN
        among the points makes them NaN.

    Returns
    -------
    ndarray of shape (n_runs,)
        int64 where all are integers, otherwise float64; object where `first` or `last` is no number. NaN where there
        is no curve, or no point that counts.

    Examples
    --------
    >>> curves = [np.array([3.0, 1.0, np.nan]), np.array([2, 4]), np.nan]
    >>> reduced(curves, "min"), reduced(curves, "last"), reduced(curves, "n_nan")
    (array([ 1.,  2., nan]), array([nan,  4., nan]), array([ 1.,  0., nan]))
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return typed_numbers([_reduction(curve, name, skipna) for curve in curves])


def typed_numbers(numbers: Sequence[Any]) -> _Array:
    """Numbers as an array of bool, int64 or float64; otherwise objects as they are.

    Examples
    --------
    >>> typed_numbers([1, 2]), typed_numbers([1, np.nan]), typed_numbers([1, "x"])
    (array([1, 2]), array([ 1., nan]), array([1, 'x'], dtype=object))
    """
    return pd.Series(numbers, dtype=None if len(numbers) else np.float64).to_numpy()


def curve_numbers(
    frame: pd.DataFrame, wanted: Iterable[tuple[Hashable, str]], *, skipna: bool = True, x: str | None = None
) -> dict[tuple[Hashable, str], _Array]:
    """Reduce columns of curves to numbers; each log file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    wanted : iterable of (label, str)
        Columns of curves, and which of `NUMBERS`; `last-10` (or any other number) is the mean of the last ten points.
    skipna : bool
        As for `reduced`.
    x : str, optional
        What the steps of `step_of_min` and `step_of_max` are, as for `points.steps_of`.

    Returns
    -------
    dict of (label, str) to ndarray of shape (n_runs,)
        NaN where a run has no such metric.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan]})
    >>> curve_numbers(runs, [("loss", "min"), ("loss", "argmin")])
    {('loss', 'min'): array([ 1., nan]), ('loss', 'argmin'): array([ 1., nan])}
    """
    wanted = dict.fromkeys(wanted)
    whole = dict.fromkeys(label for label, name in wanted if name != "last")
    curves = read_values(frame, whole)
    ends = read_ends(frame, [label for label, _ in wanted if label not in whole])

    def number(label: Hashable, name: str) -> _Array:
        if label in ends:
            return typed_numbers(ends[label])
        if not name.startswith("step_of_"):
            return reduced(curves[label], name, skipna=skipna)
        points = points_of(frame, steps_of(frame, [label], x))[label]
        return _by_run(best_points(points, name[-3:]), "step", len(frame))

    return {each: number(*each) for each in wanted}


def values_at(frame: pd.DataFrame, label: Hashable, step: float, x: str | None = None) -> _Array:
    """The value of each curve at one step.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    label : label
        A column of curves.
    step : number
        Exactly as logged.
    x : str, optional
        What the steps are, as for `points.steps_of`.

    Returns
    -------
    ndarray of shape (n_runs,)
        The last value where the step was logged twice; NaN where it was not.

    Raises
    ------
    InvalidOptionError
        A step that is no number.

    Examples
    --------
    >>> values_at(pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan]}), "loss", 1)
    array([ 1., nan])
    """
    if not isinstance(step, (int, float, np.number)) or np.isnan(step):
        raise InvalidOptionError(f"{step!r} is no step: give a number, as it was logged.")
    points = tidy(points_of(frame, steps_of(frame, [label], x))[label])
    return _by_run(points[points["step"] == step], "value", len(frame))


def best_points(curves: Sequence[Curve | None], mode: str) -> pd.DataFrame:
    """The smallest (`"min"`) or largest (`"max"`) finite point of each run, the first of equal ones.

    Returns
    -------
    DataFrame
        `run`, `step` and `value`; a row for each run that has one.

    Examples
    --------
    >>> best_points([Curve(np.array([10, 20]), np.array([2.0, 1.0])), None], "min")
       run  step  value
    0    0    20    1.0
    """
    points = tidy(curves)
    points = points[np.isfinite(points["value"])].reset_index(drop=True)
    values = points.groupby("run")["value"]
    places = values.idxmin() if mode == "min" else values.idxmax()
    return pd.DataFrame(points.take(places.to_numpy())).reset_index(drop=True)


def split_name(frame: pd.DataFrame, name: Hashable) -> tuple[Hashable, str | None]:
    """What a name stands for: a column, or a column of curves and one of `NUMBERS`.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    name : label
        A column or an index level (which wins), or `<metric>.<number>`.

    Returns
    -------
    label, str or None
        The column, and the number of its curves (one of `NUMBERS`).

    Raises
    ------
    UnknownColumnError
        Neither; the message holds the nearest names.
    InvalidOptionError
        The column is there, and holds no curves.

    Examples
    --------
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0])], "config.seed": [1]})
    >>> split_name(runs, "train.loss.last"), split_name(runs, "config.seed")
    (('train.loss', 'last'), ('config.seed', None))
    >>> split_name(runs, "train.loss.lost")
    Traceback (most recent call last):
    mlxp_pandas.errors.UnknownColumnError: 'train.loss' has no number 'lost'. Did you mean 'last'?
    """
    base, _, suffix = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    if has_column(frame, name) or not (suffix in NUMBERS or has_column(frame, base)):
        return require(frame, [name], levels=True)[0], None
    if suffix not in NUMBERS:
        raise UnknownColumnError(f"{base!r} has no number {suffix!r}.{suggest(suffix, NUMBERS)}")
    curve_column(frame, base)
    return base, suffix


def number_columns(frame: pd.DataFrame, names: object, bare: str | None = None) -> pd.DataFrame:
    """Columns, and numbers of curves, by their names; each log file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : str or list of str
        As for `split_name`.
    bare : str, optional
        Which number a column of curves stands for where its name says none.

    Returns
    -------
    DataFrame
        On the index of `frame`, one column a name. NaN where a run has no such metric.

    Raises
    ------
    UnknownColumnError
        There is no such column.
    InvalidOptionError
        A column of curves or artifacts without saying which number of it.

    Examples
    --------
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0])], "config.seed": [1]})
    >>> number_columns(runs, ["config.seed", "train.loss.min"])
       config.seed  train.loss.min
    0            1             1.0
    """
    labels = as_list(names)
    wanted = [split_name(frame, name) for name in labels]
    wanted = [(label, number or (bare if is_curves(column(frame, label)) else None)) for label, number in wanted]
    numbers = curve_numbers(frame, [(label, number) for label, number in wanted if number])
    columns = [numbers[label, number] if number else _plain_values(frame, label) for label, number in wanted]
    table = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
    return table.set_axis(pd.Index(labels, tupleize_cols=False), axis=1)


def number_column(frame: pd.DataFrame, name: Hashable) -> npt.NDArray[np.float64]:
    """One column of `number_columns` as float64 of shape (n_runs,), NaN where a value is missing.

    Raises
    ------
    InvalidOptionError
        The column holds something else than numbers.

    Examples
    --------
    >>> number_column(pd.DataFrame({"seed": pd.array([1, None], dtype="Int64")}), "seed")
    array([ 1., nan])
    """
    return as_floats(number_columns(frame, [name]).iloc[:, 0], name)


def as_floats(values: Any, name: Hashable) -> npt.NDArray[np.float64]:
    """A column as float64, NaN where a value is missing.

    Raises
    ------
    InvalidOptionError
        The column holds something else than numbers.

    Examples
    --------
    >>> as_floats(pd.Series([1, None], dtype="Int64"), "seed")
    array([ 1., nan])
    """
    try:
        return np.asarray(pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"{name!r} holds other values than numbers ({error}).") from error


def with_numbers(frame: pd.DataFrame, names: object) -> tuple[pd.DataFrame, list[Hashable]]:
    """The frame, and beside it the numbers of curves among these names; and the names as a list.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : label or list of labels
        As for `split_name`.

    Returns
    -------
    frame : DataFrame
        The frame itself where no name stands for a number.
    labels : list of labels
        The names, each a column or an index level of it.

    Raises
    ------
    UnknownColumnError
        There is no such column, or curves have no such number.

    Examples
    --------
    >>> with_numbers(pd.DataFrame({"loss": [[3.0, 1.0]]}), ["loss", "loss.min"])
    (         loss  loss.min
    0  [3.0, 1.0]       1.0, ['loss', 'loss.min'])
    """
    labels = labels_of(frame, names)
    wanted = [name for name in dict.fromkeys(labels) if _is_suffixed(frame, name)]
    known = pd.concat([frame, number_columns(frame, wanted)], axis=1) if wanted else frame
    return known, require(known, labels, levels=True)


def numbers_in(frame: pd.DataFrame, query: str) -> pd.DataFrame:
    """Read the names in a query that stand for numbers of curves; each log file is opened once.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    query : str
        The query.

    Returns
    -------
    DataFrame
        As of `number_columns`; names that stand for nothing are left out.

    Raises
    ------
    UnknownColumnError
        Curves have no such number.

    Examples
    --------
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0])]})
    >>> numbers_in(runs, "train.loss.last < 2 and lr > 1")
       train.loss.last
    0              1.0
    """
    return number_columns(frame, [name for name in names_in(query) if _is_suffixed(frame, name)])


def long_frame(frame: pd.DataFrame, log: str, columns: Any = None) -> pd.DataFrame:
    """Tidy the rows of one log.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    log : str
        The name of the log, such as `train`.
    columns : str or list of str, optional
        Columns of the frame to repeat on each row, such as `config.optimizer.lr`; or names such as `test.loss.last`.

    Returns
    -------
    DataFrame
        `log_id`; `step`, the place of the row in its log, counted from 0; one column for each key of the log, under its
        name in the frame; and `columns`. NaN where a row lacks a key.

    Raises
    ------
    UnknownColumnError
        The frame has no such log, or no such column.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 1.0], "train.loss": [np.array([3.0, 1.0]), np.array([2.0])]})
    >>> long_frame(runs, "train", columns="config.lr")
       log_id  step  train.loss  config.lr
    0       0     0         3.0        0.1
    1       0     1         1.0        0.1
    2       1     0         2.0        1.0
    """
    curves = log_curves(frame, log)
    repeated = number_columns(frame, [] if columns is None else list(dict.fromkeys(as_list(columns))))
    parts = [tidy(each).set_index(["run", "step"])["value"] for each in curves.values()]
    table = pd.concat(parts, axis=1, keys=range(len(parts))).sort_index().set_axis(list(curves), axis=1).reset_index()
    runs = table.pop("run").to_numpy()
    table.insert(0, "log_id", run_ids(frame).to_numpy()[runs])
    more = repeated.loc[:, ~repeated.columns.isin(table.columns)].take(runs)
    return pd.concat([table, more.set_axis(table.index, axis=0)], axis=1)


def _reduction(curve: Any, name: str, skipna: bool) -> Any:
    if not isinstance(curve, (np.ndarray, list)):
        return np.nan
    values = np.asarray(curve)
    if name in ("first", "last"):
        return values[-1 if name == "last" else 0] if len(values) else np.nan
    if name.startswith("last-"):
        return _of_points(values[-int(name[5:]) :], "mean", skipna=False)
    return len(values) if name == "count" else _of_points(values, name, skipna)


def _of_points(values: _Array, name: str, skipna: bool) -> Any:
    numbers = as_numbers(values)
    counts = np.isfinite(numbers) if skipna or name == "n_nan" else ~np.isnan(numbers)
    if name == "n_nan":
        return len(values) - int(counts.sum())
    if not counts.any() or not (skipna or counts.all()):
        return np.nan
    kept = (values if values.dtype.kind in "iu" else numbers)[counts]
    if name == "std":
        return kept.std(ddof=1) if len(kept) > 1 else np.nan
    number: Any = np.median(kept) if name == "median" else getattr(kept, name)()
    return np.flatnonzero(counts)[number] if name in ("argmin", "argmax") else number


def _plain_values(frame: pd.DataFrame, label: Hashable) -> Any:
    """The values of a column that holds no files, as an array; see `number_columns`."""
    values = column(frame, label)
    if isinstance(values.dtype, ArtifactDtype):
        raise InvalidOptionError(f"{label!r} holds artifacts, which have no value to compare.")
    if holds_curves(values):
        raise InvalidOptionError(f"{label!r} holds curves: say which number of them, such as {label}.last.")
    return values.array


def _is_suffixed(frame: pd.DataFrame, name: Hashable) -> bool:
    """Whether a name that is no column begins with that of a column of curves."""
    base = name.rpartition(".")[0] if isinstance(name, str) else None
    return not has_column(frame, name) and has_column(frame, base) and is_curves(column(frame, base))


def _by_run(points: pd.DataFrame, name: str, n_runs: int) -> _Array:
    """A column of points, the last one of each run; NaN for runs without one."""
    last = points.drop_duplicates("run", keep="last").set_index("run")[name]
    return last.reindex(range(n_runs)).to_numpy()
