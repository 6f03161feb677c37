# SPDX-License-Identifier: MIT
"""Which rows of a frame a query selects: the parsed expression, column by column, on the columns it names alone.

`DataFrame.query` is not used: it recurses (about 200 terms), resolves every column of the frame, and compares mixed
values otherwise than Python; numpy on the bare arrays is faster, also than numexpr, up to millions of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from .arithmetic import calculate
from .errors import InvalidOptionError, QueryError, UnknownColumnError, suggest
from .lazy import LazyDtype
from .plaintext import printable
from .query import parse
from .querytree import (
    Arithmetic,
    Comparison,
    Condition,
    Expression,
    Flag,
    Junction,
    Membership,
    Name,
    Value,
    names,
    postorder,
)
from .vectors import Mask, Vector, compare, contains, load

__all__ = ["filter_rows"]

_SENSES = ("drop", "keep", "raise")
_SHOWN = 5


def filter_rows(
    frame: pd.DataFrame,
    text: str,
    *,
    missing: str = "drop",
    local_values: Mapping[str, object] | None = None,
    derived: Callable[[str], pd.Series[Any] | None] | None = None,
) -> Mask:
    """Find the rows that a query selects.

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
    ndarray of bool, shape (n_rows,)
        The rows to keep.

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
    >>> filter_rows(runs, "config.lr < 1 & config.model == 'cnn'").tolist()
    [True, False, False]
    >>> filter_rows(runs, "config.lr != 1").tolist(), filter_rows(runs, "config.lr != 1", missing="keep").tolist()
    ([True, False, False], [True, False, True])
    >>> filter_rows(runs, "config.lr == None or config.model in @models", local_values={"models": ["mlp"]}).tolist()
    [False, True, True]
    """
    if missing not in _SENSES:
        raise InvalidOptionError(f"missing={missing!r} is none of the allowed values.{suggest(missing, _SENSES)}")
    if isinstance(text, str) and not text.strip():
        return np.ones(len(frame), dtype=bool)
    values = {name: _plain_local(value, 0) for name, value in (local_values or {}).items()}
    return _Evaluation(frame, missing, derived).run(parse(text, locals=values))


class _Evaluation:
    """One query on one frame: each column is loaded once."""

    def __init__(
        self, frame: pd.DataFrame, missing: str, derived: Callable[[str], pd.Series[Any] | None] | None
    ) -> None:
        self.frame = frame
        self.missing = missing
        self.derived = derived
        self.vectors: dict[str, Vector] = {}

    def run(self, expression: Condition) -> Mask:
        stack: list[Any] = []
        for node in postorder(expression):
            if isinstance(node, Name):
                stack.append(self._vector(node))
            elif isinstance(node, Value):
                stack.append(node.value)
            else:
                right = stack.pop() if hasattr(node, "right") else None
                stack.append(self._apply(node, stack.pop(), right))
        result: Mask = stack.pop()
        return result

    def _apply(self, node: Expression, left: Any, right: Any) -> Any:
        if isinstance(node, Junction):
            return left & right if node.symbol == "&" else left | right
        if isinstance(node, Comparison):
            return self._compare(node, left, right)
        if isinstance(node, Membership):
            return self._member(node, left)
        if isinstance(node, Arithmetic):
            result, unsupported = calculate(node.symbol, left, right)
            self._check_supported(node, node.symbol, unsupported)
            return result
        return self._flag(node, left) if isinstance(node, Flag) else ~left

    def _compare(self, node: Comparison, left: Any, right: Any) -> Mask:
        if node.symbol in ("==", "!=") and (left is None or right is None):
            absent: Mask = (right if left is None else left).absent
            return absent if node.symbol == "==" else ~absent
        holds, unsupported = compare(node.symbol, left, right)
        sides = [side for side in (left, right) if isinstance(side, Vector)]
        settled = self._settle(node, holds, sides, keeps=node.symbol == "!=")
        self._check_supported(node, node.symbol, unsupported)
        return settled

    def _member(self, node: Membership, vector: Vector) -> Mask:
        holds = contains(node.members, vector)
        if node.negated:
            holds = ~(holds | vector.missing)
        return self._settle(node, holds, [vector], keeps=node.negated)

    def _flag(self, node: Flag, vector: Vector) -> Mask:
        if vector.kind == "number" and vector.values.dtype.kind == "b":
            holds: Mask = vector.values & ~vector.missing
        else:
            holds = np.fromiter((cell is True for cell in vector.cells), dtype=bool, count=len(vector))
            others = ~(holds | vector.absent)
            if not all(cell is False for cell in vector.cells[others]):
                raise QueryError(f"{node.left.name!r} is not a column of booleans. Compare it with something.")
        return self._settle(node, holds, [vector], keeps=False)

    def _settle(self, node: Expression, holds: Mask, vectors: list[Vector], *, keeps: bool) -> Mask:
        """Give rows with a missing value what `missing` says; they are False in `holds`."""
        if self.missing == "drop" or (self.missing == "keep" and not keeps):
            return holds
        missing: Mask = np.logical_or.reduce([vector.missing for vector in vectors])
        if self.missing == "keep":
            return holds | missing
        if missing.any():
            advice = "missing='drop' gives the runs that have one, `== None` finds the others."
            raise QueryError(f"{_columns(node)} has no value in {self._runs(missing)}. {advice}")
        return holds

    def _check_supported(self, node: Expression, symbol: str, unsupported: Mask) -> None:
        if self.missing == "raise" and unsupported.any():
            kinds = "the types of the values do not support it. missing='drop' leaves such runs out."
            raise QueryError(f"`{symbol}` on {_columns(node)} in {self._runs(unsupported)}: {kinds}")

    def _vector(self, node: Name) -> Vector:
        if node.name not in self.vectors:
            column = self._column(node)
            if isinstance(column.dtype, LazyDtype):
                raise QueryError(self._not_searchable(node.name, column.dtype.prefix))
            self.vectors[node.name] = load(column)
        return self.vectors[node.name]

    def _column(self, node: Name) -> pd.Series[Any]:
        """The column of this name, or the index level, or what `derived` knows of it."""
        columns = self.frame.columns
        try:
            found: Any = columns.get_loc(node.name) if columns.nlevels == 1 else None
        except (KeyError, TypeError, ValueError):
            found = None
        if found is None:
            return self._level(node)
        if not isinstance(found, int):
            count = len(np.arange(len(columns))[found])
            raise QueryError(f"{count} columns are named {node.name!r}. Rename all but one of them.")
        return self.frame.iloc[:, found]

    def _level(self, node: Name) -> pd.Series[Any]:
        levels = list(self.frame.index.names)
        if node.name in levels:
            return pd.Series(self.frame.index.get_level_values(levels.index(node.name)))
        column = self.derived(node.name) if self.derived is not None else None
        if column is None:
            raise self._unknown(node)
        return column

    def _unknown(self, node: Name) -> UnknownColumnError:
        known = [label for label, dtype in self.frame.dtypes.items() if not isinstance(dtype, LazyDtype)]
        known += [name for name in self.frame.index.names if name is not None]
        hint = "" if "." in node.name else f" Text goes in quotes: {node.name!r}."
        if node.name.lower() == "nan":
            hint = " A missing value is found with `== None`."
        where = f"(character {node.start + 1} of the query)"
        return UnknownColumnError(f"There is no column {node.name!r} {where}.{suggest(node.name, known)}{hint}")

    def _not_searchable(self, name: str, prefix: str) -> str:
        is_curve = self.derived is not None and prefix == "metric"
        step = f"one number of the curve, such as {name}.last" if is_curve else f"a map: filter((function, {name!r}))"
        return f"{name!r} is a column of {prefix}s: its cells stand for files and have no value to compare. Use {step}."

    def _runs(self, rows: Mask) -> str:
        """The runs of some rows, in words."""
        frame = self.frame
        has_ids = "log_id" in frame.columns and "log_id" not in frame.index.names
        labels = frame["log_id"] if has_ids else frame.index
        first = ", ".join(printable(str(label)) for label in labels[rows][:_SHOWN])
        count = int(rows.sum())
        return f"run {first}" if count == 1 else f"{count} runs ({first}{', ...' if count > _SHOWN else ''})"


def _columns(node: Expression) -> str:
    return ", ".join(map(repr, names(node)))


def _plain_local(value: object, depth: int) -> object:
    """A local with the scalars and arrays of numpy and pandas as Python's; the parser checks what is left."""
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if value is pd.NaT or value is pd.NA:
        return float("nan")
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, list | tuple | np.ndarray | pd.Index | pd.Series | pd.api.extensions.ExtensionArray):
        return tuple(_plain_local(item, depth + 1) for item in value) if depth < 5 else value
    if isinstance(value, set | frozenset):
        return {_plain_local(item, depth + 1) for item in value}
    return value
