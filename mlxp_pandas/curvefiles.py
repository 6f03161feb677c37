# SPDX-License-Identifier: MIT
"""The curves of many runs at once: each log file is opened and parsed once for all of its keys.

A column is `<log>.<key>`, and both may hold dots: the log is the shortest prefix whose file exists and has the key.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .jsonlines import LogRows, parse, parse_many
from .lastvalues import LastValues, read_last
from .logcache import CACHE_BYTES, MIN_BYTES, LogCache
from .logfile import MAX_LOG_BYTES, LogFolder, Place, places_of, problems_of
from .logfile import is_live as says_it_is_live
from .logtexts import shown_rows
from .pool import ordered_map
from .problems import Problem
from .rundir import RunDir
from .unlisted import Lookout

__all__ = [
    "CACHE_BYTES",
    "MAX_LOG_BYTES",
    "Curves",
    "LastValues",
    "find_log",
    "forget",
    "read_curves",
    "read_last",
]

_BATCH_BYTES = 1 << 18  # small files that are parsed as one
_SMALL = 1 << 16  # bytes of one of them
_BATCH_RUNS = 256

Curve = NDArray[Any]
Found = dict[str, tuple[Curve, NDArray[np.int64]]]
Cell = tuple[RunDir, str]

_cache = LogCache()


class Curves(NamedTuple):
    """Columns of curves, aligned with the runs that were asked for.

    Attributes
    ----------
    values : dict of str to list of (ndarray of shape (n_values,) or None)
        By column. None where the run has no such metric; dtypes as `curvetypes.curve_of`. Yours to change.
    rows : dict of str to list of (ndarray of int64 of shape (n_values,) or None)
        The positions of these values among the rows of their log, which align the keys of one log. Read only.
    problems : list of Problem
    """

    values: dict[str, list[Curve | None]]
    rows: dict[str, list[NDArray[np.int64] | None]]
    problems: list[Problem]


def read_curves(
    runs: Sequence[RunDir | None],
    columns: Sequence[str],
    *,
    cells: Collection[Cell] | None = None,
    is_live: Callable[[RunDir], bool] | None = None,
    is_whole: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Curves:
    r"""Read columns of curves. Never raises for what is on the disk: each file that is damaged is a problem.

    Parameters
    ----------
    runs : sequence of RunDir or None
        None stands for a missing cell; a run may occur several times.
    columns : sequence of str
        `<log>.<key>`.
    cells : collection of (RunDir, str), optional
        The runs and columns that exist; only these are read. All by default.
    is_live : callable, optional
        Whether a run may still be writing: then a torn last line, or a metric without rows, is no problem. By default
        what the run's `info.yaml` says, looked at only where it matters.
    is_whole : bool
        Whether all metrics of the runs are asked for: then keys of rows that no catalogue lists are a problem.
    progress : callable, optional
        Called with the number of runs done since it was last called.

    Returns
    -------
    Curves

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlxp_pandas.rundir import RunDir
    >>> folder = tempfile.TemporaryDirectory()
    >>> metrics = pathlib.Path(folder.name, "1", "metrics")
    >>> metrics.mkdir(parents=True)
    >>> _ = (metrics / "train.json").write_text('{"loss": 0.5, "epoch": 0}\n{"loss": 0.25, "epoch": 1}\n')
    >>> read = read_curves([RunDir(folder.name, "1"), None], ["train.loss", "train.epoch"])
    >>> read.values
    {'train.loss': [array([0.5 , 0.25]), None], 'train.epoch': [array([0, 1]), None]}
    >>> folder.cleanup()
    """
    lookout = Lookout() if is_whole else None
    bulk = _Bulk(columns, cells, functools.cache(is_live or says_it_is_live), lookout)
    places: dict[RunDir | None, int] = {None: -1}
    order = [places.setdefault(run, len(places) - 1) for run in runs]
    distinct = [run for run in places if run is not None]
    found = [bulk.curves(run, logs) for run, logs in zip(distinct, bulk.logs(distinct, progress), strict=True)]
    found.append({})  # of None
    cells_of = {column: [found[place].get(column, (None, None)) for place in order] for column in columns}
    return Curves(
        {column: [curve for curve, _ in column_cells] for column, column_cells in cells_of.items()},
        {column: [rows for _, rows in column_cells] for column, column_cells in cells_of.items()},
        bulk.problems,
    )


def find_log(run: RunDir, column: str) -> tuple[str, str] | None:
    """The log and the key that a column of a run stands for, or None where it has no such metric.

    Examples
    --------
    >>> find_log(RunDir("/nowhere", "1"), "train.loss") is None
    True
    """
    for name, key in places_of(column):
        log = _read(LogFolder(run), name, [key])
        if log.rows is not None and key in log.rows.curves:
            return name, key
    return None


def forget() -> None:
    """Forget all curves that are kept in memory."""
    _cache.clear()


class _Log:
    """A log of a run on its way from the disk: its bytes, then its rows; or what went wrong."""

    data = b""
    status: os.stat_result | None = None  # while the bytes wait to be parsed
    rows: LogRows | None = None
    is_shared = False  # with the cache
    error: Exception | None = None

    def __init__(self, folder: LogFolder, name: str) -> None:
        self.folder = folder
        self.name = name


class _Bulk:
    """One call of `read_curves`: files are fetched run by run, small ones are parsed together."""

    def __init__(
        self,
        columns: Sequence[str],
        cells: Collection[Cell] | None,
        is_live: Callable[[RunDir], bool],
        lookout: Lookout | None,
    ) -> None:
        self.problems: list[Problem] = []
        self._lookout = lookout
        self._places = {column: places_of(column) for column in columns}
        self._cells = cells
        self._is_live = is_live
        self._keys: dict[str, list[str]] = {}
        self._first_logs = list({places[0][0]: None for places in self._places.values() if places})
        for name, key in dict.fromkeys(chain.from_iterable(self._places.values())):
            self._keys.setdefault(name, []).append(key)

    def logs(self, runs: Sequence[RunDir], progress: Callable[[int], object] | None) -> Iterator[dict[str, _Log]]:
        """The logs of each run by name, in order, parsed in batches."""
        batch: list[dict[str, _Log]] = []
        size = 0
        for logs in ordered_map(self._fetched, runs, progress=progress):
            batch.append(logs)
            for log in logs.values():
                size += len(log.data)
            if size > _BATCH_BYTES or len(batch) >= _BATCH_RUNS:
                self._parse(batch)
                yield from batch
                batch, size = [], 0
        self._parse(batch)
        yield from batch

    def curves(self, run: RunDir, logs: dict[str, _Log]) -> Found:
        """The curves of one run; what is wrong with its logs is noted."""
        found: Found = {}
        missing: list[Sequence[Place]] = []
        for column, places in self._columns_of(run):
            for name, key in places:
                if name not in logs:
                    logs[name] = _read(LogFolder(run), name, self._keys[name], self._lookout)
                log = logs[name]
                if log.rows is not None and key in log.rows.curves:
                    curve = log.rows.curves[key]
                    found[column] = (curve.copy() if log.is_shared else curve, log.rows.rows[key])
                    break
            else:
                missing.append(places)
        self._note(run, logs, missing, found)
        return found

    def _note(self, run: RunDir, logs: dict[str, _Log], missing: list[Sequence[Place]], found: Found) -> None:
        """Note what is wrong with the logs of one run."""
        is_healthy, looked = not missing, []
        for name, log in logs.items():
            is_healthy &= log.rows is not None and not log.rows.faults
            if log.rows is not None and log.rows.others is not None:
                looked.append((name, log.rows))
        if not is_healthy:
            outcomes = {name: log.rows.faults if log.rows else log.error or () for name, log in logs.items()}
            self.problems += problems_of(LogFolder(run), outcomes, filter(None, missing), self._is_live)
        if self._lookout is not None and looked:
            self.problems += filter(None, (self._lookout.problem(run, name, rows, found) for name, rows in looked))

    def _columns_of(self, run: RunDir) -> Iterable[tuple[str, Sequence[Place]]]:
        if self._cells is None:
            return self._places.items()
        return [(column, places) for column, places in self._places.items() if (run, column) in self._cells]

    def _fetched(self, run: RunDir) -> dict[str, _Log]:
        """The first log of each column; further ones are read where it has not the key."""
        folder = LogFolder(run)
        names = self._first_logs
        if self._cells is not None:
            names = list({places[0][0]: None for _, places in self._columns_of(run) if places})
        return {name: _fetch(folder, name, self._keys[name], self._lookout) for name in names}

    def _parse(self, batch: Sequence[dict[str, _Log]]) -> None:
        for name, keys in self._keys.items():
            waiting = [logs[name] for logs in batch if name in logs and logs[name].status is not None]
            _parse([log for log in waiting if len(log.data) < _SMALL], keys, self._lookout)
            for log in waiting:
                if log.status is not None:
                    _parse([log], keys, self._lookout)


def _fetch(folder: LogFolder, name: str, keys: Collection[str], lookout: Lookout | None) -> _Log:
    """A log with its rows as they are kept in memory, or its bytes, or why there are none."""
    log = _Log(folder, name)
    try:
        log.rows = _cache.find(folder, name, keys)
        if log.rows is None or (lookout is not None and log.rows.others is None):
            log.rows = None
            log.data, log.status = folder.read(name)
        else:
            log.is_shared = True
    except Exception as error:  # an unknown defect costs one file
        log.error = error
    return log


def _read(folder: LogFolder, name: str, keys: Sequence[str], lookout: Lookout | None = None) -> _Log:
    log = _fetch(folder, name, keys, lookout)
    if log.status is not None:
        _parse([log], keys, lookout)
    return log


def _parse(logs: list[_Log], keys: Sequence[str], lookout: Lookout | None) -> None:
    """Give the logs their rows for their bytes."""
    try:
        parsed = parse_many([log.data for log in logs], keys)
    except Exception:
        for log in logs:
            _parse_one(log, keys, lookout)
        return
    for log, rows in zip(logs, parsed, strict=True):
        _finish(log, rows, keys, lookout)


def _parse_one(log: _Log, keys: Sequence[str], lookout: Lookout | None) -> None:
    try:
        _finish(log, parse(log.data, keys), keys, lookout)
    except Exception as error:  # an unknown defect costs one file
        log.error, log.data, log.status = error, b"", None


def _finish(log: _Log, rows: LogRows, keys: Sequence[str], lookout: Lookout | None) -> None:
    rows = shown_rows(rows)
    if lookout is not None:
        others = lookout.others(log.folder.run, log.name, log.data, rows)
        if others is not None or len(log.data) >= MIN_BYTES:
            rows = rows._replace(others=others or ())  # looked at, as far as the keys that were asked for tell
    if log.status is not None and len(log.data) >= MIN_BYTES:
        log.is_shared = _cache.keep(log.folder.path(log.name), log.status, log.data, keys, rows)
    log.rows, log.data, log.status = rows, b"", None
