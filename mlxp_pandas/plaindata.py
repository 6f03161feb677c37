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

__all__ = ["AWAIT_STATE", "CALLS", "VALUES", "n_nodes", "rebuilt"]

_MAX_DTYPE_NODES = 500
_UNITS = (b"Y", b"M", b"W", b"D", b"h", b"m", b"s", b"ms", b"us", b"ns", b"ps", b"fs", b"as", b"generic")
_ALIGNED = 0x80
_PosixPath = pathlib.PosixPath if os.name == "posix" else pathlib.PurePosixPath
_WindowsPath = pathlib.WindowsPath if os.name == "nt" else pathlib.PureWindowsPath


def rebuilt(value: Any, state: Any) -> Any:
    """Give an array or a dtype, fresh from its constructor, the state that its pickle holds."""
    if isinstance(value, np.dtype):
        return _built_dtype(value, *state)
    _, shape, dtype, is_fortran, content = state
    _check_array(shape, dtype, content)
    value.__setstate__((1, shape, dtype, bool(is_fortran), content))
    return value


def n_nodes(dtype: np.dtype[Any]) -> int:
    """The number of dtypes that a dtype consists of, itself included."""
    if dtype.subdtype is not None:
        return 1 + n_nodes(dtype.subdtype[0])
    return 1 + sum(n_nodes(dtype[name]) for name in dtype.names or ())


def _require(is_valid: bool, what: str) -> None:
    if not is_valid:
        raise ValueError(f"{what} that pickle does not write")


def _require_types(values: tuple[Any, ...], *allowed: type) -> None:
    _require(all(type(value) in allowed for value in values), "arguments of a kind")


def _reconstruct(*_: Any) -> np.ndarray[Any, Any]:
    return np.ndarray((0,), np.int8)


def _dtype(code: str, *_: Any) -> np.dtype[Any]:
    _require(isinstance(code, str) and re.fullmatch(r"[?bBiufcSUVOMm]\d{0,10}", code) is not None, "a dtype")
    return np.dtype("O" if code.startswith("O") else code)


def _built_dtype(dtype: np.dtype[Any], *state: Any) -> np.dtype[Any]:
    _, order, base, names, fields, itemsize, _, flags, *metadata = state
    _require(order in ("<", ">", "|", "="), "a byte order")
    if dtype.kind in "Mm":
        built = _time_dtype(dtype.kind, *metadata)
    elif metadata and metadata[0]:
        raise NotImplementedError("it holds a numpy dtype with metadata")
    elif base is not None:
        built = _array_dtype(*base)
    else:
        built = dtype if names is None else _record_dtype(names, fields, itemsize, bool(flags & _ALIGNED))
    _require(n_nodes(built) <= _MAX_DTYPE_NODES and itemsize in (-1, built.itemsize), "a dtype of a size")
    return built.newbyteorder(order) if order in "<>" else built


def _time_dtype(kind: str, metadata: Any) -> np.dtype[Any]:
    unit, count, denominator, event = metadata[1]
    _require(unit in _UNITS and type(count) is int and 0 < count < 2**31, "a unit of time")
    _require(denominator == event == 1, "a unit of time")
    return np.dtype(f"{kind}8" if unit == b"generic" else f"{kind}8[{count}{unit.decode()}]")


def _array_dtype(base: Any, shape: Any) -> np.dtype[Any]:
    _require(type(shape) is tuple, "a shape")
    _require_types(shape, int)
    return np.dtype((_final(base), shape))


def _record_dtype(names: Any, fields: Any, itemsize: Any, is_aligned: bool) -> np.dtype[Any]:
    _require(type(names) is tuple and type(fields) is dict and type(itemsize) is int, "a dtype")
    _require_types(names, str)  # the hash of a deeply nested name would crash
    formats = [_final(fields[name][0]) for name in names]
    offsets = [fields[name][1] for name in names]
    titles = [[*fields[name], None][2] for name in names]
    _require_types((*titles, *offsets), str, int, type(None))
    layout = {"names": list(names), "formats": formats, "offsets": offsets, "itemsize": itemsize}
    if any(titles):
        layout["titles"] = titles
    return np.dtype(layout, align=is_aligned)  # type: ignore[call-overload, no-any-return]


