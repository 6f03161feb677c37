# SPDX-License-Identifier: MIT
"""The restricted unpickler: plain data as `pickle` builds it, or one of two errors; nothing runs or is imported."""

from __future__ import annotations

import collections
import contextlib
import datetime
import io
import math
import pathlib
import pickle
import struct
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlxp_pandas.artifacts.plaindata import VALUES
from mlxp_pandas.artifacts.unpickle import NotPlain, PickleProblem, plain

PLAIN = [
    {"epoch": 3, "loss": [0.5, -0.0, 1e300], "name": "net", "ok": (True, None)},
    [np.arange(6.0).reshape(2, 3), np.float32(0.1), np.array(["ab"]), np.array([1, None, "x"], object)],
    [np.zeros(1, [("a", ">f8"), ("b", "S3", (2,))]), np.dtype("M8[25s]"), np.array([1], "m8[h]"), np.str_("x")],
    [collections.OrderedDict(a=1), collections.defaultdict(list, a=[1]), collections.deque([1], 3)],
    [collections.Counter("aab"), {1, (2, 3)}, frozenset({1, frozenset({2})}), bytearray(b"\0"), b"\xff"],
    [2**200, -(2**63), 1j, range(5, -7, -2), slice(1, None), ..., NotImplemented, int, "\ud800\u2028"],
    [datetime.datetime(2026, 1, 1, fold=1, tzinfo=datetime.UTC), datetime.time.max, datetime.timedelta(-1, 5, 7)],
    [datetime.date(2026, 11, 23), pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("c:/a")],
]
HOSTILE = [
    b"cos\nsystem\n(S'true'\ntR.",
    b"c__builtin__\neval\n(S'1'\ntR.",
    b"(S'true'\nios\nsystem\n.",
    b"cbuiltins\ngetattr\n(cbuiltins\nstr\nS'format'\ntR.",
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
    b"\x80\x02cdill._dill\n_eval_repr\nX\x08\x00\x00\x00range(3)\x85R.",
    b"\x80\x02cdill._dill\n_load_type\nX\x03\x00\x00\x00int\x85R.",
    b"\x80\x02]q\x00h\x00a}q\x01h\x00h\x01s\x8f(K\x01K\x02\x90K\x05\x94j\x00\x00\x00\x00.",
    b"P1\n.",
    b"\x80\x02]" + b"]" * 300 + b"a" * 300 + b".",
]
SEEDS = [pickle.dumps(value, protocol) for value in PLAIN for protocol in (0, 2, 5)] + HOSTILE

_HARMLESS = ("object.__getattr__", "sys._getframe", "code.__new__", "builtins.id")
_events: list[str] = []
_watching: list[bool] = []


def check(data: bytes) -> None:
    """Read a pickle, and compare what comes of it with what `pickle` builds from the same names."""
    with nothing_happens():
        try:
            value = plain(data)
        except (NotPlain, PickleProblem):
            return
    with contextlib.suppress(RecursionError):  # a list within itself
        assert_plain(value, set())
        try:
            expected = _Reference(io.BytesIO(data)).load()
        except Exception:  # stricter in what needs no import: the lengths of frames, say
            return
        assert parts(value) == parts(expected), f"{value!r} for {expected!r}"


@contextlib.contextmanager
def nothing_happens() -> Iterator[None]:
    """Whatever the interpreter reports to its auditors is an error: imports, files, processes, code."""
    before = len(sys.modules)
    _events.clear()
    _watching.append(True)
    try:
        yield
    finally:
        _watching.clear()
        assert not _events, _events
        assert len(sys.modules) == before, "a module was imported"


def _audit(event: str, _: object) -> None:
    if _watching and event not in _HARMLESS:
        _events.append(event)


class _Reference(pickle._Unpickler):  # type: ignore[name-defined]
    """The unpickler of the standard library, for the names that ours knows (and none of dill, which evaluates).

    It is the one in Python: that in C takes 21 GB for the five bytes of a place in the memo.
    """

    def find_class(self, module: str, name: str) -> Any:
        today = {"__builtin__": "builtins"}.get(module, module).replace("numpy.core.", "numpy._core.")
        name = {"xrange": "range", "unicode": "str", "long": "int"}.get(name, name) if today != module else name
        if (today, name) not in VALUES or today.startswith("dill"):
            raise LookupError(f"{module}.{name} is not compared")
        found = super().find_class(today.replace("pathlib._local", "pathlib"), name)
        return _fresh_dtype if found is np.dtype else found

    def load_build(self) -> None:
        """Flags of a dtype that numpy does not write are not compared: numpy believes them, and crashes later."""
        state, built = self.stack[-1], self.stack[-2]
        if isinstance(built, np.dtype) and state[7] & ~_ALIGNED not in (0, _VOID, built.flags):
            raise LookupError("flags of a dtype")
        super().load_build()

    dispatch = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}  # type: ignore[attr-defined]  # noqa: RUF012


_ALIGNED, _VOID = 0x80, 0x10


def _fresh_dtype(code: str, *_: Any) -> np.dtype[Any]:
    """A copy, as pickles ask for: numpy keeps the states that others give to its own dtypes from having an effect."""
    return np.dtype(code, copy=True)


_LEAVES = (int, float, complex, str, bytes, bytearray, range, slice, type, type(None), type(...), type(NotImplemented))
_LEAVES += (np.generic, np.dtype, pathlib.PurePath, datetime.date, datetime.time, datetime.timedelta, datetime.timezone)
_CONTAINERS = (list, tuple, set, frozenset, dict, collections.deque)


def assert_plain(value: Any, seen: set[int]) -> None:
    """Only data came of it: no function, no object of another class."""
    if id(value) in seen or (callable(value) and any(value is known for known in VALUES.values())):
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        value = value.ravel().tolist() if value.dtype.hasobject else []
    assert isinstance(value, _LEAVES + _CONTAINERS), type(value)
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    for part in value if isinstance(value, _CONTAINERS) else ():
        assert_plain(part, seen)


def parts(value: Any) -> Any:
    """What to compare of a value: types, bytes of numbers, elements in order."""
    if callable(value) or isinstance(value, np.dtype):
        return "callable" if callable(value) else value
    if isinstance(value, float) and not isinstance(value, np.generic):
        return float, "nan" if math.isnan(value) else struct.pack("d", value)
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype, value.shape, parts(value.tolist()) if value.dtype.hasobject else value.tobytes()
    if isinstance(value, dict):
        return type(value), [(parts(key), parts(item)) for key, item in value.items()]
    if isinstance(value, list | tuple | collections.deque):
        return type(value), [parts(part) for part in value]
    return type(value), repr(value)


for seed in SEEDS:  # what numpy and re import at their first use is there before anything is watched
    with contextlib.suppress(NotPlain, PickleProblem):
        plain(seed)
sys.addaudithook(_audit)
