# SPDX-License-Identifier: MIT
"""The best runs and settings, and paired comparisons, against values worked out by hand and scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import mlxp_pandas
from mlxp_pandas.errors import InvalidOptionError, UnknownColumnError, UnknownGroupError
from tests.handmade import read, rows, write_run

NAN, INF = np.nan, np.inf
LR, UNITS, SEED = "config.lr", "config.units", "config.seed"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two sizes, two rates, two seeds; the last runs have diverged, and one has no such metric."""
    logs = tmp_path_factory.mktemp("logs")
    write_run(logs, 1, {"units": 2, "lr": 0.1, "seed": 1}, val=rows([5.0, 2.0, 3.0]), test=rows([5.5, 2.5, 3.5]))
    write_run(logs, 2, {"units": 2, "lr": 0.1, "seed": 2}, val=rows([5.0, 1.0, 4.0]), test=rows([5.6, 1.6, 4.6]))
    write_run(logs, 3, {"units": 2, "lr": 1.0, "seed": 1}, val=rows([9.0, 8.0, 3.0]), test=rows([9.5, 8.5, 3.6]))
    write_run(logs, 4, {"units": 2, "lr": 1.0, "seed": 2}, val=rows([9.0, 8.0, NAN]), test=rows([9.5, 8.5, NAN]))
    write_run(logs, 5, {"units": 3, "lr": 0.1, "seed": 1}, val=rows([INF, 7.0]), test=rows([1.0, 2.0]))
    write_run(logs, 6, {"units": 3, "lr": 0.1, "seed": 2}, val=rows([INF, INF]), test=rows([1.0, 2.0]))
    write_run(logs, 7, {"units": 3, "lr": 1.0, "seed": 1}, test=rows([1.0, 2.0]))
    write_run(logs, 8, {"units": 4, "lr": 1.0, "seed": 1}, test=rows([1.0, 2.0]))
    return read(logs)


def test_best_run(runs):
    table = runs.mlxp.best("val.loss")
    assert table.to_dict("records") == [
        # Runs 1 and 3 end with 3.0: the lower log_id wins. Runs 4, 6, 7 and 8 cannot.
        {"log_id": 1, LR: 0.1, SEED: 1, UNITS: 2, "val.loss": 3.0, "n_skipped": 4}
    ]


def test_best_run_of_each_group(runs):
    table = runs.mlxp.best("val.loss", per=UNITS, report=["test.loss", "test.loss.max", "info.status"])
    assert table.index.names == [UNITS]
    assert list(table.columns) == [
        "log_id",
        LR,
        SEED,
        "val.loss",
        "test.loss",
        "test.loss.max",
        "info.status",
        "n_skipped",
    ]
    assert table["log_id"].tolist() == [1, 5, pd.NA]
    assert table["n_skipped"].tolist() == [1, 2, 1]
    np.testing.assert_array_equal(table["test.loss"], [3.5, 2.0, NAN])
    np.testing.assert_array_equal(table["test.loss.max"], [5.5, 2.0, NAN])
    assert table["info.status"].tolist()[:2] == ["COMPLETE", "COMPLETE"]


def test_scope_best_reports_at_that_step(runs):
    table = runs.mlxp.best("val.loss", scope="best", per=UNITS, report="test.loss")
    assert table["log_id"].tolist()[:2] == [2, 5]
    np.testing.assert_array_equal(table["val.loss"], [1.0, 7.0, NAN])
    np.testing.assert_array_equal(table["test.loss"], [1.6, 2.0, NAN])
    assert table["n_skipped"].tolist() == [0, 2, 1]


def test_mode_max_and_the_last_few(runs):
    assert runs.mlxp.best("val.loss", "max")["log_id"].tolist() == [5]
    table = runs.mlxp.best("val.loss", "max", "best", per=UNITS, report="test.loss")
    assert table["log_id"].tolist()[:2] == [3, 5]
    np.testing.assert_array_equal(table["test.loss"], [9.5, 2.0, NAN])
    table = runs.mlxp.best("val.loss", scope="last-2")
    assert table[["log_id", "val.loss"]].to_dict("records") == [{"log_id": 1, "val.loss": 2.5}]
    assert runs.mlxp.best("val.loss", scope="last-100").loc[0, "val.loss"] == pytest.approx(10 / 3)


