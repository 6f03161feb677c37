# SPDX-License-Identifier: MIT
"""The restricted unpickler: all plain data as pickle and dill write it, nothing else, at a bounded cost."""

from __future__ import annotations

import codecs
import collections
import contextlib
import datetime
import math
import os
import pathlib
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlxp_pandas.artifacts import pickleguard
from mlxp_pandas.artifacts.unpickle import NotPlain, PickleProblem, plain, trusted, trusted_function

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def same(one: Any, other: Any) -> bool:
    """Equal in type and value, NaN and the sign of zero included."""
    return type(one) is type(other) and bool(parts(one) == parts(other))


def parts(value: Any) -> Any:
    """What to compare of a value: types, bytes of numbers, elements in order."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("d", value)
    if isinstance(value, complex):
        return parts(value.real), parts(value.imag)
    if isinstance(value, np.ndarray):
        content = parts(value.tolist()) if value.dtype.hasobject else value.tobytes()
        return value.dtype, value.shape, value.flags.writeable, content
    if isinstance(value, np.generic):
        return value.dtype, value.tobytes()
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
    if isinstance(value, list | tuple | collections.deque):
        return [(type(part), parts(part)) for part in value]
    return value


# what is loaded

RECORD = np.dtype([("a", ">f8"), ("b", "S3", (2,)), ("c", [("x", "i1")])])
PLAIN = {
    "checkpoint": {"epoch": 3, "weights": [np.arange(6.0).reshape(2, 3), np.zeros(3)], "lr": 1e-3, "name": "net"},
    "ordered": collections.OrderedDict(b=1, a=2),
    "default": collections.defaultdict(list, a=[1]),
    "default int": collections.defaultdict(int, a=1),
    "deque": collections.deque([1, 2], 3),
    "endless deque": collections.deque([1, 2]),
    "counter": collections.Counter("aab"),
    "sets": [set(), {1, (2, 3)}, frozenset(), frozenset({1, frozenset({2})})],
    "bytes": [b"", b"\x00\xff", bytearray(), bytearray(b"\x00\xff"), bytes(300)],
    "text": ["", "é", "\U0001f600", "\ud800", "x" * 300, "line\nline\u2028"],
    "integers": [0, -1, 255, 65536, 2**31, -(2**63), 2**200, -(2**2100)],
    "floats": [0.0, -0.0, 1e400, -1e400, 5e-324, 0.1],
    "constants": [None, True, False, ..., NotImplemented],
    "complex": [1j, complex(0.0, -0.0), complex("nan")],
    "ranges": [range(3), range(5, -7, -2), slice(1, None), slice(None, 2, -1)],
    "dates": [datetime.date(2026, 11, 23), datetime.datetime.max, datetime.datetime(1, 1, 1, 0, 0, fold=1)],
    "times": [datetime.time(23, 59, 59, 999999, fold=1), datetime.timedelta(-1, 5, 7), datetime.time.min],
    "zones": [
        datetime.UTC,
        datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    ],
    "named zone": datetime.timezone(datetime.timedelta(hours=1), "CET"),
    "functions": [codecs.encode, pathlib.Path("a").__class__],
    "paths": [pathlib.PurePosixPath("/a/b"), pathlib.PureWindowsPath("c:/a"), pathlib.Path("a")],
    "types": [int, dict, str, float, list, type],
    "numpy types": [
        np.float32,
        np.bool_,
        np.str_,
        np.dtype("f4"),
        np.dtype(">i2"),
        np.dtype("M8[25s]"),
        np.dtype("M8"),
        RECORD,
    ],
    "numpy scalars": [np.int64(3), np.float32(0.1), np.bool_(True), np.str_("é"), np.str_(""), np.bytes_(b"x")],
    "numpy times": [np.datetime64("2026-01-01", "ns"), np.timedelta64(3, "D"), np.datetime64("NaT", "s")],
    "numpy complex": [np.complex64(1j), np.longdouble(3), np.float16(2)],
    "arrays": [np.array(5), np.empty((0, 3)), np.arange(24).reshape(2, 3, 4), np.array([True, False])],
    "orders": [
        np.asfortranarray(np.ones((2, 3))),
        np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
        np.arange(9)[::2],
    ],
    "foreign order": np.arange(3, dtype=">i4"),
    "text arrays": [np.array(["ab", "é"]), np.array([b"ab"]), np.array([], dtype="U3")],
    "time arrays": [np.array(["2026-01-01"], "M8[us]"), np.array([1, 2], "m8[h]")],
    "objects": np.array([1, "a", None, {"x": np.arange(2)}, [1]], dtype=object),
    "records": [
        np.zeros(2, RECORD),
        np.ones(1, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        np.zeros(2, RECORD)[0],
    ],
    "shared": [[1]] * 3,
    "nested": [[[[[[[{"a": ({"b": [()]},)}]]]]]]],
    "many": list(range(3000)),
    "long integers in calls": datetime.timedelta(days=10**8),
    "many keys": {str(n): n for n in range(3000)},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("library", ["pickle", "dill"])
@pytest.mark.parametrize("name", PLAIN)
def test_plain_data(name: str, library: str, protocol: int) -> None:
    module = pytest.importorskip(library)
    data = module.dumps(PLAIN[name], protocol=protocol)
    assert same(plain(data), module.loads(data))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_containers_within_themselves(protocol: int) -> None:
    within: list[Any] = [1]
    within.append({"again": within, "pair": (within,)})
    found = plain(pickle.dumps(within, protocol))
    assert found[1]["again"] is found
    assert found[1]["pair"][0] is found
    pair = ([],)  # type: tuple[list[Any]]
    pair[0].append(pair)
    found = plain(pickle.dumps(pair, protocol))
    assert found[0][0] is found
    array = np.empty(1, object)
    array[0] = array
    found = plain(pickle.dumps(array, protocol))
    assert found[0] is found


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_shared_stays_shared(protocol: int) -> None:
    array = np.arange(3)
    found = plain(pickle.dumps([array, array, array.dtype], protocol))
    assert found[0] is found[1]


def test_names_of_numpy_1() -> None:
    data = pickle.dumps([np.arange(3), np.float64(2)], 4)
    for new, old in (
        ("numpy._core.multiarray", "numpy.core.multiarray"),
        ("numpy.core.multiarray", "numpy._core.multiarray"),
    ):
        other = data.replace(*(bytes([0x8C, len(name)]) + name.encode() for name in (new, old)))
        assert same(plain(other.replace(b"\x95" + data[3:11], b"")), [np.arange(3), np.float64(2)])


def test_text_of_python_2() -> None:
    assert plain(b"(dp0\nS'lr'\np1\nF0.5\ns.") == {"lr": 0.5}
    assert plain(b"U\x02abq\x00.") == "ab"
    with pytest.raises(PickleProblem, match="UnicodeDecodeError"):
        plain(b"U\x02\xff\xfeq\x00.")


def test_mlxp_checkpoints(sweep: Path) -> None:
    pytest.importorskip("dill")
    files = sorted(sweep.glob("*/artifacts/pickle/**/*"))
    files = [file for file in files if file.is_file()]
    assert len(files) >= 18
    assert all(same(plain(file.read_bytes()), trusted(file.read_bytes())) for file in files)


FINITE_KEYS = (
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.dates() | st.floats(allow_nan=False)
)
KEYS = st.recursive(FINITE_KEYS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4)
ARRAYS = hnp.arrays(
    hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.byte_string_dtypes() | hnp.array_dtypes(max_size=3),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
LEAVES = KEYS | st.floats() | st.complex_numbers() | st.datetimes() | st.times() | st.timedeltas() | ARRAYS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner) | st.sets(KEYS),
    max_leaves=12,
)


@pytest.mark.parametrize("library", ["pickle", "dill"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(value=VALUES, protocol=st.sampled_from(PROTOCOLS))
def test_round_trip(library: str, value: Any, protocol: int) -> None:
    module = pytest.importorskip(library)
    data = module.dumps(value, protocol=protocol)
    assert same(plain(data), module.loads(data))


# what is refused


class Thing:
    """A class of the user."""

    def __init__(self) -> None:
        self.x = 1


class Reduced:
    """Pickles as a call."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def stacked(module: str, name: str, argument: str = "x") -> bytes:
    """A call of `module.name` on a text, in protocol 4, of names that need not exist."""
    texts = [b"\x8c" + bytes([len(text.encode())]) + text.encode() for text in (module, name, argument)]
    return b"\x80\x04" + texts[0] + texts[1] + b"\x93" + texts[2] + b"\x85R."


