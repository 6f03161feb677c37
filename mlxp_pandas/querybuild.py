# SPDX-License-Identifier: MIT
"""From the parts of a query to its nodes: each operator takes what it is for, constants are calculated.

The rest is refused with its place in the text.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from .querylex import error_at
from .querytree import (
    Arithmetic,
    Comparison,
    Condition,
    Expression,
    Flag,
    Junction,
    Membership,
    Name,
    Not,
    Operand,
    Value,
)

__all__ = ["Builder", "Part"]

_MAX_BITS = 4096
_CALCULATE: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
}


class Part(NamedTuple):
    """A part of a query and its place in the text; for an operator, `node` is not used."""

    node: Expression
    start: int


class Builder:
    """Builds the nodes of one query.

    Parameters
    ----------
    text : str
        The query, for the messages.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def condition(self, part: Part) -> Condition:
        """The part as a condition: a bare name is a column of booleans."""
        if isinstance(part.node, Name):
            return Flag(part.node)
        if isinstance(part.node, Value | Arithmetic):
            raise error_at(self.text, part.start, "this is a value and not a condition; compare it with something")
        return part.node

    def prefix(self, symbol: str, start: int, part: Part) -> Expression:
        """`~`, and the signs of numbers."""
        if symbol == "~":
            return Not(self.condition(part))
        return self._arithmetic(symbol, start, Part(Value(0), start), part)

    def binary(self, symbol: str, start: int, left: Part, right: Part) -> Expression:
        """Everything between two parts but comparisons."""
        if symbol in _CALCULATE:
            return self._arithmetic(symbol, start, left, right)
        first, second = self.condition(left), self.condition(right)
        return (_merged(first, second) if symbol == "|" else None) or Junction(symbol, first, second)

    def comparisons(self, symbols: list[tuple[str, int]], parts: list[Part]) -> Condition:
        """`a <= b < c`, which is `a <= b & b < c`."""
        is_chain = len(symbols) > 1
        built = self._comparison(*symbols[0], parts[0], parts[1], is_chain)
        for (symbol, start), left, right in zip(symbols[1:], parts[1:], parts[2:], strict=False):
            built = Junction("&", built, self._comparison(symbol, start, left, right, is_chain))
        return built

    def list(self, parts: list[Part]) -> Value:
        """The values in brackets."""
        values = []
        for node, start in parts:
            if not isinstance(node, Value) or isinstance(node.value, frozenset):
                raise error_at(self.text, start, "a list holds only values; text goes in quotes")
            values.append(node.value)
        return Value(tuple(values))

    def _comparison(self, symbol: str, start: int, left: Part, right: Part, is_chain: bool) -> Condition:
        first, second = self._operand(left), self._operand(right)
        is_in = symbol in ("in", "not in")
        if isinstance(first, Value) and (is_in or isinstance(second, Value)):
            raise error_at(self.text, start, f"`{symbol}` needs a column on its left; column names are not quoted")
        if is_in and is_chain:
            raise error_at(self.text, start, f"`{symbol}` stands in no chain; join conditions with `and`")
        if is_in:
            return Membership(first, self._members(symbol, second, right.start), symbol == "not in")
        for node, place in ((first, left.start), (second, right.start)):
            if isinstance(node, Value) and isinstance(node.value, frozenset):
                raise error_at(self.text, place, "a set stands only after `in`")
        return Comparison(symbol, first, second)

    def _members(self, symbol: str, node: Operand, start: int) -> tuple[Any, ...]:
        value = node.value if isinstance(node, Value) else None
        if isinstance(value, tuple | frozenset):
            return tuple(value)
        if isinstance(node, Value) and self.text[start] == "(":
            return (value,)
        raise error_at(self.text, start, f"`{symbol}` needs a list of values such as [1, 2] on its right")

    def _operand(self, part: Part) -> Operand:
        if not isinstance(part.node, Name | Value | Arithmetic):
            raise error_at(
                self.text, part.start, "a condition is neither compared nor calculated with; use `and`, `or`, `not`"
            )
        return part.node

    def _arithmetic(self, symbol: str, start: int, left: Part, right: Part) -> Operand:
        first, second = self._number(symbol, left), self._number(symbol, right)
        if isinstance(first, Value) and isinstance(second, Value):
            return Value(self._calculate(symbol, start, first.value, second.value))
        return Arithmetic(symbol, first, second)

    def _number(self, symbol: str, part: Part) -> Operand:
        node = self._operand(part)
        if isinstance(node, Value) and not isinstance(node.value, int | float):
            raise error_at(self.text, part.start, f"`{symbol}` needs numbers, not {type(node.value).__name__}")
        return node

    def _calculate(self, symbol: str, start: int, left: Any, right: Any) -> Any:
        """The value of two constants, unless it is no real number or a huge one."""
        if _is_huge(symbol, left, right):
            raise error_at(self.text, start, f"the result has more than {_MAX_BITS} bits")
        try:
            result = _CALCULATE[symbol](left, right)
        except ArithmeticError as error:
            raise error_at(self.text, start, f"the result is no number: {error}") from None
        if isinstance(result, complex):
            raise error_at(self.text, start, "the result is no real number")
        return result


def _merged(left: Condition, right: Condition) -> Membership | None:
    """`a == 1 | a == 2` as `a in [1, 2]`: thousands of terms become one look-up."""
    first, second = _equals(left), _equals(right)
    if first is None or second is None or first[0].name != second[0].name:
        return None
    return Membership(first[0], first[1] + second[1], False)


def _equals(node: Condition) -> tuple[Name, tuple[Any, ...]] | None:
    """The column and the values that it may equal, where that is the condition; `== None` is not: it finds NaN too."""
    match node:
        case Membership(Name() as name, members, False):
            return name, members
        case Comparison("==", Name() as name, Value(value)) if value is not None:
            return name, (value,)
    return None


def _is_huge(symbol: str, left: Any, right: Any) -> bool:
    """Whether an integer would grow without bound; asked before it is calculated."""
    if isinstance(left, float) or isinstance(right, float):
        return False
    bits, more = int(left).bit_length(), int(right).bit_length()
    return (bits * int(right) if symbol == "**" else bits + more if symbol == "*" else 0) > _MAX_BITS
