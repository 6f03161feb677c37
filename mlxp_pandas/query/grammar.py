# SPDX-License-Identifier: MIT
"""The query language: a text becomes a checked tree of columns, values and operators, or an error with a place.

From loosest to tightest, as in MLXP: `|` or, `&` and, `~` not, comparisons and `in`, `+ -`, `* / // %`, signs, `**`.
Python's own parser sees nothing of the user's but the order of operators: names and literals are replaced before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

from ..errors import QueryError, QuerySyntaxError
from ..plaintext import printable

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "Token", "columns_of", "local_names", "names", "parse", "tokens"]

MAX_LENGTH = 500_000  # characters of a query
MAX_DEPTH = 100  # brackets inside each other; Python's parser takes 200

# Possessive quantifiers: no query makes the matching backtrack, so lexing is linear in its length.
_TOKEN = re.compile(
    r"""
      (?P<space>    \s++ )
    | (?P<number>   (?: [0-9]++ (?:_[0-9]++)*+ (?:\.[0-9]*+)?+ | \.[0-9]++ ) (?:[eE][+-]?[0-9]++)? (?![\w.]) )
    | (?P<operator> not \s++ in (?![\w.]) | \*\* | // | [=!<>]= | [-+*/%<>~&|()\[\],] )
    | (?P<name>     \w++ (?:\.\w++)*+ )
    | (?P<quoted>   ` (?: [^`]++ | `` )*+ ` )
    | (?P<text>     ' (?: [^'\\]++ | \\. )*+ ' | " (?: [^"\\]++ | \\. )*+ " )
    | (?P<local>    @ \w++ )
    """,
    re.VERBOSE | re.DOTALL,
)
_RAW = re.compile(r"""\\\\|\\(?!['"\nabfnrtv0-3]|[4-7](?![0-7]{2})|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|N\{)""")
_WORDS = {"&": "and", "|": "or", "~": "not", "and": "and", "or": "or", "not": "not", "in": "in"}
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "none": None, "null": None, "inf": float("inf")}
_CLOSING = {"(": ")", "[": "]"}
_HINTS = dict.fromkeys("'\"", "the quote is not closed") | {
    "`": "the backtick is not closed",
    "=": "`=` is not a comparison; write `==`",
    "!": "`!` is not an operator; write `not` or `~`",
    ".": "attributes are not part of the language (no attributes, calls or subscripts); odd names go in backticks",
    "@": "`@` is followed by the name of a local variable",
}
_NO_VALUE = object()
_NO_CONDITION = "a condition is neither compared nor calculated with; join conditions with `and`, `or`, `not`"


class Token(NamedTuple):
    """One word of a query: `kind` is `name`, `value`, `local`, `operator` or `end`; `start` counts from 0.

    `symbol` is an operator as Python writes it, nothing for other words.
    """

    kind: str
    value: Any
    start: int
    symbol: str = ""


def parse(text: str, local: Callable[[str], Any]) -> Any:
    """Read a query; nothing in it is executed, and no column is looked up.

    Parameters
    ----------
    text : str
        The query.
    local : callable
        Gives the value of a `@name`: a number, text, boolean, None, date, tuple or frozenset of those.

    Returns
    -------
    ast.expr
        A condition, of these nodes alone: `BoolOp`, `UnaryOp` with `Not`, `Compare`, `BinOp`, `Constant`, whose value
        may be a tuple, a frozenset or a date, and `Name`, whose `id` is a column and `col_offset` its place.

    Raises
    ------
    QuerySyntaxError
        The text is not in the grammar; the message points at the place.
    QueryError, RecursionError
        A limit is exceeded.

    Examples
    --------
    >>> columns_of(parse("0.1 <= config.lr < @top & ~ config.seed in [1, 4]", {"top": 1.0}.get))
    ('config.lr', 'config.seed')
    """
    words = _words_in_order(text)
    # One token a line: the line of a node is the number of its token.
    source = " \\\n".join(word.symbol or "x" for word in words[:-1])
    try:
        tree = ast.parse(source, mode="eval").body
    except (SyntaxError, RecursionError, MemoryError):
        raise QueryError("The query is too deep: too many operators inside each other. Split it.") from None
    return _Checker(text, words, local).condition(tree)


def names(text: str, kind: str = "name") -> tuple[str, ...]:
    """Name the columns that a query uses, each once, in the order of their first use.

    >>> names("config.lr < 1 & `a-b` == 'config.seed' & config.lr > config.top")
    ('config.lr', 'a-b', 'config.top')
    """
    return tuple(dict.fromkeys(token.value for token in tokens(text) if token.kind == kind))


def local_names(text: str) -> tuple[str, ...]:
    """Name the locals that a query uses, each once.

    >>> local_names("config.seed in @seeds & config.lr < @top")
    ('seeds', 'top')
    """
    return names(text, "local")


