# SPDX-License-Identifier: MIT
"""Run a fuzz target with atheris (the extra `fuzz`): `python -m tests.fuzz TARGET [--minutes N] [--folder DIR]`.

What it learns and what it finds is kept in the folder. Options of libFuzzer go after `--`. Run it in a process of low
priority: `nice -n 19`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import atheris

from . import TARGETS

with atheris.instrument_imports(include=["mlxp_pandas"]):
    for module in ("disk", "curves", "artifacts", "runs", "query"):
        importlib.import_module(f"mlxp_pandas.{module}")

CORPUS = Path(__file__).parent / "corpus"
LONGEST = {
    "index": 24_000,
    "query": 600,
    "jsonlines": 1_000,
    "templates": 1_000,
    "unpickle": 1_500,
}  # bytes of an input


def main(arguments: Sequence[str]) -> None:
    """Fuzz until the minutes are over or something is found."""
    options, rest = _parser().parse_known_args(arguments)
    target = importlib.import_module(f".{options.target}", __package__)
    folder = options.folder / options.target
    (folder / "learned").mkdir(parents=True, exist_ok=True)
    (folder / "seeds").mkdir(exist_ok=True)
    for number, seed in enumerate(target.SEEDS):
        (folder / "seeds" / f"{number:03}").write_bytes(seed)
    found = CORPUS / options.target
    limits = ["-rss_limit_mb=2048", "-timeout=20", "-len_control=0", f"-max_len={LONGEST[options.target]}"]
    time = [f"-max_total_time={int(60 * options.minutes)}", f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    folders = [str(folder / "learned"), str(folder / "seeds"), *([str(found)] if found.is_dir() else [])]
    atheris.Setup([sys.argv[0], *limits, *time, *(part for part in rest if part != "--"), *folders], target.check)
    atheris.Fuzz()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "mlxp_pandas-fuzz")
    return parser


main(sys.argv[1:])
