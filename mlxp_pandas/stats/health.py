# SPDX-License-Identifier: MIT
"""The state of each run: is it alive, did it diverge, was it resumed, what is damaged; reads every file of the runs."""

from __future__ import annotations

import datetime
import math
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..cells import LazyCell, LazyDtype
from ..curves import STEP_KEYS, Log, problems_of, read_log
from ..disk import METRICS, Fault, Gathered, Problem, RunDir, gather, ordered_map
from ..errors import InvalidOptionError
from ..runs import Row, RowReader

__all__ = ["LIVE", "health_of", "runs_of"]

#: The statuses of a run that has not said how it ended.
LIVE = ("RUNNING", "STARTING")

_DATE = "%d/%m/%Y %H:%M:%S"  # MLXP's

_Array = NDArray[Any]


class _Log(NamedTuple):
    """One metrics file, read whole: its rows without the values, and what is told of these."""

    name: str
    rows: Log
    n_steps: int | None
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
    runs = runs_of(frame)
    reader = RowReader()
    rows = [_row(found, logs, reader, limit) for found, logs in ordered_map(_read, runs)]
    logs = sorted({name for row in rows for name in row if name.startswith("n_steps.")})
    columns = ["status", "stale", "last_write", "duration", *logs, "first_nan_step", "repeated_steps", "torn_lines"]
    table = pd.DataFrame(rows, index=frame.index, columns=[*columns, "n_problems", "problems"], dtype=object)
    return table.astype(_types(table)).infer_objects()


def runs_of(frame: pd.DataFrame) -> list[RunDir]:
    """The folder of each row's run, from its placeholders; where a run has none, from its log_id beside the others'.

    Raises
    ------
    InvalidOptionError
        A row whose run cannot be told.
    """
    runs: list[RunDir | None] = [None] * len(frame)
    for _, values in frame.items():
        if None not in runs:
            break
        if isinstance(values.dtype, LazyDtype) or values.dtype == object:
            runs = [known or _run_of(cell) for known, cell in zip(runs, values, strict=True)]
    roots = {run.root for run in runs if run is not None}
    if frame.index.name == "log_id" and len(roots) == 1:
        root = next(iter(roots))
        runs = [run or RunDir(root, str(log_id)) for run, log_id in zip(runs, frame.index, strict=True)]
    if None in runs:
        raise InvalidOptionError(
            "The folders of these runs are not known: keep one metric or artifact column of what read_runs returned."
        )
    return [run for run in runs if run is not None]


def _run_of(cell: object) -> RunDir | None:
    return cell.run if isinstance(cell, LazyCell) else None


def _seconds(stale: object) -> float:
    try:
        seconds = pd.Timedelta(stale).total_seconds()  # type: ignore[arg-type]
    except (ValueError, TypeError):
        seconds = float("nan")
    if not seconds >= 0:
        raise InvalidOptionError(
            f"stale={stale!r} is no length of time; give one such as '2h', '30min' or a timedelta."
        )
    return seconds


def _read(run: RunDir) -> tuple[Gathered, list[_Log]]:
    """All that a run holds, read in any thread."""
    found = gather(run)
    return found, [_log(run, name) for name in found.logs or ()]


def _log(run: RunDir, name: str) -> _Log:
    rows = read_log(run, name)
    steps = _steps(rows)
    n_repeated = 0 if steps is None else len(steps) - len(np.unique(steps))
    n_steps = rows.n_rows if rows.n_rows >= 0 else None
    written, faults = _log_written(f"{run.path}/{METRICS}/{name}.json")
    bare = rows._replace(curves=dict.fromkeys(rows.curves), at={}, faults=rows.faults or faults)
    return _Log(name, bare, n_steps, _first_nan(rows), n_repeated, written)


def _steps(rows: Log) -> _Array | None:
    """The logged steps, in the order of the rows that have one; None where the log does not count."""
    curves = (rows.curves[key] for key in STEP_KEYS if key in rows.curves)
    return next((curve for curve in curves if curve.dtype.kind in "iuf"), None)


def _first_nan(rows: Log) -> int | None:
    """The step of the first row in which a metric is NaN; the row's position where it has no step."""
    places = [rows.rows(key)[is_nan][:1] for key, curve in rows.curves.items() if (is_nan := _is_nan(curve)).any()]
    if not places:
        return None
    first = int(min(place[0] for place in places))
    key = next((key for key in STEP_KEYS if key in rows.curves), None)
    steps = {} if key is None else dict(zip(rows.rows(key).tolist(), rows.curves[key].tolist(), strict=True))
    step = steps.get(first)
    return int(step) if isinstance(step, int | float) and math.isfinite(step) else first


def _is_nan(curve: _Array) -> NDArray[np.bool_]:
    if curve.dtype.kind == "f":
        return np.isnan(curve)
    is_nan = (isinstance(value, float) and math.isnan(value) for value in curve if curve.dtype == object)
    return np.fromiter(is_nan, dtype=bool) if curve.dtype == object else np.zeros(len(curve), dtype=bool)


def _row(found: Gathered, logs: list[_Log], reader: RowReader, limit: float) -> dict[str, Any]:
    row = reader.row(found)
    left_out = {problem.file for problem in row.problems if problem.kind in ("reserved name", "odd name")}
    logs = [log for log in logs if f"{found.run.name}/{METRICS}/{log.name}.json" not in left_out]
    try:
        return _state(found, logs, row, limit)
    except Exception as error:  # an unknown defect costs one run
        found.problem("", "defect", f"{type(error).__name__}: {error}")
        return {"stale": False, **_named((*row.problems, found.problems[-1]))}


