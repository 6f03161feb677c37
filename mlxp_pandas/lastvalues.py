# SPDX-License-Identifier: MIT
"""The last value of metrics of many runs, from the ends of their logs: the rest of the files is not read."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from .jsonlines import last_values, parse
from .logfile import LogFolder, Outcome, Place, places_of, problems_of
from .logfile import is_live as says_it_is_live
from .plaintext import shown
from .pool import ordered_map
from .problems import Problem
from .rowtext import Fault, Row
from .rundir import RunDir

__all__ = ["LastValues", "read_last"]

_TAILS = (1 << 12, 1 << 16)  # bytes that are looked at before the whole log is


class LastValues(dict[str, list[object]]):
    """The last values by column, aligned with the runs that were asked for; None where a run has no such metric.

    Attributes
    ----------
    problems : list of Problem
        What was wrong with the lines that were looked at.
    """

    problems: list[Problem]


def read_last(
    runs: Sequence[RunDir | None],
    columns: Sequence[str],
    *,
    cells: Collection[tuple[RunDir, str]] | None = None,
    is_live: Callable[[RunDir], bool] | None = None,
    progress: Callable[[int], object] | None = None,
) -> LastValues:
    r"""Read the last value of metrics; arguments and care for damaged files as in `curvefiles.read_curves`.

    Returns
    -------
    LastValues
        int, float, bool, str, list or dict as written; null as NaN. None where the run has no such metric.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlxp_pandas.rundir import RunDir
    >>> folder = tempfile.TemporaryDirectory()
    >>> metrics = pathlib.Path(folder.name, "1", "metrics")
    >>> metrics.mkdir(parents=True)
    >>> _ = (metrics / "train.json").write_text('{"loss": 0.5, "epoch": 0}\n{"loss": 0.25, "epoch": 1}\n')
    >>> read_last([RunDir(folder.name, "1"), None], ["train.loss"])
    {'train.loss': [0.25, None]}
    >>> folder.cleanup()
    """
    ends = _Ends(columns, cells)
    places: dict[RunDir | None, int] = {None: -1}
    order = [places.setdefault(run, len(places) - 1) for run in runs]
    asked = [run for run in places if run is not None]
    found: list[Row] = []
    problems: list[Problem] = []
    is_live = functools.cache(is_live or says_it_is_live)
    for run, last in zip(asked, ordered_map(ends.of_run, asked, progress=progress), strict=True):
        found.append(last.values)
        if last.missing or any(last.outcomes.values()):
            problems += problems_of(LogFolder(run), last.outcomes, last.missing, is_live)
    found.append({})  # of None
    answer = LastValues({column: [found[place].get(column) for place in order] for column in columns})
    answer.problems = problems
    return answer


class _Last(NamedTuple):
    """What the ends of the logs of one run gave."""

    values: Row  # by column
    outcomes: dict[str, Outcome]  # by log
    missing: list[list[Place]]


class _Ends:
    """Reads the ends of the logs of one run after another, for the same columns."""

    def __init__(self, columns: Sequence[str], cells: Collection[tuple[RunDir, str]] | None) -> None:
        self._places = {column: places_of(column) for column in columns}
        self._cells = cells
        self._first = self._step(columns, 0)

    def of_run(self, run: RunDir) -> _Last:
        folder = LogFolder(run)
        step = self._first
        if self._cells is not None:
            step = self._step([column for column in self._places if (run, column) in self._cells], 0)
        last = _Last({}, {}, [])
        depth = 0
        while step:
            pending: list[str] = []
            for name, keys in step.items():
                values, last.outcomes[name] = _end_of(folder, name, list(keys.values()))
                for column, key in keys.items():
                    if key in values:
                        last.values[column] = values[key]
                    else:
                        pending.append(column)
            depth += 1
            step = self._step(pending, depth) if pending else {}
            last.missing.extend(self._places[column] for column in pending if len(self._places[column]) == depth)
        return last

    def _step(self, columns: Iterable[str], depth: int) -> dict[str, dict[str, str]]:
        """The logs in which columns are looked for next, each opened once: the key of each column by log."""
        step: dict[str, dict[str, str]] = {}
        for column in columns:
            for name, key in self._places[column][depth : depth + 1]:
                step.setdefault(name, {})[column] = key
        return step


def _end_of(folder: LogFolder, name: str, keys: Sequence[str]) -> tuple[Row, Outcome]:
    """The last value of each key in a log."""
    try:
        values, faults = _in_tail(folder, name, keys) or _in_whole(folder, name, keys)
    except Exception as error:  # an unknown defect costs one file
        return {}, error
    return {key: math.nan if value is None else shown(value) for key, value in values.items()}, faults


def _in_tail(folder: LogFolder, name: str, keys: Sequence[str]) -> tuple[Row, list[Fault]] | None:
    for size in _TAILS:
        data, status = folder.read_tail(name, size)
        is_whole = status.st_size <= size
        values, faults = last_values(data, keys, is_whole=is_whole)
        if is_whole or len(values) == len(keys):
            return values, faults
    return None


def _in_whole(folder: LogFolder, name: str, keys: Sequence[str]) -> tuple[Row, list[Fault]]:
    log = parse(folder.read(name)[0], keys)
    return {key: curve[-1:].tolist()[0] for key, curve in log.curves.items()}, log.faults
