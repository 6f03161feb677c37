# SPDX-License-Identifier: MIT
"""Columns as arrays that compare as their Python values would: exactly, row by row, never raising.

numpy and pandas do the work where their answer is that of Python (numbers, text, dates); mixed values go one by one.
"""

from __future__ import annotations

import datetime
import itertools
import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Mask", "Vector", "compare", "contains", "load", "place"]

Mask = npt.NDArray[np.bool_]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_STORED = {"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64}
_EXACT = 2**53  # up to here every integer is a float


class Vector:
    """One column, or what was calculated from columns.

    Parameters
    ----------
    kind : {"number", "text", "moment", "object"}
        How the values compare.
    values : ndarray or ExtensionArray, shape (n_rows,)
        A numeric ndarray for numbers (anything where missing), text or dates of pandas, or an object ndarray.
    missing : ndarray of bool, optional
        The rows without a value, where `values` does not say it. None is a value of an object array, NaN is not.
    """

    __slots__ = ("_cells", "_missing", "is_marked", "kind", "values")

    def __init__(self, kind: str, values: Any, missing: Mask | None = None) -> None:
        self.kind = kind
        self.values = values
        self.is_marked = missing is not None
        self._missing = missing
        self._cells: npt.NDArray[np.object_] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> Mask:
        """The rows without a value: NaN, NaT, NA."""
        if self._missing is None:
            self._missing = _missing(self.kind, self.values)
        return self._missing

    @property
    def absent(self) -> Mask:
        """The rows without a value, and those whose value is None."""
        return np.asarray(pd.isna(self.values)) if self.kind == "object" else self.missing

    @property
    def cells(self) -> npt.NDArray[np.object_]:
        """The values as Python objects; anything where missing."""
        if self._cells is None:
            objects = np.asarray(self.values, dtype=object)
            self._cells = np.fromiter(map(_plain, objects), dtype=object, count=len(self))
        return self._cells


def load(column: pd.Series[Any]) -> Vector:
    """Take the values of a column; those of numpy are not copied.

    Parameters
    ----------
    column : Series
        Any but a lazy one.

    Returns
    -------
    Vector
        In the rows' order.

    Examples
    --------
    >>> load(pd.Series([1, None], dtype="Int64")).missing.tolist()
    [False, True]
    """
    dtype: Any = column.dtype
    kind = getattr(dtype, "kind", "O")
    if kind in _STORED and isinstance(dtype, np.dtype):
        return Vector("number", column.to_numpy())
    if kind in _STORED:
        missing = column.isna().to_numpy()
        return Vector("number", column.to_numpy(dtype=_STORED[kind], na_value=0), missing)
    if kind == "M":
        return Vector("moment", column.array)
    if isinstance(dtype, pd.StringDtype):
        return Vector("text", column.array)
    return _of_objects(np.asarray(column, dtype=object))


def compare(symbol: str, left: Any, right: Any) -> tuple[Mask, Mask]:
    """Compare a column with a value or a column, row by row.

    Parameters
    ----------
    symbol : str
        One of `== != < <= > >=`.
    left, right : Vector or a value of the query language
        At least one is a Vector.

    Returns
    -------
    holds : ndarray of bool, shape (n_rows,)
        Whether the comparison holds. False where a value is missing, for `!=` too.
    unsupported : ndarray of bool, shape (n_rows,)
        Where the types of two present values have no order.

    Examples
    --------
    >>> compare("<", load(pd.Series([1, "auto", float("nan")], dtype=object)), 4)
    (array([ True, False, False]), array([False,  True, False]))
    """
    if not isinstance(left, Vector):
        left, right, symbol = right, left, _MIRRORED.get(symbol, symbol)
    if _is_stranger(left, right):
        return _compare_strangers(symbol, left)
    holds = _at_once(_COMPARE[symbol], left, right)
    if holds is None:
        return _one_by_one(_COMPARE[symbol], left, right)
    for vector in (left, right):
        if isinstance(vector, Vector) and (symbol == "!=" or vector.is_marked):
            holds = holds & ~vector.missing  # not in place: pandas 3 hands out read-only arrays
    return holds, np.zeros(len(left), dtype=bool)


def contains(members: Iterable[Any], vector: Vector) -> Mask:
    """Whether a value equals one of the members, row by row; False where it is missing.

    Parameters
    ----------
    members : iterable
        Values of the query language.
    vector : Vector
        The values.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Examples
    --------
    >>> contains((1, "a", (64, 64)), load(pd.Series([True, "a", 2, [64, 64]]))).tolist()
    [True, True, False, True]
    """
    wanted = [_plain(member) for member in members]
    if vector.kind == "number" and vector.values.dtype.kind != "u":
        return _numbers_in(vector, wanted)
    texts = [member for member in wanted if isinstance(member, str)]
    if vector.kind == "text" and all(map(_is_unicode, texts)):
        return np.asarray(pd.Series(vector.values, dtype=vector.values.dtype).isin(texts), dtype=bool)
    moments = map(_moment, texts)
    lookup = {*wanted, *(moment for moment in moments if moment is not None)}
    present = ~vector.missing
    return place(present, [_is_in(cell, lookup) for cell in vector.cells[present]])


def place(rows: Mask, results: list[bool]) -> Mask:
    """Put the results of some rows where they belong; False elsewhere.

    >>> place(np.array([True, False, True]), [False, True])
    array([False, False,  True])
    """
    mask = np.zeros(len(rows), dtype=bool)
    mask[rows] = results
    return mask


def _missing(kind: str, values: Any) -> Mask:
    if kind == "number":
        return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), dtype=bool)
    return np.asarray(pd.isna(values), dtype=bool)


