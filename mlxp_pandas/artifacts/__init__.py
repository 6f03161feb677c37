# SPDX-License-Identifier: MIT
"""The artifacts of a run: which there are, and what a file of one becomes.

Nothing that a log says is executed, imported or built without the caller's trust.
"""

from __future__ import annotations

from .catalogue import ArtifactFolder, Catalogue, artifact_columns, list_artifacts, read_artifacts
from .load import load_artifact, register_artifact_type

__all__ = ["ArtifactFolder", "Catalogue", "artifact_columns", "list_artifacts", "load_artifact", "read_artifacts"]
__all__ += ["register_artifact_type"]
