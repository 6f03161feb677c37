# SPDX-License-Identifier: MIT
"""Curves from the disk: in bulk, from memory where nothing changed, and no file that is damaged costs another."""

from __future__ import annotations

import functools
import json
import math
import os
import pickle
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mlxp_pandas
from mlxp_pandas.curves import find_log, forget, jsonlines, logs, read_curves, read_last
from mlxp_pandas.disk import RunDir, files
from mlxp_pandas.errors import ProblemsWarning
from mlxp_pandas.testing import make_runs
from tests.processes import join

SETTLED_NS = logs._SETTLED_NS
Write = Callable[..., RunDir]
OLD = 1_000_000_000  # a time long ago, so that every change is at another


@pytest.fixture(autouse=True)
def nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty cache, which believes that files this young do not change unseen."""
    monkeypatch.setattr(logs, "_SETTLED_NS", -(10**18))
    forget()
    yield
    forget()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the logs of a run: `write(7, train=rows or text or bytes)`."""

    def write_run(log_id: int, status: str = "COMPLETE", **logs_: Any) -> RunDir:
        metrics = tmp_path / str(log_id) / "metrics"
        metrics.mkdir(parents=True, exist_ok=True)
        info = tmp_path / str(log_id) / "metadata" / "info.yaml"
        info.parent.mkdir(exist_ok=True)
        info.write_text(f"status: {status}\n")
        for name, rows in logs_.items():
            write_log(metrics / f"{name.replace('__', '.')}.json", rows)
        return RunDir(str(tmp_path), str(log_id))

    return write_run


def write_log(path: Path, rows: Sequence[dict[str, Any]] | str | bytes) -> None:
    text = rows if isinstance(rows, str | bytes) else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(path, (OLD, OLD))


def log_path(run: RunDir, name: str = "train") -> Path:
    return Path(run.path, "metrics", f"{name}.json")


