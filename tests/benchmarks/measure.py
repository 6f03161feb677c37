# SPDX-License-Identifier: MIT
"""What benchmarks share: run directories made once, work timed in turns with its floor, a row of the table."""

from __future__ import annotations

import gc
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import mlxp_pandas
from mlxp_pandas.testing import make_runs

ROOT = Path(mlxp_pandas.__file__).parents[1]
SETTLE = 2.1  # seconds after which a file counts as settled: git's rule of two seconds


class Skipped(Exception):
    """A benchmark that cannot be run here, and why."""


class Reach(NamedTuple):
    """What a ratio should be: at most (or, with `is_least`, at least) the limit."""

    limit: float
    unit: str = "x"
    is_least: bool = False

    @property
    def text(self) -> str:
        return f"{'>=' if self.is_least else '<='} {self.limit:g}{self.unit}"

    def admits(self, ratio: float) -> bool:
        return ratio >= self.limit if self.is_least else ratio <= self.limit


class Row(NamedTuple):
    """One line of the table: the work and its floor with their times (or other figures), and their ratio."""

    work: str
    peer: str
    figures: tuple[str, str, str]
    ratio: float
    reach: Reach

    @property
    def is_reached(self) -> bool:
        return self.reach.admits(self.ratio)


class Times(NamedTuple):
    """Medians in seconds of work and peer, and of the ratios of each turn."""

    work: float
    peer: float
    ratio: float

    def row(self, work: str, peer: str, reach: Reach) -> Row:
        """A line that says how many times the floor the work takes, or how many times faster than the peer it is."""
        ratio = 1 / self.ratio if reach.is_least else self.ratio
        figures = (_seconds(self.work), _seconds(self.peer), f"{ratio:.2f}{reach.unit}")
        return Row(work, peer, figures, ratio, reach)


def figure(work: str, peer: str, value: float, reach: Reach, base: str = "") -> Row:
    """A line of something counted."""
    return Row(work, peer, ("", base, f"{value:,.4g}{reach.unit}"), value, reach)


class Lab:
    """Where the runs are, how large everything is, how often it is measured."""

    def __init__(self, folder: Path, *, is_quick: bool, repeats: int) -> None:
        self.folder = folder
        self.is_quick = is_quick
        self.repeats = repeats

    def scaled(self, size: int) -> int:
        return size // 10 if self.is_quick else size

    def runs(self, n_runs: int, purpose: str = "", **shape: Any) -> Path:
        """The log folder of so many runs of a shape; made once, and old enough to be settled."""
        given = "_".join(f"{key}-{value}" for key, value in sorted(shape.items()) if isinstance(value, int))
        path = self.folder / f"{n_runs}_{given or 'tutorial'}{purpose}"
        if not path.exists():
            make_runs(path, n_runs, **shape)
            time.sleep(SETTLE)
        return path

    def compare(self, work: Callable[[], object], peer: Callable[[], object]) -> Times:
        """Both in turns, after one turn that does not count."""
        work()
        peer()
        return in_turns([(seconds(work), seconds(peer)) for _ in range(self.repeats)])


def in_turns(times: Sequence[tuple[float, float]]) -> Times:
    """The medians of what was measured in turns."""
    works, peers = zip(*times, strict=True)
    return Times(median(works), median(peers), median(one / other for one, other in times))


def seconds(work: Callable[[], object]) -> float:
    """The time of one call; the garbage of the one before it is not counted."""
    gc.collect()
    start = time.perf_counter()
    result = work()
    elapsed = time.perf_counter() - start
    del result
    return elapsed


def processor_seconds(work: Callable[[], object]) -> float:
    """The time that one call takes of all processors."""
    gc.collect()
    start = time.process_time()
    result = work()
    elapsed = time.process_time() - start
    del result
    return elapsed


def in_new_process(code: str, *arguments: object, bytecode: Path | None = None) -> Any:
    """What a piece of Python prints as JSON, run on its own with the package importable."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    if bytecode is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def need(module: str) -> Any:
    """An optional peer."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Skipped(f"{module} is not installed") from None


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.3g} ms"


Benchmark = Callable[[Lab], Iterator[Row]]
BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(function: Benchmark) -> Benchmark:
    """Make a function a benchmark by its name."""
    BENCHMARKS[function.__name__.replace("_", "-")] = function
    return function
