# SPDX-License-Identifier: MIT
"""Columns whose cells stand for something on disk: the pandas extension protocol, shared by metrics and artifacts.

A cell names a run and a column and opens nothing. An array holds one reference a row, to a run or to NaN; the column's
name is on the dtype. So a frame of such columns is filtered, joined, printed and pickled without reading a log.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, ExtensionScalarOpsMixin, no_default, take
from pandas.api.indexers import check_array_indexer
from pandas.api.types import is_integer, is_list_like, is_scalar, pandas_dtype

from ..disk import RunDir

__all__ = ["LazyArray", "LazyCell", "LazyDtype"]


@functools.total_ordering
class LazyCell:
    """A run's value of a column, not loaded: an immutable value, equal to others by run and column.

    It has neither `__len__`, `__iter__` nor `__array__`: pandas and numpy would take it for a list, and read the files
    behind the user's back.

    Parameters
    ----------
    run : RunDir
        The run.
    column : str
        The name of the column, such as `train.loss`.

    Examples
    --------
    >>> from mlxp_pandas import Metric
    >>> from mlxp_pandas.disk import RunDir
    >>> cell = Metric(RunDir("/logs", "1"), "train.loss")
    >>> cell, cell.log_id, cell.column
    (METRIC, 1, 'train.loss')
    >>> cell < Metric(RunDir("/logs", "10"), "train.loss")
    True
    """

    __slots__ = ("_column", "_run")

    placeholder: ClassVar[str]

    def __init__(self, run: RunDir, column: str) -> None:
        self._run = run
        self._column = column

    @property
    def run(self) -> RunDir:
        """The run whose value it is."""
        return self._run

    @property
    def column(self) -> str:
        """The column whose value it is, as MLXP names it."""
        return self._column

    @property
    def log_id(self) -> int:
        """The run's number."""
        return self._run.log_id

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._column == other._column and self._run == other._run

    def __lt__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (_order(self._run), self._column) < (_order(other._run), other._column)

    def __hash__(self) -> int:
        return hash((type(self), self._run, self._column))

    def __reduce__(self) -> tuple[type[Self], tuple[RunDir, str]]:
        return type(self), (self._run, self._column)

    def __repr__(self) -> str:
        return self.placeholder


class LazyDtype(ExtensionDtype):
    """The type of a column of lazy cells; the column's name is its parameter, as in `metric[train.loss]`.

    Parameters
    ----------
    column : str
        The name of the column as MLXP has it. A frame's column may be renamed; this says what is read.

    Examples
    --------
    >>> from mlxp_pandas import ArtifactDtype, MetricDtype
    >>> MetricDtype("train.loss").name
    'metric[train.loss]'
    >>> ArtifactDtype.construct_from_string("artifact[artifact.pickle.]").column
    'artifact.pickle.'
    """

    _metadata = ("column",)
    prefix: ClassVar[str]
    cell_class: ClassVar[builtins.type[LazyCell]]
    array_class: ClassVar[builtins.type[LazyArray]]
    column: str

    def __init__(self, column: str) -> None:
        self.column = column

    @property
    def name(self) -> str:
        """The text that stands for the dtype, in `df.dtypes` as in `astype`."""
        return f"{self.prefix}[{self.column}]"

    @property
    def type(self) -> builtins.type[LazyCell]:
        """The class of the cells."""
        return self.cell_class

    @property
    def na_value(self) -> float:
        """The missing cell, NaN: None and pandas.NA break parts of pandas."""
        return np.nan

    @classmethod
    def construct_array_type(cls) -> builtins.type[LazyArray]:
        """The class of the arrays that hold such columns."""
        return cls.array_class

    @classmethod
    def construct_from_string(cls, string: str) -> Self:
        """Build the dtype from its name; everything between the first `[` and the last `]` is the column.

        Raises
        ------
        TypeError
            The text is not the name of such a dtype.
        """
        if not isinstance(string, str):
            raise TypeError(f"'construct_from_string' expects a string, got {type(string)}")
        if not (string.startswith(f"{cls.prefix}[") and string.endswith("]")):
            raise TypeError(
                f"Cannot construct a '{cls.__name__}' from '{string}'; it looks like '{cls.prefix}[column]'"
            )
        return cls(string[len(cls.prefix) + 1 : -1])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.column!r})"


