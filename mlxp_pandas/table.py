# SPDX-License-Identifier: MIT
"""Rows of runs -> columns of values, in the order of the frame; texts of the index are decoded many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from operator import is_
from typing import Any, Final

from .rowcodec import decode
from .runrow import Layout
from .yamltree import Common

__all__ = ["MISSING", "Table", "is_one"]


class _Missing:
    """The value of a key that a run does not have."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()

_CHUNK = 1024


class Table:
    """Collects the rows of a scan as columns.

    Parameters
    ----------
    is_wanted : callable, optional
        Whether a column is to be kept, by its name; all are by default.
    """

    def __init__(self, is_wanted: Callable[[str], bool] | None = None) -> None:
        self.log_ids: list[int] = []
        self._is_wanted = is_wanted or (lambda name: True)
        self._parts: dict[tuple[tuple[str, ...], ...], _Part] = {}
        self._layouts: dict[Layout, tuple[_Part, list[int]]] = {}
        self._last_layout: Layout | None = None
        self._last: tuple[_Part, list[int]]

    def add(self, log_id: int, layout: Layout, row: str | list[Any]) -> None:
        """Add a run: its values, or their text as the index holds it. Runs come by ascending log_id."""
        if layout is not self._last_layout:  # to hash a layout takes longer than all that follows
            self._last_layout, self._last = layout, self._known(layout)
        part, places = self._last
        places.append(len(self.log_ids))
        part.places.append(len(self.log_ids))
        part.rows.append((row, layout.common))
        self.log_ids.append(log_id)
        if len(part.rows) >= _CHUNK:
            part.flush()

    def _known(self, layout: Layout) -> tuple[_Part, list[int]]:
        """The runs of a layout so far."""
        if layout not in self._layouts:
            self._layouts[layout] = self._parts.setdefault(layout[:2], _Part(layout, self._is_wanted)), []
        return self._layouts[layout]

    def values(self) -> dict[str, list[Any]]:
        """Columns of config, then info, each with one value or MISSING a run."""
        for part in self._parts.values():
            part.flush()
        names = self._names(lambda layout: layout.config) | self._names(lambda layout: layout.info)
        return {name: self._column(name) for name in names}

    def cells(self, kind: str) -> dict[str, list[int]]:
        """Columns of `metrics` or `artifacts` with the places of the runs that have them."""
        found: dict[str, list[int]] = {}
        for layout, (_, places) in self._layouts.items():
            for name in getattr(layout, kind):
                if self._is_wanted(name):
                    found.setdefault(name, []).extend(places)
        return found

    def all_names(self) -> list[str]:
        """The names of all columns that the runs have, wanted or not."""
        names = (name for layout in self._layouts for kind in layout[:4] for name in kind)
        return list(dict.fromkeys(names))

    def _names(self, of: Callable[[Layout], tuple[str, ...]]) -> dict[str, None]:
        return {name: None for layout in self._layouts for name in of(layout) if self._is_wanted(name)}

    def _column(self, name: str) -> list[Any]:
        parts = [part for part in self._parts.values() if name in part.columns]
        if len(parts) == 1 and len(parts[0].places) == len(self.log_ids):
            return parts[0].columns.pop(name)
        column: list[Any] = [MISSING] * len(self.log_ids)
        for part in parts:
            for place, value in zip(part.places, part.columns.pop(name), strict=True):
                column[place] = value
        return column


def is_one(values: Sequence[Any]) -> bool:
    """Whether all values are one object, as what many runs have in common is; the first that differs tells."""
    return all(map(is_, values, repeat(values[0])))


class _Part:
    """The runs with the same names in their config and info."""

    def __init__(self, layout: Layout, is_wanted: Callable[[str], bool]) -> None:
        names = layout.config + layout.info
        self.places: list[int] = []
        self.rows: list[tuple[str | list[Any], Common | None]] = []
        self.columns: dict[str, list[Any]] = {name: [] for name in names if is_wanted(name)}
        self._wanted = [place for place, name in enumerate(names) if is_wanted(name)]
        self._shared: dict[str, dict[str, str]] = {name: {} for name in self.columns}

    def flush(self) -> None:
        """Turn the rows that wait into columns."""
        if self.rows and self._wanted:
            columns = list(zip(*_decoded(self.rows), strict=True))
            for name, place in zip(self.columns, self._wanted, strict=True):
                self.columns[name] += self._share(name, columns[place])
        self.rows = []

    def _share(self, name: str, values: tuple[Any, ...]) -> Iterable[Any]:
        """Equal texts as one object, unless they are that already, or nearly each is its own."""
        known = self._shared[name]
        if len(known) > _CHUNK // 4 or str not in set(map(type, values[:8])) or is_one(values):
            return values
        return [known.setdefault(value, value) if type(value) is str else value for value in values]


def _decoded(rows: Sequence[tuple[str | list[Any], Common | None]]) -> list[list[Any]]:
    """The values of rows, those of the index decoded together."""
    texts = [row for row, _ in rows if isinstance(row, str)]
    decoded = iter(decode(texts) if texts else ())
    return [_whole(next(decoded), common) if isinstance(row, str) else row for row, common in rows]


def _whole(values: list[Any], common: Common | None) -> list[Any]:
    """The values of a row with those that its layout has."""
    if common is None:
        return values
    whole = common.values.copy()
    for place, value in zip(common.varying, values, strict=True):
        whole[place] = value
    return whole
