# SPDX-License-Identifier: MIT
"""Every spelling of an aggregation, and what is none."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.errors import InvalidMapError
from mlxp_pandas.stats.maps import call, parse_aggregations, parse_filter

FRAME = pd.DataFrame({"a": [1], "b": [2]})


def outputs(maps=None, **named):
    return [(label, output) for _, label, output in parse_aggregations(FRAME, maps, named)]


class Caller:
    def __call__(self, values):
        return values


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        ((np.mean, "a"), [("a", "fmean.a")]),
        ((np.mean, ("a", "b")), [("a", "fmean.a"), ("b", "fmean.b")]),
        ((np.mean, ["a", "b"], ("x", "y")), [("a", "x"), ("b", "y")]),
        ((np.mean, "a", "x"), [("a", "x")]),
        ([(np.mean, "a"), (np.std, "b", "x")], [("a", "fmean.a"), ("b", "x")]),
        (("mean", "a"), [("a", "fmean.a")]),
        ((lambda x: x, "a"), [("a", "f<lambda>.a")]),
        ((functools.partial(np.mean, axis=0), "a"), [("a", "fpartial.a")]),
        ((Caller(), "a"), [("a", "fCaller.a")]),
        ((np.mean, ()), []),
        ([], []),
        ({"a": "mean"}, [("a", "a")]),
        ({"a": np.mean, "b": "max"}, [("a", "a"), ("b", "b")]),
        ({"a": ["mean", np.std]}, [("a", ("a", "mean")), ("a", ("a", "std"))]),
        ({"a": ["mean"], "b": "max"}, [("a", ("a", "mean")), ("b", ("b", "max"))]),
    ],
)
def test_spellings(maps, expected):
    assert outputs(maps) == expected


def test_named_outputs():
    assert outputs(low=("a", "min"), high=("a", np.max)) == [("a", "low"), ("a", "high")]


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (None, "Nothing to aggregate"),
        ("mean", "'mean' is not a map"),
        (np.mean, "is not a map"),
        ((np.mean,), "two or three elements"),
        ((np.mean, "a", "x", "y"), "two or three elements"),
        ([[np.mean, "a"]], "is not a map"),
        (("a", "mean"), "'a' is neither a function nor the name of a statistic"),
        (("maen", "a"), "Did you mean 'mean'"),
        ((3, "a"), "3 is neither a function nor the name of a statistic"),
        ((np.mean, ("a", "b"), "x"), r"names its 2 output\(s\), with str: \['x'\]"),
        ((np.mean, "a", 3), r"names its 1 output\(s\), with str: \[3\]"),
        ([(np.mean, "a"), (np.mean, "a")], r"Two outputs are named 'fmean\.a'"),
        ({"a": "averge"}, "'averge' is neither a function"),
        ({"a": ["mean", "mean"]}, "Two outputs are named"),
        ({"a": {"x": "mean"}}, "neither a function"),
    ],
)
def test_what_is_no_aggregation(maps, message):
    with pytest.raises(InvalidMapError, match=message):
        outputs(maps)


@pytest.mark.parametrize("spec", ["a", ("a",), (np.mean, "a"), ["a", "mean"]])
def test_what_is_no_named_output(spec):
    with pytest.raises(InvalidMapError, match=r"is not of the form loss=\(column, \"mean\"\)"):
        outputs(loss=spec)


def test_two_spellings_at_once():
    with pytest.raises(InvalidMapError, match="two spellings at once"):
        outputs({"a": "mean"}, b=("b", "mean"))


def test_filters():
    assert parse_filter(FRAME, (all, "a")) == (all, ["a"])
    assert parse_filter(FRAME, [(all, ("a", "b"), "unused")]) == (all, ["a", "b"])


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a > 1", "is not a map"),
        ([(all, "a"), (all, "b")], "Only one filter can be applied at a time; 2"),
        ((all,), "two or three elements"),
        (("mean", "a"), "its function is 'mean'"),
    ],
)
def test_what_is_no_filter(condition, message):
    with pytest.raises(InvalidMapError, match=message):
        parse_filter(FRAME, condition)


def test_an_error_of_a_users_function_says_where():
    with pytest.raises(ValueError, match=r"raised on column 'train\.loss', with 2 to 3 steps") as caught:
        call(np.array, [[np.zeros(2), np.zeros(3)]], "column 'train.loss'")
    assert len(caught.value.__notes__) == 1