class LazyArray(ExtensionScalarOpsMixin, ExtensionArray):
    """A column of lazy cells: a numpy array of references to runs, or NaN, and the dtype.

    Parameters
    ----------
    cells : ndarray of object, shape (n_runs,)
        A run or NaN a row; not copied.
    dtype : LazyDtype
        Says the column and makes the cells.

    Examples
    --------
    >>> from mlxp_pandas.cells import MetricArray
    >>> from mlxp_pandas.disk import RunDir
    >>> array = MetricArray._from_runs([RunDir("/logs", "2"), RunDir("/logs", "1"), None], "train.loss")
    >>> [run and run.path for run in array.runs]
    ['/logs/2', '/logs/1', None]
    >>> pd.Series(array, name="train.loss").sort_values()
    1    METRIC
    0    METRIC
    2       NaN
    Name: train.loss, dtype: metric[train.loss]
    """

    dtype_class: ClassVar[type[LazyDtype]]
    # pandas 3 marks the arrays it shares; older versions have no such attribute.
    _readonly = False

    def __init__(self, cells: npt.NDArray[np.object_], dtype: LazyDtype) -> None:
        self._cells = cells
        self._dtype = dtype

    @classmethod
    def _from_runs(cls, runs: Iterable[RunDir | None], column: str) -> Self:
        """A column from one run a row; None where the run lacks the column."""
        cells = [np.nan if _is_missing(run) else run for run in runs]
        return cls(_object_array(cells), cls.dtype_class(column))

    @property
    def dtype(self) -> LazyDtype:
        """The dtype, with the column's name."""
        return self._dtype

    @property
    def runs(self) -> list[RunDir | None]:
        """The run of each row; None where the cell is missing."""
        return [None if _is_nan(run) else run for run in self._cells]

    @property
    def nbytes(self) -> int:
        """Bytes of the references; the runs are shared with the other columns."""
        return self._cells.nbytes

    # How pandas builds arrays.

    @classmethod
    def _from_sequence(cls, scalars: Iterable[object], *, dtype: Any = None, copy: bool = False) -> Self:
        values = scalars if isinstance(scalars, cls) else list(scalars)
        known: Any = cls._infer_dtype(values) if dtype is None else pandas_dtype(dtype)
        cells = cls._unboxed(values, known)
        return cls(cells.copy() if copy else cells, known)

    @classmethod
    def _from_scalars(cls, scalars: Iterable[object], *, dtype: Any) -> Self:
        """As `_from_sequence`; a result without a single cell (all NaN) is no longer a lazy column."""
        values = list(scalars)
        cls._infer_dtype(values)
        return cls._from_sequence(values, dtype=dtype)

    @classmethod
    def _from_factorized(cls, values: Iterable[object], original: Self) -> Self:
        return cls._from_sequence(values, dtype=original.dtype)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[Self]) -> Self:
        return cls(np.concatenate([array._cells for array in to_concat]), to_concat[0].dtype)

    @classmethod
    def _infer_dtype(cls, values: Iterable[object]) -> LazyDtype:
        for value in values:
            if isinstance(value, cls.dtype_class.cell_class):
                return cls.dtype_class(value.column)
        name = cls.dtype_class.__name__
        raise ValueError(f"no cell names the column of this {cls.__name__}: give it as dtype={name}('...')")

    @classmethod
    def _unboxed(cls, values: Any, dtype: LazyDtype) -> npt.NDArray[np.object_]:
        """The runs behind cells, for one dtype."""
        if isinstance(values, cls) and values.dtype == dtype:
            return values._cells
        return _object_array([_run_of(value, dtype) for value in values])

    # What pandas asks of every array.

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Any]:
        return map(self._boxed, self._cells)

    def __getitem__(self, item: Any) -> Any:
        found = self._cells[check_array_indexer(self, item)]
        if not isinstance(found, np.ndarray):
            return self._boxed(found)
        array = type(self)(found, self.dtype)
        array._readonly = self._readonly and np.may_share_memory(found, self._cells)
        return array

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._readonly:
            raise ValueError("Cannot modify read-only array")
        if not is_list_like(value):
            self._cells[check_array_indexer(self, key)] = _run_of(value, self.dtype)
        elif is_integer(key):
            raise ValueError(f"one cell was to be set to {len(value)} values; give one")
        else:
            self._cells[check_array_indexer(self, key)] = self._unboxed(value, self.dtype)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("the cells are made on demand: an array of them is always a copy")
        if np.dtype(dtype or object) != object:
            raise TypeError(f"{self.dtype} cannot become {dtype}: its cells stand for files; load them first")
        return np.fromiter(self, dtype=object, count=len(self))

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """Another type: text gives the placeholders, object the cells."""
        wanted = pandas_dtype(dtype)
        # numpy would take the cells for sequences, and read them.
        if isinstance(wanted, np.dtype) and wanted.kind in "SU":
            return np.array([str(cell) for cell in self], dtype=wanted)
        return super().astype(wanted, copy=copy)

    def to_numpy(self, dtype: Any = None, copy: bool = False, na_value: object = no_default) -> npt.NDArray[Any]:
        """The cells as an array of objects, always new; `na_value` in the place of NaN."""
        array = np.asarray(self, dtype=dtype)
        if na_value is not no_default:
            array[self.isna()] = na_value
        return array

    def isna(self) -> npt.NDArray[np.bool_]:
        """Which rows are missing, bool of shape (n_runs,)."""
        return pd.isna(self._cells)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> Self:
        """Rows by position; with `allow_fill`, -1 stands for `fill_value` (NaN unless given)."""
        fill = _run_of(fill_value, self.dtype)
        taken: Any = take(self._cells, indices, allow_fill=allow_fill, fill_value=fill)
        return type(self)(taken, self.dtype)

    def copy(self) -> Self:
        """Another array over the same runs."""
        return type(self)(self._cells.copy(), self.dtype)

    def _boxed(self, run: Any) -> Any:
        return np.nan if _is_nan(run) else self.dtype.cell_class(run, self.dtype.column)

    # How pandas groups, sorts and prints them.

    def _values_for_factorize(self) -> tuple[npt.NDArray[np.object_], float]:
        # The cells and not the runs: pandas sorts these values when it merges.
        return np.asarray(self), np.nan

    def _hash_pandas_object(self, *, encoding: str, hash_key: str, categorize: bool) -> npt.NDArray[np.uint64]:
        keys = [run if _is_nan(run) else f"{run!r} {self.dtype}" for run in self._cells]
        return pd.util.hash_array(_object_array(keys), encoding=encoding, hash_key=hash_key, categorize=categorize)

    def value_counts(self, dropna: bool = True) -> pd.Series:
        """How often each cell occurs, int64 on an index of the cells; pandas 2 has no default for it."""
        codes, cells = self.factorize(use_na_sentinel=dropna)
        counts = np.bincount(codes[codes >= 0], minlength=len(cells))
        return pd.Series(counts, index=pd.Index(cells), name="count")

    def _values_for_argsort(self) -> npt.NDArray[np.float64]:
        """The rank of each run, by log folder and log_id; NaN where missing."""
        runs = self.runs
        order = {key: rank for rank, key in enumerate(sorted({_order(run) for run in runs if run is not None}))}
        return np.array([np.nan if run is None else order[_order(run)] for run in runs], dtype=np.float64)

    def _values_for_json(self) -> npt.NDArray[np.object_]:
        return _object_array([None if _is_nan(run) else self.dtype.cell_class.placeholder for run in self._cells])

    def _formatter(self, boxed: bool = False) -> Callable[[Any], str]:
        return _shown


LazyArray._add_comparison_ops()


def _is_nan(run: object) -> bool:
    # By type: a NaN that was pickled is another object, and comparing runs with a number is slow.
    return isinstance(run, float)


def _order(run: RunDir) -> tuple[str, int]:
    return run.root, run.log_id


def _shown(cell: object) -> str:
    return repr(cell) if isinstance(cell, LazyCell) else "NaN"


def _is_missing(value: Any) -> bool:
    return is_scalar(value) and bool(pd.isna(value))


def _run_of(value: object, dtype: LazyDtype) -> Any:
    """The run behind one cell of the dtype's column, or NaN."""
    if isinstance(value, dtype.cell_class) and value.column == dtype.column:
        return value.run
    if _is_missing(value):
        return np.nan
    given = f"a cell of {value.column!r}" if isinstance(value, LazyCell) else f"{type(value).__name__} {value!r}"
    raise TypeError(
        f"a column of type {dtype} holds only its own cells and NaN, not {given}; convert it with astype(object)"
    )


def _object_array(values: Sequence[object]) -> npt.NDArray[np.object_]:
    """A flat array of the values as they are; numpy.array would look into them."""
    return np.fromiter(values, dtype=object, count=len(values))
