# SPDX-License-Identifier: MIT
"""Hostile YAML in `config.yaml` and `info.yaml`: damaged, odd in its keys and values, tagged, recursive, beyond limits."""

from __future__ import annotations

import datetime
import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import ABSENT, Case, both, change, put

__all__ = ["CASES"]

CONFIG = "metadata/config.yaml"
INFO = "metadata/info.yaml"
UTC = datetime.UTC


def _config(name: str, text: bytes | str, scan: str = "", **kept: Any) -> Case:
    """A file in the place of `config.yaml`; `kept` are its columns, `__` for a dot."""
    columns = {f"config.{key.replace('__', '.')}": value for key, value in kept.items()}
    whole = columns or {"config.seed": ABSENT}
    return Case(f"config: {name}", put(CONFIG, text), scan=scan, kept={**whole, "info.status": "COMPLETE"})


def _scalar(text: str, value: Any, scan: str = "") -> Case:
    return _config(f"the value {text[:40]}", f"a: {text}\nseed: 1\n", scan, a=value, seed=1)


def _key(text: str, name: str, scan: str = "") -> Case:
    case = _config(f"the key {text[:40]}", f"? {text}\n: 5\nseed: 1\n", scan, seed=1)
    return case._replace(kept={**case.kept, f"config.{name}": 5})


def _damaged() -> Iterator[Case]:
    yield _config("empty", "", "empty")
    yield _config("blanks only", "\n  \n\n", "empty")
    yield _config("comments only", "# nothing\n", "not a mapping")
    yield _config("NULs only", bytes(4096), "empty")
    yield _config("cut in a quote", 'seed: 1\nname: "a', "not yaml")
    yield _config("cut in a key", "seed: 1\nopti", "not yaml")
    yield _config("cut at a line end", "seed: 1\noptimizer:\n", "", seed=1, optimizer=None)
    yield _config("cut in a character", b"seed: 1\nname: \xc3", "encoding")
    yield _config("a list at the top", "- 1\n- 2\n", "not a mapping")
    yield _config("a scalar at the top", "seed\n", "not a mapping")
    yield _config("null at the top", "null\n", "not a mapping")
    yield _config("an empty mapping at the top", "{}\n")
    yield _config("two documents", "seed: 1\n---\nseed: 2\n", "several documents", seed=1)
    yield _config("a torn second document", "seed: 1\n---\n'", "several documents", seed=1)
    yield _config("document marks", "%YAML 1.1\n---\nseed: 1\n...\n", seed=1)
    yield _config("YAML 1.2", "%YAML 1.2\n---\nseed: 1\n", seed=1)
    yield _config("tabs", "seed: 1\noptimizer:\n\tlr: 1\n", "not yaml")
    yield _config("CRLF", "seed: 1\r\noptimizer:\r\n  lr: 1.5\r\n", seed=1, optimizer__lr=1.5)
    yield _config("BOM", b"\xef\xbb\xbfseed: 1\n", seed=1)
    yield _config("UTF-16", "seed: 1\n".encode("utf-16"), seed=1)
    yield _config("UTF-16 without its mark", "seed: 1\n".encode("utf-16-le"), "not yaml")
    yield _config("UTF-32", "seed: 1\n".encode("utf-32"), "not yaml")
    yield _config("Latin-1", "seed: 1\nname: café\n".encode("latin-1"), "encoding")
    yield _config("a NUL", b"seed: 1\nname: a\0b\n", "not yaml")
    yield _config("a NUL tail", b"seed: 1\n" + bytes(64), "not yaml")
    yield _config("random bytes", random.Random(0).randbytes(5000), "encoding")
    yield _config("JSON", '{"seed": 1, "a": {"b": [1, 2]}}', seed=1, a__b=(1, 2))
    yield _config("HTML", "<html>\n<body>seed: 1</body>\n</html>\n", "not yaml")
    yield _config("unbalanced brackets", "seed: 1\na: [1, 2\n", "not yaml")
    yield _config("an undefined alias", "seed: *nothing\n", "not yaml")


