# SPDX-License-Identifier: MIT
"""Fuzz targets: a module each, with `SEEDS` and a plain function `check(data)` that raises where a promise is broken.

`python -m tests.fuzz TARGET` runs one with atheris; `tests/test_fuzz_corpus.py` runs what was once found, without it.
"""

from __future__ import annotations

__all__ = ["TARGETS"]

TARGETS = ("jsonlines", "unpickle", "templates", "query", "index")
