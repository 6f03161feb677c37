# SPDX-License-Identifier: MIT
"""The metrics files of runs on disk as columns of curves: each is opened and parsed once for all of its keys.

A column is `<log>.<key>`, and both may hold dots: the log is the shortest prefix whose file exists and has the key.
"""

from __future__ import annotations

import copy
import os
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from ..disk import Problem, RunDir, ordered_map, read_bytes, read_end, read_parts, reason_of
from .jsonlines import Fault, Keys, Log, parse

__all__ = ["STEP_KEYS", "Curves", "find_log", "forget", "problems_of", "read_curves", "read_last", "read_log"]

#: Bytes of one metrics file, over which it is a problem and is not read.
MAX_LOG_BYTES = 1 << 30
#: Keys of a log that count, the first that it has.
STEP_KEYS = ("step", "global_step", "epoch", "iteration", "iter")

_KEPT = range(1 << 12, 1 << 20)  # bytes of a file that is kept in memory when it was parsed
_SETTLED_NS = 2_000_000_000  # git's "racily clean" rule: younger than this when it was read may change unseen
_TAILS = (1 << 12, 1 << 16)  # bytes that are looked at for last values before the whole log is
_AT_ONCE = 1 << 24  # bytes of a log that are held, else parts of it
_LATE = {"torn last line", "missing", "missing key"}  # no problems of a run that is alive
_NO_LOG = Log({}, {}, -1, [])

Cells = Collection[tuple[RunDir, str]]
Read = Callable[[RunDir, str, Keys], Log]


class Curves(NamedTuple):
    """Columns of metrics, aligned with the runs that were asked for.

    Attributes
    ----------
    values : dict of str to list
        By column: the curve of each run, ndarray of shape (n_values,) and yours to change, or its last value. None
        where the run has no such metric.
    rows : dict of str to list
        By column: the positions of these values among the rows of what was read of their log, ndarray of int64 of shape
        (n_values,), which may be shared. None where the run has no such metric.
    problems : list of Problem
    """

    values: dict[str, list[Any]]
    rows: dict[str, list[Any]]
    problems: list[Problem]


def read_curves(runs: Sequence[RunDir | None], columns: Sequence[str], cells: Cells | None = None) -> Curves:
    r"""Read columns of curves. Never raises for what is on the disk: each file that is damaged is a problem.

    Parameters
    ----------
    runs : sequence of RunDir or None
        None stands for a missing cell; a run may occur several times.
    columns : sequence of str
        `<log>.<key>`.
    cells : collection of (RunDir, str), optional
        The runs and columns that exist; only these are read. All by default.

    Returns
    -------
    Curves

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlxp_pandas.disk import RunDir
    >>> folder = tempfile.TemporaryDirectory()
    >>> metrics = pathlib.Path(folder.name, "1", "metrics")
    >>> metrics.mkdir(parents=True)
    >>> _ = (metrics / "train.json").write_text('{"loss": 0.5, "epoch": 0}\n{"loss": 0.25, "epoch": 1}\n')
    >>> read = read_curves([RunDir(folder.name, "1"), None], ["train.loss", "train.epoch"])
    >>> read.values
    {'train.loss': [array([0.5 , 0.25]), None], 'train.epoch': [array([0, 1]), None]}
    >>> folder.cleanup()
    """
    return _aligned(runs, columns, cells, _read_whole)


def read_last(runs: Sequence[RunDir | None], columns: Sequence[str], cells: Cells | None = None) -> Curves:
    r"""Read the last value of metrics from the ends of their logs; else as `read_curves`.

    Returns
    -------
    Curves
        int, float, bool, str, list or dict as written; null as NaN. None where the run has no such metric.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlxp_pandas.disk import RunDir
    >>> folder = tempfile.TemporaryDirectory()
    >>> metrics = pathlib.Path(folder.name, "1", "metrics")
    >>> metrics.mkdir(parents=True)
    >>> _ = (metrics / "train.json").write_text('{"loss": 0.5, "epoch": 0}\n{"loss": 0.25, "epoch": 1}\n')
    >>> read_last([RunDir(folder.name, "1"), None], ["train.loss"]).values
    {'train.loss': [0.25, None]}
    >>> folder.cleanup()
    """
    read = _aligned(runs, columns, cells, _read_end)
    last = {column: [None if curve is None else curve.item(-1) for curve in of] for column, of in read.values.items()}
    return read._replace(values=last)


def read_log(run: RunDir, name: str, keys: Keys = None, read: Read | None = None) -> Log:
    """Read one log, or some keys of it; what keeps it from being read is its only fault, and `n_rows` is -1 then."""
    try:
        return (read or _read_whole)(run, name, keys)
    except FileNotFoundError:
        return _NO_LOG
    except Exception as error:  # an unknown defect, too, costs one file
        return _NO_LOG._replace(faults=[Fault(None, *reason_of(error), "the other logs")])


