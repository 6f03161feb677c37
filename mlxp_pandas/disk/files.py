# SPDX-License-Identifier: MIT
"""Reading the files of a run: regular files only, no links, never more than a limit; and what is wrong with them.

Where the disk is slow, `ordered_map` lets many files wait at once.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from ..errors import ProblemsWarning, user_stacklevel
from ..plaintext import printable

__all__ = ["FileProblem", "Problem", "ordered_map", "others_claim", "read_bytes", "read_end", "read_parts"]
__all__ += ["reason_of", "warn_of"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_SHOWN = 3  # problems in a warning
_PART = 1 << 18  # bytes; more are slower, as they leave the cache of the processor
_MEASURED = 5  # items that tell how slow the disk is
_WAITING = 0.0005  # seconds that the median of them waits; below, threads cost more than they hide
_THREADS = 8
_KINDS = {errno.ENOTDIR: ("not a folder", "it is no folder"), errno.ENXIO: ("not a file", "it is a socket")}
# Those that the system has; each is a bit of its own.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_RDONLY", "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))


class FileProblem(Exception):
    """A file that exists and that is not read: `kind` and `reason` as in `Problem`."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind, self.reason = kind, reason


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
    count = f"{len(problems)} problem(s) in {len({problem.log_id for problem in problems})} run(s)"
    first = "\n".join(f"  {problem.sentence}" for problem in problems[:_SHOWN])
    rest = f"\n  ... and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    message = f"{count}; everything else is loaded.\n{first}{rest}\nAll of them: {see}"
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
    return read_end(path, limit, limit)


def read_parts(path: str, limit: int) -> Iterator[bytes]:
    """Read a regular file part by part, as long as it is when it is opened; raises as `read_bytes` does."""
    descriptor = os.open(path, _FLAGS)
    try:
        yield from _parts(descriptor, _checked(descriptor, limit).st_size)
    finally:
        os.close(descriptor)


def read_end(path: str, size: int, limit: int = sys.maxsize) -> tuple[bytes, os.stat_result]:
    """Read the last `size` bytes of a regular file of at most `limit` bytes; raises as `read_bytes` does."""
    descriptor = os.open(path, _FLAGS)
    try:
        status = _checked(descriptor, limit)
        size = min(size, status.st_size)
        if size < status.st_size:
            os.lseek(descriptor, -size, os.SEEK_END)
        data = os.read(descriptor, size)
        if len(data) < size:  # nearly never
            data += b"".join(_parts(descriptor, size - len(data)))
        return data, status
    finally:
        os.close(descriptor)


def ordered_map(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Apply a function to each item, lazily and in order; with threads if the first items mostly wait.

    Parameters
    ----------
    function : callable
        Called once an item, from any thread. What it raises is raised when its result is asked for.
    items : iterable
        Taken as results are asked for; at most 16 ahead of them.

    Returns
    -------
    iterator
        The results, in the order of the items. They never depend on whether threads were used.

    Examples
    --------
    >>> list(ordered_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    source = iter(items)
    waits = []
    for item in islice(source, _MEASURED):
        start = time.perf_counter() - time.thread_time()
        result = function(item)
        waits.append(time.perf_counter() - time.thread_time() - start)
        yield result
    are_slow = waits and sorted(waits)[len(waits) // 2] > _WAITING
    yield from _threaded(function, source) if are_slow else map(function, source)


def reason_of(error: Exception) -> tuple[str, str]:
    """The kind and the reason, as in `Problem`, of what kept a file from being read."""
    if isinstance(error, FileProblem):
        return error.kind, error.reason
    if isinstance(error, OSError):
        return _KINDS.get(error.errno or 0) or ("unreadable", error.strerror or str(error))
    return "defect", f"{type(error).__name__}: {error}"


def others_claim(status: os.stat_result) -> str:
    """Who but the current user may have written what has this status, as a clause; empty if nobody. POSIX only."""
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    mode = f"can be written by others (mode {stat.S_IMODE(status.st_mode):o}; chmod go-w would change that)"
    return mode if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else ""


def _checked(descriptor: int, limit: int) -> os.stat_result:
    """The stat of an open file; raises FileProblem for one that is not regular or too large."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        kind = "directory" if stat.S_ISDIR(status.st_mode) else "device, pipe or the like"
        raise FileProblem("not a file", f"it is a {kind}, not a regular file")
    if status.st_size > limit:
        raise FileProblem("too large", f"{status.st_size:,} bytes; the limit is {limit:,}")
    return status


def _parts(descriptor: int, size: int) -> Iterator[bytes]:
    while size and (part := os.read(descriptor, min(size, _PART))):
        size -= len(part)
        yield part
    if size:
        raise FileProblem("cut short", f"{size:,} bytes of it could not be read; it was changed meanwhile")


def _threaded(function: Callable[[_Item], _Result], source: Iterator[_Item]) -> Iterator[_Result]:
    """The results in order, with a bounded number of items under way."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlxp_pandas")
    try:
        pending = deque(_submitted(pool, function, item) for item in islice(source, 2 * _THREADS))
        while pending:
            yield pending.popleft()()
            pending.extend(_submitted(pool, function, item) for item in islice(source, 1))
    finally:
        # After an exception or Ctrl-C, nothing new starts and nobody waits for an item that hangs.
        pool.shutdown(wait=False, cancel_futures=True)


def _submitted(pool: ThreadPoolExecutor, function: Callable[[_Item], _Result], item: _Item) -> Callable[[], _Result]:
    """What waits for the result of an item; where the system allows no further thread, what computes it."""
    try:
        return pool.submit(function, item).result
    except RuntimeError:
        return partial(function, item)
