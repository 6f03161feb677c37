# SPDX-License-Identifier: MIT
"""A query is somebody's text: whatever it says, nothing is run, opened or imported, and pandas gets our own words."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlxp_pandas.errors import MlxpPandasError
from mlxp_pandas.query import filter_rows
from tests.query.frames import FRAME

OURS = re.compile(r"(?:x\d+|\d{1,9}(?:\.\d+)?|and|or|not|in|==|!=|<=?|>=?|\*\*|//|[-+*/%() ])+")
"""What may reach pandas: names of ours, digits, operators."""

PARSED = re.compile(r"(?:x\d*|\d+(?:\.\d+)?|and|or|not|in|[-+*/%<>=!&|~()\[\],\s\\])*")
"""What Python's parser may see: besides, the words of a query with `x` for each name and value."""

WATCHED = ("exec", "import", "open", "os", "subprocess", "socket", "ctypes", "shutil", "marshal", "pickle")
EVENTS: list[str] = []
IS_WATCHING = False


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not IS_WATCHING:
        return
    source = arguments[0] if event == "compile" else ""
    text = source.decode() if isinstance(source, bytes) else source or ""
    if event.partition(".")[0] in WATCHED or not PARSED.fullmatch(text):
        EVENTS.append(f"{event} {text!r}")


@contextlib.contextmanager
def watching() -> Iterator[list[str]]:
    """Collect what the interpreter runs or opens meanwhile; an audit hook cannot be taken off again, only be idle."""
    global IS_WATCHING  # noqa: PLW0603
    if not hasattr(sys, "_mlxp_pandas_attacks"):
        sys.addaudithook(watch)
        sys._mlxp_pandas_attacks = True  # type: ignore[attr-defined]
    EVENTS.clear()
    IS_WATCHING = True
    try:
        yield EVENTS
    finally:
        IS_WATCHING = False


class Tool:
    """A local that leaves a trace if it is used in any way."""

    def used(self, *arguments: object) -> Any:
        EVENTS.append("used")
        return self

    __call__ = __getattr__ = __getitem__ = __iter__ = __eq__ = __lt__ = __add__ = __array__ = __index__ = used
    __hash__ = None  # type: ignore[assignment]


