# SPDX-License-Identifier: MIT
"""The parser: what it accepts, what it makes of it, and that it refuses everything else with a place and a reason."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas.errors import MlxpPandasError, QueryError, QuerySyntaxError
from mlxp_pandas.query import MAX_DEPTH, MAX_OPERATORS, local_names, names, parse
from mlxp_pandas.querylex import MAX_LENGTH, tokens
from mlxp_pandas.querytree import Arithmetic, Comparison, Flag, Junction, Membership, Name, Not, Value, postorder


def values_of(text: str) -> list[object]:
    """The literals of a query."""
    return [node.value for node in postorder(parse(text)) if isinstance(node, Value)]


def test_names_are_dotted_and_may_be_keywords_or_start_with_digits() -> None:
    text = (
        "config.class == 1 & config.lambda.in.not == 2 & 2d.x == 3 & config.1 == 4 & _private == 5 & config.größe.Δ < 6"
    )
    assert names(parse(text)) == (
        "config.class",
        "config.lambda.in.not",
        "2d.x",
        "config.1",
        "_private",
        "config.größe.Δ",
    )


@pytest.mark.parametrize(
    ("quoted", "name"),
    [
        ("`a-b`", "a-b"),
        ("`a b`", "a b"),
        ("`a'b`", "a'b"),
        ('`a"b`', 'a"b'),
        ("`a\nb`", "a\nb"),
        ("`a``b`", "a`b"),
        ("`config.optimizer.lr`", "config.optimizer.lr"),
        ("`in`", "in"),
        ("`1`", "1"),
        ("`@x`", "@x"),
    ],
)
def test_backticks_hold_any_name(quoted: str, name: str) -> None:
    assert names(parse(f"{quoted} == 1")) == (name,)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-1", -1),
        ("+1", 1),
        ("- -1", 1),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        ("1_000", 1000),
        (str(2**70), 2**70),
        ("inf", float("inf")),
        ("-inf", float("-inf")),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("false", False),
        ("None", None),
        ("none", None),
        ("null", None),
        ("'a'", "a"),
        ('"a"', "a"),
        ("''", ""),
        ('"it\'s"', "it's"),
        (r"'it\'s'", "it's"),
        (r"'a\n\t\\b'", "a\n\t\\b"),
        (r"'\x41\u00e9\U0001F600\101\N{EM DASH}'", "Aé\U0001f600A\N{EM DASH}"),
        (r"'\d'", r"\d"),
        ("'a\nb'", "a\nb"),
        ("[]", ()),
        ("[64, 64]", (64, 64)),
        ("(64, 64,)", (64, 64)),
        ("[[64, -1], ['a', None]]", ((64, -1), ("a", None))),
        ("2 ** 3 ** 2", 512),
        ("-2 ** 2", -4),
        ("2 ** -1 * 3", 1.5),
        ("7 // 2 % 2", 1),
        ("(1 + 2) * 3 - 4 / 2", 7.0),
        ("10 - 3 - 2", 5),
    ],
)
def test_literals_and_constants(text: str, value: object) -> None:
    (found,) = values_of(f"config.x == {text}")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["[1, 2]", "(1, 2)", "[1, 2,]", "(1, 2,)", "[\n1,\n2]", "([1, 2])"])
def test_in_takes_lists_of_either_bracket(text: str) -> None:
    assert parse(f"x in {text}") == Membership(Name("x", 0), (1, 2), False)
    assert parse(f"x not  in {text}") == Membership(Name("x", 0), (1, 2), True)


def test_in_takes_one_value_in_parentheses_and_an_empty_list() -> None:
    assert parse("x in ('a')") == Membership(Name("x", 0), ("a",), False)
    assert parse("x in []") == Membership(Name("x", 0), (), False)


A, B, C = (Comparison("==", Name(name, start), Value(1)) for name, start in (("a", 0), ("b", 9), ("c", 18)))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a == 1 & b == 1 | c == 1", Junction("|", Junction("&", A, B), C)),
        ("a == 1 | b == 1 & c == 1", Junction("|", A, Junction("&", B, C))),
        ("~a", Not(Flag(Name("a", 1)))),
        ("~ a in [1, 4]", Not(Membership(Name("a", 2), (1, 4), False))),
        ("not a == 1 & b", Junction("&", Not(Comparison("==", Name("a", 4), Value(1))), Flag(Name("b", 13)))),
        ("~ ~ a", Not(Not(Flag(Name("a", 4))))),
        ("not (a | b)", Not(Junction("|", Flag(Name("a", 5)), Flag(Name("b", 9))))),
        ("a < b", Comparison("<", Name("a", 0), Name("b", 4))),
        ("1 < a", Comparison("<", Value(1), Name("a", 4))),
        ("(a) == (1)", Comparison("==", Name("a", 1), Value(1))),
        (
            "1 <= a < b",
            Junction("&", Comparison("<=", Value(1), Name("a", 5)), Comparison("<", Name("a", 5), Name("b", 9))),
        ),
        (
            "a - -b * 2 < 3",
            Comparison(
                "<",
                Arithmetic("-", Name("a", 0), Arithmetic("*", Arithmetic("-", Value(0), Name("b", 5)), Value(2))),
                Value(3),
            ),
        ),
    ],
)
def test_precedence_is_that_of_mlxp(text: str, tree: object) -> None:
    assert parse(text) == tree


def test_words_and_symbols_are_the_same_operators() -> None:
    assert parse("not a == 1 and b or c") == parse("~   a == 1 &   b |  c")


def test_equalities_with_one_column_joined_by_or_are_one_membership() -> None:
    assert parse("a == 1 | a in [2, 3] | a == 'x'") == Membership(Name("a", 0), (1, 2, 3, "x"), False)
    assert isinstance(parse("a == 1 | a == None"), Junction)
    assert isinstance(parse("a == 1 | b == 1"), Junction)


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("`config.seed`.to_csv('x') == 1", 14, "attributes are not part"),
        ("@obj.method() == 1", 5, "no attributes, calls or subscripts"),
        ("@obj[0] == 1", 5, "no attributes, calls or subscripts"),
        ("@f(1) == 1", 3, "no attributes, calls or subscripts"),
        ("__import__('os')", 11, "calls are not part"),
        ("config.seed == [x for x in (1,)]", 19, "an operator such as"),
        ("9**9**9 == config.seed", 2, "more than 4096 bits"),
        ("9*" * 2000 + "9 == config.seed", None, "more than 4096 bits"),
        ("config.seed == 'abc", 16, "quote is not closed"),
        ('config.seed == "abc', 16, "quote is not closed"),
        ("`config.seed == 1", 1, "backtick is not closed"),
        ("()", 1, "parenthesis is empty"),
        ("config.seed in ()", 16, "parenthesis is empty"),
        ("config.seed == 1 & ()", 20, "parenthesis is empty"),
        ("(config.seed == 1", 1, "not closed"),
        ("config.seed in [1, 2", 16, "not closed"),
        ("config.seed == 1)", 17, "closes nothing"),
        ("config.seed in [1, 2)", 21, "closes nothing"),
        ("config.seed == ", 16, "a column, a value"),
        ("config.seed == 1 &", 19, "a column, a value"),
        ("& config.seed == 1", 1, "a column, a value"),
        ("config.seed in [,]", 17, "a column, a value"),
        ("config.seed in [1,,2]", 19, "a column, a value"),
        ("config.seed = 1", 13, "write `==`"),
        ("config.seed ! 1", 13, "write `not`"),
        ("config.seed is None", 13, "write `== None`"),
        ("config.seed 1", 13, "an operator such as"),
        ("config.seed[0] == 1", 12, "an operator such as"),
        ("config.seed(0) == 1", 12, "calls are not part"),
        ("config.a, config.b", 9, "comma"),
        ("1", 1, "value and not a condition"),
        ("'config.seed'", 1, "value and not a condition"),
        ("true", 1, "value and not a condition"),
        ("[1]", 1, "value and not a condition"),
        ("config.seed + 1", 1, "value and not a condition"),
        ("config.a & 1", 12, "value and not a condition"),
        ("~ 1", 3, "value and not a condition"),
        ("1 == 1", 3, "needs a column"),
        ("'config.seed' == 1", 15, "column names are not quoted"),
        ("1 in [1]", 3, "needs a column"),
        ("'a' in config.name", 5, "needs a column"),
        ("config.seed in 3", 16, "list of values"),
        ("config.seed in 'abc'", 16, "list of values"),
        ("config.seed in config.other", 16, "list of values"),
        ("config.seed in [config.other]", 17, "only values"),
        ("1 < config.seed in [1]", 17, "stands in no chain"),
        ("config.seed in [1] == true", 13, "stands in no chain"),
        ("(config.a < 1) < 2", 1, "neither compared nor calculated"),
        ("config.a < (1 < config.b)", 12, "neither compared nor calculated"),
        ("config.a == not config.b", 13, "neither compared nor calculated"),
        ("(config.a < 1) + 2 < 3", 1, "neither compared nor calculated"),
        ("config.a == 'x' * 1000000000", 13, "needs numbers, not str"),
        ("config.a + 'x' == 1", 12, "needs numbers, not str"),
        ("config.a + [1] == 1", 12, "needs numbers, not tuple"),
        ("config.a + None == 1", 12, "needs numbers, not NoneType"),
        ("config.a == 1 / 0", 15, "division by zero"),
        ("config.a == 10.0 ** 400", 18, "no number"),
        ("config.a == (-8) ** 0.5", 18, "no real number"),
        ("config.a == " + "1" * 5000, 13, "too many digits"),
        (r"config.a == '\N{NO SUCH NAME}'", 13, "names no character"),
        (r"config.a == '\UFFFFFFFF'", 13, "names no character"),
        ("lambda: 1", 7, "not part of the language"),
        ("config.a == {1}", 13, "not part of the language"),
        ("config.a := 1", 10, "not part of the language"),
        ("config.a == 1; import os", 14, "not part of the language"),
        ("config.a == b'x'", 14, "an operator such as"),
        ("config.a == 'x' 'y'", 17, "an operator such as"),
        ("config.a == 1 if config.b else 2", 15, "an operator such as"),
        ("config.a ≤ 3", 10, "not part of the language"),
        ("config.a == 1\x00", 14, "not part of the language"),
        ("@ == 1", 1, "name of a local"),
        ("", 1, "a column, a value"),
    ],
)
def test_everything_else_is_refused_with_place_and_reason(text: str, place: int | None, reason: str) -> None:
    with pytest.raises(QuerySyntaxError, match=reason) as caught:
        parse(text, locals={"obj": 1, "f": 1})
    if place is not None:
        assert f"at character {place}:" in str(caught.value)


def test_the_error_shows_the_place() -> None:
    with pytest.raises(QuerySyntaxError, match="expected") as caught:
        parse("config.seed ==\n)")
    assert str(caught.value).splitlines()[1:] == [r"    config.seed ==\n)", "                    ^"]


def test_the_error_of_a_long_query_shows_a_part_and_escapes_it() -> None:
    with pytest.raises(QuerySyntaxError, match="closes nothing") as caught:
        parse("config.a == 1 | " * 500 + "config.a == '\x1b[31m' )" + " & config.b" * 500)
    message = str(caught.value)
    assert len(message) < 300
    assert "\x1b" not in message


@pytest.mark.parametrize("text", [None, 1, b"config.seed == 1", ["config.seed == 1"]])
def test_a_query_is_a_string(text: object) -> None:
    with pytest.raises(QueryError, match="A query is a string"):
        parse(text)  # type: ignore[arg-type]


def test_locals_are_named_once_and_in_order() -> None:
    assert local_names("config.a in @b & config.b < @a | config.c == '@c' & `@d` == @b") == ("b", "a")


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, "a", datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1), (1, "a"), ((1,), 2)]
)
def test_locals_are_plain_values(value: object) -> None:
    assert parse("x == @v", locals={"v": value}) == Comparison("==", Name("x", 0), Value(value))


def test_locals_may_be_lists_and_sets() -> None:
    assert parse("x in @v", locals={"v": [1, [2]]}) == Membership(Name("x", 0), (1, (2,)), False)
    assert parse("x in @v", locals={"v": {1}}) == Membership(Name("x", 0), (1,), False)
    assert parse("x in [@v, 2]", locals={"v": 1}) == Membership(Name("x", 0), (1, 2), False)


class Loud:
    """Refuses to be used in any way."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(name)

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    __hash__ = None  # type: ignore[assignment]


