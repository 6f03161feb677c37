# SPDX-License-Identifier: MIT
"""Curves of many runs beside the fastest known readers of the same files, and beside reading their bytes."""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from mlxp_pandas import read_runs
from mlxp_pandas.curves import forget, jsonlines

from .measure import SETTLE, Lab, Reach, Row, benchmark, in_turns, need, processor_seconds

_TAIL = 4096
TWENTY = ("loss", *(f"loss_{number}" for number in range(18)), "epoch")

Line = Callable[[random.Random, int, int], str]  # draw, step and number of the run -> a line


def _row(**values: object) -> str:
    return json.dumps(values) + "\n"


def _noisy(draw: random.Random, step: int) -> float:
    return draw.lognormvariate(0, 1) / (step + 1)


#: How the lines of a log may look.
LINES: dict[str, Line] = {
    "decimals": lambda draw, step, _: f'{{"loss": {draw.random():.6f}, "epoch": {step}}}\n',
    "floats": lambda draw, step, _: _row(loss=0.1 + draw.random(), epoch=step),
    "exponents": lambda draw, step, _: _row(loss=_noisy(draw, step) * 1e-4, epoch=step),
    "NaN in every tenth run": lambda draw, step, run: _row(
        loss=math.nan if run % 10 == 0 and step > 50 else _noisy(draw, step), epoch=step
    ),
    "NaN in a few lines": lambda draw, step, _: _row(
        loss=math.nan if draw.random() < 0.002 else _noisy(draw, step), epoch=step
    ),
    "20 keys": lambda draw, step, _: _row(**{key: draw.random() for key in TWENTY}),
    "interleaved keys": lambda draw, step, _: _row(loss=draw.random()) if step % 3 else _row(accuracy=draw.random()),
    "integers": lambda draw, step, _: _row(loss=draw.randrange(10**6), epoch=step),
    "integers beside floats": lambda draw, step, _: _row(loss=draw.choice([0, 1, draw.random()]), epoch=step),
    "nulls": lambda draw, step, _: _row(loss=None if step % 7 == 0 else draw.random(), epoch=step),
    "texts and lists": lambda draw, step, _: _row(loss=draw.random(), phase="warm up", shape=[3, step, [1.5, 2]]),
    "a torn last line": lambda draw, step, _: _row(loss=draw.random(), epoch=step),
    "a garbage line": lambda draw, step, _: "~~ killed ~~\n" if step == 500 else _row(loss=draw.random(), epoch=step),
    "one nested object a line": lambda draw, step, _: _row(loss=draw.random(), lr={"a": 0.1, "b": {"c": step}}),
    "lines of 2 KB": lambda draw, step, _: _row(loss=draw.random(), note="x" * 1950, epoch=step),
    "escaped texts": lambda draw, step, _: _row(loss=draw.random(), note='a "b"\n\\c \u00e9', epoch=step),
}


@benchmark
def metric(lab: Lab) -> Iterator[Row]:
    """One metric of every kind of log, beside a loop of five lines with msgspec, and beside `json.loads` a line."""
    for name, line in LINES.items():
        runs, files = _logs(lab, name, line)
        loop = _loop(files[0])
        times = lab.compare(
            _loading(runs, ["train.loss"]), lambda files=files, loop=loop: [loop(file) for file in files]
        )
        peer = "json.loads a line" if loop is _values_one_by_one else "msgspec's decode_lines"
        yield times.row(f"one metric: {name}", peer, Reach(0.2 if loop is _values_one_by_one else 1.5))


@benchmark
def metric_without_msgspec(lab: Lab) -> Iterator[Row]:
    runs, files = _logs(lab, "exponents", LINES["exponents"])
    with _no_msgspec():
        times = lab.compare(_loading(runs, ["train.loss"]), lambda: [_values_one_by_one(file) for file in files])
    yield times.row("one metric: exponents, without msgspec", "json.loads a line", Reach(0.6))


@benchmark
def metric_and_polars(lab: Lab) -> Iterator[Row]:
    runs, files = _logs(lab, "exponents", LINES["exponents"], 200)
    polars = need("polars")

    def theirs() -> object:
        return polars.scan_ndjson(files).select("loss").collect()

    ours = _loading(runs, ["train.loss"])
    work = f"one metric: {len(files)} runs x {lab.scaled(10_000):,} lines"
    yield lab.compare(ours, theirs).row(work, "polars.scan_ndjson, all cores", Reach(1.8))
    times = in_turns([(processor_seconds(ours), processor_seconds(theirs)) for _ in range(lab.repeats)])
    yield times.row(work, "polars.scan_ndjson, seconds of CPU", Reach(1.2))


