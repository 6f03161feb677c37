# SPDX-License-Identifier: MIT
"""Hostile metrics files: torn, glued, mixed, in odd encodings, beyond limits; and odd ones that nothing is wrong with."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import ABSENT, EPOCH, HEAD, LOSS, Case, both, change, put

__all__ = ["CASES"]

TRAIN = "metrics/train.json"
NAN, INF = math.nan, math.inf
ROW = b'{"loss": 0.125, "epoch": 2}'


def _lines(name: str, data: bytes, load: str = "", loss: Any = LOSS, epoch: Any = EPOCH) -> Case:
    return Case(name, put(TRAIN, data), load=load, kept={"train.loss": loss, "train.epoch": epoch})


def _more_keys(name: str, data: bytes, loss: Any, epoch: Any) -> Case:
    """Rows with a key that the catalogue lacks, which only `health` compares."""
    return _lines(name, data, "", loss, epoch)._replace(health="unlisted key")


def _values(name: str, *values: str, gives: list[Any], load: str = "") -> Case:
    """Rows of these values, as they are written."""
    rows = "".join(f'{{"loss": {value}, "epoch": {step}}}\n' for step, value in enumerate(values))
    return _lines(name, rows.encode("utf-8", "surrogatepass"), load, gives, list(range(len(values))))


def _sparse(run: Path) -> None:
    with open(run / TRAIN, "wb") as stream:
        stream.truncate(8 << 30)


def _torn() -> Iterator[Case]:
    yield _lines("torn last line", HEAD + ROW[:12], "torn last line")
    yield _lines("torn in a number", HEAD + b'{"loss": 0.12', "torn last line")
    yield _lines("torn in a character", HEAD + b'{"note": "\xc3', "torn last line")
    yield _lines("torn after one brace", HEAD + b"{", "torn last line")
    yield _lines("torn with its newline", HEAD + ROW[:12] + b"\n", "torn line")
    yield _lines("whole last line without newline", HEAD + ROW, "", [*LOSS, 0.125], [0, 1, 2])
    yield _lines("torn start glued to the next row", ROW[:12] + HEAD, "torn line")
    yield _lines("torn in a string, glued to the next row", b'{"note": "begu' + HEAD, "torn line")
    yield _lines("rows glued without newline", HEAD.replace(b"\n", b"") + b"\n")
    yield _lines("two writers torn in each other", HEAD + b'{"loss": 9, {"loss": 8, "epo"epoch": 7}\nch": 6}\n', _TORN)
    yield _lines("two writers interleaved", HEAD + ROW + ROW + b"\n\n", "", [*LOSS, 0.125, 0.125], [0, 1, 2, 2])
    yield _lines("bad line in the middle", HEAD[:26] + b"~~~ segmentation fault ~~~\n" + HEAD[26:], "not a row")
    yield _lines("bad first line", b"loss,epoch\n" + HEAD, "not a row")
    yield _lines("a traceback after the rows", HEAD + b"Traceback (most recent call last):\n  File\nE\n", _THREE)
    yield _lines("two hundred thousand bad lines", HEAD + b"x\n" * 200_000, ",".join(["further faults", *_MANY]))
    yield _lines("one bad line in a long file", HEAD + b"x\n" + ROW + b"\n", "not a row", [*LOSS, 0.125], [0, 1, 2])
    for status in ("RUNNING", "STARTING"):
        live = both(put(TRAIN, HEAD + ROW[:9]), change("metadata/info.yaml", "COMPLETE", status))
        yield Case(f"torn last line of a run that is {status}", live, kept={"train.loss": LOSS, "info.status": status})
    glued = both(put(TRAIN, HEAD[:9] + HEAD), change("metadata/info.yaml", "COMPLETE", "RUNNING"))
    yield Case("torn middle line of a live run", glued, load="torn line", kept={"train.loss": LOSS})


_TORN = "not a row,torn line"
_THREE = "not a row,not a row,not a row"
_MANY = ["not a row"] * 21


def _blank() -> Iterator[Case]:
    missing = "missing key,missing key"
    yield _lines("empty", b"", missing, ABSENT, ABSENT)
    yield _lines("blanks only", b"\n \n\t\n", missing, ABSENT, ABSENT)
    yield _lines("blank lines between", b"\n\n" + HEAD.replace(b"\n", b"\n\n"))
    yield _lines("NUL tail", HEAD + bytes(4096), "torn last line")
    yield _lines("NUL block in the middle", HEAD[:26] + bytes(512) + HEAD[26:], "NUL block")
    yield _lines("NUL tail with a newline", HEAD + bytes(512) + b"\n", "NUL block")
    yield _lines("NULs only", bytes(4096), "torn last line", ABSENT, ABSENT)
    yield _lines("NULs inside a row", HEAD + b'{"loss": 0.1\0\0, "epoch": 2}\n', "torn line")
    yield Case("8 GiB sparse", _sparse, load="too large", kept={"train.loss": ABSENT, "train.epoch": ABSENT})
    yield _lines("CRLF", HEAD.replace(b"\n", b"\r\n"))
    yield _lines("what MLXP writes on Windows", HEAD.replace(b"\n", b"\r\r\n"))
    yield _lines("lone carriage returns", HEAD.replace(b"\n", b"\r"))


def _encodings() -> Iterator[Case]:
    text = '{"loss": 0.125, "epoch": 2, "note": "%s"}\n'
    more: dict[str, Any] = {"loss": [*LOSS, 0.125], "epoch": [0, 1, 2]}
    for name, note in (("line separators", "a\u2028b\u2029c\x85d"), ("astral characters", "\U0001f4a9 \U0010ffff")):
        yield _more_keys(f"{name} inside a string", HEAD + (text % note).encode(), **more)
    yield _more_keys("lone surrogates", HEAD + (text % "\\ud800 \\udfff\\ud800").encode(), **more)
    yield _lines("a raw tab in a string", HEAD + (text % "a\tb").encode(), "torn line")
    yield _more_keys("escaped control characters", HEAD + (text % "\\u0000\\u001b").encode(), **more)
    yield _lines("a key that is written with escapes", HEAD + b'{"\\u006coss": 0.125, "epoc\\u0068": 2}\n', **more)
    yield _lines("BOM", b"\xef\xbb\xbf" + HEAD)
    yield _lines("BOM in the middle", HEAD[:26] + b"\xef\xbb\xbf" + HEAD[26:], "torn line")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        yield _lines(encoding, HEAD.decode().encode(encoding), "not json lines", ABSENT, ABSENT)
    yield _more_keys("Latin-1", HEAD + (text % "café").encode("latin-1"), **more)
    yield _lines("invalid bytes", HEAD[:26] + b"\xff\xfe\x80\n" + HEAD[26:], "not a row")
    yield _lines(
        "an overlong encoding", HEAD + b'{"loss": "\xc0\xaf", "epoch": 2}\n', "", [*LOSS, "\ufffd" * 2], [0, 1, 2]
    )


def _numbers() -> Iterator[Case]:
    yield _values("not finite", "NaN", "Infinity", "-Infinity", "null", gives=[NAN, INF, -INF, NAN])
    yield _values("nothing but null", "null", "null", gives=[NAN, NAN])
    yield _values("nothing but NaN", "NaN", "NaN", gives=[NAN, NAN])
    yield _values("lower-case nan", "0.5", "nan", gives=[0.5], load="torn line")._replace(kept={"train.epoch": [0]})
    yield _values("an integer of 65 bits", "18446744073709551616", "1", gives=[2**64, 1])
    yield _values("an integer beside floats", "9007199254740993", "0.5", gives=[2.0**53, 0.5])
    yield _values("an integer of 4,300 digits", "1" * 4300, gives=[int("1" * 4300)])
    yield _values("an integer of 5,000 digits", "1" * 5000, gives=[NAN])
    yield _values("a negative integer of 5,000 digits", "-" + "1" * 5000, gives=[NAN])
    yield _values("overflow", "1e400", "-1e400", gives=[INF, -INF])
    yield _values("minus zero", "-0.0", "0.0", gives=[-0.0, 0.0])
    yield _values("subnormals", "5e-324", "1e-400", gives=[5e-324, 0.0])
    yield _values("a float of 5,000 digits", "0." + "3" * 5000, gives=[1 / 3])
    yield _values("an integer as a float", "1.0", "2", "3e0", gives=[1.0, 2.0, 3.0])
    yield _values("booleans", "true", "false", gives=[True, False])
    for bad in ("007", ".5", "+1", "1.", "0x10", "1_000", "- 1", "True", "None", "undefined"):
        yield _values(f"no JSON number: {bad}", "0.5", bad, gives=[0.5], load="torn line")._replace(
            kept={"train.loss": [0.5], "train.epoch": [0]}
        )


def _kinds() -> Iterator[Case]:
    yield _values("mixed types", "1", '"a"', "null", "true", "0.5", gives=[1, "a", NAN, True, 0.5])
    yield _values("text", '"a"', '"b"', gives=["a", "b"])
    yield _values("nested values", "[1, [2]]", '{"a": {"b": []}}', gives=[[1, [2]], {"a": {"b": []}}])
    yield _values("lists of one length", "[1, 2]", "[3, 4]", gives=[[1, 2], [3, 4]])
    for name, line in (("lists", "[1, 2]"), ("numbers", "5"), ("strings", '"a"'), ("null", "null"), ("true", "true")):
        yield _lines(f"rows that are {name}", HEAD[:26] + f"{line}\n".encode() + HEAD[26:], "not a row")
    yield _lines("nothing but numbers", b"1\n2\n3\n", "not json lines", ABSENT, ABSENT)
    yield _lines("empty rows", b"{}\n" + HEAD + b"{}\n")
    yield _lines("one JSON list", b"[" + HEAD.replace(b"\n", b",")[:-1] + b"]", "not json lines", ABSENT, ABSENT)
    pretty = json.dumps([{"loss": 0.5}], indent=2).encode()
    yield _lines("pretty-printed JSON", pretty, "not json lines", ABSENT, ABSENT)
    yield _lines("Python's repr", b"{'loss': 0.5, 'epoch': 0}\n", "torn line", ABSENT, ABSENT)
    yield _lines("gzip", gzip.compress(HEAD * 50, mtime=0), "not json lines", ABSENT, ABSENT)
    noise = random.Random(0).randbytes(20_000)
    yield _lines("random bytes", noise, "not json lines", ABSENT, ABSENT)
    yield _lines("trailing commas", HEAD[:26] + b'{"loss": 1,}\n' + HEAD[26:], "torn line")
    yield _lines("comments", b"// a log\n" + HEAD, "not a row")


def _keys() -> Iterator[Case]:
    yield _lines("a key that comes late", b'{"epoch": 0}\n{"epoch": 1}\n' + ROW, "", [0.125], [0, 1, 2])
    yield _lines("alternating keys", b'{"loss": 0.5}\n{"epoch": 0}\n{"loss": 0.25}\n{"epoch": 1}\n')
    yield _lines("a key that no row has", b'{"loss": 0.5}\n{"loss": 0.25}\n', "missing key", LOSS, ABSENT)
    twice = b'{"loss": 0.5, "loss": 0.75, "epoch": 0}\n' + HEAD
    yield _lines("a key twice in a row", twice, "", [0.75, *LOSS], [0, *EPOCH])
    inner = b'{"loss": 0.5, "epoch": 0, "x": {"a": 1, "a": 2}}\n'
    yield _more_keys("a key twice in a nested value", inner, [0.5], [0])
    many = json.dumps({"loss": 0.5, "epoch": 0} | {f"k{n}": n for n in range(50_000)}).encode() + b"\n"
    yield _more_keys("50,000 keys in a row", many, [0.5], [0])
    yield _more_keys("empty key", HEAD + b'{"": 1, "loss": 0.125, "epoch": 2}\n', [*LOSS, 0.125], [0, 1, 2])


def _sizes() -> Iterator[Case]:
    long = b'{"loss": 0.125, "epoch": 2, "note": "%s"}\n'
    more: dict[str, Any] = {"loss": [*LOSS, 0.125], "epoch": [0, 1, 2]}
    yield _more_keys("a string of 20 MB", HEAD + long % (b"x" * 20_000_000), **more)
    yield _lines("a string of 40 MB", HEAD + long % (b"x" * 40_000_000), "line too long")
    yield _lines("20 MB without a newline", b"x" * 20_000_000, "not json lines", ABSENT, ABSENT)
    for depth in (150, 10_000, 1_000_000):
        for left, right in (("[", "]"), ('{"a":', "}")):
            row = f'{{"loss": 0.125, "epoch": 2, "x": {left * depth}1{right * depth}}}\n'.encode()
            name = f"nesting of {depth:,} in {left}"
            yield _more_keys(name, HEAD + row, **more) if depth < 200 else _lines(name, HEAD + row, "too deep")
    yield _lines("open brackets", HEAD + b"[" * 1_000_000 + b"\n", "too deep")
    yield _lines("open strings", HEAD + b'{"' * 500_000 + b"\n", "torn line")
    yield _more_keys("braces in a string", HEAD + long % (b"{" * 100_000), **more)
    rows = ROW * 1_000
    yield _lines("a thousand rows on a line", rows + b"\n", "", [0.125] * 1_000, [2] * 1_000)


CASES = [*_torn(), *_blank(), *_encodings(), *_numbers(), *_kinds(), *_keys(), *_sizes()]
