# SPDX-License-Identifier: MIT
"""Hostile catalogues, and artifacts that are absent, elsewhere, damaged, too large, or programs."""

from __future__ import annotations

import io
import json
import marshal
import os
import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from . import ABSENT, HEAD, LOSS, Case, both, put, remove

__all__ = ["CASES"]

TRAIN, TRAIN_KEYS = "metrics/train.json", "metrics/.keys/train.yaml"
LISTED = "artifacts/.keys/artifacts.yaml"
WEIGHTS = "artifact.pickle./last_ckpt.pkl"
STEPS = [0, 1, 2, 3]


class _Runs:
    """Writes the sentinel when it is unpickled."""

    def __init__(self, sentinel: str) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({self.sentinel!r}, 'w').close()",)


class Settings:
    """A class of the user's script."""


def _keys(name: str, text: bytes | str, scan: str = "", load: str = "", **kept: Any) -> Case:
    """A catalogue of the log `train`, whose rows are whole."""
    columns = {f"train.{key}": value for key, value in ({"epoch": STEPS} | kept).items()}
    return Case(f"catalogue: {name}", put(TRAIN_KEYS, text), scan, load, columns)


def _catalogues() -> Iterator[Case]:
    yield _keys("empty", "")
    yield _keys("blank", "\n\n")
    yield _keys("an empty mapping", "{}\n")
    yield _keys("cut in a quote", "epoch: ''\nloss: '", "not yaml")
    yield _keys("cut in a key", "epoch: ''\nlo", "not yaml")
    yield _keys("a list", "- epoch\n- loss\n", "not a mapping")
    yield _keys("a list with a key that no row has", "- more\n", "not a mapping", more=ABSENT)
    yield _keys("keys of other kinds", "1: ''\nepoch: ''\nloss: ''\ntrue: ''\n", "duplicate key", "missing key")
    yield _keys("a key that no row has", "epoch: ''\nloss: ''\nmore: ''\n", "", "missing key", more=ABSENT)
    yield _keys("a key that it lacks", "epoch: ''\n", loss=ABSENT)._replace(health="unlisted key")
    odd = _keys("only keys that no row has", "more: ''\n", "", "missing key", epoch=ABSENT, more=ABSENT)
    yield odd._replace(health="missing key,unlisted key")
    both_kinds = both(put(TRAIN_KEYS, "2: ''\ntrue: ''\nnull: ''\n"), put(TRAIN, b'{"2": 5, "true": 6, "null": 7}\n'))
    kept = {"train.2": [5], "train.true": [6], "train.null": [7]}
    yield Case("catalogue: keys that JSON writes in another way", both_kinds, kept=kept)
    yield _keys("values of other kinds", "epoch: {a: [1]}\nloss: 5\n")
    yield _keys("a Python tag", "epoch: ''\nloss: !!python/name:os.system x\n", "unknown tag")
    yield _keys("a key twice", "epoch: ''\nloss: ''\nloss: ''\n", "duplicate key")
    yield _keys("30,000 levels", "[" * 30_000, "too deep")
    yield _keys("an alias in itself", "&x\nepoch: *x\n", "self reference")
    yield _keys("Latin-1", "epoch: ''\ncafé: ''\n".encode("latin-1"), "encoding")
    yield _keys("40 MB", "epoch: ''\n" + "#" * 40_000_000, "too large")
    many = "epoch: ''\n" + "".join(f"k{n}: ''\n" for n in range(3_000))
    lacking = ["missing key"] * 3_000
    odd = _keys("3,000 keys that no row has", many, "", ",".join(lacking), k0=ABSENT)
    yield odd._replace(health=",".join([*lacking, "unlisted key"]))
    rows = json.dumps(dict.fromkeys([f"k{n}" for n in range(25_000)], 1)).encode() + b"\n"
    wide = both(put(TRAIN, rows), remove(TRAIN_KEYS))
    yield Case("25,000 keys without a catalogue", wide, "too many keys", kept={"train.k0": [1], "train.k24999": ABSENT})
    late = both(put(TRAIN_KEYS, "epoch: ''\n"), put("metadata/info.yaml", "status: RUNNING\n"))
    both_keys = put(TRAIN_KEYS, "epoch: ''\nloss: ''\n")
    yield Case(
        "catalogue: of a live run, one key late",
        late,
        kept={"train.epoch": STEPS},
        health="unlisted key",
        later=both_keys,
    )
    rows = put(TRAIN, b'{"a.b": 1, "epoch": 0}\n')
    dotted = both(rows, put(TRAIN_KEYS, "a.b: ''\nepoch: ''\n"))
    yield Case("a key with a dot", dotted, kept={"train.a.b": [1], "train.epoch": [0]})
    empty = both(put(TRAIN, b'{"": 1, " ": 2}\n'), put(TRAIN_KEYS, "'': ''\n' ': ''\n"))
    yield Case("an empty key and a blank one", empty, kept={"train.": [1], "train. ": [2]})


