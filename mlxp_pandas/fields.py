# SPDX-License-Identifier: MIT
"""What a frame's columns are: names checked, types in MLXP's words, and which of them vary.

Nothing here opens a metric or artifact file.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .cells import ArtifactDtype, LazyCell, Metric, MetricDtype
from .errors import InvalidOptionError, UnknownColumnError, suggest

__all__ = ["column", "fields_table", "is_artifact", "is_metric", "is_missing", "require", "searchable_table", "varying"]

_KINDS: tuple[tuple[Callable[[Any], bool], type], ...] = (
    (pd.api.types.is_bool_dtype, bool),
    (pd.api.types.is_integer_dtype, int),
    (pd.api.types.is_float_dtype, float),
    (lambda dtype: isinstance(dtype, pd.StringDtype), str),
)


def require(frame: pd.DataFrame, names: object, *, levels: bool = False) -> list[Hashable]:
    """Check the names of columns.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : label or list of labels
        One column, or a list (or tuple) of columns. A tuple that is itself the label of a column is that column.
    levels : bool
        Whether the names of index levels are allowed too.

    Returns
    -------
    list of labels
        The names, each once for each time it was given.

    Raises
    ------
    UnknownColumnError
        The frame has no such column; the message holds the nearest names.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.seed": [1, 2], "note": ["", ""]})
    >>> require(runs, "config.seed")
    ['config.seed']
    >>> require(runs, ["config.sed"])
    Traceback (most recent call last):
    mlxp_pandas.errors.UnknownColumnError: There is no column 'config.sed'. Did you mean 'config.seed'?
    """
    if _has(frame, names, levels) or isinstance(names, str) or not pd.api.types.is_list_like(names):
        labels: list[Any] = [names]
    else:
        labels = list(names)  # type: ignore[call-overload]
    for label in labels:
        if not _has(frame, label, levels):
            raise UnknownColumnError(f"There is no column {label!r}.{suggest(label, _labels(frame, levels))}")
    return labels


def column(frame: pd.DataFrame, label: Hashable) -> pd.Series[Any]:
    """One column of a frame, or the index level of that name where there is no such column.

    Raises
    ------
    InvalidOptionError
        Several columns have this name.

    Examples
    --------
    >>> column(pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="log_id")), "log_id").tolist()
    [7, 8]
    """
    if not _has(frame, label, levels=False):
        return pd.Series(frame.index.get_level_values(label), index=frame.index)  # type: ignore[arg-type]
    place = frame.columns.get_loc(label)
    if not isinstance(place, int):
        places = np.arange(frame.columns.size)[place]
        if len(places) > 1:
            raise InvalidOptionError(f"{len(places)} columns are named {label!r}: rename all but one of them.")
        place = int(places[0])
    values: pd.Series[Any] = frame.iloc[:, place]
    return values


def is_metric(values: pd.Series[Any]) -> bool:
    """Whether a column holds references to curves."""
    return isinstance(values.dtype, MetricDtype)


def is_artifact(values: pd.Series[Any]) -> bool:
    """Whether a column holds references to artifacts."""
    return isinstance(values.dtype, ArtifactDtype)


def is_missing(value: object) -> bool:
    """Whether a value stands for "the run does not have it": NaN, NaT or NA (None is a value that a config can hold).

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(None), is_missing((1, 2))
    (True, False, False)
    """
    return value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def fields_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns and the types of their values, in the words of MLXP's `Reader.fields`.

    Returns
    -------
    DataFrame
        Index `Fields`, sorted; column `Type`: `<class 'int'>`, `<class 'float'>`, `<class 'str'>`, ..., `METRIC` or
        `Artifact`. A column of mixed values has the type of the last one that is present, as in MLXP; tuples count as
        the lists that they are in the files.

    Examples
    --------
    >>> fields_table(pd.DataFrame({"config.seed": [1], "config.lr": [0.1]}))
                          Type
    Fields
    config.lr  <class 'float'>
    config.seed  <class 'int'>
    """
    types = [_type_name(values) for _, values in frame.items()]
    order = sorted(range(len(types)), key=lambda place: str(frame.columns[place]))
    index = pd.Index([frame.columns[place] for place in order], name="Fields", tupleize_cols=False)
    return pd.DataFrame({"Type": [types[place] for place in order]}, index=index)


