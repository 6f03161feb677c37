# SPDX-License-Identifier: MIT
"""Names of columns, MLXP's table of fields, and the columns that vary."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas import read_runs
from mlxp_pandas.cells import ArtifactArray, MetricArray
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import InvalidOptionError, UnknownColumnError
from mlxp_pandas.stats.columns import column, fields_table, require, searchable_table, varying

ONE_RUN = [RunDir("/nowhere", "1"), None]


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def test_require_takes_one_label_or_several():
    frame = pd.DataFrame({"a": [1], "b": [1], 3: [1], ("c", "d"): [1]}, index=pd.Index([1], name="log_id"))
    assert require(frame, "a") == ["a"]
    assert require(frame, ["a", 3]) == ["a", 3]
    assert require(frame, ("a", "b")) == ["a", "b"]
    assert require(frame, frame.columns[:2]) == ["a", "b"]
    assert require(frame, ["log_id"], levels=True) == ["log_id"]
    assert require(frame, []) == []


def test_a_tuple_that_is_a_label_is_one_column():
    frame = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("loss", "mean"), ("loss", "std")]))
    assert require(frame, ("loss", "mean")) == [("loss", "mean")]
    with pytest.raises(UnknownColumnError, match="no column 'loss'"):
        require(frame, "loss")


@pytest.mark.parametrize("names", ["config.sede", ["config.seed", "config.sede"], ("config.sede",)])
def test_a_misspelt_column_is_named_with_the_nearest(names):
    frame = pd.DataFrame({"config.seed": [1], "train.loss": [1]})
    with pytest.raises(UnknownColumnError, match=r"no column 'config\.sede'\. Did you mean 'config\.seed'"):
        require(frame, names)


def test_index_levels_are_columns_only_where_asked_for():
    frame = pd.DataFrame({"a": [1]}, index=pd.Index([1], name="log_id"))
    with pytest.raises(UnknownColumnError, match="no column 'log_id'"):
        require(frame, "log_id")
    with pytest.raises(UnknownColumnError, match="Did you mean 'log_id'"):
        require(frame, "logid", levels=True)


def test_what_cannot_be_a_label_is_unknown():
    with pytest.raises(UnknownColumnError, match=r"no column \[1\]"):
        require(pd.DataFrame({"a": [1]}), [[1]])


def test_two_columns_of_one_name_are_ambiguous():
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"])
    assert column(frame, "b").tolist() == [3]
    with pytest.raises(InvalidOptionError, match="2 columns are named 'a'"):
        column(frame, "a")


def test_a_column_wins_over_an_index_level():
    frame = pd.DataFrame({"a": [1]}, index=pd.Index([2], name="a"))
    assert column(frame, "a").tolist() == [1]


def test_types_are_those_that_mlxp_prints():
    day, moment = datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 2, 3)
    frame = pd.DataFrame(
        {
            "int": [1, 2],
            "Int": pd.array([1, None], dtype="Int64"),
            "float": [0.5, np.nan],
            "bool": [True, False],
            "boolean": pd.array([True, None], dtype="boolean"),
            "str": ["a", "b"],
            "none": objects(None, None),
            "list": objects((1, 2), (1,)),
            "mapping": objects({}, {}),
            "mixed": objects("a", 1),
            "some": objects("a", np.nan),
            "day": pd.to_datetime([day, day]),
            "moment": pd.to_datetime([day, moment]),
            "train.loss": MetricArray._from_runs(ONE_RUN, "train.loss"),
            "artifact.pickle.": ArtifactArray._from_runs(ONE_RUN, "artifact.pickle."),
        }
    )
    table = fields_table(frame)
    assert table.index.name == "Fields"
    assert table.index.tolist() == sorted(frame.columns)
    assert table["Type"].to_dict() == {
        "int": "<class 'int'>",
        "Int": "<class 'int'>",
        "float": "<class 'float'>",
        "bool": "<class 'bool'>",
        "boolean": "<class 'bool'>",
        "str": "<class 'str'>",
        "none": "<class 'NoneType'>",
        "list": "<class 'list'>",
        "mapping": "<class 'dict'>",
        "mixed": "<class 'int'>",
        "some": "<class 'str'>",
        "day": "<class 'datetime.date'>",
        "moment": "<class 'datetime.datetime'>",
        "train.loss": "METRIC",
        "artifact.pickle.": "Artifact",
    }


def test_metrics_that_became_objects_are_still_metrics():
    frame = pd.DataFrame({"loss": MetricArray._from_runs(ONE_RUN, "train.loss").astype(object)})
    assert fields_table(frame)["Type"].tolist() == ["METRIC"]
    assert varying(frame, "loss") == ["loss"]


def test_searchable_is_the_config_and_the_info():
    frame = pd.DataFrame([[1, "a", 2, 3]], columns=["info.status", "config.x", "configuration", "train.loss"])
    assert searchable_table(frame).index.tolist() == ["config.x", "info.status"]
    assert searchable_table(frame[["train.loss"]]).empty


@pytest.mark.parametrize("columns", [[], [1, "a"], [("a", "b"), ("a", "c")]])
def test_fields_of_any_frame(columns):
    frame = pd.DataFrame(np.zeros((0, len(columns))), columns=columns)
    assert len(fields_table(frame)) == len(columns)


@pytest.mark.parametrize(
    ("values", "is_varying"),
    [
        ([1, 2], True),
        ([1, 1], False),
        ([1], False),
        ([], False),
        ([0.5, np.nan], True),
        ([np.nan, np.nan], False),
        (["a", "b"], True),
        (["a", "a"], False),
        (["a", None], True),
        (pd.array([1, None], dtype="Int64"), True),
        (pd.array([None, None], dtype="Int64"), False),
        (pd.array([True, True], dtype="boolean"), False),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]), True),
        (objects(1, True, 1.0), False),
        (objects(1, "1"), True),
        (objects((1, 2), (1, 2)), False),
        (objects((1, 2), (1, 3)), True),
        (objects((1, float("nan")), (1, float("nan"))), False),
        (objects({}, {}), False),
        (objects({}, np.nan), True),
        (objects(None, None), False),
        (objects(None, np.nan), True),  # `null` in the config of one run, no such key in the other's
        (objects(float("nan"), np.nan, pd.NA), False),
        (objects(np.array([1.0, np.nan]), np.array([1.0, np.nan])), False),
        (objects(np.array([1.0, 2.0]), np.array([1.0, 3.0])), True),
        (objects(np.array([1.0, 2.0]), np.array([1.0])), True),
        (objects(np.array(["a", None], dtype=object), np.array(["a", None], dtype=object)), False),
        (pd.Categorical(["a", "b"]), True),
    ],
)
def test_what_varies(values, is_varying):
    frame = pd.DataFrame({"config.x": values})
    assert varying(frame) == (["config.x"] if is_varying else [])


def test_diff_compares_only_the_presence_of_metrics():
    runs = [RunDir("/nowhere", "1"), RunDir("/nowhere", "2")]
    frame = pd.DataFrame(
        {
            "train.loss": MetricArray._from_runs(runs, "train.loss"),
            "train.acc": MetricArray._from_runs(ONE_RUN, "train.acc"),
        }
    )
    assert varying(frame, "train") == ["train.acc"]


def test_diff_keeps_the_order_of_columns_and_any_label():
    frame = pd.DataFrame([[1, 2, 3], [2, 2, 4]], columns=["config.b", 7, "config.a"])
    assert varying(frame) == ["config.b", "config.a"]
    assert varying(frame, "") == ["config.b", "config.a"]
    twice = frame.set_axis(["config.b", "config.b", "config.b"], axis=1)
    assert varying(twice) == ["config.b", "config.b"]


def test_start_key_is_text():
    with pytest.raises(InvalidOptionError, match="start_key"):
        varying(pd.DataFrame({"a": [1]}), ["a"])


leaf = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", 0.5, float("nan")])


@given(st.lists(leaf | st.tuples(leaf, leaf), max_size=5))
def test_diff_is_pairwise_comparison(values):
    def is_same(first, second):
        if isinstance(first, tuple) and isinstance(second, tuple):
            return all(map(is_same, first, second))
        both_nan = isinstance(first, float) and isinstance(second, float) and np.isnan(first) and np.isnan(second)
        return both_nan or first == second

    frame = pd.DataFrame({"config.x": pd.Series(objects(*values) if values else [], dtype=object)})
    expected = any(not is_same(values[0], value) for value in values)
    assert bool(varying(frame)) == expected


def test_fields_and_diff_are_those_of_mlxp(sweep, oracle, tmp_path):
    runs = read_runs(sweep, dst_dir=tmp_path)
    assert fields_table(runs)["Type"].to_dict() == oracle.fields["Type"].to_dict()
    assert fields_table(runs).index.tolist() == oracle.fields.index.tolist()
    assert searchable_table(runs)["Type"].to_dict() == oracle.searchable["Type"].to_dict()
    # The order differs on purpose: ours is that of the columns, MLXP's that of the first difference found.
    assert sorted(varying(runs)) == sorted(oracle.filter("").diff())


def test_diff_also_sees_a_key_that_only_the_first_run_has():
    # On purpose: MLXP walks over the keys of later runs only, and so misses it.
    assert varying(pd.DataFrame({"config.x": [1.0, np.nan, np.nan]})) == ["config.x"]
