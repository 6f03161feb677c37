# SPDX-License-Identifier: MIT
"""The dtype of a curve: which array holds the values of a metric without changing one of them in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["curve_of", "joined", "uniform_curve_of"]

_EXACT = 2**53  # up to here, every integer is a float64


def curve_of(values: Sequence[object] | NDArray[np.float64]) -> NDArray[Any]:
    """Put the values of one metric, as JSON gives them, into an array.

    Parameters
    ----------
    values : sequence
        int, float, bool, None, str, list or dict each. An array is returned as it is.

    Returns
    -------
    ndarray of shape (n_values,)
        int64 for integers; float64 for floats, also where integers (that a float64 holds exactly) or nulls are among
        them, null as NaN; bool for booleans; object with the values as written for everything else: text, lists,
        mappings, mixtures, integers beyond 64 bits, or beside floats beyond what float64 holds exactly.

    Examples
    --------
    >>> curve_of([1, 2.5, None])
    array([1. , 2.5, nan])
    >>> curve_of([2**64])
    array([18446744073709551616], dtype=object)
    """
    if isinstance(values, np.ndarray):
        return values
    kinds = set(map(type, values))
    if len(kinds) == 1 and (curve := _of_one_kind(values, *kinds)) is not None:
        return curve
    if kinds <= {int, float, type(None)} and kinds != {int} and _are_exact(values):
        return np.array(values, dtype=np.float64)  # None becomes NaN
    return np.fromiter(values, dtype=object, count=len(values))


def uniform_curve_of(values: Sequence[object] | NDArray[np.float64]) -> NDArray[Any] | None:
    """The same, where each part of the values would have this dtype too; else None.

    Examples
    --------
    >>> uniform_curve_of([1, 2])
    array([1, 2])
    >>> uniform_curve_of([1, 2.5]) is None
    True
    """
    if isinstance(values, np.ndarray):
        return values
    kinds = set(map(type, values))
    return _of_one_kind(values, *kinds) if len(kinds) == 1 else None


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    """Join the curves of consecutive parts of one log, or None where only the values as written can tell the dtype.

    Examples
    --------
    >>> joined([curve_of([1, 2]), curve_of([2.5])])
    array([1. , 2. , 2.5])
    >>> joined([curve_of([1.0]), curve_of(["diverged"])]) is None
    True
    """
    kinds = {part.dtype.kind for part in parts}
    if len(kinds) == 1 and kinds != {"O"}:
        return np.concatenate(parts)
    if kinds == {"i", "f"} and all(_is_exact_array(part) for part in parts if part.dtype.kind == "i"):
        return np.concatenate([part.astype(np.float64) for part in parts])
    return None


def _of_one_kind(values: Sequence[Any], kind: type) -> NDArray[Any] | None:
    if kind is float:
        return np.array(values, dtype=np.float64)
    if kind is int and _fits_int64(values):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.bool_) if kind is bool else None


def _fits_int64(values: Sequence[Any]) -> bool:
    return bool(min(values) >= -(2**63) and max(values) < 2**63)


def _are_exact(values: Sequence[Any]) -> bool:
    """Whether float64 holds every integer among the values."""
    return all(type(value) is not int or -_EXACT <= value <= _EXACT or _is_exact(value) for value in values)


def _is_exact(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _is_exact_array(part: NDArray[Any]) -> bool:
    return part.size == 0 or (int(part.min()) >= -_EXACT and int(part.max()) <= _EXACT)
