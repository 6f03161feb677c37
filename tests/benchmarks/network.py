# SPDX-License-Identifier: MIT
"""A slow disk: every call that touches the runs waits a millisecond first, as on a network disk it would."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlxp_pandas import read_runs

from .measure import Lab, Reach, Row, benchmark, in_turns, seconds
from .scanning import indexed

_DELAY = 0.001
_BY_PATH = ("access", "listdir", "lstat", "open", "readlink", "scandir", "stat")
_BY_DESCRIPTOR = ("close", "fstat", "lseek", "read")
_SHARE = 10  # every tenth part of the calls is made one after another, and its time multiplied

Call = tuple[str, tuple[Any, ...], dict[str, Any], Any]


@benchmark
def network(lab: Lab) -> Iterator[Row]:
    n_runs = lab.scaled(1000)
    path = indexed(lab.runs(n_runs))
    for name, refresh in (("cold", True), ("warm", None)):
        turns = []
        for _ in range(lab.repeats):
            with slow_disk(path) as calls:
                ours = seconds(lambda refresh=refresh: read_runs(path, refresh=refresh))
            turns.append((ours, _one_after_another(calls)))
        work = f"{name} read of {n_runs:,} runs, each call 1 ms later"
        yield in_turns(turns).row(work, f"the same {len(calls):,} calls in a row", Reach(1 / 6))


@contextmanager
def slow_disk(folder: Path) -> Iterator[list[Call]]:
    """Inside, the module `os` waits before each call on something in the folder of a run; the calls are listed."""
    calls: list[Call] = []
    with pytest.MonkeyPatch.context() as patch:
        shim = _Shim(f"{folder}/", calls)
        for name in _BY_PATH:
            patch.setattr(os, name, shim.by_path(name, getattr(os, name)))
        for name in _BY_DESCRIPTOR:
            patch.setattr(os, name, shim.by_descriptor(name, getattr(os, name)))
        yield calls


class _Shim:
    def __init__(self, prefix: str, calls: list[Call]) -> None:
        self._prefix = prefix
        self._calls = calls
        self._opened: set[int] = set()

    def by_path(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def slow(path: Any = ".", *rest: Any, **options: Any) -> Any:
            if not isinstance(path, str) or not path.startswith(self._prefix) or not path[len(self._prefix)].isdigit():
                return call(path, *rest, **options)
            time.sleep(_DELAY)
            result = call(path, *rest, **options)
            self._calls.append((name, (path, *rest), options, result))
            if name == "open":
                self._opened.add(result)
            return result

        return slow

    def by_descriptor(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def slow(descriptor: int, *rest: Any) -> Any:
            if descriptor not in self._opened:
                return call(descriptor, *rest)
            time.sleep(_DELAY)
            self._calls.append((name, (descriptor, *rest), {}, None))
            if name == "close":
                self._opened.discard(descriptor)
            return call(descriptor, *rest)

        return slow


def _one_after_another(calls: list[Call]) -> float:
    """The time of the same calls without any overlap."""
    some = calls[: len(calls) // _SHARE]
    return seconds(lambda: _replay(some)) * len(calls) / len(some)


def _replay(calls: list[Call]) -> None:
    descriptors: dict[int, int] = {}
    for name, (first, *rest), options, result in calls:
        time.sleep(_DELAY)
        if name == "open":
            descriptors[result] = os.open(first, *rest, **options)
        elif name == "close":
            os.close(descriptors.pop(first))
        else:
            getattr(os, name)(descriptors.get(first, first), *rest, **options)
    for descriptor in descriptors.values():
        os.close(descriptor)
