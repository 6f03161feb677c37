# SPDX-License-Identifier: MIT
"""Query strings: answered or refused by our errors, alike on typed columns and on objects, and inverted by `not`."""

from __future__ import annotations

import datetime
import warnings
from typing import Any

import numpy as np
import pandas as pd

from mlxp_pandas.errors import MlxpPandasError
from mlxp_pandas.query import filter_rows

TYPED = pd.DataFrame(
    {
        "config.seed": [1, 2, 4, 2**60],
        "config.lr": [0.1, 1.0, 10.0, np.nan],
        "config.flag": pd.array([True, False, None, True], dtype="boolean"),
        "config.name": ["cnn", "mlp", "cnn", "x"],
        "config.n": pd.array([1, None, 3, 2**53 + 1], dtype="Int64"),
        "t": pd.to_datetime(["2026-01-01", "2026-01-02", None, "2026-02-01"]),
    },
    index=pd.RangeIndex(1, 5, name="log_id"),
)
MIXED = pd.Series(["auto", 3, None, (64, 64)], index=TYPED.index, dtype=object)
TYPED["config.mixed"] = MIXED
OBJECTS = pd.DataFrame(
    {name: pd.Series([float("nan") if cell is pd.NA else cell for cell in TYPED[name]], TYPED.index, dtype=object)
     for name in TYPED}
)  # fmt: skip
OBJECTS["config.mixed"] = MIXED
LOCALS = {"v": [1, "cnn"], "top": 1.0, "d": datetime.date(2026, 1, 2)}
SENSES = ("drop", "keep", "raise")

SEEDS = [
    text.encode()
    for text in (
        "config.seed == 1",
        "info.status in ['COMPLETE', 'RUNNING'] & config.lr > 0.1",
        "~ config.seed in [1,4] and not config.name not in ('cnn', 'x')",
        "(config.seed == 0 | config.lr > 1.) & config.lr < 1.",
        "0.1 <= config.lr < @top or config.name in @v",
        "config.mixed == None and config.mixed != [64, 64]",
        "config.n ** 2 // 3 % 2 + config.seed * -1 - 0.5 / config.lr >= 1e-3",
        "config.flag and `config.flag` == true",
        "t > '2026-01-01' or t == @d",
        "config.name < 'd' and config.name == \"\\x63\\u006e\\N{LATIN SMALL LETTER N}\"",
        "log_id in [1, 2.0, 9007199254740993, inf, none, nan]",
        "config.seed * config.seed > 2**63 and 10**400 > config.n",
        "x.__class__.__init__.__globals__['os'].system('true')",
    )
]


def check(data: bytes) -> None:
    """One query on two frames of the same cells."""
    text = data.decode("utf-8", "surrogateescape")
    sense = SENSES[len(data) % 3]
    typed, objects = (selected(frame, text, sense) for frame in (TYPED, OBJECTS))
    assert typed == objects, f"{text!r}: {typed} and {objects}"
    if isinstance(typed, list) and text.strip():
        inverse = selected(TYPED, f"not ({text}\n)", "drop")
        plain = selected(TYPED, text, "drop")
        assert not isinstance(inverse, list) or [not each for each in inverse] == plain, f"{text!r}: {plain}, {inverse}"


def selected(frame: pd.DataFrame, text: str, sense: str) -> Any:
    """The rows, or the kind of the error; any other than ours and any warning goes through."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            mask = filter_rows(frame, text, missing=sense, local_values=LOCALS)
        except MlxpPandasError as error:
            return type(error).__name__
    assert mask.dtype == bool
    assert mask.shape == (len(frame),)
    return mask.tolist()
