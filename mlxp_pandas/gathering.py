# SPDX-License-Identifier: MIT
"""The bytes of one run that a scan needs, and what must be looked at to notice a change; nothing is parsed here.

`gather` is all the input of one run, so that many can wait for a network disk at once.
"""

from __future__ import annotations

import os
import stat
import struct
import time
from collections.abc import Sequence

from .files import FileProblem, read_bytes
from .problems import Problem
from .rundir import RunDir

__all__ = ["MAX_FILES", "MAX_YAML_BYTES", "MISSING", "Gathered", "gather", "pack", "signature"]

#: Bytes of one YAML file, over which it is a problem and is not read.
MAX_YAML_BYTES = 32 << 20
#: Entries of one folder of a run, likewise.
MAX_FILES = 10_000

CONFIG = "metadata/config.yaml"
INFO = "metadata/info.yaml"
METRICS = "metrics"
METRIC_KEYS = "metrics/.keys"
ARTIFACTS = "artifacts"
ARTIFACT_KEYS = "artifacts/.keys/artifacts.yaml"
MISSING = (0, 0, 0, 0)

_SETTLED_NS = 2_000_000_000  # git's "racily clean" rule: younger than this when it was read may change unseen


class Gathered:
    """The input of one run: what was read, what was looked at, what could not be read.

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
    """

    __slots__ = ("_base", "_settled_at", "files", "folders", "has_vanished", "looked", "problems", "run", "settled")

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._base = f"{run.root}/{run.name}/"
        self._settled_at = time.time_ns() - _SETTLED_NS
        self.files: dict[str, bytes] = {}
        self.looked: dict[str, tuple[int, ...]] = {}
        self.folders: dict[str, list[str]] = {}
        self.problems: list[Problem] = []
        self.settled = True
        self.has_vanished = False

    def read(self, relative: str, limit: int | None = None) -> bytes | None:
        """The bytes of a file of the run; None where it is missing or refused, the latter with a problem."""
        path = self._base + relative
        limit = MAX_YAML_BYTES if limit is None else limit
        try:
            data, status = read_bytes(path, limit)
        except (FileProblem, OSError) as error:
            return self._read_link(relative, limit, error)
        self.looked[relative] = self._stamp(status)
        self.files[relative] = data
        return data

    def names_in(self, relative: str) -> list[str] | None:
        """The visible names in a folder of the run, sorted; None where it is missing, or refused with a problem."""
        path = self._base + relative
        self.looked[relative] = MISSING
        try:
            self.run.check()
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                path, status = self.run.inside(path), os.stat(path)
            self.looked[relative] = self._stamp(status)
            names = [name for name in os.listdir(path) if name[0] != "."]
        except FileNotFoundError:
            if self.looked[relative] is not MISSING:
                self.looked[relative] = MISSING
                self.problem(relative, "vanished", "it was there a moment ago")
            return None
        except (FileProblem, OSError) as error:
            self.lost(relative, error)
            return None
        self.folders[relative] = self._bounded(relative, names)
        return self.folders[relative]

    def look(self, relative: str) -> None:
        """Mark a folder of the run as one whose change must be noticed."""
        self.looked[relative] = self._stat(self._base + relative)

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

    def again(self, relative: str, wait: float = 0.02) -> bytes | None:
        """Read a file once more, that may have been in the middle of being rewritten."""
        time.sleep(wait)
        if not self.has_folder(os.path.dirname(relative)):
            return None
        self.problems = [problem for problem in self.problems if problem.file != f"{self.run.name}/{relative}"]
        return self.read(relative)

    def is_fresh(self, relative: str) -> bool:
        """Whether a file was written less than two seconds before it was read; a missing one, whether its run was."""
        if relative in self.files or self.looked[relative] != MISSING:
            return self.looked[relative][2] > self._settled_at
        try:
            return os.stat(self.run.path).st_ctime_ns > self._settled_at
        except OSError:
            return False

    def _read_link(self, relative: str, limit: int, error: FileProblem | OSError) -> bytes | None:
        """The bytes behind a link, or nothing and why; `error` is what reading it as a file gave."""
        path = self._base + relative
        try:
            if isinstance(error, FileProblem) or not os.path.islink(path):
                raise error
            data, status = read_bytes(self.run.inside(path), limit)
        except FileNotFoundError:
            self.looked[relative] = MISSING
            return None
        except (FileProblem, OSError) as reason:
            self.lost(relative, reason)
            self.looked[relative] = self._stat(path)
            return None
        self.looked[relative] = self._stamp(status)
        self.files[relative] = data
        return data

    def _stat(self, path: str) -> tuple[int, ...]:
        try:
            return self._stamp(os.stat(path))
        except OSError:
            self.settled = False
            return MISSING

    def _stamp(self, status: os.stat_result) -> tuple[int, ...]:
        if status.st_ctime_ns > self._settled_at:
            self.settled = False
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

    def _bounded(self, relative: str, names: list[str]) -> list[str]:
        if len(names) <= MAX_FILES and all(map(str.isprintable, names)):
            return sorted(names)
        good = sorted(filter(_is_text, names), key=lambda name: (not name.endswith((".json", ".yaml")), name))
        if len(good) < len(names):
            self.problem(relative, "odd name", f"{len(names) - len(good)} file names are no text", "the other files")
        if len(good) > MAX_FILES:
            self.problem(relative, "too many", f"{len(good):,} files; the limit is {MAX_FILES:,}", "the first of them")
        return sorted(good[:MAX_FILES])


def gather(run: RunDir) -> Gathered:
    """Read everything of a run that a scan needs: two YAML files, the folders of logs, the catalogues. Never raises."""
    found = Gathered(run)
    try:
        _gather(found)
    except Exception as error:  # an unknown defect costs what was not read yet of one run
        found.settled = False
        found.problem("", "defect", f"{type(error).__name__}: {error}", "what was read before")
    return found


def _gather(found: Gathered) -> None:
    if found.has_folder("metadata"):
        found.read(CONFIG)
        found.read(INFO)
    else:
        found.looked |= {CONFIG: MISSING, INFO: MISSING}
    if found.names_in(METRICS) is not None:
        for name in found.names_in(METRIC_KEYS) or ():
            if name.endswith(".yaml"):
                found.read(f"{METRIC_KEYS}/{name}")
    if found.has_folder(ARTIFACTS) and found.has_folder("artifacts/.keys"):
        found.read(ARTIFACT_KEYS)
    else:
        found.looked[ARTIFACT_KEYS] = MISSING
    found.has_vanished = CONFIG not in found.files and _is_gone(found.run.path)


def signature(run: RunDir, looks: Sequence[str]) -> bytes:
    """What the looked-at files and folders of a run are now, for comparison: one system call each."""
    base = run.path + "/"
    stamps: list[int] = []
    for relative in looks:
        try:
            status = os.stat(base + relative)
        except FileNotFoundError:
            stamps += MISSING
        except OSError as error:
            stamps += (1, 0, 0, error.errno or 0)
        else:
            stamps += (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return pack(stamps)


def pack(stamps: Sequence[int]) -> bytes:
    """Stamps as bytes; numbers beyond 64 bits are cut, which can only make a run be read again."""
    try:
        return struct.pack(f"{len(stamps)}q", *stamps)
    except struct.error:
        return struct.pack(f"{len(stamps)}Q", *(stamp & 0xFFFF_FFFF_FFFF_FFFF for stamp in stamps))


def _is_gone(path: str) -> bool:
    """Whether there is nothing; an error of the disk does not say so."""
    try:
        os.lstat(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
