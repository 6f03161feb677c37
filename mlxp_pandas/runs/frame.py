# SPDX-License-Identifier: MIT
"""The blocks of a scan -> a typed DataFrame: nothing missing becomes a silent float, nothing mixed is forced."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain, repeat
from operator import is_
from typing import Any, Final

import numpy as np
import pandas as pd

from ..cells import ArtifactArray, MetricArray
from ..disk import RunDir, linked_runs
from ..plaintext import acts, shown
from .blocks import Block

__all__ = ["MISSING", "to_frame", "typed"]

_EXACT = 2**53  # integers up to here are floats without loss

_Parts = list[tuple[list[int], list[Any]]]  # for each block that has a column the places of its runs, and their values


#: The value of a key that a run does not have.
MISSING: Final = object()


def to_frame(blocks: Sequence[Block], root: str, is_wanted: Callable[[str], bool]) -> pd.DataFrame:
    """The frame of blocks: one row a run, indexed by log_id, lazy cells for metrics and artifacts."""
    log_ids = sorted(chain.from_iterable(block.log_ids for block in blocks))
    index = pd.Index(np.array(log_ids, dtype="int64"), name="log_id")
    columns: dict[str, Any] = {}
    config, info, metrics, artifacts = _parts(blocks, log_ids)
    for name, parts in (config | info).items():
        if is_wanted(name):
            columns[name] = _kept(typed(_joined(parts, len(log_ids))), index)
    runs = _runs(root, log_ids)
    for array, cells in ((MetricArray, metrics), (ArtifactArray, artifacts)):
        for name, parts in cells.items():
            if is_wanted(name):
                places = [at for places, _ in parts for at in places]
                columns[name] = array(_at(runs, places), array.dtype_class(name))
    return pd.DataFrame(columns, index=index)  # copied into one block a dtype: rows are taken fifty times faster


def typed(values: list[Any]) -> Any:
    """A column of values, MISSING where a run has no such key, as the array that pandas gives its type.

    Returns
    -------
    ndarray or ExtensionArray of shape (n_runs,)
        int64, or Int64 where some are missing; float64, NaN where missing; bool or boolean; the default string type;
        datetime64[us]; anything mixed as objects, as written, NaN where missing.
    """
    if len(values) > 1 and all(map(is_, values, repeat(values[0]))):  # one object, as a block has it of an index
        return typed(values[:1]).repeat(len(values))
    build: Callable[[list[Any]], Any] = _BUILDERS.get(frozenset(map(type, values)) - {object}, _objects)
    try:
        return build(values)
    except (OverflowError, ValueError):
        return _objects(values)


def _parts(blocks: Iterable[Block], log_ids: Sequence[int]) -> list[dict[str, _Parts]]:
    """The columns of config, info, metrics and artifacts, each in the order of the first run that has it."""
    order = {log_id: place for place, log_id in enumerate(log_ids)}
    found: list[dict[str, _Parts]] = [{}, {}, {}, {}]
    for block in sorted(blocks, key=lambda block: block.log_ids[0]):
        places = [order[log_id] for log_id in block.log_ids]
        values = chain(block.columns, repeat([]))  # metrics and artifacts have none
        for names, parts in zip(block.layout, found, strict=False):
            for name in names:
                parts.setdefault(name, []).append((places, next(values)))
    return found


def _joined(parts: _Parts, count: int) -> list[Any]:
    """The values of a column, MISSING where a run has no such key."""
    if len(parts) == 1 and len(parts[0][0]) == count:
        return parts[0][1]
    column: list[Any] = [MISSING] * count
    for places, values in parts:
        for place, value in zip(places, values, strict=True):
            column[place] = value
    return column


def _runs(root: str, log_ids: Sequence[int]) -> np.ndarray:
    """The folders of runs, an array of objects."""
    runs = np.empty(len(log_ids), dtype=object)
    links = linked_runs(root)
    names = list(map(str, log_ids))
    runs[:] = [RunDir(root, name, links is None or name in links) for name in names]
    return runs


def _at(runs: np.ndarray, places: list[int]) -> np.ndarray:
    """The runs at these places, NaN elsewhere."""
    some = np.full(len(runs), np.nan, dtype=object)
    some[places] = runs[places]
    return some


def _kept(column: Any, index: pd.Index) -> Any:
    """Objects as a Series of objects, of which pandas would make a column of texts otherwise, if they are."""
    is_object = isinstance(column, np.ndarray) and column.dtype == object
    return pd.Series(column, index=index, dtype=object, copy=False) if is_object else column


def _objects(values: list[Any]) -> np.ndarray:
    column = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        column[place] = np.nan if value is MISSING else shown(value)
    return column


def _filled(values: list[Any], filler: Any) -> list[Any]:
    return [filler if value is MISSING else value for value in values]


def _whole(plain: str, nullable: Any, values: list[Any]) -> Any:
    """Integers or booleans: of a type that knows missing values where there are some."""
    if MISSING in values:
        return pd.array(_filled(values, pd.NA), dtype=nullable)
    return np.array(values, dtype=plain)


def _floats(values: list[Any]) -> np.ndarray:
    return np.array(_filled(values, np.nan), dtype="float64")


def _numbers(values: list[Any]) -> np.ndarray:
    """Floats and integers together, where no integer is rounded."""
    if any(type(value) is int and not -_EXACT <= value <= _EXACT for value in values):
        raise OverflowError
    return _floats(values)


def _texts(values: list[Any]) -> Any:
    """Pandas' default string type: `str` from pandas 3 on, objects before, and where a text would act when shown."""
    if acts("".join(_filled(values, ""))):
        return _objects(values)
    return pd.Series(np.array(_filled(values, np.nan), dtype=object)).infer_objects().array


def _dates(values: list[Any]) -> np.ndarray:
    if any(getattr(value, "tzinfo", None) is not None for value in values):
        raise ValueError
    return np.array(_filled(values, np.datetime64("NaT")), dtype="datetime64[us]")


_BUILDERS: dict[frozenset[type], Callable[[list[Any]], Any]] = {
    frozenset({int}): partial(_whole, "int64", "Int64"),
    frozenset({bool}): partial(_whole, "bool", "boolean"),
    frozenset({float}): _floats,
    frozenset({int, float}): _numbers,
    frozenset({str}): _texts,
    frozenset({datetime.date}): _dates,
    frozenset({datetime.datetime}): _dates,
    frozenset({datetime.date, datetime.datetime}): _dates,
}
