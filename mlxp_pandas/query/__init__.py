# SPDX-License-Identifier: MIT
"""Queries: a text such as `config.lr < 0.1 & info.status == 'COMPLETE'` in, the rows that it selects out.

`grammar` checks the text, `evaluate` hands `DataFrame.query` one of our own, `columns` finds what it names.

What a run without the value is to a comparison, `missing=` of `df.mlxp.filter` says:

- `"drop"`, the default, is MLXP's sense, and SQL's: such a run satisfies no comparison, `!=` and `not in` included.
  `not (...)` and `~` turn the outcome, so that they keep it.
- `"keep"` is pandas' sense: NaN `!= x` is true. `"raise"` is an error that names the runs.
- `x == None` and `x != None` test for absence in every mode. A comparison that a type does not support
  (`'auto' < 4`) is no match; with `"raise"` an error.

Limits of a query: 500,000 characters, brackets 100 deep, 2,500 terms in one sum.
"""

from __future__ import annotations

from .evaluate import filter_rows, selected_rows
from .grammar import local_names, names

__all__ = ["filter_rows", "local_names", "names", "selected_rows"]
