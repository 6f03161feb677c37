# SPDX-License-Identifier: MIT
"""The data that pandas' suite for extension arrays asks for, once for each of our two arrays."""

from __future__ import annotations

import inspect
import operator
import re
from collections.abc import Callable, Iterator

import pandas as pd
import pytest
from pandas import _testing as tm
from pandas.tests.extension import base
from pandas.tests.extension.conftest import (  # noqa: F401
    all_data,
    as_array,
    as_frame,
    as_series,
    box_in_series,
    data_for_twos,
    data_repeated,
    fillna_method,
    groupby_apply_op,
    invalid_scalar,
    na_cmp,
    na_value,
    use_numpy,
)

from mlxp_pandas.cells import ArtifactDtype, LazyDtype, MetricDtype
from mlxp_pandas.cells.lazy import LazyArray
from mlxp_pandas.disk import RunDir

Build = Callable[..., LazyArray]

# The suite asks for 100 rows or for 10, as pandas' version has it.
N_ROWS = int(re.search(r"len\(data\) == (\d+)", inspect.getsource(base.BaseInterfaceTests.test_len))[1])


@pytest.fixture(
    params=[MetricDtype("train.loss"), ArtifactDtype("artifact.pickle..deep.er")], ids=["metric", "artifact"]
)
def dtype(request: pytest.FixtureRequest) -> LazyDtype:
    """Both dtypes: every test of the suite runs for each."""
    return request.param


@pytest.fixture
def build(dtype: LazyDtype) -> Build:
    """An array from log_ids; None is a missing cell. The runs need not exist: nothing is read."""

    def from_log_ids(*log_ids: int | None) -> LazyArray:
        runs = [None if log_id is None else RunDir("/logs", str(log_id)) for log_id in log_ids]
        return dtype.construct_array_type()._from_runs(runs, dtype.column)

    return from_log_ids


@pytest.fixture
def data(build: Build) -> LazyArray:
    return build(*range(1, N_ROWS + 1))


@pytest.fixture
def data_missing(build: Build) -> LazyArray:
    return build(None, 1)


@pytest.fixture
def data_for_sorting(build: Build) -> LazyArray:
    # 10 comes after 9 as a number and before it as text.
    return build(9, 10, 1)


@pytest.fixture
def data_missing_for_sorting(build: Build) -> LazyArray:
    return build(9, None, 1)


@pytest.fixture
def data_for_grouping(build: Build) -> LazyArray:
    return build(9, 9, None, None, 1, 1, 9, 10)


# Older versions have the fixtures below in pandas/conftest.py alone, which changes pandas' and hypothesis' settings.


@pytest.fixture(params=["count", "sum", "max", "min", "mean", "prod", "std", "var", "median", "kurt", "skew", "sem"])
def all_numeric_reductions(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["all", "any"])
def all_boolean_reductions(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(
    params=["all", "any", "sum", "max", "min", "mean", "prod", "std", "var", "median", "kurt", "skew", "sem"]
)
def all_reductions(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["cumsum", "cumprod", "cummin", "cummax"])
def all_numeric_accumulations(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=tm.arithmetic_dunder_methods)
def all_arithmetic_operators(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[operator.eq, operator.ne, operator.gt, operator.ge, operator.lt, operator.le])
def comparison_op(request: pytest.FixtureRequest) -> Callable[[object, object], object]:
    return request.param


@pytest.fixture(params=[True, False])
def using_nan_is_na(request: pytest.FixtureRequest) -> Iterator[bool]:
    with pd.option_context("future.distinguish_nan_and_na", not request.param):
        yield request.param


@pytest.fixture(params=[None, lambda values: values])
def sort_by_key(request: pytest.FixtureRequest) -> Callable[[object], object] | None:
    return request.param
