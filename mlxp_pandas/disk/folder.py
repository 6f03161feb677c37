# SPDX-License-Identifier: MIT
"""Where the runs of a log folder are: the folder of each, and what looks like one and is none."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from ..errors import LogsNotFoundError, LogsUnreadableError, NotALogsFolderError, suggest
from .files import FileProblem, Problem, read_bytes, reason_of

__all__ = ["RunDir", "find_runs", "linked_runs", "names_in", "runs_below"]

_MAX_LOG_ID = 2**63 - 1
_IS_LIVE = re.compile(rb"""^status: *['"]?(?:RUNNING|STARTING)\b""", re.MULTILINE)
_LOG_ID = "a log_id is written in ASCII digits without leading zero, up to 2**63 - 1"

_status_of = lru_cache(maxsize=16)(os.stat)
_Read = tuple[bytes, os.stat_result]


@dataclass(slots=True, unsafe_hash=True)
class RunDir:
    """The directory of one run, shared by all the cells of its row.

    Attributes
    ----------
    root : str
        Absolute path of the log folder.
    name : str
        The folder's name in it: the log_id in digits.
    may_be_link : bool
        Whether it may be a link to a run: not where it was found to be a folder.
    """

    root: str
    name: str
    may_be_link: bool = field(default=True, compare=False)

    @property
    def log_id(self) -> int:
        """The run's number."""
        return int(self.name)

    @property
    def path(self) -> str:
        """Absolute path of the folder."""
        return f"{self.root}/{self.name}"

    def check(self) -> None:
        """Raise FileProblem where a link has taken the folder's place since it was found."""
        if not self.may_be_link and stat.S_ISLNK(os.lstat(self.path).st_mode):
            raise FileProblem("link", "a link stands where the folder of the run was")

    def leads_home(self, way: str) -> bool:
        """Whether a way from the run ends in the log folder, as `metrics/../..` does unless a link leads elsewhere."""
        try:
            return os.path.samestat(os.stat(f"{self.path}/{way}"), _status_of(self.root))
        except OSError:
            return False

    def inside(self, path: str) -> str:
        """The real path behind a link that stays in the log folder or in the run; any other raises FileProblem."""
        try:
            real = os.path.realpath(path, strict=True)
        except OSError as error:
            raise FileProblem("link", f"a link that leads nowhere ({error.strerror})") from None
        if not any(real.startswith(os.path.join(os.path.realpath(home), "")) for home in (self.root, self.path)):
            raise FileProblem("link", "a link that leads out of the log folder is not followed")
        return real

    def within(self, relative: str) -> str:
        """The real path of something in the run; a name or a link that leads out of it raises FileProblem."""
        parts = relative.replace(os.sep, "/").split("/")
        if {"", ".."}.intersection(parts) or "\0" in relative or any(os.path.splitdrive(part)[0] for part in parts):
            raise FileProblem("outside", "its name leads out of the folder of its run, or is empty")
        self.check()
        home = os.path.realpath(self.path)
        path = os.path.realpath(os.path.join(home, *parts))
        if not path.startswith(home + os.sep):
            raise FileProblem("outside", "a link leads out of the folder of its run")
        return path

    def log_path(self, name: str) -> str:
        """Where a metrics file is. Links on the way to it that lead out of the log folder raise FileProblem."""
        if "/" in name or "\\" in name or "\0" in name:
            raise FileProblem("odd name", "the name of a log cannot hold slashes")
        base = f"{self.path}/metrics"
        if not self.leads_home("metrics/../.."):
            self.check()
            base = self.inside(base) if stat.S_ISLNK(os.lstat(base).st_mode) else base
        return f"{base}/{name}.json"

    def is_live(self) -> bool:
        """Whether the run says that it is RUNNING or STARTING."""
        with suppress(FileProblem, OSError):
            data, _ = self.followed(read_bytes, f"{self.path}/metadata/info.yaml", 1 << 20)
            return _IS_LIVE.search(data) is not None
        return False

    def followed(self, read: Callable[[str, int], _Read], path: str, size: int) -> _Read:
        """What is read of a file, or of the file in the log folder that a link leads to."""
        try:
            return read(path, size)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.EMLINK):  # what O_NOFOLLOW gives; the latter on FreeBSD
                raise
        return read(self.inside(path), size)


def find_runs(root: str) -> tuple[list[RunDir], list[Problem]]:
    """The runs of a log folder by ascending log_id, and the folders that look like runs and are none.

    Raises
    ------
    LogsNotFoundError, NotALogsFolderError, LogsUnreadableError
    """
    try:
        with os.scandir(root) as entries:
            listed = [entry for entry in entries if entry.name.isdigit()]
    except OSError as error:
        raise _no_logs(root, error) from None
    found = [_run_or_problem(root, entry) for entry in sorted(listed, key=lambda entry: entry.name)]
    runs = [run for run in found if isinstance(run, RunDir)]
    return sorted(runs, key=lambda run: run.log_id), [problem for problem in found if isinstance(problem, Problem)]


def linked_runs(root: str) -> set[str] | None:
    """The names in a log folder that are links, such as to runs elsewhere; None where it cannot be listed."""
    with suppress(OSError), os.scandir(root) as entries:
        return {entry.name for entry in entries if entry.is_symlink()}
    return None


def names_in(folder: str) -> list[str]:
    """The names in a folder; none where it cannot be listed."""
    with suppress(OSError):
        return os.listdir(folder)
    return []


def runs_below(root: str, most: int = 200) -> Iterator[str]:
    """Names of the sub-folders that do hold runs, for the message about a folder that does not."""
    for name in sorted(names_in(root))[:most]:
        if any(map(_is_log_id, names_in(f"{root}/{name}"))):
            yield name


def _is_log_id(name: str) -> bool:
    """Whether it is written in ASCII digits without leading zero, within int64."""
    return name.isascii() and name.isdigit() and name == str(int(name)) and int(name) <= _MAX_LOG_ID


def _run_or_problem(root: str, entry: os.DirEntry[str]) -> RunDir | Problem | None:
    """A run, or what keeps it from being one; None for a file. What the system does not tell costs this run only."""
    is_run = _is_log_id(entry.name)
    try:
        if is_run and entry.is_dir():
            return RunDir(root, entry.name)
        if not entry.is_dir() and not entry.is_symlink():
            return None
        kind, reason = ("link", "a link that leads to no folder") if is_run else ("not a log_id", _LOG_ID)
    except OSError as error:
        kind, reason = reason_of(error)
    return Problem(int(entry.name) if is_run else None, entry.name, None, kind, reason, "nothing of it")


def _no_logs(root: str, error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError):
        parent, name = os.path.split(root)
        near = suggest(name, names_in(parent)) if os.path.isdir(parent) else f" {parent} does not exist either."
        return LogsNotFoundError(f"There is no log folder {root!r}.{near}")
    if isinstance(error, NotADirectoryError):
        return NotALogsFolderError(f"{root!r} is a file; give the folder that holds the runs (logs/1, logs/2, ...).")
    return LogsUnreadableError(f"The log folder {root!r} cannot be listed: {error.strerror or error}.")
