# SPDX-License-Identifier: MIT
"""The state of each run: is it alive, did it diverge, was it resumed, what is damaged; reads every file of the runs."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..cells import LazyCell, LazyDtype
from ..curves import STEP_KEYS, Log, problems_of, read_log
from ..disk import METRICS, Fault, Gathered, Problem, RunDir, gather, ordered_map, reason_of
from ..errors import InvalidOptionError
from ..runs import Row, RowReader

_LIVE = ("RUNNING", "STARTING")  # the statuses of a run that has not said how it ended
_DATE = "%d/%m/%Y %H:%M:%S"  # MLXP's


class _Log(NamedTuple):
    """One metrics file, read whole: its rows without the values, and what is told of these."""

    name: str
    rows: Log
    first_nan: int | None
    n_repeated: int
    written: float | None


def health_of(frame: pd.DataFrame, stale: object = "2h") -> pd.DataFrame:
    """One row a run: what state it is in.

    Parameters
    ----------
    frame : DataFrame
        Runs with at least one metric or artifact column, from which their folders are known.
    stale : str or timedelta
        How long a live run may write nothing before it counts as dead.

    Returns
    -------
    DataFrame of shape (n_runs, n_columns)
        On the index of `frame`; missing where a run does not have it:
        `status` as logged now; `stale`: RUNNING or STARTING, and nothing was written for that long; `last_write` of a
        config, info, metrics or catalogue file, in local time; `duration` to the end, or to the last write of a run
        without one; `n_steps.<log>`: the rows of each log; `first_nan_step`: the earliest step with a NaN in any
        metric, by the logged step or epoch, or by the row's position where there is none; `repeated_steps`: how many
        rows have a step that their log has had before, as after a resume; `torn_lines`, without the last line of a run
        that is alive; `n_problems`, and `problems`, a tuple of sentences.

    Raises
    ------
    InvalidOptionError
        `stale` is no length of time, or the frame has no metric and no artifact column.
    """
    limit = _seconds(stale)
    reader = RowReader()
    rows = [_row(found, logs, reader, limit) for found, logs in ordered_map(_read, runs_of(frame))]
    logs = sorted({name for row in rows for name in row if name.startswith("n_steps.")})
    counts = [*logs, "first_nan_step", "repeated_steps", "torn_lines", "n_problems"]
    columns = ["status", "stale", "last_write", "duration", *counts, "problems"]
    table = pd.DataFrame(rows, columns=[*columns, "start", "end"], dtype=object)
    table = table.astype(dict.fromkeys(counts, "Int64") | {"stale": "bool", "last_write": "datetime64[us]"})
    start, end = (pd.to_datetime(table[name], format=_DATE, errors="coerce") for name in ("start", "end"))
    lasted = end.astype("datetime64[us]").fillna(table["last_write"]) - start.astype("datetime64[us]")
    table["duration"] = lasted.mask(lasted < pd.Timedelta(0), pd.Timedelta(0))
    return table[columns].infer_objects().set_axis(frame.index, axis=0)


def runs_of(frame: pd.DataFrame) -> list[RunDir]:
    """The folder of each row's run, from its placeholders; where a run has none, from its log_id beside the others'.

    Raises
    ------
    InvalidOptionError
        A row whose run cannot be told.
    """
    runs: list[RunDir | None] = [None] * len(frame)
    for _, values in frame.items():
        if None in runs and (isinstance(values.dtype, LazyDtype) or values.dtype == object):
            cells = (cell.run if isinstance(cell, LazyCell) else None for cell in values)
            runs = [known or run for known, run in zip(runs, cells, strict=True)]
    roots = {run.root for run in runs if run is not None}
    if frame.index.name == "log_id" and len(roots) == 1:
        runs = [run or RunDir(min(roots), str(log_id)) for run, log_id in zip(runs, frame.index, strict=True)]
    known = [run for run in runs if run is not None]
    if len(known) < len(runs):
        raise InvalidOptionError("The folders of these runs are not known: keep a metric or artifact column.")
    return known


def _seconds(stale: object) -> float:
    with suppress(ValueError, TypeError):
        seconds = pd.Timedelta(stale).total_seconds()  # type: ignore[arg-type]
        if seconds >= 0:
            return seconds
    raise InvalidOptionError(f"stale={stale!r} is no length of time, such as '2h', '30min' or a timedelta.")


def _read(run: RunDir) -> tuple[Gathered, list[_Log]]:
    """All that a run holds, read in any thread."""
    found = gather(run)
    return found, [_log(run, name) for name in found.logs or ()]


def _log(run: RunDir, name: str) -> _Log:
    rows = read_log(run, name)
    steps = _steps(rows)
    written, faults = _log_written(f"{run.path}/{METRICS}/{name}.json")
    bare = rows._replace(curves=dict.fromkeys(rows.curves), at={}, faults=rows.faults or faults)
    return _Log(name, bare, _first_nan(rows, steps), int(steps.duplicated().sum()), written)


def _steps(rows: Log) -> pd.Series[Any]:
    """The logged steps by the rows that have one; none where the log does not count."""
    curves = ((key, rows.curves[key]) for key in STEP_KEYS if key in rows.curves)
    counted = (pd.Series(curve, index=rows.rows(key)) for key, curve in curves if curve.dtype.kind in "iuf")
    return next(counted, pd.Series(dtype=np.float64))


def _first_nan(rows: Log, steps: pd.Series[Any]) -> int | None:
    """The step of the first row in which a metric is NaN; the row's position where it has no step."""
    places = (rows.rows(key)[pd.isna(curve)] for key, curve in rows.curves.items())
    first = min((int(of_key[0]) for of_key in places if len(of_key)), default=None)
    step = np.nan if first is None else steps.get(first, np.nan)
    return int(step) if np.isfinite(step) else first


