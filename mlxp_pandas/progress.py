# SPDX-License-Identifier: MIT
"""A progress bar for long scans: drawn by tqdm where it is installed, from the second second on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import MissingDependencyError

__all__ = ["progress_bar"]

_DELAY = 1.0  # seconds before anything is imported or drawn


@contextmanager
def progress_bar(show: bool | None, total: int) -> Iterator[Callable[[int], None]]:
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
    bar = _Bar(show, total)
    try:
        yield bar.update
    finally:
        bar.close()


class _Bar:
    def __init__(self, show: bool | None, total: int) -> None:
        self._is_wanted = show is not False
        if show:
            _tqdm(required=True)
        self._total = total
        self._done = 0
        self._start = time.monotonic()
        self._bar: Any = None

    def update(self, count: int) -> None:
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        elif self._is_wanted and self._done % 64 == 0 and time.monotonic() - self._start > _DELAY:
            self._open()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _open(self) -> None:
        self._is_wanted = False
        tqdm = _tqdm(required=False)
        if tqdm is not None:
            self._bar = tqdm(total=self._total, initial=self._done, unit="run", desc="Reading runs", disable=None)


def _tqdm(*, required: bool) -> Any:
    """Tqdm's own choice between terminal and notebook, or None."""
    try:
        with warnings.catch_warnings():  # it advises to install widgets, which the user did not ask for
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        if required:
            hint = 'Progress needs tqdm: pip install "mlxp_pandas[progress]", or leave out progress=True.'
            raise MissingDependencyError(hint) from None
        return None
    return tqdm
