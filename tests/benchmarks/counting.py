# SPDX-License-Identifier: MIT
"""The system calls that a read makes under the run directories, counted by strace."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .measure import ROOT, Lab, Reach, Row, Skipped, benchmark, figure
from .scanning import indexed

_READ = "import sys, mlxp_pandas; mlxp_pandas.read_runs(sys.argv[1], refresh=eval(sys.argv[2]))"


@benchmark
def counted(lab: Lab) -> Iterator[Row]:
    n_runs = lab.scaled(10_000)
    path = indexed(lab.runs(n_runs))
    cold = _calls(lab, path, "True")
    yield figure("system calls under the run directories, cold", "", len(cold) / n_runs, Reach(28, "/run"))
    calls = _calls(lab, path, "None")
    opened = [call for call in calls if call.startswith("open")]
    yield figure("system calls under the run directories, warm", "", len(calls) / n_runs, Reach(6, "/run"))
    yield figure("files of the runs opened, warm", "", len(opened), Reach(0, ""))
    believed = _calls(lab, path, "False")
    yield figure("system calls under the run directories, refresh=False", "", len(believed), Reach(0, ""))


def _calls(lab: Lab, path: Path, refresh: str) -> list[str]:
    """The calls that name, or have open, something in the folder of a run."""
    strace = shutil.which("strace")
    if strace is None:
        raise Skipped("strace is not installed")
    trace = lab.folder / "strace.txt"
    # -y shows the path of each open file, so that a read or an fstat counts as well
    command = [strace, "-f", "-y", "-e", "trace=%file,%desc", "-o", str(trace), sys.executable, "-c", _READ]
    subprocess.run([*command, str(path), refresh], cwd=ROOT, check=True, timeout=600)
    under_a_run = re.compile(re.escape(str(path)) + r"/[0-9]+[/\">]")
    lines = trace.read_text(errors="replace").splitlines()
    return [line.split(maxsplit=1)[1] for line in lines if under_a_run.search(line)]