def _keys() -> Iterator[Case]:
    for text, name in (("1", "1"), ("true", "True"), ("null", "None"), ("1.5", "1.5"), ("2001-01-01", "2001-01-01")):
        yield _key(text, name)
    yield _key("[1, 2]", "(1, 2)", "odd key")
    yield _key("{a: 1}", "{'a': 1}", "odd key")
    yield _key("''", "")
    yield _key("'a b'", "a b")
    yield _key("=", "=")
    yield _key("!!python/name:os.system x", "x", "unknown tag")
    yield _config("1 beside '1'", "1: a\n'1': b\n", "duplicate key", **{"1": "a"})
    yield _config("True beside 'True'", "true: a\n'True': b\n", "duplicate key", **{"True": "a"})
    yield _config("duplicates", "seed: 1\nseed: 2\n", "duplicate key", seed=2)
    yield _config("nested duplicates", "a: {b: 1}\na: {b: 2}\n", "duplicate key", a__b=2)
    dotted = Case("", put(CONFIG, "a.b: 1\na:\n  b: 2\n"), "duplicate key", kept={"config.a.b": 1})
    yield dotted._replace(name="config: a dotted key beside a nested one")
    yield _config("a key that is a leaf and a mapping", "a: 1\nb: {a: 2}\n", a=1, b__a=2)
    yield _config("a long key", f"? {'k' * 5000}\n: 1\nseed: 1\n", "", seed=1, **{"k" * 5000: 1})
    yield _config("2,000 keys", "".join(f"k{n}: {n}\n" for n in range(2_000)), "", k0=0, k1999=1999)
    yield _config("50,000 keys", "".join(f"k{n}: {n}\n" for n in range(50_000)), "too many keys")
    wide = "a:\n" + "".join(f"  k{n}: {n}\n" for n in range(50_000))
    yield _config("50,000 nested keys", wide, "too many keys")


def _aliases() -> Iterator[Case]:
    yield _config("anchors used honestly", "a: &x {lr: 1}\nb: *x\n", a__lr=1, b__lr=1)
    yield _config("merge keys used honestly", "a: &x {lr: 1}\nb: {<<: *x, k: 2}\n", a__lr=1, b__lr=1, b__k=2)
    yield _config("a list of merge keys", "a: &x {k: 1}\nb: &y {k: 2}\nc: {<<: [*x, *y]}\n", c__k=1)
    yield _config("a merge with a scalar", "a: {<<: 5, k: 1}\n", "bad merge", a__k=1)
    lists = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    yield _config("an alias bomb of lists", lists, "too large")
    maps = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{{', '.join(f'k{m}: *a{n - 1}' for m in range(9))}}}\n" for n in range(1, 30)
    )
    yield _config("an alias bomb of mappings", maps, "too large")
    merges = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
    )
    yield _config("an alias bomb of merge keys", merges, "too large")
    keys = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} {{? [*a{n - 1}, *a{n - 1}] : 1}}\n" for n in range(1, 40))
    yield _config("an alias bomb of keys", keys, "too large")
    yield _config("a list in itself", "a: &x [*x]\n", "self reference")
    yield _config("a mapping in itself", "a: &x {k: *x}\n", "self reference")
    yield _config("a mapping merged into itself", "a: &x {<<: *x}\n", "self reference")
    yield _config("a key in itself", "a: &x {? [*x] : 1}\n", "self reference")
    yield _config("a file in itself", "&x\na: *x\n", "self reference")
    texts = f"t: &t {'x' * 100_000}\n" + "a: [" + ", ".join(["*t"] * 1000) + "]\n"
    yield _config("a long text repeated", texts, "too large")