def _final(dtype: Any) -> np.dtype[Any]:
    """A dtype that may be part of another: no Python objects inside, their bytes would be addresses."""
    _require(isinstance(dtype, np.dtype), "a dtype")
    if dtype.hasobject:
        raise NotImplementedError("it holds records with Python objects")
    return dtype  # type: ignore[no-any-return]


def _check_array(shape: Any, dtype: Any, content: Any) -> None:
    """The content must be exactly as long as shape and dtype say: nothing is allocated that the file does not hold."""
    _require(type(shape) is tuple, "a shape")
    _require_types(shape, int)
    _require(isinstance(dtype, np.dtype) and dtype.subdtype is None and all(n >= 0 for n in shape), "a shape")
    if dtype == np.dtype(object):
        _require(type(content) is list and len(content) == math.prod(shape), "objects")
        return
    _final(dtype)
    _require(type(content) in (bytes, bytearray) and len(content) == math.prod(shape) * dtype.itemsize, "bytes")
    _require(dtype.itemsize > 0 or math.prod(shape) <= 1, "an array of nothing")


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray[Any, Any]:
    _check_array(shape, _final(dtype), content)
    _require(order in ("C", "F", "K"), "an order")
    array = np.frombuffer(content, dtype) if content else np.empty(0, dtype)
    if order == "K":
        return array.reshape(shape).transpose(axes)
    return array.reshape(shape, order=order)


def _scalar(dtype: Any, content: Any) -> Any:
    _check_array((), _final(dtype), content)
    return np.frombuffer(content, dtype).copy()[0] if content else np.zeros((), dtype)[()]


def _create_array(make: Any, arguments: Any, state: Any, attributes: Any = None) -> Any:
    _require(make is _reconstruct and not attributes, "an array")
    return rebuilt(_reconstruct(*arguments), state)


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    _require(type(text) is str and encoding in ("latin1", "latin-1"), "text")
    return text.encode("latin1")  # type: ignore[no-any-return]


def _bytearray(content: Any = b"", encoding: Any = "latin1") -> bytearray:
    return bytearray(content if type(content) is bytes else _encoded(content, encoding))


def _bytes() -> bytes:
    return b""


def _collected(kind: type) -> Callable[..., Any]:
    """A set or frozenset; the machine has looked at the keys before."""

    def collect(items: Any = ()) -> Any:
        _require_types((items,), list, tuple)
        return kind(items)

    return collect


def _ordered_dict() -> collections.OrderedDict[Any, Any]:
    return collections.OrderedDict()


def _default_dict(factory: Any = None) -> collections.defaultdict[Any, Any]:
    _require(factory is None or (isinstance(factory, type) and factory in _FACTORIES), "a default")
    return collections.defaultdict(factory)


def _deque(items: Any = (), length: Any = None) -> collections.deque[Any]:
    _require_types((items,), list, tuple)
    _require_types((length,), int, type(None))
    return collections.deque(items, length)


def _counter(counts: Any) -> collections.Counter[Any]:
    _require_types((counts,), dict)
    return collections.Counter(counts)


def _range(*bounds: Any) -> range:
    _require_types(bounds, int)
    _require(all(bound.bit_length() <= 64 for bound in bounds), "bounds")
    return range(*bounds)


def _slice(*bounds: Any) -> slice:
    _require_types(bounds, int, float, str, type(None))
    return slice(*bounds)


def _complex(real: Any, imaginary: Any = 0.0) -> complex:
    _require_types((real, imaginary), float, int)
    return complex(real, imaginary)


def _date(state: Any) -> datetime.date:
    _require(type(state) is bytes and len(state) == 4, "a date")
    return datetime.date(state[0] * 256 + state[1], state[2], state[3])


def _time(state: Any, zone: Any = None) -> datetime.time:
    _require(type(state) is bytes and len(state) == 6, "a time")
    fold, hour = divmod(state[0], 128)
    return datetime.time(hour, state[1], state[2], int.from_bytes(state[3:], "big"), zone, fold=fold)


def _datetime(state: Any, zone: Any = None) -> datetime.datetime:
    _require(type(state) is bytes and len(state) == 10, "a datetime")
    fold, month = divmod(state[2], 128)
    day = datetime.date(state[0] * 256 + state[1], month, state[3])
    return datetime.datetime.combine(day, _time(state[4:], zone).replace(fold=fold))


