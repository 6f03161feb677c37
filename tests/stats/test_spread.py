# SPDX-License-Identifier: MIT
"""Statistics over runs against numpy, scipy, and values worked out by hand."""

from __future__ import annotations

import builtins
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from mlxp_pandas.errors import InvalidOptionError, MissingDependencyError
from mlxp_pandas.stats import spread
from mlxp_pandas.stats.spread import checked_options, moments, t_quantile

NAN, INF = np.nan, np.inf
RAGGED = np.array([[4.0, 2.0, 1.0, NAN], [2.0, 4.0, NAN, NAN], [6.0, NAN, NAN, NAN]])

values_of_runs = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 5)),
    elements=st.floats(-1e6, 1e6) | st.just(NAN),
)


class Statistics(NamedTuple):
    """The statistics, each an array with a value a step."""

    centre: np.ndarray
    std: np.ndarray
    sem: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n: np.ndarray


def step_statistics(values, stat="mean", error="ci", **options):
    numbers = spread.step_statistics(values, checked_options({"stat": stat, "error": error, **options}))
    assert list(numbers) == [stat, *Statistics._fields[1:]]
    return Statistics(*numbers.values())


def equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    return True


def test_mean_by_hand():
    found = step_statistics(RAGGED, error="sem")
    assert found.n.tolist() == [3, 2, 1, 0]
    assert equal(found.centre, [4, 3, 1, NAN])
    assert equal(found.std, [2, 2**0.5, NAN, NAN])
    assert equal(found.sem, [2 / 3**0.5, 1, NAN, NAN])
    assert equal(found.low, [4 - 2 / 3**0.5, 2, NAN, NAN])
    assert equal(found.high, [4 + 2 / 3**0.5, 4, NAN, NAN])


def test_t_interval_is_scipys():
    found = step_statistics(RAGGED, level=0.9)
    low, high = stats.t.interval(0.9, 2, loc=4, scale=2 / 3**0.5)
    assert equal([found.low[0], found.high[0]], [low, high])
    assert np.isnan(found.low[2:]).all()
    assert np.isnan(found.high[2:]).all()


def test_t_quantiles_are_scipys():
    n = np.array([1, 2, 3, 30, 10_000, 2])
    assert equal(t_quantile(n, 0.99), stats.t.ppf(0.995, np.where(n > 1, n - 1.0, NAN)))
    assert equal(t_quantile(np.array([5, 5]), 0.5), stats.t.ppf([0.75, 0.75], 4))


@pytest.mark.parametrize("error", ["ci", "std", "sem", "minmax"])
@pytest.mark.parametrize("stat", ["mean", "median", "iqm"])
def test_a_single_run_has_no_interval(stat, error):
    found = step_statistics(np.array([[3.0, 5.0]]), stat, error)
    assert equal(found.centre, [3, 5])
    for field in (found.std, found.sem, found.low, found.high):
        assert np.isnan(field).all()


def test_extremes_and_none():
    found = step_statistics(RAGGED, "median", "minmax")
    assert equal(found.centre, [4, 3, 1, NAN])
    assert equal(found.low, [2, 2, NAN, NAN])
    assert equal(found.high, [6, 4, NAN, NAN])
    assert np.isnan(step_statistics(RAGGED, error=None).low).all()


def test_iqm_is_the_mean_of_the_middle_half():
    values = np.array([[0.0], [1.0], [2.0], [3.0], [100.0], [NAN], [5.0], [6.0], [7.0]])
    # Of the eight values, the two lowest and the two highest go: 2, 3, 5, 6 are left.
    assert equal(step_statistics(values, "iqm", None).centre, [4])
    assert equal(step_statistics(values, "iqm", None).centre, stats.trim_mean(values[~np.isnan(values)], 0.25))


def test_infinite_points_are_kept_and_make_no_warning():
    found = step_statistics(np.array([[1.0, INF, INF], [3.0, 2.0, -INF]]), error="std")
    assert found.n.tolist() == [2, 2, 2]
    assert equal(found.centre, [2, INF, NAN])
    assert np.isnan(found.std[1:]).all()
    assert equal(step_statistics(np.array([[1.0], [INF], [2.0]]), "median", None).centre, [2])


@pytest.mark.parametrize(
    ("stat", "function"), [("median", np.median), ("iqm", lambda x, axis: stats.trim_mean(x, 0.25, axis))]
)
def test_bootstrap_is_scipys_over_whole_runs(stat, function):
    values = np.random.default_rng(0).normal(size=(9, 4))
    found = step_statistics(values, stat, "ci", n_resamples=500, random_state=3, level=0.9)
    expected = stats.bootstrap(
        (values[np.argsort(values[:, 0])],),
        function,
        n_resamples=500,
        method="percentile",
        random_state=3,
        confidence_level=0.9,
        vectorized=True,
        axis=0,
    ).confidence_interval
    assert equal(found.low, expected.low)
    assert equal(found.high, expected.high)