def test_a_number_may_be_judged_too(runs):
    assert runs.mlxp.best("val.loss.min")["log_id"].tolist() == [2]
    assert runs.mlxp.best(SEED, "max")["log_id"].tolist() == [2]


def test_best_setting(runs):
    table = runs.mlxp.best("val.loss", per=UNITS, over=SEED, report=["test.loss", "val.loss.min"])
    assert list(table.columns) == [
        LR,
        *[f"{name}.{part}" for name in ("val.loss", "test.loss", "val.loss.min") for part in ("mean", "std", "n")],
        "n_skipped",
    ]
    # lr 0.1 ends with 3 and 4, lr 1.0 with 3 and NaN: the mean of those that did not fail decides.
    assert table.loc[2, [LR, "val.loss.mean", "val.loss.n", "n_skipped"]].tolist() == [1.0, 3.0, 1, 1]
    assert table.loc[3, [LR, "val.loss.mean", "test.loss.mean", "test.loss.n"]].tolist() == [0.1, 7.0, 2.0, 1]
    assert table.loc[4].isna().sum() == 7
    assert table.loc[4, "n_skipped"] == 1


def test_best_setting_of_all(runs):
    table = runs.loc[[1, 2, 3]].mlxp.best("val.loss", scope="best", over=SEED, report="test.loss")
    assert table[[LR, "val.loss.mean", "test.loss.mean"]].to_dict("records") == [
        {LR: 0.1, "val.loss.mean": 1.5, "test.loss.mean": 2.05}
    ]
    assert table["val.loss.std"].tolist() == pytest.approx([0.5**0.5])


def test_ties_keep_the_lower_log_id():
    frame = pd.DataFrame({LR: [1.0, 2.0, 3.0], SEED: [1, 1, 1], "loss": [1.0, 1.0, 1.0]}, index=[9, 4, 7])
    frame = frame.rename_axis("log_id")
    assert frame.mlxp.best("loss")["log_id"].tolist() == [4]
    assert frame.mlxp.best("loss", over=SEED)[LR].tolist() == [2.0]


def test_the_tutorials_closing_example_in_one_call(sweep, tmp_path):
    runs = mlxp_pandas.read_runs(sweep, dst_dir=tmp_path)
    units, rate = "config.model.num_units", "config.optimizer.lr"
    groups = runs.mlxp.groupby([units, rate])
    means = groups.aggregate(train=("train.loss", "mean"), test=("test.loss", "mean"))
    last = means.map(lambda curve: curve[-1])
    winners = last.loc[last["train"].groupby(level=units).idxmin()]
    best = runs.mlxp.best("train.loss", per=units, over="config.seed", report="test.loss")
    assert list(zip(best.index, best[rate], strict=True)) == list(winners.index)
    np.testing.assert_allclose(best["train.loss.mean"], winners["train"])
    np.testing.assert_allclose(best["test.loss.mean"], winners["test"])
    assert best["train.loss.n"].tolist() == [3, 3, 3]


def test_logs_of_another_rhythm_are_matched_by_their_epoch(tmp_path):
    train = [{"loss": float(9 - step), "epoch": step // 2} for step in range(6)]
    write_run(tmp_path, 1, {"lr": 0.1}, train=train, test=rows([5.0, 1.0, 6.0]))
    table = read(tmp_path).mlxp.best("test.loss", scope="best", report=["train.loss", "train.epoch"])
    # The test loss is best in epoch 1, whose last training row is 3.
    assert table.loc[0, ["train.loss", "train.epoch"]].tolist() == [6.0, 1]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"by": "val.los"}, UnknownColumnError, r"Did you mean 'val\.loss'"),
        ({"by": "info.status"}, InvalidOptionError, "'info.status' holds other values than numbers"),
        ({"by": "val.loss", "mode": "least"}, InvalidOptionError, "mode='least'"),
        ({"by": "val.loss", "scope": "last-0"}, InvalidOptionError, "scope='last-0'"),
        ({"by": "val.loss.min", "scope": "best"}, InvalidOptionError, r"'val\.loss\.min' is one number a run"),
        ({"by": "val.loss", "per": "config.unit"}, UnknownColumnError, r"Did you mean 'config\.units'"),
        ({"by": "val.loss", "over": "config.sed"}, UnknownColumnError, r"Did you mean 'config\.seed'"),
        ({"by": "val.loss", "report": "test.los"}, UnknownColumnError, r"Did you mean 'test\.loss'"),
        ({"by": "val.loss", "over": SEED, "report": "info.status"}, InvalidOptionError, "other values than numbers"),
    ],
)
def test_wrong_arguments_of_best(runs, options, error, message):
    with pytest.raises(error, match=message):
        runs.mlxp.best(**options)


