# SPDX-License-Identifier: MIT
"""What a query means: columns, values and what is asked of them, as small immutable nodes; nothing else can be said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = [
    "Arithmetic",
    "Comparison",
    "Condition",
    "Expression",
    "Flag",
    "Junction",
    "Membership",
    "Name",
    "Not",
    "Operand",
    "Value",
    "names",
    "postorder",
]


class Name(NamedTuple):
    """A column, by its name; `start` is its place in the text."""

    name: str
    start: int


class Value(NamedTuple):
    """A literal or a local: None, bool, int, float, str, date, or a tuple or frozenset of those."""

    value: Any


class Arithmetic(NamedTuple):
    """`left symbol right` on numbers; the symbol is one of `+ - * / // % **`."""

    symbol: str
    left: Operand
    right: Operand


class Comparison(NamedTuple):
    """`left symbol right`; the symbol is one of `== != < <= > >=`."""

    symbol: str
    left: Operand
    right: Operand


class Membership(NamedTuple):
    """`left in members`, or `left not in members` when negated."""

    left: Operand
    members: tuple[Any, ...]
    negated: bool


class Flag(NamedTuple):
    """A column of booleans standing alone."""

    left: Name


class Not(NamedTuple):
    """`not left`."""

    left: Condition


class Junction(NamedTuple):
    """`left & right` or `left | right`."""

    symbol: str
    left: Condition
    right: Condition


Operand = Name | Value | Arithmetic
Condition = Comparison | Membership | Flag | Not | Junction
Expression = Operand | Condition


def names(expression: Expression) -> tuple[str, ...]:
    """Name the columns that an expression uses, each once, in the order of their first use.

    Parameters
    ----------
    expression : Expression
        What `parse` returned, or a part of it.

    Returns
    -------
    tuple of str
        The names.

    Examples
    --------
    >>> names(Comparison("<", Name("config.a", 0), Name("config.b", 11)))
    ('config.a', 'config.b')
    """
    return tuple(dict.fromkeys(node.name for node in postorder(expression) if isinstance(node, Name)))


def postorder(expression: Expression) -> Iterator[Expression]:
    """Walk over an expression, parts before wholes, without recursion.

    Parameters
    ----------
    expression : Expression
        What `parse` returned.

    Yields
    ------
    Expression
        Each part; the expression itself last.

    Examples
    --------
    >>> [type(node).__name__ for node in postorder(Not(Comparison("==", Name("config.seed", 4), Value(1))))]
    ['Name', 'Value', 'Comparison', 'Not']
    """
    todo: list[tuple[Expression, bool]] = [(expression, False)]
    while todo:
        node, ready = todo.pop()
        if ready or isinstance(node, Name | Value):
            yield node
        else:
            todo.append((node, True))
            todo.extend((part, False) for part in _parts(node))


def _parts(node: Any) -> tuple[Expression, ...]:
    """The parts of a node, last one first."""
    return (node.right, node.left) if hasattr(node, "right") else (node.left,)
