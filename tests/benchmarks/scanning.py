# SPDX-License-Identifier: MIT
"""Cold scans, warm starts and refreshes beside reading the same bytes, and beside MLXP's own Reader."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlxp_pandas import read_runs

from .measure import SETTLE, Lab, Reach, Row, Times, benchmark, in_turns, need, seconds

#: Every file that a scan must read.
FILES = (
    "metadata/config.yaml",
    "metadata/info.yaml",
    "metrics/.keys/train.yaml",
    "metrics/.keys/test.yaml",
    "artifacts/.keys/artifacts.yaml",
)
_N_RUNS = 10_000


@benchmark
def cold(lab: Lab) -> Iterator[Row]:
    n_runs = lab.scaled(_N_RUNS)
    times = _cold_times(lab, lab.runs(n_runs), n_runs)
    yield times.row(f"cold scan of {n_runs:,} runs, index written", "reading the same bytes", Reach(2.5))


@benchmark
def wide(lab: Lab) -> Iterator[Row]:
    n_runs = lab.scaled(_N_RUNS)
    times = _cold_times(lab, lab.runs(n_runs, n_config_keys=200), n_runs)
    yield times.row(f"cold scan of {n_runs:,} runs with 200 config keys", "reading the same bytes", Reach(3.5))


@benchmark
def mlxp(lab: Lab) -> Iterator[Row]:
    reader = need("mlxp").Reader
    n_runs = lab.scaled(1000)
    path = lab.runs(n_runs, "_for_mlxp")

    def theirs() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            reader(str(path), refresh=True).database.close()

    # The peer takes 15 seconds: two turns are enough.
    turns = [(seconds(lambda: read_runs(path, refresh=True)), seconds(theirs)) for _ in range(2)]
    yield in_turns(turns).row(f"cold scan of {n_runs:,} runs", "MLXP's Reader", Reach(100, is_least=True))


@benchmark
def warm(lab: Lab) -> Iterator[Row]:
    path = _indexed(lab)
    times = lab.compare(lambda: read_runs(path), lambda: read_runs(path, refresh=True))
    yield times.row(f"warm read of {lab.scaled(_N_RUNS):,} runs, nothing changed", "our cold scan", Reach(0.3))


@benchmark
def believed(lab: Lab) -> Iterator[Row]:
    path = _indexed(lab)
    times = lab.compare(lambda: read_runs(path, refresh=False), lambda: read_runs(path))
    yield times.row("the same with refresh=False", "our warm read", Reach(0.5))


@benchmark
def changed(lab: Lab) -> Iterator[Row]:
    path = _indexed(lab)
    turns: list[tuple[float, float]] = []
    for turn in range(lab.repeats):
        calm = seconds(lambda: read_runs(path))
        for log_id in range(1, 11):
            _change(path / str(log_id * 7) / FILES[0], f"{100 + turn}")
        turns.append((seconds(lambda: read_runs(path)), calm))
        time.sleep(SETTLE)
        read_runs(path)  # the runs that were changed have settled
    yield in_turns(turns).row("refresh after 10 of them changed", "our warm read", Reach(1.3))


def _change(config: Path, seed: str) -> None:
    config.write_text(re.sub("seed: .*", f"seed: {seed}", config.read_text(), count=1))


def indexed(path: Path) -> Path:
    """The log folder with an index that nothing has to be added to."""
    read_runs(path)
    return path


def _indexed(lab: Lab) -> Path:
    return indexed(lab.runs(lab.scaled(_N_RUNS)))


def _cold_times(lab: Lab, path: Path, n_runs: int) -> Times:
    paths = [f"{path}/{log_id}/{name}" for log_id in range(1, n_runs + 1) for name in FILES]
    return lab.compare(lambda: read_runs(path, refresh=True), lambda: _read_bytes(paths))


def _read_bytes(paths: Sequence[str]) -> None:
    for path in paths:
        with open(path, "rb") as file:
            file.read()