class Text(str):
    """Text that could answer comparisons in its own way."""


@pytest.mark.parametrize("value", [[Loud()], len, object, {"a": 1}, b"a", 1j, Text("a"), {1: 2}.keys()])
def test_other_locals_are_refused_untouched(value: object) -> None:
    with pytest.raises(QueryError, match="@v holds a Loud"):
        parse("x == @v", locals={"v": Loud()})
    with pytest.raises(QueryError, match=r"@v holds a .* A local is a number, text"):
        parse("x == @v", locals={"v": value})


def test_locals_that_contain_themselves_are_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(QueryError, match="@v holds a list"):
        parse("x == @v", locals={"v": value})


def test_a_set_stands_only_after_in() -> None:
    with pytest.raises(QuerySyntaxError, match="a set stands only after `in`"):
        parse("x == @v", locals={"v": {1}})


def test_an_unknown_local_is_named() -> None:
    with pytest.raises(QueryError, match="uses @seed, and there is no variable of that name"):
        parse("config.seed == @seed")


def test_long_chains_are_read() -> None:
    assert len(names(parse(" | ".join(f"config.p{i} == {i}" for i in range(5000))))) == 5000
    assert len(names(parse(" < ".join(f"config.p{i}" for i in range(5000))))) == 5000
    assert len(names(parse(" + ".join(f"config.p{i}" for i in range(5000)) + " < 1"))) == 5000
    assert len(names(parse("not " * 40_000 + "config.a == 1"))) == 1


