# SPDX-License-Identifier: MIT
"""Columns compare as their Python values do, also where numpy would round, wrap or raise."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.vectors import Vector, compare, contains, load

COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EDGES = [0, 1, 2**31, 2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**400]
INTEGERS = st.sampled_from([*EDGES, *(-edge for edge in EDGES)])
FLOATS = st.sampled_from([0.0, 0.5, 1.0, 2.0**53, 2.0**53 + 2, 2.0**63, 2.0**64, 1e308, float("inf"), float("-inf")])
NUMBERS = INTEGERS | FLOATS | st.booleans()
SYMBOLS = st.sampled_from(sorted(COMPARE))


def stored(dtype: str) -> st.SearchStrategy[list[Any]]:
    """Values that a dtype holds exactly."""
    if dtype.lower().startswith("float"):
        return st.lists(FLOATS, min_size=1, max_size=4)
    if dtype.startswith("bool"):
        return st.lists(st.booleans(), min_size=1, max_size=4)
    limits = np.iinfo(dtype.lower())
    return st.lists(INTEGERS.filter(lambda value: limits.min <= value <= limits.max), min_size=1, max_size=4)


@pytest.mark.parametrize(
    "dtype", ["int64", "Int64", "uint64", "UInt64", "float64", "Float64", "bool", "boolean", "int32", "object"]
)
@given(data=st.data(), symbol=SYMBOLS, number=NUMBERS)
def test_numbers_compare_exactly(dtype: str, data: st.DataObject, symbol: str, number: Any) -> None:
    values = data.draw(st.lists(NUMBERS, min_size=1, max_size=4) if dtype == "object" else stored(dtype))
    # Through numpy: pandas 2.2 itself rounds large integers when it makes a masked array of a list.
    plain = np.array(values, dtype="bool" if dtype == "boolean" else dtype.lower())
    vector = load(pd.Series(plain, dtype=dtype))
    holds, unsupported = compare(symbol, vector, number)
    assert holds.tolist() == [COMPARE[symbol](value, number) for value in values]
    mirrored, _ = compare(symbol, number, vector)
    assert mirrored.tolist() == [COMPARE[symbol](number, value) for value in values]
    assert not unsupported.any()
    assert contains([number, "a", None], vector).tolist() == [value == number for value in values]


@given(
    data=st.data(),
    symbol=SYMBOLS,
    dtypes=st.tuples(*[st.sampled_from(["int64", "uint64", "float64", "bool", "Int64"])] * 2),
)
def test_columns_of_numbers_compare_exactly(data: st.DataObject, symbol: str, dtypes: tuple[str, str]) -> None:
    left, right = (data.draw(stored(dtype)) for dtype in dtypes)
    size = min(len(left), len(right))
    columns = [pd.Series(values[:size], dtype=dtype) for values, dtype in zip((left, right), dtypes, strict=True)]
    holds, _ = compare(symbol, load(columns[0]), load(columns[1]))
    assert holds.tolist() == [COMPARE[symbol](*pair) for pair in zip(left[:size], right[:size], strict=True)]


TEXTS = ["a", "b", "", "é", "\U0001f600", "1"]


@pytest.mark.parametrize("dtype", ["object", "string", None])
@pytest.mark.parametrize("symbol", COMPARE)
def test_texts_compare_by_code_point_and_missing_ones_never(dtype: Any, symbol: str) -> None:
    vector = load(pd.Series([*TEXTS, float("nan")], dtype=dtype))
    assert vector.kind == "text"
    for text in TEXTS:
        assert compare(symbol, vector, text)[0].tolist() == [*(COMPARE[symbol](value, text) for value in TEXTS), False]
        other = load(pd.Series([text] * 6 + [float("nan")], dtype=object))
        assert compare(symbol, vector, other)[0].tolist() == compare(symbol, vector, text)[0].tolist()


@pytest.mark.parametrize("dtype", ["string", "object"])
def test_text_and_numbers_have_no_order_and_are_never_equal(dtype: str) -> None:
    vector = load(pd.Series(["1", None if dtype == "string" else float("nan")], dtype=dtype))
    assert compare("==", vector, 1)[0].tolist() == [False, False]
    assert compare("!=", vector, 1)[0].tolist() == [True, False]
    holds, unsupported = compare("<", vector, 1)
    assert holds.tolist() == [False, False]
    assert unsupported.tolist() == [True, False]


def test_none_is_a_value_and_absent() -> None:
    vector = load(pd.Series([None, float("nan"), pd.NA, pd.NaT, "a"], dtype=object))
    assert vector.missing.tolist() == [False, True, True, True, False]
    assert vector.absent.tolist() == [True, True, True, True, False]
    assert compare("!=", vector, "a")[0].tolist() == [True, False, False, False, False]
    assert contains([None], vector).tolist() == [True, False, False, False, False]
    assert compare("==", vector, vector)[0].tolist() == [True, False, False, False, True]


def test_lists_compare_as_tuples_at_any_depth() -> None:
    vector = load(pd.Series([(1, 2), [1, 2], np.array([1, 2]), ([1], 2), "(1, 2)"], dtype=object))
    assert compare("==", vector, (1, 2))[0].tolist() == [True, True, True, False, False]
    assert contains([((1,), 2)], vector).tolist() == [False, False, False, True, False]
    assert compare("<", vector, (1, 3))[0].tolist() == [True, True, True, False, False]


def test_columns_are_not_copied_nor_changed() -> None:
    column = pd.Series([1.0, float("nan")])
    vector = load(column)
    assert np.shares_memory(vector.values, column.to_numpy())
    assert isinstance(vector, Vector)
    compare("!=", vector, 1.0)
    assert column.tolist()[0] == 1.0