def columns_of(tree: ast.AST) -> tuple[str, ...]:
    """Name the columns in a part of a checked tree, each once."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(node.id for node in sorted(found, key=lambda node: node.col_offset)))


def tokens(text: str) -> Iterator[Token]:
    """Cut a query into tokens; the last one is of kind `end`.

    >>> [token.value for token in tokens("config.lr in [.1, 1e-3] and not `a-b`")]
    ['config.lr', 'in', '[', 0.1, ',', 0.001, ']', 'and', 'not', 'a-b', None]
    """
    if not isinstance(text, str):
        raise QueryError(f"A query is a string such as 'config.seed == 1'; this is a {type(text).__name__}.")
    if len(text) > MAX_LENGTH:
        raise QueryError(f"Too long a query: the limit is {MAX_LENGTH:,} characters. Pass long lists as `in @name`.")
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            _refuse(text, place, _HINTS.get(text[place], f"{text[place]!r} is not part of the language"))
        if match.lastgroup != "space":
            yield _token(text, str(match.lastgroup), match.group(), place)
        place = match.end()
    yield Token("end", None, place)


def _token(text: str, kind: str, found: str, start: int) -> Token:
    """Keywords count only as whole names: `config.class.in` is a column."""
    if kind == "operator" or found in _WORDS:
        return Token("operator", found, start, _WORDS.get(found, "not in" if found.startswith("not") else found))
    if kind == "name" and found.lower() in _CONSTANTS:
        return Token("value", _CONSTANTS[found.lower()], start)
    if kind in ("number", "text"):
        try:
            return Token("value", _literal(kind, found), start)
        except ValueError:
            _refuse(text, start, f"this {kind} has too many digits, or an escape that names no character")
    name = {"quoted": found[1:-1].replace("``", "`"), "local": found[1:]}.get(kind, found)
    return Token("local" if kind == "local" else "name", name, start)


def _literal(kind: str, found: str) -> int | float | str:
    """A number or a text, its escapes as Python reads them; what is no escape keeps its backslash."""
    if kind == "number":
        return int(found) if found.replace("_", "").isdigit() else float(found)
    return _RAW.sub(r"\\\\", found[1:-1]).encode("latin-1", "backslashreplace").decode("unicode-escape")


def _refuse(text: str, place: int, reason: str) -> NoReturn:
    """Raise the error that shows the text around a place and points at it."""
    before, after = printable(text[max(place - 40, 0) : place]), printable(text[place : place + 40])
    pointer = f"    {before}{after}\n    {' ' * len(before)}^"
    raise QuerySyntaxError(f"Cannot read the query at character {place + 1}: {printable(reason)}.\n{pointer}")


def _words_in_order(text: str) -> list[Token]:
    """Check that operands and operators alternate and that brackets match; Python's parser only weighs them."""
    opened: list[Token] = []
    words = [Token("operator", "", 0)]
    for word in tokens(text):
        before = words[-1]
        is_operand_next = before.kind == "operator" and before.symbol not in _CLOSING.values()
        objection = _instead_of_operand(word, before) if is_operand_next else _instead_of_operator(word, before, opened)
        if not objection and word.symbol in _CLOSING.values():
            is_matched = bool(opened) and _CLOSING[opened.pop().symbol] == word.symbol
            objection = "" if is_matched else f"`{word.symbol}` closes nothing that is open"
        if objection:
            _refuse(text, word.start, objection)
        if before.symbol + word.symbol == "()":
            _refuse(text, before.start, "the parenthesis is empty")
        opened += [word] if word.symbol in _CLOSING else []
        if len(opened) > MAX_DEPTH:
            raise QueryError(f"The query nests more than {MAX_DEPTH} brackets (character {word.start + 1}).")
        words.append(word)
    if opened:
        _refuse(text, opened[-1].start, "this bracket is not closed")
    return words[1:]


def _instead_of_operand(word: Token, before: Token) -> str:
    """What is wrong with a word where an operand is due; a list may be empty, or end in a comma."""
    if word.symbol == "not":
        return "" if before.symbol in ("", "and", "or", "not", "(", "[", ",") else _NO_CONDITION
    is_end_of_list = word.symbol in _CLOSING.values() and before.symbol in (",", *_CLOSING)
    is_start = word.kind != "end" and word.symbol in ("", "-", "+", *_CLOSING)
    return "" if is_start or is_end_of_list else "a column, a value or an opening bracket is expected"


def _instead_of_operator(word: Token, before: Token, opened: list[Token]) -> str:
    """What is wrong with a word where an operator or the end is due."""
    if word.symbol in _CLOSING and before.kind == "local":
        return "a local has no attributes, calls or subscripts"
    if word.symbol == "(":
        return "calls are not part of the language"
    if word.kind == "name" and word.value.lower() == "is":
        return "`is` is not an operator; write `== None` or `!= None`"
    if word.symbol in ("[", "not") or word.kind not in ("operator", "end"):
        return "an operator such as `==`, `in`, `&` or `|`, or the end, is expected"
    is_in_list = word.symbol != "," or opened
    return "" if is_in_list else "a comma stands only in a list; join conditions with `and` or `or`"


