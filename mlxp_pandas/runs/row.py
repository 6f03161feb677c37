# SPDX-License-Identifier: MIT
"""The gathered bytes of one run -> its row: names, values, what to compare later, problems.

Rows become blocks, in columns, which the frame is built of, and which the index holds as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import attrgetter, is_
from typing import Any, NamedTuple

from ..disk import CONFIG, INFO, Flat, Gathered, Problem, names_in
from .catalogues import Catalogues
from .templates import Flattener

__all__ = ["Block", "Blocks", "Layout", "Row", "RowReader", "to_blocks", "to_rows"]

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
    problems: Sequence[Problem]


class Block(NamedTuple):
    """The runs of one layout: a column for each name of its config and info, of one value where all are the same."""

    layout: Layout
    log_ids: Sequence[int]
    signatures: Sequence[int]
    columns: Sequence[Any]
    problems: Sequence[tuple[int, Sequence[Problem]]]


Blocks = Sequence[Block]


def to_blocks(rows: Iterable[Row]) -> Blocks:
    """The rows of each layout, in the order in which they first occur."""
    groups: dict[Layout, list[Row]] = {}
    for layout, same in groupby(rows, key=attrgetter("layout")):  # to hash a layout for each run would take longer
        groups.setdefault(layout, []).extend(same)
    return [_block(layout, same) for layout, same in groups.items()]


def to_rows(blocks: Blocks) -> Iterator[Row]:
    """The opposite of `to_blocks`."""
    for layout, log_ids, signatures, columns, problems in blocks:
        found = dict(problems)
        full = zip(log_ids, *(column * (len(log_ids) // len(column)) for column in columns), strict=True)
        for number, values in zip(signatures, full, strict=True):
            yield Row(values[0], layout, values[1:], number, found.get(values[0], ()))


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
        problems = tuple(dict.fromkeys(found.problems))
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


def _block(layout: Layout, rows: Sequence[Row]) -> Block:
    log_ids, _, values, signatures, _ = zip(*rows, strict=True)
    columns = [column[:1] if _is_constant(column) else column for column in zip(*values, strict=True)]
    return Block(layout, log_ids, signatures, columns, [(row.log_id, row.problems) for row in rows if row.problems])


def _is_constant(column: Sequence[Any]) -> bool:
    """Whether all values are the same, and the same as text where they are none: 0.0 equals -0.0, and 1 equals True."""
    first = column[0]
    is_same = column.count(first) == len(column)
    return is_same and (type(first) is str or all(map(is_, column, repeat(first))) or len(set(map(repr, column))) == 1)
