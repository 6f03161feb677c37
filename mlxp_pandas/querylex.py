# SPDX-License-Identifier: MIT
"""The words of the query language: text in, tokens with their places out, and the error that points at a place.

Whatever is not in the list of tokens below is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from .errors import QueryError, QuerySyntaxError
from .plaintext import printable

__all__ = ["MAX_LENGTH", "Token", "error_at", "tokens"]

MAX_LENGTH = 500_000
"""The longest query, in characters."""

_WINDOW = 40

# Possessive quantifiers: no query makes the matching backtrack, so lexing is linear in its length.
_TOKEN = re.compile(
    r"""
      (?P<space>    \s++ )
    | (?P<number>   (?: [0-9]++ (?:_[0-9]++)*+ (?:\.[0-9]*+)?+ | \.[0-9]++ ) (?:[eE][+-]?[0-9]++)? (?![\w.]) )
    | (?P<not_in>   not \s++ in (?![\w.]) )
    | (?P<name>     \w++ (?:\.\w++)*+ )
    | (?P<quoted>   ` (?: [^`]++ | `` )*+ ` )
    | (?P<text>     ' (?: [^'\\]++ | \\. )*+ ' | " (?: [^"\\]++ | \\. )*+ " )
    | (?P<local>    @ \w++ )
    | (?P<operator> \*\* | // | [=!<>]= | [-+*/%<>~&|()\[\],] )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|N\{([^}]*)\}|(.))", re.DOTALL
)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\n": ""}
_WORDS = {"and": "&", "or": "|", "not": "~", "in": "in"}
_CONSTANTS: dict[str, object] = {"true": True, "false": False, "none": None, "null": None, "inf": float("inf")}
_HINTS = {
    "'": "the quote is not closed",
    '"': "the quote is not closed",
    "`": "the backtick is not closed",
    "=": "`=` is not a comparison; write `==`",
    "!": "`!` is not an operator; write `not` or `~`",
    ".": "attributes are not part of the language; a name with odd characters goes in backticks",
    "@": "`@` is followed by the name of a local variable",
}


class Token(NamedTuple):
    """One word of a query.

    Attributes
    ----------
    kind : str
        `name`, `value`, `local`, `operator` or `end`.
    value : object
        The name, the literal's value, the local's name, or the operator (`and or not` become `& | ~`).
    start, end : int
        Where it stands in the text, counted from 0.
    """

    kind: str
    value: object
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    """Cut a query into tokens; the last one is of kind `end`.

    Parameters
    ----------
    text : str
        A query, at most `MAX_LENGTH` characters.

    Yields
    ------
    Token
        In the order of the text.

    Raises
    ------
    QuerySyntaxError
        At the first character that begins no token; the message points at it.
    QueryError
        The text is not a string, or too long.

    Examples
    --------
    >>> [token.value for token in tokens("config.lr in [.1, 1e-3] and not `a-b`")]
    ['config.lr', 'in', '[', 0.1, ',', 0.001, ']', '&', '~', 'a-b', None]
    """
    _check(text)
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise error_at(text, place, _HINTS.get(text[place], f"{text[place]!r} is not part of the language"))
        place = match.end()
        if match.lastgroup != "space":
            yield _token(text, match)
    yield Token("end", None, len(text), len(text))


def error_at(text: str, place: int, reason: str) -> QuerySyntaxError:
    """Build the error that shows the text around a place and points at it.

    >>> print(error_at("config.seed == )", 15, "a value is expected"))
    Cannot read the query at character 16: a value is expected.
        config.seed == )
                       ^
    """
    before = printable(text[max(place - _WINDOW, 0) : place])
    after = printable(text[place : place + _WINDOW])
    pointer = f"    {before}{after}\n    {' ' * len(before)}^"
    return QuerySyntaxError(f"Cannot read the query at character {place + 1}: {printable(reason)}.\n{pointer}")


def _check(text: object) -> None:
    if not isinstance(text, str):
        raise QueryError(f"A query is a string such as 'config.seed == 1'; this is a {type(text).__name__}.")
    if len(text) > MAX_LENGTH:
        limit = f"the limit is {MAX_LENGTH:,}. Pass long lists as `in @name`."
        raise QueryError(f"The query has {len(text):,} characters; {limit}")


def _token(text: str, match: re.Match[str]) -> Token:
    """The token of a match."""
    kind, found = str(match.lastgroup), match.group()
    if kind == "name":
        kind, value = _word(found)
    else:
        kind, value = _READERS[kind](text, match.start(), found)
    return Token(kind, value, match.start(), match.end())


def _word(found: str) -> tuple[str, object]:
    """Keywords count only as whole names: `config.class.in` is a column."""
    if found in _WORDS:
        return "operator", _WORDS[found]
    if found.lower() in _CONSTANTS:
        return "value", _CONSTANTS[found.lower()]
    return "name", found


def _operator(text: str, start: int, found: str) -> tuple[str, object]:
    return "operator", found


def _not_in(text: str, start: int, found: str) -> tuple[str, object]:
    return "operator", "not in"


def _quoted(text: str, start: int, found: str) -> tuple[str, object]:
    return "name", found[1:-1].replace("``", "`")


def _local(text: str, start: int, found: str) -> tuple[str, object]:
    after = start + len(found)
    if text[after : after + 1] in tuple(".(["):
        raise error_at(
            text, after, "a local is a plain value: no attributes, calls or subscripts; assign it to a name first"
        )
    return "local", found[1:]


def _number(text: str, start: int, found: str) -> tuple[str, object]:
    try:
        return "value", int(found) if found.replace("_", "").isdigit() else float(found)
    except ValueError:
        raise error_at(text, start, "this number has too many digits") from None


def _text(text: str, start: int, found: str) -> tuple[str, object]:
    try:
        return "value", _ESCAPE.sub(_unescape, found[1:-1])
    except (ValueError, KeyError, OverflowError):
        raise error_at(text, start, "the text has an escape such as \\U or \\N that names no character") from None


def _unescape(match: re.Match[str]) -> str:
    """One escape, as Python reads it; an unknown one keeps its backslash."""
    code = match[1] or match[2] or match[3]
    if code or match[4]:
        return chr(int(code, 16) if code else int(match[4], 8))
    if match[5] is not None:
        return unicodedata.lookup(match[5])
    return _LETTERS.get(match[6], match[6] if match[6] in "\\'\"" else match[0])


_READERS = {
    "operator": _operator,
    "not_in": _not_in,
    "quoted": _quoted,
    "local": _local,
    "number": _number,
    "text": _text,
}