def test_best_of_no_runs(runs):
    assert runs.iloc[:0].mlxp.best("val.loss", per=UNITS).shape[0] == 0
    assert runs.iloc[:0].mlxp.best("val.loss", per=UNITS, over=SEED).shape[0] == 0
    assert runs.iloc[:0].mlxp.best("val.loss")["n_skipped"].tolist() == [0]


@given(
    st.lists(st.floats(-9, 9) | st.sampled_from([NAN, INF]), min_size=1, max_size=9), st.sampled_from(["min", "max"])
)
def test_best_agrees_with_pandas(values, mode):
    frame = pd.DataFrame({"loss": values})
    table = frame.mlxp.best("loss", mode)
    finite = frame["loss"].where(np.isfinite(frame["loss"]))
    assert table["n_skipped"].tolist() == [int(finite.isna().sum())]
    if finite.notna().any():
        assert table["log_id"].tolist() == [getattr(finite, f"idx{mode}")()]


@pytest.fixture(scope="module")
def paired():
    """Baseline 0.1 with seeds 1 to 4; 1.0 with 1 to 3 and 9; 2.0 with two shared seeds, one of which diverged."""
    table = [(0.1, 1, 1.0), (0.1, 2, 2.0), (0.1, 3, 3.0), (0.1, 4, 4.0)]
    table += [(1.0, 1, 0.5), (1.0, 2, 2.0), (1.0, 3, 4.0), (1.0, 9, 0.0), (2.0, 1, 0.5), (2.0, 2, INF)]
    return pd.DataFrame(table, columns=[LR, SEED, "loss"])


def test_compare_by_hand(paired):
    table = paired.mlxp.compare("loss", 0.1)
    assert table.index.tolist() == [1.0, 2.0]
    assert table.index.name == LR
    assert list(table.columns) == ["difference", "low", "high", "p_improvement", "n_pairs", "n_unpaired"]
    # The pairs are -0.5, 0 and 1: their mean is 1/6, one is better and one a tie.
    assert table.loc[1.0, "difference"] == pytest.approx(1 / 6)
    assert table.loc[1.0, "p_improvement"] == 0.5
    assert table["n_pairs"].tolist() == [3, 1]
    assert table["n_unpaired"].tolist() == [2, 4]
    assert table.loc[2.0, ["low", "high"]].isna().all()
    assert table.loc[2.0, "p_improvement"] == 1


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_interval_is_scipys(paired, level):
    table = paired.mlxp.compare("loss", {LR: 0.1}, level=level)
    test = stats.ttest_rel([0.5, 2.0, 4.0], [1.0, 2.0, 3.0]).confidence_interval(level)
    assert table.loc[1.0, ["low", "high"]].tolist() == pytest.approx([test.low, test.high])


def test_compare_where_more_is_better(paired):
    table = paired.mlxp.compare("loss", 0.1, mode="max")
    assert table["p_improvement"].tolist() == [0.5, 0.0]
    assert table.loc[1.0, "difference"] == pytest.approx(1 / 6)


def test_compare_curves(runs):
    some = runs.loc[[1, 2, 3, 4]]
    table = some.mlxp.compare("val.loss", 0.1, scope="best")
    # At their best: 2 and 1 with lr 0.1, 3 and 8 with lr 1.0.
    assert table.loc[1.0, ["difference", "p_improvement", "n_pairs"]].tolist() == [4.0, 0.0, 2]
    assert some.mlxp.compare("val.loss", 0.1)["n_pairs"].tolist() == [1]


def test_pairs_of_several_columns(runs):
    table = runs.loc[[1, 2, 3, 5]].mlxp.compare("test.loss", 0.1, pair=[SEED, UNITS])
    assert table["n_pairs"].tolist() == [1]
    assert table["n_unpaired"].tolist() == [2]


