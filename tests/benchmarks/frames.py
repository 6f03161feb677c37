# SPDX-License-Identifier: MIT
"""Questions to a frame beside what pandas and numpy take for the same answer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs

from .measure import Lab, Reach, Row, benchmark

_UNITS, _RATE, _SEED = "config.model.num_units", "config.optimizer.lr", "config.seed"
_QUERY = f"{_SEED} >= 100 and {_RATE} < 5"
_NATIVE = f"`{_SEED}` >= 100 and `{_RATE}` < 5"


@benchmark
def long_filter(lab: Lab) -> Iterator[Row]:
    runs = read_runs(lab.runs(lab.scaled(10_000)), columns=["config.*", "train.loss"])
    frame = pd.concat([runs] * 100, ignore_index=True)
    times = lab.compare(lambda: frame.mlxp.filter(_QUERY), lambda: frame.query(_NATIVE))
    yield times.row(f"filter, 2 numeric terms, {len(frame):,} rows", "DataFrame.query", Reach(1.2))


@benchmark
def wide_filter(lab: Lab) -> Iterator[Row]:
    frame = read_runs(lab.runs(lab.scaled(1000), n_config_keys=2000))
    times = lab.compare(lambda: frame.mlxp.filter(_QUERY), lambda: frame.query(_NATIVE))
    work = f"filter on {len(frame):,} rows x {len(frame.columns):,} columns"
    yield times.row(work, "DataFrame.query", Reach(0.1))


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
