# SPDX-License-Identifier: MIT
"""The room of cells: columns of metrics and artifacts that stand for what is on disk, and read it when asked."""

from __future__ import annotations

from .artifact import Artifact, ArtifactArray, ArtifactDtype, Artifacts
from .lazy import LazyCell, LazyDtype
from .metric import SEE, Curve, Metric, MetricArray, MetricDtype, load_columns, read_cells

__all__ = ["SEE", "Artifact", "ArtifactArray", "ArtifactDtype", "Artifacts", "Curve", "LazyCell", "LazyDtype", "Metric"]
__all__ += ["MetricArray", "MetricDtype", "load_columns", "read_cells"]
