# SPDX-License-Identifier: MIT
"""The rows of a scan -> a typed DataFrame: nothing missing becomes a silent float, nothing mixed is forced."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, repeat
from operator import is_
from typing import Any, Final

import numpy as np
import pandas as pd

from ..cells import ArtifactArray, MetricArray
from ..disk import RunDir, linked_runs
from ..plaintext import acts, shown
from .row import Blocks

__all__ = ["MISSING", "to_frame", "typed"]

_DATES = {datetime.date, datetime.datetime}
_EXACT = 2**53  # integers up to here are floats without loss

#: The value of a key that a run does not have.
MISSING: Final = object()
_FILLERS = (MISSING, MISSING, np.nan, np.nan)  # of config, info, metrics and artifacts


def to_frame(blocks: Blocks, root: str, is_wanted: Callable[[str], bool]) -> pd.DataFrame:
    """The frame of blocks: one row a run, indexed by log_id, lazy cells for metrics and artifacts."""
    log_ids = sorted(chain.from_iterable(block.log_ids for block in blocks))
    index = pd.Index(np.array(log_ids, dtype="int64"), name="log_id")
    columns: dict[str, Any] = {}
    config, info, metrics, artifacts = _columns(blocks, index, root, is_wanted)
    for name, values in (config | info).items():
        column = typed(values).repeat(len(index) // len(values))
        columns[name] = pd.Series(column, index=index, dtype=column.dtype, copy=False)  # objects stay objects
    for array, cells in ((MetricArray, metrics), (ArtifactArray, artifacts)):
        for name, runs in cells.items():
            columns[name] = array(np.asarray(runs, dtype=object), array.dtype_class(name))
    return pd.DataFrame(columns, index=index)  # copied into one block a dtype: rows are taken fifty times faster


def typed(values: Sequence[Any]) -> Any:
    """A column of values, MISSING where a run has no such key, as the array that pandas gives its type.

    Returns
    -------
    ndarray or ExtensionArray of shape (n_runs,)
        int64, or Int64 where some are missing; float64, NaN where missing; bool or boolean; the default string type;
        datetime64[us]; anything mixed as objects, as written, NaN where missing.
    """
    if len(values) > 1 and all(map(is_, values, repeat(values[0]))):  # one object, in several blocks
        return typed(values[:1]).repeat(len(values))
    kinds = frozenset(map(type, values)) - {object}
    try:
        build = _BUILDERS.get(kinds) or (_dates if kinds and kinds <= _DATES else _objects)
        return build(values)
    except (OverflowError, ValueError):
        return _objects(values)


def _columns(blocks: Blocks, index: pd.Index, root: str, is_wanted: Callable[[str], bool]) -> list[dict[str, Any]]:
    """The columns of config, info, metrics and artifacts, each in the order of the first run that has it.

    The value of each run, MISSING where it has no such key, and one value where all are the same; for metrics and
    artifacts the folder of the run, or NaN.
    """
    links = linked_runs(root)
    found: list[dict[str, Any]] = [{}, {}, {}, {}]
    for block in blocks:
        folders = [RunDir(root, name, links is None or name in links) for name in map(str, block.log_ids)]
        runs = np.array(folders, dtype=object)  # the same for all columns of cells
        places = np.searchsorted(index.to_numpy(), block.log_ids).tolist()
        values = chain(block.columns, repeat(runs))
        for keys, columns, filler in zip(block.layout, found, _FILLERS, strict=False):
            for name, some in zip(keys, values, strict=False):
                if is_wanted(name):
                    columns[name] = _placed(columns.get(name), some, places, len(index), filler)
    return found


def _placed(column: Any, values: Any, places: list[int], count: int, filler: Any) -> Any:
    """A column with the values of one block at their places."""
    if len(places) == count:
        return values
    column = column or [filler] * count
    for place, value in zip(places, [*values] * (len(places) // len(values)), strict=True):
        column[place] = value
    return column


def _objects(values: Sequence[Any]) -> np.ndarray:
    return pd.Series([shown(value) for value in _filled(values, np.nan)], dtype=object).to_numpy()


def _filled(values: Sequence[Any], filler: Any) -> list[Any]:
    return [filler if value is MISSING else value for value in values]


def _whole(plain: str, nullable: Any, values: Sequence[Any]) -> Any:
    """Integers or booleans: of a type that knows missing values where there are some."""
    return pd.array(_filled(values, pd.NA), dtype=nullable) if MISSING in values else np.array(values, dtype=plain)


def _floats(values: Sequence[Any]) -> np.ndarray:
    return np.array(_filled(values, np.nan), dtype="float64")


def _numbers(values: Sequence[Any]) -> np.ndarray:
    """Floats and integers together, where no integer is rounded."""
    if any(type(value) is int and not -_EXACT <= value <= _EXACT for value in values):
        raise OverflowError
    return _floats(values)


def _texts(values: Sequence[Any]) -> Any:
    """Pandas' default string type: `str` from pandas 3 on, objects before, and where a text would act when shown."""
    if acts("".join(_filled(values, ""))):
        return _objects(values)
    return pd.Series(np.array(_filled(values, np.nan), dtype=object)).infer_objects().array


def _dates(values: Sequence[Any]) -> np.ndarray:
    if any(getattr(value, "tzinfo", None) is not None for value in values):
        raise ValueError
    return np.array(_filled(values, np.datetime64("NaT", "us")), dtype="datetime64[us]")


_BUILDERS: dict[frozenset[type], Callable[[Sequence[Any]], Any]] = {
    frozenset({int}): partial(_whole, "int64", "Int64"),
    frozenset({bool}): partial(_whole, "bool", "boolean"),
    frozenset({float}): _floats,
    frozenset({int, float}): _numbers,
    frozenset({str}): _texts,
}
