# SPDX-License-Identifier: MIT
"""A progress bar for long scans: drawn by tqdm where it is installed, from the second second on."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import MissingDependencyError

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
    if show:
        _tqdm()
    begin = time.monotonic() + _DELAY if show is not False else float("inf")
    done = 0
    bar: Any = None

    def update(count: int) -> None:
        nonlocal begin, done, bar
        done += count
        if bar is not None:
            bar.update(count)
        elif done % 64 == 0 and time.monotonic() > begin:
            begin = float("inf")  # not to be tried again
            with suppress(MissingDependencyError):
                bar = _tqdm()(total=total, initial=done, unit="run", desc="Reading runs", disable=None)

    try:
        yield update
    finally:
        if bar is not None:
            bar.close()


def _tqdm() -> Any:
    """Tqdm's own choice between terminal and notebook."""
    try:
        with warnings.catch_warnings():  # it advises to install widgets, which the user did not ask for
            warnings.simplefilter("ignore")
            from tqdm.auto import tqdm
    except ImportError:
        hint = "Progress needs tqdm: pip install tqdm, or leave out progress=True."
        raise MissingDependencyError(hint) from None
    return tqdm
