# SPDX-License-Identifier: MIT
"""What a scan finds: every loss is named, links within the logs are followed, and nothing is written for nothing."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from mlxp_pandas.disk import MAX_NAME
from mlxp_pandas.runs.index import FILE_NAME
from mlxp_pandas.testing import make_runs
from tests.failing import Answer, scanned


def kinds(answer: Answer) -> list[tuple[int | None, str, str]]:
    return [(problem.log_id, problem.file, problem.kind) for problem in answer.problems]


def age(run: Path) -> None:
    """Let a run look as if it was written an hour ago, its logs before its catalogues."""
    for path, _, names in os.walk(run):
        for name in [".", *names]:
            os.utime(os.path.join(path, name), (time.time() - 3600,) * 2)


@pytest.mark.parametrize("n_runs", [1, 3])
@pytest.mark.parametrize("are_old", [True, False])
def test_a_metrics_file_that_is_missing_is_named(n_runs: int, are_old: bool, tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", n_runs, n_steps=2)
    if are_old:
        for run in logs.iterdir():
            age(run)
    (logs / str(n_runs) / "metrics/train.json").unlink()
    answer = scanned(logs, tmp_path)
    assert kinds(answer) == [(n_runs, f"{n_runs}/metrics/train.json", "missing")]
    assert answer.cells[n_runs, "train.loss"]
    assert scanned(logs, tmp_path, False) == scanned(logs, tmp_path) == answer


def test_it_is_named_also_where_the_run_before_never_had_one(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 3, n_steps=2)
    for run in logs.iterdir():
        age(run)
        (run / "metrics/test.json").unlink()
        if run.name != "3":
            (run / "metrics/.keys/test.yaml").unlink()
    assert kinds(scanned(logs, tmp_path)) == [(3, "3/metrics/test.json", "missing")]


def test_a_live_run_may_be_without_its_file_for_a_moment(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 1, n_steps=2, status="RUNNING")
    (logs / "1/metrics/train.json").unlink()
    assert kinds(scanned(logs, tmp_path)) == []


def test_an_info_whose_last_line_is_cut_is_named(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 3, n_steps=2)
    info = logs / "2/metadata/info.yaml"
    text = info.read_text()
    info.write_text(text[: text.index("hostname: localhost") + 14])
    answer = scanned(logs, tmp_path)
    assert kinds(answer) == [(2, "2/metadata/info.yaml", "cut short")]
    assert [answer.cells[2, "info.status"], answer.cells[2, "info.hostname"]] == ["COMPLETE", "loca"]


@pytest.mark.parametrize("has_catalogue", [True, False])
def test_a_metric_of_a_name_of_millions_of_characters_is_named_and_no_column(
    has_catalogue: bool, tmp_path: Path
) -> None:
    logs = make_runs(tmp_path / "logs", 2, n_steps=2)
    key = "k" * 2_000_000
    (logs / "2/metrics/train.json").write_text(f'{{"{key}": 1, "loss": 2}}\n')
    (logs / "2/metrics/.keys/train.yaml").write_text(f"? {key}\n: ''\nloss: ''\n" if has_catalogue else "")
    answer = scanned(logs, tmp_path)
    assert kinds(answer) == [(2, "2/metrics/train.json", "odd key")]
    assert max(len(name) for _, name in answer.cells) < MAX_NAME
    assert answer.cells[2, "train.loss"]
    assert len(answer.problems[0].reason) < 200


def test_links_within_the_logs_are_followed_and_others_are_named(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 3, n_steps=2)
    truth = scanned(logs, tmp_path)
    for name in ("metadata", "metrics", "artifacts"):
        (logs / "2" / name).rename(logs / f"shared-{name}")
        (logs / "2" / name).symlink_to(f"../shared-{name}")
    assert scanned(logs, tmp_path) == truth
    for name in ("metadata", "metrics", "artifacts"):
        (logs / f"shared-{name}").rename(tmp_path / name)
        (logs / "2" / name).unlink()
        (logs / "2" / name).symlink_to(tmp_path / name)
    assert kinds(scanned(logs, tmp_path)) == [(2, f"2/{name}", "link") for name in ("metadata", "metrics", "artifacts")]


def test_an_index_that_would_say_the_same_is_not_written(tmp_path: Path) -> None:
    """A file that cannot be read, or that is young, is read again each time."""
    logs = make_runs(tmp_path / "logs", 3, n_steps=2)
    config = logs / "2/metadata/config.yaml"
    config.unlink()
    config.mkdir()
    first = scanned(logs, logs)
    before = (logs / FILE_NAME).stat()
    assert scanned(logs, logs) == first
    assert (logs / FILE_NAME).stat().st_ino == before.st_ino
    shutil.rmtree(config)
    assert scanned(logs, logs) != first
    assert (logs / FILE_NAME).stat().st_ino != before.st_ino
