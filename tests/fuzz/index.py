# SPDX-License-Identifier: MIT
"""The index: whatever its bytes, it is refused or tells what was written into it; its texts become plain values."""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from mlxp_pandas.index import Digest, Index, IndexProblem, IndexRow, Stored
from mlxp_pandas.problems import Problem
from mlxp_pandas.rowcodec import decode, decode_problems, encode, encode_problems
from mlxp_pandas.runrow import Layout

VALUES = [
    [1, "cnn", 0.1, True, None, (1, ("a", 2.5)), {"a": 1}, frozenset({1})],
    [2, "é\ud800", float("nan"), -0.0, 2**70, datetime.date(2026, 1, 1), b"\xff", datetime.datetime(2026, 1, 1, 5)],
]
PROBLEM = Problem(1, "metadata/config.yaml", 3, "not yaml", "cut", "nothing")
LAYOUT = Layout(("config.a", "config.b"), ("info.status",), ("train.loss",), ("artifact.pickle.",), ("metadata",))
TRUTH = Stored(
    [IndexRow(n, 0, encode(row), bytes(range(40)), 1, encode_problems([PROBLEM] * n)) for n, row in enumerate(VALUES)],
    {0: LAYOUT},
    (PROBLEM,),
    "",
)


class _Index(Index):
    """The index of a folder that has the same identity everywhere."""

    def identity(self) -> str:
        return "1"


FOLDER = tempfile.TemporaryDirectory()
INDEX = _Index(FOLDER.name, FOLDER.name)
with INDEX.writer() as _writer:
    for _row in TRUTH.rows:
        _writer.add(_row)
    _writer.finish([LAYOUT], TRUTH.problems)
VALID = Path(INDEX.path).read_bytes()

SEEDS = [
    VALID,
    VALID[: len(VALID) // 2],
    b"\x00\x00\x01\x00",
    b"\x00\x64\x04\x0d\x00\x00\x00\x03\x10\x00\x02\x05\x00",
    *("\n".join([row.data, row.problems, '[[["a"],[],[],[],[]],null]', "[]"]).encode() for row in TRUTH.rows),
    b'[3]\n[["a",1,2,3,4,5]]\n[[["a","b"],[],[],[],[]],[[1],"[1,{\\"tuple\\":[2]}]"]]\n[]',
    b'[3]\n\n[[["a"],[],[],[],[]],[[0],""]]\n[[1,"file",2,"kind","reason","kept"]]',
    b'[{"map":[[1,{"set":[{"tuple":[]}]}]]},{"text":"x"},{"date":"2026-01-01"},{"bytes":"aGk="},1e400,[1],{"a":1}]',
    *(f"+{statement}".encode() for statement in (
        "CREATE VIEW other AS SELECT 1",
        "DELETE FROM runs",
        "UPDATE runs SET data = '[]'",
        "DROP TABLE meta; CREATE VIEW meta AS SELECT 'folder' AS key, '1' AS value",
        "PRAGMA user_version = 2",
        "DROP TABLE runs; CREATE VIEW runs AS WITH RECURSIVE c(x) AS (VALUES(1)) SELECT * FROM c",
    )),
]  # fmt: skip


def check(data: bytes) -> None:
    """Bytes as a whole index, texts in an index with a right checksum, statements or patches on a valid one."""
    if data.startswith(b"["):
        check_texts(data.decode("utf-8", "replace"))
        return
    if data.startswith(b"+"):
        content = changed(data[1:].decode("utf-8", "replace"))
    else:
        content = data if data.startswith(b"SQLite") or len(data) > 2000 else patched(data)
    stored = read(content)
    assert stored is None or stored._replace(digest="") == TRUTH, f"{stored} for {TRUTH}"


def read(content: bytes) -> Stored | None:
    """What an index of these bytes tells, None where it is refused."""
    Path(INDEX.path).write_bytes(content)
    try:
        return INDEX.read()
    except IndexProblem:
        return None


def patched(data: bytes) -> bytes:
    """The valid index with a few bytes changed: place (two bytes), length, bytes, again and again."""
    content = bytearray(VALID)
    while len(data) > 3:
        at, length = int.from_bytes(data[:2], "big") % len(content), 1 + data[2] % 16
        patch, data = data[3 : 3 + length], data[3 + length :]
        content[at : at + len(patch)] = patch
    return bytes(content)


def changed(script: str) -> bytes:
    """The valid index after some statements of SQL."""
    Path(INDEX.path).write_bytes(VALID)
    if any(word in script.lower() for word in ("attach", "vacuum", "random")):  # other files, other bytes
        return VALID
    with contextlib.closing(sqlite3.connect(INDEX.path)) as connection, contextlib.suppress(sqlite3.Error, ValueError):
        connection.set_progress_handler(lambda: 1, 100_000)
        connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {script}")
    return Path(INDEX.path).read_bytes()


def check_texts(text: str) -> None:
    """Texts that nobody writes, under a checksum that fits: plain values, or an error that says so."""
    row, problems, layout, folder_problems = [*text.split("\n"), "", "[]", "[]", "[]"][:4]
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        values = decode([row])
        assert_plain(values)
    with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
        decode_problems(problems)
    stored = read(forged([IndexRow(1, 0, row, b"", 1, problems)], layout, folder_problems))
    assert stored is None or stored.rows == [IndexRow(1, 0, row, b"", 1, problems)]


def forged(rows: list[IndexRow], layout: str, problems: str) -> bytes:
    """An index of these texts with a right checksum."""
    digest = Digest()
    digest.add(rows)
    meta = {"folder": "1", "problems": problems, "digest": digest.of([layout], "1", problems)}
    Path(INDEX.path).write_bytes(VALID)
    with contextlib.closing(sqlite3.connect(INDEX.path)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; DELETE FROM runs;")
        connection.executemany("INSERT INTO runs VALUES (?,?,?,?,?,?)", rows)
        connection.execute("UPDATE layouts SET columns = ?", [layout])
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?,?)", list(meta.items()))
        connection.commit()
    return Path(INDEX.path).read_bytes()


_LEAVES = (str, int, float, bytes, datetime.date, type(None))


def assert_plain(value: Any) -> None:
    assert isinstance(value, (*_LEAVES, list, tuple, dict, frozenset)), type(value)
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    for part in () if isinstance(value, _LEAVES) else value:
        assert_plain(part)