CALLS = [
    "__import__('os').system('touch mark')",
    "eval('1')",
    "exec('open(1)')",
    "open('mark', 'w')",
    "@obj()",
    "@obj.method()",
    "@obj.attribute",
    "@obj[0]",
    "@obj",
    "[@obj]",
    "@pd.eval('1')",
    "@pd.read_pickle('mark')",
    "@__builtins__.open('mark', 'w')",
    "config.seed.to_csv('mark')",
    "`config.seed`.to_csv('mark')",
    "config.seed.map(@obj)",
    "config.seed.__class__",
    "config.seed.__class__.__init__.__globals__",
    "config.name.map.__func__.__globals__['os']",
    "config.name.str.len()",
    "`__class__`",
    "().__class__.__bases__[0].__subclasses__()",
    "(lambda: 1)()",
    "[x for x in (1,)]",
    "{1: 2}",
    "{*config.seed}",
    "f'{open(1)}'",
    "f'{config.seed!r:{1}}'",
    "rb'x'",
    "b'x'",
    "u'x'",
    "'x' 'y'",
    "'x' % config.seed",
    "'{0.__class__}'.format(1)",
    "x0",
    "x0.__class__",
    "x1 + x2",
    "index",
    "columns",
    "ilevel_0",
    "level_0",
    "__pd_eval_local_x0",
    "pi",
    "e",
    "sin(config.seed)",
    "sqrt(1)",
    "sum(config.seed)",
    "where(config.seed, 1, 2)",
    "__name__",
    "self",
    "df",
    "pd",
    "np",
    "@self",
    "@frame",
    "@text",
    "@derived",
    "@@obj",
    "@ obj",
    "\ufb01",
    "config.\uff53\uff45\uff45\uff44",
    "config.seed\u200b",
    "config\u2024seed",
    "\\x41",
    "$config.seed",
    "config.seed;import os",
    "config.seed\nimport os",
    "config.seed # comment",
    "(yield)",
    "await config.seed",
    "(x := 1)",
    "*config.seed",
    "**config.seed",
    "...",
    "config.seed if 1 else 2",
    "config.seed[::2]",
    "config.seed is 1",
    "config.seed <> 1",
    "~config.seed",
    "not config.seed",
    "-'a'",
    "9**9**9",
    "9**9**9**9**9",
    "config.seed ** 9 ** 9 ** 9",
    "'a' * 9999999999",
    "1 << 9999999999",
    "0x10",
    "0b1",
    "1j",
    "1_0",
    "1__0",
    "1e999999",
    "1" * 5000,
    "'\\N{DIGIT ONE}'",
    "'\\N{}'",
    "'\\U00110000'",
    "'\\x'",
    "'\\777'",
    "'\\ud800'",
    "'\x00'",
    "\x00",
    "`a\x00`",
    "`\ud800`",
    "'''x'''",
    "`x``y`",
    "``",
    "(" * 150 + "1" + ")" * 150,
    "[" * 150 + "1" + "]" * 150,
    "-" * 3000 + "1",
]
TEMPLATES = ["{}", "config.seed == {}", "{} == config.seed", "config.seed in [{}]", "config.flag & {} > 0"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_attacks_are_refused_or_harmless(template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    for name in ("query", "eval"):
        monkeypatch.setattr(pd.DataFrame, name, remembering(asked, getattr(pd.DataFrame, name)))
    monkeypatch.chdir(tmp_path)
    local = {"obj": Tool(), "pd": pd, "__builtins__": {"open": open}}
    filter_rows(FRAME, "config.seed == 1 & config.lr * 2 in [1]")  # pandas imports modules at the first query
    for attack, frame in product(CALLS, (FRAME, FRAME.astype(object))):
        text = template.format(attack) if "{}" in template else attack
        with watching() as events, contextlib.suppress(MlxpPandasError):
            assert filter_rows(frame, text, local_values=local).shape == (4,)
        assert (text, events) == (text, [])
    assert [text for text in asked if not OURS.fullmatch(text)] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "`config.seed`.to_csv('x') == 1",
        "config.seed.to_csv('x') == 1",
        "config.seed.__class__ == 1",
        "@obj.method() == 1",
        "@obj.method == 1",
        "@obj == 1",
        "@obj() == 1",
        "config.seed in @obj",
        "__import__('os')",
        "config.seed == __import__('os').system('true')",
        "config.seed == [x for x in (1,)]",
        "config.seed == 'abc",
        "config.seed == ()",
        "config.seed == f'{1}'",
        "config.name.map.__func__.__globals__ == 1",
        "eval('1') == config.seed",
        "config.seed",
        "config.name",
        "@pd.eval('1') == 1",
    ],
)
def test_hostile_queries_raise_and_run_nothing(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with watching() as events, pytest.raises(MlxpPandasError, match=r"\w"):
        filter_rows(FRAME, text, local_values={"obj": Tool(), "pd": pd})
    assert events == []
    assert list(tmp_path.iterdir()) == []


def remembering(asked: list[str], method: Any) -> Any:
    """A method of frames that remembers the texts it is given, and checks what else it gets."""

    def ask(frame: pd.DataFrame, text: str, **options: Any) -> Any:
        asked.append(text)
        assert options["local_dict"] == options["global_dict"] == {}
        assert len(frame.columns) == 0
        assert all(re.fullmatch(r"x\d+", name) for names in options["resolvers"] for name in names)
        return method(frame, text, **options)

    return ask


@pytest.mark.parametrize(
    "name", ["x0", "x1", "index", "columns", "ilevel_0", "sin", "pi", "and", "True", "__class__", "@a"]
)
def test_columns_with_names_of_pandas_and_of_ours(name: str) -> None:
    frame = pd.DataFrame({name: [1, 2], "config.seed": [2, 1]}, index=pd.Index([7, 8], name="level"))
    assert filter_rows(frame, f"`{name}` == 1 & config.seed == 2 & level == 7").tolist() == [True, False]
    assert filter_rows(frame, f"`{name}` + config.seed == 3 & `{name}` in [2]").tolist() == [False, True]


def test_values_are_no_text_of_ours() -> None:
    texts = ["x0", "x1 + 1", "1 == 1", "'", '"', "\\", "@obj", "`", "\n", "\x00", "{}", "%s", "é", "a' or 'a' == 'a"]
    frame = pd.DataFrame({"x": texts})
    for place, text in enumerate(texts):
        expected = [place == other for other in range(len(texts))]
        assert filter_rows(frame, "x == @v", local_values={"v": text}).tolist() == expected
        assert filter_rows(frame, f"x == {text!r}").tolist() == expected
        assert filter_rows(frame, f"x in [{text!r}, 1]").tolist() == expected