def _log_names() -> Iterator[Case]:
    for name in ("train.fine", "a b", "<b>x", "x" * 200, "é", ".5", "$x$", "'", "train.", "-", "null", "007"):
        damage = both(put(f"metrics/{name}.json", HEAD), put(f"metrics/.keys/{name}.yaml", "loss: ''\nepoch: ''\n"))
        visible = not name.startswith(".")
        kept = {f"{name}.loss": LOSS if visible else ABSENT, "train.epoch": STEPS}
        yield Case(f"a log named {name[:20]}", damage, kept=kept)
    for name in ("config", "info", "artifacts", "mlxp"):
        yield Case(
            f"a metrics file named {name}",
            put(f"metrics/{name}.json", HEAD),
            "reserved name",
            kept={"config.seed": 1, f"{name}.loss": ABSENT},
        )
    for log, key in (("config.model", "num_units"), ("info.logger", "log_id"), ("artifact.pickle", "")):
        like = both(put(f"metrics/{log}.json", HEAD), put(f"metrics/.keys/{log}.yaml", f"{key!r}: ''\nx: ''\n"))
        kept = {"config.seed": 1, "config.model.num_units": 2, "info.logger.log_id": 2, f"{log}.x": ABSENT}
        yield Case(f"a log named {log}, as columns are", like, "reserved name", kept=kept)
    yield Case("a log named artifact", put("metrics/artifact.json", HEAD), kept={"artifact.loss": LOSS})
    clash = both(put("metrics/a.json", b'{"b.c": 1}\n'), put("metrics/a.b.json", b'{"c": 2}\n'))
    yield Case("two logs and keys that share a column", clash, "duplicate column", kept={"a.b.c": [1]})


def _listed(name: str, text: str | bytes, scan: str = "", artifacts: dict[str, Any] | None = None, **kept: Any) -> Case:
    return Case(f"artifacts: {name}", put(LISTED, text), scan, kept=kept, artifacts=artifacts or {})


