# SPDX-License-Identifier: MIT
"""`df["train.loss"].mlxp`: one number from each curve of a column, or the curves; each call is one bulk read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .errors import NoCurvesError
from .points import is_curves
from .scalars import curve_numbers, steps_of, values_at
from .values import object_array, read_values

__all__ = ["CurveAccessor"]


@pd.api.extensions.register_series_accessor("mlxp")
class CurveAccessor:
    """The curves of a column: one number from each, or the curves themselves.

    It works on columns of metrics, and on columns of loaded curves. Every result is on the index of the column, NaN
    where a run has no such metric. Points that are NaN or infinite are left out of min, max, mean, median, std, argmin
    and argmax unless `skipna=False`, which makes them NaN where a point is NaN; a curve without any other point gives
    NaN. `n_nan` counts them.

    The names of these methods are also suffixes of column names, as in `df.mlxp.filter("train.loss.min < 1")`.

    Raises
    ------
    NoCurvesError
        The column holds something else.

    Examples
    --------
    >>> import mlxp_pandas
    >>> loss = pd.Series([np.array([3.0, 1.0, 2.0]), np.array([4.0, np.nan]), np.nan], name="loss")
    >>> loss.mlxp.min().tolist()
    [1.0, 4.0, nan]
    """

    def __init__(self, values: pd.Series[Any]) -> None:
        if not is_curves(values):
            raise NoCurvesError(
                f"{values.name!r} holds no curves ({values.dtype}): .mlxp is for columns of metrics; "
                "df.mlxp, on the frame, does the rest."
            )
        self._values = values
        self._label = "curve" if values.name is None else values.name

    def first(self) -> pd.Series[Any]:
        """The first point, as it was logged.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.first().tolist()
        [3.0]
        """
        return self._reduced("first")

    def last(self) -> pd.Series[Any]:
        """The last point, as it was logged: NaN where a run has diverged. Reads only the ends of the files.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.last().tolist()
        [1.0]
        """
        return self._reduced("last")

    def min(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The smallest point.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0, np.nan])]).mlxp.min().tolist()
        [1.0]
        """
        return self._reduced("min", skipna)

    def max(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The largest point.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.inf])]).mlxp.max().tolist()
        [3.0]
        """
        return self._reduced("max", skipna)

    def mean(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The mean over the points of each run.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.mean().tolist()
        [2.0]
        """
        return self._reduced("mean", skipna)

    def median(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The median of the points of each run.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0, 9.0])]).mlxp.median().tolist()
        [3.0]
        """
        return self._reduced("median", skipna)

    def std(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The standard deviation of the points of each run, with n - 1 degrees of freedom; NaN for a single point.

        Examples
        --------
        >>> pd.Series([np.array([1.0, 2.0, 3.0])]).mlxp.std().tolist()
        [1.0]
        """
        return self._reduced("std", skipna)

    def count(self) -> pd.Series[Any]:
        """The number of points, those that are NaN or infinite included: `count() - n_nan()` are the others.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.nan])]).mlxp.count().tolist()
        [2]
        """
        return self._reduced("count")

    def n_nan(self) -> pd.Series[Any]:
        """The number of points that are NaN, infinite, or no number.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.nan, np.inf])]).mlxp.n_nan().tolist()
        [2]
        """
        return self._reduced("n_nan")

    def argmin(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The position of the smallest point among the points of the curve, counted from 0; the first of equal ones.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0, 1.0])]).mlxp.argmin().tolist()
        [1]
        """
        return self._reduced("argmin", skipna)

    def argmax(self, *, skipna: bool = True) -> pd.Series[Any]:
        """The position of the largest point among the points of the curve, counted from 0; the first of equal ones.

        Examples
        --------
        >>> pd.Series([np.array([3.0, np.nan, 5.0])]).mlxp.argmax().tolist()
        [2]
        """
        return self._reduced("argmax", skipna)

    def at(self, step: float, x: str | None = None) -> pd.Series[Any]:
        """The value at one step.

        Parameters
        ----------
        step : number
            Exactly as it was logged: nothing is interpolated.
        x : str, optional
            What the steps are: a metric of the same log (`"train.epoch"`), or its key (`"epoch"`). The place of the
            row in its log, counted from 0, unless given.

        Returns
        -------
        Series
            float64. NaN where a run has no such step; the last value where it has logged it twice.

        Raises
        ------
        UnknownColumnError
            The runs have no such `x`.
        InvalidOptionError
            An `x` of another log, or a step that is no number.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0]), np.array([2.0])]).mlxp.at(1).tolist()
        [1.0, nan]
        """
        return self._series(values_at(self._frame(), self._label, step, x), f"at({step})")

    def step_of_min(self, x: str | None = None) -> pd.Series[Any]:
        """The step at which the curve is smallest.

        Parameters
        ----------
        x : str, optional
            What the steps are, as for `at`.

        Returns
        -------
        Series
            The first of equal ones; NaN for a curve without finite points.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0]), np.nan]).mlxp.step_of_min().tolist()
        [1.0, nan]
        """
        return self._series(steps_of(self._frame(), self._label, "argmin", x), "step_of_min")

    def step_of_max(self, x: str | None = None) -> pd.Series[Any]:
        """The step at which the curve is largest.

        Parameters
        ----------
        x : str, optional
            What the steps are, as for `at`.

        Returns
        -------
        Series
            The first of equal ones; NaN for a curve without finite points.

        Examples
        --------
        >>> pd.Series([np.array([3.0, 1.0])]).mlxp.step_of_max().tolist()
        [0]
        """
        return self._series(steps_of(self._frame(), self._label, "argmax", x), "step_of_max")

    def load(self) -> pd.Series[Any]:
        """The curves.

        Returns
        -------
        Series of ndarray of shape (n_points,)
            NaN where a run has no such metric.

        Examples
        --------
        >>> pd.Series([[3.0, 1.0]], name="loss").mlxp.load()[0]
        array([3., 1.])
        """
        curves = read_values(self._frame(), [self._label])[self._label].values
        return self._series(object_array([np.asarray(each) if isinstance(each, list) else each for each in curves]))

    def _reduced(self, name: str, skipna: bool = True) -> pd.Series[Any]:
        numbers = curve_numbers(self._frame(), {self._label: [name]}, skipna=skipna)
        return self._series(numbers[self._label, name], name)

    def _frame(self) -> pd.DataFrame:
        return pd.DataFrame({self._label: self._values.array})

    def _series(self, values: Any, name: str | None = None) -> pd.Series[Any]:
        label = self._values.name
        shown = label if name is None else name if label is None else f"{label}.{name}"
        return pd.Series(values, index=self._values.index, name=shown)
