# SPDX-License-Identifier: MIT
"""Texts that act where they are shown raw: HTML, scripts, MathJax, ANSI, direction marks, newlines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from . import ABSENT, Case

__all__ = ["CASES", "TEXTS"]

TEXTS = {
    "HTML": "<b>bold</b> &amp; \"'",
    "script": "<script>alert(1)</script>",
    "an image that acts": "<img src=x onerror=alert(1)>",
    "MathJax": "$\\href{javascript:alert(1)}{x}$ \\(x\\) $$y$$",
    "ANSI": "\x1b[31mred\x1b[2J\x1b]0;title\x07",
    "ANSI of one character": "\x9b31mred",
    "right-to-left": "\u202egnp.exe\u2066\u200f",
    "newlines": "one\ntwo\r\nthree\u2028four\x0bfive\x85six",
    "backspaces": "safe\b\b\b\b\x7fevil",
    "carriage return": "evil\rsafe",
    "surrogates": "\udfff\ud800",
}


def _everywhere(text: str) -> Callable[[Path], object]:
    """The text as a value, as a key, in lists, in metrics, and as the name of a log, as far as it can be one."""

    def damage(run: Path) -> None:
        config = {"seed": 2, "text": text, "list": [text, [text]], "sub": {text: 1}, "set": {"a": text}}
        dumped = yaml.dump(config, allow_unicode=False)
        (run / "metadata" / "config.yaml").write_text(dumped, encoding="ascii")
        row = json.dumps({"loss": 0.5, "epoch": 0, "note": text, "nested": {text: [text]}, text: 1})
        (run / "metrics" / "train.json").write_text(f"{row}\n", encoding="ascii")
        keys = yaml.dump(dict.fromkeys(["loss", "epoch", "note", "nested", text], ""), allow_unicode=False)
        (run / "metrics" / ".keys" / "train.yaml").write_text(keys, encoding="ascii")
        name = "".join(char for char in text if char != "/" and not "\ud800" <= char <= "\udfff") or "x"
        (run / "metrics" / f"{name}.json").write_text('{"loss": 1}\n!\n', encoding="ascii")
        (run / "artifacts" / ".keys" / "artifacts.yaml").write_text(
            yaml.dump({"pickle": {"": {name: ""}}, name: {"": {name: ""}}}, allow_unicode=False), encoding="ascii"
        )

    return damage


_ACTING = {*"\a\b\r\x0b\x1b\x7f\x85\x9b\u2028\u202e\u2066\u200f\ud800\udfff"}  # of those above; pandas escapes newlines


def _cases() -> Iterator[Case]:
    for name, text in TEXTS.items():
        shown = "".join(
            char.encode("unicode_escape", "backslashreplace").decode() if char in _ACTING else char for char in text
        )
        kept: dict[str, Any] = {"config.text": text, "config.list": (text, (text,)), f"config.sub.{shown}": 1}
        case = Case(f"display: {name}", _everywhere(text), load="not a row", kept=kept | {f"train.{text}": [1]})
        if shown != text:
            case = case._replace(scan="odd key,odd key,odd name", load="", kept=kept | {f"train.{text}": ABSENT})
        if "\\" in text:
            case = case._replace(scan="bad entry,bad entry,odd name", load="")
        if name == "surrogates":  # YAML has no way to write them
            lost = {"config.text": ABSENT, f"train.{shown}": ABSENT}
            case = case._replace(scan="not yaml,not yaml,odd key", load="not a row", kept=lost)
        yield case


CASES = [*_cases()]
