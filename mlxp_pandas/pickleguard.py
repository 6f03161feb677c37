# SPDX-License-Identifier: MIT
"""What one load of a foreign pickle may cost: values, bytes copied, hashing, nesting.

The memo of a pickle can pass one large object to a million calls, and hashing, comparing and freeing recurse in C:
without these bounds a few bytes fill the memory or end the interpreter.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["Guard", "check_depth"]

_MAX_DEPTH = 200
_MAX_KEY = 1_000
_MAX_SAME_HASH = 100
_HASHED_WELL = (str, bytes, float, bool, type(None))
_CONTAINERS = (list, tuple, dict, set, frozenset, collections.deque, np.ndarray)


class Guard:
    """The budget of one load, and the containers that must be taken apart by hand if it fails.

    Parameters
    ----------
    n_bytes : int
        The length of the pickle.
    max_values : int
        The most values that it may hold; what is copied more than once counts again.
    """

    def __init__(self, n_bytes: int, max_values: int) -> None:
        self.n_values = 0
        self.max_values = max_values
        self.n_bytes_left = 4 * n_bytes + (1 << 20)
        self.fragile: list[Any] = []  # freeing a long chain of these overflows the C stack
        self.same_hash: collections.Counter[tuple[int, int]] = collections.Counter()

    def count(self, n: int) -> None:
        """Count values; raises NotImplementedError over the limit."""
        self.n_values += n
        if self.n_values > self.max_values:
            raise NotImplementedError(
                f"it holds more than {self.max_values:,} values (mlxp_pandas.unpickle.MAX_VALUES)"
            )

    def charge(self, arguments: Iterable[Any]) -> None:
        """Count what a call copies: elements of containers, bytes and text, the words of large integers."""
        for argument in arguments:
            if isinstance(argument, (str, bytes, bytearray)):
                self.n_bytes_left -= len(argument)
            elif isinstance(argument, tuple):
                self.count(len(argument))
                self.charge(argument)
            elif isinstance(argument, (list, dict)):
                self.count(len(argument))
            elif isinstance(argument, int):
                self.count(argument.bit_length() >> 6)
        if self.n_bytes_left < 0:
            raise ValueError("it copies the same bytes again and again")

    def check_keys(self, container: Any, keys: Iterable[Any]) -> None:
        """Bound the hashing of keys, before it happens, and how many of them share a hash."""
        for key in keys:
            is_small = type(key) is int and -(1 << 60) < key < 1 << 60
            if is_small or type(key) in _HASHED_WELL:
                continue
            self.count(_weight(key))
            place = (id(container), hash(key))
            self.same_hash[place] += 1
            if self.same_hash[place] > _MAX_SAME_HASH:
                raise ValueError("its keys are made to collide")

    def watch(self, value: Any) -> None:
        """Remember a container whose type frees its elements by recursion."""
        is_array = isinstance(value, np.ndarray) and value.dtype.hasobject
        if is_array or isinstance(value, (collections.defaultdict, collections.deque)):
            self.fragile.append(value)

    def release(self) -> None:
        """Empty those containers one by one."""
        for value in self.fragile:
            value.fill(None) if isinstance(value, np.ndarray) else value.clear()


def check_depth(roots: Iterable[Any]) -> None:
    """Refuse long chains of containers, with NotImplementedError; a container within itself ends its chain."""
    depths: dict[int, int] = {}
    stack: list[tuple[Any, list[Any] | None]] = [(root, None) for root in roots if isinstance(root, _CONTAINERS)]
    while stack:
        value, children = stack.pop()
        if children is not None:
            depths[id(value)] = 1 + max((depths[id(child)] for child in children), default=0)
            if depths[id(value)] > _MAX_DEPTH:
                raise NotImplementedError(f"it is nested more than {_MAX_DEPTH} levels deep")
        elif id(value) not in depths:
            depths[id(value)] = 0
            children = _children(value)
            stack.append((value, children))
            stack.extend((child, None) for child in children)


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for item in value.items() for part in item if isinstance(part, _CONTAINERS)]
    if isinstance(value, np.ndarray):
        value = value.flat if value.dtype.hasobject else ()
    return [part for part in value if isinstance(part, _CONTAINERS)]


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
