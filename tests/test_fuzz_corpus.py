# SPDX-License-Identifier: MIT
"""What fuzzing has found, and the seeds of each target, without the fuzzer."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.fuzz import TARGETS

CORPUS = Path(__file__).parent / "fuzz" / "corpus"
FOUND = [(path.parent.name, path) for path in sorted(CORPUS.glob("*/*"))]


@pytest.mark.parametrize(("target", "path"), FOUND, ids=[f"{target}-{path.stem}" for target, path in FOUND])
def test_what_was_found(target: str, path: Path) -> None:
    importlib.import_module(f"tests.fuzz.{target}").check(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_seeds(target: str) -> None:
    module = importlib.import_module(f"tests.fuzz.{target}")
    for seed in module.SEEDS:
        module.check(seed)


def test_every_folder_of_the_corpus_has_a_target() -> None:
    assert {target for target, _ in FOUND} <= set(TARGETS)
