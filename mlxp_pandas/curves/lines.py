# SPDX-License-Identifier: MIT
"""One line of a metrics file that is not plainly healthy: the rows in it, and what is wrong with it."""

from __future__ import annotations

import json
import math
import re
from itertools import accumulate
from typing import Any

from ..disk import Fault

__all__ = ["MAX_DEPTH", "MAX_LINE", "TOO_LONG", "Row", "rows_of_line"]

MAX_LINE, MAX_LINE_ROWS, MAX_DEPTH = 32 << 20, 1_000, 200  # bytes; rows; objects and lists inside one another
_MAX_DIGITS = 4_300  # of an integer: Python's own limit
_TRIES, _TRY_BYTES = 64, 4_000_000  # places of a damaged line where a row is looked for, and bytes read for it
_BLANK = b" \t\r\n\v\f"
TOO_LONG = b"\xff too long"  # begins what stands for such a line

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_FIRST_KEY = re.compile(r'\{\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_careful = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) <= _MAX_DIGITS else math.nan)

Row = dict[str, Any]


def rows_of_line(line: bytes, number: int, is_open: bool) -> tuple[list[Row], list[Fault]]:
    """The rows of one line: none where it is blank, several where newlines are missing; and what is wrong with it."""
    content = line.strip(_BLANK)
    bare = content.strip(b"\0" + _BLANK)
    rows, kind, reason = _rows_of_text(bare, is_open)
    kept = "the whole rows in the line" if rows else "all other lines"
    faults = [Fault(number, kind, reason, kept)] if kind else []
    if len(bare) < len(content):  # a crash of the system leaves NUL bytes where data was not yet on the disk
        kind = "torn last line" if is_open and not rows else "NUL block"
        faults.insert(0, Fault(number, kind, f"{len(content) - len(bare):,} NUL bytes", kept))
    return rows, faults


def _rows_of_text(content: bytes, is_open: bool) -> tuple[list[Row], str, str]:
    """The rows, and the kind and the reason of the damage."""
    if len(content) > MAX_LINE or content.startswith(TOO_LONG):
        return [], "line too long", f"more than {MAX_LINE:,} bytes"
    text = content.decode("utf-8", "replace")
    if _is_deep(text):
        return [], "too deep", f"values are nested more than {MAX_DEPTH} deep"
    rows: list[Row] = []
    at = 0
    try:
        while at < len(text):
            row, at = _careful.raw_decode(text, at)
            at = json.decoder.WHITESPACE.match(text, at).end()  # type: ignore[attr-defined]
            if type(row) is not dict or len(rows) == MAX_LINE_ROWS:
                raise json.JSONDecodeError(f"no object, or more than {MAX_LINE_ROWS:,} in a line", text, at)
            rows.append(row)
    except json.JSONDecodeError as error:
        rows, end = _rescued(text) if rows or at < len(text) else ([], len(text))
        kind = "torn line" if rows or text.startswith("{") else "not a row"
        return rows, "torn last line" if is_open and end < len(text) else kind, f"{error.msg} at column {error.pos + 1}"
    return rows, "", ""


def _rescued(text: str) -> tuple[list[Row], int]:
    """The whole rows in a damaged line, and where the last ends; what may be a value of a torn row is none."""
    rows: list[Row] = []
    end = start = 0
    for _ in range(min(_TRIES, _TRY_BYTES // (len(text) + 1) + 2)):
        if (at := text.find('{"', start)) < 0:
            break
        try:
            row, start = _careful.raw_decode(text, at)
        except (ValueError, RecursionError):
            start = at + 1
            continue
        if not _is_a_value(text[end:at], row) and not _is_deep(text[at:start]):
            rows.append(row)
            end = start
    return rows, end


def _is_a_value(torn: str, row: Row) -> bool:
    """Whether an object after the start of a torn row is a value of it, not a row written after it."""
    first = _FIRST_KEY.search(torn)
    bare = _STRING.sub("", torn).rstrip()
    is_in_list = bare.endswith(",") and bare.count("[") > bare.count("]")
    return first is not None and first[1] not in row and (bare.endswith((":", "[")) or is_in_list)


def _is_deep(text: str) -> bool:
    """Whether values are nested too deep; brackets in texts do not count."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return False
    brackets = re.findall(r"[\[\]{}]", _STRING.sub("", text))
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets), default=0) > MAX_DEPTH
