# SPDX-License-Identifier: MIT
"""The fast way to flatten the YAML of many runs that differ in a few scalars; `yamltree` is its fallback and its proof.

A file is compared with one of the same layout that `yamltree` has read before (a template): blocks of lines that never
differed, and between them lines `key: scalar` that did. Where those are plainly so, only their scalars are resolved,
each text once, by the YAML library's own rules; where the scalars of file after file are of one kind each, the whole
file is one regular expression. Everything else goes to `yamltree`. Floor: to decode and compare, 1 us.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from .yamltree import Common, Flat, construct, flatten

__all__ = ["Flattener"]

_TEMPLATES = 8  # layouts kept; a folder of runs has one or two
_SCALARS = 50_000  # resolved texts kept
_SETTLED = 8  # files that fill a template before it is one pattern, or as many as it has scalars
_MOST_TEXT = 256  # characters for each scalar, of a pattern: more are compared faster as blocks
_LINE = re.compile(r"( *)([A-Za-z_][A-Za-z0-9_]*):(?: (\S.*))?")
_ITEM = re.compile(r" *- [A-Za-z0-9_./+]+")
_SIMPLE = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./~+@%=-]*")
# A plain scalar that cannot be anything else: no indicator in front, no ': ', ' #', ending ':' or blanks.
_PLAIN = re.compile(r"[A-Za-z0-9_./~+<=$\\^(;-](?:[!\"$-9;-~]|:(?=[^ ])|#(?<=[^ ]#)| (?=[^ #]))*")
_QUOTED = re.compile(r"\"[ !#-\[\]-~]*\"")
# What most scalars are, in any YAML and in Python: an integer, a float, a path or date or time of day, a quoted text.
_INTEGER = r"-?(?:0|[1-9][0-9]{0,14})"
_FLOAT = r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]+"
_PATH_OR_TIME = r"[A-Za-z0-9_.~]*/[A-Za-z0-9_./~+@%=-]*|0[0-9]:[0-9:]*[0-9]"
_COMMON = re.compile(f"({_INTEGER})|({_FLOAT})|({_PATH_OR_TIME})|'([ -&(-~]*)'")
_resolver = yaml.resolver.Resolver()
_TYPED = set(_resolver.yaml_implicit_resolvers)  # the first characters of what may be more than a text


class _Template:
    """One layout: the lines that were seen to vary, and between them blocks of text that every file of it has."""

    __slots__ = (
        "_blocks",
        "_filled",
        "_lines",
        "_pattern",
        "_slots",
        "_tail",
        "_values",
        "_varying",
        "common",
        "names",
    )

    def __init__(self, lines: list[str], slots: list[tuple[str, int] | None], flat: Flat) -> None:
        self.names = flat.names
        self._values = flat.values
        self._lines = lines
        self._slots = slots  # for each `key: scalar` line the text before the scalar and the place of its value
        self._varying: set[int] = set()
        self._pattern: _Pattern | None = None
        self._cut()

    def fill(self, text: str, scalars: dict[str, Any]) -> list[Any] | None:
        """The values of a file, or None where it differs in a line that has not varied before, or not plainly."""
        values, end = self._values.copy(), 0
        if self._pattern is not None and self._pattern.fill(text, values):
            return values
        try:
            for block, place in self._blocks:
                if not text.startswith(block, end):
                    return None
                start = end + len(block)
                end = text.index("\n", start)
                values[place] = scalars[text[start:end]]
        except ValueError:
            return None
        if text[end:] != self._tail:
            return None
        self._filled += 1
        if self._filled == max(_SETTLED, len(self._blocks)):
            self._pattern = _pattern(self._blocks, self._tail, values, scalars)
        return values

    def widen(self, lines: list[str]) -> bool:
        """Let the lines in which this file differs vary from now on; False where it is of another layout."""
        if len(lines) != len(self._lines):
            return False
        pairs = zip(lines, self._lines, self._slots, strict=True)
        differing = {place: slot for place, (line, known, slot) in enumerate(pairs) if line != known}
        if any(slot is None or not lines[place].startswith(slot[0]) for place, slot in differing.items()):
            return False
        self._varying |= differing.keys()
        self._cut()
        return True

    def _cut(self) -> None:
        """The blocks: each ends where a scalar that varies begins, and is followed by the place of its value."""
        self._blocks: list[tuple[str, int]] = []
        start: list[str] = []
        for place, (line, slot) in enumerate(zip(self._lines, self._slots, strict=True)):
            if slot is not None and place in self._varying:
                self._blocks.append(("\n".join([*start, slot[0]]), slot[1]))
                start = [""]
            else:
                start.append(line)
        self._tail = "\n".join(start)
        self._filled, self._pattern = 0, None
        self.common = Common(self._values, tuple(place for _, place in self._blocks))


class _Pattern:
    """A template in which each scalar is of the kind that it was before, as one regular expression."""

    __slots__ = ("_balance", "_match", "_reads")

    def __init__(self, pattern: str, reads: list[tuple[int, Callable[[str], Any]]]) -> None:
        self._match = re.compile(pattern).fullmatch
        self._reads = reads  # for each group the place of its value, and what makes it of the text
        self._balance = 0  # of files that match and that do not

    def fill(self, text: str, values: list[Any]) -> bool:
        """Set the values that vary; False where the file does not match, or most files do not."""
        match = self._match(text) if self._balance > -_SETTLED else None
        if match is None:
            self._balance -= 1
            return False
        self._balance += 1
        try:
            for (place, read), scalar in zip(self._reads, match.groups(), strict=True):
                values[place] = read(scalar)
        except ValueError:
            return False
        return True


def _pattern(blocks: list[tuple[str, int]], tail: str, values: list[Any], scalars: dict[str, Any]) -> _Pattern | None:
    """The pattern of a template; None where it is no faster."""
    if len(tail) + sum(len(block) for block, _ in blocks) > _MOST_TEXT * len(blocks):
        return None
    kinds = [_kind(values[place], scalars) for _, place in blocks]
    parts = [f"{re.escape(block)}({kind})" for (block, _), (kind, _) in zip(blocks, kinds, strict=True)]
    reads = [(place, read) for (_, place), (_, read) in zip(blocks, kinds, strict=True)]
    return _Pattern("".join(parts) + re.escape(tail), reads)


def _kind(value: Any, scalars: dict[str, Any]) -> tuple[str, Callable[[str], Any]]:
    """The pattern of scalars like this one, and what makes values of them; few texts are those without path or time."""
    if type(value) is int:
        return _INTEGER, int
    if type(value) is float:
        return _FLOAT, float
    if type(value) is str and ("/" in value or ":" in value):
        return f"{_PATH_OR_TIME}|'[ -&(-~]*'", _unquoted
    return r"[^\n]*", scalars.__getitem__


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] == "'" else text


class _Scalars(dict[str, Any]):
    """Texts with their values, each resolved once; ValueError for what is not plainly a scalar."""

    def __missing__(self, text: str) -> Any:
        value = _scalar(text)
        if len(self) >= _SCALARS:
            self.clear()
        self[text] = value
        return value


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
        self.prefix = prefix
        self._templates: list[_Template] = []
        self._scalars = _Scalars()
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def flatten(self, data: bytes) -> Flat:
        """The leaves of one file; the same as `yamltree.flatten(data, prefix)`."""
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            return self._slowly(data)
        for template in self._templates:
            values = template.fill(text, self._scalars)
            if values is not None:
                return Flat(template.names, values, (), template.common)
        return self._adapt(data, text)

    def _adapt(self, data: bytes, text: str) -> Flat:
        """A file that fits no template: one of them is widened, or it is read by `yamltree` and becomes one."""
        lines = _plain_lines(text)
        if lines is None:
            return self._slowly(data)
        for template in self._templates:
            values = template.fill(text, self._scalars) if template.widen(lines) else None
            if values is not None:
                return Flat(template.names, values, (), template.common)
        return self._learn(data, lines)

    def _learn(self, data: bytes, lines: list[str]) -> Flat:
        """Read a new layout by `yamltree`, and keep it as a template where it is plain."""
        flat = self._slowly(data)
        slots = None if flat.faults else _slots(lines, flat, self.prefix)
        if slots is not None:
            self._templates.insert(0, _Template(lines, slots, flat))
            del self._templates[_TEMPLATES:]
            return flat._replace(values=flat.values.copy())
        return flat

    def _slowly(self, data: bytes) -> Flat:
        flat = flatten(data, self.prefix)
        if len(self._names) >= _SCALARS:
            self._names.clear()
        return flat._replace(names=self._names.setdefault(flat.names, flat.names))


def _plain_lines(text: str) -> list[str] | None:
    """The lines of an ASCII text that is printable and ends with a newline, else None."""
    lines = text.split("\n")
    return lines if not lines[-1] and all(map(str.isprintable, lines)) else None


def _scalar(text: str) -> Any:
    """The value of a plain or simply quoted ASCII scalar, by the YAML library's own rules; ValueError for any other."""
    match = _COMMON.fullmatch(text)
    if match is None:
        return _uncommon(text)
    if match.lastindex == 1:
        return int(text)
    return float(text) if match.lastindex == 2 else match[match.lastindex or 0]


