# SPDX-License-Identifier: MIT
"""Generated queries: the same runs as MLXP's own parser and as Python row by row, and never an error but ours."""

from __future__ import annotations

import ast
import contextlib
import math
import operator
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxp_pandas.errors import MlxpPandasError, QuerySyntaxError
from mlxp_pandas.query.grammar import parse
from tests.query.frames import FRAME, NAN, frame_of, frozen, missing, runs

MLXP_SUITE = [
    "info.status in ['COMPLETE', 'RUNNING'] & config.optimizer.lr > 0.1",
    " config.seed == 0 ",
    " config.seed != 0 ",
    " config.optimizer.lr < 1. ",
    " config.optimizer.lr > 1. ",
    " config.optimizer.lr <= 1. ",
    " config.optimizer.lr >= 1. ",
    " config.seed in [1,4] ",
    " ~ config.seed in [1,4] ",
    " config.seed == 0 & config.optimizer.lr > 1. ",
    " config.seed == 0 | config.optimizer.lr > 1. ",
    " (config.seed == 0 | config.optimizer.lr > 1.) & config.optimizer.lr < 1. ",
    "info.status == 'COMPLETE' & config.model.num_units <4 ",
]


@pytest.fixture(scope="session")
def mlxp_parser() -> Any:
    """MLXP's own parser."""
    pytest.importorskip("mlxp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlxp.parser import DefaultParser

        return DefaultParser()


def mlxp_runs(parser: Any, text: str, rows: list[dict[str, Any]]) -> list[int] | None:
    """The runs that MLXP selects; None where it fails."""
    try:
        test = parser.parse(text)
        return [log_id for log_id, row in enumerate(rows, start=1) if test(row)]
    except Exception:
        return None


@pytest.mark.parametrize("text", MLXP_SUITE)
def test_queries_of_the_test_suite_of_mlxp(text: str, mlxp_parser: Any) -> None:
    rows = [
        {"config.seed": seed, "config.optimizer.lr": lr, "config.model.num_units": units, "info.status": status}
        for seed in (0, 1, 4)
        for lr in (0.1, 1.0, 10.0)
        for units, status in ((2, "COMPLETE"), (4, "RUNNING"), (8, "FAILED"))
    ]
    expected = mlxp_runs(mlxp_parser, text, rows)
    assert expected is not None
    assert runs(frame_of(rows), text) == expected


WORDS = st.text("abcXYZ 019_.-/é", max_size=4)
NUMBERS = st.sampled_from([0, 1, 2, -1, 7, 2**40, 2**53 + 1, 0.1, 0.5, 1.0, 2.5, -3.0, 1e20])
SCALARS = NUMBERS | WORDS | st.booleans()
CELLS = {
    "config.ints": st.integers(-2, 3),
    "config.floats": st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, -3.0]),
    "config.flags": st.booleans(),
    "config.names": st.sampled_from(["", "a", "b", "COMPLETE", "METRIC", "1"]),
    "config.mixed": st.none() | SCALARS | st.lists(st.integers(0, 2), max_size=2),
    "info.status": st.sampled_from(["COMPLETE", "RUNNING"]),
}
ROWS = st.lists(st.fixed_dictionaries({}, optional=CELLS), min_size=1, max_size=6)
LITERALS = st.sampled_from([0, 1, 2, -1, 0.1, 0.5, 1.0, "a", "COMPLETE", "METRIC", "1", "", True, False]) | SCALARS


def literal(value: object) -> str:
    return repr(value)


@st.composite
def mlxp_terms(draw: st.DrawFn) -> str:
    key = draw(st.sampled_from(sorted(CELLS)))
    space = draw(st.sampled_from(["", " ", "\t"]))
    if draw(st.booleans()):
        return f"{key} in{space}[{', '.join(map(literal, draw(st.lists(LITERALS | st.none(), max_size=4))))}]"
    symbol = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    return f"{key}{space}{symbol}{space}{literal(draw(LITERALS))}"


def mlxp_compounds(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(parts, st.sampled_from([" & ", " | ", "&", "|"]), parts).map("".join)
    return pairs | parts.map("~ {}".format) | parts.map("~{}".format) | parts.map("({})".format)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS, text=st.recursive(mlxp_terms(), mlxp_compounds, max_leaves=8), typed=st.booleans())
def test_queries_of_the_grammar_of_mlxp(rows: list[dict[str, Any]], text: str, typed: bool, mlxp_parser: Any) -> None:
    rows = [{"info.log_id": 1} | row for row in rows]
    expected = mlxp_runs(mlxp_parser, text, rows)
    frame = frame_of(rows, typed=typed)
    for key in CELLS:  # an absent column is an error here, and no match in MLXP
        frame[key] = frame.get(key, NAN)
    found = runs(frame, text)
    if expected is not None:
        assert found == expected


COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
CALCULATE = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def holds(node: Any, row: dict[str, Any], keep: bool) -> bool:
    """A condition for one row, in plain Python: the meaning that the arrays must have."""
    match node:
        case ast.BoolOp(op, values):
            return (all if isinstance(op, ast.And) else any)(holds(value, row, keep) for value in values)
        case ast.UnaryOp(ast.Not(), left):
            return not holds(left, row, keep)
        case ast.Name():
            return value_of(node, row) is True
        case ast.Compare(left, [ast.In() | ast.NotIn() as op], [members]):
            value, negated = value_of(left, row), isinstance(op, ast.NotIn)
            return keep and negated if missing(value) else (value in members.value) != negated
        case ast.Compare(left, ops, others):
            links = zip([left, *others], ops, others, strict=False)
            return all(compares(op, first, second, row, keep) for first, op, second in links)
    raise AssertionError(node)


