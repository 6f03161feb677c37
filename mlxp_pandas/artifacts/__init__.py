# SPDX-License-Identifier: MIT
"""The artifacts of a run: which there are, and what a file of one becomes.

Nothing that a log says is executed, imported or built without the caller's trust. `load` says what trust is.

Without trust, a load ends within about two seconds of CPU and 1.5 GB of memory, whatever the file holds (a torch file
is bounded in size; what its pickle builds, torch bounds). The limits:

===============================================  =====================================================
limit of one load                                to raise it
===============================================  =====================================================
512 MiB of a file, or unpacked; images 128 MiB   `mlxp_pandas.artifacts.load.MAX_BYTES = ...`
10 million values in plain pickles: a number is  `mlxp_pandas.artifacts.pickleguard.MAX_VALUES = ...`
one, 8 bytes of text are one, a container ten
200 nested levels, 1,000 parts of one key,       `trust=True`
128 MiB of bytes copied
256 MiB of a pickle of an array of objects       `loader=`
25 million pixels                                `mlxp_pandas.artifacts.arrays.MAX_PIXELS = ...`
10,000 members of an archive, no two of a name   `loader=numpy.load`
===============================================  =====================================================
"""

from __future__ import annotations

from .catalogue import ArtifactFolder, Catalogue, artifact_columns, list_artifacts, read_artifacts
from .load import load_artifact, register_artifact_type

__all__ = ["ArtifactFolder", "Catalogue", "artifact_columns", "list_artifacts", "load_artifact", "read_artifacts"]
__all__ += ["register_artifact_type"]
