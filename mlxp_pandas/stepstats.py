# SPDX-License-Identifier: MIT
"""Statistics over runs, step by step, and how sure they are: centre, spread, interval and the number of runs.

The distributions, the bootstrap and the trimmed mean are scipy's (the extra `stats`), imported where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import InvalidOptionError, MissingDependencyError
from .options import check_choice

__all__ = ["ERRORS", "STATS", "StepStatistics", "check_level", "moments", "step_statistics", "t_quantile"]

_Floats = npt.NDArray[np.float64]
_Counts = npt.NDArray[np.int64]

STATS = ("mean", "median", "iqm")
ERRORS = ("ci", "std", "sem", "minmax", None)

_BATCH = 2**22  # resampled values held at once: 32 MB
_CACHED = 2**16  # values worked on at once: 512 KB


class StepStatistics(NamedTuple):
    """Statistics of several runs at each step, each an ndarray of shape (n_steps,).

    Attributes
    ----------
    centre : ndarray of float64
        The mean, the median or the interquartile mean; NaN where no run has a value.
    std : ndarray of float64
        Standard deviation with n - 1 degrees of freedom; NaN where fewer than two runs have a value.
    sem : ndarray of float64
        Standard error of the mean, std / sqrt(n).
    low, high : ndarray of float64
        The bounds of the interval; NaN where fewer than two runs have a value.
    n : ndarray of int64
        The number of runs that have a value.
    """

    centre: _Floats
    std: _Floats
    sem: _Floats
    low: _Floats
    high: _Floats
    n: _Counts


def step_statistics(
    values: _Floats,
    stat: str = "mean",
    error: str | None = "ci",
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    random_state: Any = 0,
) -> StepStatistics:
    """Reduce the runs at each step.

    Parameters
    ----------
    values : ndarray of float64, shape (n_runs, n_steps)
        NaN where a run has no value: it is left out. Infinite values are kept.
    stat : {"mean", "median", "iqm"}
        `iqm` is the interquartile mean, the mean of the middle half of the runs as rliable defines it.
    error : {"ci", "std", "sem", "minmax", None}
        "ci": for the mean, Student's t with n - 1 degrees of freedom; for the others, the percentile bootstrap over
        whole runs. "std", "sem": the statistic plus and minus that. "minmax": the extreme runs. None: NaN.
    level : float
        Confidence level of "ci".
    n_resamples : int
        Of the bootstrap.
    random_state : int, Generator, RandomState or None
        Of the bootstrap. The order of the runs does not matter.

    Returns
    -------
    StepStatistics

    Raises
    ------
    InvalidOptionError
        An option outside its allowed values.
    MissingDependencyError
        "ci" or "iqm" without scipy.

    Examples
    --------
    >>> found = step_statistics(np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]]), error="sem")
    >>> found.centre, found.n
    (array([ 2.,  2., nan]), array([2, 1, 0]))
    >>> found.low, found.high
    (array([ 1., nan, nan]), array([ 3., nan, nan]))
    """
    check_choice("stat", stat, STATS)
    check_choice("error", error, ERRORS)
    check_level(level)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        n, mean, std = moments(values)
        sem = std / np.sqrt(n)
        centre = mean if stat == "mean" else _centre(values, _statistic(stat))
        if error == "ci" and stat != "mean":
            bounds = _bootstrap(values, _statistic(stat), level, n_resamples, random_state)
        elif error == "minmax":
            bounds = np.fmin.reduce(values, initial=np.nan), np.fmax.reduce(values, initial=np.nan)
        else:
            width = _half_width(error, n, std, sem, level)
            bounds = centre - width, centre + width
    low, high = (np.where(n > 1, bound, np.nan) for bound in bounds)
    return StepStatistics(centre, std, sem, low, high, n)


def moments(values: _Floats) -> tuple[_Counts, _Floats, _Floats]:
    """The number of runs with a value, their mean and their standard deviation, at each step.

    Parameters
    ----------
    values : ndarray of float64, shape (n_runs, n_steps)
        NaN is left out.

    Returns
    -------
    n, mean, std : ndarray of shape (n_steps,)
        Equal values have exactly their value as mean, and no spread; std has n - 1 degrees of freedom.

    Examples
    --------
    >>> moments(np.array([[0.1, 1.0], [0.1, np.nan], [0.1, 3.0]]))
    (array([3, 2]), array([0.1, 2. ]), array([0.        , 1.41421356]))
    """
    n = np.full(values.shape[1], len(values))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        mean = values.sum(axis=0) / n
        std = np.sqrt(_squares(values, mean) / np.where(n > 1, n - 1.0, np.nan))
        # A NaN anywhere shows in the mean: only those steps need the slow way.
        holes = np.flatnonzero(np.isnan(mean))
        if holes.size:
            n[holes], mean[holes], std[holes] = _moments_with_holes(values[:, holes])
        _flatten(values, n, mean, std)
    return n, mean, std


def t_quantile(n: _Counts, level: float) -> _Floats:
    """How many standard errors the t-interval of a mean of n values reaches to each side; NaN for n below 2.

    Examples
    --------
    >>> t_quantile(np.array([1, 5]), 0.95).round(3)
    array([  nan, 2.776])
    """
    special = _scipy().special
    counts, places = (n[:1], None) if (n == n[:1]).all() else np.unique(n, return_inverse=True)
    # What scipy.stats.t.ppf computes, without its 300 microseconds a call.
    quantiles: _Floats = special.stdtrit(np.where(counts > 1, counts - 1.0, np.nan), (1 + level) / 2)
    return np.broadcast_to(quantiles, n.shape) if places is None else quantiles[places.reshape(-1)]


def check_level(level: object) -> None:
    """Refuse a confidence level that is not between 0 and 1.

    >>> check_level(95)
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: level=95 is not between 0 and 1; give 0.95 for 95 per cent.
    """
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise InvalidOptionError(f"level={level!r} is not between 0 and 1; give 0.95 for 95 per cent.")


def _squares(values: _Floats, mean: _Floats) -> _Floats:
    """The sum of the squared deviations at each step; block by block, which stay in the processor's cache."""
    total = np.zeros(values.shape[1])
    rows = max(_CACHED // max(values.shape[1], 1), 1)
    for start in range(0, len(values), rows):
        deviations = values[start : start + rows] - mean
        total += np.einsum("ij,ij->j", deviations, deviations)
    return total


def _flatten(values: _Floats, n: _Counts, mean: _Floats, std: _Floats) -> None:
    """Where all values are equal, the mean is that value and the spread is none, whatever rounding made of them."""
    suspects = np.flatnonzero(~((std > 1e-6 * np.abs(mean)) & np.isfinite(std)))
    some = values[:, suspects]
    low, high = np.fmin.reduce(some, initial=np.nan), np.fmax.reduce(some, initial=np.nan)
    is_flat = (low == high) & np.isfinite(low)
    mean[suspects[is_flat]] = low[is_flat]
    std[suspects[is_flat & (n[suspects] > 1)]] = 0.0


def _moments_with_holes(values: _Floats) -> tuple[_Counts, _Floats, _Floats]:
    present = ~np.isnan(values)
    n = present.sum(axis=0)
    mean = np.where(present, values, 0).sum(axis=0) / np.where(n > 0, n, np.nan)
    squares = _squares(np.where(present, values, mean), mean)
    return n, mean, np.sqrt(squares / np.where(n > 1, n - 1.0, np.nan))


def _half_width(error: str | None, n: _Counts, std: _Floats, sem: _Floats, level: float) -> _Floats:
    if error == "ci":
        return t_quantile(n, level) * sem
    return {"std": std, "sem": sem}[error] if error else np.full(len(n), np.nan)


def _statistic(stat: str) -> Callable[..., Any]:
    return np.median if stat == "median" else partial(_scipy().stats.trim_mean, proportiontocut=0.25)


def _centre(values: _Floats, statistic: Callable[..., Any]) -> _Floats:
    centre = np.full(values.shape[1], np.nan)
    for steps, dense in _dense(values):
        centre[steps] = statistic(dense, axis=0)
    return centre


def _dense(values: _Floats) -> Iterator[tuple[npt.NDArray[np.int64], _Floats]]:
    """The steps that the same runs have, and the values of these runs there."""
    present = ~np.isnan(values)
    patterns, places = np.unique(present, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        steps = np.flatnonzero(places.reshape(-1) == number)
        if pattern.any():
            yield steps, values[np.ix_(pattern, steps)]


def _bootstrap(
    values: _Floats, statistic: Callable[..., Any], level: float, n_resamples: int, random_state: Any
) -> tuple[_Floats, _Floats]:
    """The percentile interval; a resample takes whole runs, the same at all steps that the same runs have."""
    low, high = np.full((2, values.shape[1]), np.nan)
    settings = {"confidence_level": level, "method": "percentile", "n_resamples": n_resamples}
    for steps, dense in _dense(values):
        if len(dense) > 1:
            # In an order of their own, so that the order of the runs does not matter.
            runs = dense[np.lexsort(dense.T[::-1])]
            settings |= {"batch": max(1, _BATCH // dense.size), "random_state": random_state}
            found = _scipy().stats.bootstrap((runs,), statistic, vectorized=True, axis=0, **settings)
            low[steps], high[steps] = found.confidence_interval
    return low, high


def _scipy() -> Any:
    try:
        import scipy.special
        import scipy.stats
    except ImportError as error:
        hint = 'pip install "mlxp_pandas[stats]"; error="std", "sem" or "minmax" of a mean needs no scipy.'
        raise MissingDependencyError(f"Intervals and the interquartile mean need scipy: {hint}") from error
    return scipy
