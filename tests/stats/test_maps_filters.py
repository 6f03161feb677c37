# SPDX-License-Identifier: MIT
"""Filter maps: what their functions get, and what they may return."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.errors import InvalidMapError, UnknownColumnError
from mlxp_pandas.stats.maps import filter_runs

FRAME = pd.DataFrame({"x": [3.0, 1.0, 2.0], "y": [1, 1, 2]})


def mask(condition, frame=FRAME, bygroups=None):
    kept = filter_runs(frame, condition, bygroups)
    assert kept.equals(frame.loc[kept.index])
    return frame.index.isin(kept.index).tolist()


def is_lowest(values):
    return [value == min(values) for value in values]


def test_the_whole_frame_and_group_by_group():
    assert mask((is_lowest, "x")) == [False, True, False]
    assert mask((is_lowest, "x"), FRAME.assign(z=[0, 1, 0]), "z") == [False, True, True]


def test_several_columns_are_several_arguments():
    assert mask((lambda x, y: [a == b for a, b in zip(x, y, strict=True)], ("x", "y"))) == [False, True, True]


@pytest.mark.parametrize(
    "wrap", [np.array, tuple, pd.Series, lambda outcome: (outcome,), lambda outcome: np.array(outcome, dtype=object)]
)
def test_booleans_in_any_sequence(wrap):
    assert mask((lambda x: wrap(is_lowest(x)), "x")) == [False, True, False]


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (True, "one boolean for each run, 3 of them; it returned True"),
        ([True], r"one boolean for each run, 3 of them; it returned \[True\]"),
        ([0, 1, 2], r"it returned \[0, 1, 2\]"),
        (["a", "b", "c"], "it returned .*'a'"),
        ([True, None, False], "it returned .*None"),
        (np.ones((3, 2), dtype=bool), "it returned array"),
        (None, "it returned None"),
    ],
)
def test_anything_else_is_refused(outcome, message):
    with pytest.raises(InvalidMapError, match=message):
        mask((lambda x: outcome, "x"))


def test_curves_are_arrays_and_missing_ones_nan():
    frame = pd.DataFrame({"x": pd.Series([np.array([1.0]), np.nan], dtype=object)})
    assert mask((lambda x: [isinstance(value, np.ndarray) for value in x], "x"), frame) == [True, False]


def test_a_function_is_not_called_for_nothing():
    assert mask((lambda x: 1 / 0, "x"), FRAME.head(0)) == []


def test_names_are_checked():
    with pytest.raises(UnknownColumnError, match="no column 'z'"):
        mask((is_lowest, "z"))


def test_an_error_of_a_function_names_columns_and_group():
    with pytest.raises(ZeroDivisionError, match="raised on columns") as caught:
        mask((lambda x: 1 / 0, "x"))
    assert caught.value.__notes__ == ["mlxp_pandas: raised on columns ['x'], group ()"]
