# SPDX-License-Identifier: MIT
"""Every bomb is refused with our own error, within two seconds of CPU and 1.5 GB of memory."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mlxp_pandas.testing import make_runs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and peaks of memory as Linux tells them")
bombs = pytest.importorskip("tests.artifacts.bombs", reason="needs the module resource", exc_type=ImportError)

SECONDS = 2
BYTES = 1_500_000_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A process that has imported everything and loads what it is told, each in a child of its own."""
    logs = make_runs(tmp_path_factory.mktemp("bombs") / "logs", 1)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.artifacts.bombs", str(logs)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_bomb_is_refused(server: subprocess.Popen[str], name: str) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    print(name, file=server.stdin, flush=True)
    assert select.select([server.stdout], [], [], 90)[0], "it takes longer than 90 seconds"
    said, seconds, memory = json.loads(server.stdout.readline())
    assert re.match(r"(Untrusted)?ArtifactError: ", said), said
    assert re.search(bombs.BOMBS[name][1], said), said
    assert seconds <= SECONDS
    assert memory <= BYTES
