# SPDX-License-Identifier: MIT
"""The room of runs: a log folder -> one row a run, through an index of what was read before -> the frame.

`row` understands the files of a run, and puts runs that share columns into blocks; `index` keeps blocks on disk, `scan`
reads what changed, `frame` types it.

A first scan reads five small files and lists two folders a run; of files that are like those before, only the lines
that differ are parsed. The next scan looks at six stamps a run and opens nothing; what changed is read again.
`refresh=False` reads the index alone. Where the disk makes every call wait, runs are read by several threads; the
result never depends on it.

**The index never lies.** It is a cache, written beside and put in place whole, with a checksum. A damaged, foreign or
older one is named and not used; what changed less than two seconds before it was read is read again. One that came
along with a copied folder is made anew. Delete it whenever you like. Without permission to write there is a warning
that names `dst_dir`, and the same answer.

A catalogue of metrics that is whole is believed. Where it is missing, damaged or empty, the rows themselves are read,
up to 64 MiB of a log (`mlxp_pandas.runs.catalogues.MAX_UNCATALOGUED`). One run has at most 20,000 metrics
(`mlxp_pandas.runs.catalogues.MAX_COLUMNS`).
"""

from __future__ import annotations

from .frame import to_frame
from .row import Block, Row, RowReader
from .scan import progress_bar, scan

__all__ = ["Block", "Row", "RowReader", "progress_bar", "scan", "to_frame"]