def attacks(sentinel: Path) -> dict[str, tuple[bytes, str]]:
    """Pickles that create the sentinel when they are unpickled, each with what the error must name."""
    command = f"{sys.executable} -c \"open(r'{sentinel}', 'w')\""
    code = f"open(r'{sentinel}', 'w').close()"
    shell = os.system.__module__
    created = Reduced(exec, (code,))
    calls = {
        "system": (Reduced(os.system, (command,)), f"{shell}.system"),
        "eval": (Reduced(eval, (code,)), "builtins.eval"),
        "exec": (created, "builtins.exec"),
        "popen": (Reduced(subprocess.check_call, ([sys.executable, "-c", code],)), "check_call"),
        "getattr": (Reduced(getattr, (Reduced(__import__, ("os",)), "system")), "builtins.getattr"),
        "in a list": ([1, {"a": (created,)}], "builtins.exec"),
        "as a key": ({(1, created): 1}, "builtins.exec"),
        "as a state": (Reduced(Thing, (), created), "test_unpickle.Thing"),
        "in an array": (np.array([created], dtype=object), "builtins.exec"),
        "as a factory": (Reduced(collections.defaultdict, (created,)), "builtins.exec"),
    }
    found = {
        f"{name} {protocol}": (pickle.dumps(value, protocol), needed.replace("builtins.", ""))
        for name, (value, needed) in calls.items()
        for protocol in PROTOCOLS
    }
    text = code.encode()
    found["inst"] = (b"(S" + repr(code).encode() + b"\nibuiltins\nexec\n.", "builtins.exec")
    found["obj"] = (b"(cbuiltins\nexec\nX" + struct.pack("<I", len(text)) + text + b"o.", "builtins.exec")
    return found


