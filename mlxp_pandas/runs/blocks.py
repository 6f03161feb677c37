# SPDX-License-Identifier: MIT
"""The rows of a scan in columns, one block a layout: what the frame is built of, and what the index holds as text."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Callable, Container
from itertools import repeat
from operator import is_
from typing import Any

from ..disk import Problem
from .row import Layout, Row

__all__ = ["Block"]

_WAITING = 512  # rows that wait to become columns
_PLAIN = {str, int, float, bool, type(None)}
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Block:
    """The runs of one layout.

    Attributes
    ----------
    layout : Layout
    log_ids, signatures : list of int
        One a run.
    columns : list of list
        For each name of `layout.config`, then of `layout.info`, one value a run.
    problems : dict of int to list of Problem
        By log_id, of the runs that have any.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.log_ids: list[int] = []
        self.signatures: list[int] = []
        self.columns: list[list[Any]] = [[] for _ in layout.config + layout.info]
        self.problems: dict[int, list[Problem]] = {}
        self._rows: list[list[Any]] = []
        self._n_stored = 0

    def add(self, row: Row) -> None:
        """Add a run of this layout; `settle` is to be called after the last one."""
        self.log_ids.append(row.log_id)
        self.signatures.append(row.signature)
        self.problems.pop(row.log_id, None)
        if row.problems:
            self.problems[row.log_id] = row.problems
        self._rows.append(row.values)
        if len(self._rows) == _WAITING:
            self._flush()

    def settle(self, stale: Container[int]) -> None:
        """Drop the stored runs that are stale, and bring all others into the order of their log_ids."""
        self._flush()
        places = [at for at, log_id in enumerate(self.log_ids) if at >= self._n_stored or log_id not in stale]
        places.sort(key=self.log_ids.__getitem__)
        self._n_stored = len(places)
        if places != list(range(len(self.log_ids))):
            self.log_ids, self.signatures, *self.columns = (
                [values[at] for at in places] for values in (self.log_ids, self.signatures, *self.columns)
            )
            self.problems = {log_id: self.problems[log_id] for log_id in self.log_ids if log_id in self.problems}

    def to_text(self) -> str:
        """The block as one line of JSON."""
        columns = [_packed(column) for column in self.columns]
        return _encode([self.layout, self.log_ids, self.signatures, columns, sorted(self.problems.items())])

    @classmethod
    def from_text(cls, text: str | bytes) -> Block:
        """The opposite of `to_text`; raises what JSON and a text that nobody wrote raise."""
        names, log_ids, signatures, columns, problems = json.loads(text, object_hook=_unpacked)
        block = cls(Layout(*map(tuple, names)))
        block.log_ids, block.signatures = log_ids, signatures
        block.columns = [column * len(log_ids) if len(column) == 1 else column for column in columns]
        block.problems = {log_id: [Problem(*problem) for problem in found] for log_id, found in problems}
        block._n_stored = len(log_ids)
        lengths = {len(signatures), *map(len, block.columns)}
        if lengths != {len(log_ids)} or len(columns) != len(block.layout.config + block.layout.info):
            raise ValueError("columns of other lengths")
        if set(map(type, log_ids + signatures)) != {int} or set(map(type, sum(block.layout, ()))) - {str}:
            raise TypeError("numbers or names of another type")
        return block

    def _flush(self) -> None:
        if self._rows:
            for column, values in zip(self.columns, zip(*self._rows, strict=True), strict=True):
                column.extend(values)
        self._rows = []


def _packed(column: list[Any]) -> list[Any]:
    """A column as JSON holds it: one value where all are the same, objects for what JSON has no type for."""
    column = column[:1] if _is_constant(column) else column
    return column if _PLAIN.issuperset(map(type, column)) else list(map(_pack, column))


def _is_constant(column: list[Any]) -> bool:
    """Whether all values are the same, and the same as text where they are none: 0.0 equals -0.0, and 1 equals True."""
    first = column[0]
    if column.count(first) < len(column):
        return False
    return type(first) is str or all(map(is_, column, repeat(first))) or len(set(map(repr, column))) == 1


def _pack(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    return next({kind: write(value)} for kind, (type_, write, _) in _KINDS.items() if isinstance(value, type_))


def _pack_all(values: Any) -> list[Any]:
    return list(map(_pack, values))


def _unpacked(packed: dict[str, Any]) -> Any:
    ((kind, content),) = packed.items()
    return _KINDS[kind][2](content)


# Of each type that YAML has and JSON has not: how it is written and read; datetime before date, which is its base.
_KINDS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "tuple": (tuple, _pack_all, tuple),
    "set": (frozenset, _pack_all, frozenset),
    "map": (dict, lambda items: list(map(_pack_all, items.items())), lambda pairs: dict(map(tuple, pairs))),
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "bytes": (bytes, lambda data: base64.b64encode(data).decode("ascii"), base64.b64decode),
}
