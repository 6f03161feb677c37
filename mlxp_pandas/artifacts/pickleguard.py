# SPDX-License-Identifier: MIT
"""What one load of foreign pickles may cost: values, bytes copied, hashing, nesting.

The memo of a pickle can pass one large object to a million calls, and hashing, comparing and freeing recurse in C:
without these bounds a few bytes fill the memory or end the interpreter.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["MAX_VALUES", "Guard", "check_depth", "require"]

#: The most values that one load builds without trust: a number is one, 8 bytes of text are one, a container about ten.
MAX_VALUES = 10_000_000

_MAX_DEPTH = 200
_MAX_KEY = 1_000
_DICTS = {dict, collections.OrderedDict, collections.defaultdict, collections.Counter}
_OBJECT = np.dtype(object)
_CONTAINERS = {list, tuple, set, frozenset, collections.deque, np.ndarray, *_DICTS}


def require(is_valid: bool, reason: str) -> None:
    """Raise ValueError for what no program writes."""
    if not is_valid:
        raise ValueError(reason)


class Guard:
    """The budget of one load, and the containers that must be taken apart by hand if it fails."""

    def __init__(self) -> None:
        self.n_values = 0
        self.n_bytes_left = 128 << 20  # that calls may copy; arrays are not copied
        self.fragile: list[Any] = []  # freeing a long chain of these overflows the C stack
        self.same_hash: collections.Counter[tuple[int, int]] = collections.Counter()

    def count(self, n: int) -> None:
        """Count values; raises NotImplementedError over the limit."""
        self.n_values += n
        if self.n_values > MAX_VALUES:
            raise NotImplementedError(f"it holds more than {MAX_VALUES:,} values ({__name__}.MAX_VALUES)")

    def charge(self, arguments: Sequence[Any]) -> None:
        """Count what a call copies or looks at, without looking into it: lengths, and the words of large integers."""
        require(len(arguments) <= 200, "more arguments than pickle writes")
        for argument in arguments:
            if type(argument) in (list, tuple, dict):
                self.count(len(argument))
            elif type(argument) is int:
                self.count(argument.bit_length() >> 6)
            elif type(argument) in (str, bytes, bytearray):
                self.n_bytes_left -= len(argument)
        require(self.n_bytes_left >= 0, "it copies the same bytes again and again")

    def check_keys(self, keys: Iterable[Any], container: Any = None) -> None:
        """Bound the hashing and comparing of keys, before it happens, and how many of them share a hash."""
        place = -self.n_values if container is None else id(container)
        for key in keys:
            kind = type(key)
            if kind is str or kind is bytes:
                self.n_values += len(key) >> 6  # equal ones are compared whole
            elif kind not in (float, bool, type(None)) and not (kind is int and -(1 << 60) < key < 1 << 60):
                self.count(_weight(key))
                self.same_hash[place, hash(key)] += 1
                require(self.same_hash[place, hash(key)] <= 100, "its keys are made to collide")
        self.count(0)

    def watch(self, value: Any) -> None:
        """Remember a container whose type frees its elements by recursion."""
        is_array = isinstance(value, np.ndarray) and value.dtype.hasobject
        if is_array or isinstance(value, (collections.defaultdict, collections.deque)):
            self.fragile.append(value)

    def release(self) -> None:
        """Empty those containers one by one."""
        for value in self.fragile:
            value.fill(None) if isinstance(value, np.ndarray) else value.clear()


def check_depth(value: Any, depths: dict[int, int], level: int = 0) -> int:
    """Refuse long chains of containers, with NotImplementedError; a container within itself ends its chain."""
    depths[id(value)] = deepest = 0
    for child in _children(value):
        known = depths.get(id(child))
        if level + (1 if known is None else known) > _MAX_DEPTH:
            raise NotImplementedError(f"it is nested more than {_MAX_DEPTH} levels deep")
        deepest = max(deepest, check_depth(child, depths, level + 1) if known is None else known)
    depths[id(value)] = deepest + 1
    return deepest + 1


def _children(value: Any) -> list[Any]:
    if type(value) in _DICTS:
        return _containers([*value, *value.values()])
    return _containers(list(value.flat) if isinstance(value, np.ndarray) else value)


def _containers(values: Iterable[Any]) -> list[Any]:
    is_flat = _CONTAINERS.isdisjoint(map(type, values))
    # All but arrays of numbers, which checkpoints are full of.
    return [] if is_flat else [v for v in values if type(v) in _CONTAINERS and getattr(v, "dtype", _OBJECT).hasobject]


def _weight(key: Any) -> int:
    """The number of values that the hash of a key looks at."""
    n, values = 0, [key]
    while values:
        value = values.pop()
        n += 1 + (value.bit_length() >> 6 if isinstance(value, int) else 0)
        if isinstance(value, (tuple, frozenset)):
            n += len(value)
            values.extend(value if n <= _MAX_KEY else ())
        if n > _MAX_KEY or isinstance(value, np.void):
            raise NotImplementedError("it holds a key of too many parts")
    return n
