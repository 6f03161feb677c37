# SPDX-License-Identifier: MIT
"""A progress bar for long scans: drawn by tqdm where it is installed, from the second second on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..errors import MissingDependencyError

__all__ = ["ProgressBar"]

_DELAY = 1.0  # seconds before anything is imported or drawn


class ProgressBar:
    """A context whose value is called with the number of runs done since the last call.

    Parameters
    ----------
    show : bool, optional
        None shows a bar where tqdm is installed and somebody looks; True demands it; False never shows one.
    total : int
        The number of runs.

    Raises
    ------
    MissingDependencyError
        `show` is True and tqdm is not installed.
    """

    def __init__(self, show: bool | None, total: int) -> None:
        if show:
            _tqdm()
        self._begin = time.monotonic() + _DELAY if show is not False else float("inf")
        self._total = total
        self._done = 0
        self._bar: Any = None

    def __enter__(self) -> Callable[[int], None]:
        return self._update

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _update(self, count: int) -> None:
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif time.monotonic() > self._begin:
            self._begin = float("inf")  # not to be tried again
            with suppress(MissingDependencyError):
                bar = _tqdm()
                self._bar = bar(total=self._total, initial=self._done, unit="run", desc="Reading runs", disable=None)


def _tqdm() -> Any:
    """Tqdm's own choice between terminal and notebook."""
    try:
        with warnings.catch_warnings():  # it advises to install widgets, which the user did not ask for
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        hint = 'Progress needs tqdm: pip install "mlxp_pandas[progress]", or leave out progress=True.'
        raise MissingDependencyError(hint) from None
    return tqdm
