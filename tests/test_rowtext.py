# SPDX-License-Identifier: MIT
"""One line of a metrics file, whatever it holds: rows that are whole, and a name for what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.rowtext import MAX_DEPTH, MAX_LINE_ROWS, has_each_key_once, read_line

texts = st.text(max_size=6)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
nested = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
rows = st.dictionaries(texts, scalars | nested, max_size=4)
flat_rows = st.dictionaries(st.sampled_from(["loss", "epoch", "note"]), scalars, min_size=1, max_size=3)


def written(row: dict[str, Any]) -> bytes:
    return json.dumps(row).encode()


@given(rows, st.sampled_from([b"", b" ", b"\r", b"\r\r", b"\t"]))
def test_a_row_is_read_as_it_was_written(row: dict[str, Any], blank: bytes) -> None:
    assert read_line(blank + written(row) + blank, 1) == ([row], [])


@given(st.lists(rows, min_size=1, max_size=4))
def test_rows_that_only_miss_newlines_are_all_read(rows_: list[dict[str, Any]]) -> None:
    assert read_line(b"".join(map(written, rows_)), 1) == (rows_, [])


@given(rows, st.integers(1))
def test_a_torn_row_gives_no_row_and_one_fault(row: dict[str, Any], cut: int) -> None:
    line = written(row)
    torn = line[: 1 + cut % (len(line) - 1)] if len(line) > 1 else line
    if torn == line:
        return
    found, faults = read_line(torn, 3, is_open=True)
    assert [fault.line for fault in faults] == [3]
    # An object in a torn row that has the key the row begins with cannot be told from a row after a torn start.
    assert all(next(iter(row)) in other for other in found[:1])
    assert found or faults[0].kind == "torn last line"


@given(flat_rows, flat_rows, st.integers(1))
def test_a_row_after_a_torn_start_is_read(first: dict[str, Any], second: dict[str, Any], cut: int) -> None:
    start = written(first)
    found, faults = read_line(start[: 1 + cut % (len(start) - 1)] + written(second), 1)
    is_ambiguous = next(iter(first)) not in second
    assert found == [second] or is_ambiguous
    assert len(faults) == 1


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_rows_and_faults(line: bytes, is_open: bool) -> None:
    found, faults = read_line(line.replace(b"\n", b""), 1, is_open=is_open)
    assert all(isinstance(row, dict) for row in found)
    assert all(fault.line == 1 for fault in faults)


def test_the_depth_of_a_row_is_bounded() -> None:
    for depth, is_read in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False)):
        line = b'{"a": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
        found, faults = read_line(line, 1)
        assert bool(found) is is_read
        assert [fault.kind for fault in faults] == ([] if is_read else ["too deep"])


def test_brackets_in_text_are_not_depth() -> None:
    row = {"a": "[{" * 1000 + '"[\\"'}
    assert read_line(written(row), 1) == ([row], [])


def test_the_rows_of_one_line_are_bounded() -> None:
    found, faults = read_line(b'{"a":1}' * MAX_LINE_ROWS, 1)
    assert (len(found), faults) == (MAX_LINE_ROWS, [])
    found, faults = read_line(b'{"a":1}' * (MAX_LINE_ROWS + 1), 1)
    assert [fault.kind for fault in faults] == ["torn line"]


def test_what_could_not_be_kept_of_a_row_is_named() -> None:
    line = b'{"a": 1, "b": %s, "a": 2, "c": {"x": 1, "x": 2}}' % (b"9" * 5000)
    found, faults = read_line(line, 4)
    assert found == [{"a": 2, "b": None, "c": {"x": 2}}]
    assert [(fault.kind, fault.kept) for fault in faults] == [
        ("integer too long", "null in its place"),
        ("duplicate key", "the last value"),
        ("duplicate key", "the last value"),
    ]
    assert [fault.kind for fault in read_line(b'{"a": 1, "a": 2, "b": 3}', 1, keys=["b"])[1]] == []


@pytest.mark.parametrize("cut", ["true", "nul", "-", "1e", '"a', "[1", "{", '{"x": 1', "[{}, "])
def test_what_is_cut_short_is_torn(cut: str) -> None:
    line = f'{{"a": {cut}'.encode()
    for is_open, kind in ((True, "torn last line"), (False, "torn line")):
        found, faults = read_line(line, 9, is_open=is_open)
        assert found == []
        assert [(fault.line, fault.kind) for fault in faults] == [(9, kind)]


@given(st.lists(st.tuples(texts, scalars), max_size=4))
def test_a_key_that_is_written_twice_is_never_overlooked(pairs: list[tuple[str, Any]]) -> None:
    line = "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
    is_once = len({key for key, _ in pairs}) == len(pairs)
    assert is_once or not has_each_key_once(line, len(dict(pairs)))
    assert bool(read_line(line.encode(), 1)[1]) is not is_once
