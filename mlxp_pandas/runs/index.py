# SPDX-License-Identifier: MIT
"""The index: what the last scan read, in one text file that is only ever a cache.

It is written beside and put in place whole, and read without a lock. A file that cannot be used is named and replaced
by the truth; one that is not ours is never touched. Its first line says what it is and holds a checksum of the rest:
a line with the problems of the folder, and one for each block.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import time
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

from ..disk import FileProblem, Problem, read_bytes
from .blocks import Block

__all__ = ["FILE_NAME", "Stored", "read", "write"]

#: The name of the index in the log folder or in `dst_dir`.
FILE_NAME = "mlxp_pandas.index"

_KIND = "mlxp_pandas index 2"
_MAX_BYTES = 4 << 30
_STALE_SECONDS = 3600.0


class Stored(NamedTuple):
    """What an index holds; where it cannot be used, the reason instead, and whether the file may be replaced."""

    blocks: Sequence[Block] = ()
    problems: Sequence[Problem] = ()
    digest: str = ""
    reason: str = ""
    may_replace: bool = True


def read(root: str, folder: str) -> Stored:
    """What the index of a log folder holds; nothing where there is none, or one of a folder that it was copied from."""
    path = os.path.join(folder, FILE_NAME)
    try:
        reason = _foreign(path, root)
        if reason:
            return Stored(reason=reason, may_replace=False)
        data, _ = read_bytes(path, _MAX_BYTES)
        inode = os.stat(root).st_ino
    except FileNotFoundError:
        return Stored()
    except (OSError, FileProblem) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Stored(reason=f"it cannot be read ({reason})", may_replace=False)
    try:
        return _parsed(data, inode, is_copied=folder == root)
    except Exception as error:  # whatever it holds: what cannot be understood is damaged
        return Stored(reason=f"it is damaged ({type(error).__name__}: {error})")


def write(root: str, folder: str, blocks: Iterable[Block], problems: Sequence[Problem], known: str = "") -> str:
    """Put an index in place, unless `known` is its digest; the reason where that fails and the old one stays."""
    path = os.path.join(folder, FILE_NAME)
    beside = f"{path}.{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        lines = [json.dumps(problems).encode(), *(block.to_text().encode() for block in blocks)]
        digest = _digest(lines)
        if digest == known:
            return ""
        head = json.dumps([_KIND, os.stat(root).st_ino, digest]).encode()
        with open(beside, "xb") as file:
            file.write(b"\n".join([head, *lines]))
            file.flush()
            os.fsync(file.fileno())
        reason = _foreign(path, root)
        if not reason:
            os.replace(beside, path)
            _sweep(folder)
    except OSError as error:
        reason = f"it cannot be written ({error.strerror or error})"
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)
    return reason


def _parsed(data: bytes, inode: int, *, is_copied: bool) -> Stored:
    head, *lines = data.split(b"\n")
    kind, owner, digest = json.loads(head)
    if kind != _KIND:
        return Stored(reason="it was written by another version of mlxp_pandas")
    if digest != _digest(lines):
        return Stored(reason="it is damaged (its contents do not fit its checksum)")
    if owner != inode:
        return Stored(reason="" if is_copied else "it belongs to another log folder")
    problems = [Problem(*problem) for problem in json.loads(lines[0])]
    return Stored([Block.from_text(line) for line in lines[1:]], problems, digest)


def _foreign(path: str, root: str) -> str:
    """What a file is that is not ours to use or replace; empty for one of this user or of the owner of the logs."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(status.st_mode):
        return "something else than a file has its name"
    is_ours = not hasattr(os, "getuid") or status.st_uid in (os.getuid(), os.stat(root).st_uid)
    return "" if is_ours else "it belongs to another user"


def _digest(lines: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=20)
    for line in lines:
        digest.update(line + b"\n")
    return digest.hexdigest()


def _sweep(folder: str) -> None:
    """Remove what a killed writer left behind an hour ago or more."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(FILE_NAME + ".") and name.endswith(".tmp"):
                path = os.path.join(folder, name)
                if time.time() - os.lstat(path).st_mtime > _STALE_SECONDS:
                    os.unlink(path)
