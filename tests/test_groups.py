# SPDX-License-Identifier: MIT
"""Groups of runs: a mapping, and MLXP's grouped frames as the oracle."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas import read_runs
from mlxp_pandas.errors import InvalidMapError, InvalidOptionError, UnknownColumnError, UnknownGroupError
from mlxp_pandas.groups import GroupKeys, RunGroups, select_runs
from mlxp_pandas.stats import filter_runs

UNITS, LR, SEED = "config.model.num_units", "config.optimizer.lr", "config.seed"


def mean(x):
    x = np.array(x)
    return np.mean(x, axis=0)


def argmin(x):
    x = np.array(x)
    return x[:, -1] == np.min(x[:, -1])


@pytest.fixture(scope="module")
def runs(sweep, tmp_path_factory):
    return read_runs(sweep, dst_dir=tmp_path_factory.mktemp("index"))


@pytest.fixture
def small():
    columns = {"lr": [10.0, 1.0, 10.0, None], "opt": ["adam", "sgd", "sgd", "sgd"], "loss": [0.3, 0.2, 0.5, 0.1]}
    return pd.DataFrame(columns, index=pd.Index([1, 2, 3, 4], name="log_id"))


# The mapping.


def test_it_is_a_mapping_of_tuples_to_frames(small):
    groups = RunGroups(small, "lr")
    assert isinstance(groups, Mapping)
    assert len(groups) == 3
    assert list(groups) == [(1.0,), (10.0,), (np.nan,)]
    assert [frame.index.tolist() for frame in groups.values()] == [[2], [1, 3], [4]]
    assert {key: len(frame) for key, frame in groups.items()} == {(1.0,): 1, (10.0,): 2, (np.nan,): 1}
    pd.testing.assert_frame_equal(groups[(10.0,)], small.loc[[1, 3]])


@pytest.mark.parametrize("key", [(10.0,), 10.0, 10, np.float64(10), (np.int64(10),)])
def test_keys_are_found_by_value(small, key):
    assert key in RunGroups(small, "lr")
    assert RunGroups(small, "lr")[key].index.tolist() == [1, 3]


@pytest.mark.parametrize("key", [np.nan, float("nan"), None, pd.NA, (None,)])
def test_missing_is_a_key(small, key):
    assert RunGroups(small, "lr")[key].index.tolist() == [4]


def test_a_list_is_one_key():
    frame = pd.DataFrame({"x": [(1, 2), (3,)]})
    groups = RunGroups(frame, "x")
    assert groups[(1, 2)].index.tolist() == [0]
    assert groups[((1, 2),)].index.tolist() == [0]
    assert groups[((3,),)].index.tolist() == [1]


@pytest.mark.parametrize("key", [(10.1,), 10.1, (10.0, 1), "10.0", [10.0], {}, ()])
def test_an_unknown_key_is_named_with_the_nearest(small, key):
    groups = RunGroups(small, "lr")
    assert key not in groups
    assert groups.get(key) is None
    with pytest.raises(UnknownGroupError, match=r"No group has the key .*\(10\.0,\)"):
        groups[key]


def test_groups_are_compared_as_objects(small):
    groups = RunGroups(small, "lr")
    assert groups == groups  # noqa: PLR0124
    assert groups != RunGroups(small, "lr")
    assert isinstance(hash(groups), int)


def test_keys_remember_their_names(small):
    keys = RunGroups(small, ["opt", "lr"]).keys()
    assert isinstance(keys, GroupKeys)
    assert keys.names == ["opt", "lr"]
    assert ("adam", 10.0) in keys
    assert repr(RunGroups(small, "opt").keys()) == "GroupKeys([('adam',), ('sgd',)], names=['opt'])"


def test_new_columns_of_the_frame_do_not_reach_the_groups(small):
    groups = RunGroups(small, "lr")
    small.insert(0, "new", 1)
    small.index = [5, 6, 7, 8]
    assert groups[10.0].columns.tolist() == ["lr", "opt", "loss"]
    assert groups[10.0].index.tolist() == [1, 3]


def test_no_columns_make_one_group(small):
    groups = RunGroups(small, [])
    assert list(groups) == [()]
    pd.testing.assert_frame_equal(groups[()], small)
    pd.testing.assert_frame_equal(groups.ungroup(), small)
    pd.testing.assert_frame_equal(groups.to_frame(), small)
    assert len(groups.select(groups.keys()).frame) == 4


def test_groups_are_pickled(small):
    groups = pickle.loads(pickle.dumps(RunGroups(small, "lr")))
    assert groups[10.0].index.tolist() == [1, 3]


@pytest.mark.parametrize("names", ["lrr", ["lr", "lrr"]])
def test_a_misspelt_column_is_named(small, names):
    with pytest.raises(UnknownColumnError, match="Did you mean 'lr'"):
        RunGroups(small, names)


def test_an_empty_frame_has_no_groups(small):
    groups = RunGroups(small.head(0), ["lr", "opt"])
    assert len(groups) == 0
    assert groups.aggregate({"loss": "mean"}).index.names == ["lr", "opt"]
    assert groups.ungroup().empty
    assert "loss" in repr(groups)


# Printing.


def test_it_prints_as_the_hierarchical_frame(small):
    groups = RunGroups(small, ["opt", "lr"])
    frame = groups.to_frame()
    assert frame.index.names == ["opt", "lr", "log_id"]
    assert frame.index.get_level_values("log_id").tolist() == [1, 2, 3, 4]
    assert repr(groups) == repr(frame)
    assert groups._repr_html_() == frame._repr_html_()


def test_levels_that_group_are_printed_once(small):
    indexed = small.set_index(["opt", "lr"])
    assert RunGroups(indexed, "lr").to_frame().index.names == ["lr", "opt"]
    assert RunGroups(indexed, ["lr", "opt"]).to_frame().index.names == ["lr", "opt"]


def test_labels_that_are_numbers(small):
    frame = small.set_axis([2, 1, 0], axis=1)
    assert RunGroups(frame, [1, 2]).to_frame().index.tolist()[0] == ("adam", 10.0, 1)
    assert RunGroups(frame.set_index([2, 1]), [1]).to_frame().index.tolist()[0] == ("adam", 10.0)
    assert RunGroups(frame, [1, 2]).aggregate({0: "mean"}).loc[("adam", 10.0), 0] == 0.3


# Aggregation.


def test_the_index_is_the_keys(small):
    result = RunGroups(small, ["opt", "lr"]).aggregate(loss=("loss", "mean"))
    assert result.index.names == ["opt", "lr"]
    assert result.loc[("sgd", 1.0), "loss"] == 0.2
    single = RunGroups(small, "lr").aggregate((max, "loss"))
    assert single.index.name == "lr"
    assert single.columns.tolist() == ["fmax.loss"]
    assert single.loc[10.0, "fmax.loss"] == 0.5


def test_it_is_pandas_groupby(small):
    for keys in (["lr"], ["opt"], ["opt", "lr"]):
        expected = small.groupby(keys, dropna=False)[["loss"]].agg("mean")
        pd.testing.assert_frame_equal(RunGroups(small, keys).aggregate({"loss": "mean"}), expected)


def test_aggregates_aggregate_again(small):
    means = RunGroups(small, ["opt", "lr"]).aggregate(loss=("loss", "mean"))
    again = RunGroups(means, "opt").aggregate({"loss": "count"})
    assert again["loss"].to_dict() == {"adam": 1, "sgd": 3}


def test_repeated_index_values_and_multiindex_columns(small):
    twice = pd.concat([small, small])
    assert RunGroups(twice, "lr").aggregate({"loss": "count"})["loss"].tolist() == [2, 4, 2]
    stacked = RunGroups(small, "opt").aggregate({"loss": ["mean", "count"]})
    assert RunGroups(stacked, "opt").aggregate({("loss", "count"): "max"}).iloc[:, 0].tolist() == [1, 3]


# Filter, select, ungroup.


def is_lowest(values):
    return [value == min(values) for value in values]


def test_filter_each_group_or_other_groups(small):
    groups = RunGroups(small, "lr")
    assert groups.filter((is_lowest, "loss")).ungroup().index.tolist() == [2, 1, 4]
    by_opt = groups.filter((is_lowest, "loss"), bygroups="opt")
    assert by_opt.names == ["lr"]
    assert {key: frame.index.tolist() for key, frame in by_opt.items()} == {(10.0,): [1], (np.nan,): [4]}


def test_filter_runs_keeps_the_order_of_the_frame(small):
    assert filter_runs(small, (is_lowest, "loss")).index.tolist() == [4]
    assert filter_runs(small, (is_lowest, "loss"), "lr").index.tolist() == [1, 2, 4]
    assert filter_runs(small, (is_lowest, "loss"), ["log_id"]).index.tolist() == [1, 2, 3, 4]
    with pytest.raises(UnknownColumnError, match="no column 'log-id'"):
        filter_runs(small, (is_lowest, "loss"), "log-id")


def test_a_query_is_no_filter_map(small):
    with pytest.raises(InvalidMapError, match="'loss < 1' is not a map"):
        RunGroups(small, "lr").filter("loss < 1")


@pytest.mark.parametrize(
    "keys",
    [
        pd.MultiIndex.from_tuples([("sgd", 10.0), ("adam", 10)], names=["opt", "lr"]),
        pd.MultiIndex.from_tuples([(10.0, "sgd"), (10.0, "adam")], names=["lr", "opt"]),
        [("sgd", 10.0), ("adam", 10.0), ("adam", 99.0)],
        {"lr": 10.0, "opt": ["adam", "sgd"]},
        {"lr": [10.0]},
        pd.Index([10], name="lr"),
    ],
)
def test_select_groups(small, keys):
    chosen = RunGroups(small, ["opt", "lr"]).select(keys)
    assert list(chosen) == [("adam", 10.0), ("sgd", 10.0)]
    assert chosen.frame.index.tolist() == [1, 3]


def test_select_by_keys_of_groups(small):
    groups = RunGroups(small, ["opt", "lr"])
    others = RunGroups(small[small["loss"] < 0.25], ["lr", "opt"])
    for keys in (others, others.keys(), others.aggregate({"loss": "mean"}).index):
        assert list(groups.select(keys)) == [("sgd", 1.0), ("sgd", np.nan)]
        assert select_runs(small, keys).index.tolist() == [2, 4]
    assert list(RunGroups(small, "lr").select(10.0)) == [(10.0,)]
    assert list(RunGroups(small, "opt").select("sgd")) == [("sgd",)]
    assert list(RunGroups(small, "opt").select(["sgd", ("adam",)])) == [("adam",), ("sgd",)]


def test_select_of_missing_values(small):
    assert select_runs(small, {"lr": None}).index.tolist() == [4]
    assert select_runs(small, pd.Index([np.nan, 1.0], name="lr")).index.tolist() == [2, 4]
    assert select_runs(small, pd.Index([1, 2], name="log_id")).index.tolist() == [1, 2]
    assert select_runs(small, {"lr": []}).empty


def test_select_says_what_is_wrong(small):
    groups, best = RunGroups(small, ["opt", "lr"]), RunGroups(small, "lr").aggregate({"loss": "mean"})
    with pytest.raises(UnknownColumnError, match=r"groups have no column 'loss'\. Allowed: 'opt', 'lr'"):
        groups.select(pd.Index([1.0], name="loss"))
    with pytest.raises(UnknownColumnError, match="Did you mean 'lr'"):
        select_runs(small, {"lrr": 1})
    with pytest.raises(InvalidOptionError, match=r"select\(best\.index\)"):
        groups.select(best.keys())
    with pytest.raises(InvalidOptionError, match=r"not known which columns"):
        select_runs(small, [(1.0,)])
    with pytest.raises(InvalidOptionError, match=r"not known which columns"):
        groups.select(best)
    with pytest.raises(InvalidOptionError, match=r"The key \(10\.0,\) has 1 value\(s\) for 2 column\(s\)"):
        groups.select([10.0])


def test_ungroup_is_group_after_group(small):
    assert RunGroups(small, "lr").ungroup().index.tolist() == [2, 1, 3, 4]


# MLXP as the oracle.


@pytest.mark.parametrize("names", [[LR], [UNITS, LR], [SEED, UNITS, LR], ["info.status"], ["config.data.device", SEED]])
def test_groups_are_those_of_mlxp(runs, oracle, names):
    expected = {
        key: sorted(run["info.logger.log_id"] for run in frame)
        for key, frame in oracle.filter("").groupby(names).items()
    }
    groups = RunGroups(runs, names)
    assert {key: frame.index.tolist() for key, frame in groups.items()} == expected
    # On purpose: our groups are sorted, MLXP's come in the order of a set.
    assert list(groups) == sorted(expected)


@pytest.mark.parametrize("maps", [(mean, "train.loss"), (mean, ("train.loss", "train.epoch")), (np.max, SEED, "seed")])
def test_aggregates_are_those_of_mlxp(runs, oracle, maps):
    expected = oracle.filter("").groupby([UNITS, LR]).aggregate(maps)
    found = RunGroups(runs, [UNITS, LR]).aggregate(maps)
    for key, frame in expected.items():
        assert found.columns.tolist() == list(frame[0].keys())
        for column in found.columns:
            assert np.array_equal(found.loc[key, column], frame[0][column])


@pytest.mark.parametrize("bygroups", [None, [UNITS], [LR, SEED]])
def test_filters_are_those_of_mlxp(runs, oracle, bygroups):
    expected = oracle.filter("").filter((argmin, "train.loss"), bygroups=bygroups)
    found = filter_runs(runs, (argmin, "train.loss"), bygroups)
    # On purpose: ours keep the order of the frame, MLXP's that of the groups.
    assert found.index.tolist() == sorted(run["info.logger.log_id"] for run in expected)


def test_filtered_groups_are_those_of_mlxp(runs, oracle):
    expected = oracle.filter("").groupby([UNITS, LR]).filter((argmin, "train.loss"))
    found = RunGroups(runs, [UNITS, LR]).filter((argmin, "train.loss"))
    assert {key: frame.index.tolist() for key, frame in found.items()} == {
        key: [run["info.logger.log_id"] for run in frame] for key, frame in expected.items()
    }


def test_the_tutorial_ends_with_the_winners_of_mlxp(runs, oracle):
    grouped = oracle.filter("").groupby([UNITS, LR])
    winners = grouped.aggregate((mean, "train.loss")).filter((argmin, "fmean.train.loss"), bygroups=[UNITS])
    expected = grouped.select(winners.keys()).aggregate((mean, "test.loss"))

    best = runs.mlxp.groupby([UNITS, LR]).aggregate((mean, "train.loss"))
    best = best.mlxp.filter((argmin, "fmean.train.loss"), bygroups=[UNITS])
    found = runs.mlxp.groupby([UNITS, LR]).select(best.index).aggregate((mean, "test.loss"))

    assert sorted(best.index) == sorted(winners.keys())
    assert sorted(found.index) == sorted(expected.keys())
    for key, frame in expected.items():
        assert np.array_equal(found.loc[key, "fmean.test.loss"], frame[0]["fmean.test.loss"])
    for each in (mean, "mean"):
        pd.testing.assert_frame_equal(
            runs.mlxp.select(best.index).mlxp.groupby([UNITS, LR]).aggregate((each, "test.loss")), found
        )


def test_unequal_lengths_work_by_name():
    # On purpose: MLXP has only functions of lists, where numpy refuses curves of unequal lengths.
    frame = pd.DataFrame({"lr": [1.0, 1.0], "loss": pd.Series([np.array([4.0, 2.0]), np.array([2.0])], dtype=object)})
    assert RunGroups(frame, "lr").aggregate({"loss": "mean"}).loc[1.0, "loss"].tolist() == [3.0, 2.0]
    with pytest.raises(ValueError, match="raised on column 'loss'"):
        RunGroups(frame, "lr").aggregate((mean, "loss"))
