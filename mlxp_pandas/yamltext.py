# SPDX-License-Identifier: MIT
"""The bytes of a YAML file -> its nodes, by the YAML library, which is kept from what would end the interpreter.

The C parser composes nodes by recursion: some ten thousand levels overrun its stack. What may be nested deeply is
looked at event by event first, which does not recurse.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

__all__ = [
    "MAX_CHARACTERS",
    "MAX_DEPTH",
    "MAX_KEYS",
    "MAX_NODES",
    "Fault",
    "Refused",
    "compose",
    "decode",
    "one_line",
    "short",
]

#: Nested levels of one file, over which the file is a problem and is not read.
MAX_DEPTH = 200
#: Leaves of one file, likewise.
MAX_KEYS = 20_000
#: Nodes of one file with every alias written out, likewise.
MAX_NODES = 200_000
#: Characters of its scalars with every alias written out, likewise.
MAX_CHARACTERS = 32 << 20

_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAKS = "\r\n\x85\u2028\u2029"
_DEEP_START = re.compile(rf"(?:\A|[{_BREAKS}])[-?: \t]{{{2 * MAX_DEPTH}}}")
_TOKENS = "\n,[{:-?"


class Fault(NamedTuple):
    """What is wrong in a file: `line` from 1 or None, `kind`, `reason` and `kept` as in `Problem`."""

    line: int | None
    kind: str
    reason: str
    kept: str


class Refused(Exception):
    """A file that is over a limit: kind and reason."""


def decode(data: bytes) -> str:
    """The text of a file, as the YAML library decodes it: UTF-8, or UTF-16 with its mark."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Refused("encoding", f"not {encoding.upper()} at byte {error.start}") from None


def compose(text: str) -> tuple[yaml.Node | None, list[Fault]]:
    """The first document of a text, and what is wrong behind it; raises Refused and what the YAML library raises."""
    _guard(text)
    loader = _Loader(text)
    node = None
    faults: list[Fault] = []
    try:
        node = loader.get_node() if loader.check_node() else None
        if node is not None and loader.check_node():
            faults.append(Fault(None, "several documents", "the file holds more than one document", "the first one"))
    except yaml.YAMLError as error:
        if node is None:
            raise
        faults.append(Fault(None, "not yaml", one_line(error), "the document before it"))
    finally:
        loader.dispose()
    return node, faults


def one_line(error: BaseException) -> str:
    """What an error says, in one line of bounded length."""
    return short(" ".join(str(error).split()), 200)


def short(text: str, most: int = 60) -> str:
    """The beginning of a text, with tags as they are written."""
    tag = text.replace("tag:yaml.org,2002:", "!!")
    return tag if len(tag) <= most else f"{tag[:most]}..."


def _guard(text: str) -> None:
    """Refuse nesting that would overrun the stack of the C parser, before it composes the text."""
    if sum(map(text.count, _TOKENS)) > 2 * MAX_NODES:
        raise Refused("too large", f"more than {MAX_NODES:,} values")
    if text.count("[") + text.count("{") > MAX_DEPTH or _DEEP_START.search(text):
        _check_depth(text)


def _check_depth(text: str) -> None:
    """Count the levels as the parser sees them: brackets in texts and comments are none."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            _check_level(depth)
    except yaml.scanner.ScannerError as error:
        _check_level(depth + _levels_before(text, error.problem_mark))
    except yaml.YAMLError:
        return  # composing stops at the same place, and says so


def _check_level(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused("too deep", f"more than {MAX_DEPTH} nested levels")


def _levels_before(text: str, mark: yaml.Mark | None) -> int:
    """Levels that open before a mark and that no event has told yet.

    PyYAML refuses some thousand levels itself from 6.0.4 on, and holds back up to 1,024 characters, which may be a key.
    """
    end = mark.index if mark is not None else 0
    held = text[max(0, end - 1024) : end]
    return sum(map(held.count, "[{")) - sum(map(held.count, "]}"))
