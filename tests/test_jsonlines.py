# SPDX-License-Identifier: MIT
"""Bytes -> curves: every way of reading gives what one line after another gives, whatever the bytes."""

from __future__ import annotations

import json
import math
import random
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxp_pandas import jsonlines, plainrows, rowchunks, rowstructs
from mlxp_pandas.curvetypes import curve_of
from mlxp_pandas.jsonlines import Engine, LogRows, joined_logs, keys_of, last_values, parse, parse_many
from mlxp_pandas.rowtext import Fault, read_line

needs_msgspec = pytest.mark.skipif(not rowstructs.is_installed(), reason="msgspec is not installed")
every_engine = pytest.mark.parametrize("engine", ["auto", pytest.param("fast", marks=needs_msgspec), "stdlib"])


@contextmanager
def through(way: str) -> Iterator[None]:
    """Let small inputs go the ways of large ones."""
    with pytest.MonkeyPatch.context() as patch:
        if way == "plain":
            patch.setattr(rowchunks, "_MANY_BYTES", 0)
            patch.setattr(plainrows, "_BLOCK", 100)
        if way == "chunks":
            patch.setattr(jsonlines, "_CHUNK", 50)
        yield


def line_by_line(data: bytes, keys: list[str] | None) -> LogRows:
    """What `parse` promises, in the simplest way."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    *lines, tail = data.split(b"\n")
    rows: list[dict[str, Any]] = []
    faults: list[Fault] = []
    for number, line in enumerate([*lines, tail], start=1):
        new, bad = read_line(line, number, keys=keys, is_open=number > len(lines))
        rows += new
        faults += bad
    wanted = list(dict.fromkeys(key for row in rows for key in row)) if keys is None else keys
    at = {key: [place for place, row in enumerate(rows) if key in row] for key in wanted}
    at = {key: places for key, places in at.items() if places}
    curves = {key: curve_of([rows[place][key] for place in places]) for key, places in at.items()}
    return LogRows(curves, {key: np.array(places) for key, places in at.items()}, len(rows), faults, 0)


def bits(curve: np.ndarray[Any, Any]) -> list[Any]:
    """Values that compare as they are: NaN equals NaN, -0.0 is not 0.0, 1 is not 1.0."""
    return [struct.pack("d", value) if type(value) is float else (type(value), repr(value)) for value in curve.tolist()]


def assert_same(log: LogRows, expected: LogRows) -> None:
    assert log.n_rows == expected.n_rows
    assert list(log.curves) == list(expected.curves)
    for key, curve in log.curves.items():
        assert curve.dtype == expected.curves[key].dtype, key
        assert bits(curve) == bits(expected.curves[key]), key
        assert log.rows[key].tolist() == expected.rows[key].tolist(), key


def assert_same_faults(log: LogRows, expected: LogRows) -> None:
    if expected.n_rows == 0 and len(log.faults) == 1 and log.faults[0].kind == "not json lines":
        assert expected.faults
    elif len(expected.faults) <= 21:
        assert log.faults == expected.faults
    else:
        assert log.faults[:20] == expected.faults[:20]
        assert log.faults[-1] == expected.faults[-1]


NAMES = ["loss", "epoch", "a.b", "NaN", "é", "acc top-1", 'quo"te', "back\\slash", ""]

floats = st.floats() | st.floats(-1, 1).map(lambda value: round(value, 6)) | st.sampled_from([0.0, -0.0, 5e-324])
integers = st.integers() | st.integers(-10, 10) | st.sampled_from([2**53, 2**53 + 1, 2**63, -(2**63), 2**64, 10**30])
scalars = floats | integers | st.booleans() | st.none() | st.text(max_size=8)
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
    ascii_only = draw(st.booleans())
    return "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows).encode("utf-8", "surrogatepass")


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


WAYS: list[tuple[str, Engine]] = [
    ("usual", "auto"),
    ("usual", "stdlib"),
    ("plain", "stdlib"),
    ("chunks", "auto"),
    ("chunks", "stdlib"),
]
some = settings(max_examples=150, deadline=None)


@given(data=logs() | damaged(), wanted=st.none() | st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
@some
def test_every_way_gives_what_one_line_after_another_gives(data: bytes, wanted: list[str] | None) -> None:
    expected = line_by_line(data, wanted)
    for way, engine in WAYS:
        with through(way):
            log = parse(data, wanted, engine=engine)
        assert_same(log, expected)
        assert_same_faults(log, expected)


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
        written = [row[key] for row in rows if key in row]
        if curve.dtype == object:
            assert repr(curve.tolist()) == repr(written)
        else:
            assert [math.nan if value is None else value for value in written] == pytest.approx(
                curve.tolist(), rel=0, abs=0, nan_ok=True
            )


@given(datas=st.lists(logs() | damaged(), max_size=4), wanted=st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
@some
def test_many_files_are_parsed_as_one_by_one(datas: list[bytes], wanted: list[str]) -> None:
    for way, engine in WAYS:
        with through(way):
            together = parse_many(datas, wanted, engine=engine)
        for log, data in zip(together, datas, strict=True):
            alone = parse(data, wanted)
            assert_same(log, alone)
            assert (log.faults, log.end) == (alone.faults, alone.end)


@given(data=logs(), cut=st.floats(0, 1))
@some
def test_a_log_that_grew_is_the_join_of_its_parts(data: bytes, cut: float) -> None:
    end = data.rfind(b"\n", 0, int(cut * len(data))) + 1
    first, second = parse(data[:end], NAMES), parse(data[end:], NAMES, first_line=2)
    joined = joined_logs(first, second)
    if joined is not None:
        whole = parse(data, NAMES)
        assert_same(joined._replace(curves=ordered(joined.curves)), whole._replace(curves=ordered(whole.curves)))
        assert joined.end == whole.end == len(data)


def ordered(curves: dict[str, Any]) -> dict[str, Any]:
    return {key: curves[key] for key in NAMES if key in curves}


CURVES: dict[str, tuple[str, list[Any], type]] = {
    "floats": ("0.5 0.25", [0.5, 0.25], np.float64),
    "integers": ("1 2 -3", [1, 2, -3], np.int64),
    "floats and integers": ("1 0.5", [1.0, 0.5], np.float64),
    "bare NaN and infinities": ("NaN Infinity -Infinity 1.0", [math.nan, math.inf, -math.inf, 1.0], np.float64),
    "only NaN": ("NaN NaN", [math.nan, math.nan], np.float64),
    "NaN among integers": ("1 NaN", [1.0, math.nan], np.float64),
    "null among floats": ("0.5 null", [0.5, math.nan], np.float64),
    "null among integers": ("1 null", [1.0, math.nan], np.float64),
    "booleans": ("true false", [True, False], np.bool_),
    "booleans among integers": ("true 1", [True, 1], object),
    "null among booleans": ("true null", [True, None], object),
    "text": ('"a" "b"', ["a", "b"], object),
    "text among floats": ('0.5 "diverged"', [0.5, "diverged"], object),
    "lists of one length": ("[1,2] [3,4]", [[1, 2], [3, 4]], object),
    "objects": ('{"x":1} {}', [{"x": 1}, {}], object),
    "64 bits": (f"{2**63 - 1} {-(2**63)}", [2**63 - 1, -(2**63)], np.int64),
    "65 bits": (f"{2**63} 1", [2**63, 1], object),
    "beyond 64 bits beside floats": (f"{2**64 + 1} 0.5", [2**64 + 1, 0.5], object),
    "what a float holds": (f"{2**53} 0.5", [float(2**53), 0.5], np.float64),
    "what a float does not hold": (f"{2**53 + 1} 0.5", [2**53 + 1, 0.5], object),
    "1,000 digits": ("7" * 1000, [int("7" * 1000)], object),
    "overflow": ("1e400 -1e400", [math.inf, -math.inf], np.float64),
    "zeros": ("0.0 -0.0", [0.0, -0.0], np.float64),
    "minus zero as an integer": ("-0 1", [0, 1], np.int64),
    "smallest": ("5e-324 2.2250738585072011e-308", [5e-324, 2.2250738585072011e-308], np.float64),
}


@every_engine
@pytest.mark.parametrize("way", ["usual", "plain", "chunks"])
@pytest.mark.parametrize("case", CURVES)
def test_values_are_kept(case: str, way: str, engine: Engine) -> None:
    texts, expected, dtype = CURVES[case]
    data = "".join(f'{{"a": {text}}}\n' for text in texts.split()).encode()
    with through(way):
        log = parse(data, ["a"], engine=engine)
    assert log.curves["a"].dtype == dtype
    assert bits(log.curves["a"]) == [struct.pack("d", v) if type(v) is float else (type(v), repr(v)) for v in expected]
    assert log.faults == []
    assert log.end == len(data)


LOGS: dict[str, tuple[bytes, list[float], list[tuple[int | None, str]]]] = {
    "empty": (b"", [], []),
    "blank lines": (b"\n\n  \n\t\n", [], []),
    "blank lines between": (b'\n{"a": 1}\n\n{"a": 2}\n \n', [1, 2], []),
    "no last newline": (b'{"a": 1}\n{"a": 2}', [1, 2], []),
    "CRLF": (b'{"a": 1}\r\n{"a": 2}\r\n', [1, 2], []),
    "CRCRLF, as MLXP writes on Windows": (b'{"a": 1}\r\r\n{"a": 2}\r\r\n', [1, 2], []),
    "lone CR": (b'{"a": 1}\r{"a": 2}\r', [1, 2], []),
    "BOM": (b'\xef\xbb\xbf{"a": 1}\n{"a": 2}\n', [1, 2], []),
    "line separators in text": ('{"t": "\u2028\x85\x0b", "a": 1}\n'.replace("\x0b", "").encode(), [1], []),
    "only newlines are missing": (b'{"a": 1}{"a": 2} {"a": 3}\n', [1, 2, 3], []),
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
    "Latin-1": (b'{"t": "caf\xe9", "a": 0}\n{"a": 1}\n', [1], [(1, "encoding")]),
    "Latin-1 before a row": (b'caf\xe9{"a": 0}\n{"a": 1}\n', [0, 1], [(1, "encoding")]),
    "lone surrogate": (b'{"t": "\\ud800", "a": 1}\n', [1], []),
    "control character in text": (b'{"t": "\x01", "a": 0}\n{"a": 1}\n', [1], [(1, "torn line")]),
    "duplicate key": (b'{"a": 0, "a": 1}\n{"a": 2}\n', [1, 2], [(1, "duplicate key")]),
    "duplicate key, escaped": (b'{"\\u0061": 0, "a": 1}\n{"a": 2}\n', [1, 2], [(1, "duplicate key")]),
    "duplicate key, spaced": (b'{"a" : 0, "a" : 1}\n{"a": 2}\n', [1, 2], [(1, "duplicate key")]),
    "a key twice and missing": (b'{"a": 0, "a": 1}\n{"b": 2}\n', [1], [(1, "duplicate key")]),
    "deep": (b'{"b": ' + b"[" * 10_000 + b"]" * 10_000 + b'}\n{"a": 1}\n', [1], [(1, "too deep")]),
    "very deep": (b'{"b": ' + b'{"a":' * 1_000_000 + b'\n{"a": 1}\n', [1], [(1, "too deep")]),
    "deep enough": (b'{"b": ' + b"[" * 150 + b"]" * 150 + b', "a": 1}\n', [1], []),
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


@every_engine
@pytest.mark.parametrize("way", ["usual", "plain", "chunks"])
@pytest.mark.parametrize("case", LOGS)
def test_damage_costs_only_itself_and_is_named(case: str, way: str, engine: Engine) -> None:
    data, expected, faults = LOGS[case]
    with through(way):
        log = parse(data, ["a"], engine=engine)
    assert log.curves.get("a", np.array([])).tolist() == expected
    assert [(fault.line, fault.kind) for fault in log.faults] == faults


@every_engine
def test_an_integer_of_5000_digits_is_named_and_costs_only_itself(engine: Engine) -> None:
    data = b'{"a": 1, "b": %s}\n{"a": 2, "b": 3}\n' % (b"9" * 5000)
    for keys_ in (["a", "b"], ["a"]):
        log = parse(data, keys_, engine=engine)
        assert [fault.kind for fault in log.faults] == ["integer too long"]
        assert log.curves["a"].tolist() == [1, 2]
    assert np.isnan(parse(data, ["b"]).curves["b"][0])


@every_engine
def test_a_long_integer_is_seen_wherever_it_is(engine: Engine) -> None:
    rows = [b'{"a": %d, "b": 0.5}\n' % step for step in range(3000)]
    rows[1234] = b'{"a": 1234, "b": %s}\n' % (b"1" * 4301)
    log = parse(b"".join(rows), ["a"], engine=engine)
    assert [(fault.line, fault.kind) for fault in log.faults] == [(1235, "integer too long")]
    assert log.n_rows == 3000


def test_the_limit_of_the_interpreter_does_not_matter() -> None:
    before = sys.get_int_max_str_digits()
    try:
        for limit in (640, 0):
            sys.set_int_max_str_digits(limit)
            log = parse(b'{"a": %s}\n{"a": %s}\n' % (b"7" * 4300, b"7" * 4301), ["a"])
            assert log.curves["a"][0] % 10**9 == 777_777_777
            assert [fault.line for fault in log.faults] == [2]
    finally:
        sys.set_int_max_str_digits(before)


def test_long_rows_and_values_are_read() -> None:
    row = {f"key{number}": number for number in range(50_000)}
    log = parse((json.dumps(row) + "\n").encode() * 2)
    assert len(log.curves) == 50_000
    assert log.curves["key49999"].tolist() == [49_999, 49_999]
    text = json.dumps({"text": "x" * 20_000_000, "a": 1}).encode() + b"\n"
    assert len(parse(text, ["text"]).curves["text"][0]) == 20_000_000
    assert parse(text[:-5] + b'\n{"a": 2}\n', ["a"]).curves["a"].tolist() == [2]


def test_many_keys_that_few_rows_have_cost_no_more_than_the_rows_hold() -> None:
    names = [f"key{number}" for number in range(20_000)]
    data = "".join(f'{{"{name}": {number}}}\n' for number, name in enumerate(names)).encode()
    for wanted in (None, names):
        log = parse(data, wanted)
        assert list(log.curves) == names
        assert log.rows["key777"].tolist() == [777]


def test_a_line_that_is_too_long_costs_only_itself() -> None:
    data = b'{"a": 1}\n{"t": "' + b"x" * (33 << 20) + b'"}\n{"a": 2}\n'
    log = parse(data, ["a"])
    assert log.curves["a"].tolist() == [1, 2]
    assert [(fault.line, fault.kind) for fault in log.faults] == [(2, "line too long")]


@pytest.mark.parametrize(
    "line", [b"{}" * 100_000, b'{"a":1}' * 5000, b'{"' * 500_000, b'{"a":[' * 300_000, b"\\" * 999_999, b'"' * 999_999]
)
def test_hostile_lines_end_soon(line: bytes) -> None:
    log = parse(line + b'\n{"b": 1}\n')
    assert log.curves["b"].tolist() == [1]
    assert log.faults


def test_faults_are_counted_beyond_the_first() -> None:
    log = parse(b'{"a": 1}\n' + b"bad\n" * 1000 + b'{"a": 2', ["a"])
    assert len(log.faults) == 22
    assert [fault.line for fault in log.faults[:20]] == list(range(2, 22))
    assert log.faults[20] == Fault(None, "further faults", "980 further faults, up to line 1001", "all other lines")
    assert log.faults[21].kind == "torn last line"


def test_line_numbers_go_on_over_chunks() -> None:
    with through("chunks"):
        log = parse(b'{"a": 1}\n' * 40 + b"bad\n" + b'{"a": 1}\n' * 40 + b"bad", ["a"], first_line=1)
    assert [fault.line for fault in log.faults] == [41, 82]


@pytest.mark.parametrize("chunk", [0, 20, 50, 10_000])
def test_a_curve_over_chunks_has_one_dtype(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "_CHUNK", chunk)
    for texts in (["1", "2.5"], ["null", '"x"'], ["1", "2"], [str(2**60), "0.5"], ["true", "1"], ["NaN", "[]"]):
        data = "".join(f'{{"a": {text}}}\n' for text in texts for _ in range(20)).encode()
        assert_same(parse(data, ["a"]), line_by_line(data, ["a"]))


@pytest.mark.parametrize(
    ("data", "end"),
    [(b"", 0), (b'{"a": 1}\n', 9), (b'{"a": 1}\n{"a"', 9), (b'{"a": 1}\n{"a": 2}', 17), (b'{"a', 0), (b'{"a": 1}', 8)],
)
def test_the_end_is_where_an_appended_part_begins(data: bytes, end: int) -> None:
    assert parse(data, ["a"]).end == end


def test_keys_are_in_the_order_in_which_they_are_seen() -> None:
    assert keys_of(b'{"b": 1, "a": 2}\nbad\n{"c": 3, "a": 1}\n{"d') == ["b", "a", "c"]
    assert keys_of(b"") == []


def test_positions_align_the_keys_of_a_log() -> None:
    log = parse(b'{"a": 1, "b": 1}\n{"b": 2}\nbad\n{"a": 3, "b": 3}\n')
    assert log.rows["a"].tolist() == [0, 2]
    assert log.rows["b"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        log.rows["b"][0] = 7


@given(data=logs(), wanted=st.lists(st.sampled_from(NAMES), unique=True, min_size=1), size=st.integers(1, 200))
@some
def test_last_values_are_the_ends_of_the_curves(data: bytes, wanted: list[str], size: int) -> None:
    rows = [row for number, line in enumerate(data.split(b"\n")) for row in read_line(line, number)[0]]
    expected = {key: [row[key] for row in rows if key in row][-1:] for key in wanted}
    found, _ = last_values(data, wanted, is_whole=True)
    assert repr({key: found[key] for key in wanted if key in found}) == repr(
        {k: v[0] for k, v in expected.items() if v}
    )
    part, _ = last_values(data[-size:], wanted, is_whole=len(data) <= size)
    assert all(repr(part[key]) == repr(found[key]) for key in part)


def test_last_values_name_the_damage_that_was_seen() -> None:
    values_, faults = last_values(b'{"a": 1}\nbad\n{"b": 2}\n{"a', ["b"], is_whole=True)
    assert (values_, [fault.kind for fault in faults]) == ({"b": 2}, ["torn last line"])
    values_, faults = last_values(b'{"a": 1}\nbad\n{"b": 2}\n{"a', ["a", "b"], is_whole=True)
    assert (values_, [fault.kind for fault in faults]) == ({"a": 1, "b": 2}, ["not a row", "torn last line"])


def test_without_msgspec_the_fast_engine_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowchunks, "is_installed", lambda: False)
    with pytest.raises(ImportError, match=r'pip install "mlxp_pandas\[fast\]"'):
        parse(b'{"a": 1}\n', ["a"], engine="fast")


def test_without_msgspec_the_other_engines_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowstructs, "is_installed", lambda: False)
    assert parse(b'{"a": 1}\n', ["a"]).curves["a"].tolist() == [1]
