# SPDX-License-Identifier: MIT
"""The index: whatever its bytes, it is refused or tells what was written into it; its texts become plain values."""

from __future__ import annotations

import datetime
import json
import tempfile
from pathlib import Path
from typing import Any

from mlxp_pandas.disk import Problem
from mlxp_pandas.runs import index
from mlxp_pandas.runs.row import Layout, Row, to_blocks, to_rows

VALUES = [
    [1, "cnn", 0.1, True, None, (1, ("a", 2.5)), {"a": 1}, frozenset({1})],
    [
        2,
        "\u00e9\ud800",
        float("nan"),
        -0.0,
        2**70,
        datetime.date(2026, 1, 1),
        b"\xff",
        datetime.datetime(2026, 1, 1, 5),
    ],
]
PROBLEM = Problem(1, "metadata/config.yaml", 3, "not yaml", "cut", "nothing")
NAMES = tuple(f"config.{letter}" for letter in "abcdefg")
LAYOUT = Layout(NAMES, ("info.status",), ("train.loss",), ("artifact.pickle.",), ("metadata",))


def row(values: list[Any], log_id: int, problems: list[Problem]) -> Row:
    return Row(log_id, LAYOUT, values, 5, problems)


def text(values: list[Any]) -> str:
    """The line of one run."""
    return index._to_text(*to_blocks([row(values, 1, [PROBLEM])]))


FOLDER = tempfile.TemporaryDirectory()
PATH = Path(FOLDER.name, index.FILE_NAME)
ROWS = [row(values, n, [PROBLEM] * n) for n, values in enumerate(VALUES)]
index.write(FOLDER.name, FOLDER.name, to_blocks(ROWS), [PROBLEM])
VALID = PATH.read_bytes()
TRUTH = repr((list(to_rows(to_blocks(ROWS))), [PROBLEM]))

SEEDS = [
    VALID,
    VALID[: len(VALID) // 2],
    b"\x00\x00\x01\x00",
    b"\x00\x64\x04\x0d\x00\x00\x00\x03\x10\x00\x02\x05\x00",
    *(f"[]\n{text(values)}".encode() for values in VALUES),
    b'[[1,"file",2,"kind","reason","kept"]]\n[[["a","b"],[],[],[],[]],[1,2],[3,4],[[1],[{"tuple":[2]},null]],[]]',
    b'[]\n[[["a"],[],[],[],[]],[1],[3],[[{"map":[[1,{"set":[{"tuple":[]}]}]]}]],[[1,[]]]]',
    b'[]\n[[["a"],[],[],[],[]],[1],[3],[[{"date":"2026-01-01"}]],[]]\n[[["b"],[],[],[],[]],[2],[3],[[{"bytes":"aGk="}]],[]]',
]


def check(data: bytes) -> None:
    """Texts in an index with a right checksum, a whole index, or patches on a valid one."""
    if data.startswith(b"[") and not data.startswith(b'["mlxp'):
        check_texts(data)
        return
    content = data if len(data) > 2000 else patched(data)
    stored = read(content)
    assert not stored.digest or repr((list(to_rows(stored.blocks)), stored.problems)) == TRUTH


def read(content: bytes) -> index.Stored:
    """What an index of these bytes tells, nothing where it is refused."""
    PATH.write_bytes(content)
    return index.read(FOLDER.name, FOLDER.name)


def patched(data: bytes) -> bytes:
    """The valid index with a few bytes changed: place (two bytes), length, bytes, again and again."""
    content = bytearray(VALID)
    while len(data) > 3:
        at, length = int.from_bytes(data[:2], "big") % len(content), 1 + data[2] % 16
        patch, data = data[3 : 3 + length], data[3 + length :]
        content[at : at + len(patch)] = patch
    return bytes(content)


def check_texts(data: bytes) -> None:
    """Texts that nobody writes, under a checksum that fits: plain values, or an error that says so."""
    lines = data.split(b"\n")
    head = json.dumps([index._KIND, Path(FOLDER.name).stat().st_ino, index._digest(lines)])
    stored = read(b"\n".join([head.encode(), *lines]))
    for row in to_rows(stored.blocks):
        assert len(row.values) == len(row.layout.config + row.layout.info)
        assert_plain(row.values)


_LEAVES = (str, int, float, bytes, datetime.date, type(None))


def assert_plain(value: Any) -> None:
    assert isinstance(value, (*_LEAVES, list, tuple, dict, frozenset)), type(value)
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    for part in () if isinstance(value, _LEAVES) else value:
        assert_plain(part)
