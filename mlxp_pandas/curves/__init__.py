# SPDX-License-Identifier: MIT
"""The room of metrics files: what they hold on disk -> curves, and what is wrong with them.

Lines of JSON are read in `jsonlines`, the files of runs in `logs`: each is opened and parsed once, whatever the number
of its keys that are asked for. Last values are read from the last 4 KB of a file, where that holds them.

A bad line costs itself and is named, with its number. A whole row behind a torn start, as resumed runs leave it, is
read. Limits: 1 GiB a file (`mlxp_pandas.curves.logs.MAX_LOG_BYTES`); of a line 32 MiB, 1,000 rows, 200 nested levels,
and 4,300 digits of an integer (one with more is NaN). Keys that the rows have and the catalogue of the log lacks are no
columns; `df.mlxp.health()` names them.
"""

from __future__ import annotations

from .jsonlines import Log, counted, parse
from .logs import STEP_KEYS, Curves, find_log, forget, problems_of, read_curves, read_last, read_log

__all__ = ["STEP_KEYS", "Curves", "Log", "counted", "find_log", "forget", "parse", "problems_of"]
__all__ += ["read_curves", "read_last", "read_log"]