def test_the_attacks_work_on_pickle(tmp_path: Path) -> None:
    """Or the next test would prove nothing."""
    for name in ("system", "eval", "in a list", "in an array"):
        sentinel = tmp_path / name
        with_effect = attacks(sentinel)[f"{name} 4"][0]
        pickle.loads(with_effect)
        assert sentinel.exists()


@pytest.mark.parametrize("name", attacks(Path("x")))
def test_nothing_runs(name: str, tmp_path: Path) -> None:
    data, needed = attacks(tmp_path / "sentinel")[name]
    with pytest.raises(NotPlain, match=needed):
        plain(data)
    assert not (tmp_path / "sentinel").exists()


NAMES = [
    ("os", "system"),
    ("builtins", "getattr"),
    ("builtins", "int.__class__"),
    ("builtins", "type"),
    ("builtins", "open"),
    ("builtins", "__import__"),
    ("importlib", "import_module"),
    ("operator", "attrgetter"),
    ("functools", "partial"),
    ("functools", "reduce"),
    ("copyreg", "_reconstructor"),
    ("copyreg", "__newobj__"),
    ("types", "FunctionType"),
    ("types", "CodeType"),
    ("marshal", "loads"),
    ("pickle", "loads"),
    ("codecs", "decode"),
    ("_codecs", "decode"),
    ("ctypes", "CDLL"),
    ("webbrowser", "open"),
    ("numpy", "load"),
    ("numpy", "fromfile"),
    ("numpy", "memmap"),
    ("numpy.lib.npyio", "load"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy.core.multiarray", "fromfile"),
    ("numpy._core.multiarray", "_reconstruct.__globals__"),
    ("pandas", "read_pickle"),
    ("datetime", "datetime.strptime"),
    ("datetime", "sys"),
    ("pathlib", "Path"),
    ("pathlib", "os"),
    ("collections", "namedtuple"),
    ("dill._dill", "_create_function"),
    ("dill._dill", "_create_code"),
    ("dill._dill", "_import_module"),
    ("dill._dill", "_get_attr"),
    ("dill._dill", "_create_filehandle"),
    ("dill._dill", "loads"),
    ("dill", "loads"),
    ("torch", "load"),
    ("mlxp_pandas.artifacts.unpickle", "trusted"),
    ("mlxp_pandas.artifacts.plaindata", "_reconstruct"),
    ("no.such.module", "Thing"),
    ("", ""),
]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_other_names_are_refused(module: str, name: str) -> None:
    with pytest.raises(NotPlain, match=rf"`{module}\.{name}`".replace("_.", "_[.]")):
        plain(stacked(module, name))


def test_a_module_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evil_on_import.py").write_text(f"open({str(tmp_path / 'sentinel')!r}, 'w').close()\nclass Net: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    for data in (stacked("evil_on_import", "Net"), b"cevil_on_import\nNet\n."):
        with pytest.raises(NotPlain, match=r"it needs `evil_on_import\.Net`"):
            plain(data)
    assert "evil_on_import" not in sys.modules
    assert not (tmp_path / "sentinel").exists()


@pytest.mark.parametrize(
    "expression", ["__import__('os').getcwd()", "range(9) or 1", "range(1, 2, 3, 4)", "range(1" + "0" * 90]
)
def test_dill_evaluates_nothing(expression: str) -> None:
    with pytest.raises((NotPlain, PickleProblem), match=r"evaluated|range expected|expression"):
        plain(stacked("dill._dill", "_eval_repr", expression))


@pytest.mark.parametrize("name", ["FunctionType", "CodeType", "ModuleType", "x"])
def test_dill_makes_no_other_types(name: str) -> None:
    with pytest.raises(NotPlain, match=f"the type `{name}`"):
        plain(stacked("dill._dill", "_load_type", name))


def test_all_that_is_needed_is_named() -> None:
    with pytest.raises(NotPlain, match=r"^it needs `tests\.artifacts\.test_unpickle\.Thing`$"):
        plain(pickle.dumps({"a": Thing()}))
    with pytest.raises(NotPlain, match=r"`a\.B`, `c\.D`, `e\.F`, `g\.H`, `i\.J` and 2 more"):
        plain(b"(ca\nB\ncc\nD\nce\nF\ncg\nH\nci\nJ\nck\nL\ncm\nN\nl.")
    with pytest.raises(NotPlain, match=r"`a\.B`"):
        plain(b"(ca\nB\ncc")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.zeros(1, np.dtype("f8", metadata={"unit": "m"})), "a numpy dtype with metadata"),
        (np.zeros(1, [("a", "O")]), "records with Python objects"),
        ({tuple(range(1001)): 1}, "a key of too many parts"),
        (np.ma.array([1]), "MaskedArray"),
    ],
)
def test_what_is_beyond_plain_data_is_named(value: Any, reason: str) -> None:
    with pytest.raises(NotPlain, match=reason):
        plain(pickle.dumps(value))


