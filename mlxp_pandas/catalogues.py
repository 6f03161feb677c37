# SPDX-License-Identifier: MIT
"""MLXP's hidden catalogues of metrics -> column names."""

from __future__ import annotations

from typing import Any

from .artifacts import Catalogue
from .yamltree import load_mapping

__all__ = ["metric_columns"]


def metric_columns(log: str, data: bytes) -> Catalogue:
    """The columns `<log>.<key>` that `metrics/.keys/<log>.yaml` lists."""
    if not data.strip():
        return Catalogue((), (), False)
    keys, faults = load_mapping(data)
    columns = tuple(dict.fromkeys(f"{log}.{_as_in_rows(key)}" for key in keys))
    return Catalogue(columns, faults, bool(columns) and not faults and data.endswith(b"\n"))  # as MLXP ends it


def _as_in_rows(key: Any) -> str:
    """A key as JSON writes it, which is not as Python does for three of them."""
    return str(key).lower().replace("none", "null") if key is None or isinstance(key, bool) else str(key)
