# SPDX-License-Identifier: MIT
"""The bounded cache: what was used longest ago goes first, and the sum is right."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.boundedcache import BoundedCache
from tests.processes import join

actions = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12), st.booleans()), max_size=40)


@given(actions)
def test_it_is_a_mapping_that_forgets_the_longest_unused(steps: list[tuple[str, int, bool]]) -> None:
    cache: BoundedCache[str, int] = BoundedCache(limit=20)
    model: dict[str, int] = {}
    for key, size, is_put in steps:
        before = model.pop(key, None)
        if is_put:
            cache.put(key, size, size)
            model |= {key: size} if size <= 20 else {}
            while sum(model.values()) > 20:
                del model[next(iter(model))]
        else:
            assert cache.get(key) == before
            model |= {} if before is None else {key: before}
        assert cache.size == sum(model.values())
        assert len(cache) == len(model)


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache: BoundedCache[str, str] = BoundedCache(limit=5)
    cache.put("a", "small", 5)
    cache.put("a", "large", 6)
    assert cache.get("a") is None
    assert (len(cache), cache.size) == (0, 0)


def test_many_threads_leave_it_whole() -> None:
    cache: BoundedCache[int, int] = BoundedCache(limit=100)

    def work(seed: int) -> None:
        for step in range(2000):
            cache.put((seed * step) % 40, step, step % 30)
            cache.get(step % 40)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        join(thread)
    assert 0 <= cache.size <= 100
    cache.clear()
    assert (len(cache), cache.size) == (0, 0)
