# SPDX-License-Identifier: MIT
"""MLXP's hidden catalogues -> the columns of metrics and artifacts, or what is there where no catalogue is whole."""

from __future__ import annotations

from collections.abc import Iterable

from ..artifacts import artifact_columns, list_artifacts
from ..curves import parse
from ..disk import ARTIFACT_KEYS, LOG_KEYS, MAX_NAME, METRICS, Fault, Gathered, load_mapping, names_in, text_of_key
from ..plaintext import acts

__all__ = ["Catalogues"]

#: Bytes of a metrics file without a catalogue, whose keys are read from its rows.
MAX_UNCATALOGUED = 64 << 20
#: Metrics of one run, and its columns of artifacts, over which the rest is a problem.
MAX_COLUMNS = 20_000

_RESERVED = {"config", "info", "mlxp", "artifacts"}  # MLXP refuses to log under these names
_FOREIGN = ("config.", "info.", "artifact.")
_MEMO = 4096
_AT_ONCE_NS = 1_000_000_000

_Names = tuple[str, ...]


class Catalogues:
    """Reads the columns of one run after another; equal catalogues of equal logs are understood once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[_Names, _Names]] = {}
        self._logs: _Names | None = None

    def columns(self, found: Gathered, *, is_finished: bool) -> tuple[_Names, _Names]:
        """The columns of the metrics of a run, and those of its artifacts."""
        logs, lost = found.logs or (), self._lost(found)
        catalogues = [found.files.get(f"{LOG_KEYS}/{log}.yaml") for log in logs + lost]
        key = (logs, lost, is_finished, found.files.get(ARTIFACT_KEYS), *catalogues)
        known = self._known.get(key)
        if known is None:
            before = len(found.looked), len(found.problems)
            metrics = _metrics(found, logs, lost, is_finished=is_finished)
            known = metrics, _artifacts(found, metrics)
            if before == (len(found.looked), len(found.problems)) and len(self._known) < _MEMO:
                self._known[key] = known
        return known

    def _lost(self, found: Gathered) -> _Names:
        """The logs that only a catalogue lists; to look for them in each run would take a sixth of a scan."""
        if found.logs is None:
            return ()
        newest = max((found.looked[f"{LOG_KEYS}/{log}.yaml"][1] for log in found.logs), default=0)
        was_taken = found.looked[METRICS][1] > newest + _AT_ONCE_NS  # MLXP adds a catalogue right after its log
        if found.logs == self._logs and not was_taken:
            return ()
        listed = {
            name[:-5] for name in names_in(f"{found.run.path}/{LOG_KEYS}") if name.endswith(".yaml") and name[0] != "."
        }
        lost = tuple(sorted(listed.difference(found.logs)))
        for log in lost:
            found.read(f"{LOG_KEYS}/{log}.yaml")
        self._logs = None if lost else found.logs
        return lost


def _metrics(found: Gathered, logs: _Names, lost: _Names, *, is_finished: bool) -> _Names:
    """The columns `<log>.<key>` of all logs; of a column that is in two, the log with the shorter name is meant."""
    columns: dict[str, None] = {}
    for log in sorted(logs + lost):
        file = f"{METRICS}/{log}.json"
        if log in _RESERVED or "\\" in log or acts(log):
            kind = "reserved name" if log in _RESERVED else "odd name"
            found.problem(file, kind, f"a log cannot be named {log!r}")
            continue
        if is_finished and log in lost:
            reason = "the catalogue lists this log and it is not there"
            found.problem(file, "missing", reason, "the names of its columns")
        names = _good_names(found, file, _columns_of_log(found, log, has_rows=log not in lost))
        twice = next((name for name in names if name in columns), None)
        if twice is not None:
            reason = f"{twice!r} is a metric of two logs"
            found.problem(file, "duplicate column", reason, "that of the log with the shorter name")
        columns |= dict.fromkeys(names)
    return _bounded(found, METRICS, columns)


def _columns_of_log(found: Gathered, log: str, *, has_rows: bool) -> list[str]:
    """What the catalogue of a log lists, and the keys of the rows where it is not whole."""
    relative = f"{LOG_KEYS}/{log}.yaml"
    data = found.files.get(relative, b"")
    keys, faults = load_mapping(data) if data.strip() else ({}, ())
    names = list(map(text_of_key, keys))
    is_whole = names and not faults and data.endswith(b"\n")  # as MLXP ends it
    if not is_whole:
        _name_faults(found, relative, faults, "the keys of its rows")
        names += parse(found.read(f"{METRICS}/{log}.json", MAX_UNCATALOGUED) or b"").curves if has_rows else ()
    return [f"{log}.{name}" for name in names]


def _good_names(found: Gathered, file: str, names: Iterable[str]) -> list[str]:
    """The names that can be those of metrics; one problem for each kind of the others."""
    good: list[str] = []
    bad: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if name.startswith(_FOREIGN) and name.count(".") > 1:
            bad["reserved name"] = f"{name!r} could be a column of the config, the info or the artifacts"
        elif len(name) > MAX_NAME:
            bad["odd key"] = f"{name[:60]!r}... has {len(name):,} characters"
        elif acts(name):
            bad["odd key"] = f"{name!r} has control characters"
        else:
            good.append(name)
    for kind, reason in bad.items():
        found.problem(file, kind, reason, "the other metrics")
    return good


def _artifacts(found: Gathered, metrics: _Names) -> _Names:
    """The columns of artifacts, as listed, and those of the files that are there where the catalogue is not whole."""
    catalogue = artifact_columns(found.files.get(ARTIFACT_KEYS, b""))
    columns = list(catalogue.columns)
    if not catalogue.is_whole:
        _name_faults(found, ARTIFACT_KEYS, catalogue.faults, "the other entries, and the files that are there")
        columns += list_artifacts(found)
    if any(len(name) > MAX_NAME for name in columns):
        found.problem(ARTIFACT_KEYS, "odd key", f"a name of more than {MAX_NAME:,} characters", "the other entries")
    taken = set(metrics)
    return _bounded(found, ARTIFACT_KEYS, (name for name in columns if name not in taken and len(name) <= MAX_NAME))


def _name_faults(found: Gathered, relative: str, faults: Iterable[Fault], kept: str) -> None:
    found.faults(relative, [fault._replace(kept=kept) for fault in faults])


def _bounded(found: Gathered, relative: str, columns: Iterable[str]) -> _Names:
    """The columns, each once, up to the limit."""
    names = tuple(dict.fromkeys(columns))
    if len(names) > MAX_COLUMNS:
        reason = f"{len(names):,} columns; the limit is {MAX_COLUMNS:,}"
        found.problem(relative, "too many keys", reason, "the first of them")
    return names[:MAX_COLUMNS]
