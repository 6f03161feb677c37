# SPDX-License-Identifier: MIT
"""The fast way gives what the general way gives, on generated sweeps and on mutated files, types included."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlxp_pandas.disk import Flat, flatten
from mlxp_pandas.runs import templates
from mlxp_pandas.runs.templates import Flattener

TEXTS = [
    "1",
    "-3",
    "0",
    "010",
    "0.5",
    "1e-3",
    "1.5e+3",
    ".5",
    "5.",
    "1_000",
    "0x10",
    "1:30",
    "1:30:00",
    "true",
    "no",
    "None",
    "null",
    "~",
    "''",
    "'a b'",
    '"x"',
    '"a\\n"',
    "'it''s'",
    "cpu",
    "a b",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    "#c",
    "- x",
    "-",
    "--- x",
    "...",
    "[]",
    "{}",
    "[1, 2]",
    "&a x",
    "*a",
    "!!int 3",
    "| x",
    "> y",
    "%x",
    "@x",
    "`x`",
    "2024-01-01",
    "12:00:00",
    "'12:00:00'",
    "=",
    "<<",
    "/tmp/a b/c.py",
    "a:",
    ":a",
    "? x",
    "é",
    "a\tb",
    "nan",
    ".nan",
    ".inf",
    "-.inf",
    "+1",
    "1.0",
    "-0",
    "-0.0",
    "00.5",
    "9" * 20,
    "y",
    "on",
    "123456789012345",
    "1234567890123456",
    "x" * 50,
    "(a)",
    "$HOME",
    "a,b",
    "a]b",
    "{a",
    "\\d",
    "^x",
    "<x>",
    "=x",
    ";",
    ".",
    "/",
    "~/x",
    "a/b: c",
    "a/:",
    "01/02/2026",
    "1/2",
    "-1/2",
    "09:10:11",
    "09:1:",
    "01:2:3.5",
    "00:00",
    "'a\tb'",
    "''''",
    "a\x7f",
    '"é"',
]
KEYS = ["seed", "lr", "model", "num_units", "no", "on", "y", "null", "1", "a.b", "x-y", "class"]
INDENTS = ["", "  ", "    "]

lines = st.one_of(
    st.builds("{}{}: {}".format, st.sampled_from(INDENTS), st.sampled_from(KEYS), st.sampled_from(TEXTS)),
    st.builds("{}{}:".format, st.sampled_from(INDENTS), st.sampled_from(KEYS)),
    st.builds("{}- {}".format, st.sampled_from(INDENTS), st.sampled_from(TEXTS)),
    st.sampled_from(["", "# comment", "  | text", "---", "...", "<<: *a", "  continued"]),
)


def same(left: Flat, right: Flat) -> bool:
    return left.names == right.names and repr(left.values) == repr(right.values) and left.faults == right.faults


def mutate(data: st.DataObject, base: list[str]) -> list[str]:
    changed = list(base)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(changed) - 1))
        start, colon, _ = changed[place].partition(": ")
        text = data.draw(st.sampled_from(TEXTS) | st.text("ab:# '\"-1.é\n", max_size=8))
        changed[place] = data.draw(st.sampled_from([start + colon + text, text, start]))
    return changed


@given(st.lists(lines, min_size=1, max_size=8), st.data())
@settings(max_examples=1500, deadline=None)
def test_fast_and_general_way_agree(base: list[str], data: Any) -> None:
    fast = Flattener("config")
    mutated = [mutate(data, base) for _ in range(4)]
    for file in [base, *mutated, base, *mutated]:
        for end in ("\n", ""):
            content = ("\n".join(file) + end).encode()
            assert same(fast.flatten(content), flatten(content, "config")), content


@given(
    st.lists(st.sampled_from(TEXTS), min_size=3, max_size=3),
    st.lists(st.lists(st.sampled_from(TEXTS), min_size=3, max_size=3), max_size=8),
)
@settings(max_examples=1500, deadline=None)
def test_sweeps_agree(first: list[str], others: list[list[str]]) -> None:
    fast = Flattener("config")
    layout = "seed: {}\nmodel:\n  units: {}\n  list:\n  - 1\n  - 2\noptimizer:\n  lr: {}\nempty: {{}}\n"
    for scalars in [first, *others, first, *others]:
        content = layout.format(*scalars).encode()
        assert same(fast.flatten(content), flatten(content, "config")), content


def test_equal_layouts_share_their_names() -> None:
    fast = Flattener("config")
    first, second = (fast.flatten(f"seed: {seed}\nlr: 0.1\n".encode()) for seed in (1, 2))
    assert first.names is second.names
    assert (first.values, second.values) == ([1, 0.1], [2, 0.1])


def test_values_handed_out_are_not_shared() -> None:
    fast = Flattener("config")
    first = fast.flatten(b"seed: 1\n")
    first.values[0] = "changed"
    assert fast.flatten(b"seed: 1\n").values == [1]


def test_the_memo_of_scalars_is_bounded() -> None:
    fast = Flattener("config")
    for seed in range(60_000):
        assert fast.flatten(b"seed: %d\n" % seed).values == [seed]
    assert templates._scalar.cache_info().currsize <= 50_000


def test_a_template_gives_way_where_scalars_are_of_another_kind() -> None:
    fast = Flattener("info")
    texts = ["/logs/1", "'10:00:00'", "01:00:00", "1:30", "0.1", "yes", "null", "''", '"a b"', "a b", "2024-01-01"]
    for text in ["/logs/0"] * 20 + 20 * texts:
        content = f"seed: {text}\nwork_dir: /logs\n".encode()
        assert same(fast.flatten(content), flatten(content, "info")), content