def searchable_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `fields_table` that MLXP's queries can name: those that start with `config.` or `info.`.

    Examples
    --------
    >>> searchable_table(pd.DataFrame({"config.seed": [1], "notes": ["x"]}))
                          Type
    Fields
    config.seed  <class 'int'>
    """
    table = fields_table(frame)
    return table[[str(label).startswith(("info.", "config.")) for label in table.index]]


def varying(frame: pd.DataFrame, start_key: str = "config") -> list[Hashable]:
    """The columns whose values differ between runs.

    Values are compared as Python does (1, 1.0 and True are equal, NaN equals NaN); a run that lacks the value differs
    from one that has it. Of metric and artifact columns only the presence is compared: no file is read.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    start_key : str
        What the names start with.

    Returns
    -------
    list of labels
        In the order of the columns.

    Examples
    --------
    >>> varying(pd.DataFrame({"config.seed": [1, 2], "config.lr": [0.1, 0.1], "info.status": ["COMPLETE", "FAILED"]}))
    ['config.seed']
    """
    if not isinstance(start_key, str):
        raise InvalidOptionError(f"start_key is the beginning of column names, a str; it is {start_key!r}.")
    return [label for label, values in frame.items() if str(label).startswith(start_key) and _varies(values)]


def _has(frame: pd.DataFrame, name: object, levels: bool) -> bool:
    try:
        hash(name)
    except TypeError:
        return False
    if levels and name is not None and name in frame.index.names:
        return True
    # A MultiIndex also answers to the first part of its labels.
    return name in frame.columns and (frame.columns.nlevels == 1 or name in set(frame.columns))


def _labels(frame: pd.DataFrame, levels: bool) -> Iterator[Hashable]:
    yield from (name for name in frame.index.names if levels and name is not None)
    yield from frame.columns


def _type_name(values: pd.Series[Any]) -> str:
    if is_metric(values):
        return "METRIC"
    if is_artifact(values):
        return "Artifact"
    kind = _type_of(values)
    return "METRIC" if kind is Metric else str(kind)


def _type_of(values: pd.Series[Any]) -> type:
    """The Python type behind a column's dtype, or that of its last present value where the dtype does not say."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = values.dropna()
        return datetime.date if (days == days.dt.normalize()).all() else datetime.datetime
    for is_kind, kind in _KINDS:
        if is_kind(values.dtype):
            return kind
    last = next((value for value in reversed(values.tolist()) if not is_missing(value)), None)
    return next((kind for known, kind in ((tuple, list), (str, str)) if isinstance(last, known)), type(last))


def _varies(values: pd.Series[Any]) -> bool:
    if len(values) < 2:
        return False
    if values.dtype == object:
        return _objects_vary(values.tolist())
    array = values.to_numpy() if isinstance(values.dtype, np.dtype) else values.array
    missing = pd.isna(array)
    if missing.any():
        return not bool(missing.all())
    if is_metric(values) or is_artifact(values):
        return False
    # Most columns of a sweep are constant: one comparison with the first value costs far less than counting values.
    return bool((array != array[0]).any())


def _objects_vary(values: Sequence[object]) -> bool:
    first = values[0]
    try:
        if values.count(first) == len(values):
            return False
    except (TypeError, ValueError):
        pass  # arrays and NA have no truth value; the loop knows them
    return not all(_is_same(first, value) for value in values)


def _is_same(first: Any, second: Any) -> bool:
    if first is second or (is_missing(first) and is_missing(second)):
        return True
    if isinstance(first, LazyCell) and isinstance(second, LazyCell):
        return True
    if is_missing(first) or is_missing(second):
        return False
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        return _is_same_array(first, second)
    if isinstance(first, (tuple, list)) and type(first) is type(second) and len(first) == len(second):
        return all(map(_is_same, first, second))
    return bool(first == second)


def _is_same_array(first: Any, second: Any) -> bool:
    if type(first) is not type(second) or first.shape != second.shape:
        return False
    if first.dtype == object:
        return all(map(_is_same, first.ravel().tolist(), second.ravel().tolist()))
    return bool(((first == second) | (pd.isna(first) & pd.isna(second))).all())
