# SPDX-License-Identifier: MIT
"""The query language: a text becomes a checked expression of columns, values and the operators below, or an error.

From loosest to tightest, as in MLXP: `|` or, `&` and, `~` not, comparisons and `in`, `+ -`, `* / // %`, signs, `**`.
The parser keeps its own stacks, so no nesting reaches Python's recursion limit.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import QueryError, QuerySyntaxError
from .querybuild import Builder, Part
from .querylex import Token, error_at, tokens
from .querytree import Condition, Name, Value, names

__all__ = ["MAX_DEPTH", "MAX_OPERATORS", "local_names", "names", "parse"]

MAX_DEPTH = 500
"""The deepest nesting of brackets in a query."""

MAX_OPERATORS = 50_000
"""The most operators and brackets in a query; commas and the signs of list items do not count."""

_BINARY = {"|": 1, "&": 2, "in": 4, "not in": 4} | dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4)
_BINARY |= {"+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "**": 8}
_PREFIX = {"~": 3, "-": 7, "+": 7}
_COMPARING = 4
_CLOSING = {"(": ")", "[": "]"}
_EXPECTED = "a column, a value or an opening bracket is expected"


def parse(text: str, *, locals: Mapping[str, object] | None = None) -> Condition:
    """Read a query; nothing in it is executed, and no column is looked up.

    Parameters
    ----------
    text : str
        The query.
    locals : Mapping[str, object], optional
        The values of the `@name` in it; `local_names` says which are needed.

    Returns
    -------
    Condition
        The expression, true or false for every run.

    Raises
    ------
    QuerySyntaxError
        The text is not in the grammar; the message points at the place.
    QueryError
        A local is missing or no plain value, or a limit is exceeded.

    Examples
    --------
    >>> parse("config.seed == 1")
    Comparison(symbol='==', left=Name(name='config.seed', start=0), right=Value(value=1))
    >>> names(parse("0.1 <= config.lr < @top & ~ config.seed in [1, 4]", locals={"top": 1.0}))
    ('config.lr', 'config.seed')
    """
    parser = _Parser(text, locals or {})
    for token in tokens(text):
        parser.take(token)
    return parser.builder.condition(parser.parts.pop())


def local_names(text: str) -> tuple[str, ...]:
    """Name the locals that a query uses, each once.

    Parameters
    ----------
    text : str
        The query.

    Returns
    -------
    tuple of str
        The names without `@`.

    Raises
    ------
    QueryError
        The text cannot be cut into tokens, or is too long.

    Examples
    --------
    >>> local_names("config.seed in @seeds & config.lr < @top")
    ('seeds', 'top')
    """
    return tuple(dict.fromkeys(str(token.value) for token in tokens(text) if token.kind == "local"))


class _Pending(NamedTuple):
    """An operator or an open bracket that waits for its right-hand side; brackets have power 0."""

    symbol: str
    power: int
    start: int
    height: int
    is_prefix: bool = False


_NOTHING = _Pending("", 0, 0, 0)


class _Parser:
    """Operator precedence parsing: the parts and the pending operators on two stacks."""

    def __init__(self, text: str, locals: Mapping[str, object]) -> None:
        self.text = text
        self.locals = locals
        self.builder = Builder(text)
        self.parts: list[Part] = []
        self.pending: list[_Pending] = []
        self.wants_operand = True
        self.after_comma = False
        self.depth = 0
        self.waited = 0

    def take(self, token: Token) -> None:
        """Go on by one token."""
        symbol = str(token.value) if token.kind == "operator" else ""
        if self.wants_operand:
            self._take_operand(token, symbol)
        else:
            self._take_operator(token, symbol)
        self.after_comma = symbol == ","

    def _take_operand(self, token: Token, symbol: str) -> None:
        if token.kind in ("name", "value", "local"):
            self._push(Part(self._leaf(token), token.start))
        elif symbol in _PREFIX:
            self._wait(symbol, _PREFIX[symbol], token.start, is_prefix=True)
        elif symbol in _CLOSING:
            self._open(symbol, token.start)
        elif symbol in ("]", ")"):
            self._close_early(symbol, token.start)
        else:
            raise error_at(self.text, token.start, _EXPECTED)

    def _take_operator(self, token: Token, symbol: str) -> None:
        if symbol in _BINARY:
            self._binary(symbol, token.start)
        elif token.kind == "end":
            self._finish()
        elif symbol == ",":
            self._comma(token.start)
        elif symbol in ("]", ")"):
            self._close(symbol, token.start)
        else:
            raise self._error_after_operand(token, symbol)

    def _leaf(self, token: Token) -> Name | Value:
        if token.kind == "name":
            return Name(str(token.value), token.start)
        return Value(_local(str(token.value), self.locals) if token.kind == "local" else token.value)

    def _push(self, part: Part) -> None:
        self.parts.append(part)
        self.wants_operand = False

    def _wait(self, symbol: str, power: int, start: int, *, is_prefix: bool = False) -> None:
        self.waited += not (is_prefix and self.after_comma)  # the sign of a list item is not counted
        if self.waited > MAX_OPERATORS:
            raise QueryError(f"The query has more than {MAX_OPERATORS:,} operators. Pass long lists as `in @name`.")
        self.pending.append(_Pending(symbol, power, start, len(self.parts), is_prefix))
        self.wants_operand = True

    def _open(self, symbol: str, start: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QueryError(f"The query nests more than {MAX_DEPTH} brackets (character {start + 1}).")
        self._wait(symbol, 0, start)

    def _binary(self, symbol: str, start: int) -> None:
        power = _BINARY[symbol]
        # `**` groups to the right, and a run of comparisons waits until it is whole.
        waits = power in (_COMPARING, _BINARY["**"])
        self._reduce(power + 1 if waits else power)
        self._wait(symbol, power, start)

    def _reduce(self, power: int) -> None:
        """Build what binds at least as tightly as `power`, down to the last open bracket."""
        while self.pending and self.pending[-1].power >= power:
            last = self.pending.pop()
            if last.is_prefix:
                node = self.builder.prefix(last.symbol, last.start, self.parts.pop())
                self._push(Part(node, last.start))
            elif last.power == _COMPARING:
                self._build_comparisons(last)
            else:
                right, left = self.parts.pop(), self.parts.pop()
                self._push(Part(self.builder.binary(last.symbol, last.start, left, right), left.start))

    def _build_comparisons(self, last: _Pending) -> None:
        run = [last]
        while self.pending and self.pending[-1].power == _COMPARING:
            run.append(self.pending.pop())
        symbols = [(pending.symbol, pending.start) for pending in reversed(run)]
        parts = self.parts[-len(run) - 1 :]
        del self.parts[-len(run) - 1 :]
        self._push(Part(self.builder.comparisons(symbols, parts), parts[0].start))

    def _finish(self) -> None:
        self._reduce(1)
        if self.pending:
            raise error_at(self.text, self.pending[-1].start, "this bracket is not closed")

    def _comma(self, start: int) -> None:
        self._reduce(1)
        if not self.pending:
            raise error_at(self.text, start, "a comma stands only in a list; join conditions with `and` or `or`")
        self.wants_operand = True

    def _close_early(self, symbol: str, start: int) -> None:
        """`[]` and a comma before the closing bracket are fine; `()` and a dangling operator are not."""
        opened = self.pending[-1] if self.pending else _NOTHING
        if _CLOSING.get(opened.symbol) != symbol:
            raise error_at(self.text, start, _EXPECTED)
        is_empty = len(self.parts) == opened.height
        if is_empty and symbol == ")":
            raise error_at(self.text, opened.start, "the parenthesis is empty")
        self._close(symbol, start)

    def _close(self, symbol: str, start: int) -> None:
        self._reduce(1)
        if not self.pending or _CLOSING[self.pending[-1].symbol] != symbol:
            raise error_at(self.text, start, f"`{symbol}` closes nothing that is open")
        opened = self.pending.pop()
        inside = self.parts[opened.height :]
        del self.parts[opened.height :]
        self.depth -= 1
        is_group = opened.symbol == "(" and len(inside) == 1 and not self.after_comma
        self._push(Part(inside[0].node if is_group else self.builder.list(inside), opened.start))

    def _error_after_operand(self, token: Token, symbol: str) -> QuerySyntaxError:
        reason = "an operator such as `==`, `in`, `&` or `|`, or the end, is expected"
        if symbol == "(":
            reason = "calls are not part of the language"
        elif token.kind == "name" and str(token.value).lower() == "is":
            reason = "`is` is not an operator; write `== None` or `!= None`"
        return error_at(self.text, token.start, reason)


def _local(name: str, locals: Mapping[str, object]) -> Any:
    if name not in locals:
        raise QueryError(f"The query uses @{name}, and there is no variable of that name.")
    return _plain(name, locals[name], 0)


def _plain(name: str, value: object, depth: int) -> Any:
    """A local as a value of the language; whatever could run code when it is compared is refused."""
    if value is None or type(value) in (bool, int, float, str) or isinstance(value, datetime.date):
        return value
    if isinstance(value, set | frozenset) and depth == 0:
        return frozenset(_plain(name, item, 1) for item in value)
    if isinstance(value, list | tuple) and depth < 5:
        return tuple(_plain(name, item, depth + 1) for item in value)
    kind = type(value).__name__
    raise QueryError(f"@{name} holds a {kind}. A local is a number, text, boolean, None, date, or a list of those.")