def _tags() -> Iterator[Case]:
    yield _scalar("!!python/tuple [1, 2]", (1, 2))
    yield _scalar("!!python/object/apply:pathlib.PosixPath [/, a, b]", "/a/b")
    yield _scalar("!!python/object/apply:pathlib.WindowsPath ['C:\\', a]", "C:\\/a")
    run = "\"open('{sentinel}', 'w')\""
    for tag, _value in (
        (f"object/apply:os.system [{run}]", None),
        (f"object/apply:builtins.exec [{run}]", None),
        (f"object/new:builtins.exec [{run}]", None),
        ("object:subprocess.Popen {args: [touch, '{sentinel}']}", None),
        ("object/apply:pathlib.Path.write_text ['{sentinel}', x]", None),
    ):
        case = _config(f"!!python/{tag[:40]}", f"a: !!python/{tag}\nseed: 1\n", "unknown tag", seed=1)
        yield case._replace(damage=_with_sentinel(CONFIG, f"a: !!python/{tag}\nseed: 1\n"))
    yield _scalar("!!python/name:os.system", "", "unknown tag")
    yield _scalar("!!python/module:antigravity", "", "unknown tag")
    yield _scalar("!!python/none ''", None)._replace(scan="unknown tag", kept={"config.a": "", "config.seed": 1})
    yield _scalar("!mine 5", "5", "unknown tag")
    yield _scalar("!<tag:example.com,2000:x> [1]", (1,), "unknown tag")
    yield _scalar("!mine {k: 1}", None, "unknown tag")._replace(kept={"config.a.k": 1})
    yield _config("a tag of the whole file", "!!python/object:os.system\nseed: 1\n", "unknown tag", seed=1)
    yield _scalar("!!set {x, y}", frozenset({"x", "y"}))
    yield _scalar("!!binary aGVsbG8=", b"hello")
    yield _scalar("!!omap [x: 1, y: 2]", ({"x": 1}, {"y": 2}))
    yield _scalar("!!str 5", "5")
    yield _scalar("!!float 5", 5.0)
    yield _scalar("!!null x", None)
    yield _config("!!map on a list", "a: !!map [1]\nseed: 1\n", "unknown tag", a=(1,), seed=1)


def _values() -> Iterator[Case]:
    for text in ("!!int abc", "!!float abc", "!!bool maybe", "!!timestamp soon", "!!int ''", "0b", "0x"):
        value = text.partition(" ")[2].strip("'") if text.startswith("!!") else text
        yield _scalar(text, value, "bad value" if text.startswith("!!") else "")
    yield _scalar("!!binary é", "é", "unknown tag")
    yield _scalar("2001-99-99", "2001-99-99", "bad value")
    yield _scalar("2001-01-01 25:61:61", "2001-01-01 25:61:61", "bad value")
    yield _scalar("2001-02-30", "2001-02-30", "bad value")
    yield _scalar("2001-01-01", datetime.datetime(2001, 1, 1))
    yield _scalar("2001-01-01 10:00:00.5", datetime.datetime(2001, 1, 1, 10, 0, 0, 500_000))
    yield _scalar("2001-01-01 10:00:00 +01:00", datetime.datetime(2001, 1, 1, 9, tzinfo=UTC))
    for text, value in (
        ("1:30:00", 5400), ("010", 8), ("0o10", "0o10"), ("no", False), ("yes", True), ("On", True), ("1_000", 1000),
        (".inf", math.inf), ("-.INF", -math.inf), (".nan", math.nan), ("=", "="), ("<<", "<<"), ("~", None),
        ("1e-3", "1e-3"), ("1.0e-3", 0.001), ("0x1F", 31), ("0b11", 3), ("1e400", "1e400"), ("1.0e+400", math.inf),
        ("-0.0", -0.0), ("12e03", "12e03"), ("0.", 0.0), ("+1", 1), ("1:60", "1:60"), ("190:20:30.15", 685230.15),
    ):  # fmt: skip
        yield _scalar(text, value)
    yield _scalar("18446744073709551616", 2**64)
    yield _scalar("1" * 4_000, int("1" * 4_000))
    for name, text in (
        ("5,000 digits", "1" * 5_000),
        ("100,000 hexadecimal digits", "0x" + "f" * 100_000),
        ("3,900 hexadecimal digits", "0x" + "f" * 3_900),
        ("50,000 parts in base 60", "1:" * 50_000 + "1"),
        ("1,500 parts in base 60", "1:" * 1_500 + "1"),
    ):
        yield _config(f"a number of {name}", f"a: {text}\nseed: 1\n", "bad value" if len(text) != 3_001 else "", seed=1)
    yield _scalar("[[], {}, [[]]]", ((), {}, ((),)))
    yield _config("a lone surrogate", 'a: "\\ud800"\nseed: 1\n', "not yaml")
    yield _scalar("|\n  two\n  lines", "two\nlines\n")
    yield _config("a text of 20 MB", f"seed: 1\na: {'x' * 20_000_000}\n", "", seed=1, a="x" * 20_000_000)
    yield _config("a file of 40 MB", f"seed: 1\na: {'x' * 40_000_000}\n", "too large")
    yield _config("a list of 100,000", f"seed: 1\na: [{'1,' * 100_000}]\n", "", seed=1)
    yield _config("a list of 1,000,000", f"seed: 1\na: [{'1,' * 1_000_000}]\n", "too large")


