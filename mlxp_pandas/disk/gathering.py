# SPDX-License-Identifier: MIT
"""What is read of one run, what was looked at on the way and must be compared later, and what could not be read."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence

from .files import FileProblem, Problem, read_bytes
from .folder import RunDir

__all__ = ["ARTIFACTS", "ARTIFACT_KEYS", "MAX_FILES", "MAX_YAML_BYTES", "METRICS", "MISSING", "Gathered"]

#: Bytes of one YAML file, over which it is a problem and is not read.
MAX_YAML_BYTES = 32 << 20
#: Entries of one folder of a run, likewise.
MAX_FILES = 10_000

METRICS = "metrics"
ARTIFACTS = "artifacts"
ARTIFACT_KEYS = "artifacts/.keys/artifacts.yaml"
MISSING = (0, 0, 0, 0)

_SETTLED_NS = 2_000_000_000  # git's "racily clean" rule: younger than this when it was read may change unseen


class Gathered:
    """The input of one run; whatever is asked of it never raises for what is on the disk.

    Attributes
    ----------
    files : dict of str to bytes
        Contents by path relative to the run.
    looked : dict of str to tuple of int
        What a later scan must compare: path to (size, mtime_ns, ctime_ns, inode), zeros where it is missing.
    folders : dict of str to list of str
        The names in each folder that was listed, sorted.
    problems : list of Problem
    settled : bool
        False where a change could go unseen (something is younger than two seconds, or the disk gave an error).
    has_vanished, may_lack_logs : bool
        Whether the run is gone; whether a catalogue may list a log that is not there.
    """

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._base = run.path + "/"
        self._settled_at = time.time_ns() - _SETTLED_NS
        self.files: dict[str, bytes] = {}
        self.looked: dict[str, tuple[int, ...]] = {}
        self.folders: dict[str, list[str]] = {}
        self.problems: list[Problem] = []
        self.settled = True
        self.has_vanished = self.may_lack_logs = False

    def read(self, relative: str, limit: int | None = None) -> bytes | None:
        """The bytes of a file of the run; None where it is missing or refused, the latter with a problem."""
        path = self._base + relative
        try:
            data, status = self.run.followed(read_bytes, path, MAX_YAML_BYTES if limit is None else limit)
        except FileNotFoundError:
            self.looked[relative] = MISSING
            return None
        except (FileProblem, OSError) as error:
            self.lost(relative, error)
            self.look(relative)
            return None
        self.looked[relative] = self._stamp(status)
        self.files[relative] = data
        return data

    def names_in(self, relative: str) -> list[str] | None:
        """The visible names in a folder of the run, sorted; None where it is missing, or refused with a problem."""
        self.looked[relative] = MISSING
        return self.listed(relative) if self.has_folder(relative) else None

    def listed(self, relative: str) -> list[str]:
        """The visible names in a folder that is known to be one."""
        self.look(relative)
        try:
            names = [name for name in os.listdir(self._base + relative) if name[0] != "."]
        except OSError as error:
            self.lost(relative, error)
            return []
        self.folders[relative] = self._bounded(relative, names)
        return self.folders[relative]

    def look(self, relative: str) -> None:
        """Mark a file or folder of the run as one whose change must be noticed."""
        try:
            self.looked[relative] = self._stamp(os.stat(self._base + relative))
        except OSError:
            self.settled = False
            self.looked[relative] = MISSING

    def peek(self, relative: str) -> Sequence[str]:
        """The names in a folder of the run, without marking or naming anything."""
        try:
            return os.listdir(self._base + relative)
        except OSError:
            return ()

    def has_folder(self, relative: str, *, quietly: bool = False) -> bool:
        """Whether a folder is there and leads nowhere outside; else a problem, but for a listed name (`quietly`)."""
        path = self._base + relative
        try:
            self.run.check()
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                self.run.inside(path)
                return os.path.isdir(path)
        except FileNotFoundError:
            self.settled &= not quietly  # it was listed
            return False
        except (FileProblem, OSError) as error:
            self.lost(relative, error)
            return False
        if not stat.S_ISDIR(status.st_mode) and not quietly:
            self.problem(relative, "not a folder", "a file stands where a folder is expected")
        return stat.S_ISDIR(status.st_mode)

    def problem(
        self, relative: str, kind: str, reason: str, kept: str = "nothing of it", line: int | None = None
    ) -> None:
        """Name what is wrong in one file."""
        self.problems.append(Problem(self.run.log_id, f"{self.run.name}/{relative}", line, kind, reason, kept))

    def lost(self, relative: str, error: FileProblem | OSError) -> None:
        """Name what the system or we refused; an error of the disk may be gone at the next look."""
        if isinstance(error, FileProblem):
            self.settled &= error.kind != "cut short"
            self.problem(relative, error.kind, error.reason)
        elif isinstance(error, NotADirectoryError):
            self.problem(relative, "not a folder", "a file stands where a folder is expected")
        else:
            self.settled = False
            self.problem(relative, "unreadable", error.strerror or str(error))

    def again(self, relative: str) -> bytes | None:
        """Read a file once more, that may have been in the middle of being rewritten."""
        time.sleep(0.02)
        if not self.has_folder(os.path.dirname(relative)):
            return None
        self.problems = [problem for problem in self.problems if problem.file != f"{self.run.name}/{relative}"]
        return self.read(relative)

    def is_fresh(self, relative: str) -> bool:
        """Whether a file was written less than two seconds before it was read; a missing one, whether its run was."""
        changed = self.looked[relative][2]
        if self.looked[relative] == MISSING:
            try:
                changed = os.stat(self.run.path).st_ctime_ns
            except OSError:
                return False
        return changed > self._settled_at

    def _stamp(self, status: os.stat_result) -> tuple[int, ...]:
        if status.st_ctime_ns > self._settled_at:
            self.settled = False
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

    def _bounded(self, relative: str, names: list[str]) -> list[str]:
        if len(names) <= MAX_FILES and all(map(str.isprintable, names)):
            return sorted(names)
        good = [name for name in names if name.encode("utf-8", "replace").decode() == name]
        if len(good) < len(names):
            self.problem(relative, "odd name", f"{len(names) - len(good)} file names are no text", "the other files")
        if len(good) > MAX_FILES:
            self.problem(relative, "too many", f"{len(good):,} files; the limit is {MAX_FILES:,}", "the first of them")
        good.sort(key=lambda name: (not name.endswith((".json", ".yaml")), name))
        return sorted(good[:MAX_FILES])