def test_runs_without_a_seed_have_no_partner():
    frame = pd.DataFrame({LR: [0.1, 0.1, 1.0, 1.0], SEED: [1, None, 1, None], "loss": [1.0, 2.0, 3.0, 4.0]})
    table = frame.mlxp.compare("loss", 0.1)
    assert table[["n_pairs", "n_unpaired"]].to_numpy().tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("loss", 0.2), {}, UnknownGroupError, r"No setting of \['config.lr'\] is the baseline 0.2"),
        (("loss", {LR: 7}), {}, UnknownGroupError, r"No setting of .* is the baseline {'config.lr': 7}"),
        (("loss", {"config.rl": 0.1}), {}, UnknownColumnError, r"Did you mean 'config\.lr'"),
        (("loss", 0.1, "config.sed"), {}, UnknownColumnError, r"Did you mean 'config\.seed'"),
        (("loss", 0.1), {"levl": 0.9}, InvalidOptionError, "no option 'levl'. Did you mean 'level'"),
        (("loss", 0.1), {"level": 95}, InvalidOptionError, "level=95"),
        (("los", 0.1), {}, UnknownColumnError, "Did you mean 'loss'"),
        (("loss", [0.2]), {}, UnknownGroupError, r"is the baseline \[0\.2\]"),
        (("loss", 0.1, [LR, SEED]), {}, UnknownGroupError, "No config column varies beside those of `pair`"),
        (("loss", 1, LR), {"by": SEED}, InvalidOptionError, "4 settings|has two runs with"),
    ],
)
def test_wrong_arguments_of_compare(paired, arguments, options, error, message):
    more = pd.concat([paired, paired.iloc[:1]]) if "by" in options else paired
    with pytest.raises(error, match=message):
        more.mlxp.compare(*arguments, **options)


def test_a_baseline_is_a_value_a_key_or_a_name(paired):
    found = [paired.mlxp.compare("loss", baseline) for baseline in (0.1, (0.1,), [0.1], {LR: 0.1})]
    for each in found[1:]:
        pd.testing.assert_frame_equal(each, found[0])
    lists = pd.DataFrame({LR: [(1, 2), (1, 2), (3,), (3,)], SEED: [1, 2, 1, 2], "loss": [1.0, 2.0, 3.0, 5.0]})
    assert lists.mlxp.compare("loss", [1, 2])["difference"].tolist() == [2.5]


def test_arguments_of_compare_have_places(paired):
    by_place = paired.mlxp.compare("loss", 0.1, SEED, LR, 0.9, "last")
    pd.testing.assert_frame_equal(by_place, paired.mlxp.compare("loss", 0.1, pair=SEED, by=LR, level=0.9))


def test_settings_may_be_in_the_index(paired):
    levels = paired.set_index([LR, SEED])
    pd.testing.assert_frame_equal(levels.mlxp.compare("loss", 0.1), paired.mlxp.compare("loss", 0.1))
    assert levels.mlxp.groupby(all_but=SEED).names == [LR]
    pd.testing.assert_frame_equal(levels.mlxp.best("loss", over=SEED), paired.mlxp.best("loss", over=SEED))
    assert levels.mlxp.best("loss")[[LR, SEED]].equals(paired.mlxp.best("loss")[[LR, SEED]])


def test_report_may_be_nothing(paired):
    pd.testing.assert_frame_equal(paired.mlxp.best("loss", report=None), paired.mlxp.best("loss"))


def test_a_baseline_that_is_not_one_setting(runs):
    with pytest.raises(InvalidOptionError, match=r"3 settings are {'config.lr': 1.0}: name their \['config.units'\]"):
        runs.mlxp.compare("test.loss", {LR: 1.0})
    assert len(runs.mlxp.compare("test.loss", {LR: 1.0, UNITS: 2})) == 4
    assert len(runs.mlxp.compare("test.loss", (1.0, 2), by=[LR, UNITS])) == 4


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9), st.floats(-9, 9)), max_size=6, unique_by=lambda row: row[0])
)
def test_comparing_the_other_way_round_turns_the_sign(seeds):
    table = [(lr, seed, value) for seed, *values in seeds for lr, value in zip((0.1, 1.0), values, strict=True)]
    frame = pd.DataFrame([*table, (0.1, 77, 0.0), (1.0, 78, 0.0)], columns=[LR, SEED, "loss"])
    one, other = (frame.mlxp.compare("loss", lr).iloc[0] for lr in (0.1, 1.0))
    np.testing.assert_allclose(one["difference"], -other["difference"])
    np.testing.assert_allclose(one["low"], -other["high"])
    np.testing.assert_allclose(one["p_improvement"] + other["p_improvement"], 1 if seeds else NAN)
    assert one["n_pairs"] == len(seeds)
    assert one["n_unpaired"] == 2
