# SPDX-License-Identifier: MIT
"""Curves of groups, from real files: ragged, with gaps, resumed, diverged, without the metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import mlxp_pandas
from mlxp_pandas.errors import InvalidOptionError, UnknownColumnError
from mlxp_pandas.testing import make_runs
from tests.handmade import read, rows, write_run

NAN, INF = np.nan, np.inf


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """With lr 0.1 a whole run, one that stops, one resumed, one diverged; with lr 1.0 one, and one without metric."""
    logs = tmp_path_factory.mktemp("logs")
    write_run(logs, 1, {"lr": 0.1, "seed": 1}, train=rows([4.0, 2.0, 1.0]), test=rows([5.0]))
    write_run(logs, 2, {"lr": 0.1, "seed": 2}, train=rows([2.0, 4.0]), test=rows([6.0]))
    write_run(logs, 3, {"lr": 0.1, "seed": 3}, train=rows([6.0, 9.0, 3.0, 5.0], [0, 1, 1, 2]))
    write_run(logs, 4, {"lr": 0.1, "seed": 4}, train=rows([8.0, INF, NAN]))
    write_run(logs, 5, {"lr": 1.0, "seed": 1}, train=rows([7.0, NAN, 3.0]))
    write_run(logs, 6, {"lr": 1.0, "seed": 2}, other=[{"loss": 1.0}])
    write_run(logs, 7, {"lr": 2.0, "seed": 1}, other=[{"loss": 1.0}])
    return read(logs)


@pytest.fixture(scope="module")
def groups(runs):
    return runs.mlxp.groupby("config.lr")


def column(table, name, lr=0.1):
    return table.loc[lr, name].tolist()


def equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    return True


def test_index_and_columns(groups):
    table = groups.curves("train.loss", "train.epoch")
    assert table.index.names == ["config.lr", "train.epoch"]
    assert list(table.columns) == ["mean", "std", "sem", "low", "high", "n"]
    assert table.index.tolist() == [(0.1, 0), (0.1, 1), (0.1, 2), (1.0, 0), (1.0, 2)]
    assert groups.curves("train.loss").index.names == ["config.lr", "step"]
    assert table.index.levels[1].dtype == np.int64
    assert table["n"].dtype == np.int64


def test_steps_are_matched_exactly(groups):
    table = groups.curves("train.loss", "train.epoch", error="minmax")
    assert column(table, "n") == [4, 4, 2]
    assert equal(column(table, "mean"), [5, INF, 3])
    assert equal(column(table, "low"), [2, 2, 1])
    assert equal(column(table, "high"), [8, INF, 5])


def test_the_row_of_the_log_is_the_step_unless_told(groups):
    table = groups.curves("train.loss", error=None)
    assert column(table, "n") == [4, 4, 2, 1]
    assert equal(column(table, "mean"), [5, INF, 2, 5])
    assert table["low"].isna().all()


@pytest.mark.parametrize(("dup", "expected"), [("last", 3), ("first", 9), ("mean", 6)])
def test_repeated_steps(runs, dup, expected):
    table = runs.loc[[3]].mlxp.groupby([]).curves("train.loss", "train.epoch", dup=dup, error=None)
    assert table["mean"].tolist() == [6, expected, 5]


def test_repeated_steps_refused(groups):
    with pytest.raises(InvalidOptionError, match=r"'train.loss' of run 3: step 1 was logged twice"):
        groups.curves("train.loss", "train.epoch", dup="raise")


def test_inner_keeps_the_steps_that_all_runs_logged(groups):
    table = groups.curves("train.loss", "train.epoch", align="inner", error="std")
    # Run 4 logged NaN at step 2: it has the step. Run 2 stopped before it. Run 6 has no such metric at all.
    assert table.loc[0.1].index.tolist() == [0, 1]
    assert table.loc[1.0].index.tolist() == [0, 2]


def test_min_runs(groups):
    assert groups.curves("train.loss", "train.epoch", min_runs=2).index.tolist() == [(0.1, 0), (0.1, 1), (0.1, 2)]
    table = groups.curves("train.loss", "train.epoch", min_runs=0)
    assert table.loc[(1.0, 1), "n"] == 0
    assert np.isnan(table.loc[(1.0, 1), "mean"])


def test_ci_is_scipys(groups):
    table = groups.curves("train.loss", "train.epoch", level=0.8)
    low, high = stats.t.interval(0.8, 3, loc=5, scale=stats.sem([4, 2, 6, 8]))
    assert equal(table.loc[(0.1, 0), ["low", "high"]].tolist(), [low, high])
    assert table.loc[1.0, ["std", "sem", "low", "high"]].isna().all(axis=None)


@pytest.mark.parametrize("stat", ["median", "iqm"])
def test_other_statistics_are_named(groups, stat):
    table = groups.curves("train.loss", "train.epoch", stat=stat, n_resamples=20)
    assert table.columns[0] == stat
    assert table.loc[(0.1, 0), stat] == 5
    assert table.loc[(0.1, 2), "low"] <= 3 <= table.loc[(0.1, 2), "high"]


def test_several_metrics(groups):
    table = groups.curves(["train.loss", "test.loss"], "epoch", error=None)
    assert table.index.names == ["config.lr", "metric", "epoch"]
    assert table.loc[(0.1, "test.loss", 0), "mean"] == 5.5
    assert groups.curves(["train.loss"], error=None).index.names == ["config.lr", "metric", "step"]


def test_grid(groups):
    table = groups.curves("train.loss", "train.epoch", grid=[0.0, 0.5, 1.5], error=None)
    assert column(table, "n") == [4, 4, 2]
    assert equal(column(table, "mean")[::2], [5, 2.75])
    assert groups.curves("train.loss", "train.epoch", grid=5, error=None).loc[0.1].index.tolist() == [0, 0.5, 1, 1.5, 2]


def test_several_group_columns_and_none(runs):
    table = runs.mlxp.groupby(["config.lr", "config.seed"]).curves("train.loss", error=None)
    assert table.index.names == ["config.lr", "config.seed", "step"]
    assert table.loc[(0.1, 2), "mean"].tolist() == [2, 4]
    table = runs.mlxp.groupby(all_but=["config.seed", "config.lr"]).curves("train.loss", error=None)
    assert table.index.name == "step"
    assert table["n"].tolist() == [5, 4, 3, 1]


def test_a_missing_key_is_a_group_of_its_own(runs):
    some = runs.assign(**{"config.lr": runs["config.lr"].where(runs["config.lr"] < 1)})
    table = some.mlxp.groupby("config.lr").curves("train.loss", error=None)
    assert table["n"].tolist() == [4, 4, 2, 1, 1, 1]
    assert np.isnan(table.index[-1][0])


def test_a_group_without_the_metric_has_no_row(runs):
    empty = runs.loc[[7]].mlxp.groupby("config.lr").curves("train.loss", "train.epoch")
    assert empty.shape == (0, 6)
    assert empty.index.names == ["config.lr", "train.epoch"]


def test_empty_frames(runs):
    assert runs.iloc[:0].mlxp.groupby("config.lr").curves("train.loss", "train.epoch").shape == (0, 6)
    assert runs.iloc[:0].mlxp.groupby([]).curves("train.loss").shape == (0, 6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("train.los",), UnknownColumnError, "Did you mean 'train.loss'"),
        (("config.lr",), InvalidOptionError, "'config.lr' holds no curves"),
        (("train.loss", "train.epok"), UnknownColumnError, "no 'train.epok' beside 'train.loss'. Did you mean"),
        (("train.loss", "test.epoch"), InvalidOptionError, "rows of two logs do not belong together"),
        (("train.loss", "config.lr"), InvalidOptionError, "'config.lr' holds no curves"),
        (("info.status",), InvalidOptionError, "holds no curves"),
    ],
)
def test_wrong_names(groups, arguments, error, message):
    with pytest.raises(error, match=message):
        groups.curves(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stat": "max"}, "stat='max'"),
        ({"eror": "std"}, "no option 'eror'. Did you mean 'error'"),
        ({"align": "left"}, "align='left'"),
        ({"dup": "lst"}, "dup='lst' .* Did you mean 'last'"),
        ({"min_runs": -1}, "min_runs=-1"),
        ({"min_runs": 1.5}, r"min_runs=1\.5"),
        ({"grid": 0}, "neither a number of points"),
        ({"level": 2}, "level=2"),
        ({"stat": "median", "n_resamples": 0}, "n_resamples=0 is not a whole number of 1 or more"),
        ({"x": 5}, "x=5 is no name"),
    ],
)
def test_wrong_options(groups, options, message):
    with pytest.raises(InvalidOptionError, match=message):
        groups.curves("train.loss", **options)


def test_arguments_have_names_and_places(groups):
    by_place = groups.curves("train.loss", "train.epoch", "median", "minmax", 0.9, "inner", 2, "first")
    by_name = groups.curves(
        metric="train.loss",
        x="train.epoch",
        stat="median",
        error="minmax",
        level=0.9,
        align="inner",
        min_runs=2,
        dup="first",
    )
    pd.testing.assert_frame_equal(by_place, by_name)
    assert len(by_place)
    assert by_place["n"].min() >= 2


def test_a_metric_that_is_given_twice_counts_once(groups):
    twice = groups.curves(["train.loss", "train.loss"], error=None)
    pd.testing.assert_frame_equal(twice, groups.curves(["train.loss"], error=None))


def test_what_holds_no_curves_is_named_beside_what_does(groups):
    with pytest.raises(InvalidOptionError, match=r"'config\.lr' holds no curves\. Allowed: .*'train\.loss'"):
        groups.curves("config.lr")


def test_steps_that_are_text(tmp_path):
    write_run(tmp_path, 1, {"lr": 0.1}, train=[{"loss": 1.0, "phase": "warm-up"}])
    with pytest.raises(InvalidOptionError, match=r"'train\.phase' holds 'warm-up': steps are numbers"):
        read(tmp_path).mlxp.groupby([]).curves("train.loss", "train.phase")


def test_rows_that_lack_a_key_align_by_their_rows(tmp_path):
    lines = [{"loss": 3.0, "epoch": 0}, {"epoch": 1}, {"loss": 1.0, "epoch": 2}, {"loss": 0.5}]
    write_run(tmp_path, 1, {"lr": 0.1}, train=lines)
    groups = read(tmp_path).mlxp.groupby([])
    assert groups.curves("train.loss", "train.epoch", error=None)["mean"].to_dict() == {0: 3.0, 2: 1.0}
    assert groups.curves("train.loss", error=None)["mean"].to_dict() == {0: 3.0, 2: 1.0, 3: 0.5}


def test_a_log_with_dots_in_its_name(tmp_path):
    write_run(tmp_path, 1, {"lr": 0.1}, **{"eval.fast": rows([3.0, 1.0], [10, 20])})
    runs = read(tmp_path)
    expected = {10: 3.0, 20: 1.0}
    for x in ("eval.fast.epoch", "epoch"):
        assert runs.mlxp.groupby([]).curves("eval.fast.loss", x, error=None)["mean"].to_dict() == expected


def test_an_x_that_the_frame_has_not_kept(runs):
    some = runs[["config.lr", "train.loss"]]
    table = some.mlxp.groupby("config.lr").curves("train.loss", "train.epoch", error=None)
    pd.testing.assert_frame_equal(table, runs.mlxp.groupby("config.lr").curves("train.loss", "train.epoch", error=None))
    with pytest.raises(UnknownColumnError, match="no 'epok' beside"):
        some.mlxp.groupby("config.lr").curves("train.loss", "epok")


def test_loaded_curves_give_the_same(runs):
    loaded = runs.mlxp.load()
    whole = loaded[loaded.index != 6]
    table = whole.mlxp.groupby("config.lr").curves("train.loss", "train.epoch", error="std")
    pd.testing.assert_frame_equal(
        table, runs.mlxp.groupby("config.lr").curves("train.loss", "train.epoch", error="std")
    )
    ragged = pd.DataFrame({"loss": [np.zeros(3)], "epoch": [np.zeros(2)]})
    with pytest.raises(InvalidOptionError, match="3 values and its 'epoch' has 2"):
        ragged.mlxp.groupby([]).curves("loss", "epoch")


def test_the_frame_and_its_files_are_left_alone(runs):
    before = runs.copy(deep=True)
    runs.mlxp.groupby("config.lr").curves("train.loss")
    assert mlxp_pandas.MetricDtype("train.loss") == runs["train.loss"].dtype
    assert runs.dtypes.equals(before.dtypes)


def test_against_numpy_on_many_runs(tmp_path):
    runs = mlxp_pandas.read_runs(make_runs(tmp_path, 36, n_steps=7))
    groups = runs.mlxp.groupby(all_but="config.seed")
    assert groups.names == ["config.model.num_units", "config.optimizer.lr"]
    table = groups.curves("train.loss", "train.epoch")
    for key, group in groups.items():
        stack = np.stack([metric.load() for metric in group["train.loss"]])
        assert equal(table.loc[key, "mean"], stack.mean(axis=0))
        assert equal(table.loc[key, "std"], stack.std(axis=0, ddof=1))
        assert equal(table.loc[key, "high"], stats.t.interval(0.95, 5, stack.mean(axis=0), stats.sem(stack))[1])


curve = st.lists(st.floats(-1e3, 1e3) | st.just(NAN), min_size=1, max_size=6).map(np.array)


def curves(loss, **options):
    frame = pd.DataFrame({"loss": pd.Series(list(loss), dtype=object)})
    return frame.mlxp.groupby([]).curves("loss", **options)


@given(curve)
def test_the_curves_of_one_run_are_that_run(one):
    table = curves([one], error=None, min_runs=0)
    np.testing.assert_array_equal(table["mean"], one)
    assert table["n"].tolist() == (~np.isnan(one)).tolist()


@settings(deadline=None)
@given(st.lists(curve, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_order_and_runs_without_the_metric_do_not_matter(many, random):
    shuffled = [*many, NAN]
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(curves(many), curves(shuffled))


@given(curve, st.integers(2, 5))
def test_equal_curves_have_no_spread(one, n):
    table = curves([one] * n, error="sem")
    assert (table[["std", "sem"]] == 0).all(axis=None)
    assert (table["low"] == table["high"]).all()
