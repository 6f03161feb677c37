# SPDX-License-Identifier: MIT
"""Columns as lists of values, and frames whose placeholders are replaced."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas import read_runs
from mlxp_pandas.cells import Artifact
from mlxp_pandas.errors import ProblemsWarning, UnknownColumnError
from mlxp_pandas.stats.columns import _plain_list, load, read_values


@pytest.fixture(scope="module")
def runs(sweep, tmp_path_factory):
    return read_runs(sweep, dst_dir=tmp_path_factory.mktemp("index"))


def test_plain_values_are_python_values():
    values = _plain_list(pd.Series(pd.array([1, None], dtype="Int64")))
    assert type(values[0]) is int
    assert np.isnan(values[1])
    assert _plain_list(pd.Series([None, "a", (1, 2)], dtype=object)) == [None, "a", (1, 2)]
    assert type(_plain_list(pd.Series([0.5]))[0]) is float


def test_curves_are_those_of_the_files(runs, oracle):
    read = read_values(runs, ["train.loss", "config.seed"])
    expected = {run["info.logger.log_id"]: run["train.loss"] for run in oracle.filter("")}
    for log_id, curve in zip(runs.index, read["train.loss"], strict=True):
        assert np.array_equal(curve, expected[log_id])


def test_renamed_and_joined_columns_are_read(runs):
    renamed = runs.rename(columns={"train.loss": "loss"})
    twice = pd.concat([renamed, renamed])
    assert np.array_equal(read_values(twice, ["loss"])["loss"][-1], runs.iloc[-1]["train.loss"].load())
    objects = renamed.astype({"loss": object})
    assert np.array_equal(read_values(objects, ["loss"])["loss"][0], runs.iloc[0]["train.loss"].load())


def test_index_levels_are_read():
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="log_id"))
    assert read_values(frame, ["log_id"])["log_id"] == [7, 8]


def test_load_replaces_all_placeholders(runs):
    before = runs.copy()
    loaded = load(runs)
    assert np.array_equal(loaded.loc[3, "train.loss"], runs.loc[3, "train.loss"].load())
    artifact = loaded.loc[3, "artifact.pickle."]["last_ckpt.pkl"]
    assert isinstance(artifact, Artifact)
    assert artifact.log_id == 3
    assert loaded.columns.equals(runs.columns)
    assert loaded.index.equals(runs.index)
    pd.testing.assert_frame_equal(runs, before)


def test_load_of_some_columns_leaves_the_others(runs):
    loaded = load(runs, "train.loss")
    assert loaded["train.loss"].dtype == object
    assert loaded["test.loss"].dtype == runs["test.loss"].dtype
    assert load(runs, ["config.seed"])["config.seed"].equals(runs["config.seed"])
    with pytest.raises(UnknownColumnError, match=r"Did you mean 'train\.loss'"):
        load(runs, ["train.los"])


def test_load_keeps_runs_without_the_metric_missing(runs):
    partly = runs[["train.loss"]].reindex([1, 99])
    loaded = load(partly)["train.loss"]
    assert isinstance(loaded.loc[1], np.ndarray)
    assert np.isnan(loaded.loc[99])


def test_load_does_not_share_memory_with_the_frame():
    frame = pd.DataFrame({"a": [1, 2]})
    loaded = load(frame)
    loaded.loc[0, "a"] = 9
    assert frame["a"].tolist() == [1, 2]


def test_one_run_without_its_artifacts_does_not_stop_the_others(sweep_copy):
    runs = read_runs(sweep_copy)
    shutil.rmtree(sweep_copy / "2" / "artifacts")
    with pytest.warns(ProblemsWarning, match=r"in 1 run\(s\)"):
        loaded = load(runs, "artifact.pickle.")["artifact.pickle."]
    assert np.isnan(loaded.loc[2])
    assert "last_ckpt.pkl" in loaded.loc[1]