def test_deep_nesting_is_read_up_to_the_limit() -> None:
    deep = "(" * MAX_DEPTH + "config.a" + ")" * MAX_DEPTH
    assert names(parse(deep + " == 1")) == ("config.a",)
    nested = "~(config.a == 1 & " * MAX_DEPTH + "config.b" + ")" * MAX_DEPTH
    assert names(parse(nested)) == ("config.a", "config.b")


@pytest.mark.parametrize("opening", ["(", "[", "~(", "not (a | ", "-("])
def test_deeper_nesting_is_refused(opening: str) -> None:
    with pytest.raises(QueryError, match=f"nests more than {MAX_DEPTH} brackets"):
        parse(opening * 40_000)


@pytest.mark.parametrize(
    "text", ["~" * (MAX_OPERATORS + 2), "a|" * (MAX_OPERATORS + 2), "a == 1" + "+1" * MAX_OPERATORS]
)
def test_more_operators_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match="more than 50,000 operators"):
        parse(text)


def test_longer_queries_are_refused() -> None:
    with pytest.raises(QueryError, match="the limit is 500,000"):
        parse("a" * (MAX_LENGTH + 1))


def test_a_long_list_is_no_long_chain() -> None:
    parsed = parse(f"a in [{', '.join(['-1'] * 60_000)}]")
    assert isinstance(parsed, Membership)
    assert len(parsed.members) == 60_000


