# SPDX-License-Identifier: MIT
"""A log folder -> the table of its runs, through the index: what is unchanged comes from it, the rest is read again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice

from .errors import IndexWarning, user_stacklevel
from .gathering import gather, signature
from .index import Index, IndexProblem, IndexRow, Stored, Writer
from .pool import ordered_map
from .problems import Problem
from .rowcodec import decode_problems, encode, encode_problems
from .rundir import RunDir, check_folder, find_runs
from .runrow import Layout, RowReader, RunRow
from .table import Table

__all__ = ["Progress", "scan"]

Progress = Callable[[int], AbstractContextManager[Callable[[int], object]]]

_BATCH = 32  # runs gathered before they are parsed: neither of the two drives the other out of the processor's caches
_FEW = 0.2  # share of changed runs up to which a copy of the index is changed


def scan(root: str, dst_dir: str | None, refresh: bool | None, table: Table, progress: Progress) -> list[Problem]:
    """Fill a table with the runs of a log folder.

    Parameters
    ----------
    root : str
        Absolute path of the log folder.
    dst_dir : str, optional
        Folder of the index; the log folder by default.
    refresh : bool, optional
        None looks at every run, True reads every run, False believes the index.
    table : Table
        An empty one.
    progress : callable
        Given the number of runs, a context whose value is called with the number of runs done.

    Returns
    -------
    list of Problem
        Those of the folder, then those of each run.

    Raises
    ------
    LogsNotFoundError, NotALogsFolderError, LogsUnreadableError
    """
    check_folder(root)
    index = _Cache(root, dst_dir or root)
    stored = None if refresh is True else index.read()
    if refresh is False and stored is not None:
        return _believed(stored, table)
    runs, problems = find_runs(root)
    with progress(len(runs)) as done:
        if stored is None or not stored.rows:
            return _cold(runs, problems, index, table, done)
        return _warm(runs, problems, index, stored, table, done)


class _Cache:
    """The index as a cache: what is wrong with it is one warning, and the answer is computed without it."""

    def __init__(self, root: str, folder: str) -> None:
        self._index = Index(root, folder)
        self._is_ours = True
        self._is_named = False

    def read(self) -> Stored | None:
        try:
            return self._index.read()
        except IndexProblem as problem:
            self._is_ours = problem.is_ours
            self._warn(problem.reason)
            return None

    def writer(self, copy_of: Stored | None = None) -> Writer | None:
        """A writer, or None where the file in place is not ours to replace."""
        return self._index.writer(copy_of) if self._is_ours else None

    def finish(self, writer: Writer, layouts: Sequence[Layout], problems: Sequence[Problem]) -> None:
        writer.finish(layouts, problems)
        if writer.reason:
            self._warn(writer.reason)

    def _warn(self, reason: str) -> None:
        if not self._is_named:
            message = (
                f"The index {self._index.path!r} is not used: {reason}. The answer is complete, it only took longer; "
                f"give a folder of yours as `dst_dir` to keep an index there."
            )
            warnings.warn(message, IndexWarning, stacklevel=user_stacklevel())
        self._is_named = True


class _Layouts(dict[Layout, int]):
    """Layouts numbered in the order they are met."""

    _last: tuple[Layout | None, int] = None, 0

    def number(self, layout: Layout) -> int:
        """The number of a layout; of the same one again without hashing it."""
        if layout is not self._last[0]:
            self._last = layout, self[layout]
        return self._last[1]

    def __missing__(self, layout: Layout) -> int:
        self[layout] = len(self)
        return self[layout]


def _believed(stored: Stored, table: Table) -> list[Problem]:
    """The table as the index has it."""
    problems = list(stored.problems)
    for row in stored.rows:
        table.add(row.log_id, stored.layouts[row.layout], row.data)
        problems += decode_problems(row.problems)
    return problems


def _cold(
    runs: Iterable[RunDir], problems: list[Problem], index: _Cache, table: Table, done: Callable[[int], object]
) -> list[Problem]:
    """Every run read; the index written on the way."""
    layouts = _Layouts()
    found = list(problems)
    with index.writer() or nullcontext() as writer:
        for row in _read(runs, done, is_compact=True):
            table.add(row.log_id, row.layout, row.values)
            found += row.problems
            if writer is not None:
                writer.add(_index_row(row, layouts))
        if writer is not None:
            index.finish(writer, list(layouts), problems)
    return found


def _warm(
    runs: list[RunDir],
    problems: list[Problem],
    index: _Cache,
    stored: Stored,
    table: Table,
    done: Callable[[int], object],
) -> list[Problem]:
    """Every run looked at; those that changed read again."""
    known = {row.log_id: row for row in stored.rows}
    looks = _looks(runs, known, stored.layouts, done)
    changed = [run for run, is_fresh in zip(runs, looks, strict=True) if not is_fresh]
    layouts = _Layouts((layout, place) for place, layout in stored.layouts.items())
    are_many = len(changed) > _FEW * len(runs)
    new = {row.log_id: _index_row(row, layouts) for row in _read(changed, _ignore, is_compact=are_many)}
    known_or_new = {**known, **new}
    vanished = {run.log_id for run in changed} - new.keys()
    rows = [known_or_new[run.log_id] for run in runs if run.log_id not in vanished]
    names = list(layouts)
    found = list(problems)
    for row in rows:
        table.add(row.log_id, names[row.layout], row.data)
        found += decode_problems(row.problems)
    if rows != stored.rows or tuple(problems) != stored.problems:
        _rewrite(index, stored, rows, set(new), names, problems)
    return found


def _rewrite(
    index: _Cache,
    stored: Stored,
    rows: list[IndexRow],
    changed: set[int],
    layouts: list[Layout],
    problems: list[Problem],
) -> None:
    few = len(changed) <= _FEW * len(rows)
    writer = index.writer(stored if few else None)
    if writer is None:
        return
    with writer:
        if few:
            writer.change(rows, changed)
        else:
            for row in rows:
                writer.add(row)
        index.finish(writer, layouts, problems)


def _read(runs: Iterable[RunDir], done: Callable[[int], object], *, is_compact: bool) -> Iterator[RunRow]:
    """The rows of runs, in order; a run that vanished meanwhile is left out."""
    reader = RowReader(is_compact=is_compact)
    gathered = ordered_map(gather, runs, progress=done)
    while batch := list(islice(gathered, _BATCH)):
        yield from (reader.row(found) for found in batch if not found.has_vanished)


def _ignore(count: int) -> None:
    """Progress of what is a small part of the work."""


def _looks(
    runs: Sequence[RunDir], known: dict[int, IndexRow], layouts: dict[int, Layout], done: Callable[[int], object]
) -> Iterator[bool]:
    """For each run whether it is as the index has it."""

    def is_fresh(run: RunDir) -> bool:
        row = known.get(int(run.name))
        return row is not None and row.settled == 1 and signature(run, layouts[row.layout].looks) == row.signature

    return ordered_map(is_fresh, runs, progress=done)


def _index_row(row: RunRow, layouts: _Layouts) -> IndexRow:
    common = row.layout.common
    values = row.values if common is None else [row.values[place] for place in common.varying]
    problems = encode_problems(row.problems)
    return IndexRow(row.log_id, layouts.number(row.layout), encode(values), row.signature, int(row.settled), problems)
