# SPDX-License-Identifier: MIT
"""The metrics files of runs on disk as columns of curves: each is opened and parsed once for all of its keys.

A column is `<log>.<key>`, and both may hold dots: the log is the shortest prefix whose file exists and has the key.
"""

from __future__ import annotations

import copy
import os
import re
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from ..disk import (
    FileProblem,
    Problem,
    RunDir,
    load_mapping,
    ordered_map,
    read_bytes,
    read_parts,
    read_tail,
    text_of_key,
)
from .jsonlines import Fault, Keys, Log, parse

__all__ = ["MAX_LOG_BYTES", "STEP_KEYS", "Curves", "find_log", "forget", "incomplete_logs", "places_of", "problems_of"]
__all__ += ["read_curves", "read_last", "read_log", "unlisted_problems"]

#: Bytes of one metrics file, over which it is a problem and is not read.
MAX_LOG_BYTES = 1 << 30
#: Keys of a log that count, the first that it has.
STEP_KEYS = ("step", "global_step", "epoch", "iteration", "iter")

_KEPT, _KEPT_LEAST, _KEPT_MOST = 256, 1 << 12, 1 << 20  # parsed files in memory, bytes of the least and the largest
_SETTLED_NS = 2_000_000_000  # git's "racily clean" rule: younger than this when it was read may change unseen
_TAILS = (1 << 12, 1 << 16)  # bytes that are looked at for last values before the whole log is
_AT_ONCE, _MAX_YAML = 1 << 24, 1 << 20  # bytes of a log that are held, else parts of it; of a catalogue, and info.yaml
_IS_LIVE = re.compile(rb"""^status: *['"]?(?:RUNNING|STARTING)\b""", re.MULTILINE)
_LATE = {"torn last line", "missing", "missing key"}  # no problems of a run that is alive

Place = tuple[str, str]  # a log and a key
Cells = Collection[tuple[RunDir, str]]
Signature = tuple[int, int, int, int]
Read = Callable[[RunDir, str, Keys, bool], Log]

_kept: OrderedDict[tuple[str, Keys, bool], tuple[Signature, Log]] = OrderedDict()  # the first was used longest ago
_incomplete: dict[str, set[str]] = {}  # path of a run -> its logs whose catalogue lacks keys, as this session found


class Curves(NamedTuple):
    """Columns of metrics, aligned with the runs that were asked for.

    Attributes
    ----------
    values : dict of str to list
        By column: the curve of each run, ndarray of shape (n_values,) and yours to change, or its last value. None
        where the run has no such metric.
    places : dict of str to list of ((Log, str) or None)
        The log and the key of each: `log.rows(key)` are the positions that align the values of one log.
    problems : list of Problem
    """

    values: dict[str, list[Any]]
    places: dict[str, list[tuple[Log, str] | None]]
    problems: list[Problem]


