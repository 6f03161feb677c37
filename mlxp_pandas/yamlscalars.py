# SPDX-License-Identifier: MIT
"""One YAML scalar -> its value, by the YAML library's own rules, and the words for what goes wrong with it."""

from __future__ import annotations

from typing import Any

import yaml

__all__ = ["MERGE", "construct", "named", "one_line", "short"]

_MAX_SCALAR = 4000  # characters of a number or date: Python refuses integers of 4,301 digits, and is slow before that
_MAX_BITS = 13_000  # of an integer that is written in another base than ten: below 4,000 digits
_STR = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"
_TEXTS = {_STR, MERGE, "tag:yaml.org,2002:value"}  # a plain `<<` or `=` as a value is a text to everybody but YAML 1.1
_SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "binary", "timestamp")}
_constructor = yaml.constructor.SafeConstructor()


def construct(node: yaml.ScalarNode) -> Any:
    """The value of a scalar node whose tag is resolved; what PyYAML raises goes through."""
    if node.tag in _TEXTS:
        return node.value
    if node.tag not in _SCALARS:
        raise yaml.constructor.ConstructorError(problem="unknown tag")
    if len(node.value) > _MAX_SCALAR and not node.tag.endswith("binary"):
        raise ValueError(f"a number or date of {len(node.value):,} characters")
    value = _constructor.yaml_constructors[node.tag](_constructor, node)
    if type(value) is int and value.bit_length() > _MAX_BITS:
        raise ValueError("a number of thousands of digits")
    return value


def named(error: BaseException) -> str:
    """The kind of an error and what it says, in one line."""
    return f"{type(error).__name__}: {one_line(error)}"


def one_line(error: BaseException) -> str:
    """What an error says, in one line of bounded length."""
    return short(" ".join(str(error).split()), 200)


def short(text: str, most: int = 60) -> str:
    """The beginning of a text, with YAML's own tags in their short form."""
    tag = text.replace("tag:yaml.org,2002:", "!!")
    return tag if len(tag) <= most else f"{tag[:most]}..."