def _depths() -> Iterator[Case]:
    for depth in (60, 500, 30_000, 1_000_000):
        for name, left, right in (("[", "[", "]"), ("{", "{a: ", "}"), ("- ", "- ", ""), ("? ", "? ", "")):
            text = f"seed: 1\na: {left * depth}1{right * depth}\n".replace("a: - ", "a:\n  - ").replace(
                "a: ? ", "a:\n  ? "
            )
            scan = (
                "too large"
                if depth == 1_000_000
                else "too deep"
                if depth > 60
                else "further faults,odd key"
                if name == "? "
                else ""
            )
            yield Case(
                f"config: {depth:,} levels of {name}",
                put(CONFIG, text),
                scan,
                kept=_seed_if(depth == 60),
            )
    steps = "".join(f"{' ' * n}k:\n" for n in range(300)) + f"{' ' * 300}k: 1\n"
    yield _config("300 levels of block mappings", steps, "too deep")
    yield _config(
        "80 levels of block mappings", steps[: steps.index(" " * 80)] + " " * 80 + "k: 1\n", **{"k__" * 80 + "k": 1}
    )
    yield _config("30,000 open brackets", "seed: 1\na: " + "[" * 30_000, "too deep")
    for name, level in (("text", '["]",'), ("comment", "[ # ]\n "), ("other text", "{'}': ")):
        yield _config(f"30,000 levels that seem to end in a {name}", "seed: 1\na: " + level * 30_000, "too deep")
    yield _config("brackets in a text", f"seed: 1\na: '{'[' * 30_000}'\n", "", seed=1, a="[" * 30_000)
    yield _config("a long rule of dashes", f"seed: 1\na: |\n  {'-' * 1000}\n", "", seed=1, a="-" * 1000 + "\n")
    yield _config("300 brackets beside each other", "seed: 1\na: [" + "[1], " * 300 + "]\n", "", seed=1)
    yield _config("closing brackets", "seed: 1\na: " + "]" * 30_000 + "\n", "not yaml")
    yield _config(
        "30,000 question marks", "?\n" * 30_000, ",".join([*["duplicate key"] * 20, "further faults"]), **{"None": None}
    )
    yield _config("30,000 anchors", "seed: 1\na: " + "&a " * 30_000 + "\n", "not yaml")
    yield _config("30,000 tags", "seed: 1\na: " + "! " * 30_000 + "\n", "not yaml")


def _seed_if(is_read: bool) -> dict[str, Any]:
    return {"config.seed": 1 if is_read else ABSENT, "info.status": "COMPLETE"}


def _info() -> Iterator[Case]:
    kept = {"config.seed": 1, "info.status": ABSENT}
    yield Case("info: empty", put(INFO, ""), "empty", kept=kept)
    yield Case("info: cut in a quote", put(INFO, "status: 'COMP"), "not yaml", kept=kept)
    yield Case(
        "info: a Python tag", put(INFO, "status: !!python/name:os.system\n"), "unknown tag", kept={"info.status": ""}
    )
    yield Case(
        "info: a status that is a list", change(INFO, "COMPLETE", "[COMPLETE]"), kept={"info.status": ("COMPLETE",)}
    )
    yield Case("info: a status that is a mapping", change(INFO, "COMPLETE", "{a: 1}"), kept={"info.status.a": 1})
    yield Case("info: an unknown status", change(INFO, "COMPLETE", "PAUSED"), kept={"info.status": "PAUSED"})
    yield Case("info: dates of another kind", change(INFO, "01/01/2026", "2026-01-01"), kept={"config.seed": 1})
    yield Case("info: an alias bomb", put(INFO, "status: &x [*x]\n"), "self reference", kept=kept)
    yield Case("info: 30,000 levels", put(INFO, "status: " + "[" * 30_000), "too deep", kept=kept)
    gone = both(put(CONFIG, "'"), put(INFO, "'"))
    yield Case(
        "config and info damaged", gone, "not yaml,not yaml", kept={"config.seed": ABSENT, "info.status": ABSENT}
    )


def _with_sentinel(relative: str, text: str) -> Callable[[Path], object]:
    def damage(run: Path) -> None:
        put(relative, text.replace("{sentinel}", str(run.parent.parent / "sentinel")))(run)

    return damage


CASES = [*_damaged(), *_keys(), *_aliases(), *_tags(), *_values(), *_depths(), *_info()]
