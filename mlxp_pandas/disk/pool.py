# SPDX-License-Identifier: MIT
"""A map in order that hides the latency of a slow disk: with threads where the first items mostly wait."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

__all__ = ["ordered_map"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_MEASURED = 5  # items that tell how slow the disk is
_WAITING = 0.0005  # seconds that the median of them waits; below, threads cost more than they hide
_THREADS = 8


def ordered_map(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """Apply a function to each item, lazily and in order; with threads if the first items mostly wait.

    Parameters
    ----------
    function : callable
        Called once an item, from any thread. What it raises is raised when its result is asked for.
    items : iterable
        Taken as results are asked for; at most 16 ahead of them.

    Returns
    -------
    iterator
        The results, in the order of the items. They never depend on whether threads were used.

    Examples
    --------
    >>> list(ordered_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    source = iter(items)
    waits = []
    for item in islice(source, _MEASURED):
        start = time.perf_counter() - time.thread_time()
        result = function(item)
        waits.append(time.perf_counter() - time.thread_time() - start)
        yield result
    are_slow = waits and sorted(waits)[len(waits) // 2] > _WAITING
    yield from _threaded(function, source) if are_slow else map(function, source)


def _threaded(function: Callable[[_Item], _Result], source: Iterator[_Item]) -> Iterator[_Result]:
    """The results in order, with a bounded number of items under way."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlxp_pandas")
    try:
        pending = deque(_submitted(pool, function, item) for item in islice(source, 2 * _THREADS))
        while pending:
            yield pending.popleft()()
            pending.extend(_submitted(pool, function, item) for item in islice(source, 1))
    finally:
        # After an exception or Ctrl-C, nothing new starts and nobody waits for an item that hangs.
        pool.shutdown(wait=False, cancel_futures=True)


def _submitted(pool: ThreadPoolExecutor, function: Callable[[_Item], _Result], item: _Item) -> Callable[[], _Result]:
    """What waits for the result of an item; where the system allows no further thread, what computes it."""
    try:
        return pool.submit(function, item).result
    except RuntimeError:
        return partial(function, item)
