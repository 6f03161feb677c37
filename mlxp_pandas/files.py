# SPDX-License-Identifier: MIT
"""Opening and reading the files of a run: regular files only, no links, never more than a limit."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

__all__ = ["FileProblem", "others_claim", "read_bytes", "read_parts", "read_tail", "reason_of"]

_PART = 1 << 22  # bytes

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class FileProblem(Exception):
    """A file that exists and that is not read: `kind` and `reason` as in `Problem`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason


def read_bytes(path: str, limit: int, _tries: int = 3) -> tuple[bytes, os.stat_result]:
    """Read a regular file whole, with the stat of the open file.

    Raises
    ------
    FileProblem
        A link, a directory, a device, more than `limit` bytes, or fewer bytes than the file has.
    OSError
        What the system says: missing, no permission, input/output error.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise _unopened(error) from None
    try:
        status = os.fstat(descriptor)
        expected = status.st_size
        if not stat.S_ISREG(status.st_mode) or expected > limit:
            raise _refusal(status, limit)
        data = os.read(descriptor, expected + 1)  # one byte more tells the end: most files cost one call
        if len(data) != expected:
            data = _read_on(descriptor, limit, data)
    finally:
        os.close(descriptor)
    if len(data) >= expected:
        return data, status
    if _tries > 1:  # a file that is rewritten in place is empty for a moment
        return read_bytes(path, limit, _tries - 1)
    raise _cut_short(len(data), expected)


def read_parts(path: str, limit: int) -> Iterator[bytes]:
    """Read a regular file part by part, as long as it is when it is opened; raises as `read_bytes` does."""
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > limit:
            raise _refusal(status, limit)
        left = status.st_size
        while left and (part := os.read(descriptor, min(left, _PART))):
            left -= len(part)
            yield part
    finally:
        os.close(descriptor)
    if left:
        raise _cut_short(status.st_size - left, status.st_size)


def read_tail(path: str, size: int) -> tuple[bytes, os.stat_result]:
    """Read the last `size` bytes of a regular file of any length; raises as `read_bytes` does."""
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refusal(status, 0)
        os.lseek(descriptor, max(status.st_size - size, 0), os.SEEK_SET)
        data = os.read(descriptor, size + 1)
        data = data if len(data) == size else _read_on(descriptor, size, data)
    finally:
        os.close(descriptor)
    if len(data) < min(size, status.st_size):
        raise _cut_short(len(data), min(size, status.st_size))
    return data, status


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


def _unopened(error: OSError) -> Exception:
    """Sockets are not opened, whatever the flags."""
    return FileProblem("not a file", "it is a socket, not a regular file") if error.errno == errno.ENXIO else error


def _cut_short(found: int, expected: int) -> FileProblem:
    return FileProblem("cut short", f"{found:,} of {expected:,} bytes could be read; it was changed meanwhile")


def _refusal(status: os.stat_result, limit: int) -> FileProblem:
    """Why a file is not read: what it is, or its size."""
    if not stat.S_ISREG(status.st_mode):
        return FileProblem("not a file", f"it is a {_kind(status.st_mode)}, not a regular file")
    return FileProblem("too large", f"{status.st_size:,} bytes; the limit is {limit:,}")


def _read_on(descriptor: int, limit: int, data: bytes) -> bytes:
    """Read to the end of a file that is longer or shorter than it said."""
    parts = [data]
    total = len(data)
    while parts[-1] and total <= limit:
        parts.append(os.read(descriptor, 1 << 20))
        total += len(parts[-1])
    return b"".join(parts)[:limit]


def _kind(mode: int) -> str:
    names = {stat.S_IFDIR: "directory", stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket", stat.S_IFLNK: "link"}
    return names.get(stat.S_IFMT(mode), "device")
