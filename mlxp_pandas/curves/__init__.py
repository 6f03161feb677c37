# SPDX-License-Identifier: MIT
"""The room of metrics files: what they hold on disk -> curves, and what is wrong with them.

Lines of JSON are read in `jsonlines`, the files of runs in `logs`.
"""

from __future__ import annotations

from .jsonlines import Log, parse
from .logs import STEP_KEYS, Curves, find_log, forget, problems_of, read_curves, read_last, read_log

__all__ = ["STEP_KEYS", "Curves", "Log", "find_log", "forget", "parse", "problems_of"]
__all__ += ["read_curves", "read_last", "read_log"]
