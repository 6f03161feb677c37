# SPDX-License-Identifier: MIT
"""The room of the disk: which runs a folder holds, their files read within bounds, their YAML as plain values.

What is wrong with a file is a `Problem`, and nothing that a file says is executed.

Logs are written by processes that get killed, on network disks, by several people, while they are read; some come from
a stranger. What holds for every folder:

- **One bad run costs nothing else.** All other runs load as if it were not there, and so do the healthy parts of the
  bad one: its other files, its other keys, its other lines.
- **Nothing is lost in silence.** Each loss is a row of `Reader(path).problems`; one call gives one warning for all.
  What only a metrics file shows is said when its curves are loaded. A torn last line of a run that is RUNNING is no
  problem, and healthy logs are never warned about.
- **Nothing is executed**, imported or built because a log says so, without an explicit call.
- **Nothing outside.** No name in a file leads out of its run, and links out of the log folder are refused. A run's
  folder may itself be a link to a run, if it was one when the frame was made.
- **Bounded.** No file makes a load hang, crash or take all memory. Over one of these limits, it is a problem:

================================================  ============================================
limit of one YAML file                            kept in, to be set there
================================================  ============================================
32 MiB                                            `mlxp_pandas.disk.gathering.MAX_YAML_BYTES`
20,000 keys; 200,000 values, aliases written out  `mlxp_pandas.disk.tree.MAX_KEYS`; `MAX_NODES`
200 nested levels; 32 Mi characters               `mlxp_pandas.disk.tree.MAX_DEPTH`; `MAX_CHARACTERS`
10,000 characters of a name of a column           `mlxp_pandas.disk.tree.MAX_NAME`
10,000 entries of one folder of a run             `mlxp_pandas.disk.gathering.MAX_FILES`
================================================  ============================================

After one was raised, `read_runs(path, refresh=True)` reads what was refused. The levels are bounded for a reason: some
versions of PyYAML end the interpreter at about 25,000.
"""

from __future__ import annotations

from .files import FileProblem, Problem, ordered_map, others_claim, read_bytes, read_end, read_parts, reason_of, warn_of
from .folder import RunDir, find_runs, linked_runs, names_in, runs_below
from .gathering import ARTIFACT_KEYS, ARTIFACTS, CONFIG, INFO, LOG_KEYS, MAX_FILES, METRICS, Gathered, gather, signature
from .tree import MAX_NAME, Fault, Flat, construct, flatten, load_mapping, text_of_key

__all__ = ["ARTIFACTS", "ARTIFACT_KEYS", "CONFIG", "INFO", "LOG_KEYS", "MAX_FILES", "MAX_NAME", "METRICS", "Fault"]
__all__ += ["FileProblem", "Flat", "Gathered", "Problem", "RunDir", "construct", "find_runs", "flatten"]
__all__ += ["gather", "linked_runs", "load_mapping", "names_in", "ordered_map", "others_claim", "read_bytes"]
__all__ += ["read_end", "read_parts", "reason_of", "runs_below", "signature", "text_of_key", "warn_of"]
