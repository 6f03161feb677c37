# SPDX-License-Identifier: MIT
"""A cache that forgets what was used longest ago, bounded by bytes and safe among threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

__all__ = ["BoundedCache"]

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class BoundedCache(Generic[_Key, _Value]):
    """Values by key, of at most `limit` bytes together.

    Parameters
    ----------
    limit : int
        Bytes; what is larger is not kept at all.

    Examples
    --------
    >>> cache = BoundedCache(limit=10)
    >>> cache.put("a", "value", size=6)
    >>> cache.put("b", "other", size=6)
    >>> cache.get("a"), cache.get("b")
    (None, 'other')
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[_Key, tuple[_Value, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: _Key) -> _Value | None:
        """The value, or None; it counts as used now."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: _Key, value: _Value, size: int) -> None:
        """Keep a value of `size` bytes in the place of an earlier one, and forget what no longer fits."""
        with self._lock:
            self._drop(key)
            if size > self.limit:
                return
            self._values[key] = (value, size)
            self.size += size
            while self.size > self.limit:
                self._drop(next(iter(self._values)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self.size = 0

    def _drop(self, key: _Key) -> None:
        if key in self._values:
            self.size -= self._values.pop(key)[1]
