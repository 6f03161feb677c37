# SPDX-License-Identifier: MIT
"""Statistics over seeds beside numpy on arrays that are aligned already."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs
from mlxp_pandas.curves import forget
from mlxp_pandas.stats import Partition

from .measure import Lab, Reach, Row, benchmark, need

_SETTING = ["config.model.num_units", "config.optimizer.lr"]
_STEPS = 1000


@benchmark
def curves(lab: Lab) -> Iterator[Row]:
    stats = need("scipy.stats")
    runs = _runs(lab)
    rows = Partition(runs, _SETTING).rows
    aligned = [np.stack(runs["train.loss"].iloc[group].mlxp.load().tolist()) for group in rows]
    loaded = runs.mlxp.load("train.loss")

    def floor() -> object:
        return [_interval(stats, stack) for stack in aligned]

    size = f"{len(runs):,} runs x {_STEPS:,} steps, {len(rows)} groups"
    times = lab.compare(lambda: loaded.mlxp.groupby(_SETTING).curves("train.loss"), floor)
    yield times.row(f"curves of {size}, loaded", "numpy and scipy, aligned", Reach(2))


@benchmark
def curves_and_loading(lab: Lab) -> Iterator[Row]:
    stats = need("scipy.stats")
    runs = _runs(lab)
    rows = Partition(runs, _SETTING).rows

    def ours() -> object:
        forget()
        return runs.mlxp.groupby(_SETTING).curves("train.loss")

    def floor() -> object:
        forget()
        values = runs["train.loss"].mlxp.load()
        return [_interval(stats, np.stack(values.iloc[group].tolist())) for group in rows]

    size = f"{len(runs):,} runs x {_STEPS:,} steps, {len(rows)} groups"
    yield lab.compare(ours, floor).row(f"curves of {size}", "loading, stacking, numpy and scipy", Reach(2))


def _runs(lab: Lab) -> pd.DataFrame:
    path = lab.runs(lab.scaled(10_000), "_train", n_steps=_STEPS, logs=("train",))
    return read_runs(path, columns=["config.*", "train.*"])


def _interval(stats: object, stack: np.ndarray) -> object:
    """What `curves` gives: mean, std, sem, the t-interval and n."""
    n = (~np.isnan(stack)).sum(axis=0)
    mean, std = stack.mean(axis=0), stack.std(axis=0, ddof=1)
    sem = std / np.sqrt(n)
    return mean, std, sem, *stats.t.interval(0.95, n - 1, loc=mean, scale=sem), n
