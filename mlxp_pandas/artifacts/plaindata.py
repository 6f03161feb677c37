# SPDX-License-Identifier: MIT
"""What the restricted unpickler may build: a fixed table of names, each with a constructor that checks its arguments.

Nothing here imports, executes or looks up anything by a name found in a file. ValueError: no program writes that;
NotImplementedError: only a full unpickler builds that.
"""

from __future__ import annotations

import codecs
import collections
import datetime
import math
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["AWAIT_STATE", "CALLS", "DILL_ARRAY", "SHARED", "VALUES", "copied", "n_nodes", "rebuilt"]

_MAX_DTYPE_NODES = 500
_UNITS = (b"Y", b"M", b"W", b"D", b"h", b"m", b"s", b"ms", b"us", b"ns", b"ps", b"fs", b"as", b"generic")


def rebuilt(value: Any, state: Any) -> Any:
    """Give an array or a dtype, fresh from its constructor, the state that its pickle holds."""
    if isinstance(value, np.dtype):
        return _built_dtype(value, *state)
    _, shape, dtype, is_fortran, content = state
    _check_array(shape, dtype, content)
    _require(type(is_fortran) in (bool, int), "an order")
    value.__setstate__((1, shape, dtype, bool(is_fortran), content))
    return value


def copied(value: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    """The parts of a state that are copied; an array uses the bytes that it is given, if they are in its byte order."""
    is_used = isinstance(value, np.ndarray) and getattr(state[2], "isnative", False) and type(state[4]) is not list
    return () if is_used else state


def n_nodes(dtype: np.dtype[Any]) -> int:
    """The number of dtypes that a dtype consists of, itself included."""
    parts = [dtype.subdtype[0]] if dtype.subdtype is not None else [dtype[name] for name in dtype.names or ()]
    return 1 + sum(map(n_nodes, parts))


def _require(is_valid: bool, what: str) -> None:
    if not is_valid:
        raise ValueError(f"{what} that pickle does not write")


def _require_types(values: tuple[Any, ...], *allowed: type) -> None:
    _require({*allowed}.issuperset(map(type, values)), "arguments of a kind")
    _require(all(value.bit_length() <= 64 for value in values if type(value) is int), "integers of a size")


def _require_shape(dims: Any) -> None:
    _require(type(dims) is tuple and len(dims) <= 64, "a shape")
    for n in dims:
        _require(type(n) is int and 0 <= n < 2**63, "a shape")


def _reconstruct(*_: Any) -> np.ndarray[Any, Any]:
    return np.ndarray((0,), np.int8)


def _dtype(code: str, *_: Any) -> np.dtype[Any]:
    _require(type(code) is str and re.fullmatch(r"[?bBiufcSUVOMm]\d{0,10}", code) is not None, "a dtype")
    return np.dtype("O" if code.startswith("O") else code)


def _built_dtype(dtype: np.dtype[Any], *state: Any) -> np.dtype[Any]:
    _, order, base, names, fields, itemsize, _, flags, *metadata = state
    _require_types((order, itemsize, flags), str, int)
    if dtype.kind in "Mm":
        built = _time_dtype(dtype.kind, *metadata)
    elif metadata and metadata[0]:
        raise NotImplementedError("it holds a numpy dtype with metadata")
    elif base is not None:
        built = _array_dtype(base)
    else:
        built = dtype if names is None else _record_dtype(names, fields, itemsize, bool(flags & 0x80))
    _require(n_nodes(built) <= _MAX_DTYPE_NODES and itemsize in (-1, built.itemsize), "a dtype of a size")
    _require(order in ("<", ">", "|", "="), "a byte order")
    return built.newbyteorder(order) if order in "<>" else built


def _time_dtype(kind: str, metadata: Any) -> np.dtype[Any]:
    _require_types((metadata, metadata[1]), tuple)
    unit, count, denominator, event = metadata[1]
    _require_types((count, denominator, event), int)
    is_unit = type(unit) is bytes and unit in _UNITS and 0 < count < 2**31 and denominator == event == 1
    _require(is_unit, "a unit of time")
    return np.dtype(f"{kind}8" if unit == b"generic" else f"{kind}8[{count}{unit.decode()}]")


def _array_dtype(base: Any) -> np.dtype[Any]:
    _require_types((base,), tuple)
    _require_shape(base[1])
    return np.dtype((_final(base[0]), base[1]))


def _record_dtype(names: Any, fields: Any, itemsize: Any, is_aligned: bool) -> np.dtype[Any]:
    _require(type(names) is tuple and len(names) <= _MAX_DTYPE_NODES and type(fields) is dict, "a dtype")
    _require_types(names, str)  # the hash of a deeply nested name would crash
    parts = [fields[name] for name in names]
    _require(all(type(part) is tuple and len(part) in (2, 3) for part in parts), "fields")
    offsets, titles = [part[1] for part in parts], [[*part, None][2] for part in parts]
    _require_types((*titles, *offsets), str, int, type(None))
    layout = {"names": list(names), "formats": [_final(part[0]) for part in parts], "offsets": offsets}
    layout |= {"itemsize": itemsize, **({"titles": titles} if any(titles) else {})}
    return np.dtype(layout, align=is_aligned)  # type: ignore[call-overload, no-any-return]


def _final(dtype: Any) -> np.dtype[Any]:
    """A dtype that may be part of another: no Python objects inside, their bytes would be addresses."""
    _require(isinstance(dtype, np.dtype), "a dtype")
    if dtype.hasobject:
        raise NotImplementedError("it holds records with Python objects")
    return dtype  # type: ignore[no-any-return]


def _check_array(shape: Any, dtype: Any, content: Any) -> None:
    """The content must be exactly as long as shape and dtype say: nothing is allocated that the file does not hold."""
    _require_shape(shape)
    _require(isinstance(dtype, np.dtype) and dtype.subdtype is None, "a dtype")
    n = math.prod(shape)
    if dtype.kind == "O":
        _require(type(content) is list and len(content) == n, "objects")
        return
    _final(dtype)
    _require(type(content) in (bytes, bytearray) and len(content) == n * dtype.itemsize, "bytes")
    _require(dtype.itemsize > 0 or n <= 1, "an array of nothing")


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray[Any, Any]:
    """An array over these very bytes."""
    _check_array(shape, _final(dtype), content)
    _require(type(order) is str and order in ("C", "F", "K"), "an order")
    array = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
    if order == "K":
        _require_shape(axes)
        return array.reshape(shape).transpose(axes)
    return array.reshape(shape, order=order)


def _scalar(dtype: Any, content: Any) -> Any:
    _check_array((), _final(dtype), content)
    return np.frombuffer(content, dtype).copy()[0] if content else np.zeros((), dtype)[()]


def _create_array(make: Any, _: Any, state: Any, attributes: Any = None) -> Any:
    """The empty array; the machine gives it the state."""
    _require(make is _reconstruct and type(state) is tuple and not attributes, "an array")
    return _reconstruct()


def _encoded(text: Any, encoding: Any) -> bytes:
    _require(type(text) is type(encoding) is str and encoding in ("latin1", "latin-1"), "text")
    return text.encode("latin1")  # type: ignore[no-any-return]


def _bytearray(content: Any = b"", *encoding: Any) -> bytearray:
    return bytearray(content if type(content) is bytes else _encoded(content, *encoding))


def _moment(kind: Any) -> Callable[..., Any]:
    """A date or time of the bytes that pickle writes; `replace` checks what the constructor believes."""

    def make(state: Any, *zone: Any) -> Any:
        _require_types((state,), bytes)
        return kind(state, *zone).replace()

    return make


def _of(call: Any, *allowed: type) -> Callable[..., Any]:
    """A constructor for arguments of these types alone."""

    def make(*arguments: Any) -> Any:
        _require_types(arguments, *allowed)
        return call(*arguments)

    return make


def _load_type(name: Any) -> Any:
    _require_types((name,), str)
    if name not in _BUILTINS:
        raise NotImplementedError(f"it needs the type `{name[:100]}`")
    return _BUILTINS[name]


def _eval_repr(text: Any) -> Any:
    """What dill evaluates; only these three kinds of text are understood, none is evaluated."""
    _require(type(text) is str and len(text) < 100, "an expression")
    if text in ("Ellipsis", "NotImplemented"):
        return _BUILTINS[text]
    bounds = re.fullmatch(r"range\((-?\d+), (-?\d+)(?:, (-?\d+))?\)", text)
    if bounds is None:
        raise NotImplementedError("it holds an expression to be evaluated")
    return range(*(int(bound) for bound in bounds.groups() if bound is not None))


_SCALARS = (bool, int, float, complex, str, bytes, bytearray)
_TYPES = (*_SCALARS, list, tuple, dict, set, frozenset, range, slice, object, type)
_BUILTINS: dict[str, Any] = {kind.__name__: kind for kind in _TYPES}
_BUILTINS |= {"Ellipsis": ..., "NotImplemented": NotImplemented, "NoneType": type(None)}
_NUMPY: tuple[type, ...] = (np.ndarray, np.dtype, *(np.dtype(code).type for code in "?bhilqBHILQefdgFDGSUVMmO"))
_PURE = {"WindowsPath": "PureWindowsPath"} if os.name == "posix" else {"PosixPath": "PurePosixPath"}
_PATH_NAMES = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
_PATHS = {name: getattr(pathlib, _PURE.get(name, name)) for name in _PATH_NAMES}
_COLLECTIONS = (collections.OrderedDict, collections.defaultdict, collections.deque, collections.Counter)

# (module, name) as a pickle writes it -> what stands for it here.
VALUES: dict[tuple[str, str], Any] = {
    **{("builtins", name): value for name, value in _BUILTINS.items() if name != "NoneType"},
    **{("collections", kind.__name__): kind for kind in _COLLECTIONS},
    **{("datetime", name): getattr(datetime, name) for name in ("date", "time", "datetime", "timedelta", "timezone")},
    **{(module, name): kind for name, kind in _PATHS.items() for module in ("pathlib", "pathlib._local")},
    **{("numpy", kind.__name__): kind for kind in _NUMPY},
    ("numpy", "bool_"): np.bool_,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): codecs.encode,
    **{("dill._dill", call.__name__): call for call in (_create_array, _load_type, _eval_repr)},
}

