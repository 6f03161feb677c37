# SPDX-License-Identifier: MIT
"""Statistics of curves step by step, users' functions, and the types of what comes out."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlxp_pandas.cells import ArtifactArray
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import InvalidMapError, UnknownColumnError
from mlxp_pandas.stats.maps import STATISTICS, aggregate, step_statistic
from mlxp_pandas.stats.partition import Partition

NAN, INF = np.nan, np.inf
RAGGED = [np.array([1.0, 2.0, 3.0]), np.array([3.0, NAN]), np.array([5.0])]


def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def one_group(frame, maps=None, **named):
    return aggregate(frame, Partition(frame, []), maps, named)


def cell(values, function):
    result = one_group(pd.DataFrame({"x": pd.Series(values)}), {"x": function})
    return result.loc[0, "x"]


# Statistics of curves.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", [3.0, NAN, 3.0]),
        ("std", [2.0, NAN, NAN]),
        ("sem", [2.0 / np.sqrt(3), NAN, NAN]),
        ("median", [3.0, NAN, 3.0]),
        ("min", [1.0, NAN, 3.0]),
        ("max", [5.0, NAN, 3.0]),
        ("count", [3, 2, 1]),
    ],
)
def test_each_step_over_the_runs_that_reached_it(name, expected):
    np.testing.assert_array_equal(step_statistic(RAGGED, name), expected)


def test_equal_lengths_are_numpy_to_the_last_bit():
    stack = np.random.default_rng(0).normal(size=(7, 50))
    expected = {
        "mean": np.mean(stack, axis=0),
        "std": np.std(stack, axis=0, ddof=1),
        "sem": np.std(stack, axis=0, ddof=1) / np.sqrt(7),
        "median": np.median(stack, axis=0),
        "min": np.min(stack, axis=0),
        "max": np.max(stack, axis=0),
        "count": np.full(50, 7),
    }
    for name in STATISTICS:
        assert np.array_equal(step_statistic(list(stack), name), expected[name])


def test_one_run_has_no_spread():
    for name in ("std", "sem"):
        assert np.isnan(step_statistic([np.array([1.0, 2.0])], name)).all()


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize(
    "curves",
    [
        [np.array([INF, NAN, 1.0]), np.array([-INF, INF, 1e308])],
        [np.array([]), np.array([])],
        [],
        [np.array([1e308] * 2)] * 2,
    ],
)
def test_numpy_does_not_warn(name, curves):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(step_statistic(curves, name)) == max(map(len, curves), default=0)


def test_types_of_statistics():
    integers, flags = [np.array([1, 2]), np.array([3, 5])], [np.array([True, False]), np.array([True, True])]
    assert step_statistic(integers, "max").dtype.kind == "i"
    assert step_statistic(integers, "mean").tolist() == [2.0, 3.5]
    assert step_statistic(flags, "min").dtype == bool
    assert step_statistic(flags, "mean").tolist() == [1.0, 0.5]
    assert step_statistic(flags, "std").tolist() == [0.0, np.std([0, 1], ddof=1)]


def test_big_integers_and_arrays_of_more_dimensions():
    big = [objects(2**70, 1), objects(2**70, 2)]
    assert step_statistic(big, "mean").tolist() == [2.0**70, 1.5]
    images = [np.ones((2, 3)), np.zeros((1, 3))]
    assert step_statistic(images, "mean").tolist() == [[0.5] * 3, [1.0] * 3]


curve = hnp.arrays(np.float64, st.integers(0, 6), elements=st.floats(-1e6, 1e6) | st.just(NAN))


@given(st.lists(curve, min_size=1, max_size=6), st.sampled_from(["mean", "std", "median", "min", "max", "count"]))
def test_any_lengths_against_one_step_at_a_time(curves, name):
    def at(step):
        reached = np.array([curve[step] for curve in curves if len(curve) > step])
        if name == "count":
            return len(reached)
        if np.isnan(reached).any():
            return NAN
        return getattr(pd.Series(reached), name)()

    expected = [at(step) for step in range(max(map(len, curves)))]
    np.testing.assert_allclose(step_statistic(curves, name), expected, rtol=1e-9, atol=1e-6)


@given(st.lists(curve, min_size=1, max_size=6), st.randoms())
def test_the_order_of_runs_does_not_matter(curves, random):
    shuffled = random.sample(curves, len(curves))
    for name in STATISTICS:
        np.testing.assert_allclose(step_statistic(curves, name), step_statistic(shuffled, name), rtol=1e-9, atol=1e-6)


# Frames.


def test_a_function_gets_a_list_of_curves():
    seen = []
    one_group(pd.DataFrame({"x": objects(*RAGGED)}), (lambda values: seen.append(values) or 0, "x"))
    (values,) = seen
    assert type(values) is list
    assert [type(value) for value in values] == [np.ndarray] * 3


def test_a_function_gets_python_values_with_nan_for_missing_ones():
    seen = []
    frame = pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64")})
    one_group(frame, (lambda values: seen.extend(values) or 0, "x"))
    assert [type(value) for value in seen] == [int, float, int]


def test_runs_without_the_metric_are_left_out():
    frame = pd.DataFrame({"x": objects(np.array([1.0]), NAN, np.array([3.0]))})
    assert one_group(frame, [(len, "x"), (np.mean, "x")]).iloc[0].tolist() == [2, 2.0]
    assert one_group(frame, {"x": "count"}).loc[0, "x"].tolist() == [2]


def test_a_group_without_the_metric_is_missing():
    frame = pd.DataFrame({"x": objects(np.array([1.0]), NAN), "key": ["with", "without"]})
    groups = Partition(frame, ["key"])
    for function in ("mean", "count", np.array):
        result = aggregate(frame, groups, {"x": function}, {})["x"]
        assert isinstance(result["with"], np.ndarray)
        assert np.isnan(result["without"])
    assert aggregate(frame, groups, (len, "x"), {})["flen.x"].dtype == "Int64"
    assert aggregate(frame, groups, (np.mean, "x"), {})["fmean.x"].dtype == "float64"
    assert aggregate(frame, groups, (lambda x: len(x) > 0, "x", "y"), {})["y"].dtype == "boolean"


@pytest.mark.parametrize(
    ("result", "dtype"),
    [
        (1, "int64"),
        (np.float64(0.5), "float64"),
        (True, "bool"),
        (pd.Timestamp(2024, 1, 1), "datetime64"),
        (None, "object"),
    ],
)
def test_scalars_are_typed(result, dtype):
    column = one_group(pd.DataFrame({"x": [1, 2]}), (lambda values: result, "x", "y"))["y"]
    assert str(column.dtype).startswith(dtype)


@pytest.mark.parametrize("result", [[1, 2], (1, 2), {"a": 1}, {1, 2}, np.zeros((2, 2)), "text"])
def test_everything_else_stays_one_cell(result):
    frame = pd.DataFrame({"x": [1, 2]})
    column = aggregate(frame, Partition(frame, ["x"]), (lambda values: result, "x", "y"), {})["y"].reset_index(
        drop=True
    )
    assert type(column[0]) is type(result)
    assert np.all(column[1] == result)


def test_lists_of_an_aggregation_are_curves_of_the_next():
    frame = pd.DataFrame({"x": objects([1.0, 2.0], [3.0])})
    assert one_group(frame, {"x": "mean"}).loc[0, "x"].tolist() == [2.0, 2.0]


def test_plain_columns_are_as_in_pandas():
    frame = pd.DataFrame(
        {
            "key": ["a", "b", "a", "b", "a"],
            "float": [1.0, 2.0, NAN, NAN, 5.0],
            "Int": pd.array([1, None, 3, None, 5], dtype="Int64"),
            "bool": [True, False, True, True, False],
            "object": pd.Series([1, 2.5, None, None, True], dtype=object),
        }
    )
    groups = frame.groupby("key")
    for label in ("float", "Int", "bool", "object"):
        for name in STATISTICS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                expected = groups[label].agg(name)
            found = aggregate(frame, Partition(frame, ["key"]), {label: name}, {})[label]
            pd.testing.assert_series_equal(found, expected)


def test_lists_of_functions_name_columns_as_pandas_does():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [1, 2]})
    found = one_group(frame, {"x": ["mean", "std"], "y": ["max"]})
    expected = frame.groupby([0, 0]).agg({"x": ["mean", "std"], "y": ["max"]})
    pd.testing.assert_frame_equal(found, expected, check_index_type=False)


def test_an_empty_frame_has_one_row():
    frame = pd.DataFrame({"x": pd.Series([], dtype="float64")})
    assert one_group(frame, {"x": "count"})["x"].tolist() == [0]
    assert np.isnan(cell(pd.Series([], dtype="float64"), "mean"))
    assert np.isnan(cell(pd.Series([], dtype="float64"), np.mean))
    assert aggregate(frame, Partition(frame, ["x"]), {"x": "mean"}, {}).shape == (0, 1)


def test_no_maps_no_columns():
    assert one_group(pd.DataFrame({"x": [1]}), []).shape == (1, 0)


def test_an_index_level_can_be_aggregated():
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.Index([7, 8], name="log_id"))
    assert one_group(frame, (min, "log_id")).loc[0, "fmin.log_id"] == 7


@pytest.mark.parametrize("name", ["mean", "std", "median"])
@pytest.mark.parametrize("values", [["a", "b"], [(1, 2), (3, 4)]])
def test_text_has_no_mean(name, values):
    with pytest.raises(InvalidMapError, match=f"'x' .* has no '{name}'"):
        cell(values, name)


@pytest.mark.parametrize("values", [objects(objects("a", "b")), objects(objects([1, 2], {})), objects(np.array(["a"]))])
def test_curves_of_text_have_no_mean(values):
    with pytest.raises(InvalidMapError, match="'mean' needs curves of numbers"):
        cell(values, "mean")
    assert cell(values, "count").tolist() == [1] * len(values[0])


def test_artifacts_are_passed_to_functions_and_counted():
    runs = [RunDir("/nowhere", "1"), None, RunDir("/nowhere", "3")]
    frame = pd.DataFrame({"x": ArtifactArray._from_runs(runs, "artifact.pickle.")})
    assert one_group(frame, (lambda cells: [each.log_id for each in cells], "x", "y")).loc[0, "y"] == [1, 3]
    assert cell(frame["x"], "count") == 2
    with pytest.raises(InvalidMapError, match=r"'x' \(artifact\[artifact\.pickle\.\]\) has no 'mean'"):
        cell(frame["x"], "mean")


def test_a_misspelt_column_is_named():
    with pytest.raises(UnknownColumnError, match=r"Did you mean 'train\.loss'"):
        one_group(pd.DataFrame({"train.loss": [1.0]}), (np.mean, "train.los"))
    with pytest.raises(UnknownColumnError, match=r"no column \('a', 'b'\)"):
        one_group(pd.DataFrame({"a": [1.0], "b": [1.0]}), {("a", "b"): "mean"})


def test_an_error_of_a_function_names_column_and_group():
    frame = pd.DataFrame({"x": objects(*RAGGED), "key": ["slow"] * 3})
    with pytest.raises(ValueError, match="raised on column 'x'") as caught:
        aggregate(frame, Partition(frame, ["key"]), (np.array, "x"), {})
    assert caught.value.__notes__ == [
        "mlxp_pandas: raised on column 'x', group ('slow',), with 1 to 3 steps:"
        ' {column: "mean"} takes unequal lengths.'
    ]