def _timedelta(*parts: Any) -> datetime.timedelta:
    _require_types(parts, int)
    return datetime.timedelta(*parts)


def _timezone(offset: Any, *name: Any) -> datetime.timezone:
    _require_types((offset,), datetime.timedelta)
    _require_types(name, str)
    return datetime.timezone(offset, *name)


def _path(kind: type[pathlib.PurePath]) -> Callable[..., pathlib.PurePath]:
    def make(*parts: Any) -> pathlib.PurePath:
        _require_types(parts, str)
        return kind(*parts)

    return make


def _load_type(name: Any) -> Any:
    _require_types((name,), str)
    if name not in _BUILTINS:
        raise NotImplementedError(f"it needs the type `{name}`")
    return _BUILTINS[name]


def _singleton(text: Any) -> Any:
    """What dill evaluates; only these three kinds of text are understood, none is evaluated."""
    if text in ("Ellipsis", "NotImplemented"):
        return _BUILTINS[text]
    _require(isinstance(text, str) and len(text) < 100, "an expression")
    bounds = re.fullmatch(r"range\((-?\d+), (-?\d+)(?:, (-?\d+))?\)", text)
    if bounds is None:
        raise NotImplementedError("it holds an expression to be evaluated")
    return _range(*(int(bound) for bound in bounds.groups() if bound is not None))


_TYPES = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    bytearray,
    list,
    tuple,
    dict,
    set,
    frozenset,
    range,
    slice,
    object,
    type,
)
_BUILTINS: dict[str, Any] = {kind.__name__: kind for kind in _TYPES}
_BUILTINS |= {"Ellipsis": ..., "NotImplemented": NotImplemented, "NoneType": type(None)}
_COLLECTIONS = (collections.OrderedDict, collections.defaultdict, collections.deque, collections.Counter)
_TIMES = (datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone)
_NUMPY: tuple[type, ...] = (np.ndarray, np.dtype, *(np.dtype(code).type for code in "?bhilqBHILQefdgFDGSUVMmO"))
_PATHS = {
    "PosixPath": _PosixPath,
    "WindowsPath": _WindowsPath,
    "PurePosixPath": pathlib.PurePosixPath,
    "PureWindowsPath": pathlib.PureWindowsPath,
}
_FACTORIES = {*_TYPES, *_COLLECTIONS}

VALUES: dict[tuple[str, str], Any] = {
    **{("builtins", name): value for name, value in _BUILTINS.items() if name != "NoneType"},
    **{("collections", kind.__name__): kind for kind in _COLLECTIONS},
    **{("datetime", kind.__name__): kind for kind in _TIMES},
    **{(module, name): kind for name, kind in _PATHS.items() for module in ("pathlib", "pathlib._local")},
    **{("numpy", kind.__name__): kind for kind in _NUMPY},
    ("numpy", "bool_"): np.bool_,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "scalar"): _scalar,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): codecs.encode,
    ("dill._dill", "_create_array"): _create_array,
    ("dill._dill", "_load_type"): _load_type,
    ("dill._dill", "_eval_repr"): _singleton,
}
"""(module, name) as a pickle writes it -> what stands for it here."""

CALLS: dict[Any, Callable[..., Any]] = {
    **{call: call for call in (_reconstruct, _scalar, _from_buffer, _create_array, _load_type, _singleton)},
    **{kind: _path(kind) for kind in _PATHS.values()},
    **{kind: _collected(kind) for kind in (set, frozenset)},
    codecs.encode: _encoded,
    np.dtype: _dtype,
    bytes: _bytes,
    bytearray: _bytearray,
    complex: _complex,
    range: _range,
    slice: _slice,
    collections.OrderedDict: _ordered_dict,
    collections.defaultdict: _default_dict,
    collections.deque: _deque,
    collections.Counter: _counter,
    datetime.date: _date,
    datetime.time: _time,
    datetime.datetime: _datetime,
    datetime.timedelta: _timedelta,
    datetime.timezone: _timezone,
}
"""What may be called -> the function that is called instead."""

AWAIT_STATE = (_reconstruct, np.dtype)
"""What may be given its state by `rebuilt`, once."""
