# SPDX-License-Identifier: MIT
"""MLXP's filter maps: which rows a function of columns keeps, over the whole frame or group by group."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import InvalidMapError
from .fields import require
from .maps import call, parse_filter
from .values import read_values

__all__ = ["filter_mask"]


def filter_mask(
    frame: pd.DataFrame, condition: object, rows: Sequence[npt.NDArray[np.int64]], keys: Sequence[Hashable]
) -> npt.NDArray[np.bool_]:
    """Apply a filter map to groups of rows.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    condition : tuple
        `(function, column or columns)`. The function gets one list a column, of the values of the group's rows: curves
        as ndarrays, NaN where a run has none. It returns one boolean a row.
    rows : sequence of ndarray
        The row positions of each group.
    keys : sequence
        What to call the groups in an error message.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
        The rows to keep.

    Raises
    ------
    InvalidMapError
        The map has another form, or the function does not return one boolean a row.
    UnknownColumnError
        A column that the frame does not have.

    Examples
    --------
    >>> runs = pd.DataFrame({"loss": [0.3, 0.1, 0.2]})
    >>> filter_mask(runs, (lambda x: [v == min(x) for v in x], "loss"), [np.arange(3)], [()]).tolist()
    [False, True, False]
    """
    function, labels = parse_filter(condition, lambda names: require(frame, names, levels=True))
    read = read_values(frame, labels)
    columns = [read[label].values for label in labels]
    mask = np.zeros(len(frame), dtype=bool)
    for group, key in zip(rows, keys, strict=True):
        if not len(group):
            continue
        lists = [list(map(values.__getitem__, group.tolist())) for values in columns]
        outcome = call(function, lists, partial(_place_text, labels, key))
        mask[group] = _booleans(outcome, len(group))
    return mask


def _place_text(labels: list[Hashable], key: Hashable) -> str:
    return f"columns {labels!r}, group {key!r}"


def _booleans(outcome: Any, n_rows: int) -> npt.NDArray[np.bool_]:
    """The outcome of a filter function, checked."""
    if isinstance(outcome, tuple) and len(outcome) == 1 and pd.api.types.is_list_like(outcome[0]):
        (outcome,) = outcome  # MLXP's way to return one output
    if not pd.api.types.is_list_like(outcome):
        raise InvalidMapError(f"A filter function returns one boolean for each run: {n_rows}, not {outcome!r}.")
    values = list(outcome)
    if len(values) != n_rows:
        raise InvalidMapError(f"A filter function returns one boolean for each run: {n_rows}, not {len(values)}.")
    for value in values:
        if not isinstance(value, (bool, np.bool_)):
            raise InvalidMapError(f"A filter function returns booleans, such as x == min(x); it returned {value!r}.")
    return np.array(values, dtype=bool)
