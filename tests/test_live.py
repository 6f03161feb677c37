# SPDX-License-Identifier: MIT
"""Reading while others write: MLXP runs that go on or are killed, files that are rewritten, folders that come."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas import MlxpPandasError, Reader, read_runs
from mlxp_pandas.curves import forget
from mlxp_pandas.errors import EmptyLogsWarning, ProblemsWarning
from mlxp_pandas.runs.index import FILE_NAME
from mlxp_pandas.testing import make_runs
from tests.processes import SECONDS, join, let_ctrl_c_through

# Logs rows that can be told from their step, in bursts and pauses, until it is told to stop.
SCRIPT = """
import os, time
import mlxp

@mlxp.launch(config_path="configs")
def train(ctx: mlxp.Context) -> None:
    step = 0
    while not os.path.exists("stop"):
        for _ in range(20):
            ctx.logger.log_metrics({"loss": 1 / (step + 1), "step": step}, log_name="train")
            if step % 3 == 0:
                ctx.logger.log_metrics({"score": -step, "step": step, "note": "n" * (step % 50)}, log_name="test")
            step += 1
        ctx.logger.log_checkpoint({"step": step}, log_name="last.pkl")
        time.sleep(0.002)

if __name__ == "__main__":
    train()
"""
OPTIONS = ("+mlxp.use_version_manager=False", "+mlxp.interactive_mode=False")


class Live:
    """A run of MLXP that goes on in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        (folder / "configs").mkdir(parents=True)
        (folder / "configs/config.yaml").write_text("seed: 0\nmodel:\n  width: 3\n")
        (folder / "main.py").write_text(SCRIPT)
        command = [sys.executable, "main.py", *OPTIONS]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait_for(self, relative: str) -> None:
        self.wait_until((self.logs / "1" / relative).exists)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + SECONDS
        while not is_so():
            if time.monotonic() > end or self.process.poll() not in (None, 0):
                raise RuntimeError(f"MLXP has not started, or ended with {self.process.poll()}")
            time.sleep(0.005)

    def stop(self) -> None:
        (self.folder / "stop").touch()
        assert self.process.wait(timeout=SECONDS) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=SECONDS)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Live]]:
    """Two of them, which start at the same time."""
    pytest.importorskip("mlxp")
    started = [Live(tmp_path_factory.mktemp(name)) for name in ("going", "killed")]
    yield started
    for live in started:
        live.kill()


