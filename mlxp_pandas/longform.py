# SPDX-License-Identifier: MIT
"""One log of many runs as a tidy frame: a row of the frame for each row of the log, as plotting libraries take it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .disk import warn_of
from .points import log_columns, read_logged
from .scalars import number_columns
from .scores import run_ids
from .steps import Curve

__all__ = ["long_frame"]

_Array = npt.NDArray[Any]


def long_frame(frame: pd.DataFrame, log: str, columns: Any = None) -> pd.DataFrame:
    """Tidy the rows of one log.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    log : str
        The name of the log, such as `train`.
    columns : str or list of str, optional
        Columns of the frame to repeat on each row, such as `config.optimizer.lr`; or names such as `test.loss.last`.

    Returns
    -------
    DataFrame
        `log_id`; `step`, the place of the row in its log, counted from 0; one column for each key of the log, under its
        name in the frame; and `columns`. NaN where a row lacks a key.

    Raises
    ------
    UnknownColumnError
        The frame has no such log, or no such column.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 1.0], "train.loss": [np.array([3.0, 1.0]), np.array([2.0])]})
    >>> long_frame(runs, "train", columns="config.lr")
       log_id  step  train.loss  config.lr
    0       0     0         3.0        0.1
    1       0     1         1.0        0.1
    2       1     0         2.0        1.0
    """
    labels = log_columns(frame, log)
    names: list[Any] = [] if columns is None else list(columns) if pd.api.types.is_list_like(columns) else [columns]
    repeated = number_columns(frame, list(dict.fromkeys(names)))
    read = read_logged(frame, labels)
    warn_of(read.problems, "df.mlxp.health()")
    steps = [_union([read.curves[label][run] for label in labels]) for run in range(len(frame))]
    rows = np.repeat(np.arange(len(frame)), [len(each) for each in steps])
    table: dict[Hashable, Any] = {"log_id": run_ids(frame).to_numpy()[rows], "step": _concatenated(steps, np.int64)}
    table |= {label: _column(read.curves[label], steps) for label in labels}
    table |= {name: repeated[name].array.take(rows) for name in names if name not in table}
    return pd.DataFrame(table)


def _union(curves: Sequence[Curve | None]) -> _Array:
    """The rows of a log that have one of the keys."""
    places = [curve.steps for curve in curves if curve is not None]
    if not places:
        return np.empty(0, dtype=np.int64)
    if all(len(each) == len(places[0]) and (each == places[0]).all() for each in places):
        return places[0]
    return np.unique(np.concatenate(places))


def _column(curves: Sequence[Curve | None], steps: Sequence[_Array]) -> _Array:
    """The values of one key on the rows of all runs."""
    values = _concatenated([curve.values for curve in curves if curve is not None], np.float64)
    if all(map(np.array_equal, (curve.steps if curve is not None else [] for curve in curves), steps)):
        return values
    is_there = [
        np.zeros(len(rows), dtype=bool) if curve is None else np.isin(rows, curve.steps)
        for curve, rows in zip(curves, steps, strict=True)
    ]
    kind = object if values.dtype == object else np.float64
    column = np.full(sum(map(len, steps)), np.nan, dtype=kind)
    column[_concatenated(is_there, np.bool_)] = values
    return column


def _concatenated(parts: Sequence[_Array], dtype: Any) -> _Array:
    return np.concatenate(parts) if len(parts) else np.empty(0, dtype=dtype)
