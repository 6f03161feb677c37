# SPDX-License-Identifier: MIT
"""Numbers of curves as columns: the names such as `train.loss.last` that stand for them, read in bulk."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .disk import warn_of
from .errors import InvalidOptionError, UnknownColumnError, suggest
from .fields import column, is_artifact, is_metric, require
from .points import curve_columns, is_curves, read_ends, read_points, step_columns
from .query import names as names_in
from .steps import REDUCTIONS, Curve, reduced, step_of, typed_numbers, value_at
from .values import read_values

__all__ = [
    "NUMBERS",
    "curve_numbers",
    "name_list",
    "number_columns",
    "plain_values",
    "sorted_runs",
    "split_name",
    "steps_of",
    "suffix_columns",
    "values_at",
    "with_numbers",
]

_Array = npt.NDArray[Any]

NUMBERS = (*REDUCTIONS, "step_of_min", "step_of_max")
"""The numbers of a curve whose names are suffixes of the column's name."""

_SEE = "df.mlxp.health()"


def curve_numbers(
    frame: pd.DataFrame, wanted: Mapping[Hashable, Sequence[str]], *, skipna: bool = True
) -> dict[tuple[Hashable, str], _Array]:
    """Reduce columns of curves to numbers; each log file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    wanted : mapping of label to sequence of str
        Which of `NUMBERS`, for each column of curves.
    skipna : bool
        As for `steps.reduced`.

    Returns
    -------
    dict of (label, str) to ndarray of shape (n_runs,)
        NaN where a run has no such metric.

    Examples
    --------
    >>> import numpy as np
    >>> runs = pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan]})
    >>> curve_numbers(runs, {"loss": ["min", "argmin"]})
    {('loss', 'min'): array([ 1., nan]), ('loss', 'argmin'): array([ 1., nan])}
    """
    only_last = [label for label, names in wanted.items() if set(names) == {"last"}]
    ends, problems = read_ends(frame, only_last)
    warn_of(problems, _SEE)
    read = read_values(frame, [label for label in wanted if label not in only_last])
    found = {(label, "last"): typed_numbers(values) for label, values in ends.items()}
    for label in read:
        for name in wanted[label]:
            is_step = name.startswith("step_of")
            found[label, name] = (
                steps_of(frame, label, f"arg{name[-3:]}")
                if is_step
                else reduced(read[label].values, name, skipna=skipna)
            )
    return found


def steps_of(frame: pd.DataFrame, label: Hashable, name: str, x: str | None = None) -> _Array:
    """The step of each curve's smallest (`"argmin"`) or largest (`"argmax"`) finite point.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    label : label
        A column of curves.
    name : {"argmin", "argmax"}
        Which point.
    x : str, optional
        What the steps are, as for `points.step_columns`.

    Returns
    -------
    ndarray of shape (n_runs,)
        NaN where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> steps_of(pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan]}), "loss", "argmin")
    array([ 1., nan])
    """
    return _over_points(frame, label, x, lambda curve: step_of(curve, name))


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
        What the steps are, as for `points.step_columns`.

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
    >>> import numpy as np
    >>> values_at(pd.DataFrame({"loss": [np.array([3.0, 1.0]), np.nan]}), "loss", 1)
    array([ 1., nan])
    """
    if not isinstance(step, (int, float, np.number)) or np.isnan(step):
        raise InvalidOptionError(f"{step!r} is no step: give a number, as it was logged.")
    return _over_points(frame, label, x, lambda curve: value_at(curve, step))


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
    >>> import numpy as np
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0])], "config.seed": [1]})
    >>> split_name(runs, "train.loss.last"), split_name(runs, "config.seed")
    (('train.loss', 'last'), ('config.seed', None))
    >>> split_name(runs, "train.loss.lost")
    Traceback (most recent call last):
    mlxp_pandas.errors.UnknownColumnError: 'train.loss' has no number 'lost'. Did you mean 'last'?
    """
    base, _, suffix = name.rpartition(".") if isinstance(name, str) else ("", "", "")
    if not base or not _is_unknown(frame, name) or _is_unknown(frame, base):
        if suffix in NUMBERS and _is_unknown(frame, name):
            raise UnknownColumnError(f"There is no metric {base!r}.{suggest(base, curve_columns(frame))}")
        return require(frame, [name], levels=True)[0], None
    if suffix not in NUMBERS:
        raise UnknownColumnError(f"{base!r} has no number {suffix!r}.{suggest(suffix, NUMBERS)}")
    if not is_curves(column(frame, base)):
        near = suggest(base, curve_columns(frame))
        raise InvalidOptionError(f"{base!r} has no {suffix!r}: it holds no curves.{near}")
    return base, suffix


