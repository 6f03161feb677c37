# SPDX-License-Identifier: MIT
"""Which rows of a frame a query selects: `DataFrame.query` on the columns it names, under names of our own.

What reaches pandas is a text of `x0`, `x1`, digits and operators. What pandas answers otherwise than the language does
(a missing value, values of mixed types) is worked out beforehand and rides along as a column of booleans.
"""

from __future__ import annotations

import ast
import contextlib
import datetime
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ..errors import InvalidOptionError, QueryError, suggest
from .columns import Derived, Mask, find, fitted, kind_of, load, moment_of, plain, runs, value_of_local
from .grammar import columns_of, parse

__all__ = ["filter_rows", "selected_rows"]

Locals = Mapping[str, object] | None
_SENSES = ("drop", "keep", "raise")
_ABSENT = "{names} has no value in {runs}. missing='drop' gives the runs that have one, `== None` finds the others."
_UNLIKE = "`{symbol}` on {names} in {runs}: the types do not support it. missing='drop' leaves such runs out."
_PIECE = 300  # characters: pandas recurses (about 200 terms)
_LARGE = 200_000  # rows from which numexpr calculates faster
# numexpr has no `//`, and its `%` has another sign than Python's.
_FAST = re.compile(r"(?!.* (?://|%) ).* (?:[-+*/]|\*\*) ")
_FAST_TYPES = (np.float64, np.int64, np.bool_)
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ONE_AT_A_TIME = Lock()  # numexpr 2.8.5 to 2.10 mixes up what threads ask at a time
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {"==": operator.eq, "!=": operator.ne, "<": operator.lt}
_COMPARE |= {"<=": operator.le, ">": operator.gt, ">=": operator.ge}
_NODES: list[type] = [ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn]
_NODES += [ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow]
_SYMBOLS = dict(zip(_NODES, [*_COMPARE, "in", "not in", *"+-*/", "//", "%", "**"], strict=True))


def selected_rows(
    frame: pd.DataFrame, text: str, *, missing: str = "drop", local_values: Locals = None, derived: Derived = None
) -> Any:
    """Find the places of the rows that a query selects.

    Parameters
    ----------
    frame : DataFrame
        Any frame; names are those of its columns, or of levels of its index.
    text : str
        The query; an empty one selects every row.
    missing : {"drop", "keep", "raise"}
        What a missing value (NaN, NaT, NA; None is a value) is to a comparison or `in`. "drop": it satisfies none,
        `!=` and `not in` included; `not (...)` inverts the outcome, so it keeps the row. "keep": it differs from
        everything, so `!=` and `not in` hold. "raise": an error. `x == None` and `x != None` test for absence always.
    local_values : Mapping[str, object], optional
        The values of the `@name` in the query: numbers, text, booleans, None, dates, lists or arrays of those.
    derived : callable, optional
        Asked for the values of a name that the frame does not have; returns a Series aligned with the rows, or None.

    Returns
    -------
    ndarray of int, shape (n_selected,)
        The places of the rows to keep, in order.

    Raises
    ------
    QuerySyntaxError
        The text is not in the grammar.
    UnknownColumnError
        The frame has no such column.
    QueryError
        A column holds files and not values, a local is no plain value, a limit is exceeded; with `missing="raise"` a
        value is missing or has no order with what it is compared with (otherwise that is no match).
    InvalidOptionError
        `missing` has another value.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 1.0, np.nan], "config.model": ["cnn", "mlp", "cnn"]})
    >>> selected_rows(runs, "config.lr < 1 & config.model == 'cnn'").tolist()
    [0]
    >>> selected_rows(runs, "config.lr != 1").tolist(), selected_rows(runs, "config.lr != 1", missing="keep").tolist()
    ([0], [0, 2])
    >>> selected_rows(runs, "config.lr == None or config.model in @models", local_values={"models": ["mlp"]}).tolist()
    [1, 2]
    """
    if missing not in _SENSES:
        raise InvalidOptionError(f"missing={missing!r} is none of the allowed values.{suggest(missing, _SENSES)}")
    if isinstance(text, str) and not text.strip():
        return np.arange(len(frame))
    try:
        tree = parse(text, lambda name: value_of_local(name, local_values or {}))
        with np.errstate(all="ignore"):  # dividing by zero gives inf or NaN
            return _Query(frame, derived, missing).answer(tree)
    except RecursionError:
        raise QueryError("The query is too deep: too many operators inside each other. Split it.") from None


