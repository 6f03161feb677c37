# SPDX-License-Identifier: MIT
"""The general way from a YAML file to flat leaves, against `yaml.safe_load` and on what breaks it."""

from __future__ import annotations

import datetime
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxp_pandas.disk.tree import MAX_DEPTH, MAX_KEYS, MAX_NAME, flatten, load_mapping


def flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The reference: what `yaml.safe_load` gives, flattened in the plainest way."""
    for key, child in value.items():
        if isinstance(child, dict) and child:
            yield from flat(child, f"{name}.{key}")
        else:
            yield f"{name}.{key}", tuples(child)


def tuples(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    return frozenset(value) if isinstance(value, set) else value


def same(left: Any, right: Any) -> bool:
    return repr(left) == repr(right) or left == right


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text(max_size=12),
    st.sampled_from(
        ["1:30:00", "010", "no", "1_000", ".inf", "=", "<<", "~", "1e-3", "0x1f", "2024-01-01", "- a", "a: b", "#"]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_1", min_size=1), inner, max_size=3),
    max_leaves=12,
)
configs = st.dictionaries(st.text("abcxyz_0", min_size=1, max_size=6), values, min_size=1, max_size=6)


@given(configs, st.booleans())
@settings(max_examples=300, deadline=None)
def test_agrees_with_safe_load(config: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(config, default_flow_style=flow or None, sort_keys=False, allow_unicode=flow)
    expected = dict(flat(yaml.safe_load(text), "config"))
    found = flatten(text.encode(), "config")
    assert found.faults == ()
    assert list(found.names) == list(expected)
    assert all(map(same, found.values, expected.values()))


@given(st.text(st.sampled_from("ab: -[]{}&*!|>'\"%@`,#?\n\t1.<=~é\u2028"), max_size=60))
@settings(max_examples=500, deadline=None)
def test_never_raises_and_agrees_where_safe_load_answers(text: str) -> None:
    found = flatten(text.encode(), "c")
    try:
        value = yaml.safe_load(text)
    except Exception:
        return
    if isinstance(value, dict) and not found.faults:
        expected = dict(flat(value, "c"))
        if len(expected) == len(found.names):  # 1 and True are one key to PyYAML
            assert all(map(same, found.values, expected.values()))


@given(st.binary(max_size=80))
def test_any_bytes_are_leaves_or_faults(data: bytes) -> None:
    found = flatten(data, "c")
    assert found.names or found.faults or found.values == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("\x00" * 40, "empty"),
        ("- 1\n- 2\n", "not a mapping"),
        ("just text\n", "not a mapping"),
        ("a: 'cut in a quo", "not yaml"),
        ("a:\t- b\n\tc: 1\n", "not yaml"),
        ("a: &a [*a]\n", "self reference"),
        ("a: &a\n  b: *a\n", "self reference"),
        ("a: " + "[" * 30_000, "too deep"),
        ("- " * 30_000, "too deep"),
        ("? " * 30_000, "too deep"),
        ("a:\n" + "".join(" " * i + "a:\n" for i in range(1, 500)), "too deep"),
        ("".join(f"k{i}: 1\n" for i in range(MAX_KEYS + 1)), "too many keys"),
        ("a: [" + "1," * 500_000 + "]", "too large"),
        ("x0: &x0 [1]\n" + "".join(f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]\n" for i in range(1, 40)), "too large"),
        (
            "x0: &x0 {a: 1}\n" + "".join(f"x{i}: &x{i} {{a: *x{i - 1}, b: *x{i - 1}}}\n" for i in range(1, 40)),
            "too large",
        ),
        (
            "x0: &x0 {a: 1}\n" + "".join(f"x{i}: &x{i} {{<<: [*x{i - 1}, *x{i - 1}]}}\n" for i in range(1, 40)),
            "too large",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_one_fault(text: str, kind: str) -> None:
    found = flatten(text.encode(), "config")
    assert found.names == ()
    assert [fault.kind for fault in found.faults] == [kind]
    assert found.faults[0].reason


def test_what_libyaml_dies_of_does_not_kill_the_interpreter() -> None:
    code = (
        "from mlxp_pandas.disk.tree import flatten\n"
        "for text in ['[' * 200_000, '- ' * 200_000, '{a: ' * 100_000, '? - ' * 100_000,\n"
        "             ''.join(' ' * (400 * k) + '- ' * 190 + 'x\\n' for k in range(120))]:\n"
        "    assert flatten(text.encode(), 'c').faults\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_nesting_of_sixty_loads() -> None:
    text = "".join("  " * i + "a:\n" for i in range(60)) + "  " * 60 + "b: 1\n"
    assert flatten(text.encode(), "c").names == ("c" + ".a" * 60 + ".b",)
    assert flatten(("a: " + "[" * 60 + "]" * 60).encode(), "c").faults == ()
    assert MAX_DEPTH > 60


@pytest.mark.parametrize("value", ["!!int abc", "!!float x", "!!bool maybe", "!!timestamp x", "9999-99-99", "!!int ''"])
def test_a_value_that_pyyaml_dies_of_costs_one_leaf(value: str) -> None:
    found = flatten(f"a: 1\nb: {value}\nc: 3\n".encode(), "c")
    assert found.names == ("c.a", "c.b", "c.c")
    assert (found.values[0], found.values[2]) == (1, 3)
    assert [(fault.line, fault.kind, fault.kept) for fault in found.faults] == [(2, "bad value", "its text")]


def test_python_tags_are_never_followed() -> None:
    text = "p: !!python/object/apply:pathlib.PosixPath\n- /\n- data\n- x\nt: !!python/tuple [1, 2]\n"
    text += "e: !!python/object/apply:os.system ['true']\nn: !!python/name:os.system ''\n"
    found = flatten(text.encode(), "c")
    assert dict(zip(found.names, found.values, strict=True)) == {
        "c.p": "/data/x",
        "c.t": (1, 2),
        "c.e": ("true",),
        "c.n": "",
    }
    assert [fault.kind for fault in found.faults] == ["unknown tag", "unknown tag"]


def test_yaml_1_1_values_are_those_of_safe_load() -> None:
    text = "a: 1:30:00\nb: 010\nc: no\nd: 1_000\ne: .inf\nf: 2024-01-01\ng: !!binary aGk=\n"
    text += "h: !!set {x, y}\ni: 1e-3\nj: =\nk: <<\n"
    found = flatten(text.encode(), "c")
    expected = [5400, 8, False, 1000, math.inf, datetime.date(2024, 1, 1), b"hi", frozenset("xy"), "1e-3", "=", "<<"]
    assert found.values == expected
    assert found.faults == ()


def test_odd_keys_keep_their_values() -> None:
    found = flatten(b"1: a\n'1': b\ntrue: c\n1.0: d\nnull: e\n2024-01-01: f\n? [x, y]\n: g\nx.y: h\nx:\n  y: i\n", "c")
    assert dict(zip(found.names, found.values, strict=True)) == {
        "c.1": "a", "c.True": "c", "c.1.0": "d", "c.None": "e", "c.2024-01-01": "f", "c.('x', 'y')": "g", "c.x.y": "h"
    }  # fmt: skip
    assert sorted(fault.kind for fault in found.faults) == ["duplicate key", "duplicate key", "odd key"]


def test_merge_keys_and_anchors_used_honestly() -> None:
    text = b"base: &base {lr: 0.1, momentum: 0.9}\nrun:\n  <<: *base\n  lr: 0.5\nboth:\n  <<: [{a: 1}, {a: 2, b: 3}]\n"
    found = flatten(text, "c")
    assert dict(zip(found.names, found.values, strict=True)) == dict(flat(yaml.safe_load(text), "c"))
    assert found.faults == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_files_with_a_byte_order_mark(encoding: str) -> None:
    assert flatten("a: é\n".encode(encoding), "c").values == ["é"]


def test_other_encodings_are_named() -> None:
    assert flatten("a: é\n".encode("latin-1"), "c").faults[0].kind == "encoding"


def test_the_first_of_two_documents_is_kept() -> None:
    found = flatten(b"a: 1\n---\nb: 2\n", "c")
    assert (found.names, found.values, found.faults[0].kind) == (("c.a",), [1], "several documents")


def test_catalogues() -> None:
    assert load_mapping(b"loss: ''\nepoch: ''\n") == ({"loss": "", "epoch": ""}, ())
    assert load_mapping(b"- loss\n")[1][0].kind == "not a mapping"
    assert load_mapping(b"\xff\xff")[1][0].kind == "encoding"


def test_a_name_of_millions_of_characters_is_named_and_no_column() -> None:
    found = flatten(f"? {'k' * 2_000_000}\n: 1\nseed: 1\n? {'k' * (MAX_NAME - 2)}\n: 2\n".encode(), "c")
    assert [found.values, len(found.names[1])] == [[1, 2], MAX_NAME]
    assert [(fault.kind, fault.kept) for fault in found.faults] == [("odd key", "the other keys")]
    assert len(found.faults[0].reason) < 100