def is_none(node: Any) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def compares(op: Any, left: Any, right: Any, row: dict[str, Any], keep: bool) -> bool:
    first, second = value_of(left, row), value_of(right, row)
    if isinstance(op, ast.Eq | ast.NotEq) and (is_none(left) or is_none(right)):
        is_absent = missing(first) or missing(second) or first is second is None
        return is_absent == isinstance(op, ast.Eq)
    if missing(first) or missing(second):
        return keep and isinstance(op, ast.NotEq)
    try:
        return bool(COMPARE[type(op)](first, second))
    except TypeError:
        return False


def value_of(node: Any, row: dict[str, Any]) -> Any:
    match node:
        case ast.Name(name):
            return frozen(row.get(name, NAN))
        case ast.Constant(value):
            return value
        case ast.BinOp(left, op, right):
            first, second = value_of(left, row), value_of(right, row)
            if any(missing(each) or not isinstance(each, int | float) for each in (first, second)):
                return NAN
            first, second = float(first), float(second)
            try:
                return first**second if isinstance(op, ast.Pow) else CALCULATE[type(op)](first, second)
            except ZeroDivisionError:
                return NAN if isinstance(op, ast.Mod) or not first else math.copysign(math.inf, first)
    raise AssertionError(node)


@st.composite
def operands(draw: st.DrawFn) -> str:
    leaves = st.sampled_from(sorted(CELLS)) | NUMBERS.map(repr)
    if draw(st.integers(0, 3)):
        return draw(leaves)
    symbol = draw(st.sampled_from(["+", "-", "*", "/", "//", "%", "** 2", "** 0"]))
    return f"({draw(leaves)} {symbol}{' ' + draw(leaves) if '** ' not in symbol else ''})"


LISTS = st.lists(LITERALS | st.none() | st.lists(st.integers(0, 2), max_size=2), max_size=4).map(repr)


@st.composite
def terms(draw: st.DrawFn) -> str:
    symbols = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    texts = operands() | LITERALS.map(repr) | st.just("None") | st.lists(st.integers(0, 2), max_size=2).map(repr)
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return f"{draw(operands())} {draw(st.sampled_from(['in', 'not in']))} {draw(LISTS)}"
    if shape == 1:
        return "config.flags"
    chain = [draw(texts), draw(symbols), draw(operands())]
    return " ".join(chain + [draw(symbols), draw(texts)] * (shape == 2))


def compounds(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(parts, st.sampled_from([" and ", " or ", " & ", " | "]), parts).map("".join)
    return pairs | parts.map("not {}".format) | parts.map("({})".format)


@settings(max_examples=600, deadline=None)
@given(rows=ROWS, text=st.recursive(terms(), compounds, max_leaves=6), typed=st.booleans(), keep=st.booleans())
def test_arrays_mean_what_python_means_row_by_row(
    rows: list[dict[str, Any]], text: str, typed: bool, keep: bool
) -> None:
    try:
        expression = parse(text, {}.get)
    except QuerySyntaxError:
        return  # constants alone
    frame = frame_of(rows, typed=typed)
    for key in CELLS:
        frame[key] = frame.get(key, NAN)
    expected = [log_id for log_id, row in enumerate(rows, start=1) if holds(expression, row, keep)]
    assert runs(frame, text, missing="keep" if keep else "drop") == expected


NAMES = ["config.seed", "config.lr", "config.flag", "config.name", "config.mixed", "log_id", "`config.name`", "nope"]
VALUES = ["1", "'a'", "true", "None", "[1, 'a']", "(1,)", "@v", "2**63", "1e308"]
SYMBOLS = [
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "not in",
    "and",
    "or",
    "not",
    "~",
    "&",
    "|",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "**",
]
PIECES = st.sampled_from([*NAMES, *VALUES, *SYMBOLS, "(", ")", "[", "]", ",", ".", "__import__('os')", "\x00"])


@settings(max_examples=400, deadline=None)
@given(
    text=st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=20),
    sense=st.sampled_from(["drop", "keep", "raise"]),
)
def test_any_text_is_answered_or_refused(text: str, sense: str) -> None:
    for frame in (FRAME, FRAME.astype(object)):
        with contextlib.suppress(MlxpPandasError):
            runs(frame, text, missing=sense, local_values={"v": [1, "a"]})


@settings(max_examples=300, deadline=None)
@given(text=st.recursive(terms(), compounds, max_leaves=6), data=st.data())
def test_a_mutated_query_is_answered_or_refused(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 4)))
    mutated = text[:start] + data.draw(PIECES | st.text(max_size=3)) + text[end:]
    frame = frame_of(
        [{"config.ints": 1, "config.floats": 0.5, "config.flags": True, "config.names": "a"}, {"config.mixed": None}]
    )
    with contextlib.suppress(MlxpPandasError):
        runs(frame, mutated)
