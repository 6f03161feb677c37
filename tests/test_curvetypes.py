# SPDX-License-Identifier: MIT
"""The dtype of a curve: no value changes, and parts join to what the whole would be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.curvetypes import curve_of, joined, uniform_curve_of

floats = st.floats()
integers = st.integers() | st.sampled_from([2**53, -(2**53) - 1, 2**63 - 1, 2**63, 2**64])
values = st.one_of(
    st.lists(kind, max_size=6)
    for kind in (
        floats,
        integers,
        st.booleans(),
        floats | integers,
        floats | st.none(),
        integers | st.none(),
        st.text(),
    )
) | st.lists(floats | integers | st.booleans() | st.none() | st.text() | st.lists(st.integers()), max_size=6)


def is_same(kept: Any, written: Any) -> bool:
    """Whether a value is kept: of the same type and bits, or an equal float for an integer, or NaN for null."""
    if written is None:
        return kept is None or math.isnan(kept)
    if type(written) is int and type(kept) is float:
        return int(kept) == written
    return type(kept) is type(written) and repr(kept) == repr(written)


@given(values)
def test_every_value_is_kept(written: list[Any]) -> None:
    curve = curve_of(written)
    assert curve.shape == (len(written),)
    assert all(is_same(kept, value) for kept, value in zip(curve.tolist(), written, strict=True))


@given(values, values)
def test_parts_join_to_what_the_whole_is_or_not_at_all(first: list[Any], second: list[Any]) -> None:
    together = joined([curve_of(first), curve_of(second)]) if first and second else None
    if together is not None:
        whole = curve_of(first + second)
        assert together.dtype == whole.dtype
        assert repr(together.tolist()) == repr(whole.tolist())


@given(values, st.integers(0, 6))
def test_a_part_of_a_uniform_curve_has_its_dtype(written: list[Any], cut: int) -> None:
    curve = uniform_curve_of(written)
    if curve is not None and written[:cut]:
        assert curve[:cut].dtype == curve_of(written[:cut]).dtype


def test_an_array_stays_itself() -> None:
    curve = np.array([0.5])
    assert curve_of(curve) is curve
    assert uniform_curve_of(curve) is curve


def test_a_curve_of_nulls_is_of_no_numbers() -> None:
    assert curve_of([None, None]).dtype == np.float64
    assert np.isnan(curve_of([None, None])).all()


def test_integers_that_join_floats_must_be_exact() -> None:
    assert joined([curve_of([2**53 + 1]), curve_of([0.5])]) is None
    assert joined([curve_of([2**53]), curve_of([0.5])]) is not None
