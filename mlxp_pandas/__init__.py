# SPDX-License-Identifier: MIT
"""Read folders of MLXP logs into pandas, and compare their runs: `read_runs(path)` and `df.mlxp`.

Importing the package registers the accessor `mlxp` on every DataFrame, imports nothing optional, and sets one option of
pandas: frames in notebooks show texts between dollar signs as they are, since MathJax would act on them.
"""

from __future__ import annotations

import pandas as _pandas

from .accessor import CurveAccessor, RunsAccessor
from .artifacts import register_artifact_type
from .cells import Artifact, ArtifactDtype, Artifacts, Metric, MetricDtype
from .errors import (
    ArtifactError,
    ArtifactNotFoundError,
    EmptyLogsWarning,
    IndexWarning,
    InvalidMapError,
    InvalidOptionError,
    LogsNotFoundError,
    LogsUnreadableError,
    MetricError,
    MissingDependencyError,
    MlxpPandasError,
    MlxpPandasWarning,
    NoCurvesError,
    NotALogsFolderError,
    ProblemsWarning,
    QueryError,
    QuerySyntaxError,
    UnknownColumnError,
    UnknownGroupError,
    UntrustedArtifactError,
)
from .groups import RunGroups
from .reader import Reader, read_runs
from .stats import RunTable

__version__ = "0.1.0"

_pandas.set_option("display.html.use_mathjax", False)

__all__ = [
    "Artifact",
    "ArtifactDtype",
    "ArtifactError",
    "ArtifactNotFoundError",
    "Artifacts",
    "CurveAccessor",
    "EmptyLogsWarning",
    "IndexWarning",
    "InvalidMapError",
    "InvalidOptionError",
    "LogsNotFoundError",
    "LogsUnreadableError",
    "Metric",
    "MetricDtype",
    "MetricError",
    "MissingDependencyError",
    "MlxpPandasError",
    "MlxpPandasWarning",
    "NoCurvesError",
    "NotALogsFolderError",
    "ProblemsWarning",
    "QueryError",
    "QuerySyntaxError",
    "Reader",
    "RunGroups",
    "RunTable",
    "RunsAccessor",
    "UnknownColumnError",
    "UnknownGroupError",
    "UntrustedArtifactError",
    "__version__",
    "read_runs",
    "register_artifact_type",
]


def __dir__() -> list[str]:
    return __all__
