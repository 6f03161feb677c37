# SPDX-License-Identifier: MIT
"""Curves of many runs beside the fastest known readers of the same files, and beside reading their bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs
from mlxp_pandas.curves import forget

from .measure import Lab, Reach, Row, benchmark, need

_TAIL = 4096
_TWENTY = tuple(f"loss_{number}" for number in range(19))


@benchmark
def column(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, 200, n_steps=lab.scaled(10_000))
    polars = need("polars")

    def theirs() -> object:
        return polars.scan_ndjson(files).select("loss").collect()

    work = f"one metric of {len(files)} runs x {lab.scaled(10_000):,} lines"
    yield lab.compare(_loading(runs, ["train.loss"]), theirs).row(work, "polars.scan_ndjson", Reach(1))


@benchmark
def column_and_mlxp(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, 200, n_steps=lab.scaled(10_000))

    def theirs() -> object:
        return [_values_one_by_one(file, "loss") for file in files]

    work = f"one metric of {len(files)} runs x {lab.scaled(10_000):,} lines"
    reach = Reach(8, is_least=True)
    yield lab.compare(_loading(runs, ["train.loss"]), theirs).row(work, "MLXP's way: json.loads a line", reach)


@benchmark
def short_curves(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, lab.scaled(10_000), n_steps=20)
    times = lab.compare(_loading(runs, ["train.loss"]), lambda: [_bytes(file) for file in files])
    yield times.row(f"one metric of {len(files):,} runs x 20 lines", "reading the bytes", Reach(2.5))


@benchmark
def many_keys(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, 100, n_steps=lab.scaled(2000), keys=(*_TWENTY, "epoch"))
    columns = [f"train.{key}" for key in (*_TWENTY, "epoch")]
    times = lab.compare(_loading(runs, columns), _loading(runs, columns[:1]))
    yield times.row(f"twenty keys of a log, {len(files)} runs", "one key of it", Reach(3))


@benchmark
def last(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, lab.scaled(10_000), n_steps=1000, logs=("train",))

    def ours() -> object:
        forget()
        return runs["train.loss"].mlxp.last()

    times = lab.compare(ours, lambda: [_tail(file) for file in files])
    yield times.row(f"last value of {len(files):,} runs x 1,000 lines", "reading the last 4 KB of each", Reach(2))


@benchmark
def diverged(lab: Lab) -> Iterator[Row]:
    n_steps = lab.scaled(10_000)
    clean, _ = _curves(lab, 200, n_steps=n_steps)
    runs, files = _curves(lab, 200, n_steps=n_steps, nonfinite_every=10)
    times = lab.compare(_loading(runs, ["train.loss"]), _loading(clean, ["train.loss"]))
    yield times.row(f"NaN and Infinity in every tenth of {len(files)} runs", "files without", Reach(1.5))


def _curves(lab: Lab, n_runs: int, **shape: object) -> tuple[pd.DataFrame, list[str]]:
    """The frame of runs and the files of their log `train`."""
    path = lab.runs(n_runs, "_keys" if "keys" in shape else "_train" if "logs" in shape else "", **shape)
    return read_runs(path), [_file(path, log_id) for log_id in range(1, n_runs + 1)]


def _file(path: Path, log_id: int) -> str:
    return f"{path}/{log_id}/metrics/train.json"


def _loading(runs: pd.DataFrame, columns: Sequence[str]) -> Callable[[], object]:
    """Loads columns from the disk, not from what an earlier turn left in memory."""

    def load() -> object:
        forget()
        return runs[list(columns)].mlxp.load()

    return load


def _values_one_by_one(file: str, key: str) -> np.ndarray:
    with open(file, encoding="utf-8") as lines:
        return np.array([json.loads(line)[key] for line in lines])


def _bytes(file: str) -> bytes:
    with open(file, "rb") as handle:
        return handle.read()


def _tail(file: str) -> bytes:
    with open(file, "rb") as handle:
        handle.seek(-min(_TAIL, os.fstat(handle.fileno()).st_size), os.SEEK_END)
        return handle.read(_TAIL)
