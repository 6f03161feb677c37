# SPDX-License-Identifier: MIT
"""The metric reader: all of its ways give the same rows and faults, and a healthy line is what `json.loads` says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlxp_pandas.curves.jsonlines import Log, parse

PLAIN = b"".join(b'{"loss": %r, "epoch": %d}\n' % (0.1 + n / 7, n) for n in range(12)).replace(b"'", b"")

SEEDS = [
    PLAIN,
    b'{"loss": 0.5118216247002567, "epoch": 0}\n{"loss": 1e-05, "epoch": 1}\n{"loss": NaN, "epoch": 2}\n',
    b'{"a": 1}\n{"a": 2, "b": true}\n{"b": null}\n{"c": "text", "a": -0.0}\n',
    b'{"a": 9007199254740993}\n{"a": 0.5}\n{"a": 123456789012345678901234567890}\n',
    b'{"a": Infinity}\n{"a": -Infinity}\n{"a": 1e400}\n{"a": 1E-400}\n{"a": -1.5e+3}\n',
    b'{"a": [1, {"b": [2]}], "b": {"a": 1}, "c": "}{"}\r\n\r\r\n \n{"a": "\\ud800\\u0061\\n"}\n',
    b'{"a": 1, "b": 2}\n{"a": 3, "b{"a": 5, "b": 6}\n[1]\n3\n"x"\nnull\n{}\n{"a": 7, "a": 8}\n',
    b'{"a": 1}{"a": 2} {"a": 3}\n\0\0\0\0{"a": 4}\n\xff{"a": 5}\n{"\xc3\xa9": "\xc3\x28"}\n{"a": 6',
    b'\xef\xbb\xbf{"a": 1}\n{"\\u0061": 2}\n{"a" : 3}\n{ "a":4 }\n{"a":5,}\n',
    '{"a": "\u2028\u0085"}\n{"a": 010}\n{"a": .5}\n{"a": 5.}\n{"a": +1}\n{"a": --1}\n{"a": 0x1}\n'.encode(),
    b'{"loss": 1.7976931348623157e308, "epoch": 99999999999999999, "x": 0.00000000000000000000123}\n' * 3,
]


def check(data: bytes) -> None:
    """Compare all ways to read some lines."""
    log = parse(data)
    assert_consistent(log)
    if any(line.count(b"{") + line.count(b"[") > 100 for line in data.split(b"\n")):
        return
    keys = (*list(log.curves)[:6], "absent")
    chosen = parse(data, keys, fast=False)
    assert_same(parse(data, keys), chosen, "fast and stdlib")
    assert_same_curves(chosen, log, "chosen keys and all", chosen.curves)
    check_lines(data.removeprefix(b"\xef\xbb\xbf"))
    check_parts(data, keys)


def check_lines(data: bytes) -> None:
    """Line by line: the same rows, each of a healthy line as `json.loads` gives them, and no fault without a reason."""
    lines = data.split(b"\n")
    if len(lines) > 40 or any(line.startswith(b"\xef\xbb\xbf") for line in lines):
        return
    log = parse(data)
    parts = [*(parse(line + b"\n") for line in lines[:-1]), parse(lines[-1])]
    assert log.n_rows == sum(part.n_rows for part in parts), "the rows of a line depend on the others"
    whole: list[dict[str, Any]] = []
    for line, part in zip(lines, parts, strict=True):
        rows = reference(line)
        assert (rows is not None) == (not part.faults), f"{line!r}: {part.faults} and {rows}"
        if rows is not None:
            assert_rows(part, rows)
            whole += rows
    if not any(part.faults for part in parts):
        assert_rows(log, whole)


def reference(line: bytes) -> list[dict[str, Any]] | None:
    """The rows of a line, None where it is no plain sequence of objects: what the reader has to name."""
    content = line.strip(b" \t\r\n\v\f")
    try:
        return list(objects(content.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None


def objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(parse_int=integer)
    at = 0
    while at < len(text):
        row, at = decoder.raw_decode(text, at)
        if not isinstance(row, dict):
            raise ValueError(text)
        yield row
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r"))


def integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= 4300 else math.nan


def check_parts(data: bytes, keys: tuple[str, ...]) -> None:
    """A file in two parts, wherever it is cut behind a byte order mark."""
    log = parse(data, keys)
    for at in (data.find(b"\n") + 1, data.rfind(b"\n", 0, -1) + 1, len(data) // 2):
        if at > 3:
            assert_same(parse((data[:at], data[at:]), keys), log, "a file in parts")


def assert_consistent(log: Log) -> None:
    for key, curve in log.curves.items():
        rows = log.rows(key)
        assert 0 < len(curve) == len(rows) <= log.n_rows
        assert 0 <= rows[0] <= rows[-1] < log.n_rows
        assert (rows[1:] > rows[:-1]).all()


def assert_same(log: Log, other: Log, what: str) -> None:
    assert_same_curves(log, other, what, other.curves)
    assert set(log.curves) == set(other.curves), f"{what}: keys"
    assert (log.n_rows, log.faults) == (other.n_rows, other.faults), f"{what}: {log} and {other}"


def assert_same_curves(log: Log, other: Log, what: str, keys: Any) -> None:
    for key in keys:
        assert key in log.curves, f"{what}: {key!r} is missing"
        assert same(log.curves[key], other.curves[key]), f"{what}: {log.curves[key]} and {other.curves[key]}"
        assert log.rows(key).tolist() == other.rows(key).tolist(), f"{what}: rows of {key!r}"


def assert_rows(log: Log, rows: list[dict[str, Any]]) -> None:
    assert log.n_rows == len(rows)
    for key in dict.fromkeys(key for row in rows for key in row):
        curve = curve_of([row[key] for row in rows if key in row])
        assert same(log.curves[key], curve), f"{log.curves[key]} for {curve}"
        assert log.rows(key).tolist() == [place for place, row in enumerate(rows) if key in row]


def curve_of(values: list[Any]) -> Any:
    """The array that holds values as written."""
    kinds = set(map(type, values))
    try:
        if kinds in ({int}, {bool}):
            return np.array(values, dtype=np.int64 if kinds == {int} else np.bool_)
        if kinds <= {int, float, type(None)} and kinds != {int}:
            return np.array(values, dtype=np.float64)
    except OverflowError:
        pass
    return np.fromiter((math.nan if value is None else value for value in values), dtype=object, count=len(values))


def same(curve: Any, other: Any) -> bool:
    """Equal in dtype and each value, NaN and the sign of zero included."""
    return curve.dtype == other.dtype and repr(curve.tolist()) == repr(other.tolist())
