# SPDX-License-Identifier: MIT
"""The fast way to flatten the YAML of many runs that differ in a few scalars; `disk.flatten` is its proof.

A file is compared line by line with one of the same layout that `disk.flatten` has read before. Where only lines
`key: scalar` differ, and those plainly, only their scalars are resolved, each text once, by the YAML library's rules.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from itertools import compress
from operator import ne
from typing import Any, NamedTuple

import yaml

from ..disk import Flat, construct, flatten

__all__ = ["Flattener"]

_TEMPLATES = 8  # layouts kept; a folder of runs has one or two
_LARGE = 1 << 20  # bytes of a file, from which it is no template
_LINE = re.compile(r"( *)([A-Za-z_]\w*):(?: (\S.*))?", re.ASCII)
_ITEM = re.compile(r" *- [A-Za-z0-9_./+]+")
# A plain scalar that cannot be anything else: no indicator in front, no ': ', ' #', ending ':' or blanks.
_PLAIN = re.compile(r"(?!-$|- |---|\.{3})[\w./~+<=$\\^(;-](?:[!\"$-9;-~]++|:(?=[^ ])|#(?<=[^ ]#)| (?=[^ #]))*+", re.A)
_QUOTED = re.compile(r"\"[ !#-\[\]-~]*\"|'[ -&(-~]*'")
_resolvers = yaml.resolver.Resolver.yaml_implicit_resolvers  # by the first character, tags and patterns

_Slot = tuple[str, int]  # the text of a line before its scalar, and the place of the value
_FIXED = "\n", 0  # of a line that may not vary: none begins so


class Flattener:
    r"""Flattens the files of one kind (`config` or `info`), run after run.

    Equal layouts give the identical `names` tuple, so that rows can be grouped by it.

    Parameters
    ----------
    prefix : str
        What the dotted names start with.

    Examples
    --------
    >>> read = Flattener("config")
    >>> read.flatten(b"seed: 1\noptimizer:\n  lr: 0.1\n").values
    [1, 0.1]
    >>> read.flatten(b"seed: 2\noptimizer:\n  lr: 1e-3\n").values
    [2, '1e-3']
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._templates: list[_Template] = []

    def flatten(self, data: bytes) -> Flat:
        """The leaves of one file; the same as `disk.flatten(data, prefix)`."""
        lines = data.decode("latin-1").split("\n") if len(data) < _LARGE else []
        for template in self._templates:
            with suppress(Exception):
                return Flat(template.flat.names, template.fill(lines))
        return self._learn(data, lines)

    def _learn(self, data: bytes, lines: list[str]) -> Flat:
        """Read a new layout in the general way, and keep it as a template where each line is plain."""
        flat = flatten(data, self._prefix)
        if lines[-1:] == [""] and data.isascii() and not flat.faults:
            with suppress(Exception):
                known = flat._replace(values=flat.values.copy())
                self._templates.insert(0, _Template(known, lines, self._slots(lines, flat)))
                del self._templates[_TEMPLATES:]
        return flat

    def _slots(self, lines: list[str], flat: Flat) -> list[_Slot]:
        """What may vary in each line; raises where any line is of another kind."""
        values = {name: (place, repr(flat.values[place])) for place, name in enumerate(flat.names)}
        slots: list[_Slot] = []
        above: list[tuple[int, str]] = []
        for line in lines[:-1]:
            match = _LINE.fullmatch(line) if line.isprintable() else None
            slot = _FIXED
            if match is not None:
                indent, key, text = len(match[1]), match[2], match[3]
                above = [*((column, name) for column, name in above if column < indent), (indent, key)]
                if text not in (None, "[]", "{}"):
                    place, shown = values[".".join([self._prefix, *(name for _, name in above)])]
                    if repr(_scalar(text)) != shown:
                        raise ValueError(line)  # the scalar is not the whole value
                    slot = line[: match.start(3)], place
            elif not _ITEM.fullmatch(line):
                raise ValueError(line)
            slots.append(slot)
        return [*slots, _FIXED]


class _Template(NamedTuple):
    """One layout: a file that was read, and in which places others may differ."""

    flat: Flat
    lines: list[str]
    slots: list[_Slot]

    def fill(self, lines: list[str]) -> list[Any]:
        """The values of a file; raises where it is of another layout or differs in more than plain scalars."""
        if len(lines) != len(self.lines):
            raise ValueError("another layout")
        values = self.flat.values.copy()
        for line, (before, place) in compress(zip(lines, self.slots, strict=True), map(ne, lines, self.lines)):
            if not line.startswith(before):
                raise ValueError(line)
            values[place] = _scalar(line[len(before) :])
        return values


@lru_cache(maxsize=1024)  # few enough to stay in the processor's caches: most scalars are in one run or in all
def _scalar(text: str) -> Any:
    """The value of a plain or simply quoted ASCII scalar, by the YAML library's own rules, and whatever it raises."""
    if text.isdecimal() and text[0] != "0" and len(text) < 19:
        return int(text)
    if text[0] in "\"'" and _QUOTED.fullmatch(text):
        return text[1:-1]
    if not _PLAIN.fullmatch(text):
        raise ValueError(text)
    for tag, pattern in _resolvers.get(text[0], ()):
        if pattern.match(text):
            return construct(yaml.ScalarNode(tag, text))
    return text
