# SPDX-License-Identifier: MIT
"""All unpickling of the package, and the only place of it.

`plain` builds data and imports nothing, whatever the bytes say; `trusted` runs what they say: `load` decides when.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import dis
import importlib
import io
import marshal
import pickle
import re
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType
from typing import Any

from .pickleguard import Guard, check_depth, require
from .plaindata import AWAIT_STATE, CALLS, DILL_ARRAY, SHARED, VALUES, copied, n_nodes, rebuilt

__all__ = ["NotPlain", "PickleProblem", "plain", "torch_loaded", "trusted", "trusted_function"]


class NotPlain(Exception):
    """Something that only a full unpickler builds; the argument says what, as a clause."""


class PickleProblem(Exception):
    """Bytes that are no whole pickle, or none that any program writes; the argument says why, as a clause."""


def plain(data: bytes, guard: Guard | None = None) -> Any:
    r"""Build the plain data that a pickle holds: containers, numbers, text, bytes, dates, paths, numpy arrays.

    Nothing is imported and nothing but the constructors of `plaindata` is called. Time and memory are bounded by the
    length of the data and by `pickleguard.MAX_VALUES`.

    Parameters
    ----------
    data : bytes
        The pickle, of any protocol, written by pickle or dill.
    guard : Guard, optional
        The budget that it shares with other pickles; one of its own by default.

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
    mlxp_pandas.artifacts.unpickle.NotPlain: it needs `os.system`
    """
    machine = _Machine(data, guard or Guard())
    try:
        return machine.load()
    except Exception as error:
        if machine.needed or isinstance(error, NotImplementedError):
            raise NotPlain(machine.needs if machine.needed else str(error)) from error
        raise PickleProblem(_reason(error)) from error


def trusted(data: bytes) -> Any:
    """Unpickle with dill, or with pickle where dill is not installed: imports and runs whatever the bytes say."""
    try:
        library = importlib.import_module("dill")
    except ImportError:
        library = pickle
    return library.loads(data)


def torch_loaded(data: bytes, *, is_trusted: bool = False) -> Any:
    """Load a torch file on the CPU, with `weights_only=True` unless it is trusted; raises as `plain` does."""
    torch = importlib.import_module("torch")
    if not is_trusted and tuple(int(part) for part in re.findall(r"\d+", torch.__version__)[:2]) < (2, 6):
        raise NotPlain("before torch 2.6 `weights_only=True` can be made to run code (CVE-2025-32434)")
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=not is_trusted)
    except Exception as error:
        names = re.findall(r"GLOBAL ([\w.]+)", str(error))
        if is_trusted or not (names or "Cannot use" in str(error)):
            raise error if is_trusted else PickleProblem(_reason(error)) from error
        raise NotPlain(f"it needs `{names[0]}`" if names else "it is a TorchScript program or a tar file") from error


def trusted_function(data: bytes) -> Callable[[str], object]:
    """The function whose bytecode MLXP stores with a custom artifact type; PickleProblem if another Python wrote it."""
    with contextlib.suppress(Exception):
        code = marshal.loads(data)  # noqa: S302  # with trust alone, as all that is called `trusted` here
        if isinstance(code, CodeType) and not _is_foreign(code, data):
            return FunctionType(code, {"__builtins__": builtins})
    raise PickleProblem("it is no bytecode of this version of Python")


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


class _Machine(pickle._Unpickler):
    """The unpickler of the standard library, in Python, with all that it may find, call, fill and hash replaced.

    What is left of it reads numbers, text and bytes, and keeps the stack and the memo.
    """

    memo: dict[int, Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, data: bytes, guard: Guard) -> None:
        self.data, self.file, self.guard = data, io.BytesIO(data), guard
        super().__init__(self.file)
        self.read, self.readinto, self.proto = self.file.read, self.file.readinto, 0
        self.stack: list[Any] = []
        self.metastack: list[list[Any]] = []
        self.append = self.stack.append
        self.unbuilt: set[int] = set()  # ids of the arrays and dtypes that await their state
        self.needed: dict[str, None] = {}

    @property
    def needs(self) -> str:
        names = [name for name in self.needed if not name.startswith(("copyreg.", "copy_reg.", "dill."))]
        rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return "it needs " + ", ".join(f"`{name[:100]}`" for name in (names or [*self.needed])[:5]) + rest

    def load(self) -> Any:
        try:
            self.run()
            if self.needed:
                raise NotImplementedError(self.needs)
            value = self.stack.pop()
            check_depth([value, *self.guard.fragile], {})
        except BaseException:
            self.guard.release()
            self.stack, self.metastack, self.memo = [], [], {}  # the error keeps this machine alive
            raise
        self.guard.fragile.clear()
        return value

    def run(self) -> None:
        read, spent = self.file.read, 0
        while (opcode := read(1)) != b".":  # pickle.STOP
            cost, act = _OPCODES[opcode]
            spent += cost
            if spent > 500:  # one by one would cost as much as the opcodes
                self.guard.count(spent)
                spent = 0
            act(self)

    def readline(self) -> bytes:
        line = self.file.readline()
        require(line.endswith(b"\n"), "pickle exhausted before seeing STOP")
        self.guard.count(len(line) // 8)
        return line

    def load_unknown(self) -> None:
        raise KeyError(self.data[self.file.tell() - 1])

    def read_numbers(self) -> None:
        """All the numbers that follow one another, in one go; they cannot be anything else."""
        at = self.file.tell() - 1
        may_follow = not self.stack or type(self.stack[-1]) in _BEFORE_NUMBERS
        run = _NUMBERS.match(self.data, at) if may_follow else None
        if run is None:  # it stands alone, is longer, or cut off
            return _PLAIN[self.data[at]](self)
        self.file.seek(run.end())
        appended = run["appended"]
        numbers = pickle.loads(b"]%b." % run[0] if appended else b"(%bl." % run[0])  # noqa: S301
        self.guard.count(len(numbers))
        return self.fill(numbers) if appended else self.stack.extend(numbers)

    def find_class(self, module: str, name: str) -> Any:
        require(len(module) + len(name) <= 500, "it has a name of a length that no program writes")
        found = VALUES.get(_today(module, name))
        return self.opaque(f"{module}.{name}") if found is None else found

    def opaque(self, name: str, needed: str = "") -> _Opaque:
        self.needed[needed or name] = None
        return _Opaque(name)

    def get_extension(self, _: object = None) -> None:
        raise ValueError("it refers to objects outside itself (persistent ids, extension codes or buffers)")

    def call(self, function: Any, arguments: Any) -> Any:
        _require(arguments, tuple)
        if not isinstance(function, (type, FunctionType, BuiltinFunctionType)) or function not in CALLS:
            return self.instance(function, arguments)
        self.guard.charge(arguments[function is SHARED :])
        if function in (set, frozenset) and arguments:
            self.guard.check_keys(_require(arguments[0], list, tuple))
        value = CALLS[function](*arguments)
        if function is DILL_ARRAY:
            return self.with_state(value, arguments[2])
        self.unbuilt.add(id(value)) if function in AWAIT_STATE else self.guard.watch(value)
        return value

    def instance(self, function: Any, arguments: Any = ()) -> _Opaque:
        """What calling something unknown returns."""
        _require(function, _Opaque, FunctionType, type)
        name = function.name if isinstance(function, _Opaque) else f"{function.__module__}.{function.__qualname__}"
        return self.opaque(name, _class_by_value(arguments) if name == "dill._dill._create_type" else name)

    def _instantiate(self, function: Any, arguments: Any) -> None:
        self.append(self.instance(function, arguments))

    def load_build(self) -> None:
        state, value = self.stack.pop(), self.stack[-1]
        if not isinstance(value, _Opaque):
            self.unbuilt.remove(id(value))
            self.stack[-1] = self.with_state(value, state)
            keys = () if self.stack[-1] is value else reversed(self.memo)  # of a dtype there is another one now
            for key in keys:
                self.guard.count(1)
                if self.memo[key] is value:
                    self.memo[key] = self.stack[-1]
                    break

    def with_state(self, value: Any, state: Any) -> Any:
        self.guard.charge(copied(value, _require(state, tuple)))
        built = rebuilt(value, state)
        dtype = getattr(built, "dtype", built)
        if dtype.kind in "OV":  # others have no parts
            self.guard.count(n_nodes(dtype))
            self.guard.watch(built)
        return built

    def fill(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], _Opaque):
            _require(self.stack[-1], list, collections.deque).extend(items)

    def fill_set(self, items: list[Any]) -> None:
        self.guard.check_keys(items, _require(self.stack[-1], set))
        self.stack[-1].update(items)

    def fill_pairs(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], _Opaque):
            self.pair(_require(self.stack[-1], dict), items)

    def pair(self, target: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
        self.guard.check_keys(items[::2], target)
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[key] = value
        return target

    def load_sized(self, width: int, load: Callable[[Any], None], n_values: float = 1 / 8) -> None:
        """What has its length before it: checked, and counted with so many values a byte, before it is read."""
        at = self.file.tell()
        n = int.from_bytes(self.read(width), "little")
        if n > len(self.data) - at - width:
            raise ValueError(f"expected {n} bytes, there is not enough data")
        self.guard.count(int(n * n_values))  # in memory, a text may take four times its length
        self.file.seek(at)
        load(self)


def _require(value: Any, *kinds: type) -> Any:
    if not isinstance(value, kinds):
        raise ValueError(f"it uses a {type(value).__name__} as if it were a {kinds[-1].__name__}")
    return value


def _class_by_value(arguments: Any) -> str:
    """The name of a class of the user's script, which dill writes as a call of `type`."""
    _, name, _, attributes = arguments
    return f"{_require(_require(attributes, dict).get('__module__', '__main__'), str)[:99]}.{_require(name, str)[:99]}"


