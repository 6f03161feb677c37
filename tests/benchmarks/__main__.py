# SPDX-License-Identifier: MIT
"""The command: runs benchmarks, prints their table as it grows."""

from __future__ import annotations

import argparse
import contextlib
import gc
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import artifacts, counting, frames, memory, network, reading, scanning, seeds, starting
from tests.benchmarks.measure import BENCHMARKS, Lab, Row, Skipped

_MODULES = (scanning, counting, network, memory, reading, artifacts, frames, seeds, starting)
_LINE = "| {:<58} | {:<38} | {:>9} | {:>9} | {:>9} | {:>9} | {:<4} |"


def main() -> int:
    options = _options()
    if options.list:
        print("\n".join(BENCHMARKS))
        return 0
    print(_LINE.format("work", "floor or peer", "work", "floor", "ratio", "reach", ""))
    print("|" + "|".join("-" * (width + 2) for width in (58, 38, 9, 9, 9, 9, 4)) + "|")
    with _folder(options.folder) as folder:
        lab = Lab(folder, is_quick=options.quick, repeats=options.repeats)
        rows = [row for name in options.names or BENCHMARKS for row in _run(name, lab)]
    reached = sum(row.is_reached for row in rows)
    print(f"\n{reached} of {len(rows)} reached; medians of {options.repeats} on Python {sys.version.split()[0]}.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *BENCHMARKS], help="all by default")
    parser.add_argument("--list", action="store_true", help="name the benchmarks")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--repeats", type=int, default=5, help="measurements, of which the median counts (5)")
    parser.add_argument("--folder", type=Path, help="for the runs, kept for the next call; a temporary one by default")
    return parser.parse_args()


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder for the runs; a temporary one is removed at the end."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    folder = tempfile.mkdtemp(prefix="mlxp_pandas_benchmarks_")
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(name: str, lab: Lab) -> Iterator[Row]:
    """The rows of one benchmark, printed as they come."""
    gc.collect()
    gc.freeze()  # what the benchmarks before it imported is not gone through again while this one is timed
    try:
        for row in BENCHMARKS[name](lab):
            verdict = "ok" if row.is_reached else "OVER"
            print(_LINE.format(row.work, row.peer, *row.figures, row.reach.text, verdict), flush=True)
            yield row
    except Skipped as reason:
        print(f"| {name}: left out, {reason}", flush=True)
    except Exception as error:  # the others are still worth their time
        print(f"| {name}: failed, {type(error).__name__}: {error}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