@benchmark
def all_keys(lab: Lab) -> Iterator[Row]:
    runs, files = _logs(lab, "20 keys", LINES["20 keys"], keys=TWENTY)
    msgspec = need("msgspec")
    decoder = msgspec.json.Decoder(msgspec.defstruct("Row", [(key, float) for key in TWENTY]))

    def theirs() -> object:
        return [
            [np.array([getattr(row, key) for row in rows]) for key in TWENTY]
            for rows in map(decoder.decode_lines, map(_bytes, files))
        ]

    times = lab.compare(_loading(runs, [f"train.{key}" for key in TWENTY]), theirs)
    yield times.row("twenty keys of a log", "msgspec's decode_lines", Reach(2.2))


@benchmark
def short_curves(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, lab.scaled(10_000), n_steps=20)
    work = f"one metric of {len(files):,} runs x 20 lines"
    times = lab.compare(_loading(runs, ["train.loss"]), lambda: [_bytes(file) for file in files])
    yield times.row(work, "reading the bytes", Reach(3))
    loop = _loop(files[0])
    times = lab.compare(_loading(runs, ["train.loss"]), lambda: [loop(file) for file in files])
    yield times.row(work, "msgspec's decode_lines", Reach(1.8))


@benchmark
def last(lab: Lab) -> Iterator[Row]:
    runs, files = _curves(lab, lab.scaled(10_000), n_steps=1000, logs=("train",))

    def ours() -> object:
        forget()
        return runs["train.loss"].mlxp.last()

    times = lab.compare(ours, lambda: [_tail(file) for file in files])
    yield times.row(f"last value of {len(files):,} runs x 1,000 lines", "reading the last 4 KB of each", Reach(1.5))


def _curves(lab: Lab, n_runs: int, **shape: object) -> tuple[pd.DataFrame, list[str]]:
    """The frame of runs and the files of their log `train`."""
    path = lab.runs(n_runs, "_train" if "logs" in shape else "", **shape)
    return read_runs(path), [_file(path, log_id) for log_id in range(1, n_runs + 1)]


def _file(path: Path, log_id: int) -> str:
    return f"{path}/{log_id}/metrics/train.json"


def _loading(runs: pd.DataFrame, columns: Sequence[str]) -> Callable[[], object]:
    """Loads columns from the disk, not from what an earlier turn left in memory."""

    def load() -> object:
        forget()
        return runs[list(columns)].mlxp.load()

    return load


def _logs(
    lab: Lab, name: str, line: Line, n_runs: int = 40, keys: Sequence[str] = ("loss", "epoch")
) -> tuple[pd.DataFrame, list[str]]:
    """The frame of runs whose log `train` has such lines, and its files."""
    path = lab.runs(n_runs, f"_{len(keys)}_{name.replace(' ', '_')}", n_steps=1, logs=("train",), keys=tuple(keys))
    files = [_file(path, log_id) for log_id in range(1, n_runs + 1)]
    if os.stat(files[0]).st_size < 1000:
        for number, file in enumerate(files):
            draw = random.Random(number)
            lines = [line(draw, step, number) for step in range(lab.scaled(10_000))]
            Path(file).write_text("".join(lines)[: -9 if "torn" in name else None], encoding="utf-8")
        time.sleep(SETTLE)
    return read_runs(path), files


def _loop(file: str) -> Callable[[str], object]:
    """The loop of five lines with msgspec, or with `json` where that fails."""
    msgspec = need("msgspec")
    decoder = msgspec.json.Decoder(msgspec.defstruct("Row", [("loss", object, None)]))

    def values(file: str) -> object:
        return np.array([row.loss for row in decoder.decode_lines(_bytes(file))])

    try:
        values(file)
    except ValueError:
        return _values_one_by_one
    return values


def _values_one_by_one(file: str) -> object:
    """What MLXP does, but for lines that are no JSON."""
    values = []
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            try:
                values.append(json.loads(line).get("loss"))
            except ValueError:
                continue
    return np.array(values)


@contextmanager
def _no_msgspec() -> Iterator[None]:
    known = sys.modules.pop("msgspec", None)
    sys.modules["msgspec"] = None  # type: ignore[assignment]
    jsonlines._decoder.cache_clear()
    try:
        yield
    finally:
        sys.modules.pop("msgspec")
        sys.modules.update({} if known is None else {"msgspec": known})
        jsonlines._decoder.cache_clear()


def _bytes(file: str) -> bytes:
    with open(file, "rb") as handle:
        return handle.read()


def _tail(file: str) -> bytes:
    with open(file, "rb") as handle:
        handle.seek(-min(_TAIL, os.fstat(handle.fileno()).st_size), os.SEEK_END)
        return handle.read(_TAIL)
