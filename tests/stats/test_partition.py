# SPDX-License-Identifier: MIT
"""Rows by the values of columns, against plain Python."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.cells import ArtifactArray, MetricArray
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import InvalidOptionError
from mlxp_pandas.stats.partition import Partition, plain_key

NAN = np.nan


def keys(values, dtype=None):
    return Partition(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}), ["x"]).keys


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10.0, 1.0, 10.0], [(1.0,), (10.0,)]),
        ([2, 1], [(1,), (2,)]),
        (["b", "a", None], [("a",), ("b",), (NAN,)]),
        ([True, False], [(False,), (True,)]),
        ([NAN, 1.0, NAN], [(1.0,), (NAN,)]),
        ([NAN, NAN], [(NAN,)]),
        (pd.array([2, None, 1], dtype="Int64"), [(1,), (2,), (NAN,)]),
        (pd.array([True, None], dtype="boolean"), [(True,), (NAN,)]),
        (pd.Categorical(["low", "high"], ["low", "high"]), [("low",), ("high",)]),
        (pd.to_datetime(["2024-01-02", "2024-01-01"]), [(pd.Timestamp(2024, 1, 1),), (pd.Timestamp(2024, 1, 2),)]),
        ([], []),
    ],
)
def test_keys_are_sorted_python_values(values, expected):
    found = keys(values)
    assert found == expected
    assert [type(key[0]) for key in found] == [type(key[0]) for key in expected]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([(2, 1), (1, 2)], [((1, 2),), ((2, 1),)]),
        (["b", 1, "a"], [("b",), (1,), ("a",)]),  # not sortable: in the order of the runs
        ([1, True, 1.0], [(1,)]),
        ([None, "a", NAN], [("a",), (NAN,)]),
        ([(1, NAN), (1, float("nan"))], [((1, NAN),)]),
    ],
)
def test_keys_of_objects(values, expected):
    assert keys(values, dtype=object) == expected


def test_several_columns_sort_one_after_the_other():
    frame = pd.DataFrame({"x": [2, 1, 2, 1], "y": ["b", "a", "a", None]})
    partition = Partition(frame, ["x", "y"])
    assert partition.keys == [(1, "a"), (1, NAN), (2, "a"), (2, "b")]
    assert partition.codes.tolist() == [3, 0, 2, 1]
    assert partition.order.tolist() == [1, 3, 2, 0]
    assert [rows.tolist() for rows in partition.rows] == [[1], [3], [2], [0]]
    assert partition.mask([0, 3]).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [([1, 2], "int64"), ([1, None], "Int64"), ([0.5, NAN], "float64"), ([True, False], "bool"), (["a", None], None)],
)
def test_the_index_has_the_type_of_the_column(values, dtype):
    values = pd.Series(values, dtype=dtype)
    index = Partition(pd.DataFrame({"x": values}), ["x"]).index
    assert index.dtype == values.dtype
    assert index.names == ["x"]


def test_the_index_of_lists_is_flat():
    index = Partition(pd.DataFrame({"x": [(1, 2), (3, 4)]}), ["x"]).index
    assert index.nlevels == 1
    assert index.tolist() == [(1, 2), (3, 4)]


def test_the_index_of_several_columns():
    frame = pd.DataFrame({"x": [1, 1], "y": pd.Series([(1, 2), None], dtype=object)})
    index = Partition(frame, ["x", "y"]).index
    assert index.names == ["x", "y"]
    assert index[0] == (1, (1, 2))


def test_without_columns_there_is_one_group():
    for n_rows in (0, 2):
        partition = Partition(pd.DataFrame({"x": [1.0] * n_rows}), [])
        assert partition.keys == [()]
        assert partition.rows[0].tolist() == list(range(n_rows))
        assert len(partition.index) == 1


def test_index_levels_group():
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 1)], names=["u", "v"]))
    assert Partition(frame, ["v", "x"]).keys == [(1, 1), (1, 2)]


@pytest.mark.parametrize("array", [MetricArray, ArtifactArray])
def test_placeholders_do_not_group(array):
    frame = pd.DataFrame({"x": array._from_runs([RunDir("/nowhere", "1")], "x.y")})
    with pytest.raises(InvalidOptionError, match=r"'x' holds .*, one for each run"):
        Partition(frame, ["x"])


@pytest.mark.parametrize("value", [{}, [1], np.zeros(2)])
def test_what_is_not_hashable_does_not_group(value):
    values = np.empty(2, dtype=object)
    values[:] = [value, value]
    with pytest.raises(InvalidOptionError, match="'x' cannot be grouped by: "):
        Partition(pd.DataFrame({"x": values}), ["x"])


value = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", 0.5, -1.0, float("nan"), (1, 2)])


@given(st.lists(st.tuples(value, value), max_size=12))
def test_groups_are_those_of_a_dict(rows):
    expected = {}
    for place, row in enumerate(rows):
        expected.setdefault(plain_key(row), []).append(place)
    frame = pd.DataFrame({name: pd.Series([row[i] for row in rows], dtype=object) for i, name in enumerate("xy")})
    partition = Partition(frame, ["x", "y"])
    found = {key: places.tolist() for key, places in zip(partition.keys, partition.rows, strict=True)}
    assert found == expected
    assert len(partition) == len(expected)


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from("abc")), max_size=20))
def test_groups_are_sorted(rows):
    frame = pd.DataFrame(rows, columns=["x", "y"])
    assert Partition(frame, ["x", "y"]).keys == sorted(set(rows))
