# SPDX-License-Identifier: MIT
"""`df.mlxp` on frames of every kind; what its methods do is tested with the modules that do it."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas import read_runs
from mlxp_pandas.accessor import RunsAccessor
from mlxp_pandas.errors import InvalidOptionError, QueryError, UnknownColumnError
from mlxp_pandas.groups import RunGroups

LIMIT = 3


@pytest.fixture(scope="module")
def runs(sweep, tmp_path_factory):
    return read_runs(sweep, dst_dir=tmp_path_factory.mktemp("index"))


@pytest.fixture
def small():
    return pd.DataFrame({"config.lr": [10.0, 1.0, 1.0], "config.seed": [1, 1, 2], "loss": [0.3, 0.2, 0.4]})


def is_lowest(values):
    return [value == min(values) for value in values]


def test_it_is_registered_and_free_of_state(small):
    assert type(small.mlxp) is RunsAccessor
    assert vars(small.mlxp) == {"_frame": small} or list(vars(small.mlxp)) == ["_frame"]
    small["config.new"] = [1, 2, 3]
    assert small.mlxp.diff() == ["config.lr", "config.seed", "config.new"]


def test_tables(small):
    assert small.mlxp.fields.index.tolist() == ["config.lr", "config.seed", "loss"]
    assert small.mlxp.searchable.index.tolist() == ["config.lr", "config.seed"]


def test_filter_by_query_and_by_map(small):
    assert small.mlxp.filter("config.lr < 5").index.tolist() == [1, 2]
    assert small.mlxp.filter((is_lowest, "loss")).index.tolist() == [1]
    assert small.mlxp.filter((is_lowest, "loss"), bygroups=["config.lr"]).index.tolist() == [0, 1]


def test_filter_sees_the_callers_variables(small):
    limit = 2
    assert small.mlxp.filter("config.seed < @limit").index.tolist() == [0, 1]
    assert small.mlxp.filter("config.seed < @LIMIT").index.tolist() == [0, 1, 2]
    LIMIT = 1
    assert small.mlxp.filter("config.seed <= @LIMIT").index.tolist() == [0, 1]
    assert [small.mlxp.filter("config.lr < @top and config.seed < @limit").shape[0] for top in (5, 20)] == [1, 2]
    assert limit + LIMIT == 3
    with pytest.raises(QueryError, match="nowhere"):
        small.mlxp.filter("config.seed < @nowhere")


def test_filter_refuses_options_of_the_other_kind(small):
    with pytest.raises(InvalidOptionError, match="bygroups is for filter maps"):
        small.mlxp.filter("config.lr < 5", bygroups="config.seed")
    with pytest.raises(InvalidOptionError, match="missing is for queries"):
        small.mlxp.filter((is_lowest, "loss"), missing="raise")


def test_groups_aggregates_and_selections(small):
    groups = small.mlxp.groupby("config.lr")
    assert isinstance(groups, RunGroups)
    assert small.mlxp.select(groups.select([1.0])).index.tolist() == [1, 2]
    assert small.mlxp.aggregate([(min, "loss"), (max, "loss", "worst")]).to_dict("records") == [
        {"fmin.loss": 0.2, "worst": 0.4}
    ]
    assert small.mlxp.aggregate(loss=("loss", "count")).loc[0, "loss"] == 3
    assert small.head(0).mlxp.aggregate({"loss": "mean"}).shape == (1, 1)


def test_aggregate_of_all_runs_is_that_of_mlxp(runs, oracle):
    def mean(x):
        return np.mean(np.array(x), axis=0)

    expected = oracle.filter("").aggregate([(mean, "train.loss"), (max, "config.seed")])[0]
    found = runs.mlxp.aggregate([(mean, "train.loss"), (max, "config.seed")])
    assert found.columns.tolist() == list(expected.keys())
    # The runs come in the order of their numbers, MLXP's in that of the folder: the sums round differently.
    np.testing.assert_allclose(found.loc[0, "fmean.train.loss"], expected["fmean.train.loss"], rtol=1e-12)
    assert found.loc[0, "fmax.config.seed"] == expected["fmax.config.seed"]


def test_a_misspelt_column_anywhere(small):
    calls = [
        lambda: small.mlxp.groupby("config.sed"),
        lambda: small.mlxp.aggregate({"config.sed": "mean"}),
        lambda: small.mlxp.filter((is_lowest, "config.sed")),
        lambda: small.mlxp.filter((is_lowest, "loss"), bygroups="config.sed"),
        lambda: small.mlxp.select({"config.sed": 1}),
        lambda: small.mlxp.load("config.sed"),
        lambda: small.mlxp.filter("config.sed == 1"),
    ]
    for call in calls:
        with pytest.raises(UnknownColumnError, match=r"Did you mean 'config\.seed'"):
            call()


def test_load(runs):
    assert isinstance(runs.mlxp.load("train.loss").loc[1, "train.loss"], np.ndarray)


@pytest.fixture(scope="module")
def opened():
    """The metrics and artifacts that are opened from now on."""
    names: list[str] = []
    is_on = [True]

    def note(event, arguments):
        if is_on and event == "open" and isinstance(arguments[0], str) and "/logs/" in arguments[0]:
            names.extend(arguments[:1] if "/metrics/" in arguments[0] or "/artifacts/" in arguments[0] else [])

    sys.addaudithook(note)  # there is no way to remove it
    yield names
    is_on.clear()


def test_each_log_is_read_once_and_only_when_it_is_asked_for(sweep_copy, opened):
    runs = read_runs(sweep_copy)
    opened.clear()
    groups = runs.mlxp.groupby(["config.model.num_units", "config.optimizer.lr"])
    assert repr(groups)
    assert groups._repr_html_()
    groups.select(groups.keys()).ungroup()
    groups.aggregate({"config.seed": "mean"})
    groups.filter((is_lowest, "config.seed"))
    assert runs.mlxp.diff("")
    assert len(runs.mlxp.fields) == runs.shape[1]
    assert opened == []
    groups.aggregate({"train.loss": "mean", "train.epoch": "max"})
    assert sorted(opened) == sorted(f"{sweep_copy}/{log_id}/metrics/train.json" for log_id in runs.index)
