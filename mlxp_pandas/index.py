# SPDX-License-Identifier: MIT
"""The index: what the last scan read, one row a run, in one SQLite file that is only ever a cache.

It is written beside and put in place whole, and read without a lock. A file that cannot be used is named and replaced
by the truth; one that is not ours is never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from .problems import Problem
from .rowcodec import decode, encode
from .runrow import Layout
from .yamltree import Common

__all__ = ["FILE_NAME", "Index", "IndexProblem", "IndexRow", "Stored"]

#: The name of the index in the log folder or in `dst_dir`.
FILE_NAME = "mlxp_pandas.sqlite"

_VERSION = 1
_CHUNK = 2048
_STALE_SECONDS = 3600.0
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "CREATE TABLE layouts (id INTEGER PRIMARY KEY, columns TEXT)",
    "CREATE TABLE runs (log_id INTEGER PRIMARY KEY, layout INTEGER, data TEXT, signature BLOB, settled INTEGER, "
    "problems TEXT)",
)
_SCHEMA = ";".join([f"PRAGMA user_version = {_VERSION}", *_TABLES])


class IndexProblem(Exception):
    """An index that cannot be used: the reason, and whether the file is ours to replace."""

    def __init__(self, reason: str, *, is_ours: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_ours = is_ours


class IndexRow(NamedTuple):
    """One run in the index: `data` is the text of its values (those that its layout has not), `problems` likewise."""

    log_id: int
    layout: int
    data: str
    signature: bytes
    settled: int
    problems: str


class Stored(NamedTuple):
    """A whole index: rows by ascending log_id, the layouts they name, and the folder's own problems."""

    rows: list[IndexRow]
    layouts: dict[int, Layout]
    problems: tuple[Problem, ...]
    digest: str


class Index:
    """The index file of one log folder.

    Parameters
    ----------
    root : str
        The log folder; its inode is the identity that the index must name.
    folder : str
        Where the file is: the log folder or `dst_dir`.
    """

    def __init__(self, root: str, folder: str) -> None:
        self.path = os.path.join(folder, FILE_NAME)
        self._root = root

    def read(self) -> Stored | None:
        """The stored rows, or None where there is no index.

        Raises
        ------
        IndexProblem
            A file that cannot be trusted or understood.
        """
        try:
            if not self.check_is_ours():
                return None
            with contextlib.closing(_open(self.path, "mode=ro&immutable=1&nolock=1")) as connection:
                return self._load(connection)
        except IndexProblem:
            raise
        except OSError as error:
            raise IndexProblem(f"it cannot be read ({error.strerror or error})", is_ours=False) from None
        except Exception as error:  # whatever it holds: what cannot be understood is damaged
            raise IndexProblem(f"it is damaged ({type(error).__name__}: {error})") from None

    def writer(self, copy_of: Stored | None = None) -> Writer:
        """A new index, to replace the old one; empty, or a copy of the one that `copy_of` was read from."""
        return Writer(self, copy_of)

    def _load(self, connection: sqlite3.Connection) -> Stored:
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            raise IndexProblem("it was written by another version of mlxp_pandas")
        meta = _meta(connection)
        if meta["folder"] != self.identity():
            raise IndexProblem("it belongs to another log folder")
        found = connection.execute("SELECT * FROM runs ORDER BY log_id")
        rows = list(map(IndexRow._make, _bounded(found, _size(connection))))
        found = connection.execute("SELECT 0, 0, columns, '', 0, '' FROM layouts ORDER BY id")
        texts = [row[2] for row in _bounded(found, _size(connection))]
        digest = Digest()
        for chunk in _chunks(rows):
            digest.add(chunk)
        if meta["digest"] != digest.of(texts, meta["folder"], meta["problems"]):
            raise IndexProblem("its contents do not fit its checksum")
        layouts = {place: _decoded_layout(text) for place, text in enumerate(texts)}
        if not {row.layout for row in rows} <= layouts.keys():
            raise IndexProblem("it is damaged (a row has no layout)")
        problems = tuple(Problem(*problem) for problem in json.loads(meta["problems"]))
        return Stored(rows, layouts, problems, meta["digest"])

    def check_is_ours(self) -> bool:
        """Whether there is an index, refusing what is not a regular file of this user or of the owner of the logs."""
        try:
            status = os.lstat(self.path)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(status.st_mode):
            raise IndexProblem("something else than a file has its name", is_ours=False)
        if hasattr(os, "getuid") and status.st_uid not in (os.getuid(), os.stat(self._root).st_uid):
            raise IndexProblem("it belongs to another user", is_ours=False)
        return True

    def identity(self) -> str:
        """What tells the log folder from its copies: its inode."""
        return str(os.stat(self._root).st_ino)


