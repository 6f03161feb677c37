# SPDX-License-Identifier: MIT
"""Questions to a frame beside what pandas and numpy take for the same answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs

from .measure import Lab, Reach, Row, benchmark

_UNITS, _RATE, _SEED = "config.model.num_units", "config.optimizer.lr", "config.seed"
_QUERY = f"{_SEED} >= 100 and {_RATE} < 5"
_SUM = f"{_SEED} * 2 + {_RATE} / 3 - {_UNITS} < 300"


@benchmark
def long_filter(lab: Lab) -> Iterator[Row]:
    runs = read_runs(lab.runs(lab.scaled(10_000)), columns=["config.*", "train.loss"])
    frame = pd.concat([runs] * 100, ignore_index=True)
    yield _beside_pandas(lab, frame, _QUERY, f"filter, 2 numeric terms, {len(frame):,} rows", 1.1)
    yield _beside_pandas(lab, frame, _SUM, f"filter, 4 operations, {len(frame):,} rows", 2)


@benchmark
def wide_filter(lab: Lab) -> Iterator[Row]:
    frame = read_runs(lab.runs(lab.scaled(1000), n_config_keys=2000))
    yield _beside_pandas(lab, frame, _QUERY, f"filter, {len(frame):,} rows x {len(frame.columns):,} columns", 0.1)
    narrow = frame[[_SEED, _RATE, *frame.columns.drop([_SEED, _RATE])[:28]]]
    yield _beside_pandas(lab, narrow, _QUERY, f"filter, {len(narrow):,} rows x {len(narrow.columns)} columns", 1, 20)


@benchmark
def foreign_filter(lab: Lab) -> Iterator[Row]:
    """Frames that no reader of ours made: texts, integers with NA, names that need backticks in pandas."""
    random, n_rows = np.random.default_rng(0), lab.scaled(1_000_000)
    words = np.array(["cnn", "mlp", "a b", "transformer", ""], dtype=object)[random.integers(0, 5, n_rows)]
    counts = pd.Series(random.integers(0, 99, n_rows), dtype="Int64").mask(random.random(n_rows) < 0.1)
    shares = np.where(random.random(n_rows) < 0.3, np.nan, random.random(n_rows))
    frame = pd.DataFrame({"odd name": words, "n": counts, "share-of": shares, "rate": random.random(n_rows)})
    for query, what in (
        ("`odd name` == 'cnn' and `rate` < 0.5", "text"),
        ("`odd name` in ['cnn', 'mlp'] and `rate` < 0.5", "a list of texts"),
        ("`n` >= 30 and `rate` < 0.5", "Int64 with NA"),
        ("`share-of` < 0.5 and `rate` < 0.5", "floats with NaN"),
    ):
        yield _beside_pandas(lab, frame, query, f"filter, {what}, {n_rows:,} rows of another origin", 1.1)
    query = "`n` * 2 + `share-of` / 3 - `rate` < 30"
    yield _beside_pandas(lab, frame, query, f"filter, 4 operations, {n_rows:,} rows of another origin", 2)


def _beside_pandas(lab: Lab, frame: pd.DataFrame, query: str, work: str, limit: float, times: int = 1) -> Row:
    """Our filter beside pandas' own, which wants names with dots in backticks."""
    native = query if "`" in query else re.sub(r"\w+(?:\.\w+)+", r"`\g<0>`", query)
    ours, theirs = partial(frame.mlxp.filter, query), partial(frame.query, native)
    measured = lab.compare(lambda: [ours() for _ in range(times)], lambda: [theirs() for _ in range(times)])
    return measured.row(work, "DataFrame.query", Reach(limit))


@benchmark
def aggregate(lab: Lab) -> Iterator[Row]:
    n_runs = lab.scaled(10_000)
    runs = read_runs(lab.runs(n_runs, n_steps=100, logs=("train",)), columns=["config.*", "train.loss"]).mlxp.load()
    frame = pd.concat([runs] * 3, ignore_index=True)
    frame["config.setting"] = np.arange(len(frame)) % n_runs
    keys, curves = frame["config.setting"].tolist(), frame["train.loss"].tolist()

    def by_hand() -> object:
        groups: dict[int, list[np.ndarray]] = {}
        for key, curve in zip(keys, curves, strict=True):
            groups.setdefault(key, []).append(curve)
        return {key: _mean(group) for key, group in groups.items()}

    times = lab.compare(lambda: frame.mlxp.groupby("config.setting").aggregate((_mean, "train.loss")), by_hand)
    yield times.row(f"aggregate of {n_runs:,} groups of 3 curves", "numpy, grouped by hand", Reach(2))


@benchmark
def diff(lab: Lab) -> Iterator[Row]:
    runs = read_runs(lab.runs(lab.scaled(10_000), n_config_keys=200), columns="config.*")
    frame = pd.concat([runs] * 2, ignore_index=True)
    times = lab.compare(frame.mlxp.diff, lambda: frame.nunique(dropna=False))
    yield times.row(f"diff of {len(frame):,} runs x {len(frame.columns)} keys", "DataFrame.nunique", Reach(1.5))


def _mean(curves: list[np.ndarray]) -> np.ndarray:
    return np.mean(curves, axis=0)
