# SPDX-License-Identifier: MIT
"""The gathered bytes of one run -> its row: names, values, what to compare later, problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from ..disk import CONFIG, INFO, Flat, Gathered, Problem, names_in
from .catalogues import Catalogues
from .templates import Flattener

__all__ = ["Layout", "Row", "RowReader", "by_layout"]

_FINISHED = ("COMPLETE", "FAILED")
_PATIENCE = 20  # torn files of one scan that are read once more, each after 20 ms


class Layout(NamedTuple):
    """What runs of one kind have in common: their columns, and what must be looked at to notice a change."""

    config: tuple[str, ...]
    info: tuple[str, ...]
    metrics: tuple[str, ...]
    artifacts: tuple[str, ...]
    looks: tuple[str, ...]


class Row(NamedTuple):
    """One run: `values` are those of `layout.config` and `layout.info`; `signature` is 0 where a change could hide."""

    log_id: int
    layout: Layout
    values: Sequence[Any]
    signature: int
    problems: list[Problem]


def by_layout(rows: Iterable[Row]) -> dict[Layout, list[Row]]:
    """The rows of each layout, in the order in which they first occur."""
    groups: dict[Layout, list[Row]] = {}
    for layout, same in groupby(rows, key=attrgetter("layout")):  # to hash a layout for each run would take longer
        groups.setdefault(layout, []).extend(same)
    return groups


class RowReader:
    """Turns gathered runs into rows; keeps what equal files have in common between one run and the next."""

    def __init__(self) -> None:
        self._config = Flattener("config")
        self._info = Flattener("info")
        self._catalogues = Catalogues()
        self._layouts: dict[Layout, Layout] = {}
        self._patience = _PATIENCE

    def row(self, found: Gathered) -> Row:
        """The row of one run; never raises for what the run holds."""
        try:
            return self._row(found)
        except Exception as error:  # an unknown defect costs one run
            found.lost("", error)
            return Row(found.run.log_id, Layout((), (), (), (), ()), [], 0, found.problems)

    def _row(self, found: Gathered) -> Row:
        config = self._flat(found, CONFIG, self._config)
        info = self._flat(found, INFO, self._info)
        status = info.values[info.names.index("info.status")] if "info.status" in info.names else None
        metrics, artifacts = self._catalogues.columns(found, is_finished=status in _FINISHED)
        layout = Layout(config.names, info.names, metrics, artifacts, tuple(found.looked))
        layout = self._layouts.setdefault(layout, layout)
        signature = hash(tuple(found.looked.values())) if found.settled else 0
        problems = list(dict.fromkeys(found.problems))
        return Row(found.run.log_id, layout, config.values + info.values, signature, problems)

    def _flat(self, found: Gathered, relative: str, flattener: Flattener) -> Flat:
        """One YAML file; read again where it looks torn and was written just now."""
        data = found.files.get(relative)
        if self._patience > 0 and _is_torn(data) and not found.settled:
            self._patience -= 1
            data = found.again(relative)
        if data is None:
            _name_missing(found, relative)
            return Flat((), [])
        flat = flattener.flatten(data)
        found.faults(relative, flat.faults)
        if relative == INFO and not flat.faults and _is_torn(data):
            found.problem(relative, "cut short", "its last line is no whole line", "what is there of it")
        return flat


def _is_torn(data: bytes | None) -> bool:
    """Whether a file looks as if it is being written; MLXP ends each with a newline."""
    return data is None or not data.endswith(b"\n")


def _name_missing(found: Gathered, relative: str) -> None:
    """One problem for a YAML file that is not there, unless it has one already."""
    if any(problem.file.endswith((relative, "/metadata")) for problem in found.problems):
        return
    if relative == CONFIG and "config_unresolved.yaml" in names_in(f"{found.run.path}/metadata"):
        found.problem(relative, "queued", "the run waits for its scheduler: only config_unresolved.yaml is there")
    else:
        found.problem(relative, "missing", "the file is not there")
