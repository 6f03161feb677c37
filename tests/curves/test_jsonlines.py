# SPDX-License-Identifier: MIT
"""Bytes -> curves: every way of reading gives what one line after another gives, whatever the bytes."""

from __future__ import annotations

import gc
import json
import math
import random
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxp_pandas.curves import jsonlines
from mlxp_pandas.curves.jsonlines import Fault, Log, parse, rows_of_line
from tests.fuzz.jsonlines import curve_of

WAYS = [(way, fast) for way in ("usual", "small blocks", "no leaves") for fast in (True, False)]
every_way = pytest.mark.parametrize(("way", "fast"), WAYS)
SIZES = {"usual": {}, "small blocks": {"_BLOCK": 50, "_LEAF": 20}, "no leaves": {"_LEAF": 0}}


@contextmanager
def through(way: str) -> Iterator[None]:
    """Let small inputs go the ways of large ones."""
    with pytest.MonkeyPatch.context() as patch:
        for name, size in SIZES[way].items():
            patch.setattr(jsonlines, name, size)
        yield


def line_by_line(data: bytes, keys: tuple[str, ...] | None) -> Log:
    """What `parse` promises, in the simplest way."""
    *lines, tail = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    rows: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for number, line in enumerate([*lines, tail], start=1):
        new, bad = rows_of_line(line, number, is_open=number > len(lines))
        rows += new
        faults += bad
    at = {key: [place for place, row in enumerate(rows) if key in row] for row in rows for key in row}
    wanted = at if keys is None else [key for key in keys if key in at]
    curves = {key: curve_of([rows[place][key] for place in at[key]]) for key in wanted}
    return Log(curves, {key: np.array(at[key]) for key in wanted}, len(rows), faults)


def bits(curve: Any) -> list[Any]:
    """Values that compare as they are: NaN equals NaN, -0.0 is not 0.0, 1 is not 1.0."""
    return [struct.pack("d", v) if type(v) is float else (type(v).__name__, repr(v)) for v in curve.tolist()]


def assert_same(log: Log, expected: Log) -> None:
    assert log.n_rows == expected.n_rows
    assert list(log.curves) == list(expected.curves)
    for key, curve in log.curves.items():
        assert curve.dtype == expected.curves[key].dtype, key
        assert [bit if type(bit) is bytes else bit[1] for bit in bits(curve)] == [
            bit if type(bit) is bytes else bit[1] for bit in bits(expected.curves[key])
        ], key
        assert log.rows(key).tolist() == expected.rows(key).tolist(), key


def assert_same_faults(log: Log, expected: Log) -> None:
    if expected.n_rows == 0 and len(log.faults) == 1 and log.faults[0].kind == "not json lines":
        assert expected.faults
    elif len(expected.faults) <= 21:
        assert log.faults == expected.faults
    else:
        assert log.faults[:20] == expected.faults[:20]
        assert log.faults[-1] == expected.faults[-1]


NAMES = ["loss", "epoch", "a.b", "NaN", "é", "acc top-1", 'quo"te', "back\\slash", "", "\ufffd"]

floats = st.floats() | st.floats(-1, 1).map(lambda value: round(value, 6)) | st.sampled_from([0.0, -0.0, 5e-324])
integers = st.integers() | st.integers(-10, 10) | st.sampled_from([2**53, 2**53 + 1, 2**63, -(2**63), 2**64, 10**30])
texts = st.text(max_size=8) | st.sampled_from(["nan", "NaN", "-inf", "Infinity", "{", '"'])
scalars = floats | integers | st.booleans() | st.none() | texts
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
KINDS = [floats, floats, integers, st.booleans(), floats | st.none(), floats | integers, scalars, nested]


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """Healthy logs as `json.dump` writes them: columns of one kind or mixed, in every row or not."""
    columns = draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(KINDS), min_size=1, max_size=4))
    is_even = draw(st.booleans())
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        names = list(columns) if is_even else draw(st.lists(st.sampled_from(list(columns)), unique=True))
        rows.append({name: draw(columns[name]) for name in names})
    options: dict[str, Any] = {"ensure_ascii": draw(st.booleans()), "separators": draw(SEPARATORS)}
    return "".join(json.dumps(row, **options) + "\n" for row in rows).encode("utf-8", "surrogatepass")


