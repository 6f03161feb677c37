# SPDX-License-Identifier: MIT
"""A log folder -> the rows of its runs, through the index: only what changed is read again."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from ..disk import Problem, RunDir, find_runs, gather, ordered_map, signature
from ..errors import IndexWarning, MissingDependencyError, user_stacklevel
from . import index
from .row import Row, RowReader

__all__ = ["Progress", "progress_bar", "scan"]

_BATCH = 32  # runs gathered before they are parsed: neither drives the other out of the processor's caches
_MANY = 200  # runs, from which a scan may take so long that a bar is worth the import
_ADVICE = "The answer is complete, it only took longer; give a folder of yours as `dst_dir` to keep an index there."

Progress = Callable[[Iterable[Any], int], Iterable[Any]]


def scan(root: str, place: str | None, refresh: bool | None, progress: Progress) -> tuple[Sequence[Row], list[Problem]]:
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
    rows : sequence of Row
        By ascending log_id.
    problems : list of Problem
        Those of the folder, then those of each run.

    Raises
    ------
    LogsNotFoundError, NotALogsFolderError, LogsUnreadableError
    """
    folder = place or root
    stored = index.read(root, folder) if refresh is not True else index.Stored()
    rows, problems = stored.rows, stored.problems
    if refresh is not False or not stored.digest:
        runs, problems = find_runs(root)
        rows, are_new = _renewed(stored.rows, runs, progress)
        reason = stored.reason
        if stored.may_replace and (are_new or not stored.digest or problems != stored.problems):
            reason = index.write(root, folder, rows, problems, stored.digest) or reason
        if reason:
            message = f"The index {os.path.join(folder, index.FILE_NAME)!r} is not used: {reason}. {_ADVICE}"
            warnings.warn(message, IndexWarning, stacklevel=user_stacklevel())
    return rows, [*problems, *(problem for row in rows for problem in row.problems)]


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


def _renewed(stored: Sequence[Row], runs: Sequence[RunDir], progress: Progress) -> tuple[Sequence[Row], bool]:
    """The rows of the runs that are there, read again where they are not as stored; and whether any is not."""
    if not stored:
        return list(progress(_rows(runs), len(runs))), bool(runs)
    known = {row.log_id: row for row in stored}

    def is_known(run: RunDir) -> bool:
        row = known.get(run.log_id)
        return row is not None and row.signature != 0 and row.signature == signature(run, row.layout.looks)

    are_known = progress(zip(runs, ordered_map(is_known, runs), strict=True), len(runs))
    changed = [run for run, is_same in are_known if not is_same]
    if not changed and len(runs) == len(known):
        return stored, False
    kept = known.keys() & {run.log_id for run in runs} - {run.log_id for run in changed}
    return sorted([*map(known.__getitem__, kept), *_rows(changed)], key=attrgetter("log_id")), True


def _rows(runs: Iterable[RunDir]) -> Iterator[Row]:
    """The rows of runs, in order; a run that vanished meanwhile is left out."""
    reader = RowReader()
    gathered = ordered_map(gather, runs)
    while batch := list(islice(gathered, _BATCH)):
        yield from (reader.row(found) for found in batch if not found.has_vanished)
