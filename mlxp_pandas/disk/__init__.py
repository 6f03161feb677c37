# SPDX-License-Identifier: MIT
"""The room of the disk: which runs a folder holds, their files read within bounds, their YAML as plain values.

What is wrong with a file is a `Problem`, and nothing that a file says is executed.
"""

from __future__ import annotations

from .files import FileProblem, Problem, others_claim, read_bytes, read_parts, read_tail, reason_of, warn_of
from .folder import RunDir, find_runs, linked_runs, runs_below
from .gathering import ARTIFACT_KEYS, ARTIFACTS, CONFIG, INFO, LOG_KEYS, MAX_FILES, METRICS, Gathered, gather, signature
from .pool import ordered_map
from .tree import MAX_NAME, Fault, Flat, construct, flatten, load_mapping, text_of_key

__all__ = ["ARTIFACTS", "ARTIFACT_KEYS", "CONFIG", "INFO", "LOG_KEYS", "MAX_FILES", "MAX_NAME", "METRICS", "Fault"]
__all__ += ["FileProblem", "Flat", "Gathered", "Problem", "RunDir", "construct", "find_runs", "flatten"]
__all__ += ["gather", "linked_runs", "load_mapping", "ordered_map", "others_claim", "read_bytes", "read_parts"]
__all__ += ["read_tail", "reason_of", "runs_below", "signature", "text_of_key", "warn_of"]