def _artifact_catalogues() -> Iterator[Case]:
    good = "pickle:\n  '':\n    last_ckpt.pkl: ''\n"
    there = {WEIGHTS: dict}
    for name, text, scan in (
        ("empty", "", ""),
        ("cut in a quote", "pickle:\n  '", "not yaml"),
        ("cut at a line end", "pickle:\n", "bad entry"),
        ("a list", "- pickle\n", "not a mapping"),
        ("flat", "pickle: last_ckpt.pkl\n", "bad entry"),
        ("a type that is a number", good + "5:\n  '': {x: ''}\n", "bad entry"),
        ("a folder that is a number", good + "numpy:\n  5: {x: ''}\n", "bad entry"),
        ("a folder without its dot", good + "numpy:\n  x: {y: ''}\n", "bad entry"),
        ("names that are numbers", good + "numpy:\n  '': {5: ''}\n", "bad entry"),
        ("names that lead out", good + "numpy:\n  '': {../../x: '', ..: '', /etc/passwd: '', '': ''}\n", "bad entry"),
        ("types that lead out", good + "../../..:\n  '': {x: ''}\n/etc:\n  '': {passwd: ''}\n", "bad entry,bad entry"),
        ("a type with a slash", good + "numpy/x:\n  '': {x: ''}\n", "bad entry"),
        ("names with NULs", good + 'numpy:\n  "": {"a\\0b": ""}\n', "bad entry"),
        ("30,000 levels", good + "x: " + "[" * 30_000, "too deep"),
        ("a Python tag", good + "x: !!python/object/apply:os.system [true]\n", "bad entry,unknown tag"),
    ):
        yield _listed(name, text, scan, there)
    folders = good + "numpy:\n  '.......': {x: ''}\n  '.../etc': {passwd: ''}\n"
    yield _listed("folders that lead out", folders, "bad entry,bad entry", there)
    absent = {"artifact.numpy./x.npz": "ArtifactNotFoundError", **there}
    yield _listed("listed but absent", good + "numpy:\n  '': {x.npz: ''}\n", "", absent)
    stray = both(put(LISTED, good + "numpy:\n  '': {x.npz: ''}\n"), put("artifacts/numpy/x.npz_tmp.npz", b"x"))
    yield Case(
        "artifacts: the stray file of MLXP 1.0.5",
        stray,
        artifacts={"artifact.numpy./x.npz": "ArtifactNotFoundError: x.npz_tmp.npz"},
    )
    yield Case("artifacts: there but not listed", put("artifacts/pickle/more.pkl", b"x"), artifacts=there)
    more = put("artifacts/numpy/more.npy", _npy(np.arange(3)))
    gone = both(more, remove(LISTED))
    yield Case("artifacts: no catalogue", gone, artifacts={"artifact.numpy./more.npy": "array([0, 1, 2])", **there})
    for folder, dotted in (("v1.2", ".v1.2"), ("a.b/c.d", ".a.b.c.d"), ("a..b", ".a..b")):
        here = put(f"artifacts/pickle/{folder}/x.pkl", pickle.dumps(5))
        text = f"pickle:\n  {dotted!r}:\n    x.pkl: ''\n"
        scan = "bad entry" if ".." in dotted else ""
        found = {f"artifact.pickle.{dotted}/x.pkl": 5}
        yield Case(f"artifacts: a folder named {folder}", both(here, put(LISTED, text)), scan, artifacts=found)
    deep = "pickle:\n  '" + ".a" * 60 + "': {x: ''}\n"
    yield _listed("a folder of 60 parts", deep, "", {f"artifact.pickle.{'.a' * 60}/x": "ArtifactNotFoundError"})
    yield Case(
        "artifacts: 60 nested folders named a.a",
        _dotted_tree,
        artifacts={f"artifact.pickle.{'.a' * 40}/x": "ArtifactNotFoundError"},
    )
    names = good + "numpy:\n  '':\n" + "".join(f"    n{n}: ''\n" for n in range(3_000))
    yield _listed("3,000 absent files", names, "", {"artifact.numpy./n0": "ArtifactNotFoundError", **there})
    yield Case("artifacts: 200 nested folders", _deep_tree, artifacts={})


def _stored(name: str, kind: str, file: str, data: bytes, gives: Any) -> Case:
    """One artifact with its catalogue."""
    damage = both(put(f"artifacts/{kind}/{file}", data), put(LISTED, f"{kind}:\n  '':\n    {file}: ''\n"))
    return Case(f"{kind}: {name}", damage, artifacts={f"artifact.{kind}./{file}": gives})


def _arrays() -> Iterator[Case]:
    yield _stored("an array", "numpy", "x.npy", _npy(np.arange(3)), "array([0, 1, 2])")
    yield _stored("arrays", "numpy", "x.npz", _npz(a=np.arange(2)), "{'a': array([0, 1])}")
    yield _stored("not an array", "numpy", "x.npz", b"nothing", "ArtifactError")
    yield _stored("empty", "numpy", "x.npy", b"", "ArtifactError")
    yield _stored("cut off", "numpy", "x.npy", _npy(np.arange(99))[:200], "ArtifactError")
    yield _stored("cut off archive", "numpy", "x.npz", _npz(a=np.arange(99))[:200], "ArtifactError")
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118)
    huge = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    yield _stored("a header bomb", "numpy", "x.npy", header + huge, "ArtifactError")
    nothing = b"{'descr': '|V0', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    yield _stored("a header bomb of nothing", "numpy", "x.npy", header + nothing, "ArtifactError")
    code = b"__import__('os').system('touch /tmp/x')".ljust(117) + b"\n"
    yield _stored("a header that is code", "numpy", "x.npy", header + code, "ArtifactError")
    deep = (b"(" * 100_000).ljust(200_000) + b"\n"
    yield _stored(
        "a header of brackets",
        "numpy",
        "x.npy",
        b"\x93NUMPY\x02\x00" + struct.pack("<I", len(deep)) + deep,
        "ArtifactError",
    )
    yield _stored("a zip bomb", "numpy", "x.npz", _zip_bomb(), "ArtifactError")
    yield _stored("a zip that lies", "numpy", "x.npz", _lying_zip(), "ArtifactError")
    yield _stored("a zip in a zip", "numpy", "x.npz", _zip({"a.npz": _npz(a=np.arange(2))}), "{'a.npz': b\"PK")
    yield _stored(
        "a zip of names that lead out",
        "numpy",
        "x.npz",
        _zip({"../../x.npy": _npy(np.arange(2))}),
        "{'../../x': array([0, 1])}",
    )
    yield _stored("a pickle under .npz", "numpy", "x.npz", pickle.dumps([1]), "ArtifactError")


