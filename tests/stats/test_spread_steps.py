# SPDX-License-Identifier: MIT
"""Curves on common steps: values worked out by hand, and what must hold for all of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.cells import Curve
from mlxp_pandas.errors import InvalidOptionError
from mlxp_pandas.stats import spread
from mlxp_pandas.stats.points import as_numbers
from mlxp_pandas.stats.spread import DUPLICATES, grid_of, interpolate, settle

NAN, INF = np.nan, np.inf


class Stack(NamedTuple):
    """Curves side by side."""

    steps: np.ndarray
    values: np.ndarray
    reached: np.ndarray


def align(curves):
    return Stack(*spread.align(curves))


def curve(steps, values):
    return Curve(np.array(steps), np.array(values, dtype=float))


def same(found, steps, values):
    np.testing.assert_array_equal(found.steps, steps)
    np.testing.assert_array_equal(found.values, values)
    return True


logged = st.lists(st.tuples(st.integers(-5, 5), st.floats(-100, 100) | st.just(NAN)), min_size=1, max_size=12).map(
    lambda points: curve(*zip(*points, strict=True))
)


@pytest.mark.parametrize(
    ("dup", "expected"),
    [("last", [9, 6, 5, 4]), ("first", [9, 8, 7, 4]), ("mean", [9, 7, 6, 4])],
)
def test_a_resumed_run(dup, expected):
    resumed = curve([0, 1, 2, 1, 2, 3], [9, 8, 7, 6, 5, 4])
    assert same(settle(resumed, dup), [0, 1, 2, 3], expected)


def test_repeated_steps_can_be_refused():
    with pytest.raises(InvalidOptionError, match=r"step 1 was logged twice; dup=\"last\""):
        settle(curve([0, 1, 1], [1, 2, 3]), "raise")
    assert same(settle(curve([1, 0], [1, 2]), "raise"), [0, 1], [2, 1])


def test_the_mean_of_repeated_steps_leaves_nan_out():
    assert same(settle(curve([0, 0, 1], [NAN, 2, NAN]), "mean"), [0, 1], [2, NAN])


def test_the_last_value_counts_even_if_it_is_nan():
    assert same(settle(curve([0, 0], [1, NAN])), [0], [NAN])


def test_steps_that_are_none_are_left_out():
    assert same(settle(curve([0, NAN, 2, INF], [1, 2, 3, 4])), [0, 2], [1, 3])


@given(logged, st.sampled_from(DUPLICATES[:3]))
def test_settled_steps_ascend_and_nothing_else_is_there(points, dup):
    found = settle(points, dup)
    assert found.steps.tolist() == sorted(set(points.steps.tolist()))
    assert settle(found, dup) == found or same(settle(found, dup), found.steps, found.values)


@given(logged)
def test_last_is_first_of_the_reversed_log(points):
    backwards = Curve(points.steps[::-1], points.values[::-1])
    assert same(settle(points, "last"), *settle(backwards, "first"))


def test_align_by_hand():
    stack = align([curve([0, 1, 2], [3, 2, 1]), curve([0, 2], [5, NAN]), curve([7], [4])])
    np.testing.assert_array_equal(stack.steps, [0, 1, 2, 7])
    np.testing.assert_array_equal(stack.values, [[3, 2, 1, NAN], [5, NAN, NAN, NAN], [NAN, NAN, NAN, 4]])
    np.testing.assert_array_equal(stack.reached, [2, 1, 2, 1])


def test_align_runs_that_stop_early():
    stack = align([curve([0, 1], [3, 2]), curve([0, 1, 2], [5, 4, NAN])])
    np.testing.assert_array_equal(stack.values, [[3, 2, NAN], [5, 4, NAN]])
    np.testing.assert_array_equal(stack.reached, [2, 2, 1])


def test_align_nothing():
    assert align([]).values.shape == (0, 0)


def test_integer_steps_stay_integers_and_mixed_ones_become_floats():
    assert align([curve([0, 1], [1, 2]), curve([1, 3], [1, 2])]).steps.dtype == np.int64
    assert align([curve([0, 1], [1, 2]), curve([0.5], [1])]).steps.tolist() == [0, 0.5, 1]


@given(st.lists(logged.map(settle), min_size=1, max_size=5))
def test_aligned_values_are_those_of_the_runs(curves):
    stack = align(curves)
    for row, each in zip(stack.values, curves, strict=True):
        assert same(
            Curve(stack.steps, row)._replace(steps=each.steps, values=row[np.isin(stack.steps, each.steps)]), *each
        )
        assert np.isnan(row[~np.isin(stack.steps, each.steps)]).all()
    np.testing.assert_array_equal(stack.reached, [sum(step in each.steps for each in curves) for step in stack.steps])


@pytest.mark.parametrize(
    ("grid", "steps", "values"),
    [
        ([0, 5, 10], [0, 5, 10], [0, 1, 2]),
        ([-1, 0, 11], [0], [0]),
        ([2.5], [2.5], [0.5]),
        ([20], [], []),
    ],
)
def test_interpolation_stays_within_the_run(grid, steps, values):
    assert same(interpolate(curve([0, 10], [0, 2]), np.array(grid, dtype=float)), steps, values)


def test_interpolation_does_not_bridge_nan_and_keeps_logged_points():
    gap = curve([0, 1, 2, 3], [0, NAN, 4, 6])
    grid = np.array([0, 0.5, 1, 1.5, 2, 2.5, 3])
    assert same(interpolate(gap, grid), grid, [0, NAN, NAN, NAN, 4, 5, 6])


def test_interpolation_of_a_single_point():
    assert same(interpolate(curve([3], [7]), np.array([2.0, 3.0])), [3], [7])


@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.floats(-9, 9)), min_size=2, max_size=9, unique_by=lambda point: point[0]
    )
)
def test_interpolation_agrees_with_numpy(points):
    run = settle(curve(*zip(*points, strict=True)))
    grid = np.linspace(run.steps[0], run.steps[-1], 13)
    np.testing.assert_allclose(interpolate(run, grid).values, np.interp(grid, *run), atol=1e-12)


def test_a_grid_of_a_number_of_points_spans_all_runs():
    assert grid_of([curve([0, 8], [1, 1]), curve([4, 10], [1, 1])], 3).tolist() == [0, 5, 10]
    assert grid_of([], 3).tolist() == []
    assert grid_of([], [3, 1, 1]).tolist() == [1, 3]


@pytest.mark.parametrize("grid", [0, -1, True, "x", [], [[1]], [NAN], [1, INF], 2.5, {}])
def test_a_grid_that_is_none(grid):
    with pytest.raises(InvalidOptionError, match="neither a number of points nor a list of finite steps"):
        grid_of([curve([0], [1])], grid)


def test_what_is_no_number_is_nan():
    found = as_numbers(np.array([1, True, "x", None, [1], 10**400, -(10**400)], dtype=object))
    np.testing.assert_array_equal(found, [1, 1, NAN, NAN, NAN, INF, -INF])
    assert as_numbers(np.array([True, False])).tolist() == [1, 0]