def filter_rows(frame: pd.DataFrame, text: str, **options: Any) -> Mask:
    """Whether a query selects each row; the options are those of `selected_rows`.

    >>> filter_rows(pd.DataFrame({"config.lr": [0.1, 1.0, np.nan]}), "config.lr < 1").tolist()
    [True, False, False]
    """
    rows = np.zeros(len(frame), dtype=bool)
    rows[selected_rows(frame, text, **options)] = True
    return rows


class _Side(NamedTuple):
    """One side of a comparison: how it compares, its text in the query, its values, the rows without one, its type.

    A formula that is left to pandas has no values yet, and is NaN, which satisfies no order, where it has none.
    """

    kind: str
    text: str
    values: Any = None
    missing: Any = np.False_
    dtype: Any = np.dtype("f8")


class _Query:
    """Writes the text that pandas evaluates, and keeps what its names stand for."""

    def __init__(self, frame: pd.DataFrame, derived: Derived, missing: str) -> None:
        self.frame, self.derived, self.missing = frame, derived, missing
        self.values: dict[str, Any] = {}
        self.sides: dict[str, _Side] = {}
        self.floats: dict[str, tuple[str, Mask]] = {}
        # pandas copies the index for each query: half the bytes, half the time
        self.rows = pd.DataFrame(index=np.arange(len(frame), dtype=np.int32))

    def answer(self, tree: ast.expr) -> Any:
        """The places of the rows that a condition selects."""
        return self._asked(self.rows.query, self._condition(tree)).index.to_numpy(np.intp)

    def _solved(self, text: str) -> Any:
        """The values of a text."""
        return np.asarray(self._asked(pd.DataFrame().eval, text))

    def _asked(self, method: Callable[..., Any], text: str) -> Any:
        """What pandas makes of a text that may name our values and nothing else."""
        scope = {"resolvers": [self._used(text)], "local_dict": {}, "global_dict": {}}
        if self._is_fast(text):
            with contextlib.suppress(ImportError), _ONE_AT_A_TIME:  # pandas refuses some versions of numexpr
                return method(text, engine="numexpr", **scope)
        return method(text, engine="python", **scope)

    def _used(self, text: str) -> dict[str, Any]:
        return {name: self.values[name] for name in re.findall(r"x\d+", text)}

    def _is_fast(self, text: str) -> bool:
        """Whether numexpr can and is worth it: arithmetic on many rows."""
        if len(self.rows) < _LARGE or not _FAST.match(text):
            return False
        used = self._used(text).values()
        return len(used) < 31 and all(getattr(value, "dtype", None) in _FAST_TYPES for value in used)

    def _name(self, value: Any, *, is_plain: bool = True) -> str:
        """A name for a value; a plain number may stand for itself."""
        if is_plain and isinstance(value, np.number) and re.fullmatch(r"\d{1,9}(\.\d+)?", digits := repr(value.item())):
            return digits
        self.values[name := f"x{len(self.values)}"] = value
        return name

    def _settled(self, text: str) -> str:
        """A text, or a name for its values if it has grown long."""
        return text if len(text) < _PIECE else self._name(self._solved(text))

    def _condition(self, node: Any) -> str:
        """The text of a condition."""
        match node:
            case ast.BoolOp(op, nodes):
                word, terms = ("or", _merged(nodes)) if isinstance(op, ast.Or) else ("and", nodes)
                return self._joined(word, list(map(self._condition, terms)))
            case ast.UnaryOp(_, operand):
                return self._settled(f"(not {self._condition(operand)})")
            case ast.Compare(left, ops, others):
                return self._joined("and", list(map(self._comparison, [left, *others], ops, others)))
        return self._flag(node)

    def _joined(self, word: str, texts: list[str]) -> str:
        if len(set(map(self._is_fast, texts))) > 1:  # one text has one engine
            texts = [self._name(self._solved(text)) if self._is_fast(text) else text for text in texts]
        whole = reduce(lambda text, other: self._settled(f"{text} {word} {other}"), texts)
        return whole if len(texts) == 1 else f"({whole})"

    def _flag(self, node: ast.Name) -> str:
        side = self._column(node)
        cells = side.values[~side.missing].tolist() if side.dtype != np.int8 else []
        if not all(cell is None or type(cell) is bool for cell in cells):
            raise QueryError(f"{node.id!r} is not a column of booleans. Compare it with something.")
        return self._comparison(node, ast.Eq(), ast.Constant(True))

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
        symbol, asked, node, other = _SYMBOLS[type(op)], _SYMBOLS[type(op)], left, right
        if not columns_of(left):
            asked, node, other = _MIRRORED.get(symbol, symbol), right, left
        side = self._side(node, symbol)
        if symbol in ("==", "!=") and isinstance(other, ast.Constant) and other.value is None:
            absent = side.missing | np.asarray(pd.isna(side.values))
            return self._name(absent if symbol == "==" else ~absent)
        beside = self._side(other, symbol, side)
        missing = side.missing if beside.missing is np.False_ else side.missing | beside.missing
        self._accept(missing, _ABSENT, symbol, left, right)
        if side.kind == beside.kind != "object" and _is_exact(side, beside):
            # an ndarray has no isin
            text = self._name(pd.Series(side.values, dtype=side.dtype, copy=False)) if "in" in symbol else side.text
            text = f"({text} {asked} {beside.text})"
        else:
            results = np.array(self._row_by_row(asked, side, beside), dtype=np.float64)
            self._accept(np.isnan(results) & ~missing, _UNLIKE, symbol, left, right)
            text = self._name(results == 1)
        if self.missing == "keep" and symbol in ("!=", "not in"):
            return f"({text} or {self._name(missing)})" if missing.any() else text
        return f"({text} and {self._name(~missing)})" if missing.any() else text

    def _row_by_row(self, symbol: str, column: _Side, beside: _Side) -> list[bool | None]:
        """What Python says of mixed values, or of a type beside another; a text is a moment beside moments."""
        cells, others, moment = self._cells(column), self._cells(beside), moment_of(beside.values)
        if moment is not None:
            others = [moment if isinstance(cell, datetime.datetime) else beside.values for cell in cells]
        return [_outcome(symbol, cell, other) for cell, other in zip(cells, others, strict=True)]

    def _cells(self, side: _Side) -> list[Any]:
        """The values as Python's, one a row."""
        values = self._solved(side.text) if side.values is None and side.kind == "number" else side.values
        return values.tolist() if getattr(values, "ndim", 0) == 1 else [plain(values)] * len(self.rows)

    def _accept(self, rows: Mask, message: str, symbol: str, *nodes: ast.expr) -> None:
        """Raise for rows without an answer, if that was asked for."""
        if self.missing == "raise" and rows.any():
            shown = ", ".join(map(repr, columns_of(ast.Tuple(list(nodes)))))
            raise QueryError(message.format(symbol=symbol, names=shown, runs=runs(self.frame, rows)))

    def _side(self, node: ast.expr, symbol: str = "", beside: Any = None) -> _Side:
        """One side of a comparison; arithmetic is left to pandas where NaN answers as a missing value has to."""
        if isinstance(node, ast.Name):
            return self._column(node)
        if isinstance(node, ast.Constant):
            return self._constant(node.value, beside, symbol)
        text = self._formula(node)
        missing = reduce(operator.or_, [self.floats[name][1] for name in columns_of(node)], np.False_)
        if symbol in ("<", "<=", ">", ">=") and self.missing != "raise":
            return _Side("number", text, None, missing)
        values = self._solved(text)
        return _Side("number", self._name(values), values, missing | np.isnan(values))

    def _column(self, node: ast.Name) -> _Side:
        if node.id not in self.sides:
            kind, values, missing = load(find(self.frame, node, self.derived))
            self.sides[node.id] = _Side(kind, self._name(values), values, missing, values.dtype)
        return self.sides[node.id]

    def _constant(self, value: Any, beside: _Side, symbol: str) -> _Side:
        """A value, or the list after `in`, as it compares with what stands beside it."""
        value = plain(value)
        if "in" in symbol:
            return self._members(value, beside)
        if beside.kind in ("moment", "zoned"):
            value = moment_of(value) or value
        kind = kind_of(value)
        if kind == "number":
            fit = fitted(value, beside.dtype) if beside.kind == "number" else None
            return _Side("object", "", value) if fit is None else _Side(kind, self._name(fit), fit, dtype=fit.dtype)
        # pandas makes `== "text"` a look-up, which costs twice as much; an array of one is compared
        return _Side(kind, self._name(np.array(value, dtype=object) if kind == "text" else value), value)

    def _members(self, members: Any, beside: _Side) -> _Side:
        """Those members of a list that can be found."""
        texts = [each for each in members if isinstance(each, str)]
        if beside.kind == "number":
            fits = [fitted(each, beside.dtype) for each in members if kind_of(each) == "number"]
            found = np.array([fit for fit in fits if fit is not None and fit.dtype == beside.dtype], dtype=beside.dtype)
            return _Side("number", self._name(found), found, dtype=beside.dtype)
        if beside.kind == "text" and all(kind_of(each) == "text" for each in texts):
            return _Side("text", self._name(texts), texts)
        return _Side("object", "", {*members, *filter(None, map(moment_of, texts))})

    def _formula(self, node: Any, symbol: str = "") -> Any:
        """The text of arithmetic on floats; of a constant, the constant."""
        chain = []
        while isinstance(node, ast.BinOp):
            chain.append(node)
            node, symbol = node.left, _SYMBOLS[type(node.op)]
        whole = self._numbers(node, symbol) if isinstance(node, ast.Name) else _float(node.value)
        for part in reversed(chain):
            symbol = _SYMBOLS[type(part.op)]
            sides = whole, self._formula(part.right, symbol)
            is_plain = str in map(type, sides)  # Python's own numbers raise where numpy's overflow to inf
            names = [side if isinstance(side, str) else self._name(side, is_plain=is_plain) for side in sides]
            whole = self._settled(f"({names[0]} {symbol} {names[1]})")
        return whole

    def _numbers(self, node: ast.Name, symbol: str) -> str:
        """The name of a column as floats, NaN where a cell is missing or no number."""
        if node.id not in self.floats:
            side = self._column(node)
            cells, absent = side.values, side.missing
            if side.kind != "number":
                cells = [_float(cell) if isinstance(cell, int | float) else np.nan for cell in cells.tolist()]
                self._accept(np.isnan(cells) & ~absent, _UNLIKE, symbol, node)
                absent = absent | np.isnan(cells)
            floats = np.asarray(cells, dtype=np.float64)
            if side.dtype != np.float64:
                floats[absent] = np.nan
            self.floats[node.id] = side.text if floats is side.values else self._name(floats), absent
        return self.floats[node.id][0]


