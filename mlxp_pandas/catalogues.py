# SPDX-License-Identifier: MIT
"""MLXP's hidden catalogues of metrics -> column names."""

from __future__ import annotations

from .artifacts import Catalogue
from .yamltree import load_mapping, text_of_key

__all__ = ["metric_columns"]


def metric_columns(log: str, data: bytes) -> Catalogue:
    """The columns `<log>.<key>` that `metrics/.keys/<log>.yaml` lists."""
    if not data.strip():
        return Catalogue((), (), False)
    keys, faults = load_mapping(data)
    columns = tuple(dict.fromkeys(f"{log}.{text_of_key(key)}" for key in keys))
    return Catalogue(columns, faults, bool(columns) and not faults and data.endswith(b"\n"))  # as MLXP ends it
