# SPDX-License-Identifier: MIT
"""The command line, run as a user runs it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mlxp_pandas.__main__ import main
from mlxp_pandas.testing import make_runs


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("cli"), 18)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlxp_pandas", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_show_to_a_pipe_is_plain(logs: Path) -> None:
    done = run(
        "show", logs, "--filter", "config.seed == 1 and config.optimizer.lr > 5", "--sort", "config.model.num_units"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 2 + 3
    assert "config.data.device" in done.stdout
    assert "..." not in done.stdout


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("csv", lambda text: pd.read_csv(io.StringIO(text)).to_dict("records")),
        ("json", json.loads),
        ("markdown", lambda text: [line for line in text.splitlines()[2:] if line.startswith("| ")]),
    ],
)
def test_formats(logs: Path, form: str, read: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(logs), "--format", form, "--columns", "config.seed", "train.*"]) == 0
    records = read(capsys.readouterr().out)  # type: ignore[operator]
    assert len(records) == 18
    if form != "markdown":
        assert records[4] == {"log_id": 5, "config.seed": 2, "train.epoch": "METRIC", "train.loss": "METRIC"}


def test_output_file(logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(logs), "-o", str(tmp_path / "runs.txt")]) == 0
    assert capsys.readouterr().out == ""
    assert len((tmp_path / "runs.txt").read_text().splitlines()) == 20


def test_diff(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(logs)]) == 0
    assert capsys.readouterr().out.split() == ["config.seed", "config.model.num_units", "config.optimizer.lr"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "/nowhere/at/all"], "no log folder"),
        (["show", "LOGS", "--filter", "config.sed == 1"], "Did you mean 'config.seed'"),
        (["show", "LOGS", "--filter", "config.seed =="], "Cannot read the query"),
        (["show", "LOGS", "--columns", "config.sed"], "Did you mean 'config.seed'"),
        (["show", "LOGS", "--sort", "config.sed"], "Did you mean 'config.seed'"),
        (["show", "LOGS", "-o", "/nowhere/at/all/x"], "/nowhere/at/all/x"),
        (["diff", __file__], "is a file"),
    ],
)
def test_bad_input_is_two_and_one_line(
    logs: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(logs) if word == "LOGS" else word for word in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert said in captured.err


@pytest.mark.parametrize("arguments", [[], ["shw"], ["show"], ["show", "x", "--format", "xml"]])
def test_usage_is_two(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "usage: python -m mlxp_pandas" in done.stderr


def test_a_closed_pipe_is_no_error(logs: Path) -> None:
    done = subprocess.run(
        f"'{sys.executable}' -m mlxp_pandas show '{logs}' --format csv | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_log_says_does_not_act_in_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = make_runs(tmp_path, 1)
    text = 'evil: "\\e[2J\\u202e a"\n"k\\e[31m": 1\n'
    (logs / "1/metadata/config.yaml").write_text(text)
    for form in ("table", "markdown"):
        assert main(["show", str(logs), "--format", form]) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "\\x1b[2J" in out


def test_problems_are_said_once_and_the_rest_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = make_runs(tmp_path, 3)
    (logs / "2/metadata/info.yaml").unlink()
    assert main(["show", str(logs)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 5
    assert captured.err.count("warning") == 1
    assert "2/metadata/info.yaml" in captured.err


def test_sort_by_mixed_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = make_runs(tmp_path, 2)
    (logs / "1/metadata/config.yaml").write_text("layers: [2, a]\nrate: auto\n")
    (logs / "2/metadata/config.yaml").write_text("layers: [2, 1]\nrate: 0.5\n")
    for column, order in (("config.layers", ["1", "2"]), ("config.rate", ["2", "1"])):
        assert main(["show", str(logs), "--sort", column, "--format", "csv"]) == 0
        assert [line[0] for line in capsys.readouterr().out.splitlines()[1:]] == order
