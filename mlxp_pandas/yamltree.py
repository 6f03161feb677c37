# SPDX-License-Identifier: MIT
"""One YAML text of a run -> flat leaves, whatever it holds: nothing is executed, every loss is named.

The text is composed into nodes by the YAML library and walked here, leaf by leaf, so that one bad value costs one leaf.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from . import yamltext
from .plaintext import acts, harmless
from .yamltext import Fault, Refused, compose, decode, one_line, short

__all__ = ["Common", "Fault", "Flat", "construct", "flatten", "load_mapping", "text_of_key"]

_MAX_SCALAR = 4000  # characters of a number or date: Python refuses integers of 4,301 digits, and is slow before that
_MAX_BITS = 13_300  # of an integer that is written in another base than ten: below 4,000 digits
_SHOWN_FAULTS = 20  # a file; the others are counted
_STR = "tag:yaml.org,2002:str"
_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_SET = "tag:yaml.org,2002:set"
_MERGE = "tag:yaml.org,2002:merge"
_TEXTS = {_STR, _MERGE, "tag:yaml.org,2002:value"}  # a plain `<<` or `=` as a value is a text to everybody but YAML 1.1
_SCALARS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "binary", "timestamp")}
_PAIRS = {f"tag:yaml.org,2002:{kind}" for kind in ("omap", "pairs")}
_PYTHON = "tag:yaml.org,2002:python/"
_PATH = re.compile(re.escape(_PYTHON) + r"object/apply:pathlib\.\w*Path")
_constructor = yaml.constructor.SafeConstructor()
_odd_keys = reprlib.Repr()  # bounded: the text of a key within a key within a key would grow as 2 ** depth
_odd_keys.maxtuple = _odd_keys.maxdict = _odd_keys.maxfrozenset = 20
_odd_keys.maxstring = _odd_keys.maxother = 100


class Common:
    """What some files have in common: the values at all places but the varying ones. Equal only to itself."""

    __slots__ = ("values", "varying")

    def __init__(self, values: list[Any], varying: tuple[int, ...]) -> None:
        self.values = values
        self.varying = varying


class Flat(NamedTuple):
    """The leaves of one file: dotted names, their values, what was wrong, and what it is known to share with others."""

    names: tuple[str, ...]
    values: list[Any]
    faults: tuple[Fault, ...] = ()
    common: Common | None = None


def flatten(data: bytes, prefix: str) -> Flat:
    """Flatten the bytes of a YAML file into dotted names below `prefix`.

    Nested mappings become dotted names, lists become tuples, empty mappings and lists stay as leaves. Never raises:
    what is wrong is in `faults`.
    """
    walk = _Walk(is_shown=True)
    try:
        text = decode(data)
        if not text.strip("\x00 \t\r\n\ufeff"):
            raise Refused("empty", "the file holds nothing")
        node = _composed(text, walk)
        leaves = dict(walk.leaves(node, prefix))
        return Flat(tuple(leaves), list(leaves.values()), _bounded(walk.faults))
    except Refused as refusal:
        kind, reason = refusal.args
        return Flat((), [], (*_bounded(walk.faults), Fault(None, kind, reason, "nothing of this file")))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else None
        return Flat((), [], (Fault(line, "not yaml", one_line(error), "nothing of this file"),))
    except Exception as error:  # PyYAML raises more than YAMLError: an unknown defect costs one file
        return Flat((), [], (Fault(None, "not yaml", _named(error), "nothing of this file"),))


def load_mapping(data: bytes) -> tuple[dict[Any, Any], tuple[Fault, ...]]:
    """Read a small YAML file (a catalogue) as one plain mapping; empty with a fault where that cannot be."""
    walk = _Walk()
    try:
        node = _composed(decode(data), walk)
        value = walk.value(node)
    except Refused as refusal:
        return {}, (Fault(None, str(refusal.args[0]), str(refusal.args[1]), "nothing of this file"),)
    except Exception as error:
        return {}, (Fault(None, "not yaml", _named(error), "nothing of this file"),)
    return value, _bounded(walk.faults)


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


def _composed(text: str, walk: _Walk) -> yaml.MappingNode:
    node, faults = compose(text)
    walk.faults += faults
    if not isinstance(node, yaml.MappingNode) or node.tag == _SET:
        found = "nothing" if node is None else "a set" if node.tag == _SET else f"a {type(node).__name__[:-4].lower()}"
        raise Refused("not a mapping", f"the file holds {found}, not keys with values")
    return node


class _Walk:
    """One pass over the nodes of a file: counts what it visits, knows where it is, collects the faults.

    Keys of what `is_shown` cannot act in a terminal; of what is not, they are as they are written.
    """

    def __init__(self, *, is_shown: bool = False) -> None:
        self._is_shown = is_shown
        self.faults: list[Fault] = []
        self._nodes = 0
        self._characters = 0
        self._above: set[int] = set()

    def fault(self, node: yaml.Node | None, kind: str, reason: str, kept: str) -> None:
        line = node.start_mark.line + 1 if node is not None and node.start_mark is not None else None
        self.faults.append(Fault(line, kind, reason, kept))

    def leaves(self, node: yaml.MappingNode, name: str) -> Iterator[tuple[str, Any]]:
        """The dotted names and values below a mapping; the first of two equal names is kept."""
        taken: set[str] = set()
        self._tagged(node, (), _MAP)
        for leaf, child in self._named_leaves(node, name):
            if leaf in taken:
                self.fault(child, "duplicate key", f"{leaf!r} occurs twice", "the first value")
                continue
            taken.add(leaf)
            if len(taken) > yamltext.MAX_KEYS:
                raise Refused("too many keys", f"more than {yamltext.MAX_KEYS:,} keys")
            yield leaf, self.value(child)

    def value(self, node: yaml.Node) -> Any:
        """The value of a leaf; one that cannot be built is its text, with a fault."""
        if isinstance(node, yaml.ScalarNode):
            self._count(node)
            return self._scalar(node)
        self._enter(node)
        try:
            return self._collection(node)
        finally:
            self._above.discard(id(node))

    def _named_leaves(self, node: yaml.MappingNode, name: str) -> Iterator[tuple[str, yaml.Node]]:
        self._enter(node)
        for key, child in self._items(node):
            full = f"{name}.{key}" if name else str(key)
            if isinstance(child, yaml.MappingNode) and child.value and child.tag != _SET:
                self._tagged(child, (), _MAP)
                yield from self._named_leaves(child, full)
            else:
                yield full, child
        self._above.discard(id(node))

    def _items(self, node: yaml.MappingNode) -> list[tuple[Any, yaml.Node]]:
        """Keys and nodes of a mapping: merged ones first, then its own, the last of equal keys as PyYAML keeps it."""
        merged: dict[str, tuple[Any, yaml.Node]] = {}
        own: dict[str, tuple[Any, yaml.Node]] = {}
        for key_node, child in node.value:
            if key_node.tag == _MERGE:
                merged |= {repr(key): (key, value) for key, value in self._merged(child)}
                continue
            key = self._key(key_node)
            if repr(key) in own:  # by its text: 1, 1.0 and True are three keys here
                self.fault(key_node, "duplicate key", f"{short(str(key))!r} occurs twice", "the last value")
            own[repr(key)] = key, child
        return list((merged | own).values())

    def _merged(self, node: yaml.Node) -> list[tuple[Any, yaml.Node]]:
        """What `<<` brings in: a mapping, or a list of them of which the first wins."""
        self._enter(node)
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        items: dict[str, tuple[Any, yaml.Node]] = {}
        self._above.discard(id(node))
        for source in reversed(sources):  # the first of a list wins
            if not isinstance(source, yaml.MappingNode):
                self.fault(source, "bad merge", "'<<' leads to no mapping", "the other keys")
                continue
            self._enter(source)
            items |= {repr(key): (key, value) for key, value in self._items(source)}
            self._above.discard(id(source))
        return list(items.values())

    def _key(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            self._count(node)
            return self._name(node, self._scalar(node))
        self.fault(node, "odd key", f"a {type(node).__name__[:-4].lower()} as a key", "the key as text")
        return _odd_keys.repr(self.value(node))

    def _name(self, node: yaml.Node, key: Any) -> Any:
        """A key as it can be part of the name of a column."""
        if not self._is_shown or not isinstance(key, str) or not acts(key):
            return key
        self.fault(node, "odd key", f"{short(key)!r} has control characters", "the key with these as escapes")
        return harmless(key)

    def _collection(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            pairs = [(_hashable(key), self.value(child)) for key, child in self._items(node)]
            items = dict(pairs)
            if len(items) < len(pairs):
                self.fault(node, "duplicate key", "keys that are equal to Python, as 1 and true are", "the last value")
            return frozenset(items) if node.tag == _SET else self._tagged(node, items, _MAP)
        values = tuple(self.value(child) for child in node.value)
        return self._tagged(node, values, _SEQ)

    def _tagged(self, node: yaml.Node, value: Any, plain: str) -> Any:
        """A collection under its tag: a path is its text, an unknown tag is named."""
        tag = str(node.tag)
        if tag in (plain, _PYTHON + "tuple") or tag in _PAIRS:
            return value
        if _PATH.fullmatch(tag) and isinstance(value, tuple):
            return "/".join(str(part) for part in value).replace("//", "/", 1)
        self.fault(node, "unknown tag", f"{short(tag)} is not loaded", "the plain value below it")
        return value

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        self._characters += len(node.value)
        if self._characters > yamltext.MAX_CHARACTERS:
            raise Refused("too large", f"more than {yamltext.MAX_CHARACTERS:,} characters with all aliases written out")
        try:
            return construct(node)
        except yaml.constructor.ConstructorError:
            self.fault(node, "unknown tag", f"{short(str(node.tag))} is not loaded", "its text")
        except Exception as error:  # KeyError, ValueError, AttributeError, IndexError, OverflowError: all seen
            self.fault(node, "bad value", f"{short(node.value)!r}: {_named(error)}", "its text")
        return node.value

    def _enter(self, node: yaml.Node) -> None:
        if id(node) in self._above:
            raise Refused("self reference", "an alias contains itself")
        if len(self._above) >= yamltext.MAX_DEPTH:
            raise Refused("too deep", f"more than {yamltext.MAX_DEPTH} nested levels")
        self._count(node)
        self._above.add(id(node))

    def _count(self, node: yaml.Node) -> None:
        self._nodes += 1
        if self._nodes > yamltext.MAX_NODES:
            raise Refused("too large", f"more than {yamltext.MAX_NODES:,} values with all aliases written out")


def _bounded(faults: list[Fault]) -> tuple[Fault, ...]:
    """The first faults, and one that counts the others."""
    if len(faults) <= _SHOWN_FAULTS + 1:
        return tuple(faults)
    reason = f"{len(faults) - _SHOWN_FAULTS:,} further faults, up to line {faults[-1].line}"
    return (*faults[:_SHOWN_FAULTS], Fault(None, "further faults", reason, "all other keys"))


def _hashable(key: Any) -> Any:
    try:
        hash(key)
    except TypeError:
        return str(key)
    return key


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
