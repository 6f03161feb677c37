# SPDX-License-Identifier: MIT
"""One number from each curve: by the accessor, and by the suffixes of names."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.errors import InvalidOptionError, NoCurvesError, QueryError, UnknownColumnError
from mlxp_pandas.stats.numbers import NUMBERS, REDUCTIONS, reduced
from mlxp_pandas.stats.points import curve_columns
from tests.handmade import read, rows, write_run

NAN, INF = np.nan, np.inf


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    logs = tmp_path_factory.mktemp("logs")
    write_run(logs, 1, {"lr": 0.1}, train=rows([4.0, 1.0, 2.0], [0, 10, 20]), test=rows([5.0]))
    write_run(logs, 2, {"lr": 0.1}, train=rows([NAN, 3.0, INF, NAN], [0, 10, 20, 30]), test=rows([6.0]))
    write_run(logs, 3, {"lr": 1.0}, test=rows([7.0]))
    write_run(logs, 4, {"lr": 1.0}, train=rows([NAN, -INF]), test=rows([8.0]))
    write_run(logs, 5, {"lr": 2.0}, train=[{"epoch": 0}, {"loss": 9.0, "epoch": 10}, {"loss": 3.0, "epoch": 10}])
    return read(logs)


EXPECTED = {
    "first": [4, NAN, NAN, NAN, 9],
    "last": [2, NAN, NAN, -INF, 3],
    "min": [1, 3, NAN, NAN, 3],
    "max": [4, 3, NAN, NAN, 9],
    "mean": [7 / 3, 3, NAN, NAN, 6],
    "median": [2, 3, NAN, NAN, 6],
    "std": [(7 / 3) ** 0.5, NAN, NAN, NAN, 18**0.5],
    "count": [3, 4, NAN, 2, 2],
    "n_nan": [0, 3, NAN, 2, 0],
    "argmin": [1, 1, NAN, NAN, 1],
    "argmax": [0, 1, NAN, NAN, 0],
    "step_of_min": [1, 1, NAN, NAN, 2],
    "step_of_max": [0, 1, NAN, NAN, 1],
}


def test_all_names_are_tested():
    assert set(EXPECTED) == set(NUMBERS)


@pytest.mark.parametrize("name", NUMBERS)
def test_by_hand(runs, name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = getattr(runs["train.loss"].mlxp, name)()
    assert found.index.equals(runs.index)
    assert found.name == f"train.loss.{name}"
    np.testing.assert_allclose(found, EXPECTED[name])


@pytest.mark.parametrize("name", NUMBERS)
def test_suffixes_say_the_same(runs, name):
    table = runs.mlxp.summary(["config.lr", f"train.loss.{name}"])
    pd.testing.assert_series_equal(table[f"train.loss.{name}"], getattr(runs["train.loss"].mlxp, name)())
    pd.testing.assert_series_equal(table["config.lr"], runs["config.lr"])


@pytest.mark.parametrize("name", ["min", "max", "mean", "median", "std", "argmin", "argmax"])
def test_without_skipna(runs, name):
    found = getattr(runs["train.loss"].mlxp, name)(skipna=False)
    assert found.loc[1] == getattr(runs["train.loss"].mlxp, name)().loc[1]
    assert found.loc[[2, 3, 4]].isna().all()
    assert reduced([np.array([1.0, -INF])], "min", skipna=False).tolist() == [-INF]


@pytest.mark.parametrize("name", REDUCTIONS)
@given(st.lists(st.floats(-1e6, 1e6) | st.sampled_from([NAN, INF, -INF]), max_size=8))
def test_against_pandas(name, points):
    curve = np.array(points, dtype=float)
    finite = pd.Series(curve).where(np.isfinite(curve))
    (found,) = reduced([curve], name)
    expected = {
        "first": lambda: curve[0] if points else NAN,
        "last": lambda: curve[-1] if points else NAN,
        "count": lambda: len(points),
        "n_nan": lambda: int(finite.isna().sum()),
        "median": lambda: np.median(finite.dropna()) if finite.notna().any() else NAN,
        "argmin": lambda: finite.idxmin() if finite.notna().any() else NAN,
        "argmax": lambda: finite.idxmax() if finite.notna().any() else NAN,
    }.get(name, getattr(finite, name, None))()
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)


def test_types():
    assert reduced([np.array([1, 2]), np.array([3])], "last").dtype == np.int64
    assert reduced([np.array([1, 2]), np.array([3])], "max").dtype == np.int64
    assert reduced([np.array([1, 2]), NAN], "last").dtype == np.float64
    assert reduced([np.array([True])], "first").dtype == np.bool_
    assert reduced([np.array([2**60]), np.array([1])], "last").tolist()[0] == 2**60
    assert reduced([np.array(["a", 1.0], dtype=object)], "first").tolist() == ["a"]
    assert reduced([np.array(["a", 1.0], dtype=object)], "n_nan").tolist() == [1]


def test_values_at_a_step(runs):
    loss = runs["train.loss"].mlxp
    np.testing.assert_array_equal(loss.at(10, x="train.epoch"), [1, 3, NAN, NAN, 3])
    np.testing.assert_array_equal(loss.at(10, "epoch"), [1, 3, NAN, NAN, 3])
    np.testing.assert_array_equal(loss.at(1), [1, 3, NAN, -INF, 9])
    np.testing.assert_array_equal(loss.step_of_min("train.epoch"), [10, 10, NAN, NAN, 10])
    np.testing.assert_array_equal(loss.step_of_max(x="epoch"), [0, 10, NAN, NAN, 10])


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ("epok", UnknownColumnError, r"no 'epok' beside 'train\.loss'"),
        ("test.epoch", InvalidOptionError, "rows of two logs do not belong together"),
    ],
)
def test_wrong_steps(runs, x, error, message):
    for method in (runs["train.loss"].mlxp.at, lambda step, x: runs["train.loss"].mlxp.step_of_min(x)):
        with pytest.raises(error, match=message):
            method(1, x)


def test_none_is_no_curve():
    frame = pd.DataFrame({"config.schedule": pd.Series([None, "cosine"], dtype=object), "loss": [[1.0], [2.0]]})
    assert frame.mlxp.summary(["config.schedule", "loss.last"])["config.schedule"].iloc[1] == "cosine"
    assert curve_columns(frame) == ["loss"]


@pytest.mark.parametrize("step", ["3", None, [1, 2], float("nan")])
def test_steps_are_numbers(runs, step):
    with pytest.raises(InvalidOptionError, match="is no step: give a number"):
        runs["train.loss"].mlxp.at(step)


def test_numbers_stand_wherever_a_column_does():
    curves = [[3.0, 1.0], [5.0, float("nan")], [2.0, 2.0], [9.0, 4.0]]
    frame = pd.DataFrame({"lr": [0.1, 0.1, 1.0, 1.0], "loss": curves})
    groups = frame.mlxp.groupby("lr")
    assert groups.aggregate((max, ("loss.min", "loss.last"))).to_numpy()[:, 0].tolist() == [5.0, 4.0]
    assert groups.aggregate({"loss.last": "mean"})["loss.last"].tolist() == [1.0, 3.0]
    assert groups.aggregate(least=("loss.min", "min"))["least"].tolist() == [1.0, 2.0]
    assert list(frame.mlxp.groupby("loss.n_nan")) == [(0,), (1,)]
    assert frame.mlxp.groupby("loss.n_nan")[1].columns.tolist() == ["lr", "loss"]
    assert frame.mlxp.groupby(["lr", "loss.n_nan"]).filter((lambda x: [v > 2 for v in x], "loss.min")).names == [
        "lr",
        "loss.n_nan",
    ]
    assert frame.mlxp.select({"loss.n_nan": 0}).index.tolist() == [0, 2, 3]
    least = (lambda numbers: [number == min(numbers) for number in numbers], "loss.min")
    assert frame.mlxp.filter(least, bygroups="lr").index.tolist() == [0, 2]
    with pytest.raises(UnknownColumnError, match="'loss' has no number 'least'"):
        groups.aggregate((max, "loss.least"))


def test_load(runs):
    loaded = runs["train.loss"].mlxp.load()
    assert loaded.loc[1].tolist() == [4, 1, 2]
    assert np.isnan(loaded.loc[3])
    assert loaded.name == "train.loss"
    np.testing.assert_allclose(loaded.mlxp.min(), EXPECTED["min"])


@pytest.mark.parametrize(
    "values",
    [pd.Series([1.0, 2.0]), pd.Series(["a"]), pd.Series([(1, 2)]), pd.Series([np.zeros((2, 2))]), pd.Series([1, 2])],
)
def test_columns_of_something_else(values):
    assert not hasattr(values, "mlxp")
    with pytest.raises(NoCurvesError, match="holds no curves"):
        _ = values.mlxp


def test_columns_without_any_value(runs):
    for values in (runs.iloc[:0]["train.loss"], pd.Series([], dtype=object), pd.Series([NAN, NAN])):
        assert values.mlxp.min().isna().all()
        assert len(values.mlxp.load()) == len(values)


def test_unnamed_and_oddly_named_columns():
    assert pd.Series([[1.0, 2.0]]).mlxp.last().name == "last"
    assert pd.Series([[1.0, 2.0]], name=("a", 1)).mlxp.last().tolist() == [2.0]


def test_renamed_and_joined_columns(runs):
    renamed = runs.rename(columns={"train.loss": "loss"})
    np.testing.assert_allclose(renamed["loss"].mlxp.min(), EXPECTED["min"])
    twice = pd.concat([runs["train.loss"], runs["test.loss"]])
    assert twice.mlxp.last().tolist()[-1] != twice.mlxp.last().tolist()[0]
    assert len(twice.mlxp.last()) == 10


def test_filter(runs):
    assert runs.mlxp.filter("train.loss.last < 2.5 and config.lr < 1").index.tolist() == [1]
    assert runs.mlxp.filter("train.loss.n_nan == 0").index.tolist() == [1, 5]
    assert runs.mlxp.filter("train.loss.min == None").index.tolist() == [3, 4]
    limit = 5.5  # noqa: F841  # the query sees it
    assert runs.mlxp.filter("test.loss.last > @limit & train.loss.max > 1").index.tolist() == [2]


def test_a_real_column_wins(runs):
    some = runs.assign(**{"train.loss.last": range(5)})
    assert some.mlxp.filter("train.loss.last == 4").index.tolist() == [5]
    assert some.mlxp.summary("train.loss.last")["train.loss.last"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("train.loss.lats", UnknownColumnError, r"'train\.loss' has no number 'lats'. Did you mean 'last'"),
        ("train.los.last", UnknownColumnError, r"no column 'train\.los'. Did you mean 'train\.loss'"),
        ("config.lr.last", InvalidOptionError, r"'config\.lr' holds no curves"),
        ("train.loss", InvalidOptionError, r"say which number of them, such as train\.loss\.last"),
        ("nothing", UnknownColumnError, "There is no column 'nothing'"),
    ],
)
def test_wrong_names(runs, name, error, message):
    for method in (runs.mlxp.summary, runs.mlxp.sort):
        with pytest.raises(error, match=message):
            method(name)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("train.loss.lats < 1", UnknownColumnError, "Did you mean 'last'"),
        ("train.los.last < 1", UnknownColumnError, r"no column 'train\.los\.last'"),
        ("config.lr.last < 1", UnknownColumnError, r"no column 'config\.lr\.last'"),
        ("train.loss < 1", QueryError, r"one number of the curve, such as train\.loss\.last"),
    ],
)
def test_wrong_names_in_queries(runs, query, error, message):
    with pytest.raises(error, match=message):
        runs.mlxp.filter(query)


def test_sort(runs):
    assert runs.mlxp.sort("train.loss.min").index.tolist() == [1, 2, 5, 3, 4]
    assert runs.mlxp.sort("train.loss.min", ascending=False).index.tolist() == [2, 5, 1, 3, 4]
    assert runs.mlxp.sort(["config.lr", "test.loss.last"], ascending=[False, True]).index.tolist() == [5, 3, 4, 1, 2]
    assert runs.mlxp.sort("log_id", ascending=False).index.tolist() == [5, 4, 3, 2, 1]
    assert runs.mlxp.sort("train.loss.min").columns.equals(runs.columns)


def test_sort_refuses_what_has_no_order():
    with pytest.raises(InvalidOptionError, match="cannot be sorted by 'a'"):
        pd.DataFrame({"a": ["x", 1]}).mlxp.sort("a")
    with pytest.raises(InvalidOptionError, match="cannot be sorted by"):
        pd.DataFrame({"a": [1]}).mlxp.sort("a", ascending=[True, False])


def test_each_file_is_opened_once(runs):
    opened = []
    watching = True
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if watching and event == "open" else None)
    runs.mlxp.summary(["train.loss.min", "train.loss.last", "train.epoch.max", "test.loss.last"])
    watching = False
    files = [name for name in opened if "/metrics/" in name and name.endswith(".json")]
    assert len(files) == len(set(files)) == 8
