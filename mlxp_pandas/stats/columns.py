# SPDX-License-Identifier: MIT
"""What a frame's columns are: names and options checked, types in MLXP's words, which vary, and values as lists.

Nothing here opens a metric or artifact file, but for `load` and `read_values`.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..cells import ArtifactDtype, LazyCell, LazyDtype, Metric, load_columns
from ..errors import InvalidOptionError, UnknownColumnError, suggest

_KINDS = {"b": bool, "i": int, "u": int, "f": float}  # by the kinds of dtypes, also of pandas' own


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
    labels = labels_of(frame, names, levels=levels)
    for label in labels:
        if not has_column(frame, label, levels=levels):
            known = [*(name for name in frame.index.names if levels and name is not None), *frame.columns]
            raise UnknownColumnError(f"There is no column {label!r}.{suggest(label, known)}")
    return labels


def has_column(frame: pd.DataFrame, name: Any, *, levels: bool = True) -> bool:
    """Whether a frame has a column, or an index level, of this name.

    Examples
    --------
    >>> has_column(pd.DataFrame({"a": [1]}), "a"), has_column(pd.DataFrame({"a": [1]}), [1])
    (True, False)
    """
    try:
        # A MultiIndex also answers to the first part of its labels.
        is_column = name in frame.columns and (frame.columns.nlevels == 1 or name in set(frame.columns))
    except TypeError:
        return False
    return is_column or (levels and name is not None and name in frame.index.names)


def as_list(names: Any) -> list[Any]:
    """One name or several as a list.

    Examples
    --------
    >>> as_list("seed"), as_list(("seed", "lr"))
    (['seed'], ['seed', 'lr'])
    """
    return list(names) if pd.api.types.is_list_like(names) else [names]


def labels_of(frame: pd.DataFrame, names: Any, *, levels: bool = True) -> list[Hashable]:
    """One label or several as a list, which the frame need not have; a tuple that is a label is one.

    Examples
    --------
    >>> labels_of(pd.DataFrame({"loss": [[3.0, 1.0]]}), ("loss", "loss.min"))
    ['loss', 'loss.min']
    """
    return [names] if has_column(frame, names, levels=levels) else as_list(names)


def listed(frame: pd.DataFrame, names: object) -> list[Hashable]:
    """Columns or index levels as a list, checked; None is an empty one.

    Examples
    --------
    >>> listed(pd.DataFrame({"seed": [1]}), "seed"), listed(pd.DataFrame(), None)
    (['seed'], [])
    """
    return [] if names is None else require(frame, names, levels=True)


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
    if not has_column(frame, label, levels=False):
        return pd.Series(frame.index.get_level_values(label), index=frame.index)  # type: ignore[arg-type]
    values: Any = frame[label]
    if isinstance(values, pd.DataFrame):
        raise InvalidOptionError(f"{values.shape[1]} columns are named {label!r}: rename all but one of them.")
    return values  # type: ignore[no-any-return]


def completed(given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, and the defaults of the others.

    Parameters
    ----------
    given : mapping
        By name.
    defaults : mapping
        All options.

    Returns
    -------
    dict

    Raises
    ------
    InvalidOptionError
        An option that does not exist.

    Examples
    --------
    >>> completed({"mode": "max"}, {"mode": "min", "level": 0.95})
    {'mode': 'max', 'level': 0.95}
    >>> completed({"mod": "max"}, {"mode": "min", "level": 0.95})
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: There is no option 'mod'. Did you mean 'mode'?
    """
    for name in given:
        if name not in defaults:
            raise InvalidOptionError(f"There is no option {name!r}.{suggest(name, defaults)}")
    return {**defaults, **given}


def check_choice(name: str, given: object, allowed: Sequence[Any]) -> None:
    """Refuse a value that is none of the allowed ones.

    >>> check_choice("mode", "mean", ("min", "max"))
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: mode='mean' is none of the allowed values. Allowed: 'min', 'max'.
    """
    if not any(given is value or (isinstance(given, str) and given == value) for value in allowed):
        raise InvalidOptionError(f"{name}={given!r} is none of the allowed values.{suggest(given, allowed)}")


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
    index = pd.Index(list(frame.columns), name="Fields", tupleize_cols=False)
    table = pd.DataFrame({"Type": [_type_name(values) for _, values in frame.items()]}, index=index)
    return table.sort_index(key=lambda labels: labels.map(str), kind="stable")