def _row(found: Gathered, logs: list[_Log], reader: RowReader, limit: float) -> dict[str, Any]:
    row = reader.row(found)
    left_out = {problem.file for problem in row.problems if problem.kind in ("reserved name", "odd name")}
    logs = [log for log in logs if f"{found.run.name}/{METRICS}/{log.name}.json" not in left_out]
    info = dict(zip(row.layout.config + row.layout.info, row.values, strict=True))
    status = info.get("info.status")
    last_write = _last_write(found, logs)
    is_stale = status in _LIVE and last_write is not None and time.time() - last_write > limit
    is_writing = status in _LIVE and not is_stale
    problems = [*row.problems, *_problems(found.run, logs, row, is_writing=is_writing)]
    return {
        "status": status if isinstance(status, str) else np.nan,
        "stale": is_stale,
        "last_write": None if last_write is None else datetime.datetime.fromtimestamp(last_write),
        **{which: f"{info.get(f'info.{which}_date')} {info.get(f'info.{which}_time')}" for which in ("start", "end")},
        **{f"n_steps.{log.name}": log.rows.n_rows if log.rows.n_rows >= 0 else None for log in logs},
        "first_nan_step": min((log.first_nan for log in logs if log.first_nan is not None), default=None),
        "repeated_steps": sum(log.n_repeated for log in logs),
        "torn_lines": sum(_n_torn(log, is_writing=is_writing) for log in logs),
        "n_problems": len(problems),
        "problems": tuple(problem.sentence for problem in problems),
    }


def _n_torn(log: _Log, *, is_writing: bool) -> int:
    """The torn lines of a log; a last line that is being written is none."""
    kinds = [fault.kind for fault in log.rows.faults]
    return sum(kind.startswith("torn") and not (is_writing and kind == "torn last line") for kind in kinds)


def _problems(run: RunDir, logs: list[_Log], row: Row, *, is_writing: bool) -> Iterator[Problem]:
    """What is wrong in the metrics files and was not said of the run already."""
    read = {log.name: log.rows for log in logs}
    known = {(problem.file, problem.kind) for problem in row.problems}
    found = {f"{log.name}.{key}" for log in logs for key in log.rows.curves}
    missing = [metric for metric in row.layout.metrics if metric not in found]
    for problem in dict.fromkeys(problems_of(run, read, missing, is_writing)):
        if (problem.file, problem.kind) not in known:
            yield problem
    named, listed = {file for file, _ in known}, set(row.layout.metrics)  # of these, keys were looked at and left out
    for log in logs if f"{run.name}/{METRICS}" not in named else []:
        file = f"{run.name}/{METRICS}/{log.name}.json"
        lacking = sorted(key for key in log.rows.curves if f"{log.name}.{key}" not in listed)
        if lacking and file not in named:
            yield Problem(run.log_id, file, None, "unlisted key", _unlisted(log, lacking), "what the catalogue lists")


def _unlisted(log: _Log, lacking: list[str]) -> str:
    """Say which keys of rows are no columns of their run, because a whole catalogue lacks them."""
    more = f" and {len(lacking) - 3:,} more" if len(lacking) > 3 else ""
    rows = f"the rows have {', '.join(map(repr, lacking[:3]))}{more}, which the catalogue lacks"
    return f"{rows}; without {METRICS}/.keys/{log.name}.yaml the rows are looked at"


def _last_write(found: Gathered, logs: list[_Log]) -> float | None:
    """When a file of the run was last written, in seconds since the epoch; None where there is none."""
    times = [_written(found.looked[name][1] / 1e9, found.looked[name][2] / 1e9) for name in found.files]
    times += [log.written for log in logs if log.written is not None]
    return max(times, default=None)


def _log_written(path: str) -> tuple[float | None, list[Fault]]:
    """When a log was written, also one that cannot be read: one that is over the limit may still grow."""
    try:
        status = os.lstat(path)
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError)
        return None, [] if is_gone else [Fault(None, *reason_of(error), "all but when it was written")]
    return _written(status.st_mtime, status.st_ctime), []


def _written(modified: float, changed: float) -> float:
    """The time of a write; one in the future, or before 1970, was set by hand or by another clock."""
    return modified if 0 <= modified <= time.time() else changed
