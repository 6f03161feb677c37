# SPDX-License-Identifier: MIT
"""Last values: what the curves end with, from the ends of the files alone."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlxp_pandas import logfile
from mlxp_pandas.curvefiles import read_curves, read_last
from mlxp_pandas.rundir import RunDir

Write = Callable[..., RunDir]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_run(log_id: int, text: str, status: str = "COMPLETE", name: str = "train") -> RunDir:
        run = tmp_path / str(log_id)
        for folder in ("metrics", "metadata"):
            (run / folder).mkdir(parents=True, exist_ok=True)
        (run / "metadata" / "info.yaml").write_text(f"status: {status}\n")
        (run / "metrics" / f"{name}.json").write_text(text)
        return RunDir(str(tmp_path), str(log_id))

    return write_run


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_values_are_aligned_with_the_runs(write: Write) -> None:
    one, two = write(1, lines({"loss": 0.5}, {"loss": 0.25})), write(2, lines({"loss": 3}))
    last = read_last([two, None, one, two], ["train.loss"])
    assert last == {"train.loss": [3, None, 0.25, 3]}
    assert last.problems == []


@pytest.mark.parametrize("count", [0, 1, 2, 60, 3000])
@pytest.mark.parametrize("every", [1, 7, 2000])
def test_they_are_the_ends_of_the_curves(write: Write, count: int, every: int) -> None:
    rows = [{"loss": 1 / (step + 1)} | ({"rare": step} if step % every == 0 else {}) for step in range(count)]
    run = write(1, lines(*rows), "RUNNING")
    last, curves = read_last([run], ["train.loss", "train.rare"]), read_curves([run], ["train.loss", "train.rare"])
    for column, (curve,) in curves.values.items():
        assert last[column] == [None if curve is None else curve[-1]]


def test_the_rest_of_a_file_is_not_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write(1, "bad\n" + lines(*({"loss": step} for step in range(10_000))))
    sizes: list[int] = []
    real = logfile.read_tail
    monkeypatch.setattr(logfile, "read_tail", lambda path, size: sizes.append(size) or real(path, size))
    assert read_last([run], ["train.loss"])["train.loss"] == [9999]
    assert sizes == [4096]


def test_values_are_as_written_and_null_is_nan(write: Write) -> None:
    row = {"text": "x", "list": [1], "flag": True, "big": 2**70, "nan": math.nan, "none": None}
    run = write(1, lines(row))
    last = read_last([run], [f"train.{key}" for key in row])
    assert [value for (value,) in last.values()][:4] == ["x", [1], True, 2**70]
    assert math.isnan(last["train.nan"][0])  # type: ignore[arg-type]
    assert math.isnan(last["train.none"][0])  # type: ignore[arg-type]


def test_a_torn_last_line_is_left_out_and_named_unless_the_run_is_live(write: Write) -> None:
    torn = lines({"loss": 0.5}) + '{"loss": 0.2'
    dead, live = write(1, torn), write(2, torn, "RUNNING")
    last = read_last([dead, live], ["train.loss"])
    assert last["train.loss"] == [0.5, 0.5]
    assert [(problem.log_id, problem.kind) for problem in last.problems] == [(1, "torn last line")]


def test_what_is_missing_is_a_problem_of_its_run(write: Write) -> None:
    runs = [write(1, lines({"loss": 0.5})), RunDir(write(2, "").root, "99"), write(3, lines({"loss": 0.7}))]
    last = read_last(runs, ["train.loss", "train.other"])
    assert last["train.loss"] == [0.5, None, 0.7]
    assert [(problem.log_id, problem.kind) for problem in last.problems] == [
        (1, "missing key"),
        (99, "missing"),
        (99, "missing"),
        (3, "missing key"),
    ]
    assert read_last(runs, ["train.loss"], cells={(runs[0], "train.loss")}).problems == []


def test_logs_and_keys_may_hold_dots(write: Write) -> None:
    run = write(1, lines({"top.5": 1}))
    write(1, lines({"5": 2, "7": 3}), name="train.top")
    assert read_last([run], ["train.top.5", "train.top.7"]) == {"train.top.5": [1], "train.top.7": [3]}


def test_long_rows_are_read_whole(write: Write) -> None:
    run = write(1, lines({"a": 1, "text": "x" * 100_000}, {"b": 2, "text": "x" * 100_000}))
    assert read_last([run], ["train.a", "train.b"]) == {"train.a": [1], "train.b": [2]}


def test_what_is_no_file_costs_one_run(write: Write) -> None:
    runs = [write(1, lines({"loss": 0.5})), write(2, "")]
    Path(runs[1].path, "metrics", "train.json").unlink()
    os.mkfifo(Path(runs[1].path, "metrics", "train.json"))
    last = read_last(runs, ["train.loss"])
    assert last["train.loss"] == [0.5, None]
    assert [(problem.log_id, problem.kind) for problem in last.problems] == [(2, "not a file")]
