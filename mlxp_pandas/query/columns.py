# SPDX-License-Identifier: MIT
"""What a query names: finding a column by its name, loading its values as pandas compares them, and naming runs."""

from __future__ import annotations

import ast
import contextlib
import datetime
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..cells import LazyDtype
from ..errors import QueryError, UnknownColumnError, suggest
from ..plaintext import printable

__all__ = ["Derived", "Mask", "find", "fitted", "kind_of", "load", "moment_of", "plain", "runs", "value_of_local"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Derived = Callable[[str], "pd.Series[Any] | None"] | None

_SHOWN = 5
_LISTS = (pd.Index, pd.Series, pd.api.extensions.ExtensionArray, set, frozenset)
_KINDS: dict[type, str] = {int: "number", float: "number", bool: "number", str: "text"}


def find(frame: pd.DataFrame, node: ast.Name, derived: Derived) -> pd.Series[Any]:
    """The column of a name, or the level of the index, or what `derived` knows of it."""
    name, levels = node.id, list(frame.index.names)
    column: pd.Series[Any] | None = None
    if frame.columns.nlevels == 1 and name in frame.columns:
        place: Any = frame.columns.get_loc(name)
        if not isinstance(place, int):
            count = len(np.arange(frame.shape[1])[place])
            raise QueryError(f"{count} columns are named {name!r}. Rename all but one of them.")
        column = frame.iloc[:, place]
    elif name in levels:
        column = pd.Series(frame.index.get_level_values(levels.index(name)))
    elif derived is not None:
        column = derived(name)
    if column is None:
        raise _unknown(frame, node)
    if isinstance(column.dtype, LazyDtype):
        is_curve = derived is not None and column.dtype.prefix == "metric"
        step = f"one number of the curve, such as {name}.last" if is_curve else f"a map: filter((function, {name!r}))"
        kind = f"a column of {column.dtype.prefix}s: its cells stand for files and have no value to compare"
        raise QueryError(f"{name!r} is {kind}. Use {step}.")
    return column


def _unknown(frame: pd.DataFrame, node: ast.Name) -> UnknownColumnError:
    known = [label for label, dtype in frame.dtypes.items() if not isinstance(dtype, LazyDtype)]
    known += [level for level in frame.index.names if level is not None]
    hint = "" if "." in node.id else f" Text goes in quotes: {node.id!r}."
    hint = " A missing value is found with `== None`." if node.id.lower() == "nan" else hint
    place = f"(character {node.col_offset + 1} of the query)"
    return UnknownColumnError(f"There is no column {node.id!r} {place}.{suggest(node.id, known)}{hint}")


def runs(frame: pd.DataFrame, rows: Mask) -> str:
    """The runs of some rows, in words."""
    is_column = frame.columns.tolist().count("log_id") == 1 and "log_id" not in frame.index.names
    labels = frame["log_id"] if is_column else frame.index
    first, count = ", ".join(printable(str(label)) for label in labels[rows][:_SHOWN]), int(rows.sum())
    return f"run {first}" if count == 1 else f"{count} runs ({first}{', ...' if count > _SHOWN else ''})"


def load(column: pd.Series[Any]) -> tuple[str, Any, Mask]:
    """How a column compares, its values as pandas compares them best, and the rows without one (None is a value).

    Where a value is missing, a float is NaN, a moment NaT, a text empty and an integer 0.

    >>> load(pd.Series([1, None], dtype="Int64"))
    ('number', array([1, 0]), array([False,  True]))
    """
    dtype: Any = column.dtype
    kind = getattr(dtype, "kind", "O")
    if kind in "biuf":
        missing = np.asarray(column.isna(), dtype=bool)
        stored = {"b": "i1", "f": f"f{getattr(dtype, 'itemsize', 8)}"}.get(kind, f"{kind}8")
        na: Any = {} if isinstance(dtype, np.dtype) or not missing.any() else {"na_value": np.nan if kind == "f" else 0}
        return "number", column.to_numpy(stored, **na), missing
    if kind == "M" and not hasattr(dtype, "pyarrow_dtype"):
        return "zoned" if column.dt.tz else "moment", pd.Series(column.array, copy=False), np.asarray(column.isna())
    if dtype.type is str and getattr(dtype, "storage", "pyarrow") != "python":
        missing = np.asarray(column.isna(), dtype=bool)
        return "text", pd.Series(column.array).fillna(""), missing
    return _of_objects(np.asarray(column, dtype=object))


def _of_objects(cells: Any) -> tuple[str, Any, Mask]:
    if pd.api.types.infer_dtype(cells, skipna=False) == "string":  # costs a fifth of looking for missing values
        return "text", cells, np.zeros(len(cells), dtype=bool)
    missing = np.asarray(pd.isna(cells), dtype=bool)
    missing[missing] = [cell is not None for cell in cells[missing]]
    if pd.api.types.infer_dtype(cells[~missing], skipna=False) == "string":
        return "text", np.where(missing, "", cells), missing
    return "object", np.fromiter(map(plain, cells), dtype=object, count=len(cells)), missing


def fitted(number: float, dtype: np.dtype[Any]) -> Any:
    """A number as an array of this type compares with it exactly; None where numpy would round.

    >>> print(fitted(2.0, np.dtype("i8")), fitted(2.5, np.dtype("i8")), fitted(2**53 + 1, np.dtype("f8")))
    2 2.5 None
    """
    with contextlib.suppress(OverflowError):
        held = np.asarray(number).astype(dtype)[()]
        if held.item() == number:
            return held
    return np.float64(number) if isinstance(number, float) and not number.is_integer() else None


def plain(value: Any, depth: int = 0) -> Any:
    """A value as it compares: arrays as tuples, scalars of numpy as Python's, days as their midnight, NA as NaN.

    >>> plain([np.int64(1), [datetime.date(2024, 5, 6)]])
    (1, (datetime.datetime(2024, 5, 6, 0, 0),))
    """
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind not in "mM":
        value = value.tolist()
    if isinstance(value, list | tuple | np.ndarray) and depth < 9:
        return tuple(plain(item, depth + 1) for item in value)
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if value is pd.NaT or value is pd.NA:
        return np.nan
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


def kind_of(value: Any) -> str:
    """How a value compares: `number`, `text`, `moment`, `zoned` (a moment of a time zone), or row by row: `object`."""
    if isinstance(value, datetime.datetime):
        return "moment" if value.tzinfo is None else "zoned"
    # pyarrow, which may hold the column, raises for lone surrogates
    is_half = isinstance(value, str) and re.search("[\ud800-\udfff]", value)
    return "object" if is_half else _KINDS.get(type(value), "object")


def moment_of(text: Any) -> datetime.datetime | None:
    """The moment that an ISO text stands for: a year, a month, a day, or a time of it.

    >>> moment_of("2024-05"), moment_of("soon")
    (datetime.datetime(2024, 5, 1, 0, 0), None)
    """
    for rest in ("", "-01", "-01-01") if isinstance(text, str) else ():
        with contextlib.suppress(ValueError):
            return datetime.datetime.fromisoformat(text + rest)
    return None


def value_of_local(name: str, given: Mapping[str, object]) -> Any:
    """A local as a value of the language; whatever could run code when it is compared is refused.

    >>> value_of_local("seeds", {"seeds": np.array([1, 4])})
    (1, 4)
    """
    if name not in given:
        raise QueryError(f"The query uses @{name}, and there is no variable of that name.")
    value: Any = given[name]
    value = plain(list(value) if isinstance(value, _LISTS) else value)
    if not _is_value(value):
        kind = type(given[name]).__name__
        raise QueryError(f"@{name} holds a {kind}. A local is a number, text, boolean, None, date, or a list of those.")
    return frozenset(value) if isinstance(given[name], set | frozenset) else value


def _is_value(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_value, value))
    return value is None or type(value) in _KINDS or isinstance(value, datetime.datetime)
