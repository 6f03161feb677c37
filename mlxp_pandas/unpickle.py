# SPDX-License-Identifier: MIT
"""All unpickling of the package, and the only place of it.

`plain` builds data and imports nothing, whatever the bytes say; `trusted` runs what they say: `loaders` decides when.
"""

from __future__ import annotations

import builtins
import collections
import dis
import importlib
import io
import marshal
import pickletools
import re
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

from .pickleguard import Guard, check_depth
from .plaindata import AWAIT_STATE, CALLS, VALUES, n_nodes, rebuilt

__all__ = [
    "MAX_VALUES",
    "NotPlain",
    "PickleProblem",
    "plain",
    "torch_plain",
    "torch_trusted",
    "trusted",
    "trusted_function",
]

MAX_VALUES = 10_000_000
"""The most values that `plain` builds; at less than 300 bytes each, they bound the memory."""


class NotPlain(Exception):
    """Something that only a full unpickler builds; the argument says what, as a clause."""


class PickleProblem(Exception):
    """Bytes that are no whole pickle, or none that any program writes; the argument says why, as a clause."""


def plain(data: bytes) -> Any:
    r"""Build the plain data that a pickle holds: containers, numbers, text, bytes, dates, paths, numpy arrays.

    Nothing is imported and nothing but the constructors of `plaindata` is called. Time and memory are bounded by the
    length of the data and by `MAX_VALUES`.

    Parameters
    ----------
    data : bytes
        The pickle, of any protocol, written by pickle or dill.

    Returns
    -------
    object
        Equal to what `pickle.loads` returns.

    Raises
    ------
    NotPlain
        It holds more than plain data, or more of it than the limits; the message names what.
    PickleProblem
        It is damaged.

    Examples
    --------
    >>> import pickle
    >>> plain(pickle.dumps({"epoch": 3, "loss": [0.5, 0.25]}))
    {'epoch': 3, 'loss': [0.5, 0.25]}
    >>> plain(b"cos\nsystem\n(S'true'\ntR.")
    Traceback (most recent call last):
    mlxp_pandas.unpickle.NotPlain: it needs `os.system`
    """
    machine = _Machine(len(data))
    try:
        return machine.load(data)
    except Exception as error:
        if machine.needed or isinstance(error, NotImplementedError):
            raise NotPlain(machine.needs or str(error)) from error
        raise PickleProblem(_reason(error)) from error


def trusted(data: bytes) -> Any:
    """Unpickle with dill, or with pickle where dill is not installed: imports and runs whatever the bytes say."""
    try:
        library = importlib.import_module("dill")
    except ImportError:
        library = importlib.import_module("pickle")
    return library.loads(data)


def torch_plain(data: bytes) -> Any:
    """Load a torch file without running its pickle: `weights_only=True`, on the CPU; raises as `plain` does."""
    torch = importlib.import_module("torch")
    if tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2]) < (2, 6):
        raise NotPlain("before torch 2.6 `weights_only=True` can be made to run code (CVE-2025-32434)")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        names = re.findall(r"GLOBAL ([\w.]+)", str(error))
        if names or "Cannot use" in str(error):
            raise NotPlain(
                f"it needs `{names[0]}`" if names else "it is a TorchScript program or a tar file"
            ) from error
        raise PickleProblem(_reason(error)) from error


def torch_trusted(data: bytes) -> Any:
    """Load a torch file on the CPU as torch did before 2.6: imports and runs whatever the file says."""
    torch = importlib.import_module("torch")
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)


def trusted_function(data: bytes) -> Callable[[str], object]:
    """The function whose bytecode MLXP stores with a custom artifact type; PickleProblem if another Python wrote it."""
    try:
        code = marshal.loads(data)  # noqa: S302  # with the user's explicit trust alone, as all of this module's `trusted`
        is_foreign = not isinstance(code, CodeType) or _is_foreign(code, data)
    except Exception:
        is_foreign = True
    if is_foreign:
        raise PickleProblem("it is no bytecode of this version of Python")
    return FunctionType(code, {"__builtins__": builtins})