def test_bootstrap_takes_the_runs_that_have_the_step():
    values = np.random.default_rng(0).normal(size=(8, 2))
    ragged = values.copy()
    ragged[:3, 1] = NAN
    found = step_statistics(ragged, "median", n_resamples=300)
    alone = step_statistics(values[3:, 1:], "median", n_resamples=300)
    assert equal(found.low[1], alone.low[0])
    assert found.n.tolist() == [8, 5]
    assert (found.low <= found.centre).all()
    assert (found.centre <= found.high).all()


def test_random_state():
    values = np.random.default_rng(0).normal(size=(6, 1))
    by_default = step_statistics(values, "median", n_resamples=50)
    assert equal(by_default.low, step_statistics(values, "median", n_resamples=50, random_state=0).low)
    assert by_default.low != step_statistics(values, "median", n_resamples=50, random_state=1).low
    step_statistics(values, "median", n_resamples=50, random_state=np.random.default_rng(1))


@given(values_of_runs)
def test_moments_are_numpys(values):
    n, mean, std = moments(values)
    for step, column in enumerate(values.T):
        present = column[~np.isnan(column)]
        assert n[step] == len(present)
        np.testing.assert_allclose(mean[step], present.mean() if len(present) else NAN, rtol=1e-12, atol=1e-9)
        np.testing.assert_allclose(std[step], present.std(ddof=1) if len(present) > 1 else NAN, rtol=1e-7, atol=1e-6)


@pytest.mark.parametrize("far", [0.0, 1e9, 1e12, 1e15, -1e15])
def test_no_digits_are_lost_far_from_zero(far):
    near = np.array([[0.0, 2.0], [1.0, 2.0], [3.0, 2.0], [0.5, NAN]])
    n, mean, std = moments(far + near)
    assert n.tolist() == [4, 3]
    np.testing.assert_allclose(mean - far, [1.125, 2.0], atol=0.125 if abs(far) == 1e15 else 1e-4)
    np.testing.assert_allclose(std, [np.std(near[:, 0], ddof=1), 0], rtol=1e-14)


@given(arrays(np.float64, 3, elements=st.floats(-1e300, 1e300)), st.integers(2, 7))
def test_equal_runs_have_no_spread_at_all(curve, n):
    found = step_statistics(np.tile(curve, (n, 1)))
    np.testing.assert_array_equal(found.centre, curve)
    for field in (found.std, found.sem):
        np.testing.assert_array_equal(field, 0)
    np.testing.assert_array_equal(found.low, curve)
    np.testing.assert_array_equal(found.high, curve)


@settings(max_examples=30, deadline=None)
@given(values_of_runs, st.sampled_from(["mean", "median", "iqm"]), st.randoms(use_true_random=False))
def test_the_order_of_runs_never_matters(values, stat, random):
    order = list(range(len(values)))
    random.shuffle(order)
    found, shuffled = (step_statistics(each, stat, n_resamples=20) for each in (values, values[order]))
    for one, other in zip(found, shuffled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-6)


@given(values_of_runs, st.sampled_from(["mean", "median", "iqm"]))
def test_a_run_without_values_changes_nothing(values, stat):
    found = step_statistics(values, stat, "minmax")
    more = step_statistics(np.vstack([values, np.full(values.shape[1], NAN)]), stat, "minmax")
    for one, other in zip(found, more, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stat": "men"}, r"stat='men' .* Did you mean 'mean'"),
        ({"error": "CI"}, "error='CI' is none of the allowed values"),
        ({"error": False}, "error=False is none of the allowed values"),
        ({"level": 95}, "give 0.95 for 95 per cent"),
        ({"level": "0.95"}, "not between 0 and 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(InvalidOptionError, match=message):
        step_statistics(RAGGED, **options)


def test_without_scipy(monkeypatch):
    normal = builtins.__import__

    def missing(name, *args):
        if name.startswith("scipy"):
            raise ImportError(name)
        return normal(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert step_statistics(RAGGED, "median", "std").n.tolist() == [3, 2, 1, 0]
    with pytest.raises(MissingDependencyError, match=r"pip install scipy"):
        step_statistics(RAGGED)
    with pytest.raises(MissingDependencyError, match="scipy"):
        step_statistics(RAGGED, "iqm")
    assert equal(step_statistics(RAGGED, "iqm", None).centre, [4, 3, 1, NAN])
