# SPDX-License-Identifier: MIT
"""Rows of plain values <-> JSON texts: what YAML can hold comes back with its type, and nothing else comes of it."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Sequence
from typing import Any

from .problems import Problem

__all__ = ["decode", "decode_problems", "encode", "encode_problems"]

_PLAIN = {str, int, float, bool, type(None)}
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode(values: Sequence[Any]) -> str:
    """One row as an ASCII text.

    >>> encode([1, "a", (2.5, None)])
    '[1,"a",{"tuple":[2.5,null]}]'
    """
    if _PLAIN.issuperset(map(type, values)):
        return _encode(values)
    return _encode([_tagged(value) for value in values])


def decode(texts: Sequence[str]) -> list[list[Any]]:
    """Rows from their texts.

    >>> decode(['[1,"a",{"tuple":[2.5,null]}]'])
    [[1, 'a', (2.5, None)]]
    """
    text = f"[{','.join(texts)}]"
    rows: list[list[Any]] = json.loads(text)
    if '{"' in text:
        rows = [[_untagged(value) for value in row] for row in rows]
    return rows


def encode_problems(problems: Sequence[Problem]) -> str:
    """The problems of a run as one text; empty for none, as nearly every run has."""
    return _encode(problems) if problems else ""


def decode_problems(text: str) -> list[Problem]:
    """The problems of a run from their text."""
    return [Problem(*problem) for problem in json.loads(text)] if text else []


def _tagged(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    for kind, (types, write, _) in _KINDS.items():
        if isinstance(value, types):
            return {kind: write(value)}
    return {"text": str(value)}


def _untagged(value: Any) -> Any:
    if type(value) is not dict:
        return value
    ((kind, content),) = value.items()
    return content if kind == "text" else _KINDS[kind][2](content)


def _tagged_all(values: Any) -> list[Any]:
    return [_tagged(value) for value in values]


def _untagged_all(values: list[Any]) -> list[Any]:
    return [_untagged(value) for value in values]


# datetime before date, which is its base
_KINDS: dict[str, tuple[type | tuple[type, ...], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tuple": ((tuple, list), _tagged_all, lambda items: tuple(_untagged_all(items))),
    "map": (
        dict,
        lambda items: [[_tagged(key), _tagged(value)] for key, value in items.items()],
        lambda items: {_untagged(key): _untagged(value) for key, value in items},
    ),
    "set": (frozenset, _tagged_all, lambda items: frozenset(_untagged_all(items))),
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "bytes": (bytes, lambda data: base64.b64encode(data).decode("ascii"), base64.b64decode),
}