class Writer:
    """Writes an index beside the old one; what goes wrong is remembered in `reason` and costs only the index.

    An empty reason needs no word: another process has written one in the meantime.

    Use it as a context manager: left without `finish`, the old index is as it was.
    """

    def __init__(self, index: Index, copy_of: Stored | None) -> None:
        self.reason: str | None = None
        self._index = index
        self._path = f"{index.path}.{os.getpid()}-{secrets.token_hex(6)}.tmp"
        self._rows: list[IndexRow] = []
        self._copied = {row.log_id for row in copy_of.rows} if copy_of is not None else set()
        self._digest = Digest()
        self._connection: sqlite3.Connection | None = None
        self._copy_of = copy_of

    def __enter__(self) -> Writer:
        try:
            self._try(lambda: self._begin(self._copy_of))
        except BaseException:  # Ctrl-C
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._close()
        finally:
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def add(self, row: IndexRow) -> None:
        """Add the next row of a new index, by ascending log_id."""
        self._rows.append(row)
        if len(self._rows) == _CHUNK:
            self._try(self._flush)

    def change(self, rows: Sequence[IndexRow], changed: set[int]) -> None:
        """Bring a copy to hold `rows`: those that changed are written, those that are gone deleted."""
        self._try(lambda: self._change(rows, changed))

    def finish(self, layouts: Sequence[Layout], problems: Sequence[Problem]) -> None:
        """Put the index in place; `layouts` are numbered from 0, as the rows name them."""
        self._try(self._flush)
        self._try(lambda: self._finish(layouts, problems))

    def _try(self, work: Callable[[], None]) -> None:
        """Do a part of the work, unless an earlier one failed."""
        if self.reason is not None:
            return
        try:
            work()
        except IndexProblem as problem:
            self.reason = problem.reason
        except Exception as error:  # a full disk, no permission, an unknown defect: all cost only the index
            self.reason = f"it cannot be written ({getattr(error, 'strerror', None) or error})"

    def _begin(self, copy_of: Stored | None) -> None:
        os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666))
        if copy_of is not None:
            shutil.copyfile(self._index.path, self._path)
        self._connection = _open(self._path, "mode=rw&nolock=1")
        self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        if copy_of is None:
            self._connection.executescript(_SCHEMA)
        elif _meta(self._connection).get("digest") != copy_of.digest:
            raise IndexProblem("")  # another process has replaced it meanwhile, and knows as much as we do

    def _flush(self) -> None:
        if self._rows:
            self._digest.add(self._rows)
            self._run("INSERT INTO runs VALUES (?,?,?,?,?,?)", self._rows)
        self._rows = []

    def _change(self, rows: Sequence[IndexRow], changed: set[int]) -> None:
        gone = self._copied - {row.log_id for row in rows}
        for chunk in _chunks(rows):
            self._digest.add(chunk)
        self._run("DELETE FROM runs WHERE log_id = ?", [(log_id,) for log_id in gone])
        self._run("INSERT OR REPLACE INTO runs VALUES (?,?,?,?,?,?)", [row for row in rows if row.log_id in changed])

    def _finish(self, layouts: Sequence[Layout], problems: Sequence[Problem]) -> None:
        texts = [_encoded_layout(layout) for layout in layouts]
        self._run("INSERT OR REPLACE INTO layouts VALUES (?,?)", list(enumerate(texts)))
        meta = {"folder": self._index.identity(), "problems": json.dumps(problems)}
        meta["digest"] = self._digest.of(texts, meta["folder"], meta["problems"])
        self._run("INSERT OR REPLACE INTO meta VALUES (?,?)", list(meta.items()))
        self._close(commit=True)
        _sync(self._path)
        self._index.check_is_ours()
        os.replace(self._path, self._index.path)
        _sweep(self._index.path)

    def _run(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if self._connection is not None:
            self._connection.executemany(statement, rows)

    def _close(self, *, commit: bool = False) -> None:
        if self._connection is not None:
            if commit:
                self._connection.commit()
            self._connection.close()
            self._connection = None


class Digest:
    """A checksum of the rows in order and of what belongs to them."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=20)

    def add(self, rows: Sequence[IndexRow]) -> None:
        log_ids, layouts, data, signatures, settled, problems = zip(*rows, strict=True)
        self._hash.update(repr((log_ids, layouts, settled, problems)).encode())
        self._hash.update("\n".join(data).encode())
        self._hash.update(b"".join(signatures))

    def of(self, *rest: object) -> str:
        self._hash.update(repr(rest).encode())
        return self._hash.hexdigest()


def _meta(connection: sqlite3.Connection) -> dict[str, str]:
    """What is known of the whole index, if its tables are ours: a view could compute without end."""
    if [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master ORDER BY rowid")] != list(_TABLES):
        raise IndexProblem("it is damaged (its tables are others)")
    return dict(connection.execute("SELECT key, value FROM meta WHERE key IN ('digest', 'folder', 'problems')"))


def _encoded_layout(layout: Layout) -> str:
    common = layout.common
    return json.dumps([layout[:-1], None if common is None else [common.varying, encode(common.values)]])


def _decoded_layout(text: str) -> Layout:
    names, shared = json.loads(text)
    config, info, metrics, artifacts, looks = map(tuple, names)
    common = None
    if shared is not None:
        places, (values,) = shared[0], decode([shared[1]])
        if not set(places) <= set(range(len(values))):
            raise IndexProblem("it is damaged (a layout has other places)")
        common = Common(values, tuple(places))
    return Layout(config, info, metrics, artifacts, looks, common)


def _size(connection: sqlite3.Connection) -> int:
    pages, page_size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(pages * page_size)


def _bounded(rows: Iterable[tuple[Any, ...]], left: int) -> Iterator[tuple[Any, ...]]:
    """The rows, as long as they fit into the file: damaged pages can name one another again and again."""
    for row in rows:
        _, _, data, signature, _, problems = row
        left -= 8 + len(data) + len(signature) + len(problems)
        if left < 0:
            raise IndexProblem("it is damaged (it lists the same rows again and again)")
        yield row


def _chunks(rows: Iterable[IndexRow]) -> Iterator[list[IndexRow]]:
    chunk: list[IndexRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _open(path: str, options: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(os.fsencode(os.path.abspath(path)))}?{options}", uri=True)


def _sweep(index: str) -> None:
    """Remove what a killed writer left behind an hour ago or more."""
    folder, name = os.path.split(index)
    with contextlib.suppress(OSError):
        for other in os.listdir(folder):
            path = os.path.join(folder, other)
            if other.startswith(name + ".") and other.endswith(".tmp") and _age(path) > _STALE_SECONDS:
                os.unlink(path)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _age(path: str) -> float:
    return time.time() - os.lstat(path).st_mtime