SEPARATORS = st.sampled_from([None, None, (",", ":"), (" , ", " : ")])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The same after cuts, insertions and changes of single bytes."""
    data = bytearray(draw(logs()))
    pieces = st.sampled_from(
        [b"\n", b"\r\n", b"\0", b"\0\0\0", b"{", b"}", b'"', b",", b"0", b"-", b"NaN", b" ", b"\xff", b"[", b"\\"]
    )
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(start + 12, len(data))))
        data[start:stop] = draw(pieces | st.just(b"") | st.binary(max_size=3) | st.just(bytes(data[:40])))
    return bytes(data)


keys = st.none() | st.lists(st.sampled_from(NAMES), unique=True, max_size=4).map(tuple)
some = settings(max_examples=150, deadline=None)


@every_way
@pytest.mark.parametrize(
    "data",
    [
        b'{"a":\n1}\n{"a": 2}{"a": 3}\n',
        b'{"a": 1}\n{"a": 2,\n"b": 3}\n{"a": 4} {"a": 5}\n',
        b'{"b": "x\ny"}\n{"a": 2},{"a": 3}\n',
        b'\n{"a": 1}{"a": 2}\n',
        b'{"a": 1}\r\n{"a": 2}\r\n',
    ],
)
def test_as_many_rows_as_lines_are_not_always_a_row_a_line(data: bytes, way: str, fast: bool) -> None:
    expected = line_by_line(data, ("a",))
    with through(way):
        log = parse(data, ("a",), fast=fast)
    assert_same(log, expected)
    assert_same_faults(log, expected)


@given(data=logs() | damaged(), wanted=keys)
@some
def test_every_way_gives_what_one_line_after_another_gives(data: bytes, wanted: tuple[str, ...] | None) -> None:
    expected = line_by_line(data, wanted)
    for way, fast in WAYS:
        with through(way):
            log = parse(data, wanted, fast=fast)
        assert_same(log, expected)
        assert_same_faults(log, expected)


@given(data=logs() | damaged(), wanted=keys, cuts=st.lists(st.floats(0, 1), max_size=3))
@some
def test_it_does_not_matter_where_a_file_is_cut(data: bytes, wanted: tuple[str, ...] | None, cuts: list[float]) -> None:
    ends = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    whole, parts = parse(data, wanted), parse((data[start:stop] for start, stop in pairwise(ends)), wanted)
    if not data.startswith(b"\xef"):
        assert_same(parts, whole)
        assert parts.faults == whole.faults


@given(data=logs())
@some
def test_healthy_logs_have_the_values_of_json_and_no_faults(data: bytes) -> None:
    try:
        rows = [json.loads(line) for line in data.decode().split("\n") if line]
    except UnicodeDecodeError:
        return
    log = parse(data)
    assert log.faults == []
    assert log.n_rows == len(rows)
    for key, curve in log.curves.items():
        written = [math.nan if row[key] is None else row[key] for row in rows if key in row]
        if curve.dtype == object:
            assert repr(curve.tolist()) == repr(written)
        else:
            assert written == pytest.approx(curve.tolist(), rel=1e-15, abs=0, nan_ok=True)


CURVES: dict[str, tuple[str, list[Any], type]] = {
    "floats": ("0.5 0.25", [0.5, 0.25], np.float64),
    "exponents": ("8.9e-05 1E5 -1.5e+3", [8.9e-05, 1e5, -1.5e3], np.float64),
    "integers": ("1 2 -3", [1, 2, -3], np.int64),
    "floats and integers": ("1 0.5", [1.0, 0.5], np.float64),
    "bare NaN and infinities": ("NaN Infinity -Infinity 1.0", [math.nan, math.inf, -math.inf, 1.0], np.float64),
    "only NaN": ("NaN NaN", [math.nan, math.nan], np.float64),
    "NaN among integers": ("1 NaN", [1.0, math.nan], np.float64),
    "NaN among texts": ('"nan" NaN "-inf" -Infinity', ["nan", math.nan, "-inf", -math.inf], object),
    "NaN among texts with NUL": (r'"\u0000NaN" NaN', ["\0NaN", math.nan], object),
    "NaN in lists": ("[NaN,1] [Infinity]", [[math.nan, 1], [math.inf]], object),
    "null among floats": ("0.5 null", [0.5, math.nan], np.float64),
    "null among integers": ("1 null", [1.0, math.nan], np.float64),
    "booleans": ("true false", [True, False], np.bool_),
    "booleans among integers": ("true 1", [True, 1], object),
    "null among booleans": ("true null", [True, math.nan], object),
    "text": ('"a" "b"', ["a", "b"], object),
    "text among floats": ('0.5 "diverged"', [0.5, "diverged"], object),
    "text among integers": ('1 "diverged"', [1, "diverged"], object),
    "lists of one length": ("[1,2] [3,4]", [[1, 2], [3, 4]], object),
    "objects": ('{"x":1} {}', [{"x": 1}, {}], object),
    "64 bits": (f"{2**63 - 1} {-(2**63)}", [2**63 - 1, -(2**63)], np.int64),
    "65 bits": (f"{2**63} 1", [2**63, 1], object),
    "beyond 64 bits beside floats": (f"{2**64 + 1} 0.5", [2.0**64, 0.5], np.float64),
    "beyond floats beside floats": (f"1{'0' * 400} 0.5", [10**400, 0.5], object),
    "1,000 digits": ("7" * 1000, [int("7" * 1000)], object),
    "5,000 digits": ("7" * 5000, [math.nan], np.float64),
    "overflow": ("1e400 -1e400", [math.inf, -math.inf], np.float64),
    "zeros": ("0.0 -0.0", [0.0, -0.0], np.float64),
    "minus zero as an integer": ("-0 1", [0, 1], np.int64),
    "smallest": ("5e-324 2.2250738585072011e-308", [5e-324, 2.2250738585072011e-308], np.float64),
}


@every_way
@pytest.mark.parametrize("case", CURVES)
def test_values_are_kept(case: str, way: str, fast: bool) -> None:
    written, expected, dtype = CURVES[case]
    data = "".join(f'{{"a": {text}}}\n' for text in written.split()).encode()
    with through(way):
        log = parse(data, ("a",), fast=fast)
    assert log.curves["a"].dtype == dtype
    assert repr(log.curves["a"].tolist()) == repr(expected)
    assert log.faults == []


LOGS: dict[str, tuple[bytes, list[float], list[tuple[int | None, str]]]] = {
    "empty": (b"", [], []),
    "blank lines": (b"\n\n  \n\t\n", [], []),
    "blank lines between": (b'\n{"a": 1}\n\n{"a": 2}\n \n', [1, 2], []),
    "no last newline": (b'{"a": 1}\n{"a": 2}', [1, 2], []),
    "CRLF": (b'{"a": 1}\r\n{"a": 2}\r\n', [1, 2], []),
    "CRCRLF, as MLXP writes on Windows": (b'{"a": 1}\r\r\n{"a": 2}\r\r\n', [1, 2], []),
    "lone CR": (b'{"a": 1}\r{"a": 2}\r', [1, 2], []),
    "BOM": (b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n', [1, 2], []),
    "BOM alone": (b"\xef\xbb\xbf", [], []),
    "line separators in text": ('{"t": "\u2028\x85", "a": 1}\n'.encode(), [1], []),
    "only newlines are missing": (b'{"a": 1}{"a": 2} {"a": 3}\n', [1, 2, 3], []),
    "glued beside an object over two lines": (
        b'{"a":\n1}\n{"a": 2}{"a": 3}\n',
        [2, 3],
        [(1, "torn line"), (2, "not a row")],
    ),
    "the same in a list": (
        b'{"b": [{}\n{}], "a": 7}\n{"a": 2}{"a": 3}\n',
        [2, 3],
        [(1, "torn line"), (2, "torn line")],
    ),
    "keys late and alternating": (b'{"b": 0}\n{"a": 1}\n{"b": 0}\n{"a": 2, "b": 0}\n', [1, 2], []),
    "torn last line": (b'{"a": 1}\n{"a": 2', [1], [(2, "torn last line")]),
    "torn first line": (b'{"a', [], [(1, "torn last line")]),
    "torn in UTF-8": ('{"a": 1}\n{"t": "é'.encode()[:-1], [1], [(2, "torn last line")]),
    "torn start before the next row": (b'{"a": 0.1, "b{"a": 2, "b": 3}\n{"a": 4}\n', [2, 4], [(1, "torn line")]),
    "the same, torn after a colon": (b'{"a": {"a": 2, "b": 3}\n', [2], [(1, "torn line")]),
    "the same, torn in a list": (b'{"a": [1, {"a": 2}\n', [2], [(1, "torn line")]),
    "torn row that holds an object": (b'{"b": {"a": 7}, "c\n{"a": 1}\n', [1], [(1, "torn line")]),
    "torn row that holds a list of objects": (b'{"b": [{"a": 7}, {"a": 8}], "c\n{"a": 1}\n', [1], [(1, "torn line")]),
    "torn end after a row": (b'{"a": 1}{"a": 2, "b\n{"a": 3}\n', [1, 3], [(1, "torn line")]),
    "two writers": (b'{"a": 1, "b{"a": 5, "b": 6}\n": 2}\n{"a": 7}\n', [5, 7], [(1, "torn line"), (2, "not a row")]),
    "a bad line between": (b'{"a": 1}\nWARNING: x\n{"a": 2}\n', [1, 2], [(2, "not a row")]),
    "a row that is a list": (b'{"a": 1}\n[1, 2]\n', [1], [(2, "not a row")]),
    "a row that is a number": (b'{"a": 1}\n17\n', [1], [(2, "not a row")]),
    "a row that is text": (b'{"a": 1}\n"text"\n', [1], [(2, "not a row")]),
    "an object over two lines": (b'{"a": 1}\n{"a":\n2}\n{"a": 3}\n', [1, 3], [(2, "torn line"), (3, "not a row")]),
    "NUL tail": (b'{"a": 1}\n\0\0\0\0', [1], [(2, "torn last line")]),
    "NUL block before a row": (b'{"a": 1}\n\0\0\0\0{"a": 2}\n', [1, 2], [(2, "NUL block")]),
    "NUL block in a row": (b'{"a": 1}\n{"a": \0\0\0{"a": 2}\n', [1, 2], [(2, "torn line")]),
    "only NULs": (bytes(100), [], [(1, "torn last line")]),
    "Latin-1": (b'{"t": "caf\xe9", "a": 0}\n{"a": 1}\n', [0, 1], []),
    "Latin-1 before a row": (b'caf\xe9{"a": 0}\n{"a": 1}\n', [0, 1], [(1, "torn line")]),
    "lone surrogate": (b'{"t": "\\ud800", "a": 1}\n', [1], []),
    "control character in text": (b'{"t": "\x01", "a": 0}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "NaN as a key": (b'{NaN: 1, "a": 0}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "NaN in text": (b'{"t": "x NaN, y", "a": NaN}\n{"a": 1}\n', [math.nan, 1.0], []),
    "NaN behind a colon in text": (b'{"t": "x: NaN, y", "a": NaN}\n{"a": 1}\n', [math.nan, 1.0], []),
    "NaN behind a quote and a colon in text": (b'{"t": "x\\": NaN", "a": NaN}\n{"a": 1}\n', [math.nan, 1.0], []),
    "duplicate key": (b'{"a": 0, "a": 1}\n{"a": 2}\n', [1, 2], []),
    "duplicate key, escaped": (b'{"\\u0061": 0, "a": 1}\n{"a": 2}\n', [1, 2], []),
    "deep": (b'{"b": ' + b"[" * 10_000 + b"]" * 10_000 + b'}\n{"a": 1}\n', [1], [(1, "too deep")]),
    "very deep": (b'{"b": ' + b'{"a":' * 1_000_000 + b'\n{"a": 1}\n', [1], [(1, "too deep")]),
    "deep in a row behind a torn start": (
        b'{"b{"x":' + b"[" * 400 + b"]" * 400 + b'}"}\n{"a": 1}\n',
        [1],
        [(1, "torn line")],
    ),
    "deep enough": (b'{"b": ' + b"[" * 150 + b"]" * 150 + b', "a": 1}\n', [1], []),
    "many brackets, none deep": (b'{"b": [' + b"[]," * 500 + b'{}], "a": 1}\n', [1], []),
    "leading zero": (b'{"a": 01}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "no digit after the point": (b'{"a": 1.}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "plus sign": (b'{"a": +1}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "trailing comma": (b'{"a": 1,}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "single quotes": (b"{'a': 1}\n" + b'{"a": 1}\n', [1], [(1, "torn line")]),
    "more after a row": (b'{"a": 1}xyz\n', [1], [(1, "torn line")]),
    "one JSON list": (b'[\n{"a": 1},\n{"a": 2}\n]\n', [1, 2], [(1, "not a row"), (2, "torn line"), (4, "not a row")]),
    "one JSON list on one line": (b'[{"a": 1}, {"a": 2}]\n', [], [(None, "not json lines")]),
    "UTF-16": (('{"a": 1}\n' * 50).encode("utf-16"), [], [(None, "not json lines")]),
    "UTF-16 without mark": (('{"a": 1}\n' * 50).encode("utf-16-le"), [], [(None, "not json lines")]),
    "gzip": (b"\x1f\x8b\x08" + bytes(range(256)) * 4, [], [(None, "not json lines")]),
    "random": (random.Random(1).randbytes(5000), [], [(None, "not json lines")]),
}


@every_way
@pytest.mark.parametrize("case", LOGS)
def test_damage_costs_only_itself_and_is_named(case: str, way: str, fast: bool) -> None:
    data, expected, faults = LOGS[case]
    with through(way):
        log = parse(data, ("a",), fast=fast)
    assert repr(log.curves.get("a", np.array([])).tolist()) == repr(expected)
    assert [(fault.line, fault.kind) for fault in log.faults] == faults


# Limits


def test_long_rows_and_values_are_read() -> None:
    row = {f"key{number}": number for number in range(50_000)}
    log = parse((json.dumps(row) + "\n").encode() * 2)
    assert len(log.curves) == 50_000
    assert log.curves["key49999"].tolist() == [49_999, 49_999]
    text = json.dumps({"text": "x" * 20_000_000, "a": 1}).encode() + b"\n"
    assert len(parse(text, ("text",)).curves["text"][0]) == 20_000_000
    assert parse(text[:-5] + b'\n{"a": 2}\n', ("a",)).curves["a"].tolist() == [2]


@pytest.mark.parametrize("n_wanted", [0, 60, 800, 20_000])
def test_many_keys_that_few_rows_have_cost_no_more_than_the_rows_hold(n_wanted: int) -> None:
    names = [f"key{number}" for number in range(20_000)]
    data = "".join(f'{{"{name}": {number}}}\n' for number, name in enumerate(names)).encode()
    log = parse(data, tuple(names[:n_wanted]) or None)
    assert list(log.curves) == names[: n_wanted or None]
    assert log.rows("key59").tolist() == log.curves["key59"].tolist() == [59]


@pytest.mark.parametrize("fast", [True, False])
def test_the_depth_of_a_row_is_bounded(fast: bool) -> None:
    for depth, is_read in ((200, True), (201, False)):
        data = b'{"a": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}\n"
        log = parse(data, ("a",), fast=fast)
        assert ("a" in log.curves) is is_read
        assert [fault.kind for fault in log.faults] == ([] if is_read else ["too deep"])


@pytest.mark.parametrize("fast", [True, False])
def test_brackets_in_text_are_not_depth(fast: bool) -> None:
    row = {"a": "[{" * 1000 + '"[\\"'}
    assert parse(json.dumps(row).encode() + b"\n", ("a",), fast=fast).curves["a"].tolist() == [row["a"]]


def test_the_rows_of_one_line_are_bounded() -> None:
    assert parse(b'{"a":1}' * 1000 + b"\n").n_rows == 1000
    assert [fault.kind for fault in parse(b'{"a":1}' * 1001 + b"\n").faults] == ["torn line"]


@pytest.mark.parametrize("size", [1 << 30, 1 << 16])
def test_a_line_that_is_too_long_costs_only_itself(size: int) -> None:
    line = b'{"t": "' + b"x" * (33 << 20) + b'"}'
    data = b'{"a": 1}\n' + line + b'\n{"a": 2}\n' + line
    log = parse((data[start : start + size] for start in range(0, len(data), size)), ("a",))
    assert log.curves["a"].tolist() == [1, 2]
    assert [(fault.line, fault.kind) for fault in log.faults] == [(2, "line too long"), (4, "line too long")]


def test_a_line_without_end_is_not_kept() -> None:
    gc.collect()
    tracemalloc.start()
    log = parse(bytes(1 << 22) for _ in range(256))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [fault.kind for fault in log.faults] == ["line too long"]
    assert peak < 100 << 20


@pytest.mark.parametrize(
    "line", [b"{}" * 100_000, b'{"a":1}' * 5000, b'{"' * 500_000, b'{"a":[' * 300_000, b"\\" * 999_999, b'"' * 999_999]
)
def test_hostile_lines_end_soon(line: bytes) -> None:
    log = parse(line + b'\n{"b": 1}\n')
    assert log.curves["b"].tolist() == [1]
    assert log.faults


def test_faults_are_counted_beyond_the_first() -> None:
    log = parse(b'{"a": 1}\n' + b"bad\n" * 1000 + b'{"a": 2', ("a",))
    assert len(log.faults) == 22
    assert [fault.line for fault in log.faults[:20]] == list(range(2, 22))
    assert log.faults[20] == Fault(None, "further faults", "980 further faults, up to line 1001", "all other lines")
    assert log.faults[21].kind == "torn last line"


def test_line_numbers_go_on_over_blocks() -> None:
    with through("small blocks"):
        log = parse(b'{"a": 1}\n' * 40 + b"bad\n" + b'{"a": 1}\n' * 40 + b"bad", ("a",))
    assert [fault.line for fault in log.faults] == [41, 82]


@pytest.mark.parametrize("size", [0, 20, 50, 10_000])
def test_a_curve_over_blocks_has_one_dtype(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "_BLOCK", size)
    for written in (["1", "2.5"], ["null", '"x"'], ["1", "2"], [str(2**60), "0.5"], ["true", "1"], ["NaN", "[]"]):
        data = "".join(f'{{"a": {text}}}\n' for text in written for _ in range(20)).encode()
        assert_same(parse(data, ("a",)), line_by_line(data, ("a",)))


# Keys, rows, last values


def test_keys_are_in_the_order_in_which_they_are_seen() -> None:
    assert list(parse(b'{"b": 1, "a": 2}\nbad\n{"c": 3, "a": 1}\n{"d').curves) == ["b", "a", "c"]
    assert parse(b"").curves == {}


def test_positions_align_the_keys_of_a_log() -> None:
    log = parse(b'{"a": 1, "b": 1}\n{"b": 2}\nbad\n{"a": 3, "b": 3}\n')
    assert log.rows("a").tolist() == [0, 2]
    assert log.rows("b").tolist() == [0, 1, 2]


# One line


rows = st.dictionaries(st.text(max_size=6), nested, max_size=4)
flat_rows = st.dictionaries(st.sampled_from(["loss", "epoch", "note"]), scalars, min_size=1, max_size=3)


@given(rows, st.integers(1))
def test_a_torn_row_gives_no_row_and_one_fault(row: dict[str, Any], cut: int) -> None:
    line = json.dumps(row).encode()
    torn = line[: 1 + cut % (len(line) - 1)] if len(line) > 1 else line
    if torn == line:
        return
    found, faults = rows_of_line(torn, 3, is_open=True)
    assert [fault.line for fault in faults] == [3]
    # An object in a torn row that has the key the row begins with cannot be told from a row after a torn start.
    assert all(next(iter(row)) in other for other in found[:1])
    assert found or faults[0].kind == "torn last line"


@given(flat_rows, flat_rows, st.integers(1))
def test_a_row_after_a_torn_start_is_read(first: dict[str, Any], second: dict[str, Any], cut: int) -> None:
    start = json.dumps(first).encode()
    line = start[: 1 + cut % (len(start) - 1)] + json.dumps(second).encode()
    found, faults = rows_of_line(line, 1, is_open=False)
    assert repr(found) == repr([second]) or next(iter(first)) not in second
    assert len(faults) == 1


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_give_rows_and_faults(line: bytes, is_open: bool) -> None:
    found, faults = rows_of_line(line.replace(b"\n", b""), 1, is_open=is_open)
    assert all(isinstance(row, dict) for row in found)
    assert all(fault.line == 1 for fault in faults)


@pytest.mark.parametrize("cut", ["true", "nul", "-", "1e", '"a', "[1", "{", '{"x": 1', "[{}, "])
def test_what_is_cut_short_is_torn(cut: str) -> None:
    line = f'{{"a": {cut}'.encode()
    for is_open, kind in ((True, "torn last line"), (False, "torn line")):
        found, faults = rows_of_line(line, 9, is_open=is_open)
        assert found == []
        assert [(fault.line, fault.kind) for fault in faults] == [(9, kind)]