def _is_foreign(code: CodeType, data: bytes) -> bool:
    """Whether the bytecode is none that this interpreter writes: running it could crash the process."""
    names = {instruction.opname for instruction in dis.get_instructions(code)}
    is_known = "RESUME" in names and "CACHE" not in names and not any(name.startswith("<") for name in names)
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    # co_code blanks what this version keeps behind an instruction; another version has instructions in those places.
    return not is_known or code.co_code not in data or any(_is_foreign(part, data) for part in inner)


def _reason(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0][:300]
    return f"it is cut off or damaged ({type(error).__name__}{text and ': '}{text})"


class _Opaque:
    """Stands for what would need an import, so that the rest is read for the names of all that is needed."""

    def __init__(self, name: str) -> None:
        self.name = name


_OLD_NAMES = {"xrange": "range", "unicode": "str", "long": "int"}
_PLUMBING = ("copyreg.", "copy_reg.", "dill.")


class _Machine:
    """The stack, the memo and the budget of one load; `_MAKES` and `_DOES` say what each opcode asks of it."""

    def __init__(self, size: int) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.unbuilt: dict[int, int | None] = {}  # id of an array or dtype that awaits its state -> its place in memo
        self.needed: dict[str, None] = {}
        self.guard = Guard(size, MAX_VALUES)

    @property
    def needs(self) -> str:
        names = [name for name in self.needed if not name.startswith(_PLUMBING)] or list(self.needed)
        rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return "it needs " + ", ".join(f"`{name[:100]}`" for name in names[:5]) + rest if names else ""

    def load(self, data: bytes) -> Any:
        try:
            value = self.run(data)
            check_depth([value, *self.guard.fragile])
        except BaseException:
            self.guard.release()
            self.stack.clear()
            self.memo.clear()
            raise
        return value

    def run(self, data: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(data):
            make = _MAKES.get(opcode.name)
            if make is None:
                _DOES[opcode.name](self, argument)
            else:
                self.stack.append(make(self, argument))
            self.guard.count(1)
        if self.needed:
            raise NotImplementedError(self.needs)
        return self.stack.pop()

    def items(self) -> list[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def last(self, n: int) -> tuple[Any, ...]:
        return tuple([self.stack.pop() for _ in range(n)][::-1])

    def fill(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, _Opaque):
            _require(target, list, collections.deque).extend(items)

    def fill_set(self, items: list[Any]) -> None:
        target = _require(self.stack[-1], set)
        self.guard.check_keys(target, items)
        target.update(items)

    def fill_pairs(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, _Opaque):
            self.guard.check_keys(target, items[::2])
            _require(target, dict).update(zip(items[::2], items[1::2], strict=True))

    def paired(self, items: list[Any]) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        self.guard.check_keys(pairs, items[::2])
        pairs.update(zip(items[::2], items[1::2], strict=True))
        return pairs

    def find(self, module: str, name: str) -> Any:
        found = VALUES.get(_today(_require(module, str), _require(name, str)))
        if found is None:
            self.needed[f"{module}.{name}"] = None
            return _Opaque(f"{module}.{name}")
        return found

    def call(self, function: Any, arguments: Any) -> Any:
        _require(arguments, tuple)
        if not isinstance(function, (type, FunctionType, BuiltinFunctionType)) or function not in CALLS:
            return self.instance(function, arguments)
        self.guard.charge(arguments)
        if function in (set, frozenset):
            keys = [key for argument in arguments for key in argument]
            self.guard.check_keys(keys, keys)
        value = CALLS[function](*arguments)
        if function in AWAIT_STATE:
            self.unbuilt[id(value)] = None
        self.guard.watch(value)
        return value

    def instance(self, function: Any, arguments: Any = ()) -> _Opaque:
        """What calling something unknown returns."""
        _require(function, _Opaque, FunctionType, type)
        name = function.name if isinstance(function, _Opaque) else f"{function.__module__}.{function.__qualname__}"
        self.needed[_class_by_value(arguments) if name == "dill._dill._create_type" else name] = None
        return _Opaque(name)

    def build(self, state: Any) -> None:
        value = self.stack[-1]
        if isinstance(value, _Opaque):
            return
        key = self.unbuilt.pop(id(value))
        self.guard.charge(state)
        self.stack[-1] = rebuilt(value, state)
        self.guard.count(n_nodes(getattr(self.stack[-1], "dtype", self.stack[-1])))
        self.guard.watch(self.stack[-1])
        if key is not None:
            self.memo[key] = self.stack[-1]

    def put(self, key: int) -> None:
        value = self.stack[-1]
        self.memo[key] = value
        if id(value) in self.unbuilt:
            self.unbuilt[id(value)] = key

    def pop(self) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()


def _require(value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise ValueError(f"it uses a {type(value).__name__} as if it were a {kinds[-1].__name__}")
    return value


def _class_by_value(arguments: Any) -> str:
    """The name of a class of the user's script, which dill writes as a call of `type`."""
    _, name, _, attributes = arguments
    return f"{_require(_require(attributes, dict).get('__module__', '__main__'), str)}.{_require(name, str)}"


def _today(module: str, name: str) -> tuple[str, str]:
    """The name as Python 3 and numpy 2 write it."""
    if module == "__builtin__":
        return "builtins", _OLD_NAMES.get(name, name)
    return re.sub(r"^numpy\.core\.", "numpy._core.", module), name


def _of_ascii(text: str) -> str:
    """The text of Python 2, decoded as strictly as `pickle.loads` does."""
    return text.encode("ascii").decode("ascii")


def _refuse(_: _Machine, __: Any) -> None:
    raise ValueError("it refers to objects outside itself (persistent ids, extension codes or buffers)")


_NUMBER_OPCODES = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
_UNICODE_OPCODES = ("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")
_BYTES_OPCODES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
_OUTSIDE_OPCODES = ("PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER")

_MAKES: dict[str, Callable[[_Machine, Any], Any]] = {
    **dict.fromkeys((*_NUMBER_OPCODES, *_UNICODE_OPCODES, *_BYTES_OPCODES), lambda _, argument: argument),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), lambda _, argument: _of_ascii(argument)),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, key: machine.memo[key]),
    "NONE": lambda machine, _: None,
    "NEWTRUE": lambda machine, _: True,
    "NEWFALSE": lambda machine, _: False,
    "EMPTY_LIST": lambda machine, _: [],
    "EMPTY_DICT": lambda machine, _: {},
    "EMPTY_SET": lambda machine, _: set(),
    "EMPTY_TUPLE": lambda machine, _: (),
    "DUP": lambda machine, _: machine.stack[-1],
    "LIST": lambda machine, _: machine.items(),
    "DICT": lambda machine, _: machine.paired(machine.items()),
    "FROZENSET": lambda machine, _: machine.call(frozenset, (machine.items(),)),
    "TUPLE": lambda machine, _: tuple(machine.items()),
    "TUPLE1": lambda machine, _: machine.last(1),
    "TUPLE2": lambda machine, _: machine.last(2),
    "TUPLE3": lambda machine, _: machine.last(3),
    "GLOBAL": lambda machine, text: machine.find(*text.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.find(*machine.last(2)),
    "REDUCE": lambda machine, _: machine.call(*machine.last(2)),
    "NEWOBJ": lambda machine, _: machine.instance(*machine.last(2)),
    "NEWOBJ_EX": lambda machine, _: machine.instance(*machine.last(3)[:2]),
    "OBJ": lambda machine, _: machine.instance(machine.items()[0]),
    "INST": lambda machine, text: (machine.items(), machine.instance(machine.find(*text.split(" ", 1))))[1],
}
"""opcode -> what it pushes"""

_DOES: dict[str, Callable[[_Machine, Any], object]] = {
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda machine, key: machine.put(key)),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(_OUTSIDE_OPCODES, _refuse),
    "MARK": lambda machine, _: machine.marks.append(len(machine.stack)),
    "POP": lambda machine, _: machine.pop(),
    "POP_MARK": lambda machine, _: machine.items(),
    "MEMOIZE": lambda machine, _: machine.put(len(machine.memo)),
    "APPEND": lambda machine, _: machine.fill(list(machine.last(1))),
    "APPENDS": lambda machine, _: machine.fill(machine.items()),
    "ADDITEMS": lambda machine, _: machine.fill_set(machine.items()),
    "SETITEM": lambda machine, _: machine.fill_pairs(list(machine.last(2))),
    "SETITEMS": lambda machine, _: machine.fill_pairs(machine.items()),
    "BUILD": lambda machine, _: machine.build(*machine.last(1)),
}
"""opcode -> what it does to what is there"""
