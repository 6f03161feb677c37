# SPDX-License-Identifier: MIT
"""Every system call may fail and every file may end anywhere: nothing wrong comes of it, and the next read is whole."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mlxp_pandas import read_runs
from mlxp_pandas.curves import read_curves
from mlxp_pandas.disk import Problem
from mlxp_pandas.errors import IndexWarning
from mlxp_pandas.runs import row
from mlxp_pandas.stats.health import runs_of
from mlxp_pandas.testing import make_runs
from tests.failing import Answer, Stage, attempts, scanned


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("failing"), 2)


# What a lasting error of another number would do is the same; `python -m tests.failing` tries them all.
@pytest.mark.parametrize(
    ("scene", "errors"),
    [
        ("cold", ["EIO", "ENOENT", "short", "eof"]),
        ("warm", ["EACCES", "ENOENT"]),
        ("refresh", ["ESTALE", "ENOENT", "eof"]),
        ("rebuild", ["ENOSPC"]),
        ("believe", ["EIO", "EMFILE"]),
        ("frame", ["EIO"]),
        ("no runs", ["EIO", "ENOENT"]),
        ("curves", ["EIO", "ENOENT", "EMFILE", "short", "eof"]),
        ("cells", ["EIO", "ENOENT", "short", "eof"]),
        ("artifacts", ["EIO", "ENOENT", "short", "eof"]),
        ("health", ["EACCES", "eof"]),
    ],
)
def test_every_call_may_fail(stage: Stage, scene: str, errors: list[str]) -> None:
    wrong, met = list[str](), set[str]()
    for faults, found in attempts(stage, scene, errors):
        wrong += found
        met.update(faults.failed)
    assert wrong == []
    assert len(met) >= (1 if errors == ["short"] else 3)


class Cut:
    """A run of which one file ends early, beside two that are whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = make_runs(folder / "logs", 3, n_steps=3, logs=["train"])
        (folder / "kept").mkdir()
        self.truth = scanned(self.logs, folder / "kept")
        runs = runs_of(read_runs(self.logs, dst_dir=folder / "kept"))
        self.curves = [read_curves([run], ["train.loss"]).values["train.loss"][0] for run in runs]

    def each(self, relative: str) -> Iterator[tuple[bytes, Answer]]:
        """What is found for each prefix of a file of run 2: the same with an index and without, and all in the end."""
        path = self.logs / "2" / relative
        whole = path.read_bytes()
        for end in range(len(whole)):
            path.write_bytes(whole[:end])
            answer = scanned(self.logs, self.folder / "kept")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", IndexWarning)
                assert scanned(self.logs, self.folder / "no such folder", True) == answer
            self._check_others(answer)
            yield whole[:end], answer
        path.write_bytes(whole)
        assert scanned(self.logs, self.folder / "kept") == self.truth

    def _check_others(self, answer: Answer) -> None:
        assert answer.log_ids == [1, 2, 3]
        assert {problem.log_id for problem in answer.problems} <= {2}
        assert of_others(answer.cells) == of_others(self.truth.cells)


def of_others(cells: dict[tuple[int, str], Any]) -> dict[tuple[int, str], Any]:
    return {cell: value for cell, value in cells.items() if cell[0] != 2}


def of_run(answer: Answer, start: str) -> dict[str, Any]:
    return {name: value for (log_id, name), value in answer.cells.items() if log_id == 2 and name.startswith(start)}


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cut:
    monkeypatch.setattr(row, "_PATIENCE", 0)  # nobody is writing these files
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # what lasts is not tested here
    return Cut(tmp_path)


@pytest.mark.parametrize("kind", ["config", "info"])
def test_every_prefix_of_a_yaml_file(cut: Cut, kind: str) -> None:
    truth = of_run(cut.truth, kind)
    for data, answer in cut.each(f"metadata/{kind}.yaml"):
        found = of_run(answer, kind)
        other = "info" if kind == "config" else "config"
        assert of_run(answer, other) == of_run(cut.truth, other)
        if not is_mapping(data):
            assert found == {}
            assert [problem.file for problem in answer.problems] == [f"2/metadata/{kind}.yaml"]
            continue
        # A mapping that ends early is a mapping: of its last line, nobody can tell whether it was meant so.
        last = None if data.endswith(b"\n") else list(found)[-1]
        assert all(value == truth.get(name, None) for name, value in found.items() if name != last)
        assert [*found][:-1] == [*truth][: len(found) - 1]


def is_mapping(data: bytes) -> bool:
    try:
        return isinstance(yaml.safe_load(data), dict)
    except yaml.YAMLError:
        return False


def test_every_prefix_of_a_catalogue_of_metrics(cut: Cut) -> None:
    truth = of_run(cut.truth, "train.")
    for data, answer in cut.each("metrics/.keys/train.yaml"):
        if data != b"epoch: ''\n":  # which is a whole catalogue
            assert of_run(answer, "train.") == truth
        assert of_run(answer, "config") == of_run(cut.truth, "config")


def test_every_prefix_of_a_catalogue_of_artifacts(cut: Cut) -> None:
    for _, answer in cut.each("artifacts/.keys/artifacts.yaml"):
        assert of_run(answer, "artifact.") in (of_run(cut.truth, "artifact."), {})
        assert answer.problems or of_run(answer, "artifact.")
        assert of_run(answer, "config") == of_run(cut.truth, "config")


def test_every_prefix_of_a_metrics_file(cut: Cut) -> None:
    runs = runs_of(read_runs(cut.logs, dst_dir=cut.folder / "kept"))
    whole = (cut.logs / "2/metrics/train.json").read_bytes()
    for data, answer in cut.each("metrics/train.json"):
        assert answer.cells == cut.truth.cells
        read = read_curves(runs, ["train.loss"])
        curves = read.values["train.loss"]
        assert np.array_equal(curves[0], cut.curves[0])
        assert np.array_equal(curves[2], cut.curves[2])
        # A row is a row as soon as its brace is closed, with its newline or without.
        n_rows = data.count(b"}")
        assert np.array_equal([] if curves[1] is None else curves[1], cut.curves[1][:n_rows])
        is_torn = not data.endswith((b"}", b"\n")) or n_rows == 0
        assert [problem.log_id for problem in read.problems] == [2] * is_torn, (data, whole)


def test_problems_come_from_the_index_as_they_were(cut: Cut) -> None:
    path = cut.logs / "2/metadata/info.yaml"
    path.write_bytes(path.read_bytes()[:20] + b"'")
    first = scanned(cut.logs, cut.folder / "kept")
    assert isinstance(first.problems[0], Problem)
    assert scanned(cut.logs, cut.folder / "kept", False) == first
