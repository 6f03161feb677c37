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

from ..disk import FileProblem, Problem, read_bytes
from .blocks import Block

__all__ = ["FILE_NAME", "IndexProblem", "read", "write"]

#: The name of the index in the log folder or in `dst_dir`.
FILE_NAME = "mlxp_pandas.index"

_KIND = "mlxp_pandas index 2"
_MAX_BYTES = 4 << 30
_STALE_SECONDS = 3600.0


class IndexProblem(Exception):
    """An index that cannot be used: the reason, and whether the file is ours to replace."""

    def __init__(self, reason: str, *, is_ours: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_ours = is_ours


def read(root: str, folder: str) -> tuple[list[Block], list[Problem]] | None:
    """The stored blocks, and the problems of the folder; None where there is no index, or the one of a copied folder.

    Raises
    ------
    IndexProblem
        A file that cannot be trusted or understood.
    """
    path = os.path.join(folder, FILE_NAME)
    try:
        if not _is_ours(path, root):
            return None
        head, *lines = read_bytes(path, _MAX_BYTES)[0].split(b"\n")
        identity = _identity(root)
    except (OSError, FileProblem) as error:
        reason = getattr(error, "strerror", None) or error
        raise IndexProblem(f"it cannot be read ({reason})", is_ours=False) from None
    kind, owner, digest = _parsed_head(head)
    if kind != _KIND:
        raise IndexProblem("it was written by another version of mlxp_pandas")
    if digest != _digest(lines):
        raise IndexProblem("it is damaged (its contents do not fit its checksum)")
    if owner != identity:
        if folder == root:
            return None
        raise IndexProblem("it belongs to another log folder")
    try:
        problems = [Problem(*problem) for problem in json.loads(lines[0])]
        return [Block.from_text(line) for line in lines[1:]], problems
    except Exception as error:  # whatever it holds: what cannot be understood is damaged
        raise IndexProblem(f"it is damaged ({type(error).__name__}: {error})") from None


def write(root: str, folder: str, blocks: Iterable[Block], problems: Sequence[Problem]) -> None:
    """Put a new index in place.

    Raises
    ------
    IndexProblem
        A full disk, no permission, a file in its place that is not ours: the old index is as it was.
    """
    path = os.path.join(folder, FILE_NAME)
    beside = f"{path}.{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        lines = [json.dumps(problems).encode(), *(block.to_text().encode() for block in blocks)]
        head = json.dumps([_KIND, _identity(root), _digest(lines)]).encode()
        try:
            with open(beside, "xb") as file:
                file.write(b"\n".join([head, *lines]))
                file.flush()
                os.fsync(file.fileno())
            _is_ours(path, root)
            os.replace(beside, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(beside)
    except OSError as error:
        raise IndexProblem(f"it cannot be written ({error.strerror or error})") from None
    _sweep(folder)


def _parsed_head(head: bytes) -> tuple[object, object, object]:
    try:
        kind, owner, digest = json.loads(head)
    except Exception:
        raise IndexProblem("it is damaged or of another version of mlxp_pandas") from None
    return kind, owner, digest


def _is_ours(path: str, root: str) -> bool:
    """Whether there is an index, refusing what is not a regular file of this user or of the owner of the logs."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise IndexProblem("something else than a file has its name", is_ours=False)
    if hasattr(os, "getuid") and status.st_uid not in (os.getuid(), os.stat(root).st_uid):
        raise IndexProblem("it belongs to another user", is_ours=False)
    return True


def _identity(root: str) -> int:
    """What tells the log folder from its copies: its inode."""
    return os.stat(root).st_ino


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
