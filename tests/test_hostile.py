# SPDX-License-Identifier: MIT
"""Every hostile case keeps every promise: read in a process of its own, within bounds of time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hostile import CASES, CLASSES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, links and pipes of Linux")

Outcomes = dict[str, str]

SECONDS = 1200  # for the cases of one group
N_GROUPS = 8  # processes that the cases are spread over: with pytest-xdist, several at a time
GROUPS = {
    name: f"nobody {place % 2}" if case.as_nobody else f"{place % N_GROUPS}"
    for place, (name, case) in enumerate(CASES.items())
}


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """What is broken in a case; the selected cases of its group are read together."""
    selected = [
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "module", None) is request.module and hasattr(item, "callspec")
    ]
    found: Outcomes = {}

    def outcome(name: str) -> str:
        if name not in found:
            found.update(_outcomes([other for other in selected if GROUPS[other] == GROUPS[name]]))
        return found[name]

    return outcome


def _outcomes(names: list[str]) -> Outcomes:
    """Run cases in one process; in another one from the next case on, when one of them ends the process."""
    found: Outcomes = {}
    while len(found) < len(names):
        rest = [name for name in names if name not in found]
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            said, died = _run(Path(folder), rest)
        for name, *broken in said:
            found[name] = broken[0] if broken else died
        if not said:
            return found | dict.fromkeys(rest, died)
    return found


def _run(folder: Path, names: list[str]) -> tuple[list[list[str]], str]:
    folder.chmod(0o777)  # a user who is nobody works there too
    user = ["--as-nobody"] if CASES[names[0]].as_nobody else []
    command = [sys.executable, "-m", "tests.promises", str(folder), *user]
    root = Path(__file__).parent.parent
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    options: dict[str, Any] = {"capture_output": True, "text": True, "cwd": root, "env": environment}
    done = subprocess.run(command, check=False, input=json.dumps(names), timeout=SECONDS, **options)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines, f"the process ended with {done.returncode}: {done.stderr[-4000:]}"


@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(GROUPS[name])) for name in CASES])
def test_a_hostile_case_keeps_every_promise(name: str, outcomes: Callable[[str], str]) -> None:
    broken = outcomes(name)
    assert not broken, broken


def test_there_are_enough_cases_and_no_name_is_used_twice() -> None:
    assert len(CASES) == sum(map(len, CLASSES.values()))
    assert len(CASES) >= 150