def _of_objects(values: npt.NDArray[np.object_]) -> Vector:
    if pd.api.types.infer_dtype(values, skipna=False) == "string":  # costs a quarter of looking for missing values
        return Vector("text", values, np.zeros(len(values), dtype=bool))
    missing = np.asarray(pd.isna(values), dtype=bool)
    rows = np.flatnonzero(missing)
    missing[rows] = [value is not None for value in values[rows]]
    is_text = len(rows) == missing.sum() and pd.api.types.infer_dtype(values, skipna=True) == "string"
    return Vector("text" if is_text else "object", values, missing)


def _plain(value: Any, depth: int = 0) -> Any:
    """A cell or member as it compares: lists as tuples, scalars of numpy as Python's, days as their midnight."""
    if isinstance(value, list | tuple) and depth < 20:
        return tuple(_plain(item, depth + 1) for item in value)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist(), depth)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value.item() if isinstance(value, np.generic) and value.dtype.kind not in "mM" else value


def _moment(text: str) -> datetime.datetime | None:
    """The date that an ISO text stands for: a year, a month, a day, or a time of it."""
    for rest in ("", "-01", "-01-01"):
        try:
            return datetime.datetime.fromisoformat(text + rest)
        except ValueError:
            continue
    return None


def _is_stranger(left: Vector, right: object) -> bool:
    """Whether no value of the column can equal the other side or be ordered with it."""
    if isinstance(right, Vector) or left.kind not in ("number", "text"):
        return False
    return not isinstance(right, int | float if left.kind == "number" else str)


def _compare_strangers(symbol: str, left: Vector) -> tuple[Mask, Mask]:
    nowhere = np.zeros(len(left), dtype=bool)
    return (~left.missing if symbol == "!=" else nowhere), (~left.missing if symbol in _MIRRORED else nowhere)


def _at_once(operate: Callable[[Any, Any], Any], left: Vector, right: Any) -> Mask | None:
    """The comparison of whole arrays, where numpy or pandas answer as Python does; None elsewhere."""
    if left.kind == "number":
        other = _number_beside(left.values, right)
        return None if other is None else np.asarray(operate(left.values, other))
    if left.kind == "text":
        return _texts_at_once(operate, left, right)
    return _moments_at_once(operate, left, right) if left.kind == "moment" else None


def _number_beside(values: npt.NDArray[Any], right: Any) -> Any:
    """The other side as numpy compares it exactly with `values`; None where it does not."""
    if not isinstance(right, Vector):
        return _fit(values.dtype.kind, right)
    if right.kind != "number":
        return None
    kinds = {values.dtype.kind, right.values.dtype.kind}
    is_exact = "f" not in kinds or kinds <= {"f", "b"} or max(_largest(values), _largest(right.values)) <= _EXACT
    return right.values if is_exact else None


