# SPDX-License-Identifier: MIT
"""The metric reader: all of its ways give the same rows and faults, and a healthy line is what `json.loads` says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mlxp_pandas.curvetypes import curve_of
from mlxp_pandas.jsonlines import LogRows, joined_logs, last_values, parse, parse_many
from mlxp_pandas.plainrows import plain_rows
from mlxp_pandas.rowchunks import Engine
from mlxp_pandas.rowstructs import is_installed

FAST: Engine = "fast" if is_installed() else "auto"

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
    log = parse(data, engine="stdlib")
    assert_consistent(log)
    if any(line.count(b"{") + line.count(b"[") > 100 for line in data.split(b"\n")):
        return
    keys = [*list(log.curves)[:6], "absent"]
    chosen = parse(data, keys, engine="stdlib")
    assert_same(parse(data, keys, engine=FAST), chosen, "fast and stdlib")
    assert_same_curves(chosen, log, "chosen keys and all", chosen.curves)
    check_lines(data, parse(data, first_line=2, engine="stdlib"))
    check_plain(data, keys[:-1])
    check_parts(data, keys)
    check_last(data, chosen, keys)


def check_lines(data: bytes, log: LogRows) -> None:
    """Line by line: the same rows, each of a healthy line as `json.loads` gives them, and no fault without a reason."""
    lines = data.split(b"\n")
    if len(lines) > 40:
        return
    parts = [parse(line + b"\n", first_line=2, engine="stdlib") for line in lines[:-1]]
    parts += [parse(lines[-1], first_line=2, engine="stdlib")]
    assert log.n_rows == sum(part.n_rows for part in parts), "the rows of a line depend on the others"
    faults = [fault for part in parts for fault in part.faults]
    assert len(faults) > 20 or [fault[1:] for fault in log.faults] == [fault[1:] for fault in faults], "faults of lines"
    whole: list[dict[str, Any]] = []
    for line, part in zip(lines, parts, strict=True):
        rows = reference(line)
        assert (rows is not None) == (not part.faults), f"{line!r}: {part.faults} and {rows}"
        if rows is not None:
            assert_rows(part, rows)
            whole += rows
    if not faults:
        assert_rows(log, whole)


def reference(line: bytes) -> list[dict[str, Any]] | None:
    """The rows of a line, None where it is no plain sequence of objects: what the reader has to name."""
    content = line.strip(b" \t\r\n\v\f")
    try:
        return list(objects(content.decode()))
    except (ValueError, RecursionError):
        return None


def objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(object_pairs_hook=each_key_once)
    at = 0
    while at < len(text):
        row, at = decoder.raw_decode(text, at)
        if not isinstance(row, dict):
            raise ValueError(text)
        yield row
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r"))


def each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key is there twice")
    return row


def check_plain(data: bytes, keys: list[str]) -> None:
    """The way of plain rows, which small files do not take."""
    end = data.rfind(b"\n") + 1
    plain = plain_rows(data[:end], keys) if end else None
    if plain is None:
        return
    n_rows, curves = plain
    expected = parse(data[:end], keys, engine="stdlib")
    assert not expected.faults
    assert expected.n_rows == n_rows
    for key, curve in curves.items():
        assert len(expected.rows[key]) == expected.n_rows
        assert same(curve, expected.curves[key]), f"plain rows: {curve} for {expected.curves[key]}"


def check_parts(data: bytes, keys: list[str]) -> None:
    """Files read at once, and a file that grew."""
    log = parse(data, keys)
    for other in parse_many([data, data, b'{"a": 1}\n'], keys)[:2]:
        assert_same(other, log, "one and many files")
    for at in (data.find(b"\n") + 1, data.rfind(b"\n", 0, -1) + 1):
        first = parse(data[:at], keys)
        second = parse(data[at:], keys, first_line=data.count(b"\n", 0, at) + 1)
        both = joined_logs(first, second)
        if both is not None and first.n_rows and not data[at:].startswith(b"\xef\xbb\xbf"):
            assert_same_curves(both, log, "parts and the whole", log.curves)
            assert both.n_rows == log.n_rows


def check_last(data: bytes, log: LogRows, keys: list[str]) -> None:
    values, _ = last_values(data, keys, is_whole=not data.startswith(b"\xef\xbb\xbf"))
    for key, curve in log.curves.items():
        if key in values and not data.startswith(b"\xef\xbb\xbf"):
            last = curve_of([values[key]])
            assert repr(curve[-1]) == repr(last[0]) or curve[-1] == values[key] or values[key] is None, key
    if not data.startswith(b"\xef\xbb\xbf"):
        assert set(values) == set(log.curves), "last values of other keys"


def assert_consistent(log: LogRows) -> None:
    assert log.curves.keys() == log.rows.keys()
    for key, curve in log.curves.items():
        rows = log.rows[key]
        assert 0 < len(curve) == len(rows) <= log.n_rows
        assert 0 <= rows[0] <= rows[-1] < log.n_rows
        assert (rows[1:] > rows[:-1]).all()


def assert_same(log: LogRows, other: LogRows, what: str) -> None:
    assert_same_curves(log, other, what, other.curves)
    assert set(log.curves) == set(other.curves), f"{what}: keys"
    assert (log.n_rows, log.faults, log.end) == (other.n_rows, other.faults, other.end), f"{what}: {log} and {other}"


def assert_same_curves(log: LogRows, other: LogRows, what: str, keys: Any) -> None:
    for key in keys:
        assert key in log.curves, f"{what}: {key!r} is missing"
        assert same(log.curves[key], other.curves[key]), f"{what}: {log.curves[key]} and {other.curves[key]}"
        assert log.rows[key].tolist() == other.rows[key].tolist(), f"{what}: rows of {key!r}"


def assert_rows(log: LogRows, rows: list[dict[str, Any]]) -> None:
    assert log.n_rows == len(rows)
    for key in dict.fromkeys(key for row in rows for key in row):
        curve = curve_of([row[key] for row in rows if key in row])
        assert same(log.curves[key], curve), f"{log.curves[key]} for {curve}"
        assert log.rows[key].tolist() == [place for place, row in enumerate(rows) if key in row]


def same(curve: Any, other: Any) -> bool:
    """Equal in dtype and each value, NaN and the sign of zero included."""
    return curve.dtype == other.dtype and repr(curve.tolist()) == repr(other.tolist())
