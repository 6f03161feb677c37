# SPDX-License-Identifier: MIT
"""The room of cells: columns of metrics and artifacts that stand for what is on disk, and read it when asked."""

from __future__ import annotations

from .artifact import Artifact, ArtifactArray, ArtifactDtype, Artifacts
from .lazy import LazyCell, LazyDtype
from .metric import Metric, MetricArray, MetricDtype, load_columns, load_curves

__all__ = ["Artifact", "ArtifactArray", "ArtifactDtype", "Artifacts", "LazyCell", "LazyDtype", "Metric", "MetricArray"]
__all__ += ["MetricDtype", "load_columns", "load_curves"]
