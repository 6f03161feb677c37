# SPDX-License-Identifier: MIT
"""A log folder -> the blocks of its runs, through the index: only what changed is read again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice

from ..disk import Problem, RunDir, find_runs, gather, ordered_map, signature
from ..errors import IndexWarning, user_stacklevel
from . import index
from .blocks import Block
from .row import Layout, Row, RowReader

__all__ = ["Progress", "scan"]

_BATCH = 32  # runs gathered before they are parsed: neither drives the other out of the processor's caches

Progress = Callable[[int], AbstractContextManager[Callable[[int], object]]]


def scan(
    root: str, dst_dir: str | None, refresh: bool | None, progress: Progress
) -> tuple[Sequence[Block], list[Problem]]:
    """Read the runs of a log folder.

    Parameters
    ----------
    root : str
        Absolute path of the log folder.
    dst_dir : str, optional
        Folder of the index; the log folder by default.
    refresh : bool, optional
        None looks at every run, True reads every run, False believes the index.
    progress : callable
        Given the number of runs, a context whose value is called with the number of runs done.

    Returns
    -------
    blocks : sequence of Block
    problems : list of Problem
        Those of the folder, then those of each run.

    Raises
    ------
    LogsNotFoundError, NotALogsFolderError, LogsUnreadableError
    """
    folder = dst_dir or root
    stored = index.read(root, folder) if refresh is not True else index.Stored()
    if refresh is False and stored.digest:
        return stored.blocks, _all_problems(stored.blocks, stored.problems)
    runs, problems = find_runs(root)
    blocks = {block.layout: block for block in stored.blocks}
    with progress(len(runs)) as done:
        are_new = _renew(blocks, runs, done)
    found = [block for block in blocks.values() if block.log_ids]
    reason = stored.reason
    if stored.may_replace and (are_new or not stored.digest or problems != stored.problems):
        reason = index.write(root, folder, found, problems, stored.digest) or reason
    if reason:
        _warn_of_index(os.path.join(folder, index.FILE_NAME), reason)
    return found, _all_problems(found, problems)


def _renew(blocks: dict[Layout, Block], runs: Sequence[RunDir], done: Callable[[int], object]) -> bool:
    """Bring stored blocks up to date with the runs that are there; whether anything changed."""
    known = {log_id: (block, at) for block in blocks.values() for at, log_id in enumerate(block.log_ids)}
    changed = list(_changed(known, runs, done)) if known else runs
    stale = (known.keys() - {run.log_id for run in runs}) | {run.log_id for run in changed}
    block = None
    for row in _rows(changed):
        if not known:
            done(1)
        if block is None or row.layout is not block.layout:  # to hash a layout takes longer than to add a row
            block = blocks.setdefault(row.layout, Block(row.layout))
        block.add(row)
    if stale:
        for block in blocks.values():
            block.settle(stale)
    return bool(stale)


def _changed(
    known: dict[int, tuple[Block, int]], runs: Sequence[RunDir], done: Callable[[int], object]
) -> Iterator[RunDir]:
    """The runs that are not as the index has them."""

    def is_known(run: RunDir) -> bool:
        block, at = known.get(run.log_id, (None, 0))
        if block is None or block.signatures[at] == 0:
            return False
        return block.signatures[at] == signature(run, block.layout.looks)

    for run, is_same in zip(runs, ordered_map(is_known, runs), strict=True):
        done(1)
        if not is_same:
            yield run


def _rows(runs: Iterable[RunDir]) -> Iterator[Row]:
    """The rows of runs, in order; a run that vanished meanwhile is left out."""
    reader = RowReader()
    gathered = ordered_map(gather, runs)
    while batch := list(islice(gathered, _BATCH)):
        yield from (reader.row(found) for found in batch if not found.has_vanished)


def _all_problems(blocks: Iterable[Block], problems: Sequence[Problem]) -> list[Problem]:
    of_runs = {log_id: found for block in blocks for log_id, found in block.problems.items()}
    return [*problems, *(problem for log_id in sorted(of_runs) for problem in of_runs[log_id])]


def _warn_of_index(path: str, reason: str) -> None:
    message = (
        f"The index {path!r} is not used: {reason}. The answer is complete, it only took longer; "
        f"give a folder of yours as `dst_dir` to keep an index there."
    )
    warnings.warn(message, IndexWarning, stacklevel=user_stacklevel())
