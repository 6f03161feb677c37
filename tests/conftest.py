# SPDX-License-Identifier: MIT
"""The logs that the tests read: one real MLXP sweep a session, copies of it, and MLXP's own Reader as the oracle."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.sweep import run_sweep

# A busy machine is no reason to fail; and what fails in CI fails again at the same example.
settings.register_profile("mlxp_pandas", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("mlxp_pandas")

# A script for MLXP's launcher, no module: importing it would install MLXP's signal handlers.
collect_ignore = ["sweep/main.py"]

_INDEX = shutil.ignore_patterns("mlxp_pandas.index")  # a copy is another folder, which an index notices


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The logs of MLXP's tutorial, 18 runs written by MLXP itself. Shared by all tests: read only; see `sweep_copy`."""
    return run_sweep(tmp_path_factory.mktemp("sweep"))


@pytest.fixture
def sweep_copy(sweep: Path, tmp_path: Path) -> Path:
    """A copy of the sweep's logs that the test may change."""
    return Path(shutil.copytree(sweep, tmp_path / "logs", ignore=_INDEX))


@pytest.fixture(scope="session")
def oracle(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """MLXP's own Reader over a copy of the sweep; what it prints is swallowed."""
    mlxp = pytest.importorskip("mlxp")
    logs = shutil.copytree(sweep, tmp_path_factory.mktemp("oracle") / "logs", ignore=_INDEX)
    with contextlib.redirect_stdout(io.StringIO()):
        reader = mlxp.Reader(str(logs), refresh=True)
    yield reader
    reader.database.close()
