# SPDX-License-Identifier: MIT
"""How a scan grows: time a run and peak memory of 100,000 runs, each scan in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .measure import Lab, Reach, Row, Times, benchmark, figure, in_new_process
from .scanning import indexed

_KB = 1000.0
_SCAN = """
import json, resource, sys, time
import mlxp_pandas

def peak():  # bytes; ru_maxrss of a new process remembers its parent, the high-water mark of /proc does not
    try:
        return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before, start = peak(), time.perf_counter()
runs = mlxp_pandas.read_runs(sys.argv[1], refresh={"cold": True}.get(sys.argv[2]))
print(json.dumps([time.perf_counter() - start, peak() - before, len(runs)]))
"""


class _Scan(NamedTuple):
    seconds: float
    peak: int
    n_runs: int


@benchmark
def large(lab: Lab) -> Iterator[Row]:
    few, many = (lab.scaled(n_runs) for n_runs in (10_000, 100_000))
    paths = [indexed(lab.runs(n_runs)) for n_runs in (few, many)]
    for kind in ("cold", "warm"):
        turns = [[_scan(path, kind) for path in paths] for _ in range(lab.repeats)]
        times = Times(
            median(large.seconds for _, large in turns),
            median(small.seconds for small, _ in turns) * many / few,
            median(large.seconds / large.n_runs / (small.seconds / small.n_runs) for small, large in turns),
        )
        yield times.row(f"{kind} read of {many:,} runs", f"as many times {few:,} runs", Reach(1.3))
        peak = max(large.peak for _, large in turns) / many / _KB
        yield figure(f"peak memory of it above the import ({kind})", "", peak, Reach(3, " KB/run"))


def _scan(path: Path, kind: str) -> _Scan:
    return _Scan(*in_new_process(_SCAN, path, kind))