def searchable_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of `fields_table` that MLXP's queries can name: those that start with `config.` or `info.`.

    Examples
    --------
    >>> searchable_table(pd.DataFrame({"config.seed": [1], "notes": ["x"]}))
                          Type
    Fields
    config.seed  <class 'int'>
    """
    return fields_table(frame).filter(regex=r"^(config|info)\.", axis=0)


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


def run_ids(frame: pd.DataFrame) -> pd.Series[Any]:
    """What to call each run: its log_id, or the frame's index where it has none.

    Examples
    --------
    >>> run_ids(pd.DataFrame({"loss": [1.0]}, index=pd.Index([7], name="log_id"))).tolist()
    [7]
    """
    if has_column(frame, "log_id"):
        return column(frame, "log_id").reset_index(drop=True)
    values = frame.index if frame.index.nlevels == 1 else pd.RangeIndex(len(frame))
    return pd.Series(values, name=frame.index.name if isinstance(frame.index.name, str) else "log_id")


def read_values(frame: pd.DataFrame, labels: Iterable[Hashable]) -> dict[Hashable, list[Any]]:
    """The values of columns for the functions of users; each metric file is opened once for all of them.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    labels : iterable of labels
        Columns or index levels of the frame, checked by `require`.

    Returns
    -------
    dict of label to list of length n_rows
        Curves as ndarrays of shape (n_steps,), artifacts as `Artifacts`, everything else as Python values; NaN where
        the run has nothing.

    Examples
    --------
    >>> read_values(pd.DataFrame({"config.seed": [1, 2], "loss": [np.array([3.0, 1.0]), np.nan]}), ["loss"])
    {'loss': [array([3., 1.]), nan]}
    """
    columns = {label: column(frame, label) for label in labels}
    curves = load_columns(columns, Metric)
    return {label: curves[label] if label in curves else _plain_list(values) for label, values in columns.items()}


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
    loaded = frame.copy()
    for label, cells in load_columns({label: column(frame, label) for label in labels}).items():
        loaded[label] = pd.Series(cells, index=frame.index, dtype=object)
    return loaded


def picked(values: Any, places: list[int]) -> pd.Series[Any]:
    """The values at some places; missing for -1, without making floats of integers.

    Examples
    --------
    >>> picked([4, 5], [1, -1]).tolist()
    [5, <NA>]
    """
    series = pd.Series(values).reset_index(drop=True)
    nullable = {"i": "Int64", "b": "boolean"}.get(getattr(series.dtype, "kind", ""))
    if -1 in places and nullable:
        series = series.astype(nullable)  # type: ignore[call-overload]
    return series.reindex(places).reset_index(drop=True)


def _type_name(values: pd.Series[Any]) -> str:
    if isinstance(values.dtype, ArtifactDtype):
        return "Artifact"
    kind = _type_of(values)
    return "METRIC" if kind is Metric else str(kind)


def _type_of(values: pd.Series[Any]) -> type:
    """The Python type behind a column's dtype, or that of its last present value where the dtype does not say."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = values.dropna()
        return datetime.date if (days == days.dt.normalize()).all() else datetime.datetime
    if isinstance(values.dtype, pd.StringDtype) or values.dtype.kind in _KINDS:
        return _KINDS.get(values.dtype.kind, str)
    last = next((value for value in reversed(values.tolist()) if not is_missing(value)), None)
    return next((kind for known, kind in ((tuple, list), (str, str)) if isinstance(last, known)), type(last))


def _varies(values: pd.Series[Any]) -> bool:
    if values.dtype != object and not isinstance(values.dtype, LazyDtype):
        return values.nunique(dropna=False) > 1
    cells = values.tolist()
    first = _form(cells[0]) if cells else None
    return any(cell is not cells[0] and _form(cell) != first for cell in cells)


def _form(value: Any) -> Any:
    """What is compared of a value."""
    if is_missing(value) or isinstance(value, LazyCell):
        return math.inf, isinstance(value, LazyCell)
    if isinstance(value, np.ndarray):
        return _form(value.tolist())
    return (type(value), [_form(each) for each in value]) if isinstance(value, (tuple, list)) else value


def _plain_list(values: pd.Series[Any]) -> list[Any]:
    """The values of a column as Python objects; a missing one is NaN, also where pandas would say NA."""
    is_plain = isinstance(values.dtype, (np.dtype, LazyDtype))
    return list((values if is_plain else values.to_numpy(dtype=object, na_value=np.nan)).tolist())
