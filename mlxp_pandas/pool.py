# SPDX-License-Identifier: MIT
"""Hide the latency of a slow disk: a map in order, with threads where waiting is measured, without them elsewhere.

A warm local disk answers faster than a thread is woken; a network disk makes every call wait for a round trip. Which
of the two it is shows in the work itself: wall time that is not processor time. Some items of every block are
measured, and their medians decide, so that one item which the system put aside does not.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

__all__ = ["ordered_map"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_MEASURED = 12  # items at the head of each block
_BLOCK = 256
_THREADS = 32
_WAITING = 0.0003  # seconds an item; below, threads cost more than they hide


def ordered_map(
    function: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    progress: Callable[[int], object] | None = None,
) -> Iterator[_Result]:
    """Apply a function to each item, lazily and in order; with threads if the items mostly wait.

    Parameters
    ----------
    function : callable
        Called once an item, from any thread. What it raises is raised when its result is asked for.
    items : iterable
        Taken as results are asked for; at most 64 ahead of them.
    progress : callable, optional
        Called in the caller's thread with the number of items done since it was last called (`tqdm.update`).

    Returns
    -------
    iterator
        The results, in the order of the items. They never depend on whether threads were used.

    Examples
    --------
    >>> list(ordered_map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    results = _results(function, iter(items))
    return results if progress is None else _counted(results, progress)


def _counted(results: Iterator[_Result], progress: Callable[[int], object]) -> Iterator[_Result]:
    for result in results:
        progress(1)
        yield result


def _results(function: Callable[[_Item], _Result], source: Iterator[_Item]) -> Iterator[_Result]:
    """One after another, until a block shows that threads pay; then the rest with threads."""
    while True:
        times: list[tuple[float, float]] = []
        for item in islice(source, _MEASURED):
            result, wall, waited = _measured(function, item)
            times.append((wall, waited))
            yield result
        if len(times) < _MEASURED:
            return
        if _threads_pay(times):
            yield from _threaded(function, source)
            return
        yield from map(function, islice(source, _BLOCK - _MEASURED))


def _measured(function: Callable[[_Item], _Result], item: _Item) -> tuple[_Result, float, float]:
    """The result, with the seconds it took and those of them that were not computing."""
    wall, computing = time.perf_counter(), time.thread_time()
    result = function(item)
    computing, wall = time.thread_time() - computing, time.perf_counter() - wall
    return result, wall, wall - computing


def _threads_pay(times: list[tuple[float, float]]) -> bool:
    waiting = _median(waited for _, waited in times)
    return waiting > _WAITING and waiting > 0.5 * _median(wall for wall, _ in times)


def _median(values: Iterable[float]) -> float:
    """The upper median: importing `statistics` costs more than this module."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _threaded(function: Callable[[_Item], _Result], source: Iterator[_Item]) -> Iterator[_Result]:
    """The results in order, with a bounded number of items under way."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlxp_pandas")
    try:
        pending = deque(_submit(pool, function, item) for item in islice(source, 2 * _THREADS))
        while pending:
            yield pending.popleft().result()
            pending.extend(_submit(pool, function, item) for item in islice(source, 1))
    finally:
        # After an exception or Ctrl-C, nothing new starts and nobody waits for an item that hangs.
        pool.shutdown(wait=False, cancel_futures=True)


def _submit(pool: ThreadPoolExecutor, function: Callable[[_Item], _Result], item: _Item) -> Future[_Result]:
    """Hand an item to the pool; where the system allows no further thread, do it here."""
    try:
        return pool.submit(function, item)
    except RuntimeError:
        return _done_here(function, item)


def _done_here(function: Callable[[_Item], _Result], item: _Item) -> Future[_Result]:
    future: Future[_Result] = Future()
    try:
        future.set_result(function(item))
    except Exception as error:
        future.set_exception(error)
    return future