def read_curves(
    runs: Sequence[RunDir | None], columns: Sequence[str], cells: Cells | None = None, *, is_whole: bool = False
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
    is_whole : bool
        Whether all metrics of the runs are asked for: then keys of rows that no catalogue lists are a problem.

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
    return _aligned(runs, columns, _Reader(columns, cells, _read_whole, is_whole))


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
    read = _aligned(runs, columns, _Reader(columns, cells, _read_end, False))
    return read._replace(values={column: list(map(_last, curves)) for column, curves in read.values.items()})


def read_log(run: RunDir, name: str, keys: Keys = None) -> Log:
    """Read one log, or some keys of it; what keeps it from being read is its only fault, and `n_rows` is -1 then."""
    return _guarded(_read_whole, run, name, keys, False)


def find_log(run: RunDir, column: str) -> Place | None:
    """Find the log and the key that a column of a run stands for; None where it has no such metric.

    Examples
    --------
    >>> find_log(RunDir("/nowhere", "1"), "train.loss") is None
    True
    """
    return next((place for place in places_of(column) if place[1] in read_log(run, place[0], place[1:]).curves), None)


def forget() -> None:
    """Forget all curves that are kept in memory."""
    _kept.clear()


def places_of(column: str) -> list[Place]:
    """List every log and key that a column can stand for, the shortest log first.

    Examples
    --------
    >>> places_of("train.top.5")
    [('train', 'top.5'), ('train.top', '5')]
    """
    return [(column[:at], column[at + 1 :]) for at, char in enumerate(column) if char == "." and at]


def problems_of(
    run: RunDir, logs: Mapping[str, Log], missing: Iterable[Sequence[Place]], is_live: bool | None = None
) -> list[Problem]:
    """Name what is wrong with the logs of a run.

    Parameters
    ----------
    run : RunDir
    logs : mapping of str to Log
        What was read.
    missing : iterable of sequences of Place
        Where each of the metrics was looked for that were not found.
    is_live : bool, optional
        Whether the run may still be writing: then a torn last line, or a metric without rows, is no problem. By default
        what its `info.yaml` says.

    Returns
    -------
    list of Problem
    """
    faults = [(name, fault) for name, log in logs.items() for fault in log.faults]
    damaged = {name for name, _ in faults}
    for places in missing:
        there = [place for place in places if logs[place[0]].n_rows >= 0]
        if damaged.isdisjoint(name for name, _ in places):
            lacks = "missing key", f"no row has the key {(there or places)[0][1]!r}", "the other metrics"
            gone = "missing", "the file of a metric that the run lists is not there", "the other logs"
            faults.append(((there or places)[0][0], Fault(None, *(lacks if there else gone))))
    is_late = any(fault.kind in _LATE for _, fault in faults) and (_is_live(run) if is_live is None else is_live)
    kept = ((name, fault) for name, fault in faults if not (is_late and fault.kind in _LATE))
    return [Problem(run.log_id, f"{run.name}/metrics/{name}.json", *fault) for name, fault in kept]


def incomplete_logs(run: RunDir) -> Collection[str]:
    """The logs of a run whose catalogue was found to lack keys in this session."""
    return _incomplete.get(run.path, ()) if _incomplete else ()


def unlisted_problems(run: RunDir, log: str, keys: Collection[str]) -> list[Problem]:
    """Name keys of rows that a whole catalogue lacks, in one problem; none where it lists them, or is not whole."""
    listed = _listed(run, log) if keys else set()
    lacking = sorted(set(keys) - listed) if listed else []
    if not lacking:
        return []
    _incomplete.setdefault(run.path, set()).add(log)
    shown = ", ".join(map(repr, lacking[:3])) + (f" and {len(lacking) - 3:,} more" if len(lacking) > 3 else "")
    reason = f"the rows have {shown}, which the catalogue lacks; read_runs(path) again gives the columns"
    kept = "the metrics that the catalogue lists"
    return [Problem(run.log_id, f"{run.name}/metrics/{log}.json", None, "unlisted key", reason, kept)]


class _Reader:
    """Reads the logs of one run after another, for the same columns."""

    def __init__(self, columns: Sequence[str], cells: Cells | None, read: Read, is_whole: bool) -> None:
        self._places = {column: places_of(column) for column in columns}
        self._cells, self._read = cells, read
        keys = defaultdict[str, list[str]](list)
        for name, key in dict.fromkeys(chain.from_iterable(self._places.values())):
            keys[name].append(key)
        self._keys = {name: tuple(of_log) for name, of_log in keys.items()}
        self._is_whole = {} if is_whole else dict.fromkeys(self._keys, False)

    def of_run(self, run: RunDir) -> tuple[dict[str, tuple[Log, str]], list[Problem]]:
        """Where the values of each column of a run are, and what is wrong with its logs."""
        logs: dict[str, Log] = {}
        found: dict[str, tuple[Log, str]] = {}
        missing = []
        for column, places in self._places.items():
            if self._cells is not None and (run, column) not in self._cells:
                continue
            for name, key in places:
                log = logs[name] if name in logs else logs.setdefault(name, self._log(run, name))
                if key in log.curves:
                    found[column] = log, key
                    break
            else:
                missing += [places] if places else []
        problems = problems_of(run, logs, missing) if missing or any(log.faults for log in logs.values()) else []
        for name, log in logs.items():
            if self._is_whole[name]:
                keys = read_log(run, name).curves if log.has_others else log.curves
                problems += unlisted_problems(run, name, [key for key in keys if f"{name}.{key}" not in found])
        return found, problems

    def _log(self, run: RunDir, name: str) -> Log:
        if name not in self._is_whole:  # whether all keys are asked for, as the catalogue of the first run tells
            self._is_whole[name] = _listed(run, name) <= set(self._keys[name])
        return _guarded(self._read, run, name, self._keys[name], self._is_whole[name])


def _aligned(runs: Sequence[RunDir | None], columns: Sequence[str], reader: _Reader) -> Curves:
    ids = [run and (run.root, run.name) for run in runs]  # faster to look up than runs
    distinct = {run_id: run for run_id, run in zip(ids, runs, strict=True) if run is not None}
    read = dict(zip(distinct, ordered_map(reader.of_run, distinct.values()), strict=True))
    found = [read[run_id][0] if run_id else {} for run_id in ids]
    places = {column: [of_run.get(column) for of_run in found] for column in columns}
    values = {column: [at and at[0].curves[at[1]] for at in places[column]] for column in columns}
    return Curves(values, places, [problem for _, problems in read.values() for problem in problems])


def _guarded(read: Read, run: RunDir, name: str, keys: Keys, is_whole: bool) -> Log:
    """What is read of a log; what keeps it from being read is its only fault, but for that there is none."""
    try:
        return read(run, name, keys, is_whole)
    except FileNotFoundError:
        return Log({}, {}, -1, [])
    except FileProblem as problem:
        kind, reason = problem.kind, problem.reason
    except OSError as error:
        kind, reason = "unreadable", error.strerror or str(error)
    except Exception as error:  # an unknown defect costs one file
        kind, reason = "defect", f"{type(error).__name__}: {error}"
    return Log({}, {}, -1, [Fault(None, kind, reason, "the other logs")])


def _read_whole(run: RunDir, name: str, keys: Keys, is_whole: bool) -> Log:
    path = run.log_path(name)
    known = _kept.pop((path, keys, is_whole), None) if _kept else None
    if known is None or known[0] != _signature(os.lstat(path)):
        data, signature = _bytes_of(run, path)
        known = signature, parse(data, keys, is_whole=is_whole)
    (size, modified, changed, _), log = known
    if not _KEPT_LEAST <= size <= _KEPT_MOST or time.time_ns() - max(modified, changed) < _SETTLED_NS:
        return log
    _kept[path, keys, is_whole] = known
    if len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return log._replace(curves=copy.deepcopy(log.curves))


def _last(curve: Any) -> Any:
    return None if curve is None else curve.item(-1)


def _read_end(run: RunDir, name: str, keys: Keys, is_whole: bool) -> Log:
    """The end of a log, as long as it takes to have all keys; the last line may do."""
    path = run.log_path(name)
    for size in _TAILS:
        data, status = run.followed(read_tail, path, size)
        is_all = status.st_size <= size
        log = parse(data[data.rfind(b"\n", 0, -1) + 1 :], keys)
        if not log.faults and len(log.curves) == len(keys or ()):
            return log
        log = parse(data if is_all else data[data.find(b"\n") + 1 or len(data) :], keys)
        if is_all or len(log.curves) == len(keys or ()):
            return log if is_all else log._replace(faults=[fault._replace(line=None) for fault in log.faults])
    return _read_whole(run, name, keys, is_whole)


def _bytes_of(run: RunDir, path: str) -> tuple[bytes | Iterator[bytes], Signature]:
    """A log and its signature; of one that is too large to be held, its parts."""
    try:
        data, status = run.followed(read_bytes, path, min(_AT_ONCE, MAX_LOG_BYTES))
    except FileProblem as problem:
        if problem.kind != "too large":
            raise
        return read_parts(path, MAX_LOG_BYTES), (0, 0, 0, 0)
    return data, _signature(status)


def _signature(status: os.stat_result) -> Signature:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _listed(run: RunDir, log: str) -> set[str]:
    """The keys that the catalogue of a log lists; none where it is not whole."""
    data = _small_file(run, f"metrics/.keys/{log}.yaml")
    keys, faults = load_mapping(data)
    return set() if faults or not data.endswith(b"\n") else set(map(text_of_key, keys))


def _is_live(run: RunDir) -> bool:
    """Whether a run says that it is RUNNING or STARTING."""
    return _IS_LIVE.search(_small_file(run, "metadata/info.yaml")) is not None


def _small_file(run: RunDir, path: str) -> bytes:
    """A file of a run that is no log; empty where it cannot be read."""
    try:
        return run.followed(read_bytes, f"{run.path}/{path}", _MAX_YAML)[0]
    except (FileProblem, OSError):
        return b""
