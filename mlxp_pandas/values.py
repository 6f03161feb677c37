# SPDX-License-Identifier: MIT
"""The values of columns as lists, for the functions of users: curves are read in bulk, one pass for all columns."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from .cells import Artifacts, Metric, load_columns
from .disk import Problem, warn_of
from .errors import ArtifactError
from .fields import column, is_artifact, is_metric, is_missing, require

__all__ = ["ColumnValues", "load", "object_array", "plain_list", "read_values"]

_Mask = np.ndarray[Any, np.dtype[np.bool_]]


class ColumnValues(NamedTuple):
    """The values of one column, aligned with the rows of its frame.

    Attributes
    ----------
    values : list
        Curves as ndarrays of shape (n_steps,), artifacts as `Artifacts`, everything else as Python values; NaN where
        the run has nothing.
    holds_curves : bool
        Whether the values are curves (or other arrays), so that names of statistics are applied step by step.
    present : ndarray of bool of shape (n_rows,), or None
        Which runs have a value; None where all of them have one, and for plain columns, where NaN is a value like
        others.
    """

    values: list[Any]
    holds_curves: bool
    present: _Mask | None


def read_values(frame: pd.DataFrame, labels: Iterable[Hashable]) -> dict[Hashable, ColumnValues]:
    """Read the values of several columns; each metric file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    labels : iterable of labels
        Columns or index levels of the frame, checked by `fields.require`.

    Returns
    -------
    dict
        label -> ColumnValues.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.seed": [1, 2], "loss": [np.array([3.0, 1.0]), np.nan]})
    >>> read_values(runs, ["loss"])["loss"].present.tolist()
    [True, False]
    """
    columns = {label: column(frame, label) for label in labels}
    curves = _read_curves(columns)
    return {label: _column_values(values, curves.get(label)) for label, values in columns.items()}


def load(frame: pd.DataFrame, columns: object = None) -> pd.DataFrame:
    """Replace the placeholders of metrics and artifacts by what they stand for.

    Parameters
    ----------
    frame : DataFrame
        Any frame; it is not changed.
    columns : label or list of labels, optional
        Which columns; all metrics and artifacts unless given.

    Returns
    -------
    DataFrame
        A copy. Metrics become ndarrays of shape (n_steps,) in an object column, artifacts a dict of their names to
        `Artifact` (whose `load()` reads the file); NaN where the run has none. Other columns are as they were.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.

    Examples
    --------
    >>> load(pd.DataFrame({"config.seed": [1, 2]})).columns.tolist()
    ['config.seed']
    """
    labels = list(frame.columns) if columns is None else require(frame, columns)
    columns_ = {label: column(frame, label) for label in labels}
    problems: list[Problem] = []
    loaded = {
        label: [_as_dict(cell, problems) for cell in values]
        for label, values in columns_.items()
        if _holds(values, Artifacts)
    }
    loaded |= _read_curves(columns_, also=problems)
    return _replaced(frame, {label: object_array(cells) for label, cells in loaded.items()})


def plain_list(values: pd.Series[Any]) -> list[Any]:
    """The values of a column as Python objects; a missing one is NaN, also where pandas would say NA."""
    if isinstance(values.dtype, np.dtype) or is_artifact(values):
        return list(values.tolist())
    return list(values.to_numpy(dtype=object, na_value=np.nan).tolist())


def object_array(values: Sequence[object]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """A one-dimensional array of objects, whatever they are (numpy would stack arrays of equal length)."""
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def _replaced(frame: pd.DataFrame, new: dict[Hashable, Any]) -> pd.DataFrame:
    """A copy of a frame with other values in some columns; built at once, since pandas takes longer for one by one."""
    columns = (new[label] if label in new else frame.iloc[:, place] for place, label in enumerate(frame.columns))
    copy = pd.DataFrame(dict(enumerate(columns)), index=frame.index)
    copy.columns = frame.columns
    copy.attrs = dict(frame.attrs)
    return copy


def _read_curves(columns: dict[Hashable, pd.Series[Any]], *, also: Sequence[Problem] = ()) -> dict[Hashable, list[Any]]:
    """One bulk read of the metric columns among these."""
    metrics = {f"{place}": label for place, label in enumerate(columns) if _holds(columns[label], Metric)}
    if not metrics:
        warn_of(also, "df.mlxp.health()")
        return {}
    # Under names of their own: labels need not be strings, nor the names that the metrics have on disk.
    frame = pd.DataFrame({name: columns[label].array for name, label in metrics.items()})
    loaded = load_columns(frame, list(metrics), also=also)
    return {metrics[name]: curves for name, curves in loaded.items()}


def _column_values(values: pd.Series[Any], curves: list[Any] | None) -> ColumnValues:
    if curves is not None:
        return ColumnValues(curves, True, _present(curves))
    cells = plain_list(values)
    if is_artifact(values):
        return ColumnValues(cells, False, _present(cells))
    if values.dtype == object and _holds_arrays(cells):
        return ColumnValues(cells, True, _present(cells))
    return ColumnValues(cells, False, None)


def _present(cells: list[Any]) -> _Mask | None:
    if float not in set(map(type, cells)):
        return None  # a missing curve or artifact is a NaN
    return np.fromiter((not is_missing(cell) for cell in cells), dtype=bool, count=len(cells))


def _holds_arrays(cells: list[Any]) -> bool:
    """Whether the first cell that is present is an array or a list, such as the result of an aggregation."""
    first = next((cell for cell in cells if not is_missing(cell)), None)
    return isinstance(first, list) or (isinstance(first, np.ndarray) and first.ndim > 0)


def _holds(values: pd.Series[Any], cell: type) -> bool:
    """Whether a column holds such cells; joining frames may have made it one of objects."""
    if values.dtype == object:
        return cell in set(map(type, values.tolist()))
    return is_metric(values) if cell is Metric else is_artifact(values)


def _as_dict(cell: Any, problems: list[Problem]) -> Any:
    if not isinstance(cell, Artifacts):
        return cell
    try:
        return dict(cell.items())
    except ArtifactError as error:
        problems.append(Problem(cell.log_id, f"{cell.log_id}/artifacts", None, "missing", str(error), "NaN"))
        return np.nan