def number_columns(frame: pd.DataFrame, names: object) -> pd.DataFrame:
    """Columns, and numbers of curves, by their names; each log file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : str or list of str
        As for `split_name`.

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
    >>> import numpy as np
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0])], "config.seed": [1]})
    >>> number_columns(runs, ["config.seed", "train.loss.min"])
       config.seed  train.loss.min
    0            1             1.0
    """
    labels = list(names) if pd.api.types.is_list_like(names) else [names]  # type: ignore[call-overload]
    wanted = [split_name(frame, name) for name in labels]
    suffixes: dict[Hashable, list[str]] = {}
    for label, suffix in wanted:
        suffixes.setdefault(label, []).extend([] if suffix is None else [suffix])
    numbers = curve_numbers(frame, {label: names for label, names in suffixes.items() if names})
    columns = {
        place: plain_values(frame, label) if suffix is None else numbers[label, suffix]
        for place, (label, suffix) in enumerate(wanted)
    }
    return pd.DataFrame(columns, index=frame.index).set_axis(pd.Index(labels, tupleize_cols=False), axis=1)


def with_numbers(frame: pd.DataFrame, names: Sequence[Hashable]) -> pd.DataFrame:
    """The frame, and beside it the numbers of curves among these names.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : sequence of label
        As for `split_name`; those that stand for nothing are left for others to complain about.

    Returns
    -------
    DataFrame
        The frame itself where no name stands for a number.

    Raises
    ------
    UnknownColumnError
        Curves have no such number.

    Examples
    --------
    >>> with_numbers(pd.DataFrame({"loss": [[3.0, 1.0]]}), ["loss", "loss.min"])
             loss  loss.min
    0  [3.0, 1.0]       1.0
    """
    wanted = [name for name in dict.fromkeys(names) if isinstance(name, str) and _is_suffixed(frame, name)]
    return pd.concat([frame, number_columns(frame, wanted)], axis=1) if wanted else frame


def name_list(frame: pd.DataFrame, names: object) -> list[Hashable]:
    """Names as a list, like `fields.require`, also where the frame does not have them.

    Examples
    --------
    >>> name_list(pd.DataFrame({"loss": [[3.0, 1.0]]}), ("loss", "loss.min"))
    ['loss', 'loss.min']
    """
    try:
        return require(frame, names, levels=True)
    except UnknownColumnError:
        return list(names) if pd.api.types.is_list_like(names) else [names]  # type: ignore[call-overload]


def plain_values(frame: pd.DataFrame, label: Hashable) -> Any:
    """The values of a column that holds no files, as an array; see `number_columns`."""
    values = column(frame, label)
    if is_artifact(values):
        raise InvalidOptionError(f"{label!r} holds artifacts, which have no value to compare.")
    if is_metric(values) or (values.dtype == object and values.notna().any() and is_curves(values)):
        shown = ", ".join(f"{label}.{name}" for name in ("last", "min"))
        raise InvalidOptionError(f"{label!r} holds curves: say which number of them, such as {shown}.")
    return values.array


def suffix_columns(frame: pd.DataFrame, query: str) -> dict[str, pd.Series[Any]]:
    """For queries: the values of the names that stand for numbers of curves; each log file is opened once.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    query : str
        The query.

    Returns
    -------
    dict of str to Series of shape (n_runs,)
        Aligned with the rows; names that stand for nothing are left out.

    Raises
    ------
    UnknownColumnError
        Curves have no such number.

    Examples
    --------
    >>> import numpy as np
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0])]})
    >>> suffix_columns(runs, "train.loss.last < 2")["train.loss.last"].tolist()
    [1.0]
    """
    suffixed = [name for name in names_in(query) if _is_suffixed(frame, name)]
    table = number_columns(frame, suffixed)
    return {name: table.iloc[:, place] for place, name in enumerate(suffixed)}


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
    >>> import numpy as np
    >>> runs = pd.DataFrame({"train.loss": [np.array([3.0, 1.0]), np.array([2.0, 2.0]), np.array([0.5])]})
    >>> sorted_runs(runs, "train.loss.last").index.tolist()
    [2, 0, 1]
    """
    keys = number_columns(frame, by)
    keys = keys.set_axis(range(keys.shape[1]), axis=1).set_axis(range(len(keys)), axis=0)
    try:
        order = keys.sort_values(list(keys.columns), ascending=ascending, kind="stable").index
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"The runs cannot be sorted by {by!r}: {error}.") from error
    return frame.take(order.to_numpy())


def _is_unknown(frame: pd.DataFrame, name: Hashable) -> bool:
    try:
        require(frame, [name], levels=True)
    except UnknownColumnError:
        return True
    return False


def _is_suffixed(frame: pd.DataFrame, name: str) -> bool:
    """Whether a name that is no column begins with that of a column of curves."""
    base = name.rpartition(".")[0]
    return _is_unknown(frame, name) and not _is_unknown(frame, base) and is_curves(column(frame, base))


def _over_points(frame: pd.DataFrame, label: Hashable, x: str | None, pick: Callable[[Curve | None], Any]) -> _Array:
    points = read_points(frame, step_columns(frame, [label], x))
    warn_of(points.problems, _SEE)
    return typed_numbers(list(map(pick, points.curves[label])))
