# SPDX-License-Identifier: MIT
"""What is read of one run, what was looked at on the way and must be compared later, and what could not be read.

`gather` is all the input of one run that a scan needs, so that many runs can wait for a network disk at once.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Sequence
from operator import attrgetter

from .files import FileProblem, Problem, read_bytes, reason_of
from .folder import RunDir
from .tree import Fault

__all__ = ["ARTIFACTS", "ARTIFACT_KEYS", "CONFIG", "INFO", "LOG_KEYS", "MAX_FILES", "METRICS", "Gathered", "gather"]
__all__ += ["signature"]

#: Bytes of one YAML file, over which it is a problem and is not read.
MAX_YAML_BYTES = 32 << 20
#: Entries of one folder of a run, likewise.
MAX_FILES = 10_000

CONFIG, INFO = "metadata/config.yaml", "metadata/info.yaml"
METRICS, LOG_KEYS = "metrics", "metrics/.keys"
ARTIFACTS, ARTIFACT_KEYS = "artifacts", "artifacts/.keys/artifacts.yaml"

_MISSING = (1, 0, 0, errno.ENOENT)
_numbers = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_SETTLED_NS = 2_000_000_000  # git's "racily clean" rule: younger than this when it was read may change unseen
_PASSING = ("cut short", "unreadable", "defect")  # kinds of problems that may be gone at the next look
_THROUGH_ALL = "metadata/../metrics/.keys/../../artifacts/.keys/../../.."


class Gathered:
    """The input of one run; whatever is asked of it never raises for what is on the disk.

    Attributes
    ----------
    files : dict of str to bytes
        Contents by path relative to the run.
    looked : dict of str to tuple of int
        What a later scan must compare: path to (size, mtime_ns, ctime_ns, inode), or (1, 0, 0, the error) where
        the system tells none.
    logs : tuple of str or None
        The names of the metrics files, sorted; None where their folder could not be listed.
    problems : list of Problem
    settled : bool
        False where a change could go unseen (something is younger than two seconds, or the disk gave an error).
    has_vanished : bool
        Whether the run is gone.
    """

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._base = run.path + "/"
        self._settled_at = time.time_ns() - _SETTLED_NS
        self.files: dict[str, bytes] = {}
        self.looked: dict[str, tuple[int, ...]] = {}
        self.logs: tuple[str, ...] | None = None
        self.problems: list[Problem] = []
        self.settled = True
        self.has_vanished = False

    def read(self, relative: str, limit: int | None = None) -> bytes | None:
        """The bytes of a file of the run; None where it is missing or refused, the latter with a problem."""
        path = self._base + relative
        try:
            data, status = self.run.followed(read_bytes, path, MAX_YAML_BYTES if limit is None else limit)
        except FileNotFoundError:
            self.looked[relative] = _MISSING
            return None
        except (FileProblem, OSError) as error:
            self.lost(relative, error)
            self.look(relative)
            return None
        self._mark(relative, _numbers(status))
        self.files[relative] = data
        return data

    def again(self, relative: str) -> bytes | None:
        """Read a file once more, that may have been in the middle of being rewritten."""
        time.sleep(0.02)
        self.problems = [problem for problem in self.problems if problem.file != f"{self.run.name}/{relative}"]
        return self.read(relative) if self.has_folder(os.path.dirname(relative)) else None

    def names_in(self, relative: str) -> list[str] | None:
        """The visible names in what is known to be a folder, sorted; None where it is refused with a problem."""
        self.look(relative)
        try:
            names = [name for name in os.listdir(self._base + relative) if name[0] != "."]
        except OSError as error:
            self.lost(relative, error)
            return None
        texts = [name for name in names if name.isascii() or name.encode("utf-8", "replace").decode() == name]
        if len(texts) < len(names):
            self.problem(relative, "odd name", f"{len(names) - len(texts)} file names are no text", "the other files")
        if len(texts) > MAX_FILES:
            self.problem(relative, "too many", f"{len(texts):,} files; the limit is {MAX_FILES:,}", "the first of them")
            texts.sort(key=lambda name: (not name.endswith((".json", ".yaml")), name))
        return sorted(texts[:MAX_FILES])

    def look(self, relative: str) -> None:
        """Mark a file or folder of the run as one whose change must be noticed."""
        self._mark(relative, _stamp(self._base + relative))

    def has_folder(self, relative: str, *, quietly: bool = False) -> bool:
        """Whether a folder is there and leads nowhere outside; a file in its place is a problem unless `quietly`."""
        path = self._base + relative
        try:
            self.run.check()
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                status = os.stat(self.run.inside(path))
            if not stat.S_ISDIR(status.st_mode) and not quietly:
                raise FileProblem("not a folder", "it is no folder")
            return stat.S_ISDIR(status.st_mode)
        except FileNotFoundError:
            self.looked[relative] = _MISSING
        except (FileProblem, OSError) as error:
            self.lost(relative, error)
        return False

    def problem(self, relative: str, kind: str, reason: str, kept: str = "nothing of it") -> None:
        """Name what is wrong with a file."""
        self.faults(relative, [Fault(None, kind, reason, kept)])

    def faults(self, relative: str, faults: Iterable[Fault]) -> None:
        """Name what is wrong in a file."""
        self.problems += [Problem(self.run.log_id, f"{self.run.name}/{relative}", *fault) for fault in faults]

    def lost(self, relative: str, error: Exception) -> None:
        """Name what the system or we refused."""
        kind, reason = reason_of(error)
        self.settled &= kind not in _PASSING
        self.problem(relative, kind, reason)

    def _mark(self, relative: str, stamp: tuple[int, ...]) -> None:
        self.looked[relative] = stamp
        self.settled &= stamp[2] <= self._settled_at


def gather(run: RunDir) -> Gathered:
    """Read two YAML files of a run, the names of its logs, and the catalogues; parses nothing and never raises."""
    found = Gathered(run)
    found.looked |= dict.fromkeys((CONFIG, INFO, METRICS, ARTIFACT_KEYS), _MISSING)
    try:
        _gather(found)
        found.has_vanished = CONFIG not in found.files and _stamp(run.path) == _MISSING
    except Exception as error:  # an unknown defect costs what was not read yet of one run
        found.lost("", error)
    return found


def signature(run: RunDir, looks: Sequence[str]) -> int:
    """What the looked-at files and folders of a run are now, as a number to compare: one system call each."""
    base = run.path + "/"
    return hash(tuple([_stamp(base + relative) for relative in looks]))  # of integers: the same in every process


def _gather(found: Gathered) -> None:
    has_all = found.run.leads_home(_THROUGH_ALL)  # one system call: every folder is there, and none of them is a link
    if has_all or found.has_folder("metadata"):
        found.read(CONFIG)
        found.read(INFO)
    names = found.names_in(METRICS) if has_all or found.has_folder(METRICS) else None
    if names is not None:
        found.logs = tuple([name[:-5] for name in names if name.endswith(".json")])
        catalogues = [f"{LOG_KEYS}/{log}.yaml" for log in found.logs]
        found.looked |= dict.fromkeys(catalogues, _MISSING)
        for catalogue in catalogues if has_all or found.has_folder(LOG_KEYS) else ():
            found.read(catalogue)
    if has_all or (found.has_folder(ARTIFACTS) and found.has_folder("artifacts/.keys")):
        found.read(ARTIFACT_KEYS)


def _stamp(path: str) -> tuple[int, ...]:
    """What a file or folder is; also of what is missing or refused, and for a path that nobody writes into an index."""
    try:
        return _numbers(os.stat(path))
    except (OSError, ValueError) as error:
        return 1, 0, 0, getattr(error, "errno", None) or 0
