# SPDX-License-Identifier: MIT
"""Columns calculate as Python's floats do: nothing wraps around, no warnings anywhere."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.errors import QueryError
from mlxp_pandas.query import filter_rows

CALCULATE = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
CALCULATE |= {"//": operator.floordiv, "%": operator.mod}
EDGES = [1, 2, 3, 7, 2**31, 2**53 + 1, 2**62, 2**63 - 1]
INTEGERS = st.sampled_from([*EDGES, *(-edge for edge in EDGES), -(2**63)])
NAN = math.nan


def columns(values: Any, other: Any = None, dtype: Any = None) -> pd.DataFrame:
    """A frame of `x`, and of `y` beside it."""
    x = pd.Series(values, dtype=dtype)
    return pd.DataFrame({"x": x, "y": x if other is None else pd.Series([other] * len(x), dtype=dtype)})


@given(values=st.lists(INTEGERS, min_size=1, max_size=3), number=INTEGERS, symbol=st.sampled_from(sorted(CALCULATE)))
@pytest.mark.parametrize("dtype", ["int64", "Int64", "object"])
def test_integers_never_wrap(dtype: str, values: list[int], number: int, symbol: str) -> None:
    # Through numpy: pandas 2.2 itself rounds large integers when it makes a masked array of a list.
    frame = columns(np.array(values, dtype="object" if dtype == "object" else "int64"), dtype=dtype)
    frame["y"] = number
    for text, expected in (
        (f"x {symbol} @v", [CALCULATE[symbol](float(value), float(number)) for value in values]),
        (f"@v {symbol} x", [CALCULATE[symbol](float(number), float(value)) for value in values]),
        (f"x {symbol} y", [CALCULATE[symbol](float(value), float(number)) for value in values]),
    ):
        frame["z"] = expected
        assert filter_rows(frame, f"{text} == z", local_values={"v": number}, missing="raise").all()


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [("/", [math.inf, -math.inf, NAN]), ("//", [math.inf, -math.inf, NAN]), ("%", [NAN, NAN, NAN])],
)
@pytest.mark.parametrize("dtype", ["int64", "float64", "Int64", "object"])
def test_dividing_by_zero_is_infinite_or_nan(symbol: str, expected: list[float], dtype: str) -> None:
    frame = columns([1, -1, 0], 0, dtype)
    for zero in ("0", "y"):
        for sign, infinity in (("inf", math.inf), ("-inf", -math.inf)):
            found = filter_rows(frame, f"x {symbol} {zero} == {sign}")
            assert found.tolist() == [value == infinity for value in expected]
        assert filter_rows(frame, f"x {symbol} {zero} == None").tolist() == np.isnan(expected).tolist()


@pytest.mark.parametrize("dtype", ["float64", "Float64", "object"])
@pytest.mark.parametrize("text", ["x ** 0", "1 ** x", "x ** x", "x ** 2", "x ** 0 + 1 ** x"])
def test_missing_values_stay_missing_in_powers_too(dtype: str, text: str) -> None:
    frame = columns([2.0, pd.NA if dtype == "Float64" else NAN], dtype=dtype)
    assert filter_rows(frame, f"{text} > 0").tolist() == [True, False]
    assert filter_rows(frame, f"{text} != 7").tolist() == [True, False]
    assert filter_rows(frame, f"{text} != 7", missing="keep").tolist() == [True, True]
    assert filter_rows(frame, f"{text} == None").tolist() == [False, True]
    with pytest.raises(QueryError, match="'x' has no value in run 1"):
        filter_rows(frame, f"{text} > 0", missing="raise")


def test_powers_are_floats_and_bounded() -> None:
    assert filter_rows(columns([10, -8, 2**62]), f"x ** {2**62} == inf").tolist() == [True, True, True]
    huge = columns([10**300, -8, 0], dtype=object)
    assert filter_rows(huge, "x ** @v == inf", local_values={"v": 10**300}).tolist() == [True, True, False]
    assert filter_rows(huge, "x ** @v == 0", local_values={"v": 10**300}).tolist() == [False, False, True]
    for dtype in (object, "int64", "float64"):
        assert filter_rows(columns([-8, -8], dtype=dtype), "x ** 0.5 == None").all()


def test_integers_of_objects_do_not_grow_without_bound() -> None:
    frame = columns([10**1000, -(10**1000), 10**308], dtype=object)
    assert filter_rows(frame, "x * 1 == inf").tolist() == [True, False, False]
    assert filter_rows(frame, "x * 1 == -inf").tolist() == [False, True, False]
    assert filter_rows(frame, "x * x * x * x == inf").tolist() == [True, True, True]


def test_constants_are_calculated_as_floats() -> None:
    frame = pd.DataFrame({"x": [512.0, -4.0, 1.5, 1.0, 7.0, 5.0, np.inf]})
    texts = ["2 ** 3 ** 2", "-2 ** 2", "2 ** -1 * 3", "7 // 2 % 2", "(1 + 2) * 3 - 4 / 2", "10 - 3 - 2", "9**9**9"]
    assert [np.flatnonzero(filter_rows(frame, f"x == {text}")).tolist() for text in texts] == [[i] for i in range(7)]
    for text in ("x == (-8) ** 0.5", "x < 0 / 0", "x ** 9 ** 9 ** 9 == 7", "x == 0 * (1 / 0)"):
        assert filter_rows(frame, text).sum() == 0
    assert filter_rows(frame, "x < 1 / 0 & x < 10.0 ** 400 & x > -1 / 0").sum() == 6
    assert filter_rows(frame, "x + 1 / 0 > 1 & 2 * x + @v == inf", local_values={"v": 10**400}).all()


@pytest.mark.parametrize("values", [["a", "b"], [(1,), {}], [pd.Timestamp(0), None], [1j, np.arange(2)]])
def test_what_is_no_number_is_unsupported(values: list[Any]) -> None:
    frame = pd.DataFrame({"x": pd.Series(np.fromiter(values, dtype=object, count=2), dtype=object)})
    assert not filter_rows(frame, "x + 1 != 0").any()
    with pytest.raises(QueryError, match=r"`\+` on 'x' in 2 runs \(0, 1\): the types do not support it"):
        filter_rows(frame, "x + 1 != 0", missing="raise")


def test_the_error_names_the_operator_and_the_column() -> None:
    frame = pd.DataFrame({"a": [1], "b": ["x"]})
    for text, symbol in (("a + a * b < 1", r"\*"), ("b - a < 1", "-"), ("a ** -b < 1", "-"), ("1 - a // b < 1", "//")):
        with pytest.raises(QueryError, match=f"`{symbol}` on 'b' in run 0"):
            filter_rows(frame, text, missing="raise")


def test_booleans_are_numbers() -> None:
    assert filter_rows(columns([True, False]), "x + true == 2").tolist() == [True, False]
    assert filter_rows(columns([True, False], dtype="boolean"), "-x == -1").tolist() == [True, False]
