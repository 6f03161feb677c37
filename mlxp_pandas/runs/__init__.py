# SPDX-License-Identifier: MIT
"""The room of runs: a log folder -> one row a run, through an index of what was read before -> the frame.

`row` understands the files of a run, `blocks` keep rows in columns, `index` keeps blocks on disk, `frame` types them.
"""

from __future__ import annotations

from .frame import to_frame
from .progress import progress_bar
from .row import Row, RowReader
from .scan import scan

__all__ = ["Row", "RowReader", "progress_bar", "scan", "to_frame"]
