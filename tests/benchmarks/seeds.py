# SPDX-License-Identifier: MIT
"""Statistics over seeds beside numpy on arrays that are aligned already, and beside reading alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs
from mlxp_pandas.curves import forget, read_last
from mlxp_pandas.stats import Partition

from .measure import Lab, Reach, Row, benchmark, need

_SETTING = ["config.width", "config.depth"]
_STEPS = 1000


@benchmark
def curves(lab: Lab) -> Iterator[Row]:
    special = need("scipy.special")
    loaded = _with_settings(pd.DataFrame(index=range(lab.scaled(10_000))))
    random = np.random.default_rng(0)
    loaded["loss"] = pd.Series([random.normal(size=_STEPS) for _ in range(len(loaded))], dtype=object)
    rows = Partition(loaded, _SETTING).rows
    aligned = [np.stack(loaded["loss"].iloc[group].tolist()) for group in rows]

    def floor() -> object:
        return [_interval(special, stack) for stack in aligned]

    size = f"{len(rows)} groups x {len(rows[0])} runs x {_STEPS:,} steps"
    times = lab.compare(lambda: loaded.mlxp.groupby(_SETTING).curves("loss"), floor)
    yield times.row(f"curves of {size}, loaded", "numpy on the aligned arrays", Reach(2))


@benchmark
def curves_and_loading(lab: Lab) -> Iterator[Row]:
    special = need("scipy.special")
    runs = _runs(lab).head(lab.scaled(2000))
    rows = Partition(runs, _SETTING).rows

    def ours() -> object:
        forget()
        return runs.mlxp.groupby(_SETTING).curves("train.loss")

    def floor() -> object:
        forget()
        values = runs["train.loss"].mlxp.load()
        return [_interval(special, np.stack(values.iloc[group].tolist())) for group in rows]

    size = f"{len(rows)} groups x {len(rows[0])} runs x {_STEPS:,} steps"
    yield lab.compare(ours, floor).row(f"curves of {size}", "loading, stacking and numpy", Reach(2))


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

    for name, work in (("best of each of 50 groups", best), ("table of 50 cells", table)):
        size = f"{len(runs):,} runs by the last value"
        yield lab.compare(work, last).row(f"{name} over {size}", "reading the last values alone", Reach(1.5))


def _runs(lab: Lab) -> pd.DataFrame:
    path = lab.runs(lab.scaled(10_000), "_train", n_steps=_STEPS, logs=("train",))
    return _with_settings(read_runs(path, columns=["config.*", "train.*"]))


def _with_settings(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with two options that make 50 groups, in turns."""
    places = np.arange(len(runs))
    return runs.assign(**dict(zip(_SETTING, (places % 10, places // 10 % 5), strict=True)))


def _interval(special: object, stack: np.ndarray) -> object:
    """What `curves` gives: mean, std, sem, the t-interval and n."""
    n = (~np.isnan(stack)).sum(axis=0)
    mean, std = stack.mean(axis=0), stack.std(axis=0, ddof=1)
    sem = std / np.sqrt(n)
    width = special.stdtrit(n - 1, 0.975) * sem  # without the 300 microseconds of scipy.stats.t
    return mean, std, sem, mean - width, mean + width, n


def _middle_means(stats: object, runs: list[np.ndarray]) -> list[float]:
    steps = range(max(map(len, runs)))
    return [stats.trim_mean([run[step] for run in runs if len(run) > step], 0.25) for step in steps]
