# SPDX-License-Identifier: MIT
"""The room of runs: a log folder -> one row a run, through an index of what was read before -> the frame.

`gather` reads the files of a run, `row` understands them, `blocks` keep them in columns, `frame` gives these types.
"""

from __future__ import annotations

from .frame import to_frame
from .gather import gather
from .progress import ProgressBar
from .row import Row, RowReader
from .scan import scan

__all__ = ["ProgressBar", "Row", "RowReader", "gather", "scan", "to_frame"]