def find_log(run: RunDir, column: str) -> tuple[str, str] | None:
    """Find the log and the key that a column of a run stands for; None where it has no such metric.

    Examples
    --------
    >>> find_log(RunDir("/nowhere", "1"), "train.loss") is None
    True
    """
    return next((place for place in _places_of(column) if place[1] in read_log(run, place[0], place[1:]).curves), None)


def forget() -> None:
    """Forget all curves that are kept in memory."""
    _parsed.cache_clear()


def problems_of(
    run: RunDir, logs: Mapping[str, Log], missing: Iterable[str], is_live: bool | None = None
) -> list[Problem]:
    """Name what is wrong with the logs of a run.

    Parameters
    ----------
    run : RunDir
    logs : mapping of str to Log
        What was read.
    missing : iterable of str
        Columns of metrics that were not found.
    is_live : bool, optional
        Whether the run may still be writing: then a torn last line, or a metric without rows, is no problem. By default
        what the run says.

    Returns
    -------
    list of Problem
    """
    faults = [(name, fault) for name, log in logs.items() for fault in log.faults]
    for places in filter({name for name, _ in faults}.isdisjoint, map(dict, map(_places_of, missing))):
        name = next((name for name in places if logs.get(name, _NO_LOG).n_rows >= 0), None)
        if name is None:
            name, lack = next(iter(places)), ("missing", "the file of a metric that the run lists is not there")
        else:
            lack = "missing key", f"no row has the key {places[name]!r}"
        faults.append((name, Fault(None, *lack, "the other metrics")))
    if any(fault.kind in _LATE for _, fault in faults) and (run.is_live() if is_live is None else is_live):
        faults = [(name, fault) for name, fault in faults if fault.kind not in _LATE]
    return [Problem(run.log_id, f"{run.name}/metrics/{name}.json", *fault) for name, fault in faults]


def _places_of(column: str) -> list[tuple[str, str]]:
    """Every log and key that a column can stand for, the shortest log first."""
    return [(column[:at], column[at + 1 :]) for at, char in enumerate(column) if char == "." and at]


def _aligned(runs: Sequence[RunDir | None], columns: Sequence[str], cells: Cells | None, read: Read) -> Curves:
    places = {column: _places_of(column) for column in columns}
    listed: dict[str, list[str]] = defaultdict(list)
    for name, key in chain.from_iterable(places.values()):
        listed[name].append(key)
    keys = {name: tuple(of_log) for name, of_log in listed.items()}
    found: dict[str, dict[Any, Any]] = {column: {} for column in columns}

    def problems_in(item: tuple[Any, RunDir]) -> list[Problem]:
        """What is wrong with the logs of a run; the values of its columns, and where they are in the log, are found."""
        of, run = item
        logs: dict[str, Log] = {}
        missing = []
        for column, tried in places.items():
            if cells is None or (run, column) in cells:
                for name, key in tried:
                    log = logs[name] if name in logs else logs.setdefault(name, read_log(run, name, keys[name], read))
                    if key in log.curves:
                        found[column][of] = log.curves[key], log.rows(key)
                        break
                else:
                    missing += [column] if tried else []
        is_fine = not missing and not any(log.faults for log in logs.values())
        return [] if is_fine else problems_of(run, logs, missing)

    ids = [None if run is None else (run.root, run.name) for run in runs]  # faster to look up than runs
    distinct = {of: run for of, run in zip(ids, runs, strict=True) if run is not None}
    problems = list(chain.from_iterable(ordered_map(problems_in, distinct.items())))
    values, rows = ({key: [by.get(of, (None, None))[at] for of in ids] for key, by in found.items()} for at in (0, 1))
    return Curves(values, rows, problems)


def _read_whole(run: RunDir, name: str, keys: Keys) -> Log:
    path = run.log_path(name)
    status = os.lstat(path)
    if status.st_size not in _KEPT or time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < _SETTLED_NS:
        return _parsed.__wrapped__(run, path, keys, status.st_size)
    log = _parsed(run, path, keys, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return log._replace(curves=copy.deepcopy(log.curves))


@lru_cache(maxsize=256)
def _parsed(run: RunDir, path: str, keys: Keys, size: int, *_stamp: int) -> Log:
    """A log as it was when it had this stamp; one that is too large to be held is read by parts."""
    is_large = size > _AT_ONCE
    data = read_parts(path, MAX_LOG_BYTES) if is_large else run.followed(read_bytes, path, MAX_LOG_BYTES)[0]
    return parse(data, keys)


def _read_end(run: RunDir, name: str, keys: Keys) -> Log:
    """The end of a log, as long as it takes to have all keys; the last line may do."""
    path = run.log_path(name)
    for size in _TAILS:
        data = run.followed(read_end, path, size)[0]
        for start in (data.rfind(b"\n", 0, -1) + 1, data.find(b"\n") + 1):
            log = parse(data[start:], keys)
            if not log.faults and len(log.curves) == len(keys or ()):
                return log
    return _read_whole(run, name, keys)
