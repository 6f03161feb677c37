# SPDX-License-Identifier: MIT
"""Frames for the tests of queries, typed as by `read_runs` or all of objects, and the runs that a query selects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from mlxp_pandas.evaluate import filter_rows

NAN = float("nan")


def missing(value: Any) -> bool:
    """Whether a cell says that the run lacks the key."""
    return isinstance(value, float) and math.isnan(value)


def column(values: list[Any], *, typed: bool = True) -> pd.Series[Any]:
    """A column as `read_runs` types it; NaN where a run lacks the key."""
    present = {type(value) for value in values if not missing(value)}
    is_whole = not any(map(missing, values))
    dtypes: dict[type, Any] = {
        int: "int64" if is_whole else "Int64",
        bool: "bool" if is_whole else "boolean",
        float: "float64",
    }
    if typed and len(present) == 1 and (dtype := dtypes.get(next(iter(present)))):
        return pd.Series([pd.NA if missing(value) and dtype[0] in "bI" else value for value in values], dtype=dtype)
    cells = np.fromiter(values, dtype=object, count=len(values))
    return pd.Series(cells, dtype="str" if typed and present == {str} and pd.__version__ >= "3" else object)


def frame_of(rows: list[dict[str, Any]], *, typed: bool = True) -> pd.DataFrame:
    """Rows as a frame; a key that a row lacks is NaN, and a list a tuple, as in `read_runs`."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = {key: [frozen(row.get(key, NAN)) for row in rows] for key in keys}
    frame = pd.DataFrame({key: column(values, typed=typed) for key, values in cells.items()}, index=range(len(rows)))
    return frame.set_axis(pd.RangeIndex(1, len(rows) + 1, name="log_id"))


def frozen(value: Any) -> Any:
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def runs(frame: pd.DataFrame, text: str, **options: Any) -> list[int]:
    """The log_ids that a query selects."""
    mask = filter_rows(frame, text, **options)
    assert mask.dtype == bool
    assert mask.shape == (len(frame),)
    return [int(label) for label in frame.index[mask]]


FRAME = frame_of(
    [
        {"config.seed": 1, "config.lr": 0.1, "config.flag": True, "config.name": "cnn", "config.mixed": "auto"},
        {"config.seed": 2, "config.lr": 1.0, "config.flag": False, "config.name": "mlp", "config.mixed": 3},
        {"config.seed": 4, "config.lr": 10.0, "config.name": "cnn", "config.mixed": None},
        {"config.seed": 2**60, "config.flag": True, "config.mixed": [64, 64]},
    ]
)