def test_a_class_of_a_script_is_named() -> None:
    """dill writes classes of `__main__` by value."""
    dill = pytest.importorskip("dill")
    script: dict[str, Any] = {"__name__": "__main__"}
    exec("class Net:\n    def f(self): return 1\nnet = Net()", script)
    with pytest.raises(NotPlain, match=r"`__main__\.Net`"):
        plain(dill.dumps({"net": script["net"]}))


BROKEN = {
    "nothing": b"",
    "stop only": b".",
    "text": b"hello",
    "zip": b"PK\x03\x04",
    "no stop": b"N",
    "empty stack": b"a.",
    "no mark": b"t.",
    "memo": b"h\x05.",
    "unhashable key": b"}]Ns.",
    "odd items": b"}(Nu.",
    "append to a dict": b"}Na.",
    "set on a list": b"]NNs.",
    "call of a number": b"K\x01)R.",
    "call of a deep tuple": b")" + b"\x85" * 100_000 + b")R.",
    "call with a list": b"cbuiltins\ncomplex\n]R.",
    "state of a list": b"]Nb.",
    "state of a class": b"cnumpy\nndarray\nNb.",
    "persistent": b"Pid\n.",
    "binary persistent": b"NQ.",
    "extension": b"\x82\x01.",
    "buffer": b"\x97.",
    "utf-8": b"\x8c\x01\xff.",
    "integer": b"Ix\n.",
    "many digits": b"I" + b"9" * 5000 + b"\n.",
    "float": b"Fx\n.",
    "complex of text": b"cbuiltins\ncomplex\n\x8c\x0213\x85R.",
    "range of text": b"cbuiltins\nrange\n\x8c\x0213\x85R.",
    "set of text": b"cbuiltins\nset\n\x8c\x0213\x85R.",
    "bytes of a number": b"cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.",
    "bytearray of a number": b"cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
    "no codec": b"c_codecs\nencode\n\x8c\x0213\x85R.",
    "codec": b"c_codecs\nencode\n\x8c\x0213\x8c\x03hex\x86R.",
    "date": b"cdatetime\ndate\nC\x04\x00\x00\x00\x00\x85R.",
    "datetime": b"cdatetime\ndatetime\nC\x0a\x07\xe0\x01\x01\xc8\x63\x63\xff\xff\xff\x85R.",
    "dtype": b"cnumpy\ndtype\n\x8c\x04f8,O\x85R.",
    "dtype twice": b"cnumpy\ndtype\n\x8c\x02f8\x85Rq\x00"
    + 2 * b"(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    + b".",
}