def _images() -> Iterator[Case]:
    yield _stored("an image", "image", "x.png", _png(2, 2), "array([[[")
    yield _stored("cut off", "image", "x.png", _png(2, 2)[:45], "ArtifactError")
    yield _stored("a PNG bomb", "image", "x.png", _png(2, 2, 50_000), "ArtifactError")
    yield _stored(
        "EPS that is a program",
        "image",
        "x.eps",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nquit\n",
        "ArtifactError",
    )
    yield _stored("SVG with a script", "image", "x.svg", b"<svg><script>alert(1)</script></svg>", "<svg><script>")
    yield _stored("text", "image", "x.png", b"no image", "ArtifactError")


def _with_sentinel(name: str, kind: str, file: str, make: Callable[[str], bytes], gives: Any) -> Case:
    case = _stored(name, kind, file, b"", gives)

    def damage(run: Path) -> None:
        case.damage(run)
        put(f"artifacts/{kind}/{file}", make(str(run.parent.parent / "sentinel")))(run)

    return case._replace(damage=damage)


def _pickles() -> Iterator[Case]:
    refused = "UntrustedArtifactError"
    yield _stored("plain data", "pickle", "x.pkl", pickle.dumps({"a": (1, 2.5)}), "{'a': (1, 2.5)}")
    yield _stored("empty", "pickle", "x.pkl", b"", "ArtifactError")
    yield _stored("cut off", "pickle", "x.pkl", pickle.dumps(list(range(100)))[:50], "ArtifactError")
    yield _stored("text", "pickle", "x.pkl", b"no pickle\n", "ArtifactError")
    yield _stored("a missing module", "pickle", "x.pkl", b"cnot_there\nThing\n.", refused)
    yield _stored("a class of the user", "pickle", "x.pkl", pickle.dumps(Settings()), refused)
    yield _with_sentinel("that runs", "pickle", "x.pkl", lambda path: pickle.dumps(_Runs(path)), refused)
    yield _with_sentinel("that runs os.system", "pickle", "x.pkl", _runs_system, refused)
    yield _with_sentinel(
        "of protocol 0 that runs", "pickle", "x.pkl", lambda path: pickle.dumps(_Runs(path), 0), refused
    )
    yield _stored("an import that runs", "pickle", "x.pkl", b"cantigravity\nfly\n.", refused)
    yield _stored(
        "50,000 nested lists",
        "pickle",
        "x.pkl",
        b"\x80\x04" + b"]" * 50_000 + b"a" * 49_999 + b".",
        "Artifact|Untrusted",
    )
    yield _stored("a memo bomb", "pickle", "x.pkl", _memo_bomb(), object)
    yield _stored(
        "a length bomb", "pickle", "x.pkl", b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.", "ArtifactError"
    )
    yield _stored(
        "an array of promised bytes",
        "pickle",
        "x.pkl",
        pickle.dumps(np.zeros(4)).replace(b"K\x04", b"K\xff"),
        "ArtifactError",
    )
    yield _with_sentinel(
        "in an npz", "numpy", "x.npz", lambda path: _npz(a=np.array([_Runs(path)], dtype=object)), refused
    )
    yield _with_sentinel(
        "in an npy", "numpy", "x.npy", lambda path: _npy(np.array([_Runs(path)], dtype=object)), refused
    )
    yield _with_sentinel("under .npz", "numpy", "x.npz", lambda path: pickle.dumps(_Runs(path)), "ArtifactError")
    yield _with_sentinel("under .png", "image", "x.png", lambda path: pickle.dumps(_Runs(path)), "ArtifactError")
    torch = "MissingDependencyError|Untrusted|ArtifactError"
    yield _with_sentinel(
        "a zip that runs", "torch", "x.pt", lambda path: _zip({"x/data.pkl": pickle.dumps(_Runs(path), 2)}), torch
    )
    yield _with_sentinel("a legacy file that runs", "torch", "x.pt", _legacy_torch, torch)
    yield _stored("a zip bomb", "torch", "x.pt", _zip_bomb(), "ArtifactError")


