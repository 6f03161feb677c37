# SPDX-License-Identifier: MIT
"""Columns calculate as their Python values do: exactly where those are integers, without warnings anywhere."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.arithmetic import calculate
from mlxp_pandas.vectors import compare, load

CALCULATE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod}
EDGES = [1, 2, 3, 7, 2**31, 2**53 + 1, 2**62, 2**63 - 1]
INTEGERS = st.sampled_from([*EDGES, *(-edge for edge in EDGES), -(2**63)])


@given(values=st.lists(INTEGERS, min_size=1, max_size=3), number=INTEGERS, symbol=st.sampled_from(sorted(CALCULATE)))
@pytest.mark.parametrize("dtype", ["int64", "Int64", "object"])
def test_integers_never_wrap(dtype: str, values: list[int], number: int, symbol: str) -> None:
    vector = load(pd.Series(values, dtype=dtype))
    for sides, expected in (
        ((vector, number), [CALCULATE[symbol](value, number) for value in values]),
        ((number, vector), [CALCULATE[symbol](number, value) for value in values]),
        ((vector, load(pd.Series([number] * len(values)))), [CALCULATE[symbol](value, number) for value in values]),
    ):
        result, unsupported = calculate(symbol, *sides)
        exact = load(pd.Series(expected, dtype=object))
        assert compare("==", result, exact)[0].all()
        assert not unsupported.any()


NAN = math.nan


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("/", [math.inf, -math.inf, NAN]), ("//", [math.inf, -math.inf, NAN]), ("%", [NAN, NAN, NAN])],
)
@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "object"])
def test_dividing_by_zero_is_infinite_or_nan(symbol: str, expected: list[float], dtype: str) -> None:
    vector = load(pd.Series([1, -1, 0], dtype=dtype))
    for zero in (0, load(pd.Series([0, 0, 0], dtype=dtype))):
        result, _ = calculate(symbol, vector, zero)
        np.testing.assert_array_equal(np.asarray(result.values, dtype=float), expected)
        assert result.missing.tolist() == np.isnan(expected).tolist()


@pytest.mark.parametrize("dtype", ["float64", "Float64", "object"])
def test_missing_values_stay_missing_in_powers_too(dtype: str) -> None:
    vector = load(pd.Series([2.0, pd.NA if dtype == "Float64" else NAN], dtype=dtype))
    for sides in ((vector, 0), (1, vector), (vector, vector), (vector, 2)):
        assert calculate("**", *sides)[0].missing.tolist() == [False, True]


def test_powers_are_floats_and_bounded() -> None:
    result, _ = calculate("**", load(pd.Series([10, -8, 2**62])), 2**62)
    assert result.values.tolist()[0] == math.inf
    result, _ = calculate("**", load(pd.Series([10**300, -8, 0], dtype=object)), 10**300)
    assert result.values.tolist() == [math.inf, math.inf, 0.0]
    assert calculate("**", load(pd.Series([-8, -8.0], dtype=object)), 0.5)[0].missing.all()
    assert calculate("**", load(pd.Series([-8, -8])), 0.5)[0].missing.all()


def test_integers_of_objects_do_not_grow_without_bound() -> None:
    vector = load(pd.Series([10**1000, -(10**1000)], dtype=object))
    for _ in range(5):
        vector, _ = calculate("*", vector, vector)
    assert vector.values.tolist() == [math.inf, math.inf]


@pytest.mark.parametrize("values", [["a", "b"], [(1,), {}], [pd.Timestamp(0), None], [1j, np.arange(2)]])
def test_what_is_no_number_is_unsupported(values: list[Any]) -> None:
    result, unsupported = calculate("+", load(pd.Series(values, dtype=object)), 1)
    assert result.missing.all()
    assert unsupported.all()


def test_booleans_are_numbers() -> None:
    assert calculate("+", load(pd.Series([True, False])), True)[0].values.tolist() == [2, 1]