@pytest.mark.parametrize("name", BROKEN)
def test_damage_is_named(name: str) -> None:
    with pytest.raises(PickleProblem, match="cut off or damaged"):
        plain(BROKEN[name])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_prefix(protocol: int) -> None:
    data = pickle.dumps(
        [{"epoch": 3, "weights": np.arange(3.0), "when": datetime.datetime.max, "s": {1, 2}}, "é"], protocol
    )
    for length in range(len(data)):
        with pytest.raises(PickleProblem, match="cut off or damaged"):
            plain(data[:length])


SEEDS = [pickle.dumps(value, protocol) for value in PLAIN.values() for protocol in (0, 2, 4, 5)]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    place=st.integers(0, 10**6),
    garbage=st.binary(min_size=0, max_size=4),
    n=st.integers(0, 4),
)
def test_mutated_pickles(seed: bytes, place: int, garbage: bytes, n: int) -> None:
    place %= len(seed)
    with contextlib.suppress(NotPlain, PickleProblem):
        plain(seed[:place] + garbage + seed[place + n :])


# what it costs; see test_bombs as well


def test_the_limit_of_values_can_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(list(range(1000)))
    monkeypatch.setattr(pickleguard, "MAX_VALUES", 999)
    with pytest.raises(NotPlain, match=r"more than 999 values \(mlxp_pandas.artifacts.pickleguard.MAX_VALUES\)"):
        plain(data)
    monkeypatch.setattr(pickleguard, "MAX_VALUES", 2000)
    assert plain(data) == list(range(1000))


def test_nesting() -> None:
    value: list[Any] = []
    for _ in range(150):
        value = [value]
    assert plain(pickle.dumps(value)) == value
    for _ in range(100):
        value = [value]
    with pytest.raises(NotPlain, match="nested more than 200 levels"):
        plain(pickle.dumps(value))


# with trust


def test_trusted_runs_what_it_reads() -> None:
    assert trusted(pickle.dumps(Thing())).x == 1


def test_trusted_without_dill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dill", None)
    assert trusted(pickle.dumps([1])) == [1]


def first_line(path: str) -> str:
    with open(path) as file:
        return next(iter(line.strip() for line in file))


def test_trusted_function() -> None:
    import marshal

    load = trusted_function(marshal.dumps(first_line.__code__))
    assert load(__file__) == "# SPDX-License-Identifier: MIT"


@pytest.mark.parametrize("damage", ["garbage", "number", "opcodes", "caches", "inner"])
def test_bytecode_of_another_python(damage: str) -> None:
    import marshal

    code = first_line.__code__
    changed: Any = {
        "opcodes": lambda: code.replace(co_code=bytes([255, 0]) + code.co_code[2:]),
        "caches": lambda: code,
        "inner": lambda: (lambda: 0).__code__.replace(co_consts=(code.replace(co_code=b"\x00\x00" * 9),)),
        "number": lambda: 5,
    }
    data = b"\xff\xfe" if damage == "garbage" else marshal.dumps(changed[damage]())
    if damage == "caches":
        data = data.replace(b"\0\0\0\0\0\0", b"\0\0\x09\x09\0\0")
    with pytest.raises(PickleProblem, match="no bytecode of this version of Python"):
        trusted_function(data)
