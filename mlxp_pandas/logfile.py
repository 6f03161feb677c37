# SPDX-License-Identifier: MIT
"""The metrics files of one run on disk: where they are, how they are read, and what is a problem about them."""

from __future__ import annotations

import errno
import functools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .files import FileProblem, read_bytes, read_tail
from .problems import Problem
from .rowtext import Fault
from .rundir import RunDir

__all__ = [
    "MAX_LOG_BYTES",
    "STEP_KEYS",
    "LogFolder",
    "Outcome",
    "Place",
    "is_live",
    "places_of",
    "problems_of",
]

#: Bytes of one metrics file, over which it is a problem and is not read.
MAX_LOG_BYTES = 1 << 30
#: Keys of a log that count, the first that it has.
STEP_KEYS = ("step", "global_step", "epoch", "iteration", "iter")

Place = tuple[str, str]  # a log and a key
Outcome = Sequence[Fault] | Exception  # of reading a log

_INFO = "metadata/info.yaml"
_MAX_INFO_BYTES = 1 << 20
_IS_LIVE = re.compile(rb"""^status: *['"]?(?:RUNNING|STARTING)\b""", re.MULTILINE)
_LINK_ERRORS = {errno.ELOOP, errno.EMLINK}  # what O_NOFOLLOW gives for a link on Linux and macOS, and on FreeBSD


class LogFolder:
    """The folder `metrics` of a run; links that lead out of the log folder are refused.

    Parameters
    ----------
    run : RunDir

    Examples
    --------
    >>> LogFolder(RunDir("/logs", "7")).path("train")
    '/logs/7/metrics/train.json'
    """

    __slots__ = ("_base", "_is_checked", "run")

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._base = f"{run.root}/{run.name}/metrics"
        self._is_checked = False

    def path(self, log: str) -> str:
        """Where a log is."""
        return f"{self._base}/{log}.json"

    def read(self, log: str, start: int = 0) -> tuple[bytes, os.stat_result]:
        """The bytes of a log from `start` on, and its stat; raises FileProblem and OSError."""
        path = self._checked_path(log)
        try:
            return read_bytes(path, MAX_LOG_BYTES, start)
        except OSError as error:
            return read_bytes(self._target(path, error), MAX_LOG_BYTES, start)

    def read_tail(self, log: str, size: int) -> tuple[bytes, os.stat_result]:
        """The last `size` bytes of a log, and its stat; raises FileProblem and OSError."""
        path = self._checked_path(log)
        try:
            return read_tail(path, size)
        except OSError as error:
            return read_tail(self._target(path, error), size)

    def problem(self, log: str, error: Exception) -> Problem:
        """What kept a log from being read."""
        if isinstance(error, FileProblem):
            return self._problem(log, error.kind, error.reason)
        if isinstance(error, FileNotFoundError):
            return self._problem(log, "missing", "the file of a metric that the run lists is not there")
        if isinstance(error, OSError):
            return self._problem(log, "unreadable", error.strerror or str(error))
        return self._problem(log, "defect", f"{type(error).__name__}: {error}")

    def lacks(self, log: str, key: str) -> Problem:
        """No row of a log has a key that the run lists."""
        return self._problem(log, "missing key", f"no row has the key {key!r}", "the other metrics")

    def fault_problems(self, log: str, faults: Iterable[Fault], is_live: Callable[[RunDir], bool]) -> Iterator[Problem]:
        """The faults of a log as problems; a last line that a live run is still writing is none."""
        for fault in faults:
            if fault.kind != "torn last line" or not is_live(self.run):
                yield Problem(self.run.log_id, f"{self.run.name}/metrics/{log}.json", *fault)

    def _problem(self, log: str, kind: str, reason: str, kept: str = "the other logs") -> Problem:
        return Problem(self.run.log_id, f"{self.run.name}/metrics/{log}.json", None, kind, reason, kept)

    def _checked_path(self, log: str) -> str:
        """The path of a log; the folder is looked at once: only the last part of a path is guarded at opening."""
        if not self._is_checked:
            if stat.S_ISLNK(os.lstat(self._base).st_mode):
                self._base = self.run.inside(self._base)
            self._is_checked = True
        if not _is_name(log):
            raise FileProblem("odd name", "the name of a log cannot hold slashes")
        return f"{self._base}/{log}.json"

    def _target(self, path: str, error: OSError) -> str:
        """Where a path that could not be opened leads, if it is a link; else the error goes on."""
        if error.errno not in _LINK_ERRORS:
            raise error
        return self.run.inside(path)


@functools.lru_cache(maxsize=256)
def _is_name(log: str) -> bool:
    return not {"/", "\\", "\0"} & set(log)


def places_of(column: str) -> list[Place]:
    """Every log and key that a column can stand for, the shortest log first.

    Examples
    --------
    >>> places_of("train.top.5")
    [('train', 'top.5'), ('train.top', '5')]
    """
    return [(column[:at], column[at + 1 :]) for at, char in enumerate(column) if char == "." and at]


def problems_of(
    folder: LogFolder,
    read: Mapping[str, Outcome],
    missing: Iterable[Sequence[Place]],
    is_live: Callable[[RunDir], bool],
) -> Iterator[Problem]:
    """What is wrong with the logs of a run.

    Parameters
    ----------
    folder : LogFolder
    read : mapping of str to (sequence of Fault or Exception)
        What came of reading each log.
    missing : iterable of sequences of Place
        Where each of the metrics was looked for that were not found.
    is_live : callable
        Whether a run may still be writing: then a torn last line, or a metric without rows, is no problem.

    Yields
    ------
    Problem
    """
    damaged = set()
    for name, outcome in read.items():
        if isinstance(outcome, Exception):
            if not isinstance(outcome, FileNotFoundError):
                damaged.add(name)
                yield folder.problem(name, outcome)
        elif outcome:
            damaged.add(name)
            yield from folder.fault_problems(name, outcome, is_live)
    for places in missing:
        if damaged.isdisjoint(name for name, _ in places) and not is_live(folder.run):
            yield _missing(folder, read, places)


def _missing(folder: LogFolder, read: Mapping[str, Outcome], places: Sequence[Place]) -> Problem:
    """Why a metric that a run lists is not found."""
    for name, key in places:
        if not isinstance(read[name], Exception):
            return folder.lacks(name, key)
    return folder.problem(places[0][0], FileNotFoundError())


def is_live(run: RunDir) -> bool:
    """Whether a run says that it is RUNNING or STARTING."""
    try:
        info, _ = read_bytes(f"{run.path}/{_INFO}", _MAX_INFO_BYTES)
    except (FileProblem, OSError):
        return False
    return _IS_LIVE.search(info) is not None