@contextlib.contextmanager
def named() -> Iterator[list[str]]:
    """The problems that are named inside the block, or that there is no run; any other warning is an error."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
    for item in caught:
        assert issubclass(item.category, (ProblemsWarning, EmptyLogsWarning)), item.message
        texts.append(str(item.message))


def check_curves(loaded: pd.DataFrame) -> int:
    """What was loaded is a beginning of what is logged, the same of all keys of a log; gives the number of steps."""
    n_steps = 0
    for log, key, value in (("train", "loss", lambda step: 1 / (step + 1)), ("test", "score", lambda step: -step)):
        if f"{log}.{key}" in loaded:
            steps, values = loaded.loc[1, f"{log}.step"], loaded.loc[1, f"{log}.{key}"]
            assert len(steps) == len(values)
            assert np.array_equal(steps, np.arange(len(steps)) * (1 if log == "train" else 3))
            assert np.array_equal(values, value(steps))
            n_steps = max(n_steps, len(steps))
    if "test.note" in loaded:
        notes = loaded.loc[1, "test.note"]
        assert list(notes) == ["n" * (3 * place % 50) for place in range(len(notes))]
        assert len(notes) == len(loaded.loc[1, "test.step"])
    return n_steps


def test_a_run_that_goes_on(lives: list[Live], tmp_path: Path) -> None:
    live = lives[0]
    live.wait_until(live.logs.is_dir)
    seen, statuses = [0], set()
    while seen[-1] < 1500 or len(seen) < 30:
        assert live.process.poll() is None
        with named() as texts, contextlib.suppress(MlxpPandasError):
            runs = read_runs(live.logs)
            loaded = runs.mlxp.load()
        # Before its first files are written, a run is a folder; after that, nothing is wrong with it.
        assert not texts or seen[-1] == 0, texts
        if len(runs):
            seen.append(check_curves(loaded))
            statuses |= set(runs.get("info.status", pd.Series(dtype=object)).dropna())
    assert seen == sorted(seen)
    assert statuses <= {"STARTING", "RUNNING"}
    health = runs.mlxp.health()
    assert (health.loc[1, "status"], health.loc[1, "stale"], health.loc[1, "n_problems"]) == ("RUNNING", False, 0)
    live.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = read_runs(live.logs)
        assert runs.loc[1, "info.status"] == "COMPLETE"
        assert check_curves(runs.mlxp.load()) >= seen[-1]
        pd.testing.assert_frame_equal(runs, read_runs(live.logs, dst_dir=tmp_path))


def test_a_run_that_is_killed(lives: list[Live]) -> None:
    live = lives[1]
    live.wait_for("artifacts/.keys/artifacts.yaml")
    live.kill()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = read_runs(live.logs)
        assert runs.loc[1, "info.status"] == "RUNNING"
        assert not runs.mlxp.health().loc[1, "stale"]
        assert runs.mlxp.health(stale="0s").loc[1, "stale"]
    before = pd.Timestamp.now()
    age(live.logs, 3 * 3600)
    health = runs.mlxp.health(stale="2h").loc[1]
    assert (health["status"], health["stale"]) == ("RUNNING", True)
    assert before - health["last_write"] > pd.Timedelta("2h")
    assert health["n_steps.train"] == check_curves(runs.mlxp.load())
    assert not runs.mlxp.health(stale="4h").loc[1, "stale"]


def test_a_killed_run_that_wrote_half_a_line(lives: list[Live], tmp_path: Path) -> None:
    live = lives[1]
    live.wait_for("artifacts/.keys/artifacts.yaml")  # each test may be the first one in its process
    live.kill()
    logs = Path(shutil.copytree(live.logs, tmp_path / "logs", ignore=shutil.ignore_patterns(FILE_NAME)))
    train = logs / "1/metrics/train.json"
    train.write_bytes(train.read_bytes() + b'{"loss": 0.0')
    runs = read_runs(logs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a run that is alive is in the middle of it
        n_steps = check_curves(runs.mlxp.load())
    health = runs.mlxp.health().loc[1]
    assert (health["torn_lines"], health["n_problems"], health["n_steps.train"]) == (0, 0, n_steps)
    age(logs, 3 * 3600)
    health = runs.mlxp.health().loc[1]
    assert (health["stale"], health["torn_lines"], health["n_problems"]) == (True, 1, 1)
    assert "torn last line" in health["problems"][0]


def age(logs: Path, seconds: float) -> None:
    """Let everything look as if it was written that long ago."""
    then = time.time() - seconds
    for path, _, names in os.walk(logs):
        for name in [".", *names]:
            os.utime(os.path.join(path, name), (then, then))


class Beside:
    """A thread that does something again and again while the block reads."""

    def __init__(self, work: Callable[[int], None]) -> None:
        self._work = work
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0
        self.error: Exception | None = None

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        join(self._thread)
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._is_over.is_set():
                self._work(self.rounds)
                self.rounds += 1
        except Exception as error:
            self.error = error


def rewrite(path: Path, text: str) -> None:
    """As MLXP does it: the file is opened, and with that empty, before its text is made."""
    with path.open("w") as file:
        time.sleep(0.001)
        file.write(text)
    time.sleep(0.004)


def test_info_that_is_rewritten_in_place(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 3, n_steps=2)
    whole = read_runs(logs)
    info = logs / "2/metadata/info.yaml"
    done = info.read_text()
    texts = [done, done.replace("COMPLETE", "RUNNING").replace("hostname: localhost", f"hostname: {'x' * 3000}")]
    hosts = {"COMPLETE": "localhost", "RUNNING": "x" * 3000}
    n_whole = 0
    with Beside(lambda number: rewrite(info, texts[number % 2])) as writer:
        for _ in range(80):
            with named() as said:
                runs = read_runs(logs)
            assert runs.loc[[1, 3]].astype(object).equals(whole.loc[[1, 3], runs.columns].astype(object))
            assert runs.loc[2, "config.seed"] == whole.loc[2, "config.seed"]
            if said:
                assert pd.isna(runs.loc[2, "info.status"])
                assert "2/metadata/info.yaml" in said[0]
            else:
                assert runs.loc[2, "info.hostname"] == hosts[runs.loc[2, "info.status"]]
                n_whole += 1
    assert writer.rounds > 10
    assert n_whole > 40  # a file that is empty is looked at again
    rewrite(info, done)
    pd.testing.assert_frame_equal(read_runs(logs), whole)
    pd.testing.assert_frame_equal(read_runs(logs, refresh=False), whole)


@pytest.mark.parametrize("comes", ["file by file", "at once"])
def test_runs_that_come_and_go(comes: str, tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 4, n_steps=3)
    whole = read_runs(logs)
    spare = Path(shutil.copytree(logs / "4", tmp_path / "spare"))

    def come_and_go(number: int) -> None:
        run = logs / str(10 + number % 5)
        if comes == "at once":
            shutil.copytree(spare, tmp_path / "new").rename(run)
        else:
            shutil.copytree(spare, run)
        if number >= 3:
            other = logs / str(10 + (number - 3) % 5)
            if comes == "at once":
                other.rename(tmp_path / "old")
                other = tmp_path / "old"
            shutil.rmtree(other)

    seen = set()
    with Beside(come_and_go) as writer:
        while len(seen) < 3 or writer.rounds < 60:
            assert writer.error is None
            with named() as said:
                runs = read_runs(logs)
                loaded = runs.mlxp.load()
            assert list(runs.index[:4]) == [1, 2, 3, 4]
            assert runs.index.is_monotonic_increasing
            assert_as_true(runs, loaded, whole)
            assert all(log_id in range(10, 15) for log_id in runs.index[4:])
            assert not any(f"  {log_id}/" in text for text in said for log_id in (1, 2, 3, 4))
            seen |= set(runs.index[4:])
    for run in logs.glob("1?"):
        shutil.rmtree(run)
    pd.testing.assert_frame_equal(read_runs(logs), whole)


def assert_as_true(runs: pd.DataFrame, loaded: pd.DataFrame, whole: pd.DataFrame) -> None:
    """Runs that stay are whole; those that come and go are copies of run 4, or lack something."""
    curves = whole.mlxp.load()
    for log_id in runs.index:
        truth = whole.loc[min(log_id, 4)]
        for name, value in runs.loc[log_id].items():
            if log_id <= 4 or not is_missing(value):
                assert is_missing(value) == is_missing(truth[name])
                if not name.startswith(("train.", "test.", "artifact.")):
                    assert value == truth[name] or is_missing(value), (log_id, name)
        for name in ("train.loss", "test.epoch"):
            curve = loaded.loc[log_id].get(name)
            if log_id <= 4 or isinstance(curve, np.ndarray):
                assert np.array_equal(curve, curves.loc[min(log_id, 4), name][: len(curve)])
                assert len(curve) == 3 or log_id > 4


def is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def test_a_metrics_file_that_is_replaced(tmp_path: Path) -> None:
    """Rewritten longer, shorter, from nothing: what is kept in memory is never mixed with what is there now."""
    logs = make_runs(tmp_path / "logs", 1, n_steps=1)
    runs = read_runs(logs)
    path = logs / "1/metrics/train.json"

    def put(number: int) -> None:
        size = (400, 700, 90, 1200)[number % 4]
        path.with_suffix(".new").write_text("".join(f'{{"loss": {number}.5, "epoch": {at}}}\n' for at in range(size)))
        path.with_suffix(".new").rename(path)

    put(0)
    forget()
    with Beside(put) as writer:
        while writer.rounds < 200:
            assert writer.error is None
            loaded = runs.mlxp.load()
            losses, epochs = loaded.loc[1, "train.loss"], loaded.loc[1, "train.epoch"]
            number = int(losses[0])
            assert (losses == number + 0.5).all()
            assert np.array_equal(epochs, np.arange((400, 700, 90, 1200)[number % 4]))


def test_many_readers_and_killed_ones(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.kills", "--kills", "25", "--runs", "30"]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert (figures["readers"], figures["kills"]) == (8, 25)
    assert figures["half-written"] > 0


def test_a_reader_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C goes through, and the next reader finds the old index, or none."""
    logs = make_runs(tmp_path / "logs", 30, n_steps=2)
    truth = read_runs(logs, dst_dir=tmp_path / "other")
    place = tmp_path / "place"
    place.mkdir()
    read = "mlxp_pandas.read_runs(sys.argv[1], dst_dir=sys.argv[2], refresh=True)"
    script = f"import sys, mlxp_pandas\nprint(flush=True)\nwhile True: {read}"
    command = [sys.executable, "-c", script, str(logs), str(place)]
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "preexec_fn": let_ctrl_c_through}
    with subprocess.Popen(command, **options) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in process.communicate(timeout=SECONDS)[1]
    assert [name for name in os.listdir(place) if name.endswith(".tmp")] == []
    pd.testing.assert_frame_equal(read_runs(logs, dst_dir=place, refresh=False), truth)


def test_the_folder_itself_vanishes(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 3)
    reader = Reader(logs)
    shutil.rmtree(logs)
    with pytest.raises(FileNotFoundError, match="There is no log folder"):
        Reader(logs)
    with pytest.warns(ProblemsWarning, match="everything else is loaded"):
        assert reader.runs.mlxp.load()["train.loss"].isna().all()
    with pytest.raises(MlxpPandasError, match=r"train\.loss"):
        reader.runs.loc[1, "train.loss"].load()
    assert (reader.runs.mlxp.health()["n_problems"] > 0).all()


def test_a_log_over_the_limit_that_still_grows_is_not_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = make_runs(tmp_path / "logs", 1, n_steps=3)
    info = logs / "1/metadata/info.yaml"
    info.write_text(info.read_text().replace("COMPLETE", "RUNNING"))
    for path in logs.rglob("*.yaml"):
        os.utime(path, (0, 0))
    runs = read_runs(logs, dst_dir=tmp_path)
    monkeypatch.setattr("mlxp_pandas.curves.logs.MAX_LOG_BYTES", 10)
    health = runs.mlxp.health().loc[1]
    assert not health["stale"]
    assert all("too large" in text for text in health["problems"])
