# SPDX-License-Identifier: MIT
"""The tidy frame of one log."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.errors import InvalidOptionError, UnknownColumnError
from tests.handmade import read, rows, write_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    logs = tmp_path_factory.mktemp("logs")
    write_run(logs, 3, {"lr": 0.1}, train=rows([3.0, 1.0]), test=rows([9.0]))
    write_run(logs, 4, {"lr": 1.0}, train=[{"loss": 2.0, "epoch": 0}, {"epoch": 1}, {"note": "x", "epoch": 2}])
    write_run(logs, 5, {"lr": 2.0}, test=rows([8.0]))
    return read(logs)


def test_every_row_and_key(runs):
    table = runs.mlxp.long("train", columns=["config.lr", "train.loss.min"])
    assert list(table.columns) == [
        "log_id",
        "step",
        "train.epoch",
        "train.loss",
        "train.note",
        "config.lr",
        "train.loss.min",
    ]
    assert table["log_id"].tolist() == [3, 3, 4, 4, 4]
    assert table["step"].tolist() == [0, 1, 0, 1, 2]
    np.testing.assert_array_equal(table["train.loss"], [3, 1, 2, np.nan, np.nan])
    assert table["train.epoch"].tolist() == [0, 1, 0, 1, 2]
    assert table["train.epoch"].dtype == np.int64
    assert table["train.note"].tolist()[-1] == "x"
    assert table["config.lr"].tolist() == [0.1, 0.1, 1.0, 1.0, 1.0]


def test_it_is_what_curves_are_made_of(runs):
    table = runs.mlxp.long("train")
    means = table.groupby("train.epoch")["train.loss"].mean().dropna()
    found = runs.mlxp.groupby([]).curves("train.loss", "train.epoch", error=None)["mean"]
    pd.testing.assert_series_equal(means, found, check_names=False)


def test_the_runs_are_named_by_their_log_id(runs):
    assert runs.reset_index().mlxp.long("test")["log_id"].tolist() == [3, 5]
    assert runs.reset_index(drop=True).mlxp.long("test")["log_id"].tolist() == [0, 2]


def test_no_runs(runs):
    for none in (runs.loc[[5]], runs.iloc[:0]):
        table = none.mlxp.long("train", columns="config.lr")
        assert list(table.columns) == ["log_id", "step", "train.epoch", "train.loss", "train.note", "config.lr"]
        assert table.empty
    with pytest.raises(UnknownColumnError, match="There is no log 'trian'"):
        runs.iloc[:0].mlxp.long("trian")
    loaded = pd.DataFrame({"train.loss": [[1.0, 2.0]], "lr": [1]})
    assert loaded.mlxp.long("train", columns="lr").shape == (2, 4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("trian",), UnknownColumnError, "There is no log 'trian'. Did you mean 'train'"),
        (("train", "config.rl"), UnknownColumnError, "There is no column 'config.rl'"),
        (("train", ["test.loss"]), InvalidOptionError, "say which number of them, such as test.loss.last"),
    ],
)
def test_wrong_names(runs, arguments, error, message):
    with pytest.raises(error, match=message):
        runs.mlxp.long(*arguments)
