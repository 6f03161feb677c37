# SPDX-License-Identifier: MIT
"""Columns compare as their Python values do, also where numpy would round, wrap or raise."""

from __future__ import annotations

import datetime
import operator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.errors import QueryError, UnknownColumnError
from mlxp_pandas.query import filter_rows
from mlxp_pandas.query.columns import fitted, kind_of, load, moment_of, plain

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


def rows(values: Any, text: str, **options: Any) -> list[bool]:
    """Which values of a column `x` a query selects; `@v` is a local."""
    local = {"v": options.pop("v")} if "v" in options else {}
    return filter_rows(pd.DataFrame({"x": values}), text, local_values=local, **options).tolist()


@pytest.mark.parametrize(
    "dtype", ["int64", "Int64", "uint64", "UInt64", "float64", "Float64", "bool", "boolean", "int32", "object"]
)
@given(data=st.data(), symbol=SYMBOLS, number=NUMBERS)
def test_numbers_compare_exactly(dtype: str, data: st.DataObject, symbol: str, number: Any) -> None:
    values = data.draw(st.lists(NUMBERS, min_size=1, max_size=4) if dtype == "object" else stored(dtype))
    # Through numpy: pandas 2.2 itself rounds large integers when it makes a masked array of a list.
    array = np.array(values, dtype="bool" if dtype == "boolean" else dtype.lower())
    column = pd.Series(array, dtype=dtype)
    assert rows(column, f"x {symbol} @v", v=number) == [COMPARE[symbol](value, number) for value in values]
    assert rows(column, f"@v {symbol} x", v=number) == [COMPARE[symbol](number, value) for value in values]
    assert rows(column, f"x {symbol} @v", v=number, missing="raise") == rows(column, f"x {symbol} @v", v=number)
    assert rows(column, "x in @v", v=[number, "a", None]) == [value == number for value in values]
    assert rows(column, "x not in @v", v=[number, "a", None]) == [value != number for value in values]


@given(
    data=st.data(),
    symbol=SYMBOLS,
    dtypes=st.tuples(*[st.sampled_from(["int64", "uint64", "float64", "bool", "Int64"])] * 2),
)
def test_columns_of_numbers_compare_exactly(data: st.DataObject, symbol: str, dtypes: tuple[str, str]) -> None:
    left, right = (data.draw(stored(dtype)) for dtype in dtypes)
    size = min(len(left), len(right))
    # As above; a masked array is made of a numpy one.
    columns = [
        pd.Series(np.array(values[:size], dtype=dtype.lower()), dtype=dtype)
        for values, dtype in zip((left, right), dtypes, strict=True)
    ]
    frame = pd.DataFrame(dict(zip("xy", columns, strict=True)))
    pairs = zip(left[:size], right[:size], strict=True)
    assert filter_rows(frame, f"x {symbol} y").tolist() == [COMPARE[symbol](*pair) for pair in pairs]


@pytest.mark.parametrize("dtype", ["float32", "Float32"])
def test_short_floats_compare_as_in_pandas(dtype: str) -> None:
    column = pd.Series([0.1, 0.5, 1e30], dtype=dtype)
    assert rows(column, "x == 0.1") == [True, False, False]
    assert rows(column, "x in [0.5, 1]") == [False, True, False]
    assert rows(column, "x < 1e308 & x != 2 ** 1000") == [True, True, True]


TEXTS = ["a", "b", "", "é", "\U0001f600", "1"]


@pytest.mark.parametrize("dtype", ["object", "string", None])
@pytest.mark.parametrize("symbol", COMPARE)
def test_texts_compare_by_code_point_and_missing_ones_never(dtype: Any, symbol: str) -> None:
    column = pd.Series([*TEXTS, float("nan")], dtype=dtype)
    for text in TEXTS:
        expected = [*(COMPARE[symbol](value, text) for value in TEXTS), False]
        assert rows(column, f"x {symbol} @v", v=text) == expected
        frame = pd.DataFrame({"x": column, "y": pd.Series([text] * 6 + [float("nan")], dtype=object)})
        assert filter_rows(frame, f"x {symbol} y").tolist() == expected


@pytest.mark.parametrize("dtype", ["string", "object"])
def test_text_and_numbers_have_no_order_and_are_never_equal(dtype: str) -> None:
    column = pd.Series(["1", None if dtype == "string" else float("nan")], dtype=dtype)
    assert rows(column, "x == 1") == [False, False]
    assert rows(column, "x != 1") == [True, False]
    assert rows(column, "x < 1") == [False, False]
    with pytest.raises(QueryError, match="`<` on 'x' in run 0: the types do not support it"):
        rows(column[:1], "x < 1", missing="raise")


HALF = "\ud800"