def _state(found: Gathered, logs: list[_Log], row: Row, limit: float) -> dict[str, Any]:
    info = dict(zip(row.layout.config + row.layout.info, row.values, strict=True))
    status = info.get("info.status")
    last_write = _last_write(found, logs)
    is_stale = status in LIVE and last_write is not None and time.time() - last_write > limit
    is_writing = status in LIVE and not is_stale
    first_nans = [log.first_nan for log in logs if log.first_nan is not None]
    return {
        "status": status if isinstance(status, str) else np.nan,
        "stale": is_stale,
        "last_write": _moment(last_write),
        "duration": _duration(info, last_write),
        **{f"n_steps.{log.name}": log.n_steps for log in logs},
        "first_nan_step": min(first_nans, default=None),
        "repeated_steps": sum(log.n_repeated for log in logs),
        "torn_lines": sum(_n_torn(log, is_writing=is_writing) for log in logs),
        **_named([*row.problems, *_problems(found.run, logs, row, is_writing=is_writing)]),
    }


def _named(problems: Sequence[Problem]) -> dict[str, Any]:
    return {"n_problems": len(problems), "problems": tuple(problem.sentence for problem in problems)}


def _n_torn(log: _Log, *, is_writing: bool) -> int:
    """The torn lines of a log; a last line that is being written is none."""
    kinds = [fault.kind for fault in log.rows.faults]
    return sum(kind.startswith("torn") and not (is_writing and kind == "torn last line") for kind in kinds)


def _problems(run: RunDir, logs: list[_Log], row: Row, *, is_writing: bool) -> Iterator[Problem]:
    """What is wrong in the metrics files and was not said of the run already."""
    read = {log.name: log.rows for log in logs}
    known = {(problem.file, problem.kind) for problem in row.problems}
    missing = set(row.layout.metrics).difference(f"{log.name}.{key}" for log in logs for key in log.rows.curves)
    ordered = filter(missing.__contains__, row.layout.metrics)
    for problem in dict.fromkeys(problems_of(run, read, ordered, is_writing)):
        if (problem.file, problem.kind) not in known:
            yield problem
    named = {file for file, _ in known}  # their keys were looked at, and some left out
    if f"{run.name}/{METRICS}" not in named:
        others = [log for log in logs if f"{run.name}/{METRICS}/{log.name}.json" not in named]
        yield from _unlisted(run, others, set(row.layout.metrics))


def _unlisted(run: RunDir, logs: list[_Log], listed: set[str]) -> Iterator[Problem]:
    """Name keys of rows that are no columns of their run, because a whole catalogue lacks them."""
    for log in logs:
        lacking = sorted(key for key in log.rows.curves if f"{log.name}.{key}" not in listed)
        if lacking:
            more = f" and {len(lacking) - 3:,} more" if len(lacking) > 3 else ""
            reason = (
                f"the rows have {', '.join(map(repr, lacking[:3]))}{more}, which the catalogue lacks; without "
                f"{METRICS}/.keys/{log.name}.yaml the rows are looked at"
            )
            file, kept = f"{run.name}/{METRICS}/{log.name}.json", "the metrics that the catalogue lists"
            yield Problem(run.log_id, file, None, "unlisted key", reason, kept)


def _last_write(found: Gathered, logs: list[_Log]) -> float | None:
    """When a file of the run was last written, in seconds since the epoch; None where there is none."""
    times = [_written(found.looked[name][1] / 1e9, found.looked[name][2] / 1e9) for name in found.files]
    times += [log.written for log in logs if log.written is not None]
    return max(times, default=None)


def _log_written(path: str) -> tuple[float | None, list[Fault]]:
    """When a log was written, also one that cannot be read: one that is over the limit may still grow."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [Fault(None, "unreadable", error.strerror or str(error), "all but when it was written")]
    return _written(status.st_mtime, status.st_ctime), []


def _written(modified: float, changed: float) -> float:
    """The time of a write; one in the future was set by hand or by another clock."""
    return modified if modified <= time.time() else changed


def _moment(seconds: float | None) -> datetime.datetime | None:
    try:
        return None if seconds is None else datetime.datetime.fromtimestamp(seconds)
    except (OverflowError, ValueError, OSError):
        return None


def _duration(info: dict[str, Any], last_write: float | None) -> datetime.timedelta | None:
    start = _time(info, "start")
    end = _time(info, "end") or _moment(last_write)
    return None if start is None or end is None else max(end - start, datetime.timedelta(0))


def _time(info: dict[str, Any], which: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(f"{info[f'info.{which}_date']} {info[f'info.{which}_time']}", _DATE)
    except (KeyError, ValueError):
        return None


def _types(table: pd.DataFrame) -> dict[str, Any]:
    """The types of the columns: counts keep their missing values."""
    types: dict[str, Any] = {name: "Int64" for name in table.columns if name.startswith("n_steps.")}
    types |= dict.fromkeys(("first_nan_step", "repeated_steps", "torn_lines", "n_problems"), "Int64")
    return types | {"stale": "bool", "last_write": "datetime64[us]", "duration": "timedelta64[us]"}
