# SPDX-License-Identifier: MIT
"""Everything that mlxp_pandas raises or warns with, and the `suggest` behind every "did you mean".

MlxpPandasError
├── LogsNotFoundError        FileNotFoundError    no such log folder
├── NotALogsFolderError      NotADirectoryError   a file where a log folder is expected
├── LogsUnreadableError      OSError              a log folder that the system does not list
├── UnknownColumnError       KeyError             a column that the frame does not have
├── UnknownGroupError        KeyError             a key that no group has
├── QueryError               ValueError           a query that cannot be answered
│   └── QuerySyntaxError     SyntaxError          a query that is not in the grammar
├── InvalidMapError          TypeError            an aggregation or filter map of the wrong form
├── InvalidOptionError       ValueError           an argument outside its allowed values
├── MetricError              ValueError           a curve that cannot be read
├── NoCurvesError            AttributeError       a column without curves has no `.mlxp`
├── ArtifactError            ValueError           an artifact that cannot be loaded
│   ├── ArtifactNotFoundError    FileNotFoundError, KeyError
│   └── UntrustedArtifactError   PermissionError  loading it would run code found in the logs
└── MissingDependencyError   ImportError          an optional library that is not installed

MlxpPandasWarning (UserWarning)
├── ProblemsWarning          some runs are damaged, the healthy parts are loaded
├── EmptyLogsWarning         a folder without runs
└── IndexWarning             the index could not be used or written
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable

__all__ = [
    "ArtifactError",
    "ArtifactNotFoundError",
    "EmptyLogsWarning",
    "IndexWarning",
    "InvalidMapError",
    "InvalidOptionError",
    "LogsNotFoundError",
    "LogsUnreadableError",
    "MetricError",
    "MissingDependencyError",
    "MlxpPandasError",
    "MlxpPandasWarning",
    "NoCurvesError",
    "NotALogsFolderError",
    "ProblemsWarning",
    "QueryError",
    "QuerySyntaxError",
    "UnknownColumnError",
    "UnknownGroupError",
    "UntrustedArtifactError",
]


class MlxpPandasError(Exception):
    """The base of every exception that mlxp_pandas raises on purpose."""

    def __str__(self) -> str:
        # KeyError and OSError print the repr of their arguments; ours hold one finished sentence.
        return str(self.args[0]) if self.args else ""


class LogsNotFoundError(MlxpPandasError, FileNotFoundError):
    """The log folder does not exist."""


class NotALogsFolderError(MlxpPandasError, NotADirectoryError):
    """The path of the log folder leads to something else than a folder."""


class LogsUnreadableError(MlxpPandasError, OSError):
    """The log folder is there and the system does not list it."""


class UnknownColumnError(MlxpPandasError, KeyError):
    """A column that the frame does not have."""


class UnknownGroupError(MlxpPandasError, KeyError):
    """A key that none of the groups has."""


class QueryError(MlxpPandasError, ValueError):
    """A query that cannot be answered on this frame."""


class QuerySyntaxError(QueryError, SyntaxError):
    """A query string that is not in the grammar."""


class InvalidMapError(MlxpPandasError, TypeError):
    """An aggregation or filter map that is not `(function, columns[, names])`."""


class InvalidOptionError(MlxpPandasError, ValueError):
    """An argument outside its allowed values."""


class MetricError(MlxpPandasError, ValueError):
    """A curve that cannot be read."""


class NoCurvesError(MlxpPandasError, AttributeError):
    """A column whose values are no curves: it has no accessor `mlxp`."""


class ArtifactError(MlxpPandasError, ValueError):
    """An artifact that cannot be loaded."""


class ArtifactNotFoundError(ArtifactError, FileNotFoundError, KeyError):
    """An artifact that a run does not have: no such name in the catalogue, or no such file on the disk."""


class UntrustedArtifactError(ArtifactError, PermissionError):
    """An artifact whose loading would run code found in the logs."""


class MissingDependencyError(MlxpPandasError, ImportError):
    """An optional library that is needed here and is not installed."""


class MlxpPandasWarning(UserWarning):
    """The base of every warning that mlxp_pandas gives."""


class ProblemsWarning(MlxpPandasWarning):
    """Some runs are damaged; their healthy parts and all other runs are loaded."""


class EmptyLogsWarning(MlxpPandasWarning):
    """The log folder holds no run."""


class IndexWarning(MlxpPandasWarning):
    """The index could not be used or written; the answer is computed without it."""


def suggest(name: object, allowed: Iterable[object], *, most: int = 3) -> str:
    """Name the allowed values nearest to a wrong one, as the end of an error message.

    >>> suggest("config.sed", ["config.seed", "config.lr"])
    " Did you mean 'config.seed'?"
    >>> suggest("x", ["config.seed", "config.lr"])
    " Allowed: 'config.seed', 'config.lr'."
    """
    names = [str(value) for value in allowed]
    near = _nearest(str(name), names, most)
    if near:
        return f" Did you mean {' or '.join(map(repr, near))}?"
    shown = ", ".join(map(repr, names[:8]))
    rest = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f" Allowed: {shown}{rest}." if names else " There is none."


def _nearest(name: str, names: list[str], most: int) -> list[str]:
    """Names that end in the given one (`seed` for `config.seed`), then those about as close in spelling as the best."""
    tails = [other for other in names if other.endswith(f".{name}")]
    close = difflib.get_close_matches(name, set(names) - set(tails), n=most, cutoff=0.7)
    best = max((_likeness(name, other) for other in close), default=0.0)
    return (tails + [other for other in close if _likeness(name, other) > best - 0.05])[:most]


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, other, name).ratio()


def user_stacklevel() -> int:
    """The `stacklevel` that makes a warning point at the first line outside this package."""
    package = __name__.rpartition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", ""), package):
        frame, level = frame.f_back, level + 1
    return level


def _is_inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")
