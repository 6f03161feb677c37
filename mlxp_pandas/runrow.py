# SPDX-License-Identifier: MIT
"""The gathered bytes of one run -> its row: the flat config and info, the metric and artifact columns, the problems."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from itertools import chain
from typing import Any, NamedTuple

from .artifacts import Catalogue, artifact_columns, list_artifacts
from .catalogues import metric_columns
from .curves import parse
from .flatyaml import Flattener
from .gathering import ARTIFACT_KEYS, CONFIG, INFO, METRIC_KEYS, METRICS, MISSING, Gathered, pack
from .plaintext import acts
from .problems import Problem
from .yamltree import Common, Fault, Flat

__all__ = ["MAX_COLUMNS", "MAX_UNCATALOGUED", "Layout", "RowReader", "RunRow"]

#: Bytes of a metrics file without a catalogue, whose keys are read from its rows.
MAX_UNCATALOGUED = 64 << 20
#: Metrics of one run, and its columns of artifacts, over which the rest is a problem.
MAX_COLUMNS = 20_000

_RESERVED = {"config", "info", "mlxp", "artifacts"}  # MLXP refuses to log under these names
_FOREIGN = ("config.", "info.", "artifact.")
_FINISHED = {"COMPLETE", "FAILED"}
_TRIES = 3  # to read a file that looks torn
_PATIENCE = 20  # such tries of one scan, each a wait of 20 ms
_MEMO = 4096


class Layout(NamedTuple):
    """What runs of one kind have in common: columns, what must be looked at to notice a change, and values if known."""

    config: tuple[str, ...]
    info: tuple[str, ...]
    metrics: tuple[str, ...]
    artifacts: tuple[str, ...]
    looks: tuple[str, ...]
    common: Common | None = None


class RunRow(NamedTuple):
    """One run: `values` are those of `layout.config` and `layout.info`, in this order."""

    log_id: int
    layout: Layout
    values: list[Any]
    signature: bytes
    settled: bool
    problems: tuple[Problem, ...]


_NO_LAYOUT = Layout((), (), (), (), ())


class RowReader:
    """Turns gathered runs into rows; keeps what equal files have in common between one run and the next.

    Parameters
    ----------
    is_compact : bool
        Whether layouts name the values that their runs have in common: pays for many runs.
    """

    def __init__(self, *, is_compact: bool = False) -> None:
        self._is_compact = is_compact
        self._commons: dict[tuple[Common, Common], Common] = {}
        self._config = Flattener("config")
        self._info = Flattener("info")
        self._catalogues: dict[tuple[str, bytes], Catalogue] = {}
        self._columns: dict[tuple[object, ...], tuple[str, ...]] = {}
        self._layouts: dict[Layout, Layout] = {}
        self._last = _NO_LAYOUT
        self._patience = _PATIENCE

    def row(self, found: Gathered) -> RunRow:
        """The row of one run; never raises for what the run holds."""
        try:
            return self._row(found)
        except Exception as error:  # an unknown defect costs one run
            found.problem("", "defect", f"{type(error).__name__}: {error}")
            return RunRow(found.run.log_id, _NO_LAYOUT, [], b"", False, tuple(found.problems))

    def _row(self, found: Gathered) -> RunRow:
        config = self._flat(found, CONFIG, self._config)
        info = self._flat(found, INFO, self._info)
        is_finished = _status(info) in _FINISHED
        if is_finished:  # nothing is written any more: a new log shows in the folder of the logs
            found.looked.pop(METRIC_KEYS, None)
        metrics = self._metrics(found, is_finished)
        artifacts = tuple(column for column in self._artifacts(found) if column not in metrics)
        common = self._common(config.common, info.common)
        layout = Layout(config.names, info.names, metrics, artifacts, tuple(found.looked), common)
        if layout != self._last:  # faster than to hash it
            self._last = self._layouts.setdefault(layout, layout)
        return RunRow(
            found.run.log_id,
            self._last,
            config.values + info.values,
            pack(list(chain.from_iterable(found.looked.values()))),
            found.settled,
            tuple(dict.fromkeys(found.problems)),
        )

    def _common(self, config: Common | None, info: Common | None) -> Common | None:
        """What two files of a run share with those of other runs, as one."""
        if not self._is_compact or config is None or info is None:
            return None
        known = self._commons.get((config, info))
        if known is None:
            start = len(config.values)
            varying = config.varying + tuple(start + place for place in info.varying)
            known = self._commons[config, info] = Common(config.values + info.values, varying)
        return known

    def _flat(self, found: Gathered, relative: str, flattener: Flattener) -> Flat:
        """One YAML file; read again where it looks torn and was written just now."""
        data = found.files.get(relative)
        flat = _flatten(data, flattener)
        for _ in range(min(_TRIES, self._patience)):
            if not _is_torn(data, flat) or not found.is_fresh(relative):
                break
            self._patience -= 1
            data = found.again(relative)
            flat = _flatten(data, flattener)
        if data is None:
            _name_missing(found, relative)
        _name_faults(found, relative, flat.faults)
        return flat

    def _metrics(self, found: Gathered, is_finished: bool) -> tuple[str, ...]:
        """The columns `<log>.<key>` of all logs; equal catalogues of equal logs are understood once."""
        listed = [item for item in found.files.items() if item[0].startswith(METRIC_KEYS)]
        key = (is_finished, *found.folders.get(METRICS, ()), *listed)
        known = self._columns.get(key)
        if known is None:
            before = len(found.looked), len(found.problems)
            known = self._metric_columns(found, is_finished)
            if before == (len(found.looked), len(found.problems)) and len(self._columns) < _MEMO:
                self._columns[key] = known
        return known

    def _metric_columns(self, found: Gathered, is_finished: bool) -> tuple[str, ...]:
        """The columns of all logs, by the catalogues, or by the rows where there is none."""
        logs = {name[:-5] for name in found.folders.get(METRICS, ()) if name.endswith(".json")}
        listed = {path[len(METRIC_KEYS) + 1 : -5] for path in found.files if path.startswith(METRIC_KEYS)}
        columns: dict[str, None] = {}
        for log in sorted(logs | listed):
            kind = "reserved name" if log in _RESERVED else "odd name" if _is_odd(log) else ""
            if kind:
                found.problem(f"{METRICS}/{log}.json", kind, f"a log cannot be named {log!r}")
                continue
            if is_finished and log not in logs:
                reason = "the catalogue lists this log and it is not there"
                found.problem(f"{METRICS}/{log}.json", "missing", reason, "the names of its columns")
            columns |= dict.fromkeys(_distinct(found, log, self._log_columns(found, log, log in logs), columns))
        return _bounded(found, METRICS, columns)

    def _log_columns(self, found: Gathered, log: str, has_rows: bool) -> tuple[str, ...]:
        relative = f"{METRIC_KEYS}/{log}.yaml"
        data = found.files.get(relative)
        found.looked.setdefault(relative, MISSING)
        catalogue = self._catalogue(log, data or b"", lambda: metric_columns(log, data or b""))
        if catalogue.is_whole:
            return catalogue.columns
        _name_faults(found, relative, catalogue.faults, "the keys of its rows")
        return tuple(dict.fromkeys(catalogue.columns + (_row_columns(found, log) if has_rows else ())))

    def _artifacts(self, found: Gathered) -> tuple[str, ...]:
        data = found.files.get(ARTIFACT_KEYS, b"")
        catalogue = self._catalogue("", data, lambda: artifact_columns(data))
        if not catalogue.is_whole:
            _name_faults(found, ARTIFACT_KEYS, catalogue.faults, "the other entries, and the files that are there")
            return _bounded(found, ARTIFACT_KEYS, [*catalogue.columns, *list_artifacts(found)])
        return _bounded(found, ARTIFACT_KEYS, catalogue.columns)

    def _catalogue(self, log: str, data: bytes, parse: Callable[[], Catalogue]) -> Catalogue:
        """Equal catalogues are parsed once."""
        known = self._catalogues.get((log, data))
        if known is None:
            known = parse()
            if len(self._catalogues) < _MEMO:
                self._catalogues[log, data] = known
        return known


def _flatten(data: bytes | None, flattener: Flattener) -> Flat:
    return Flat((), []) if data is None else flattener.flatten(data)


def _status(info: Flat) -> object:
    return info.values[info.names.index("info.status")] if "info.status" in info.names else None


def _is_torn(data: bytes | None, flat: Flat) -> bool:
    """Whether a file looks as if it is being written; MLXP ends each with a newline."""
    if data is None or not data.endswith(b"\n"):
        return True
    return bool(flat.faults) and any(fault.kind in ("empty", "not yaml") for fault in flat.faults)


def _name_faults(found: Gathered, relative: str, faults: tuple[Fault, ...], kept: str | None = None) -> None:
    for fault in faults:
        found.problem(relative, fault.kind, fault.reason, kept or fault.kept, fault.line)


def _name_missing(found: Gathered, relative: str) -> None:
    """One problem for a YAML file that is not there, unless it has one already."""
    if any(problem.file.endswith((relative, "/metadata")) for problem in found.problems):
        return
    if relative == CONFIG and "config_unresolved.yaml" in (found.peek("metadata")):
        found.problem(relative, "queued", "the run waits for its scheduler: only config_unresolved.yaml is there")
    else:
        found.problem(relative, "missing", "the file is not there")


def _is_odd(log: str) -> bool:
    """Whether the name of a log would act where it is shown, or lead elsewhere."""
    return "\\" in log or acts(log)


def _distinct(found: Gathered, log: str, columns: tuple[str, ...], known: Container[str]) -> list[str]:
    """The columns of a log that no other column of this or another run can be."""
    foreign = [column for column in columns if column.startswith(_FOREIGN) and column.count(".") > 1]
    if foreign:
        reason = f"{foreign[0]!r} could be a column of the config, the info or the artifacts"
        found.problem(f"{METRICS}/{log}.json", "reserved name", reason, "the other metrics")
    twice = [column for column in columns if column in known]
    if twice:
        reason = f"{twice[0]!r} is a metric of two logs"
        found.problem(f"{METRICS}/{log}.json", "duplicate column", reason, "that of the log with the shorter name")
    odd = {column for column in columns if column not in foreign and acts(column)}
    if odd:
        found.problem(f"{METRICS}/{log}.json", "odd key", f"{min(odd)!r} has control characters", "the other metrics")
    return [column for column in columns if column not in odd and column not in foreign]


def _bounded(found: Gathered, relative: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns, each once, up to the limit."""
    names = tuple(dict.fromkeys(columns))
    if len(names) > MAX_COLUMNS:
        reason = f"{len(names):,} columns; the limit is {MAX_COLUMNS:,}"
        found.problem(relative, "too many keys", reason, "the first of them")
    return names[:MAX_COLUMNS]


def _row_columns(found: Gathered, log: str) -> tuple[str, ...]:
    """The columns of a log without a whole catalogue: the keys that its rows have."""
    relative = f"{METRICS}/{log}.json"
    data = found.read(relative, MAX_UNCATALOGUED)
    if data is None:
        _name_missing(found, relative)
    return tuple(f"{log}.{key}" for key in parse(data).curves) if data else ()