def steps(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [{"loss": 1 / (step + 3), "epoch": step} for step in range(first, first + count)]


def lists(column: Sequence[Any]) -> list[Any]:
    return [None if curve is None else curve.tolist() for curve in column]


def rows_of(read: Any, column: str) -> list[Any]:
    return lists(read.rows[column])


def test_curves_are_aligned_with_the_runs(write: Write) -> None:
    one, two = write(1, train=steps(3), test=[{"loss": 9.0}]), write(2, "RUNNING", train=steps(2))
    read = read_curves([two, None, one, two], ["train.loss", "train.epoch", "test.loss"])
    assert lists(read.values["train.epoch"]) == [[0, 1], None, [0, 1, 2], [0, 1]]
    assert lists(read.values["train.loss"])[2] == [1 / 3, 1 / 4, 1 / 5]
    assert lists(read.values["test.loss"]) == [None, None, [9.0], None]
    assert rows_of(read, "train.loss") == [[0, 1], None, [0, 1, 2], [0, 1]]
    assert read.problems == []


def test_nothing_asked_is_nothing_answered(write: Write) -> None:
    assert read_curves([], ["train.loss"]) == ({"train.loss": []}, {"train.loss": []}, [])
    assert read_curves([write(1, train=steps(1)), None], []) == ({}, {}, [])


def test_a_column_without_a_dot_is_no_metric(write: Write) -> None:
    run = write(1, train=steps(1))
    for column in ("loss", "", ".loss", "."):
        assert read_curves([run], [column]).values == {column: [None]}
        assert find_log(run, column) is None


def test_only_the_cells_that_exist_are_read(write: Write) -> None:
    one, two = write(1, train=steps(2)), write(2, train=steps(2))
    read = read_curves([one, two], ["train.loss", "test.loss"], {(one, "train.loss")})
    assert [curve is None for curve in read.values["train.loss"]] == [False, True]
    assert read.problems == []


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are opened from here on."""
    names: list[str] = []
    real = os.open

    def watched(path: Any, *rest: Any, **named: Any) -> int:
        names.append(str(path))
        return real(path, *rest, **named)

    monkeypatch.setattr(files.os, "open", watched)
    return names


def test_a_log_is_opened_once_for_all_of_its_keys(write: Write, opened: list[str]) -> None:
    runs = [write(number, train=steps(5), test=steps(2)) for number in (1, 2, 3)]
    read_curves(runs, ["train.loss", "train.epoch", "test.loss", "test.epoch"])
    assert sorted(opened) == sorted(str(log_path(run, name)) for run in runs for name in ("train", "test"))


def test_small_files_together_are_as_each_alone(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(3)
    texts = [
        '{"a": 1}\n',
        '{"a": 0.5}\n',
        '{"a": NaN}\n',
        '{"a": "x"}\n',
        '{"b": 1}\n',
        "bad\n",
        '{"a": 2',
        "\n",
        '{"a": null}\n',
    ]
    runs = [write(number, train="".join(draw.choices(texts, k=draw.randint(0, 6)))) for number in range(1, 120)]
    together = read_curves(runs, ["train.a"])
    alone = [read_curves([run], ["train.a"]) for run in runs]
    assert repr(lists(together.values["train.a"])) == repr([lists(read.values["train.a"])[0] for read in alone])
    dtypes = [None if curve is None else curve.dtype for curve in together.values["train.a"]]
    assert dtypes == [None if read.values["train.a"][0] is None else read.values["train.a"][0].dtype for read in alone]
    assert together.problems == [problem for read in alone for problem in read.problems]


def test_rows_never_move_from_one_run_to_another(write: Write) -> None:
    runs = [write(1, train='{"a":\n1}\n'), write(2, train='{"a": 2}{"a": 3}\n'), write(3, train='{"a": 4}\n')]
    assert lists(read_curves(runs, ["train.a"]).values["train.a"]) == [None, [2, 3], [4]]
    runs = [write(1, train='\n{"a": 1}\n'), write(2, train='{"a": 2}{"a": 3}\n')]
    assert lists(read_curves(runs, ["train.a"]).values["train.a"]) == [[1], [2, 3]]


# Logs and keys with dots


def test_the_log_is_the_shortest_prefix_that_has_the_key(write: Write) -> None:
    run = write(1, train=[{"top.5": 1, "x": 0}], train__top=[{"5": 2, "7": 3, "a.b": 4}])
    names = ["train.top.5", "train.top.7", "train.top.a.b"]
    assert [lists(curves)[0] for curves in read_curves([run], names).values.values()] == [[1], [3], [4]]
    assert [find_log(run, name) for name in names] == [("train", "top.5"), ("train.top", "7"), ("train.top", "a.b")]
    assert find_log(run, "train.nothing") is None
    assert find_log(run, "other.loss") is None


def test_a_log_with_a_dot_is_found_where_the_shorter_one_is_missing(write: Write, opened: list[str]) -> None:
    run = write(1, train__v2=steps(2))
    read = read_curves([run], ["train.v2.loss", "train.v2.epoch"])
    assert lists(read.values["train.v2.epoch"]) == [[0, 1]]
    assert read.problems == []
    assert opened.count(str(log_path(run, "train.v2"))) == 1


@pytest.mark.parametrize("name", ["a b", "ü", "<b>x", "x" * 200, "config", "-", "a\nb", "..", "~"])
def test_odd_names_of_logs_are_fine(write: Write, name: str) -> None:
    run = write(1, **{name: steps(2)})
    assert lists(read_curves([run], [f"{name}.epoch"]).values[f"{name}.epoch"]) == [[0, 1]]


@pytest.mark.parametrize("name", ["../../2/metrics/train", "/etc/passwd", "a\\b", "x\0y"])
def test_a_name_never_leads_out_of_the_run(write: Write, name: str) -> None:
    write(2, train=steps(2))
    column = f"{name}.loss"
    read = read_curves([write(1, train=steps(2))], [column])
    assert read.values[column] == [None]
    assert read.problems


# Problems


def kinds(run: RunDir, *columns: str) -> list[str]:
    return [problem.kind for problem in read_curves([run], columns or ["train.loss"]).problems]


def test_what_is_wrong_is_said_with_place_and_line(write: Write) -> None:
    runs = [write(7, train='{"loss": 1.5}\nbad\n{"loss": 2.5}\n'), write(8, train=steps(1))]
    read = read_curves(runs, ["train.loss"])
    assert lists(read.values["train.loss"]) == [[1.5, 2.5], [1 / 3]]
    (problem,) = read.problems
    assert problem[:4] == (7, "7/metrics/train.json", 2, "not a row")


def test_a_missing_file_and_a_missing_key_are_problems(write: Write) -> None:
    run = write(1, train=steps(2))
    assert kinds(run, "test.loss") == ["missing"]
    assert kinds(run, "train.accuracy") == ["missing key"]
    assert kinds(write(2, train=""), "train.loss") == ["missing key"]
    assert kinds(RunDir(run.root, "99"), "train.loss") == ["missing"]


@pytest.mark.parametrize("status", ["RUNNING", "STARTING", "'RUNNING'"])
def test_a_live_run_may_be_in_the_middle_of_a_line(write: Write, status: str) -> None:
    torn = '{"loss": 1.5}\n{"loss": 2'
    assert kinds(write(1, status, train=torn), "train.loss", "train.new", "test.loss") == []
    assert kinds(write(2, train=torn)) == ["torn last line"]
    assert kinds(write(3, status, train='bad\n{"loss": 1.5}\n')) == ["not a row"]


def test_the_status_is_not_read_for_healthy_logs(write: Write, opened: list[str]) -> None:
    read_curves([write(1, train=steps(3))], ["train.loss"])
    assert not [name for name in opened if name.endswith("info.yaml")]


def test_a_problem_is_named_once_for_many_columns(write: Write) -> None:
    assert kinds(write(1, train="bad\n" + '{"loss": 1, "epoch": 2}\n'), "train.loss", "train.epoch") == ["not a row"]


def test_repeated_reads_name_the_same_problems(write: Write) -> None:
    run = write(1, train="bad\n" + "".join(json.dumps(row) + "\n" for row in steps(500)))
    assert kinds(run) == kinds(run) == kinds(run, "train.epoch") == ["not a row"]


# The file system


def spoil_directory(path: Path) -> None:
    path.mkdir()


def spoil_fifo(path: Path) -> None:
    os.mkfifo(path)


def spoil_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def spoil_zero(path: Path) -> None:
    path.symlink_to("/dev/zero")


def spoil_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def spoil_loop(path: Path) -> None:
    path.symlink_to(path.name)


def spoil_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8 << 30)


SPOILS = [spoil_directory, spoil_fifo, spoil_socket, spoil_zero, spoil_dangling, spoil_loop, spoil_sparse]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_what_is_no_file_is_a_problem_of_one_run(
    write: Write, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [write(1, train=steps(2)), write(2), write(3, train=steps(2))]
    spoil(Path("2/metrics/train.json"))
    read = read_curves(runs, ["train.epoch"])
    assert lists(read.values["train.epoch"]) == [[0, 1], None, [0, 1]]
    assert [problem.log_id for problem in read.problems] == [2]


def test_links_out_of_the_logs_are_refused(
    write: Write, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    write_log(outside / "train.json", steps(2))
    file_link, folder_link = write(1), write(2)
    log_path(file_link).symlink_to(outside / "train.json")
    Path(folder_link.path, "metrics").rmdir()
    Path(folder_link.path, "metrics").symlink_to(outside)
    assert kinds(file_link) == kinds(folder_link) == ["link"]


def test_links_within_the_logs_are_followed(write: Write, tmp_path: Path) -> None:
    write(1, train=steps(2))
    file_link, folder_link = write(2), write(3)
    log_path(file_link).symlink_to("../../1/metrics/train.json")
    Path(folder_link.path, "metrics").rmdir()
    Path(folder_link.path, "metrics").symlink_to("../1/metrics")
    for run in (file_link, folder_link):
        assert lists(read_curves([run], ["train.epoch"]).values["train.epoch"]) == [[0, 1]]


def test_a_run_that_is_a_link_to_a_run_is_read(write: Write, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "metrics").mkdir()
    write_log(elsewhere / "metrics" / "train.json", steps(2))
    run = write(1)
    Path(run.root, "5").symlink_to(elsewhere)
    assert lists(read_curves([RunDir(run.root, "5")], ["train.epoch"]).values["train.epoch"]) == [[0, 1]]


@pytest.mark.parametrize("part", ["", "metrics", "metrics/train.json"])
def test_what_a_link_took_the_place_of_after_the_frame_was_made_is_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, part: str
) -> None:
    runs = mlxp_pandas.read_runs(make_runs(tmp_path / "logs", 3, n_steps=4))
    outside = tmp_path_factory.mktemp("outside")
    path = tmp_path / "logs" / "2" / part
    path.rename(outside / "moved")
    path.symlink_to(outside / "moved")
    for frame in (runs, pickle.loads(pickle.dumps(runs))):
        with pytest.warns(ProblemsWarning, match="2/metrics/train.json: link: "):
            loaded = frame.mlxp.load(["train.loss"])["train.loss"]
        assert loaded.map(np.size).tolist() == [4, 1, 4]
        with pytest.warns(ProblemsWarning, match="2/metrics/train.json: link: "):
            assert frame["train.loss"].mlxp.last().isna().tolist() == [False, True, False]


@pytest.mark.parametrize("refresh", [None, False])
def test_a_run_that_is_a_link_from_the_beginning_is_read(tmp_path: Path, refresh: bool | None) -> None:
    make_runs(tmp_path / "elsewhere", 1, n_steps=4)
    logs_ = make_runs(tmp_path / "logs", 2, n_steps=4)
    (logs_ / "7").symlink_to(tmp_path / "elsewhere" / "1")
    mlxp_pandas.read_runs(logs_)
    assert (
        mlxp_pandas.read_runs(logs_, refresh=refresh).mlxp.load("train.loss")["train.loss"].map(len).tolist() == [4] * 3
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(write: Write) -> None:
    run = write(1, train=steps(2))
    log_path(run).chmod(0)
    assert kinds(run) == ["unreadable"]


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError("no memory"), ValueError("a defect")])
def test_every_error_costs_one_run(write: Write, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [write(1, train=steps(2)), write(2, train=steps(2)), write(3, train=steps(2))]
    real = logs.read_bytes

    def fails(path: str, *rest: Any, **named: Any) -> Any:
        if path.endswith("2/metrics/train.json"):
            raise error
        return real(path, *rest, **named)

    monkeypatch.setattr(logs, "read_bytes", fails)
    read = read_curves(runs, ["train.epoch"])
    assert lists(read.values["train.epoch"]) == [[0, 1], None, [0, 1]]
    assert [problem.log_id for problem in read.problems] == [2]


def test_a_defect_of_the_parser_costs_one_run(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [write(1, train=steps(2)), write(2, train="defect\n"), write(3, train=steps(2))]
    real = jsonlines.rows_of_line

    def fails(line: bytes, *rest: Any, **named: Any) -> Any:
        if line == b"defect":
            raise RuntimeError("a defect")
        return real(line, *rest, **named)

    monkeypatch.setattr(jsonlines, "rows_of_line", fails)
    read = read_curves(runs, ["train.epoch"])
    assert lists(read.values["train.epoch"]) == [[0, 1], None, [0, 1]]
    assert [(problem.log_id, problem.kind) for problem in read.problems] == [(2, "defect")]


# The cache


def test_an_unchanged_file_is_not_read_again(write: Write, opened: list[str]) -> None:
    run = write(1, train=steps(500))
    first = read_curves([run], ["train.loss"])
    second = read_curves([run], ["train.loss"])
    assert len(opened) == 1
    assert lists(first.values["train.loss"]) == lists(second.values["train.loss"])


def test_each_choice_of_keys_is_kept(write: Write, opened: list[str]) -> None:
    run = write(1, train=steps(500))
    for columns in (["train.loss"], ["train.epoch"], ["train.loss", "train.epoch"]) * 2:
        read = read_curves([run], columns)
        assert {len(read.values[column][0]) for column in columns} == {500}
    assert len(opened) == 3


def test_what_is_handed_out_is_the_callers(write: Write) -> None:
    run = write(1, train=steps(500), test=steps(3))
    for column in ("train.loss", "test.loss"):
        for _ in range(3):
            (curve,) = read_curves([run], [column]).values[column]
            assert curve is not None
            assert curve[0] == 1 / 3
            curve[:] = -1


def test_lists_are_the_callers_too(write: Write) -> None:
    run = write(1, train=[{"x": [1, 2]}] * 500)
    for _ in range(2):
        (curve,) = read_curves([run], ["train.x"]).values["train.x"]
        assert curve is not None
        assert curve[0] == [1, 2]
        curve[0].append(3)


CHANGES: dict[str, Callable[[Path], object]] = {
    "rewritten with the same size": lambda path: path.write_bytes(path.read_bytes().replace(b": 1}", b": 7}", 1)),
    "shorter": lambda path: path.write_bytes(path.read_bytes()[: path.read_bytes().rfind(b"\n", 0, -1) + 1]),
    "replaced": lambda path: path.unlink() or path.write_bytes(b'{"loss": 2.5, "epoch": 4}\n' * 700),
    "longer and different": lambda path: path.write_bytes(path.read_bytes().replace(b"0.", b"8.") + b'{"epoch": 1}\n'),
    "appended": lambda path: path.write_bytes(path.read_bytes() + b'{"loss": 0.5, "epoch": 500}\n'),
    "appended, torn": lambda path: path.write_bytes(path.read_bytes() + b'{"loss": 0.5, "epoch": 500}\n{"loss": 0'),
    "appended, glued": lambda path: path.write_bytes(path.read_bytes()[:-1] + b'{"loss": 0.5, "epoch": 500}\n'),
    "appended, other type": lambda path: path.write_bytes(path.read_bytes() + b'{"loss": "x", "epoch": 0.5}\n'),
    "appended, key missing": lambda path: path.write_bytes(path.read_bytes() + b'{"epoch": 501}\n{"loss": 1.5}\n'),
    "appended, bad line": lambda path: path.write_bytes(path.read_bytes() + b'bad\n{"loss": 0.5, "epoch": 500}\n'),
}


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_noticed(write: Write, change: str, settled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write(1, train=steps(500))
    columns = ["train.loss", "train.epoch"]
    if not settled:
        monkeypatch.setattr(logs, "_SETTLED_NS", SETTLED_NS)
    read_curves([run], columns)
    CHANGES[change](log_path(run))
    changed = read_curves([run], columns)
    forget()
    fresh = read_curves([run], columns)
    assert repr([lists(changed.values[column]) for column in columns]) == repr(
        [lists(fresh.values[c]) for c in columns]
    )
    assert [rows_of(changed, name) for name in columns] == [rows_of(fresh, name) for name in columns]
    assert changed.problems == fresh.problems


def test_a_sparse_log_of_1_gib_takes_little_memory(write: Write) -> None:
    run = write(1, train=steps(3))
    with log_path(run).open("r+b") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    read = read_curves([run], ["train.epoch"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lists(read.values["train.epoch"]) == [[0, 1, 2]]
    assert [problem.kind for problem in read.problems] == ["line too long"]
    assert peak < 100 << 20


@pytest.mark.timeout(20)  # took 5 s for one row of this kind, and as much for each further
def test_rows_with_40_000_keys_are_read_as_fast_as_others(write: Write) -> None:
    row = {f"key{number}": number / 7 for number in range(40_000)}
    run = write(1, train=[row] * 3)
    columns = [f"train.{key}" for key in row]
    assert lists(read_curves([run], columns[:1]).values[columns[0]]) == [[0.0] * 3]
    read = read_curves([run], columns)
    assert [lists(read.values[column])[0][-1] for column in columns] == list(row.values())


def test_a_torn_last_line_that_was_finished_is_no_longer_a_problem(write: Write) -> None:
    text = "".join(json.dumps(row) + "\n" for row in steps(501))
    run = write(1, train=text[:-9])
    assert kinds(run, "train.epoch") == ["torn last line"]
    log_path(run).write_text(text)
    assert kinds(run, "train.epoch") == []


def test_a_deleted_file_is_missing(write: Write) -> None:
    run = write(1, train=steps(500))
    assert kinds(run) == []
    log_path(run).unlink()
    assert kinds(run) == ["missing"]


def test_a_file_that_may_still_change_unseen_is_read_again(
    write: Write, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_SETTLED_NS", SETTLED_NS)
    run = write(1, train=steps(500))
    read_curves([run], ["train.loss"])
    read_curves([run], ["train.loss"])
    assert len(opened) == 2


def test_memory_is_bounded(write: Write, monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> None:
    few = functools.lru_cache(maxsize=3)(logs._parsed.__wrapped__)
    monkeypatch.setattr(logs, "_parsed", few)
    runs = [write(number, train=steps(1000)) for number in range(1, 6)]
    for run in (*runs, runs[4], runs[2], runs[0]):
        assert len(read_curves([run], ["train.loss"]).values["train.loss"][0]) == 1000
    assert few.cache_info().currsize == 3
    assert len(opened) == 6


@pytest.mark.parametrize("rows", [5, 200_000])
def test_what_is_small_or_large_is_not_kept(write: Write, rows: int) -> None:
    read_curves([write(1, train=steps(rows))], ["train.loss"])
    assert logs._parsed.cache_info().currsize == 0


def test_a_large_log_is_read_in_parts(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_AT_ONCE", 1000)
    monkeypatch.setattr(files, "_PART", 700)
    run = write(1, train="bad\n" + "".join(json.dumps(row) + "\n" for row in steps(500)) + '{"lo')
    read = read_curves([run], ["train.epoch"])
    assert lists(read.values["train.epoch"]) == [list(range(500))]
    assert [(problem.line, problem.kind) for problem in read.problems] == [(1, "not a row"), (502, "torn last line")]
    monkeypatch.setattr(logs, "MAX_LOG_BYTES", 10_000)
    assert kinds(run) == ["too large"]


def test_a_log_is_never_torn_while_it_is_written(write: Write) -> None:
    run = write(1, "RUNNING", train="")
    done = threading.Event()

    def append() -> None:
        with log_path(run).open("a", buffering=37) as file:  # so that lines arrive in pieces
            for row in steps(3000):
                file.write(json.dumps(row) + "\n")
        done.set()

    writer = threading.Thread(target=append)
    writer.start()
    seen = 0
    while not done.is_set() or seen < 3000:
        read = read_curves([run], ["train.loss", "train.epoch"])
        losses, epochs = (read.values[column][0] for column in ("train.loss", "train.epoch"))
        assert read.problems == []
        if epochs is not None:
            assert losses is not None
            assert epochs.tolist() == list(range(len(epochs)))
            assert np.array_equal(losses, 1 / (epochs + 3))
            assert len(epochs) >= seen
            seen = len(epochs)
    join(writer)


# Many runs, slow disks


def test_threads_change_nothing(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [write(number, train=steps(number % 7), test="bad\n") for number in range(1, 80)]
    expected = read_curves(runs, ["train.epoch", "test.loss"])
    real = logs.read_bytes

    def slow(*arguments: Any, **named: Any) -> Any:
        time.sleep(0.002)
        return real(*arguments, **named)

    monkeypatch.setattr(logs, "read_bytes", slow)
    read = read_curves(runs, ["train.epoch", "test.loss"])
    assert lists(read.values["train.epoch"]) == lists(expected.values["train.epoch"])
    assert read.problems == expected.problems


@pytest.mark.parametrize("failing", ["open", "fstat", "read", "stat", "lstat", "close"])
def test_any_system_call_may_fail(write: Write, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [write(number, train=steps(300)) for number in (1, 2, 3)]
    expected = lists(read_curves(runs, ["train.epoch"]).values["train.epoch"])
    real = getattr(os, failing)
    for nth in range(1, 8):
        forget()
        calls = iter(range(1, 1000))

        def fails(*arguments: Any, nth: int = nth, calls: Iterator[int] = calls, **named: Any) -> Any:
            if next(calls) == nth:
                if failing == "close":
                    real(*arguments)
                raise OSError(5, "Input/output error")
            return real(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(os, failing, fails)
            read = read_curves(runs, ["train.epoch"])
        wrong = [place for place, curve in enumerate(lists(read.values["train.epoch"])) if curve != expected[place]]
        assert all(read.values["train.epoch"][place] is None for place in wrong)
        assert [problem.log_id for problem in read.problems] == [place + 1 for place in wrong]


# Last values


def test_last_values_are_aligned_with_the_runs(write: Write) -> None:
    one, two = write(1, train=[{"loss": 0.5}, {"loss": 0.25}]), write(2, train=[{"loss": 3}])
    last = read_last([two, None, one, two], ["train.loss"])
    assert last.values == {"train.loss": [3, None, 0.25, 3]}
    assert last.problems == []


@pytest.mark.parametrize("count", [0, 1, 2, 60, 3000])
@pytest.mark.parametrize("every", [1, 7, 2000])
def test_they_are_the_ends_of_the_curves(write: Write, count: int, every: int) -> None:
    rows = [{"loss": 1 / (step + 1)} | ({"rare": step} if step % every == 0 else {}) for step in range(count)]
    run = write(1, "RUNNING", train=rows)
    last, curves = read_last([run], ["train.loss", "train.rare"]), read_curves([run], ["train.loss", "train.rare"])
    for column, (curve,) in curves.values.items():
        assert last.values[column] == [None if curve is None else curve[-1]]


def test_the_rest_of_a_file_is_not_read(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write(1, train="bad\n" + "".join(json.dumps({"loss": step}) + "\n" for step in range(10_000)))
    sizes: list[int] = []
    real = logs.read_end
    monkeypatch.setattr(logs, "read_end", lambda path, size: sizes.append(size) or real(path, size))
    assert read_last([run], ["train.loss"]).values["train.loss"] == [9999]
    assert sizes == [4096]


def test_values_are_as_written_and_null_is_nan(write: Write) -> None:
    row = {"text": "x", "list": [1], "flag": True, "big": 2**70, "nan": math.nan, "none": None}
    run = write(1, train=[row])
    last = read_last([run], [f"train.{key}" for key in row])
    assert [value for (value,) in last.values.values()][:4] == ["x", [1], True, 2**70]
    assert math.isnan(last.values["train.nan"][0])
    assert math.isnan(last.values["train.none"][0])


def test_a_torn_last_line_is_left_out_and_named_unless_the_run_is_live(write: Write) -> None:
    torn = '{"loss": 0.5}\n{"loss": 0.2'
    dead, live = write(1, train=torn), write(2, "RUNNING", train=torn)
    last = read_last([dead, live], ["train.loss"])
    assert last.values["train.loss"] == [0.5, 0.5]
    assert [(problem.log_id, problem.kind) for problem in last.problems] == [(1, "torn last line")]


def test_what_is_missing_is_a_problem_of_its_run(write: Write) -> None:
    runs = [write(1, train=[{"loss": 0.5}]), RunDir(write(2).root, "99"), write(3, train=[{"loss": 0.7}])]
    last = read_last(runs, ["train.loss", "train.other"])
    assert last.values["train.loss"] == [0.5, None, 0.7]
    assert [(problem.log_id, problem.kind) for problem in last.problems] == [
        (1, "missing key"),
        (99, "missing"),
        (99, "missing"),
        (3, "missing key"),
    ]
    assert read_last(runs, ["train.loss"], {(runs[0], "train.loss")}).problems == []


def test_logs_and_keys_with_dots_have_last_values(write: Write) -> None:
    run = write(1, train=[{"top.5": 1}], train__top=[{"5": 2, "7": 3}])
    assert read_last([run], ["train.top.5", "train.top.7"]).values == {"train.top.5": [1], "train.top.7": [3]}


def test_long_rows_are_read_whole(write: Write) -> None:
    run = write(1, train=[{"a": 1, "text": "x" * 100_000}, {"b": 2, "text": "x" * 100_000}])
    assert read_last([run], ["train.a", "train.b"]).values == {"train.a": [1], "train.b": [2]}


def test_what_is_no_file_has_no_last_value(write: Write) -> None:
    runs = [write(1, train=[{"loss": 0.5}]), write(2)]
    os.mkfifo(Path(runs[1].path, "metrics", "train.json"))
    last = read_last(runs, ["train.loss"])
    assert last.values["train.loss"] == [0.5, None]
    assert [(problem.log_id, problem.kind) for problem in last.problems] == [(2, "not a file")]
