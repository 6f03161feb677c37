# SPDX-License-Identifier: MIT
"""Steps beside values: what belongs together, and what does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.errors import InvalidOptionError, ProblemsWarning, UnknownColumnError
from mlxp_pandas.stats.points import curve_columns, log_curves, points_of, read_ends, shared_steps, steps_of
from tests.handmade import read, rows, write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    logs = tmp_path_factory.mktemp("logs")
    write_run(logs, 1, {"lr": 0.1}, train=rows([3.0, 1.0], [10, 20]), test=rows([9.0], [20]))
    write_run(logs, 2, {"lr": 1.0}, train=rows([2.0]), other=[{"loss": 1.0}])
    return read(logs)


def test_steps_are_resolved_once(runs):
    assert steps_of(runs, ["train.loss", "test.loss"], None) == {"train.loss": None, "test.loss": None}
    assert steps_of(runs, ["train.loss"], "train.epoch") == {"train.loss": "train.epoch"}
    assert steps_of(runs, ["train.loss", "test.loss"], "epoch") == {
        "train.loss": "train.epoch",
        "test.loss": "test.epoch",
    }


@pytest.mark.parametrize("kept", [["train.loss", "train.epoch"], ["train.loss"]])
def test_points_are_those_of_the_file(runs, kept):
    curve = points_of(runs[kept], {"train.loss": "train.epoch"})["train.loss"][0]
    assert (curve.steps.tolist(), curve.values.tolist()) == ([10, 20], [3, 1])


def test_two_logs_share_the_key_that_counts(runs):
    assert shared_steps(runs, "train.loss", "test.loss") == {"train.loss": "train.epoch", "test.loss": "test.epoch"}
    assert shared_steps(runs, "train.loss", "train.epoch") == {"train.loss": None, "train.epoch": None}
    assert shared_steps(runs, "train.loss", "other.loss") == {"train.loss": None, "other.loss": None}


def test_columns_and_logs(runs):
    assert set(curve_columns(runs)) == {"train.loss", "train.epoch", "test.loss", "test.epoch", "other.loss"}
    assert set(log_curves(runs, "train")) == {"train.loss", "train.epoch"}
    with pytest.raises(UnknownColumnError, match=r"no log 'tests'\. Did you mean 'test'"):
        log_curves(runs, "tests")


def test_ends(runs):
    ends = read_ends(runs, ["train.loss", "test.loss"])
    np.testing.assert_array_equal(ends["train.loss"], [1, 2])
    np.testing.assert_array_equal(ends["test.loss"], [9, np.nan])


def test_a_damaged_file_costs_one_warning(tmp_path):
    for log_id in (1, 2, 3):
        write_run(tmp_path, log_id, {"lr": 0.1}, train=rows([3.0, 1.0]))
    (tmp_path / "2" / "metrics" / "train.json").write_text('{"loss": 3.0, "epoch": 0}\n{"loss": 1.0, "ep\n')
    groups = read(tmp_path).mlxp.groupby([])
    with pytest.warns(ProblemsWarning, match="1 problem") as caught:
        table = groups.curves("train.loss", "train.epoch", error=None)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert table["n"].tolist() == [3, 2]


def test_something_else_beside_curves():
    mixed = pd.DataFrame({"loss": [np.array([1.0]), "x"]})
    with pytest.raises(InvalidOptionError, match="'loss' holds no curves"):
        mixed.mlxp.groupby([]).curves("loss")
