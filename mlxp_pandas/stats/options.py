# SPDX-License-Identifier: MIT
"""Keyword options: completed by their defaults, and checked against what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidOptionError, suggest


def completed(
    given: Mapping[str, Any], defaults: Mapping[str, Any], allowed: Mapping[str, Sequence[Any]] | None = None
) -> dict[str, Any]:
    """The options that were given, and the defaults of the others.

    Parameters
    ----------
    given : mapping
        By name.
    defaults : mapping
        All options.
    allowed : mapping, optional
        The values that some of them may have.

    Returns
    -------
    dict

    Raises
    ------
    InvalidOptionError
        An option that does not exist, or a value that is not allowed.

    Examples
    --------
    >>> completed({"mode": "max"}, {"mode": "min", "level": 0.95}, {"mode": ("min", "max")})
    {'mode': 'max', 'level': 0.95}
    >>> completed({"mod": "max"}, {"mode": "min", "level": 0.95})
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: There is no option 'mod'. Did you mean 'mode'?
    """
    for name in given:
        if name not in defaults:
            raise InvalidOptionError(f"There is no option {name!r}.{suggest(name, defaults)}")
    chosen = {**defaults, **given}
    for name, values in (allowed or {}).items():
        check_choice(name, chosen[name], values)
    return chosen


def check_choice(name: str, given: object, allowed: Sequence[Any]) -> None:
    """Refuse a value that is none of the allowed ones.

    >>> check_choice("mode", "mean", ("min", "max"))
    Traceback (most recent call last):
    mlxp_pandas.errors.InvalidOptionError: mode='mean' is none of the allowed values. Allowed: 'min', 'max'.
    """
    if not any(given is value or (isinstance(given, str) and given == value) for value in allowed):
        raise InvalidOptionError(f"{name}={given!r} is none of the allowed values.{suggest(given, allowed)}")