# What may be called -> the function that is called instead.
CALLS: dict[Any, Callable[..., Any]] = {
    **{call: call for call in (_reconstruct, _scalar, _from_buffer, _create_array, _load_type, _eval_repr)},
    **{kind: _of(kind, str) for kind in _PATHS.values()},
    **{kind: _of(kind, list, tuple) for kind in (set, frozenset)},
    **{kind: _moment(kind) for kind in (datetime.date, datetime.time, datetime.datetime)},
    **{codecs.encode: _encoded, np.dtype: _dtype, bytes: _of(bytes), bytearray: _bytearray, range: _of(range, int)},
    **{complex: _of(complex, float, int), slice: _of(slice, int, float, str, type(None))},
    collections.defaultdict: _of(collections.defaultdict, type, type(None)),
    collections.deque: _of(collections.deque, list, tuple, int, type(None)),
    **{collections.OrderedDict: _of(collections.OrderedDict), collections.Counter: _of(collections.Counter, dict)},
    datetime.timedelta: _of(datetime.timedelta, int),
    datetime.timezone: _of(datetime.timezone, datetime.timedelta, str),
}
AWAIT_STATE = (_reconstruct, np.dtype)  # what may be given its state by `rebuilt`, once
SHARED = _from_buffer  # what uses the bytes of its first argument without a copy
DILL_ARRAY = _create_array  # what is given its third argument as state