def _custom(name: str, kind: str, make: Callable[[str], bytes], gives: Any) -> Case:
    """An artifact of a custom type, whose loader is code in the catalogue."""
    case = _stored(name, kind, "x.txt", pickle.dumps(5), gives)

    def damage(run: Path) -> None:
        case.damage(run)
        code = make(str(run.parent.parent / "sentinel"))
        put("artifacts/.keys/custom_types.yaml", yaml.dump({kind: {"load": code, "save": code}}))(run)

    return case._replace(name=f"custom type: {name}", damage=damage)


def _custom_types() -> Iterator[Case]:
    def code(path: str) -> bytes:
        return marshal.dumps(compile(f"open({path!r}, 'w').close()", "x", "exec"))

    refused = "UntrustedArtifactError"
    yield _custom("malicious", "mine", code, refused)
    yield _custom("that crashes the interpreter", "mine", lambda _: _crashing_code(), refused)
    yield _custom("of another Python", "mine", lambda _: b"\xe3" + bytes(range(64)), refused)
    yield _custom("that is no code", "mine", lambda _: marshal.dumps([1]), refused)
    for kind in ("pickle", "numpy", "image", "torch"):
        gives = 5 if kind == "pickle" else "ArtifactError|MissingDependencyError"
        yield _custom(f"that shadows {kind}", kind, code, gives)
    unknown = _stored("of an unknown type", "mystery", "x.bin", b"x", "ArtifactError")
    yield unknown
    for name, text in (
        ("a list", "- mine\n"),
        ("30,000 levels", "[" * 30_000),
        ("a Python tag", "mine: !!python/name:os.system\n"),
    ):
        yield Case(
            f"custom_types.yaml: {name}",
            both(unknown.damage, put("artifacts/.keys/custom_types.yaml", text)),
            artifacts=unknown.artifacts,
        )


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def _npz(**arrays: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def _zip(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _zip_bomb() -> bytes:
    """Two members that say that they unpack to nearly 4 GiB each."""
    data = _zip({"a.npy": bytes(12_345_678), "b.npy": bytes(12_345_678)})
    return data.replace(struct.pack("<I", 12_345_678), struct.pack("<I", 2**32 - 2))


def _lying_zip() -> bytes:
    """A member that unpacks to more than it says."""
    data = _zip({"a.npy": _npy(np.zeros(1_000_000))})
    return data.replace(struct.pack("<I", 8_000_128), struct.pack("<I", 129))


def _png(width: int, height: int, promised: int = 0) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", promised or width, promised or height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(3 * width)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _runs_system(path: str) -> bytes:
    return f"cos\nsystem\n(S'touch {path}'\ntR.".encode()


def _memo_bomb() -> bytes:
    """Lists of lists of the same lists: 9**40 values, were they written out."""
    levels = b"".join(b"(" + b"h" + bytes([n]) for n in range(0))
    text = b"\x80\x04]q\x00"
    for n in range(40):
        text += b"(" + (b"h" + bytes([n])) * 9 + b"lq" + bytes([n + 1])
    return text + levels + b"."


def _legacy_torch(path: str) -> bytes:
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    return magic + pickle.dumps(_Runs(path), 2) + pickle.dumps([], 2)


def _crashing_code() -> bytes:
    source = compile("x", "x", "eval")
    return marshal.dumps(source.replace(co_code=b"\xff" * 64, co_consts=(), co_names=()))


def _dotted_tree(run: Path) -> None:
    """Folders that can be cut in many ways, none of which leads to the file."""
    path = run / "artifacts" / "pickle"
    for _ in range(12):
        for name in ("a", "a.a", "a.a.a"):
            (path / name).mkdir(parents=True, exist_ok=True)
        path /= "a"
    put(LISTED, "pickle:\n  '" + ".a" * 40 + "': {x: ''}\n")(run)


def _deep_tree(run: Path) -> None:
    shutil.rmtree(run / "artifacts" / ".keys")
    path = run / "artifacts" / "pickle"
    here = os.getcwd()
    os.chdir(path)
    for _ in range(200):
        os.mkdir("d")
        os.chdir("d")
    Path("x.pkl").write_bytes(b"x")
    os.chdir(here)


CASES = [
    *_catalogues(),
    *_log_names(),
    *_artifact_catalogues(),
    *_arrays(),
    *_images(),
    *_pickles(),
    *_custom_types(),
]
