# SPDX-License-Identifier: MIT
"""Texts from logs that cannot act where they are shown, in a terminal or a notebook, and are kept as they are."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["ShownText", "acts", "harmless", "printable", "shown"]

# Control characters, separators of lines, marks and overrides of direction, half characters. No tabs and no newlines:
# pandas shows them as escapes.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """The text with all that is not printable escaped, so that it stays on its line and cannot act in a terminal."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def acts(text: str) -> bool:
    """Whether a text holds characters that act where they are shown."""
    return not text.isprintable() and _ACTING.search(text) is not None


def harmless(text: str) -> str:
    r"""The text with the characters that act escaped; most texts have none and are returned as they are.

    Examples
    --------
    >>> print(harmless("\x1b[31mred"), harmless("plain"))
    \x1b[31mred plain
    """
    return _ACTING.sub(lambda match: _escaped(match[0]), text) if acts(text) else text


class ShownText(str):
    r"""A text as it was written, equal to it in every way, but for `str()`, which pandas uses to show it: harmless.

    Examples
    --------
    >>> text = ShownText("\x1b[31mred")
    >>> print(text, text == "\x1b[31mred", len(text))
    \x1b[31mred True 8
    """

    __slots__ = ()

    def __str__(self) -> str:
        return harmless(super().__str__())


def shown(value: Any) -> Any:
    r"""A value with a `ShownText` for each text that acts; the same object where there is none.

    Examples
    --------
    >>> [type(text).__name__ for text in shown(("\x07", "plain"))]
    ['ShownText', 'str']
    """
    if isinstance(value, str):
        return ShownText(value) if acts(value) else value
    if isinstance(value, dict):
        pairs = {shown(key): shown(item) for key, item in value.items()}
        return pairs if _differ(pairs, value) or _differ(pairs.values(), value.values()) else value
    if isinstance(value, list | tuple | frozenset | set):
        items = [shown(item) for item in value]
        return type(value)(items) if _differ(items, value) else value
    return value


def _differ(new: Any, old: Any) -> bool:
    return any(one is not other for one, other in zip(new, old, strict=True))


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")