@pytest.mark.parametrize(
    "text", ["1" * 400_000 + "x", "'" + r"\'" * 200_000, "`" + "``" * 200_000, "1_" * 200_000, "." * 400_000]
)
def test_no_text_makes_the_lexer_backtrack(text: str) -> None:
    with pytest.raises(QueryError, match=r"value and not|not closed|attributes|operator|column"):
        parse(text + " 1")


SYMBOLS = ["==", "!=", "<", "<=", ">", ">=", "&", "|", "~", "(", ")", "[", "]", ",", "+", "-", "*", "/", "//", "%"]
BROKEN = ["**", ".", ";", "'", '"', "`", "@", "=", "!", "\\", "\n", "__import__", "lambda"]
OPERANDS = ["a", "config.seed", "`x y`", "1", "-2", ".5", "1e3", "'x'", "true", "None", "@v", "in", "not", "and", "or"]
WORDS = st.sampled_from([*OPERANDS, *SYMBOLS, *BROKEN])


@given(st.text() | st.lists(WORDS).map(" ".join) | st.lists(WORDS).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        list(postorder(parse(text, locals={"v": 1})))
    except MlxpPandasError as error:
        assert str(error)  # noqa: PT017


@given(st.text())
def test_text_literals_round_trip(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    assert [token.value for token in tokens(f"'{escaped}'")] == [text, None]


@given(st.text())
def test_backticked_names_round_trip(name: str) -> None:
    quoted = name.replace("`", "``")
    assert names(parse(f"`{quoted}` == 1")) == (name,)
