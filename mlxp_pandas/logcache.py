# SPDX-License-Identifier: MIT
"""Parsed metrics files, kept within a session: an unchanged file is not read again, of a grown one only its new end."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from typing import NamedTuple

from .boundedcache import BoundedCache
from .jsonlines import LogRows, joined_logs, parse
from .logfile import LogFolder

__all__ = ["CACHE_BYTES", "MIN_BYTES", "LogCache"]

#: Bytes of all curves that are kept; what was used longest ago is forgotten first.
CACHE_BYTES = 256 << 20
#: Bytes of a file, below which reading it again is cheaper than remembering it.
MIN_BYTES = 4096

_OVERLAP = 64  # bytes before the new end of a file that must be as they were
_SETTLED_NS = 2_000_000_000  # git's "racily clean" rule: younger than this when it was read may change unseen

Signature = tuple[int, int, int, int]


class _Entry(NamedTuple):
    """One file as it was when it was read."""

    signature: Signature
    is_settled: bool
    keys: frozenset[str]  # that were looked for
    log: LogRows
    seam: bytes  # the last bytes up to `log.end`


class LogCache:
    """Parsed metrics files by path, each with the signature (size, times, inode) of what was read.

    What is handed out is shared and must not be written to: see `curvefiles` for the copies.
    """

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._entries: BoundedCache[str, _Entry] = BoundedCache(limit)

    def find(self, folder: LogFolder, log: str, keys: Collection[str]) -> LogRows | None:
        """The log, if it is known with these keys and the file is as it was, or has only grown; raises OSError."""
        if not len(self._entries):
            return None
        path = folder.path(log)
        entry = self._entries.get(path)
        if entry is None or not entry.keys.issuperset(keys):
            return None
        signature = _signature(os.lstat(path))
        if signature == entry.signature:
            return entry.log if entry.is_settled else None
        if signature[0] > entry.signature[0] and signature[3] == entry.signature[3] and entry.seam.endswith(b"\n"):
            return self._grown(folder, log, entry)
        return None

    def keep(self, path: str, status: os.stat_result, data: bytes, keys: Collection[str], log: LogRows) -> bool:
        """Remember a log, with what is known of the same file from earlier calls; whether it was worth it."""
        if len(data) < MIN_BYTES or _has_objects(log):
            return False
        entry = _entry(status, frozenset(keys), log, data)
        old = self._entries.get(path)
        if old is not None and old.signature == entry.signature and old.is_settled:
            log = log._replace(curves=old.log.curves | log.curves, rows=old.log.rows | log.rows)
            entry = entry._replace(keys=entry.keys | old.keys, log=log)
        self._entries.put(path, entry, _size(log))
        return True

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def _grown(self, folder: LogFolder, name: str, entry: _Entry) -> LogRows | None:
        """The log with the rows that were appended; None where the whole file must be read."""
        seam = entry.seam
        data, status = folder.read(name, entry.log.end - len(seam))
        if status.st_ino != entry.signature[3] or not data.startswith(seam):
            return None
        more = parse(data[len(seam) :], entry.keys, first_line=2)  # not the file's first
        log = None if more.faults else joined_logs(entry.log, more)
        if log is None or _has_objects(log):
            return None
        self._entries.put(folder.path(name), _entry(status, entry.keys, log, data, more.end + len(seam)), _size(log))
        return log


def _entry(status: os.stat_result, keys: frozenset[str], log: LogRows, data: bytes, end: int | None = None) -> _Entry:
    end = log.end if end is None else end
    is_settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS
    return _Entry(_signature(status), is_settled, keys, log, data[max(end - _OVERLAP, 0) : end])


def _signature(status: os.stat_result) -> Signature:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _has_objects(log: LogRows) -> bool:
    """Whether a curve holds lists or mappings, perhaps: a copy of it would share them."""
    return any(curve.dtype == object for curve in log.curves.values())


def _size(log: LogRows) -> int:
    arrays = {id(array): array.nbytes for array in (*log.curves.values(), *log.rows.values())}
    return 1024 + sum(arrays.values())