def _largest(values: npt.NDArray[Any]) -> int:
    """The largest absolute value of integers; 0 for floats."""
    if values.dtype.kind not in "iu" or not len(values):
        return 0
    return max(abs(int(values.min())), abs(int(values.max())))


def _fit(kind: str, number: int | float) -> Any:
    """A Python number as the numpy scalar that compares alike with an array of this kind; None where there is none."""
    if isinstance(number, float):
        return _fit(kind, int(number)) if kind != "f" and number.is_integer() else number
    if kind == "f":
        return float(number) if number.bit_length() < 1024 and int(float(number)) == number else None
    stored = np.iinfo(np.uint64 if kind == "u" else np.int64)
    if stored.min <= number <= stored.max:
        return np.uint64(number) if kind == "u" else np.int64(number)
    return np.inf if number > 0 else -np.inf


def _texts_at_once(operate: Callable[[Any, Any], Any], left: Vector, right: Any) -> Mask | None:
    if isinstance(right, Vector) or not _is_unicode(right):
        return None
    if not isinstance(left.values, np.ndarray):
        return pd.Series(operate(left.values, right)).to_numpy(dtype=bool, na_value=False)
    if not left.missing.any():
        return np.asarray(operate(left.values, right), dtype=bool)
    present = ~left.missing
    return place(present, operate(left.values[present], right))


def _is_unicode(text: str) -> bool:
    """Whether a text has no lone surrogates: pyarrow, which may hold the column, raises for them."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _moments_at_once(operate: Callable[[Any, Any], Any], left: Vector, right: Any) -> Mask | None:
    moment = right.values if isinstance(right, Vector) and right.kind == "moment" else _plain(right)
    moment = _moment(moment) if isinstance(moment, str) else moment
    if not isinstance(moment, datetime.datetime | pd.api.extensions.ExtensionArray):
        return None
    try:
        return pd.Series(operate(left.values, moment)).to_numpy(dtype=bool, na_value=False)
    except (TypeError, ValueError, OverflowError):  # with and without time zone; out of the range of nanoseconds
        return None


def _one_by_one(operate: Callable[[Any, Any], Any], left: Vector, right: Any) -> tuple[Mask, Mask]:
    is_pair = isinstance(right, Vector)
    present = ~(left.missing | right.missing) if is_pair else ~left.missing
    cells = left.cells[present]
    others = right.cells[present] if is_pair else _beside(cells, _plain(right))
    results: list[bool | None]
    try:
        results = [bool(operate(cell, other)) for cell, other in zip(cells, others, strict=False)]
    except Exception:  # the types have no order, or a cell compares in its own way
        results = [_one(operate, cell, other) for cell, other in zip(cells, others, strict=False)]
    unsupported = [result is None for result in results]
    return place(present, [result is True for result in results]), place(present, unsupported)


def _beside(cells: npt.NDArray[np.object_], value: Any) -> Iterable[Any]:
    """The value for each cell: an ISO text is a date beside dates."""
    moment = _moment(value) if isinstance(value, str) else None
    if moment is None:
        return itertools.repeat(value)
    return [moment if isinstance(cell, datetime.datetime) else value for cell in cells]


def _one(operate: Callable[[Any, Any], Any], cell: object, other: object) -> bool | None:
    try:
        return bool(operate(cell, other))
    except Exception:
        return None


def _numbers_in(vector: Vector, wanted: list[Any]) -> Mask:
    kind = vector.values.dtype.kind
    fits = [_fit(kind, member) for member in wanted if isinstance(member, int | float)]
    if kind == "f":
        found = np.isin(vector.values, np.array([fit for fit in fits if fit is not None], dtype=np.float64))
    else:
        found = np.isin(vector.values, np.array([fit for fit in fits if isinstance(fit, np.int64)], dtype=np.int64))
    return found & ~vector.missing if vector.is_marked else found


def _is_in(cell: object, lookup: set[Any]) -> bool:
    try:
        return cell in lookup
    except Exception:  # a mapping, or a cell that compares in its own way
        return False
