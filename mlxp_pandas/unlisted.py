# SPDX-License-Identifier: MIT
"""Keys that the rows of a log have and its catalogue lacks: named when the log is loaded, columns at the next scan.

A whole catalogue is believed at a scan, which reads no rows. Where loading shows that it is not complete, the scans of
this session read the rows of that log, until its catalogue lists the keys.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from .catalogues import metric_columns
from .gathering import METRIC_KEYS, METRICS, Gathered
from .jsonlines import LogRows, keys_of
from .problems import Problem
from .rundir import RunDir

__all__ = ["Lookout", "has_incomplete", "is_incomplete", "unlisted_problem"]

_MAX_LINE = 1 << 16
_SHORT, _PATTERNS = 1 << 10, 64  # bytes of a line that becomes a pattern, and how many do: making one takes a while
_KEYS = re.compile(rb'"([^"]*)":')

# Path of a run -> its logs with such catalogues. Memory of this session: the index never depends on it, since these
# runs are not settled.
_incomplete: dict[str, set[str]] = {}


def has_incomplete(run: RunDir) -> bool:
    """Whether a catalogue of the run was found to be incomplete in this session."""
    return bool(_incomplete) and run.path in _incomplete


def is_incomplete(run: RunDir, log: str) -> bool:
    """Whether the catalogue of this log was."""
    return has_incomplete(run) and log in _incomplete[run.path]


def unlisted_problem(run: RunDir, log: str, keys: Iterable[str]) -> Problem | None:
    """The problem that rows have keys which the catalogue lacks; None where it lists them by now, or is not whole."""
    data = Gathered(run).read(f"{METRIC_KEYS}/{log}.yaml")
    catalogue = metric_columns(log, data or b"")
    lacking = [key for key in sorted(keys) if f"{log}.{key}" not in catalogue.columns]
    if not catalogue.is_whole or not lacking:
        return None
    _incomplete.setdefault(run.path, set()).add(log)
    shown = ", ".join(map(repr, lacking[:3])) + (f" and {len(lacking) - 3:,} more" if len(lacking) > 3 else "")
    reason = f"the rows have {shown}, which the catalogue lacks; read_runs(path) again gives the columns"
    file = f"{run.name}/{METRICS}/{log}.json"
    return Problem(run.log_id, file, None, "unlisted key", reason, "the metrics that the catalogue lists")


class Lookout:
    """Looks for other keys while logs are loaded, at a small part of the cost of parsing them."""

    def __init__(self) -> None:
        self._listed: set[tuple[str, frozenset[str]]] = set()
        self._known: dict[str, re.Pattern[bytes]] = {}  # for each log, plain first lines for which it was None
        self._left = _PATTERNS

    def others(self, run: RunDir, log: str, data: bytes, rows: LogRows) -> tuple[str, ...] | None:
        """The keys of rows that were not asked for; None where only some of the listed ones were asked for."""
        known = self._known.get(log)
        if known is not None and not rows.faults and known.match(data, 0, _MAX_LINE):
            return None
        if data.count(b":") == sum(map(len, rows.curves.values())):
            return ()  # one colon a value: there is no other key
        first = data[: data.find(b"\n", 0, _MAX_LINE) + 1]
        more = frozenset(keys_of(first)).difference(rows.curves)
        if more and (log, more) not in self._listed and unlisted_problem(run, log, more) is None:
            self._listed.add((log, more))
        if (log, more) in self._listed:
            if len(first) <= _SHORT and self._left:
                self._left -= 1
                self._known[log] = _plain_lines(_KEYS.findall(first))
            return None
        return tuple(key for key in keys_of(data) if key not in rows.curves)

    def problem(self, run: RunDir, log: str, rows: LogRows, found: Collection[str]) -> Problem | None:
        """What is wrong where a log has keys that are none of the run's columns."""
        keys = [key for key in (*rows.curves, *(rows.others or ())) if f"{log}.{key}" not in found]
        return unlisted_problem(run, log, keys) if keys and rows.others is not None else None


def _plain_lines(keys: Sequence[bytes]) -> re.Pattern[bytes]:
    """Healthy lines with these keys and no other text, and no object in them."""
    rest = rb'[^"{\\\n]*'
    return re.compile(rb"\{" + b"".join(rest + b'"' + re.escape(key) + b'":' for key in keys) + rest + rb"\n")
