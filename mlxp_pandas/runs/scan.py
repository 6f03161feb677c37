# SPDX-License-Identifier: MIT
"""A log folder -> the blocks of its runs, through the index: only what changed is read again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, repeat
from operator import attrgetter, itemgetter
from typing import Any

from ..disk import Problem, RunDir, find_runs, gather, ordered_map, signature
from ..errors import IndexWarning, MissingDependencyError, user_stacklevel
from . import index
from .row import Blocks, Row, RowReader, to_blocks, to_rows

__all__ = ["Progress", "progress_bar", "scan"]

_BATCH = 16  # runs gathered before they are parsed: neither drives the other out of the processor's caches
_MANY = 200  # runs, from which a scan may take so long that a bar is worth the import
_ADVICE = "The answer is complete, it only took longer; give a folder of yours as `dst_dir` to keep an index there."

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def scan(root: str, place: str | None, refresh: bool | None, progress: Progress) -> tuple[Blocks, list[Problem]]:
    """Read the runs of a log folder.

    Parameters
    ----------
    root : str
        Absolute path of the log folder.
    place : str, optional
        Folder of the index; the log folder by default.
    refresh : bool, optional
        None looks at every run, True reads every run, False believes the index.
    progress : callable
        Given what is iterated over, one item a run, and the number of runs; gives the same items.

    Returns
    -------
    blocks : sequence of Block
        The runs of each layout by ascending log_id, the blocks by their first.
    problems : list of Problem
        Those of the folder, then those of each run.

    Raises
    ------
    LogsNotFoundError, NotALogsFolderError, LogsUnreadableError
    """
    folder = place or root
    stored = index.read(root, folder) if refresh is not True else index.Stored()
    blocks, problems = stored.blocks, stored.problems
    if refresh is not False or not stored.digest:
        runs, problems = find_runs(root)
        blocks, are_new = _renewed(blocks, runs, progress)
        reason = stored.reason
        if stored.may_replace and (are_new or not stored.digest or problems != stored.problems):
            reason = index.write(root, folder, blocks, problems, stored.digest) or reason
        if reason:
            message = f"The index {os.path.join(folder, index.FILE_NAME)!r} is not used: {reason}. {_ADVICE}"
            warnings.warn(message, IndexWarning, stacklevel=user_stacklevel())
    of_runs = sorted(chain.from_iterable(block.problems for block in blocks), key=itemgetter(0))
    return blocks, [*problems, *(problem for _, found in of_runs for problem in found)]


def progress_bar(show: bool | None, items: Iterable[Any], total: int) -> Iterable[Any]:
    """The items, with a bar of tqdm's from the second second on.

    Parameters
    ----------
    show : bool, optional
        None shows a bar where there are many, tqdm is installed and somebody looks; True demands it; False never
        shows one.
    items : iterable
    total : int
        The number of items.

    Raises
    ------
    MissingDependencyError
        `show` is True and tqdm is not installed.
    """
    if show is False or (show is None and total < _MANY):
        return items
    try:
        with warnings.catch_warnings():  # it advises to install widgets, which the user did not ask for
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        if show is None:
            return items
        raise MissingDependencyError("Progress needs tqdm: pip install tqdm, or leave out progress=True.") from None
    return tqdm(items, total=total, unit="run", desc="Reading runs", disable=None, delay=1)


def _renewed(stored: Blocks, runs: Sequence[RunDir], progress: Progress) -> tuple[Blocks, bool]:
    """The blocks of the runs that are there, read again where they are not as stored; and whether any is not."""
    if not stored:
        return to_blocks(progress(_rows(runs), len(runs))), bool(runs)
    known: dict[int, tuple[int, Sequence[str]]] = {}
    for block in stored:
        known |= zip(block.log_ids, zip(block.signatures, repeat(block.layout.looks), strict=False), strict=True)

    def is_known(run: RunDir) -> bool:
        number, looks = known.get(run.log_id, (0, ()))
        return number != 0 and number == signature(run, looks)

    are_known = progress(zip(runs, ordered_map(is_known, runs), strict=True), len(runs))
    changed = [run for run, is_same in are_known if not is_same]
    if not changed and len(runs) == len(known):
        return stored, False
    kept = {run.log_id for run in runs}.difference(run.log_id for run in changed)
    rows = [row for row in to_rows(stored) if row.log_id in kept]
    return to_blocks(sorted([*rows, *_rows(changed)], key=attrgetter("log_id"))), True


def _rows(runs: Iterable[RunDir]) -> Iterator[Row]:
    """The rows of runs, in order; a run that vanished meanwhile is left out."""
    reader = RowReader()
    gathered = ordered_map(gather, runs)
    while batch := list(islice(gathered, _BATCH)):
        yield from (reader.row(found) for found in batch if not found.has_vanished)
