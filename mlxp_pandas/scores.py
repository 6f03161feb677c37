# SPDX-License-Identifier: MIT
"""What each run is judged by: one number from its curve, and what other metrics say at the same step."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from .disk import warn_of
from .errors import InvalidOptionError
from .fields import column, require, varying
from .options import check_choice
from .points import is_curves, read_points, shared_steps
from .scalars import curve_numbers, number_columns, split_name
from .steps import as_numbers, reduced, step_of, typed_numbers, value_at
from .values import read_values

__all__ = ["Criterion", "as_floats", "listed", "reported", "run_ids", "scores", "setting_columns"]

_Floats = npt.NDArray[np.float64]

_MODES = ("min", "max")
_SCOPES = ("last", "best", "last-10")
_LAST_K = re.compile(r"last-([1-9][0-9]{0,8})")
_SEE = "df.mlxp.health()"


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
    check_choice("mode", mode, _MODES)
    last_k = _LAST_K.fullmatch(scope) if isinstance(scope, str) else None
    if last_k is None:
        check_choice("scope", scope, _SCOPES)
    if not _is_metric(frame, by):
        if scope != "last":
            raise InvalidOptionError(f"scope={scope!r} is for curves, and {by!r} is one number a run.")
        return as_floats(number_columns(frame, [by]).iloc[:, 0], by)
    if last_k is None:
        number = mode if scope == "best" else "last"
        return as_numbers(curve_numbers(frame, {by: [number]})[by, number])
    ends = [_tail(curve, int(last_k[1])) for curve in read_values(frame, [by])[by].values]
    return as_numbers(reduced(ends, "mean", skipna=False))


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
    at_best = criterion.scope == "best" and _is_metric(frame, criterion.by)
    found: dict[Hashable, Any] = {}
    for name in names:
        if not _is_metric(frame, name):
            found[name] = number_columns(frame, [name]).iloc[:, 0].array
        elif at_best:
            found[name] = _at_best(frame, criterion, name)
        else:
            found[name] = curve_numbers(frame, {name: ["last"]})[name, "last"]
    return found


def as_floats(values: Any, name: Hashable) -> _Floats:
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
    series = pd.Series(values)
    try:
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"{name!r} holds other values than numbers ({error}).") from error


def run_ids(frame: pd.DataFrame) -> pd.Series[Any]:
    """What to call each run: its log_id, or the frame's index where it has none.

    Examples
    --------
    >>> run_ids(pd.DataFrame({"loss": [1.0]}, index=pd.Index([7], name="log_id"))).tolist()
    [7]
    """
    if "log_id" in frame.columns or "log_id" in frame.index.names:
        return column(frame, "log_id").reset_index(drop=True)
    values = frame.index if frame.index.nlevels == 1 else pd.RangeIndex(len(frame))
    return pd.Series(values, name=frame.index.name if isinstance(frame.index.name, str) else "log_id")


def listed(frame: pd.DataFrame, names: object) -> list[Hashable]:
    """Columns or index levels as a list, checked; None is an empty one.

    Examples
    --------
    >>> listed(pd.DataFrame({"seed": [1]}), "seed"), listed(pd.DataFrame(), None)
    (['seed'], [])
    """
    return [] if names is None else require(frame, names, levels=True)


def setting_columns(frame: pd.DataFrame, others: Sequence[Hashable] = ()) -> list[Hashable]:
    """What makes a setting: the config columns that vary, also those in the index, but for the others.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 1.0], "config.seed": [1, 2]})
    >>> setting_columns(runs, ["config.seed"]), setting_columns(runs.set_index("config.lr"))
    (['config.lr'], ['config.lr', 'config.seed'])
    """
    names = [name for name in dict.fromkeys(frame.index.names) if isinstance(name, str) and name not in frame.columns]
    levels = pd.DataFrame({name: frame.index.get_level_values(name) for name in names})
    return [label for label in (*varying(levels), *varying(frame)) if label not in others]


def _is_metric(frame: pd.DataFrame, name: Hashable) -> bool:
    """Whether a name is that of a column of curves."""
    label, suffix = split_name(frame, name)
    return suffix is None and is_curves(column(frame, label))


def _tail(curve: Any, length: int) -> Any:
    return curve[-length:] if isinstance(curve, (np.ndarray, list)) else np.nan


def _at_best(frame: pd.DataFrame, criterion: Criterion, name: Hashable) -> npt.NDArray[Any]:
    """The values at the step where each run is best."""
    points = read_points(frame, shared_steps(frame, criterion.by, name))
    warn_of(points.problems, _SEE)
    steps = [step_of(curve, f"arg{criterion.mode}") for curve in points.curves[criterion.by]]
    return typed_numbers([value_at(curve, step) for curve, step in zip(points.curves[name], steps, strict=True)])