def _uncommon(text: str) -> Any:
    if not _SIMPLE.fullmatch(text):
        if _QUOTED.fullmatch(text):
            return text[1:-1]
        if not _PLAIN.fullmatch(text) or text.startswith(("- ", "---", "...")) or text.endswith(":") or text == "-":
            raise ValueError(text)
    if text[0] not in _TYPED:
        return text
    tag = _resolver.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    try:
        return construct(yaml.ScalarNode(tag, text))
    except Exception:
        raise ValueError(text) from None


def _slots(lines: list[str], flat: Flat, prefix: str) -> list[tuple[str, int] | None] | None:
    """For each line the text before its scalar and the place of the value; None where any line is of another kind."""
    places = {name: place for place, name in enumerate(flat.names)}
    slots: list[tuple[str, int] | None] = []
    above: list[tuple[int, str]] = []
    for line in lines[:-1]:
        match = _LINE.fullmatch(line)
        if match is None:
            if _ITEM.fullmatch(line) is None:
                return None
            slots.append(None)
            continue
        indent, key, text = len(match[1]), match[2], match[3]
        above = [(column, name) for column, name in above if column < indent]
        name = ".".join([prefix, *(name for _, name in above), key])
        above.append((indent, key))
        if not _fits(text, places.get(name), flat):
            return None
        slots.append(None if text in (None, "[]", "{}") else (line[: match.start(3)], places[name]))
    return [*slots, None]


def _fits(text: str | None, place: int | None, flat: Flat) -> bool:
    """Whether the scalar of a line is the whole value that `yamltree` found there."""
    if text is None or text in ("[]", "{}"):
        return True
    if place is None:
        return False
    try:
        value = _scalar(text)
    except ValueError:
        return False
    found = flat.values[place]
    return type(value) is type(found) and repr(value) == repr(found)
