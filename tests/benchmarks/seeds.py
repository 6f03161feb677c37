# SPDX-License-Identifier: MIT
"""Statistics over seeds beside numpy on arrays that are aligned already."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs
from mlxp_pandas.curves import forget, read_last
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


@benchmark
def curves_of_small_groups(lab: Lab) -> Iterator[Row]:
    stats = need("scipy.stats")
    random = np.random.default_rng(0)
    # The peer takes 20 ms a group: a tenth of the groups is enough to compare the time of one.
    n_groups, n_runs, n_steps = lab.scaled(1000), 5, 100
    lengths = random.integers(n_steps // 2, n_steps + 1, n_groups * n_runs)
    loaded = pd.DataFrame({"config.group": np.repeat(np.arange(n_groups), n_runs)})
    loaded["loss"] = pd.Series([random.normal(size=length) for length in lengths], dtype=object)
    few = loaded["loss"].tolist()[: n_groups // 10 * n_runs]

    def ours() -> object:
        return loaded.mlxp.groupby("config.group").curves("loss", stat="iqm", error=None)

    def floor() -> object:
        groups = (few[start : start + n_runs] for start in range(0, len(few), n_runs))
        return [_middle_means(stats, group) for group in groups]

    times = lab.compare(ours, floor)
    times = times._replace(peer=10 * times.peer, ratio=times.ratio / 10)
    size = f"{n_groups:,} groups x {n_runs} ragged runs x {n_steps} steps"
    yield times.row(f"interquartile means of {size}", "scipy.stats.trim_mean a group and step", Reach(0.3))


@benchmark
def last_values(lab: Lab) -> Iterator[Row]:
    runs = _runs(lab)

    def last() -> object:
        forget()
        return read_last(runs["train.loss"].array.runs, ["train.loss"])

    def best() -> object:
        forget()
        return runs.mlxp.best("train.loss", per=_SETTING)

    def table() -> object:
        forget()
        return repr(runs.mlxp.table(*_SETTING, "train.loss.last"))

    for name, work in (("best", best), ("table", table)):
        row = lab.compare(work, last).row(
            f"{name} of {len(runs):,} runs by the last value", "reading these", Reach(1.5)
        )
        yield row


def _runs(lab: Lab) -> pd.DataFrame:
    path = lab.runs(lab.scaled(10_000), "_train", n_steps=_STEPS, logs=("train",))
    return read_runs(path, columns=["config.*", "train.*"])


def _interval(stats: object, stack: np.ndarray) -> object:
    """What `curves` gives: mean, std, sem, the t-interval and n."""
    n = (~np.isnan(stack)).sum(axis=0)
    mean, std = stack.mean(axis=0), stack.std(axis=0, ddof=1)
    sem = std / np.sqrt(n)
    return mean, std, sem, *stats.t.interval(0.95, n - 1, loc=mean, scale=sem), n


def _middle_means(stats: object, runs: list[np.ndarray]) -> list[float]:
    steps = range(max(map(len, runs)))
    return [stats.trim_mean([run[step] for run in runs if len(run) > step], 0.25) for step in steps]