def test_half_characters_are_found_where_they_are() -> None:
    column = pd.Series([HALF, "a"], dtype=object)
    assert rows(column, "x == @v", v=HALF) == rows(column, "x in @v", v=[HALF]) == [True, False]
    assert rows(column, "x != @v", v=HALF) == rows(column, "x in @v", v=["a"]) == [False, True]
    assert rows(pd.Series(["a", None], dtype="string"), "x == @v or x in [@v]", v=HALF) == [False, False]
    with pytest.raises(UnknownColumnError, match=r"There is no column '\\ud800'"):
        rows(column, f"`{HALF}` == 1")


def test_none_is_a_value_and_absent() -> None:
    column = pd.Series([None, float("nan"), pd.NA, pd.NaT, "a"], dtype=object)
    assert load(column)[2].tolist() == [False, True, True, True, False]
    assert rows(column, "x == None") == [True, True, True, True, False]
    assert rows(column, "x != 'a'") == [True, False, False, False, False]
    assert rows(column, "x in [None]") == [True, False, False, False, False]
    assert rows(column, "x == x") == [True, False, False, False, True]


def test_lists_compare_as_tuples_at_any_depth() -> None:
    cells = [(1, 2), [1, 2], np.array([1, 2]), ([1], 2), "(1, 2)"]
    column = pd.Series(np.fromiter(cells, dtype=object, count=5), dtype=object)
    assert rows(column, "x == (1, 2)") == [True, True, True, False, False]
    assert rows(column, "x in [[[1], 2]]") == [False, False, False, True, False]
    assert rows(column, "x < (1, 3)") == [True, True, True, False, False]


def test_what_cannot_be_looked_up_is_in_no_list() -> None:
    column = pd.Series([{}, [{}], {1}, 1], dtype=object)
    assert rows(column, "x in [1, 'a']", missing="raise") == [False, False, False, True]
    assert rows(column, "x not in [1, 'a']", missing="raise") == [True, True, True, False]


def test_columns_are_not_copied_nor_changed() -> None:
    column = pd.Series([1.0, float("nan")])
    assert np.shares_memory(load(column)[1], column.to_numpy())
    texts = pd.Series(["a", "b"], dtype=object)
    assert np.shares_memory(load(texts)[1], texts.to_numpy())
    rows(column, "x != 1 | x + 1 == 2")
    assert column.tolist()[0] == 1.0


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Series([1]), "number"),
        (pd.Series([True]), "number"),
        (pd.Series([1.5], dtype="Float32"), "number"),
        (pd.Series(["a"], dtype=object), "text"),
        (pd.Series(["a", float("nan")], dtype=object), "text"),
        (pd.Series(["a", None], dtype=object), "object"),
        (pd.Series(["a", None], dtype="string"), "text"),
        (pd.Series(["a", None], dtype="category"), "text"),
        (pd.Series([1, 2], dtype="category"), "object"),
        (pd.Series(pd.to_datetime(["2024-05-06"])), "moment"),
        (pd.Series(pd.to_datetime(["2024-05-06"])).dt.tz_localize("Europe/Paris"), "zoned"),
        (pd.Series([datetime.date(2024, 5, 6)], dtype=object), "object"),
        (pd.Series([1j]), "object"),
    ],
)
def test_how_a_column_compares(column: pd.Series[Any], kind: str) -> None:
    found, values, missing = load(column)
    assert (found, len(values), len(missing)) == (kind, len(column), len(column))


@given(number=NUMBERS, dtype=st.sampled_from(["i1", "i8", "u8", "f8"]))
def test_a_number_fits_or_does_not(number: Any, dtype: str) -> None:
    with np.errstate(all="ignore"):
        held = fitted(number, np.dtype(dtype))
    assert held is None or held.item() == number


def test_values_of_every_kind() -> None:
    zoned = datetime.datetime(2024, 5, 6, tzinfo=datetime.UTC)
    values = [1, 1.5, True, "a", HALF, zoned.replace(tzinfo=None), zoned, None, (1,), 1j]
    kinds = ["number"] * 3 + ["text", "object", "moment", "zoned"] + ["object"] * 3
    assert list(map(kind_of, values)) == kinds


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024", datetime.datetime(2024, 1, 1)),
        ("2024-05", datetime.datetime(2024, 5, 1)),
        ("2024-05-06", datetime.datetime(2024, 5, 6)),
        ("2024-05-06T07:08:09.5", datetime.datetime(2024, 5, 6, 7, 8, 9, 500_000)),
        ("now", None),
        ("today", None),
        ("", None),
        ("06/05/2024", None),
        (2024, None),
    ],
)
def test_moments_are_iso_texts(text: object, moment: datetime.datetime | None) -> None:
    assert moment_of(text) == moment


def test_values_that_lie_in_themselves_end() -> None:
    value: list[Any] = []
    value.append(value)
    assert str(plain(value)).startswith("((((")
