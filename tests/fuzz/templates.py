# SPDX-License-Identifier: MIT
"""The YAML flattener: never raises, both of its ways agree, and they agree with `yaml.safe_load` flattened plainly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from mlxp_pandas.disk import Flat, flatten
from mlxp_pandas.runs.templates import Flattener

SEEDS = [
    b"seed: 1\nmodel:\n  units: 64\n  list:\n  - 1\n  - a\noptimizer:\n  lr: 0.1\nempty: {}\n"
    b"\0seed: 2\nmodel:\n  units: 1e-3\n  list:\n  - 1\n  - a\noptimizer:\n  lr: 'x y'\nempty: {}\n",
    b"a: 1:30:00\nb: 010\nc: no\nd: 1_000\ne: .inf\nf: 2024-01-01\ng: !!binary aGk=\nh: !!set {x, y}\ni: =\nj: <<\n",
    b"f: 2024-01-01 10:11:12.5 +01:00\ng: !!omap [a: 1]\nh: !!pairs [a: 1]\ni: !!float 1\nj: ~\nk: 0x1F\nl: 0b11\n",
    b"base: &base {lr: 0.1, m: 0.9}\nrun:\n  <<: *base\n  lr: 0.5\nboth:\n  <<: [{a: 1}, {a: 2, b: 3}]\n",
    b"1: a\n'1': b\ntrue: c\nnull: e\n2024-01-01: f\n? [x, y]\n: g\nx.y: h\nx:\n  y: i\n",
    b"p: !!python/object/apply:pathlib.PosixPath\n- /\n- data\nt: !!python/tuple [1, 2]\ne: !!python/name:os.a ''\n",
    b"a: &a\n  b: *a\n",
    b"a: &a [x]\nb: [*a, *a]\n--- \nc: 1\n",
    b"a: |\n  text\n   more\nb: >-\n  folded\n  text\nc: \"x\\n\\u00e9\\x41\"\nd: 'it''s'\ne: plain text # comment\n",
    b"%YAML 1.1\n---\na: !x b\nb: !!int abc\nc: !<tag:yaml.org,2002:str> 1\n...\n",
    "a: \xe9\u2028b\nc: {a: [1, {b: 2}], ? x : y}\n".encode(),
    "a: \xe9\n".encode("utf-16"),
    b"\xef\xbb\xbfa: 1\n",
    b"a: 1\na: 2\nb:\n- - - 1\n- x: 1\n  y: 2\n",
]
_GENERAL = {"empty", "not a mapping", "encoding", "too deep", "too large", "too many keys", "self reference"}
_NOT_SAFE = ("<<", "=", "!!python/", "tag:yaml.org,2002:python/", "!!value", "!!merge")  # loaded here on purpose
_PAIRS = ("omap", "pairs")  # lists of mappings of one key here, of pairs there


def check(data: bytes) -> None:
    """Some files, with NUL between them, as runs of one sweep; then the first one against the YAML library."""
    files = data.split(b"\0")[:6]
    fast = Flattener("config")
    for file in [*files, *files]:
        found = fast.flatten(file)
        assert_same(found, flatten(file, "config"), file)
    check_against_library(files[0], flatten(files[0], "config"))


def assert_same(found: Flat, expected: Flat, file: bytes) -> None:
    assert found.names == expected.names, f"{file!r}: {found} for {expected}"
    assert repr(found.values) == repr(expected.values), f"{file!r}: {found} for {expected}"
    assert found.faults == expected.faults, f"{file!r}: {found} for {expected}"


def check_against_library(file: bytes, found: Flat) -> None:
    """Equal values where both read the file; no fault where the library sees none, and one where it cannot read."""
    kinds = {fault.kind for fault in found.faults}
    assert len(set(found.names)) == len(found.names) == len(found.values)
    if kinds & _GENERAL:
        return
    text = file.decode("utf-16" if file[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    if not kinds:
        is_free = any(each in text for each in (*_NOT_SAFE, *_PAIRS))
        answers = (loaded(text, loader) for loader in (yaml.CSafeLoader, yaml.SafeLoader))
        assert is_free or any(equals(found, value) for value in answers), f"{text!r}: {found}"
    elif not kinds <= {"duplicate key"}:  # the library says nothing of those
        # libyaml refuses a few more texts than the loader in Python, such as `{a:, b}`
        answers = (loaded(text, loader) for loader in (yaml.CSafeLoader, yaml.SafeLoader))
        assert not all(isinstance(value, dict) for value in answers), f"{text!r}: {found.faults}"


def loaded(text: str, loader: Any) -> Any:
    try:
        return yaml.load(text, loader)
    except Exception as error:
        return error


def equals(found: Flat, value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    expected = dict(flat(value, "config"))
    if len(expected) != len(found.names):  # 1 and True are one key to PyYAML
        return len(set(map(str.lower, found.names))) > len(expected)
    return list(expected) == list(found.names) and all(map(same, found.values, expected.values()))


def flat(value: dict[Any, Any], name: str) -> Iterator[tuple[str, Any]]:
    """The reference: what `yaml.safe_load` gives, flattened in the plainest way."""
    for key, child in value.items():
        if isinstance(child, dict) and child:
            yield from flat(child, f"{name}.{key}")
        else:
            yield f"{name}.{key}", tuples(child)


def tuples(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return frozenset(value) if isinstance(value, set) else value


def same(left: Any, right: Any) -> bool:
    return repr(left) == repr(right) or left == right