def _is_exact(*sides: _Side) -> bool:
    """Whether whole columns compare as Python does: no float holds integers beyond 2**53, no Arrow half characters."""
    whole = [side.values for side in sides if side.dtype.kind in "iu"]
    is_large = len(whole) == 1 and not -(2**53) <= np.min(whole, initial=0) <= np.max(whole, initial=0) <= 2**53
    return not is_large and {type(side.values) for side in sides} != {pd.Series, np.ndarray}


def _float(value: Any) -> np.float64:
    """A number of numpy's, which divides by zero and overflows to inf, as the largest integers do."""
    return np.float64(value if type(value) is float or abs(value) < 2**1024 - 2**970 else np.inf * (value > 0 or -1))


def _merged(nodes: list[ast.expr]) -> list[Any]:
    """`a == 1 | a == 2` as `a in [1, 2]`: thousands of terms become one look-up; not `== None`, which finds NaN too."""
    wanted: dict[Any, list[Any]] = {}
    for node in nodes:
        match node:
            case ast.Compare(ast.Name(name), [ast.Eq()], [ast.Constant(str() | int() | float() as member)]):
                wanted.setdefault(name, [node]).append(member)
            case _:
                wanted[id(node)] = [node]
    return [node if len(found) < 2 else _one_of(node, found) for node, *found in wanted.values()]


def _one_of(node: ast.Compare, members: Any) -> ast.Compare:
    return ast.Compare(node.left, [ast.In()], [ast.Constant(members)])


def _outcome(symbol: str, cell: Any, other: Any) -> bool | None:
    """What a comparison of two values says; None where their types do not support it."""
    try:
        return (cell in other) == (symbol == "in") if "in" in symbol else bool(_COMPARE[symbol](cell, other))
    except Exception:  # no order, a mapping in a set, or a cell that compares in its own way
        return symbol == "not in" if "in" in symbol else None
