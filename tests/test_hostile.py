# SPDX-License-Identifier: MIT
"""Every hostile case keeps every promise: read in a process of its own, within bounds of time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.hostile import CASES, CLASSES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, links and pipes of Linux")

Outcomes = dict[str, str]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """What is broken in each of the cases that were selected."""
    names = [
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "module", None) is request.module and hasattr(item, "callspec")
    ]
    nobodys = [name for name in names if CASES[name].as_nobody]
    mine = [name for name in names if not CASES[name].as_nobody]
    parts = [mine[::2], mine[1::2], nobodys]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, ThreadPoolExecutor(2) as pool:
        os.chmod(folder, 0o777)  # a user who is nobody works there too
        found = pool.map(lambda part: _outcomes(Path(folder), part), parts)
        yield {name: broken for part in found for name, broken in part.items()}


def _outcomes(folder: Path, names: list[str]) -> Outcomes:
    """Run cases in one process; in another one from the next case on, when one of them ends the process."""
    found: Outcomes = {}
    while len(found) < len(names):
        rest = [name for name in names if name not in found]
        said, died = _run(Path(tempfile.mkdtemp(dir=folder)), rest)
        for name, *broken in said:
            found[name] = broken[0] if broken else died
        if not said:
            return found | dict.fromkeys(rest, died)
    return found


def _run(folder: Path, names: list[str]) -> tuple[list[list[str]], str]:
    folder.chmod(0o777)
    options = ["--as-nobody"] if CASES[names[0]].as_nobody else []
    command = [sys.executable, "-m", "tests.promises", str(folder), *options]
    root = Path(__file__).parent.parent
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, check=False, input=json.dumps(names), capture_output=True, text=True, cwd=root, env=environment
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines, f"the process ended with {done.returncode}: {done.stderr[-4000:]}"


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_case_keeps_every_promise(name: str, outcomes: Outcomes) -> None:
    assert not outcomes[name], outcomes[name]


def test_there_are_enough_cases_and_no_name_is_used_twice() -> None:
    assert len(CASES) == sum(map(len, CLASSES.values()))
    assert len(CASES) >= 150
