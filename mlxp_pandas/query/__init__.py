# SPDX-License-Identifier: MIT
"""Queries: a text such as `config.lr < 0.1 & info.status == 'COMPLETE'` in, the rows that it selects out.

`grammar` checks the text, `evaluate` hands `DataFrame.query` one of our own, `columns` finds what it names.
"""

from __future__ import annotations

from .evaluate import filter_rows, selected_rows
from .grammar import local_names, names

__all__ = ["filter_rows", "local_names", "names", "selected_rows"]