def _today(module: str, name: str) -> tuple[str, str]:
    """The name as Python 3 and numpy 2 write it."""
    if module == "__builtin__":
        return "builtins", {"xrange": "range", "unicode": "str", "long": "int"}.get(name, name)
    return re.sub(r"^numpy\.core\.", "numpy._core.", module), name


_NUMBER = rb"(?:K.|M..|J.{4}|G.{8}|[N\x88\x89]|[IL]-?\d{1,40}L?\n|F[-+.\deinfa]{1,30}\n|\x8a(?:%b))"
_NUMBER %= b"|".join(b"\\x%02x.{%d}" % (n, n) for n in range(9))
# Opcodes that push numbers and constants with their arguments; or that push and append one by one.
_NUMBERS = re.compile(rb"(?P<appended>(?:%ba){2,10000}+)|(?:%b){2,10000}+" % (_NUMBER, _NUMBER), re.DOTALL)

_BEFORE_NUMBERS = {list, int, float, bool, type(None)}  # what is on the stack, if anything, before more than one
_PLAIN: dict[int, Callable[[Any], None]] = pickle._Unpickler.dispatch
_DISPATCH: dict[int, Callable[[Any], object]] = {
    **_PLAIN,
    **dict.fromkeys(b"KMJGN\x88\x89\x8aILF", _Machine.read_numbers),
    **{opcode: partial(_Machine.load_sized, width=4, load=_PLAIN[opcode]) for opcode in b"TX\x8b"},
    **{0x8D: lambda m: m.load_sized(8, _PLAIN[0x8D]), 0x96: lambda m: m.load_sized(8, _PLAIN[0x96], n_values=0)},
    **{pickle.BUILD[0]: _Machine.load_build, pickle.READONLY_BUFFER[0]: _Machine.get_extension},
    **{pickle.FRAME[0]: lambda m: m.read(8), pickle.ADDITEMS[0]: lambda m: m.fill_set(m.pop_mark())},
    pickle.BINGET[0]: lambda m: m.append(m.memo[m.read(1)[0]]),
    pickle.REDUCE[0]: lambda m: m.append(m.call(m.stack.pop(-2), m.stack.pop())),
    pickle.FROZENSET[0]: lambda m: m.load_list() or m.append(m.call(frozenset, (m.stack.pop(),))),
    pickle.DICT[0]: lambda m: m.load_list() or m.append(m.pair({}, m.stack.pop())),
    pickle.NEWOBJ[0]: lambda m: m._instantiate(m.stack.pop(-2), m.stack.pop()),
    pickle.NEWOBJ_EX[0]: lambda m: m._instantiate(*[m.stack.pop(-n) for n in (3, 2, 1)][:2]),
    **{pickle.APPEND[0]: lambda m: m.fill([m.stack.pop()]), pickle.APPENDS[0]: lambda m: m.fill(m.pop_mark())},
    pickle.SETITEM[0]: lambda m: m.fill_pairs([m.stack.pop(-2), m.stack.pop()]),
    pickle.SETITEMS[0]: lambda m: m.fill_pairs(m.pop_mark()),
}
# What an opcode counts for, in values: its time, and what it makes.
_COSTS = dict.fromkeys(b"]})\x8f(ldt\x85\x86\x87", 10) | dict.fromkeys(b"Rbo\x81\x92c\x93i", 16)
_OPCODES = {bytes([n]): (_COSTS.get(n, 4), _DISPATCH.get(n, _Machine.load_unknown)) for n in range(256)}
_OPCODES[b""] = 0, _Machine.readline  # which says that this is the end