class _Checker(NamedTuple):
    """Checks the tree of Python's parser, and puts the names and values in."""

    text: str
    words: list[Token]
    local: Callable[[str], Any]

    def condition(self, node: ast.expr) -> Any:
        """A node that is true or false for each run: a bare name is a column of booleans."""
        match node:
            case ast.BoolOp(op, values):
                return ast.BoolOp(op, list(map(self.condition, values)))
            case ast.UnaryOp(ast.Not() as op, operand):
                return ast.UnaryOp(op, self.condition(operand))
            case ast.Compare():
                return self._compare(node)
        column = self._operand(node)
        if not isinstance(column, ast.Name):
            self._refuse(node, "this is a value and not a condition; compare it with something")
        return column

    def _operand(self, node: ast.expr) -> Any:
        """A column, a value, or arithmetic with them."""
        match node:
            case ast.Name(lineno=line):
                kind, value, start, _ = self.words[line - 1]
                is_column, value = kind == "name", self.local(value) if kind == "local" else value
                return ast.Name(value, col_offset=start) if is_column else ast.Constant(value)
            case ast.List(items) | ast.Tuple(items):
                return ast.Constant(tuple(map(self._item, items)))  # type: ignore[arg-type]
            case ast.UnaryOp(ast.UAdd() | ast.USub() as sign, operand):
                return _signed(isinstance(sign, ast.USub), self._number(operand))
            case ast.BinOp():
                return self._arithmetic(node)
        return self._refuse(node, _NO_CONDITION)

    def _item(self, node: ast.expr) -> Any:
        value = getattr(self._operand(node), "value", _NO_VALUE)
        if value is _NO_VALUE or isinstance(value, frozenset):
            self._refuse(node, "a list holds only values; text goes in quotes")
        return value

    def _number(self, node: ast.expr) -> Any:
        side = self._operand(node)
        value = getattr(side, "value", _NO_VALUE)
        if not isinstance(value, int | float) and value is not _NO_VALUE:
            self._refuse(node, f"arithmetic needs numbers, not {type(value).__name__}")
        return side

    def _arithmetic(self, node: Any) -> Any:
        """A sum of thousands is as deep on its left, where Python would recurse too far."""
        chain = [node]
        while isinstance(chain[-1].left, ast.BinOp):
            chain.append(chain[-1].left)
        if len(chain) > 2_500:  # Python's parser takes about 2,900
            raise RecursionError
        whole = self._number(chain[-1].left)
        for part in reversed(chain):
            whole = ast.BinOp(whole, part.op, self._number(part.right))
        return whole

    def _compare(self, node: ast.Compare) -> ast.Compare:
        parts = [node.left, *node.comparators]
        sides = [self._operand(part) for part in parts]
        for part, op, left, right in zip(parts, node.ops, sides, sides[1:], strict=False):
            is_in = isinstance(op, ast.In | ast.NotIn)
            if is_in and len(node.ops) > 1:
                self._refuse(part, "`{}` stands in no chain; join conditions with `and`", is_behind=True)
            if not columns_of(left) and (is_in or not columns_of(right)):
                self._refuse(part, "`{}` needs a column on its left; column names are not quoted", is_behind=True)
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            return ast.Compare(sides[0], node.ops, [self._members(parts[1], getattr(sides[1], "value", _NO_VALUE))])
        for part, side in zip(parts, sides, strict=True):
            if isinstance(getattr(side, "value", None), frozenset):
                self._refuse(part, "a set stands only after `in`")
        return ast.Compare(sides[0], node.ops, sides[1:])

    def _members(self, node: ast.expr, value: Any) -> ast.expr:
        """The list after `in`; `('a')` is one of a single value."""
        if not isinstance(value, tuple | frozenset):
            if value is _NO_VALUE or self.words[node.lineno - 2].symbol != "(":
                self._refuse(node, "`in` needs a list of values such as [1, 2] on its right")
            value = (value,)
        return ast.Constant(value)

    def _refuse(self, node: ast.expr, reason: str, *, is_behind: bool = False) -> NoReturn:
        """Point at a node, at the parenthesis around a condition, or at the operator behind it."""
        place = node.end_lineno or 0 if is_behind else node.lineno - 1
        while is_behind and self.words[place].symbol == ")":
            place += 1
        while isinstance(node, ast.Compare | ast.BoolOp) and place and self.words[place - 1].symbol == "(":
            place -= 1
        _refuse(self.text, self.words[place].start, reason.format(self.words[place].symbol))


def _signed(is_minus: bool, side: Any) -> ast.expr:
    if isinstance(side, ast.Constant):
        return ast.Constant(-side.value if is_minus else +side.value)  # type: ignore[operator]
    return ast.BinOp(ast.Constant(0), ast.Sub() if is_minus else ast.Add(), side)
