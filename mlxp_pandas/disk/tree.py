# SPDX-License-Identifier: MIT
"""A YAML text -> flat leaves, whatever it holds: nothing is executed, every loss is named, everything is bounded.

Nodes are composed from the events of the YAML library's parser, level by level and counted, and then walked leaf by
leaf, so that one bad value costs one leaf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

import yaml

from ..plaintext import acts, harmless

__all__ = ["MAX_NAME", "Fault", "Flat", "construct", "flatten", "load_mapping", "text_of_key"]

#: Nested levels of one file, over which the file is a problem and is not read.
MAX_DEPTH = 200
#: Leaves of one file, likewise.
MAX_KEYS = 20_000
#: Nodes of one file with every alias written out, likewise.
MAX_NODES = 200_000
#: Characters of its scalars with every alias written out, likewise.
MAX_CHARACTERS = 32 << 20
#: Characters of a dotted name, over which it is a problem and no column.
MAX_NAME = 10_000

_MAX_SCALAR = 4000  # characters of a number or date: Python refuses integers of 4,301 digits, and is slow before that
_MAX_BITS = 13_300  # of an integer that is written in another base than ten: below 4,000 digits
_SHOWN_FAULTS = 20  # a file; the others are counted
_TOKENS = "\n,[{:-?"  # there is no node without one of them
_YAML = "tag:yaml.org,2002:"
_MAP, _SEQ, _SET, _MERGE = (_YAML + kind for kind in ("map", "seq", "set", "merge"))
_TEXTS = {_YAML + "str", _MERGE, _YAML + "value"}  # a plain `<<` or `=` as a value is a text to all but YAML 1.1
_SCALARS = {_YAML + kind for kind in ("null", "bool", "int", "float", "binary", "timestamp")}
_LISTS = {_YAML + kind for kind in ("omap", "pairs", "python/tuple")}
_PATH = re.compile(re.escape(_YAML) + r"python/object/apply:pathlib\.\w*Path")
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The parser in C with the composer in Python: the composer in C recurses until it overruns its stack.
_Base: Any = type("_Base", (yaml.composer.Composer, _SafeLoader), {}) if hasattr(yaml, "CSafeLoader") else _SafeLoader
_constructor = yaml.constructor.SafeConstructor()


class Fault(NamedTuple):
    """What is wrong in a file: `line` from 1 or None, `kind`, `reason` and `kept` as in `Problem`."""

    line: int | None
    kind: str
    reason: str
    kept: str


class Flat(NamedTuple):
    """The leaves of one file: dotted names, their values, and what was wrong."""

    names: tuple[str, ...]
    values: list[Any]
    faults: tuple[Fault, ...] = ()


class _Refused(Exception):
    """A file that is over a limit or holds no keys, with the fault."""


def flatten(data: bytes, prefix: str) -> Flat:
    """Flatten the bytes of a YAML file into dotted names below `prefix`.

    Nested mappings become dotted names, lists become tuples, empty mappings and lists stay as leaves. Never raises:
    what is wrong is in `faults`.
    """
    walk = _Walk(is_shown=True)
    leaves, faults = walk.guarded(lambda: dict(walk.leaves(walk.mapping(data), prefix)))
    return Flat(tuple(leaves), list(leaves.values()), faults)


def load_mapping(data: bytes) -> tuple[dict[Any, Any], tuple[Fault, ...]]:
    """Read a small YAML file (a catalogue) as one plain mapping; empty with a fault where that cannot be."""
    walk = _Walk(is_shown=False)
    return walk.guarded(lambda: walk.value(walk.mapping(data)))


def text_of_key(key: Any) -> str:
    """A key as JSON writes it, which is not as Python does for three of them."""
    return str(key).lower().replace("none", "null") if key is None or isinstance(key, bool) else str(key)


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


class _Loader(_Base):  # type: ignore[misc]
    """Composes nodes in Python; of each it knows levels, nodes and characters, with every alias written out."""

    def __init__(self, text: str) -> None:
        _SafeLoader.__init__(self, text)
        yaml.composer.Composer.__init__(self)
        self._depth = 0
        self._sizes: dict[yaml.Node, tuple[int, int, int]] = {}

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        self._depth += 1
        _check("too deep", self._depth, MAX_DEPTH + 1, "nested levels")
        is_alias = self.check_event(yaml.AliasEvent)
        node: yaml.Node = super().compose_node(parent, index)
        if is_alias and node not in self._sizes:
            raise _refused("self reference", "an alias contains itself")
        self._depth -= 1
        if not is_alias:
            self._sizes[node] = self._size(node)
        _check("too large", len(self._sizes), MAX_NODES, "values")
        return node

    def _size(self, node: yaml.Node) -> tuple[int, int, int]:
        if isinstance(node, yaml.ScalarNode):
            return 1, 1, len(node.value)
        parts = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        levels, nodes, characters = zip((0, 0, 0), *map(self._sizes.__getitem__, parts), strict=True)
        _check("too deep", max(levels), MAX_DEPTH, "nested levels")
        _check("too large", sum(nodes), MAX_NODES, "values with all aliases written out")
        _check("too large", sum(characters), MAX_CHARACTERS, "characters with all aliases written out")
        return max(levels) + 1, sum(nodes) + 1, sum(characters)


class _Walk:
    """One pass over the nodes of a file, of which the loader has seen that it is bounded; collects the faults.

    Keys of what `is_shown` cannot act in a terminal; of what is not, they are as they are written.
    """

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown
        self._faults: list[Fault] = []

    def guarded(self, work: Callable[[], dict[Any, Any]]) -> tuple[dict[Any, Any], tuple[Fault, ...]]:
        """What the work gives, nothing where it raises, and what was wrong."""
        try:
            return work(), self._bounded_faults()
        except _Refused as refusal:
            return {}, refusal.args
        except Exception as error:  # PyYAML raises more than YAMLError: an unknown defect costs one file
            mark = getattr(error, "problem_mark", None)
            return {}, (Fault(mark.line + 1 if mark else None, "not yaml", _said(error), "nothing of this file"),)

    def _bounded_faults(self) -> tuple[Fault, ...]:
        """The first faults, and one that counts the others."""
        more = len(self._faults) - _SHOWN_FAULTS
        if more <= 1:
            return tuple(self._faults)
        reason = f"{more:,} further faults, up to line {self._faults[-1].line}"
        return (*self._faults[:_SHOWN_FAULTS], Fault(None, "further faults", reason, "all other keys"))

    def mapping(self, data: bytes) -> yaml.MappingNode:
        """The mapping that a file holds, in its first document."""
        text = _decoded(data)
        if not text.strip("\x00 \t\r\n\ufeff"):
            raise _refused("empty", "the file holds nothing")
        _check("too large", sum(map(text.count, _TOKENS)), 2 * MAX_NODES, "values")
        node = self._first_document(_Loader(text), text)
        if not isinstance(node, yaml.MappingNode) or node.tag == _SET:
            raise _refused("not a mapping", "the file holds something else than keys with values")
        return node

    def _first_document(self, loader: Any, text: str) -> Any:
        """The node of the first document; what follows it is a fault."""
        node = None
        try:
            node = loader.get_node() if loader.check_node() else None
            if node is not None and loader.check_node():
                self._fault(None, "several documents", "the file holds more than one document", "the first one")
        except yaml.YAMLError as error:
            if node is None:
                _check_levels_before(error, text)
                raise
            self._fault(None, "not yaml", _said(error), "the document before it")
        return node

    def leaves(self, root: yaml.MappingNode, prefix: str) -> Iterator[tuple[str, Any]]:
        """The dotted names and values below a mapping; the first of two equal names is kept."""
        taken: set[str] = set()
        for name, node in self._named_nodes(root, prefix):
            if name in taken:
                self._fault(node, "duplicate key", f"{_short(name)!r} occurs twice", "the first value")
            elif len(name) > MAX_NAME:
                self._fault(node, "odd key", f"a name of {len(name):,} characters", "the other keys")
            else:
                taken.add(name)
                _check("too many keys", len(taken), MAX_KEYS, "keys")
                yield name, self.value(node)

    def _named_nodes(self, node: yaml.MappingNode, name: str) -> Iterator[tuple[str, yaml.Node]]:
        self._tagged(node, ())
        for key, child in self._items(node).values():
            if isinstance(child, yaml.MappingNode) and child.value and child.tag != _SET:
                yield from self._named_nodes(child, f"{name}.{key}")
            else:
                yield f"{name}.{key}", child

    def value(self, node: yaml.Node) -> Any:
        """The value of a leaf; one that cannot be built is its text, with a fault."""
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return self._tagged(node, tuple(map(self.value, node.value)))
        pairs = [(key, self.value(child)) for key, child in self._items(node).values()]
        items = dict(pairs)
        if len(items) < len(pairs):
            self._fault(node, "duplicate key", "keys that are equal to Python, as 1 and true are", "the last value")
        return frozenset(items) if node.tag == _SET else self._tagged(node, items)

    def _items(self, node: yaml.Node) -> dict[str, tuple[Any, yaml.Node]]:
        """Keys and nodes of a mapping by the text of the key, as 1, 1.0 and true are three: merged ones first."""
        merged: dict[str, tuple[Any, yaml.Node]] = {}
        own: dict[str, tuple[Any, yaml.Node]] = {}
        for key_node, child in node.value:
            if key_node.tag == _MERGE:
                merged |= self._merged(child)
                continue
            key = self._key(key_node)
            if repr(key) in own:
                self._fault(key_node, "duplicate key", f"{_short(str(key))!r} occurs twice", "the last value")
            own[repr(key)] = key, child
        return merged | own

    def _merged(self, node: yaml.Node) -> dict[str, tuple[Any, yaml.Node]]:
        """What `<<` brings in: a mapping, or a list of them of which the first wins."""
        if isinstance(node, yaml.MappingNode):
            return self._items(node)
        if isinstance(node, yaml.SequenceNode):
            return {text: item for source in reversed(node.value) for text, item in self._merged(source).items()}
        self._fault(node, "bad merge", "'<<' leads to no mapping", "the other keys")
        return {}

    def _key(self, node: Any) -> Any:
        """A key as it can be part of the name of a column."""
        if not isinstance(node, yaml.ScalarNode):
            self._fault(node, "odd key", f"a {node.id} as a key", "the key as text")
            return _short(str(self.value(node)), 200)
        key = self.value(node)
        if self._is_shown and isinstance(key, str) and acts(key):
            self._fault(node, "odd key", f"{_short(key)!r} has control characters", "the key with these as escapes")
            return harmless(key)
        return key

    def _tagged(self, node: yaml.Node, value: Any) -> Any:
        """A collection under its tag: a path is its text, an unknown tag is named."""
        tag = str(node.tag)
        if tag == (_MAP if isinstance(node, yaml.MappingNode) else _SEQ) or tag in _LISTS:
            return value
        if _PATH.fullmatch(tag) and isinstance(value, tuple):
            return "/".join(map(str, value)).replace("//", "/", 1)
        self._fault(node, "unknown tag", f"{_short(tag)} is not loaded", "the plain value below it")
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            return construct(node)
        except yaml.constructor.ConstructorError:
            self._fault(node, "unknown tag", f"{_short(str(node.tag))} is not loaded", "its text")
        except Exception as error:  # KeyError, ValueError, AttributeError, IndexError, OverflowError: all seen
            self._fault(node, "bad value", f"{_short(node.value)!r}: {_said(error)}", "its text")
        return node.value

    def _fault(self, node: yaml.Node | None, kind: str, reason: str, kept: str) -> None:
        self._faults.append(Fault(None if node is None else node.start_mark.line + 1, kind, reason, kept))


def _refused(kind: str, reason: str) -> _Refused:
    return _Refused(Fault(None, kind, reason, "nothing of this file"))


def _check(kind: str, count: int, most: int, what: str) -> None:
    if count > most:
        raise _refused(kind, f"more than {most:,} {what}")


def _check_levels_before(error: yaml.YAMLError, text: str) -> None:
    """From 6.0.4 on, PyYAML refuses a thousand levels itself, and has held back up to 1,024 characters by then."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.scanner.ScannerError) and mark is not None:
        held = text[max(0, mark.index - 1024) : mark.index]
        _check("too deep", sum(map(held.count, "[{")), MAX_DEPTH, "nested levels")


def _decoded(data: bytes) -> str:
    """The text of a file, as the YAML library decodes it: UTF-8, or UTF-16 with its mark."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _refused("encoding", f"not {encoding.upper()} at byte {error.start}") from None


def _said(error: Exception) -> str:
    """What an error says, in one line of bounded length."""
    text = _short(" ".join(str(error).split()), 200)
    return text if isinstance(error, yaml.YAMLError) else f"{type(error).__name__}: {text}"


def _short(text: str, most: int = 60) -> str:
    """The beginning of a text, with tags as they are written."""
    tag = text.replace(_YAML, "!!")
    return tag if len(tag) <= most else f"{tag[:most]}..."
