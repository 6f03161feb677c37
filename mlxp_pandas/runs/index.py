# SPDX-License-Identifier: MIT
"""The index: what the last scan read, in one text file that is only ever a cache.

It is written beside and put in place whole, and read without a lock. A file that cannot be used is named and replaced
by the truth; one that is not ours is never touched. Its first line says what it is and holds a checksum of the rest: a
line with the problems of the folder, and one for each layout, in columns, with the runs that have it.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha1
from typing import Any, NamedTuple

from ..disk import FileProblem, Problem, names_in, read_bytes, reason_of
from .row import Block, Layout

__all__ = ["FILE_NAME", "Stored", "read", "write"]

#: The name of the index in the log folder or in `dst_dir`.
FILE_NAME = "mlxp_pandas.index"

_KIND = "mlxp_pandas index 3"
_MAX_BYTES = 4 << 30
_STALE_SECONDS = 3600.0
_PLAIN = {str, int, float, bool, type(None)}
_encode = json.JSONEncoder(separators=(",", ":")).encode


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
        _check_is_ours(path, root)
        return _parsed(read_bytes(path, _MAX_BYTES)[0], os.stat(root).st_ino, is_copied=folder == root)
    except FileNotFoundError:
        return Stored()
    except (OSError, FileProblem) as error:
        return Stored(reason=f"it cannot be read ({reason_of(error)[1]})", may_replace=False)
    except Exception as error:  # whatever it holds: what cannot be understood is damaged
        return Stored(reason=f"it is damaged ({type(error).__name__}: {error})")


def write(root: str, folder: str, blocks: Iterable[Block], problems: Sequence[Problem], known: str = "") -> str:
    """Put an index in place, unless `known` is its digest; the reason where that fails and the old one stays."""
    path = os.path.join(folder, FILE_NAME)
    beside = f"{path}.{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        if folder != root:
            os.makedirs(folder, exist_ok=True)
        lines = [_encode(problems).encode(), *(_to_text(block).encode() for block in blocks)]
        digest = _digest(lines)
        if digest == known:
            return ""
        head = json.dumps([_KIND, os.stat(root).st_ino, digest]).encode()
        with open(beside, "xb") as file:
            file.write(b"\n".join([head, *lines]))
            file.flush()
            os.fsync(file.fileno())
        _check_is_ours(path, root)
        os.replace(beside, path)
        _sweep(folder)
    except (OSError, FileProblem) as error:
        return f"it cannot be written ({reason_of(error)[1]})"
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)
    return ""


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
    return Stored(list(map(_from_text, lines[1:])), problems, digest)


def _check_is_ours(path: str, root: str) -> None:
    """Raise FileProblem for what is no file of this user or of the owner of the logs: not to be used or replaced."""
    with contextlib.suppress(FileNotFoundError):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise FileProblem("not a file", "something else than a file has its name")
        if hasattr(os, "getuid") and status.st_uid not in (os.getuid(), os.stat(root).st_uid):
            raise FileProblem("foreign", "it belongs to another user")


def _digest(lines: Iterable[bytes]) -> str:
    return sha1(b"\n".join([*lines, b""]), usedforsecurity=False).hexdigest()


def _sweep(folder: str) -> None:
    """Remove what a killed writer left behind an hour ago or more."""
    beside = [name for name in names_in(folder) if name.startswith(FILE_NAME) and name.endswith(".tmp")]
    with contextlib.suppress(OSError):
        for path in (os.path.join(folder, name) for name in beside):
            if time.time() - os.lstat(path).st_mtime > _STALE_SECONDS:
                os.unlink(path)


def _to_text(block: Block) -> str:
    """A block as one line of JSON, with objects for what JSON has no type for."""
    columns = [column if _PLAIN.issuperset(map(type, column)) else list(map(_pack, column)) for column in block.columns]
    return _encode(block._replace(columns=columns))


def _from_text(line: bytes) -> Block:
    """The opposite of `_to_text`; raises what JSON and a text that nobody wrote raise."""
    names, log_ids, signatures, columns, problems = json.loads(line, object_hook=_unpacked)
    layout, columns = Layout(*map(tuple, names)), list(map(list, columns))
    found = [(log_id, [Problem(*problem) for problem in some]) for log_id, some in problems]
    types = set(map(type, [*log_ids, *signatures, *dict(found)])), set(map(type, sum(layout, ("",))))
    lengths = len(signatures), len(columns), {1, len(log_ids)}.issuperset(map(len, columns))
    if types != ({int}, {str}) or lengths != (len(log_ids), len(layout.config + layout.info), True):
        raise ValueError("columns of other runs or names")
    return Block(layout, log_ids, signatures, columns, found)


def _pack(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    return next({kind: write(value)} for kind, (type_, write, _) in _KINDS.items() if isinstance(value, type_))


def _unpacked(packed: dict[str, Any]) -> Any:
    ((kind, content),) = packed.items()
    return _KINDS[kind][2](content)


# Of each type that YAML has and JSON has not: how it is written and read; datetime before date, which is its base.
_KINDS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tuple": (tuple, lambda items: list(map(_pack, items)), tuple),
    "set": (frozenset, lambda items: list(map(_pack, items)), frozenset),
    "map": (dict, lambda items: list(map(_pack, items.items())), dict),
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "bytes": (bytes, lambda data: base64.b64encode(data).decode("ascii"), base64.b64decode),
}
