# SPDX-License-Identifier: MIT
"""Readers that share one index, and readers that are killed while they write it.

`python -m tests.kills [--kills 200] [--readers 8] [--runs 60]` lets eight processes build one index at once, then kills
a process that builds or changes the index again and again, at random moments; after each kill the index is whole and
tells the truth. It prints the figures as JSON; the suite (`test_live.py`) runs it with fewer kills.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from mlxp_pandas.runs import index
from mlxp_pandas.runs.index import FILE_NAME
from mlxp_pandas.testing import make_runs
from tests.failing import Answer, scanned
from tests.processes import wait_for_child


def main(arguments: Sequence[str]) -> None:
    """Both, in a folder of their own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("error")  # also about an index that is not used
    with tempfile.TemporaryDirectory() as folder:
        logs = make_runs(Path(folder, "logs"), chosen.runs, n_steps=2)
        built = build_at_once(logs, chosen.readers)
        killed = kill(logs, chosen.kills, random.Random(chosen.seed))
    print(json.dumps(built | killed))


def build_at_once(logs: Path, n_readers: int) -> dict[str, int]:
    """Processes that find no index and write one each; all tell the same, and one index is left."""
    truth = _truth(logs)
    start = time.time() + 0.3
    children = [_fork(lambda: _build(logs, start, truth)) for _ in range(n_readers)]
    codes = [wait_for_child(child) for child in children]
    _require(codes == [0] * n_readers, f"readers ended with {codes}")
    _require(scanned(logs, logs, False) == truth, "the index is another")
    _require(_leftovers(logs) == 0, "something is left beside the index")
    return {"readers": n_readers}


def kill(logs: Path, n_kills: int, chance: random.Random) -> dict[str, int]:
    """Kill a reader that writes the index, at random moments, while the runs change."""
    config = logs / "2/metadata/config.yaml"
    text = config.read_text()
    scanned(logs, logs)
    longest = _seconds(lambda: scanned(logs, logs, True))
    states = [_truth(logs)]
    half_written = 0
    for number in range(n_kills):
        config.write_text(f"{text}number: {number}\n")
        states = [states[-1], _truth(logs)]
        before = _leftovers(logs)
        child = _fork(lambda: _write_for_ever(logs))
        time.sleep(chance.uniform(0, 3 * longest))
        os.kill(child, signal.SIGKILL)
        wait_for_child(child)
        half_written += _leftovers(logs) > before
        _require(bool(index.read(str(logs), str(logs)).digest), "there is no whole index")
        _require(scanned(logs, logs, False) in states, f"kill {number}: the index tells what never was")
        _require(scanned(logs, logs) == states[-1], f"kill {number}: the index hides a change")
    return {"kills": n_kills, "half-written": half_written}


def _build(logs: Path, start: float, truth: Answer) -> None:
    time.sleep(max(start - time.time(), 0))
    for refresh in (None, True, None, False):
        _require(scanned(logs, logs, refresh) == truth, "a reader was told something else")


def _write_for_ever(logs: Path) -> None:
    """Build the index anew and change it, in turns."""
    spare = logs / "3/metadata/info.yaml"
    while True:
        scanned(logs, logs)
        scanned(logs, logs, True)
        os.utime(spare)  # a change that changes no value


def _truth(logs: Path) -> Answer:
    with tempfile.TemporaryDirectory() as place:
        return scanned(logs, Path(place), True)


def _fork(work: Callable[[], None]) -> int:
    """A process that does this and no more."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _leftovers(logs: Path) -> int:
    return sum(name.startswith(FILE_NAME) and name.endswith(".tmp") for name in os.listdir(logs))


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        sys.exit(otherwise)


if __name__ == "__main__":
    main(sys.argv[1:])
