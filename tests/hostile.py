# SPDX-License-Identifier: MIT
"""The generator of hostile log folders: each has two healthy runs, a damaged one between them, and what is expected.

`python -m tests.hostile FOLDER` writes them all there, to be looked at; `tests/test_hostile.py` reads them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlxp_pandas.testing import make_runs
from tests.damage import Case, catalogues, display, file_system, metric_lines, yaml_files

__all__ = ["CASES", "CLASSES", "build"]

CLASSES = {
    "metric lines": metric_lines.CASES,
    "YAML": yaml_files.CASES,
    "file system": file_system.CASES,
    "catalogues and artifacts": catalogues.CASES,
    "display": display.CASES,
}

CASES: dict[str, Case] = {case.name: case for cases in CLASSES.values() for case in cases}


def build(case: Case, folder: Path) -> Path:
    """Write a case: the log folder, which others may write to as well, with a folder `outside` beside it."""
    logs = make_runs(folder / "logs", 3, n_steps=4)
    (folder / "outside").mkdir()
    logs.chmod(0o777)
    case.damage(logs / "2")
    return logs


if __name__ == "__main__":
    for number, one in enumerate(CASES.values()):
        build(one, Path(sys.argv[1], f"{number:03}"))
