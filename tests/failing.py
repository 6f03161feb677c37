# SPDX-License-Identifier: MIT
"""Let the k-th system call fail, once or from then on, for every k, in the manner of SQLite's tests.

`python -m tests.failing [RUNS]` lets every call of every scene fail with every error, once and from then on, and prints
how many faults that were and what was wrong; the suite (`test_failing.py`) does it with fewer errors.
"""

from __future__ import annotations

import builtins
import errno
import os
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import count
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from mlxp_pandas import MlxpPandasError, read_runs
from mlxp_pandas.curves import forget, read_curves
from mlxp_pandas.disk import Problem
from mlxp_pandas.errors import MlxpPandasWarning, ProblemsWarning
from mlxp_pandas.runs import scan
from mlxp_pandas.runs.index import FILE_NAME
from mlxp_pandas.runs.row import to_rows
from mlxp_pandas.stats import health_of, load
from mlxp_pandas.stats.health import runs_of
from mlxp_pandas.testing import make_runs

ERRORS = ("EIO", "EACCES", "ENOENT", "ESTALE", "ENOSPC", "EMFILE", "short", "eof")

_OS = ["open", "read", "fstat", "stat", "lstat", "listdir", "close", "lseek", "readlink", "replace", "unlink"]


class Faults:
    """Inside the block, the `at`-th call that concerns the folder fails; `lasting`: and all calls after it.

    Counted are the functions of `os` on a path below the folder or on an open file, the steps of a listing, and what is
    done with a file that is written. `short` reads half of what was asked for, `eof` nothing: they count reads only.
    """

    def __init__(self, folder: Path, at: int, error: str, *, lasting: bool) -> None:
        self._folder = str(folder)
        self._at = at
        self._error = error
        self._lasting = lasting
        self._real: list[tuple[Any, str, Any]] = []
        self.calls = 0
        self.failed: list[str] = []

    def __enter__(self) -> Faults:
        for name in _OS:
            self._put(os, name, self._call(name, getattr(os, name)))
        self._put(os, "fsync", self._call("fsync", lambda descriptor: None))  # what lasts is not tested here
        self._put(os, "scandir", self._scandir(os.scandir))
        self._put(builtins, "open", self._open(builtins.open))
        return self

    def __exit__(self, *_: object) -> None:
        for module, name, real in reversed(self._real):
            setattr(module, name, real)

    @property
    def says_gone(self) -> bool:
        """Whether the error is that there is no such file: then it may be absent without a word."""
        return self._error == "ENOENT"

    def check(self, name: str, path: object = None) -> bool:
        """Count a call and raise if it is its turn; True where a read is to be cut."""
        is_cut = self._error in ("short", "eof")
        if is_cut and name != "read":
            return False
        self.calls += 1
        if self.calls - 1 < self._at or (self.calls - 1 > self._at and not self._lasting):
            return False
        self.failed.append(name)
        if is_cut:
            return True
        number = getattr(errno, self._error)
        raise OSError(number, os.strerror(number), path)

    def _put(self, module: Any, name: str, call: Any) -> None:
        self._real.append((module, name, getattr(module, name)))
        setattr(module, name, call)

    def _concerns(self, target: object) -> bool:
        return isinstance(target, int) or (isinstance(target, str) and target.startswith(self._folder))

    def _call(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if not self._concerns(arguments[0]):
                return real(*arguments, **options)
            if name == "close":  # the descriptor is gone also where closing it gives an error
                real(*arguments)
                return self.check(name) and None
            if self.check(name, arguments[0]):
                return real(arguments[0], arguments[1] // 2) if self._error == "short" else b""
            return real(*arguments, **options)

        return call

    def _open(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: object, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            if "x" not in mode or not self._concerns(path):
                return real(path, mode, *arguments, **options)
            self.check("open to write", path)
            return _Written(self, real(path, mode, *arguments, **options))

        return call

    def _scandir(self, real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda path: _Entries(self, real(path)) if self._concerns(path) else real(path)


class _Written:
    """A file of which every piece that is written may fail; a piece may be half there then."""

    def __init__(self, faults: Faults, file: Any) -> None:
        self._faults = faults
        self._file = file

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._faults.check("close after writing")

    def write(self, data: bytes) -> None:
        self._file.write(data[: len(data) // 2])
        self._file.flush()
        self._faults.check("write")
        self._file.write(data[len(data) // 2 :])

    def flush(self) -> None:
        self._file.flush()
        self._faults.check("flush")

    def fileno(self) -> int:
        return self._file.fileno()


class _Entries:
    """A listing of which every step may fail, and the question what an entry is."""

    def __init__(self, faults: Faults, entries: Any) -> None:
        self._faults = faults
        self._entries = entries

    def __enter__(self) -> _Entries:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._entries.close()

    def __iter__(self) -> Iterator[_Entry]:
        return self

    def __next__(self) -> _Entry:
        self._faults.check("scandir step")
        return _Entry(self._faults, next(self._entries))

    def close(self) -> None:
        self._entries.close()


class _Entry:
    def __init__(self, faults: Faults, entry: Any) -> None:
        self._faults = faults
        self._entry = entry
        self.name = entry.name
        self.path = entry.path

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._entry, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._faults.check(f"entry {name}", self.path)
            return real(*arguments, **options)

        return call


class Answer(NamedTuple):
    """What a scan finds: a value for each run and column (True for a metric or artifact), and the problems."""

    log_ids: list[int]
    cells: dict[tuple[int, str], Any]
    problems: list[Problem]


def scanned(logs: Path, place: Path, refresh: bool | None = None) -> Answer:
    """The runs of a log folder, before they are a frame."""
    blocks, problems = scan(str(logs), str(place), refresh, lambda items, total: items)
    rows = sorted(to_rows(blocks), key=attrgetter("log_id"))
    cells: dict[tuple[int, str], Any] = {}
    for row in rows:
        names = row.layout.config + row.layout.info
        cells |= {(row.log_id, name): value for name, value in zip(names, row.values, strict=True)}
        cells |= {(row.log_id, name): True for name in row.layout.metrics + row.layout.artifacts}
    return Answer([row.log_id for row in rows], cells, problems)


class Stage:
    """A log folder, what is true of it, and an index of it that is believed.

    Parameters
    ----------
    folder : Path
        An empty one.
    n_runs : int
        Runs of one log; one more without catalogues.
    """

    def __init__(self, folder: Path, n_runs: int) -> None:
        self.folder = folder
        self.logs = make_runs(folder / "logs", n_runs, n_steps=3, logs=["train"])
        shutil.copytree(self.logs / "1", self.logs / str(n_runs + 1))
        shutil.rmtree(self.logs / str(n_runs + 1) / "metrics/.keys")
        shutil.rmtree(self.logs / str(n_runs + 1) / "artifacts/.keys")
        self.old = self._index("old")
        config = self.logs / str(n_runs) / "metadata/config.yaml"
        config.write_text(config.read_text() + "new: 1\n")
        self.now = self._index("now")
        self.truth = scanned(self.logs, self._place(self.now))
        self.runs = read_runs(self.logs, dst_dir=self._place(self.now))
        self.curves = load(self.runs)
        self.artifacts = self.runs["artifact.pickle."].map(lambda cell: cell.load())
        self.health = health_of(self.runs)

    def _index(self, name: str) -> Path:
        """An index of the folder as it is, which is believed: nothing is younger than two seconds."""
        time.sleep(2.1)
        (self.folder / name).mkdir()
        scanned(self.logs, self.folder / name)
        return self.folder / name / FILE_NAME

    def _place(self, index: Path | None) -> Path:
        """A new folder for the index, with a copy of one in it or without."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        if index is not None:
            shutil.copy(index, place)
        return place

    def scenes(self) -> dict[str, Callable[[Faults], Iterable[str]]]:
        """What is done while a call fails: each gives what was wrong about it."""
        return {
            "cold": lambda faults: self._scan(faults, None, None),
            "warm": lambda faults: self._scan(faults, self.now, None),
            "refresh": lambda faults: self._scan(faults, self.old, None),
            "rebuild": lambda faults: self._scan(faults, self.now, True),
            "believe": lambda faults: self._scan(faults, self.now, False),
            "frame": self._read_runs,
            "no runs": self._read_nothing,
            "curves": self._load_curves,
            "cells": self._load_cells,
            "artifacts": self._load_artifacts,
            "health": self._health,
        }

    def _scan(self, faults: Faults, index: Path | None, refresh: bool | None) -> Iterator[str]:
        place = self._place(index)
        try:
            with faults:
                answer = scanned(self.logs, place, refresh)
        except MlxpPandasError:
            pass
        else:
            yield from self.differences(answer, is_gone=faults.says_gone)
        for again in (None, False):
            if scanned(self.logs, place, again) != self.truth:
                yield f"the index keeps a lie (refresh={again})"
        shutil.rmtree(place)

    def differences(self, answer: Answer, *, is_gone: bool = False) -> Iterator[str]:
        """What an answer has that is not true, or lacks without naming it.

        `is_gone`: the system said that something is not there. A run may be without metrics and artifacts, or gone.
        """
        named = {problem.log_id for problem in answer.problems}
        lost = set(self.truth.log_ids) - set(answer.log_ids)
        yield from (f"run {log_id} is lost" for log_id in lost - named if not is_gone)
        yield from (f"run {log_id} is none" for log_id in set(answer.log_ids) - set(self.truth.log_ids))
        for (log_id, name), value in self.truth.cells.items():
            if (log_id, name) not in answer.cells:
                is_free = is_gone and not name.startswith(("config.", "info."))
                if log_id in answer.log_ids and log_id not in named and not is_free:
                    yield f"{name} of run {log_id} is missing and not named"
            elif answer.cells[log_id, name] != value:
                yield f"{name} of run {log_id} is {answer.cells[log_id, name]!r}, not {value!r}"
        for log_id, name in answer.cells.keys() - self.truth.cells.keys():
            yield f"{name} of run {log_id} is {answer.cells[log_id, name]!r} and should not be"

    def _read_runs(self, faults: Faults) -> Iterator[str]:
        place = self._place(self.old)
        with warnings.catch_warnings(record=True) as caught, suppress(MlxpPandasError):
            warnings.simplefilter("always")
            with faults:
                runs = read_runs(self.logs, dst_dir=place)
            counts = Counter(item.category for item in caught)
            if any(count > 1 for count in counts.values()):
                yield f"more than one warning: {counts}"
            if ProblemsWarning not in counts and not faults.says_gone and not runs.equals(self.runs):
                yield "the frame is another, without a warning"
        shutil.rmtree(place)

    def _read_nothing(self, faults: Faults) -> Iterator[str]:
        place = self._place(None)
        (place / "project").mkdir()
        with warnings.catch_warnings(), suppress(MlxpPandasError):
            warnings.simplefilter("ignore", MlxpPandasWarning)
            with faults:
                runs = read_runs(place)
            if len(runs):
                yield "there are runs"
        shutil.rmtree(place)

    def _load_curves(self, faults: Faults) -> Iterator[str]:
        forget()
        runs, columns = list(runs_of(self.runs)), ["train.loss", "train.epoch"]
        with faults:
            read = read_curves(runs, columns)
        named = {problem.log_id for problem in read.problems}
        for column in columns:
            for log_id, curve in zip(self.runs.index, read.values[column], strict=True):
                if curve is None and log_id not in named:
                    yield f"the curve {column} of run {log_id} is missing and not named"
                elif curve is not None and not np.array_equal(curve, self.curves.loc[log_id, column]):
                    yield f"the curve {column} of run {log_id} is {curve}"
        yield from self._afterwards()

    def _load_cells(self, faults: Faults) -> Iterator[str]:
        forget()
        cell = self.runs.loc[1, "train.loss"]
        found = []
        try:
            with faults:
                found = [cell.load(), cell[:], np.array(list(cell))]
                found.append(np.append(found[0][:-1], cell[-1]))
        except MlxpPandasError:
            pass
        for curve in found:
            if not np.array_equal(curve, self.curves.loc[1, "train.loss"]):
                yield f"the curve is {curve}"
        yield from self._afterwards()

    def _load_artifacts(self, faults: Faults) -> Iterator[str]:
        for log_id, cell in self.runs["artifact.pickle."].items():
            try:
                with faults:
                    loaded = cell.load()
            except MlxpPandasError:
                continue
            if loaded != self.artifacts.loc[log_id]:
                yield f"the artifacts of run {log_id} are {loaded}"

    def _health(self, faults: Faults) -> Iterator[str]:
        with faults:
            found = health_of(self.runs)
        for log_id, truth in self.health.iterrows():
            row = found.loc[log_id].reindex(truth.index)
            is_named = row["n_problems"] > truth["n_problems"] or (faults.says_gone and pd.isna(row["n_steps.train"]))
            if not row.equals(truth) and not is_named:
                yield f"the health of run {log_id} is {row.to_dict()}"

    def _afterwards(self) -> Iterator[str]:
        if not all(map(np.array_equal, load(self.runs)["train.loss"], self.curves["train.loss"])):
            yield "the memory keeps a lie"


def attempts(stage: Stage, scene: str, errors: Iterable[str] = ERRORS) -> Iterator[tuple[Faults, list[str]]]:
    """Let every call of a scene fail in turn; give each attempt that met its fault with what was wrong."""
    for error in errors:
        for lasting in (False, True):
            for at in count():
                faults = Faults(stage.folder, at, error, lasting=lasting)
                wrong = _attempt(stage, scene, faults)
                if not faults.failed:
                    break
                where = f"{scene}, call {at} ({faults.failed[0]}), {error}, {lasting=}"
                yield faults, [f"{where}: {what}" for what in wrong]


def _attempt(stage: Stage, scene: str, faults: Faults) -> list[str]:
    """What was wrong, an exception or a warning that is not ours and a file left open included."""
    before = _open_files()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            wrong = list(stage.scenes()[scene](faults))
        except Exception as error:
            wrong = [f"{type(error).__name__}: {error} at {_where(error)}"]
    wrong += [f"warned: {item.message}" for item in caught if not issubclass(item.category, MlxpPandasWarning)]
    if _open_files() != before:
        wrong.append("a file is left open")
    return wrong


def _where(error: BaseException) -> str:
    """The last line of the package that an exception went through."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if "mlxp_pandas" in trace.tb_frame.f_globals.get("__name__", ""):
            lines.append(f"{trace.tb_frame.f_globals['__name__']}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " < ".join(reversed(lines[-3:])) or "no line of the package"


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def main(arguments: list[str]) -> int:
    """Every scene, with as many runs as are asked for."""
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), int(arguments[0]) if arguments else 2)
        for scene in stage.scenes():
            tried, wrong = Counter[str](), list[str]()
            for faults, found in attempts(stage, scene):
                tried.update(attempts=1, faults=len(faults.failed))
                wrong += found
            failures += len(wrong)
            print(f"{scene}: {tried['attempts']} attempts, {tried['faults']} faults, {len(wrong)} wrong", flush=True)
            print("".join(f"  {line}\n" for line in wrong[:12]), end="")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
