# SPDX-License-Identifier: MIT
"""MLXP's hidden catalogues -> the columns of metrics and artifacts, or what is there where no catalogue is whole."""

from __future__ import annotations

from collections.abc import Container, Iterable

from ..artifacts import artifact_columns, list_artifacts
from ..curves import parse
from ..disk import ARTIFACT_KEYS, LOG_KEYS, MAX_NAME, METRICS, Gathered, load_mapping, names_in, text_of_key
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
            known = metrics, _artifacts(found, frozenset(metrics))
            if before == (len(found.looked), len(found.problems)) and len(self._known) < _MEMO:
                self._known[key] = known
        return known

    def _lost(self, found: Gathered) -> _Names:
        """The logs that only a catalogue lists; to look for them in each run would take a sixth of a scan."""
        newest = max([found.looked[f"{LOG_KEYS}/{log}.yaml"][1] for log in found.logs or ()], default=0)
        was_taken = found.looked[METRICS][1] > newest + _AT_ONCE_NS  # MLXP adds a catalogue right after its log
        if found.logs is None or (found.logs == self._logs and not was_taken):
            return ()
        names = sorted(names_in(f"{found.run.path}/{LOG_KEYS}"))
        listed = [name[:-5] for name in names if name.endswith(".yaml") and name[0] != "."]
        lost = tuple([log for log in listed if log not in found.logs])
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
            found.problem(file, "missing", "the catalogue lists a log that is not there", "the names of its columns")
        _add(found, file, _columns_of_log(found, log, has_rows=log not in lost), columns)
    return tuple(columns)


def _columns_of_log(found: Gathered, log: str, *, has_rows: bool) -> list[str]:
    """What the catalogue of a log lists, and the keys of the rows where it is not whole."""
    relative = f"{LOG_KEYS}/{log}.yaml"
    data = found.files.get(relative, b"")
    keys, faults = load_mapping(data) if data.strip() else ({}, ())
    names = list(map(text_of_key, keys))
    if not names or faults or not data.endswith(b"\n"):  # as MLXP ends it
        found.faults(relative, [fault._replace(kept="the keys of its rows") for fault in faults])
        names += parse(found.read(f"{METRICS}/{log}.json", MAX_UNCATALOGUED) or b"").curves if has_rows else ()
    return [f"{log}.{name}" for name in names]


def _artifacts(found: Gathered, metrics: Container[str]) -> _Names:
    """The columns of artifacts, as listed, and those of the files that are there where the catalogue is not whole."""
    columns: dict[str, None] = {}
    catalogue = artifact_columns(found.files.get(ARTIFACT_KEYS, b""))
    names = list(catalogue.columns)
    if not catalogue.is_whole:
        found.faults(ARTIFACT_KEYS, [fault._replace(kept="the files that are there") for fault in catalogue.faults])
        names += list_artifacts(found)
    _add(found, ARTIFACT_KEYS, names, columns, metrics)
    return tuple(columns)


def _add(found: Gathered, file: str, names: Iterable[str], columns: dict[str, None], used: Container[str] = ()) -> None:
    """Add the names that can be columns, up to the limit; one problem for each kind of the others."""
    others: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if file != ARTIFACT_KEYS and name.startswith(_FOREIGN) and name.count(".") > 1:
            others["reserved name"] = f"{name[:60]!r} could be a column of the config, the info or the artifacts"
        elif len(name) > MAX_NAME or acts(name):
            others["odd key"] = f"{name[:60]!r} has control characters, or more than {MAX_NAME:,} characters"
        elif name in columns or name in used:
            others["duplicate column"] = f"{name!r} is a column of another log"
        elif len(columns) == MAX_COLUMNS:
            others["too many keys"] = f"more than {MAX_COLUMNS:,} columns"
        else:
            columns[name] = None
    for kind, reason in others.items():
        found.problem(file, kind, reason, "the other columns")
