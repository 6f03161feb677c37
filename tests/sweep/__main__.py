# SPDX-License-Identifier: MIT
"""`python -m tests.sweep [FOLDER]`: a real MLXP sweep, and the answers of MLXP's tutorial about it in the terminal."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mlxp_pandas
from tests.sweep import SWEEP, run_sweep

UNITS, RATE, SEED = "config.model.num_units", "config.optimizer.lr", "config.seed"


def main(arguments: Sequence[str]) -> None:
    """Sweep into the folder, or into a new one, and ask."""
    folder = Path(arguments[0]) if arguments else Path(tempfile.mkdtemp(prefix="mlxp_sweep_"))
    folder.mkdir(parents=True, exist_ok=True)
    show(f"A sweep with MLXP, in {folder}", f"python main.py {' '.join(SWEEP)}")
    runs = mlxp_pandas.read_runs(run_sweep(folder))
    overview(runs)
    queries(runs)
    winners(runs)


def overview(runs: pd.DataFrame) -> None:
    """Runs, fields, what varies, and one run from near."""
    show("How many runs?  len(runs)", len(runs))
    show("What do they hold?  runs.mlxp.fields", runs.mlxp.fields)
    show("What did the sweep vary?  runs.mlxp.diff()", runs.mlxp.diff())
    show("The curve of one run:  runs.loc[1, 'train.loss'][:]", runs.loc[1, "train.loss"][:])
    checkpoint = runs.loc[1, "artifact.pickle."]["last_ckpt.pkl"].load()
    show("Its checkpoint:  runs.loc[1, 'artifact.pickle.']['last_ckpt.pkl'].load()", checkpoint)


def queries(runs: pd.DataFrame) -> None:
    """The tutorial's query, and the table that `runs` prints itself as."""
    query = "info.status == 'COMPLETE' & config.model.num_units < 4"
    found = runs.mlxp.filter(query)
    show(f'Which runs?  runs.mlxp.filter("{query}")', found[[UNITS, RATE, SEED, "train.loss", "artifact.pickle."]])


def winners(runs: pd.DataFrame) -> None:
    """The tutorial's last example: the best learning rate of each model by its mean training loss."""
    groups = runs.mlxp.groupby([UNITS, RATE])
    trained = groups.aggregate((mean, "train.loss"))
    best = trained.mlxp.filter((argmin, "fmean.train.loss"), bygroups=[UNITS])
    tested = groups.select(best.index).aggregate((mean, "test.loss"))
    final = trained["fmean.train.loss"].map(last).unstack(RATE)
    show("Mean training loss after the last epoch, over the seeds", final)
    answer = pd.DataFrame({"train.loss": best["fmean.train.loss"].map(last), "test.loss": tested.iloc[:, 0].map(last)})
    show("The best learning rate of each model, and its mean test loss", answer)


def mean(curves: list[Any]) -> Any:
    """MLXP's tutorial's: the mean over the runs, step by step."""
    return np.mean(curves, axis=0)


def argmin(curves: list[Any]) -> Any:
    """MLXP's tutorial's: which curves end lowest."""
    ends = np.array(curves)[:, -1]
    return ends == ends.min()


def last(curve: Any) -> float:
    """The value after the last epoch."""
    return float(curve[-1])


def show(title: str, answer: object) -> None:
    """Print one question with its answer."""
    print(f"\n# {title}\n{answer}")


if __name__ == "__main__":
    with pd.option_context("display.width", 120, "display.max_columns", 20, "display.max_rows", 60):
        main(sys.argv[1:])
