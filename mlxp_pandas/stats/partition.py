# SPDX-License-Identifier: MIT
"""The rows of a frame grouped by the values of some columns: what pandas' groupby knows, without its traps.

Its `indices` and `get_group` lose missing keys in pandas 2, and a loop over it costs 15 us a group.
"""

from __future__ import annotations

import functools
from collections.abc import Container, Hashable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cells import LazyDtype
from ..errors import InvalidOptionError
from .columns import column, is_missing

Key = tuple[Any, ...]
_Places = npt.NDArray[np.int64]


class Partition:
    """Which rows belong to which group.

    Groups are sorted by their keys, column by column; the values of a column that cannot be sorted (text beside
    numbers) keep the order of their first rows. A missing value is a value like others and comes last; 1, 1.0 and True
    are one value, as in pandas.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : sequence of labels
        Columns or index levels, checked by `columns.require`. Without any, all rows are one group of the key `()`.

    Attributes
    ----------
    codes : ndarray of int64, shape (n_rows,)
        The group of each row.

    Raises
    ------
    InvalidOptionError
        The column holds curves, artifacts, or values that are not hashable.

    Examples
    --------
    >>> groups = Partition(pd.DataFrame({"lr": [10.0, 1.0, None, 10.0]}), ["lr"])
    >>> groups.keys
    [(1.0,), (10.0,), (nan,)]
    >>> [rows.tolist() for rows in groups.rows]
    [[1], [0, 3], [2]]
    """

    def __init__(self, frame: pd.DataFrame, names: Sequence[Hashable]) -> None:
        self.names = list(names)
        columns = [_key_column(frame, name) for name in names]
        self.codes = np.zeros(len(frame), dtype=np.int64)
        for ranks in map(_ranks, columns):
            # Dense again after every column, so that the product never overflows.
            _, self.codes = np.unique(self.codes * (ranks.max(initial=0) + 1) + ranks, return_inverse=True)
        self._first = np.unique(self.codes, return_index=True)[1] if columns else np.zeros(1, dtype=np.int64)
        self._heads = [values.iloc[self._first] for values in columns]

    def __len__(self) -> int:
        return len(self._first)

    @functools.cached_property
    def order(self) -> _Places:
        """Row positions, group after group, each in the frame's order: ndarray of shape (n_rows,)."""
        return np.argsort(self.codes, kind="stable")

    @functools.cached_property
    def rows(self) -> list[_Places]:
        """The row positions of each group, ascending: ndarrays of shape (n_rows of the group,)."""
        ends = np.cumsum(np.bincount(self.codes, minlength=len(self)))
        return np.split(self.order, ends)[: len(self)]

    @functools.cached_property
    def keys(self) -> list[Key]:
        """The values of each group as a tuple, also for a single column; a missing one is `numpy.nan`."""
        if not self.names:
            return [()] * len(self)
        return list(zip(*(map(plain_key, values.tolist()) for values in self._heads), strict=True))

    @functools.cached_property
    def places(self) -> dict[Key, int]:
        """The number of the group of each key."""
        return {key: place for place, key in enumerate(self.keys)}

    def place(self, key: Any) -> int | None:
        """The number of the group with this key, if there is one; a key of one column may be given as it is."""
        # A list in a config is a tuple in the frame: for one column, a tuple may be its value.
        known = [each for each in ((key,), key) if isinstance(each, tuple) and len(each) == len(self.names)]
        with suppress(TypeError):  # not hashable: no key
            return next((self.places[found] for found in map(plain_key, known) if found in self.places), None)
        return None

    def having(self, names: Sequence[Hashable], values: Container[Key]) -> list[int]:
        """The numbers of the groups whose values of some of the columns are among these."""
        columns = list(map(self.names.index, names))
        return [place for place, key in enumerate(self.keys) if tuple(key[column] for column in columns) in values]

    @property
    def index(self) -> pd.Index[Any]:
        """The keys as an index with the columns' names: a MultiIndex for several columns."""
        return self.index_with(np.arange(len(self)), []) if self.names else pd.RangeIndex(len(self))

    def index_with(self, places: _Places, inner: Sequence[pd.Index[Any]]) -> pd.Index[Any]:
        """The keys of groups, each as often as it is given, as the outer levels of an index with inner ones.

        Parameters
        ----------
        places : ndarray of int64, shape (n_rows,)
            The number of each row's group.
        inner : sequence of Index of length n_rows
            Levels that follow those of the keys.

        Examples
        --------
        >>> groups = Partition(pd.DataFrame({"lr": [10.0, 1.0]}), ["lr"])
        >>> groups.index_with(np.array([0, 0]), [pd.Index([0, 1], name="step")]).tolist()
        [(1.0, 0), (1.0, 1)]
        """
        levels: list[Any] = [*(values.take(places) for values in self._heads), *inner]
        names = [*self.names, *(level.name for level in inner)]
        if len(levels) > 1:
            return pd.MultiIndex.from_arrays(levels, names=names)
        flat: pd.Index[Any] = pd.Index(levels[0], dtype=levels[0].dtype, name=names[0], tupleize_cols=False)
        return flat

    def mask(self, groups: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Which rows are in these groups: ndarray of shape (n_rows,)."""
        return np.isin(self.codes, list(groups))


def plain_key(value: Any) -> Any:
    """A value as it stands in keys: equal values are one key, so every missing one (None too) is the same NaN.

    Examples
    --------
    >>> plain_key(None), plain_key(np.float64(0.5)), plain_key((1, float("nan")))
    (nan, 0.5, (1, nan))
    """
    if value is None or is_missing(value):
        return np.nan
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(plain_key, value)) if isinstance(value, tuple) else value


def _key_column(frame: pd.DataFrame, name: Hashable) -> pd.Series[Any]:
    values = column(frame, name)
    if isinstance(values.dtype, LazyDtype):
        raise InvalidOptionError(f"{name!r} holds {values.dtype.prefix}s, one for each run: group by config columns.")
    return values


def _ranks(values: pd.Series[Any]) -> _Places:
    """The place of each row's value among the sorted values of its column; missing ones last."""
    array = values.to_numpy() if isinstance(values.dtype, np.dtype) else values.array
    try:
        codes, uniques = pd.factorize(array)
    except TypeError as error:
        raise InvalidOptionError(f"{values.name!r} cannot be grouped by: its values are no keys ({error}).") from error
    order: Any = np.arange(len(uniques))
    with suppress(TypeError):  # values that have no order keep that of the frame
        order = uniques.argsort()
    return np.append(np.argsort(order), len(uniques))[codes]
