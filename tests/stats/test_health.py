# SPDX-License-Identifier: MIT
"""The state of runs; of damaged ones in `tests/test_hostile.py`, of live ones in `tests/test_live.py`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.errors import InvalidOptionError
from tests.handmade import INFO, read, rows, write_run


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A run that ended, one that ended before it began, and one that says RUNNING, last written in 2001."""
    write_run(tmp_path, 1, {}, train=rows([3.0, np.nan], [10, 20]))
    write_run(tmp_path, 2, {}, train=rows([1.0]))
    write_run(tmp_path, 3, {}, train=rows([2.0, 1.0], [7, 7]))
    (tmp_path / "2" / "metadata" / "info.yaml").write_text(INFO.replace("02:00:00", "00:30:00"))
    (tmp_path / "3" / "metadata" / "info.yaml").write_text("status: RUNNING\nstart_date: 5\n")
    for path in (tmp_path / "3").rglob("*.*"):
        os.utime(path, (1e9, 1e9))
    return tmp_path


def test_times_and_steps(logs: Path) -> None:
    health = read(logs).mlxp.health()
    assert health["status"].tolist() == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert health["stale"].tolist() == [False, False, True]
    assert health["duration"].dt.total_seconds().tolist()[:2] == [3600, 0]
    assert pd.isna(health.loc[3, "duration"])
    assert health.loc[3, "last_write"] == pd.Timestamp.fromtimestamp(1e9)
    assert health["first_nan_step"].tolist() == [20, pd.NA, pd.NA]
    assert health["repeated_steps"].tolist() == [0, 0, 1]
    assert health["n_steps.train"].tolist() == [2, 1, 2]
    assert health["n_problems"].tolist() == [0, 0, 0]


def test_any_index(logs: Path) -> None:
    runs = read(logs)
    twice = pd.concat([runs, runs])
    pd.testing.assert_frame_equal(twice.mlxp.health(), pd.concat([runs.mlxp.health()] * 2))
    assert runs.iloc[:0].mlxp.health().empty


@pytest.mark.parametrize("stale", ["soon", None, "-2h", [1]])
def test_how_long_is_a_length_of_time(logs: Path, stale: object) -> None:
    with pytest.raises(InvalidOptionError, match="is no length of time, such as '2h'"):
        read(logs).mlxp.health(stale)


def test_the_folders_are_known_from_the_columns(logs: Path) -> None:
    runs = read(logs)
    with pytest.raises(InvalidOptionError, match="The folders of these runs are not known"):
        runs[["info.status"]].mlxp.health()
    loaded = runs.astype({"train.loss": object})[["train.loss"]]
    loaded.loc[2, "train.loss"] = np.nan
    assert loaded.mlxp.health()["status"].tolist() == ["COMPLETE", "COMPLETE", "RUNNING"]
