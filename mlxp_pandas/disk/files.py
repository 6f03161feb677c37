# SPDX-License-Identifier: MIT
"""Reading the files of a run: regular files only, no links, never more than a limit; and what is wrong with them."""

from __future__ import annotations

import errno
import os
import stat
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import ProblemsWarning, user_stacklevel
from ..plaintext import printable

__all__ = ["FileProblem", "Problem", "others_claim", "read_bytes", "read_parts", "read_tail", "warn_of"]

_SHOWN = 3  # problems in a warning
_PART = 1 << 22  # bytes
_FLAGS = os.O_RDONLY
for _name in ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):  # those that the system has
    _FLAGS |= getattr(os, _name, 0)
_KINDS = {stat.S_IFDIR: "directory", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket", stat.S_IFLNK: "link"}


class FileProblem(Exception):
    """A file that exists and that is not read: `kind` and `reason` as in `Problem`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


class Problem(NamedTuple):
    """One loss in one file of one run.

    Attributes
    ----------
    log_id : int or None
        The run; None when the folder has no valid log_id.
    file : str
        The file, relative to the log folder, with forward slashes.
    line : int or None
        The line in the file, counted from 1, where there is one.
    kind : str
        One word or two for grouping: `missing`, `unreadable`, `not yaml`, `torn line`, `too large`, `link`, ...
    reason : str
        What was found, in words.
    kept : str
        What was loaded nevertheless.
    """

    log_id: int | None
    file: str
    line: int | None
    kind: str
    reason: str
    kept: str

    @property
    def sentence(self) -> str:
        """The problem in one printable line."""
        place = f"{self.file}, line {self.line}" if self.line is not None else self.file
        return printable(f"{place}: {self.kind}: {self.reason}")


def warn_of(problems: Sequence[Problem], see: str) -> None:
    """Give one warning for all problems of a call: the count, the first few, and where to see all."""
    if not problems:
        return
    runs = len({problem.log_id for problem in problems})
    first = "\n".join(f"  {problem.sentence}" for problem in problems[:_SHOWN])
    rest = f"\n  ... and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    message = (
        f"{len(problems)} problem(s) in {runs} run(s); everything else is loaded.\n{first}{rest}\nAll of them: {see}"
    )
    warnings.warn(message, ProblemsWarning, stacklevel=user_stacklevel())


def read_bytes(path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file as long as it is when it is opened, with the stat of the open file.

    Raises
    ------
    FileProblem
        A link, a directory, a device, more than `limit` bytes, or fewer bytes than the file has.
    OSError
        What the system says: missing, no permission, input/output error.
    """
    return _read_end(path, limit, limit)


def read_parts(path: str, limit: int) -> Iterator[bytes]:
    """Read a regular file part by part, as long as it is when it is opened; raises as `read_bytes` does."""
    descriptor, status = _opened(path, limit)
    left = status.st_size
    try:
        while left and (part := os.read(descriptor, min(left, _PART))):
            left -= len(part)
            yield part
    finally:
        os.close(descriptor)
    if left:
        raise _cut_short(status.st_size - left, status.st_size)


def read_tail(path: str, size: int) -> tuple[bytes, os.stat_result]:
    """Read the last `size` bytes of a regular file of any length; raises as `read_bytes` does."""
    return _read_end(path, sys.maxsize, size)


def reason_of(error: Exception) -> tuple[str, str]:
    """The kind and the reason, as in `Problem`, of what kept a file from being read."""
    if isinstance(error, FileProblem):
        return error.kind, error.reason
    if isinstance(error, OSError):
        return "unreadable", error.strerror or str(error)
    return "defect", f"{type(error).__name__}: {error}"


def others_claim(status: os.stat_result) -> str:
    """Who but the current user may have written what has this status, as a clause; empty if nobody. POSIX only."""
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    mode = f"can be written by others (mode {stat.S_IMODE(status.st_mode):o}; chmod go-w would change that)"
    return mode if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def _opened(path: str, limit: int) -> tuple[int, os.stat_result]:
    """The descriptor of a regular file, which the caller closes, and its stat."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise FileProblem("not a file", "it is a socket, not a regular file") from None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "device")
            raise FileProblem("not a file", f"it is a {kind}, not a regular file")
        if status.st_size > limit:
            raise FileProblem("too large", f"{status.st_size:,} bytes; the limit is {limit:,}")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _read_end(path: str, limit: int, most: int) -> tuple[bytes, os.stat_result]:
    descriptor, status = _opened(path, limit)
    size = min(most, status.st_size)
    try:
        if size < status.st_size:
            os.lseek(descriptor, -size, os.SEEK_END)
        data = os.read(descriptor, size)
        while len(data) < size and (more := os.read(descriptor, size - len(data))):  # nearly never
            data += more
    finally:
        os.close(descriptor)
    if len(data) < size:
        raise _cut_short(len(data), size)
    return data, status


def _cut_short(found: int, expected: int) -> FileProblem:
    return FileProblem("cut short", f"{found:,} of {expected:,} bytes could be read; it was changed meanwhile")
