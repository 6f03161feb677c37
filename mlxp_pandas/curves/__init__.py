# SPDX-License-Identifier: MIT
"""The room of metrics files: what they hold on disk -> curves, and what is wrong with them.

Lines of JSON are read in `jsonlines`, the files of runs in `logs`.
"""

from __future__ import annotations

from .jsonlines import Log, keys_of
from .logs import (
    STEP_KEYS,
    Curves,
    find_log,
    forget,
    incomplete_logs,
    places_of,
    problems_of,
    read_curves,
    read_last,
    read_log,
    unlisted_problems,
)

__all__ = ["STEP_KEYS", "Curves", "Log", "find_log", "forget", "incomplete_logs", "keys_of", "places_of"]
__all__ += ["problems_of", "read_curves", "read_last", "read_log", "unlisted_problems"]
