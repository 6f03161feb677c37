# SPDX-License-Identifier: MIT
"""The ordered map: same results with and without threads, bounded, and nothing hangs after an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from mlxp_pandas.disk import ordered_map

WAIT = 0.002


def waits(item: int) -> int:
    time.sleep(WAIT)
    return item * item


def test_results_are_in_order_without_waiting() -> None:
    assert list(ordered_map(lambda item: item * item, range(1000))) == [item * item for item in range(1000)]


def test_results_are_in_order_with_waiting() -> None:
    assert list(ordered_map(waits, range(200))) == [item * item for item in range(200)]


@pytest.mark.parametrize("count", [0, 1, 11, 12, 13, 255, 256, 257])
def test_every_length_is_complete(count: int) -> None:
    assert list(ordered_map(str, range(count))) == [str(item) for item in range(count)]
    assert len(list(ordered_map(lambda _: time.sleep(0.0005), range(count % 64)))) == count % 64


def test_threads_are_used_only_where_items_wait() -> None:
    def thread_of(item: float) -> str:
        time.sleep(item)
        return threading.current_thread().name

    slow = set(ordered_map(thread_of, [WAIT] * 100))
    quick = set(ordered_map(lambda item: threading.current_thread().name, [0.0] * 1000))
    assert len(slow) > 2
    assert quick == {threading.current_thread().name}


def test_one_slow_item_does_not_start_threads() -> None:
    def thread_of(item: int) -> str:
        if item == 3:
            time.sleep(0.05)
        return threading.current_thread().name

    assert set(ordered_map(thread_of, range(300))) == {threading.current_thread().name}


def test_items_are_taken_lazily_and_the_number_under_way_is_bounded() -> None:
    taken: list[int] = []

    def source() -> Iterator[int]:
        for item in range(10_000):
            taken.append(item)
            yield item

    results = ordered_map(waits, source())
    assert next(results) == 0
    assert len(taken) == 1
    for _ in range(30):
        next(results)
    assert len(taken) <= 31 + 64
    results.close()


@pytest.mark.parametrize("bad", [0, 5, 40, 99])
@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_what_an_item_raises_is_raised_at_its_place(bad: int, error: type[BaseException]) -> None:
    def fails(item: int) -> int:
        if item == bad:
            raise error("item is bad")
        return waits(item)

    results = ordered_map(fails, range(100))
    assert [next(results) for _ in range(bad)] == [item * item for item in range(bad)]
    with pytest.raises(error, match="item is bad"):
        next(results)
    assert list(results) == []


def test_leaving_early_does_not_wait_for_a_hanging_item() -> None:
    hang = threading.Event()

    def hangs(item: int) -> int:
        if item == 60:
            hang.wait(30)
        return waits(item)

    results = ordered_map(hangs, range(1000))
    for _ in range(20):
        next(results)
    results.close()
    hang.set()


def test_a_system_that_allows_no_thread_still_gives_results(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuses)
    assert list(ordered_map(waits, range(50))) == [item * item for item in range(50)]


def test_without_threads_an_error_is_still_raised_at_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    def fails(item: int) -> int:
        if item == 40:
            raise ValueError("item is bad")
        return waits(item)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refuses)
    results = ordered_map(fails, range(50))
    assert [next(results) for _ in range(40)] == [item * item for item in range(40)]
    with pytest.raises(ValueError, match="item is bad"):
        next(results)
