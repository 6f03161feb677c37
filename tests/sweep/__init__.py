# SPDX-License-Identifier: MIT
"""A small real MLXP project and the sweep of MLXP's tutorial over it: 18 runs in a few seconds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["SWEEP", "run_sweep"]

# The options after the swept ones keep MLXP from asking questions and from copying a git repository.
SWEEP = (
    "model.num_units=2,3,4",
    "optimizer.lr=10.,1.",
    "seed=1,2,3",
    "+mlxp.use_version_manager=False",
    "+mlxp.interactive_mode=False",
)


def run_sweep(folder: Path, overrides: tuple[str, ...] = SWEEP) -> Path:
    """Copy the project into `folder`, launch it as a user would, and return the folder of its logs."""
    project = Path(__file__).parent
    shutil.copytree(project / "configs", folder / "configs", dirs_exist_ok=True)
    shutil.copy(project / "main.py", folder)
    command = [sys.executable, "main.py", *overrides]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=240
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return folder / "logs"
