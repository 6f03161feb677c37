# SPDX-License-Identifier: MIT
"""Which rows a query selects, what a missing value is to it, and what is refused."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numexpr
import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.cells import MetricDtype
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import InvalidOptionError, QueryError, UnknownColumnError
from mlxp_pandas.query import filter_rows
from tests.query.frames import FRAME, NAN, frame_of, runs


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [1, 2, 3, 4]),
        (" \n", [1, 2, 3, 4]),
        ("config.seed == 1", [1]),
        ("config.seed == 1.0", [1]),
        ("config.seed == true", [1]),
        ("config.seed == '1'", []),
        ("config.seed != '1'", [1, 2, 3, 4]),
        ("config.seed == 1152921504606846976", [4]),
        ("config.seed == 1152921504606846977", []),
        ("config.seed < 100000000000000000000", [1, 2, 3, 4]),
        ("config.seed in [1, 4]", [1, 3]),
        ("config.seed in (1.0, '2', None)", [1]),
        ("~ config.seed in [1, 4]", [2, 4]),
        ("config.seed not in [1, 4]", [2, 4]),
        ("1 < config.seed", [2, 3, 4]),
        ("2 <= config.seed <= 4 != config.lr", [2, 3]),
        ("config.lr < 1e0", [1]),
        ("0.1 <= config.lr < 10.", [1, 2]),
        ("config.lr != 1", [1, 3]),
        ("~ (config.lr == 1)", [1, 3, 4]),
        ("config.lr not in [1]", [1, 3]),
        ("not config.lr in [1]", [1, 3, 4]),
        ("config.lr == None", [4]),
        ("config.lr != None", [1, 2, 3]),
        ("None == config.lr", [4]),
        ("config.lr == config.seed", []),
        ("config.lr * 10 == config.seed", [1]),
        ("config.flag", [1, 4]),
        ("~ config.flag", [2, 3]),
        ("config.flag == false", [2]),
        ("config.flag == 1", [1, 4]),
        ("config.flag == None", [3]),
        ("config.name == 'cnn'", [1, 3]),
        ('config.name != "cnn"', [2]),
        ("config.name < 'd'", [1, 3]),
        ("'d' <= config.name", [2]),
        ("config.name in ['cnn', 1]", [1, 3]),
        ("config.name == None", [4]),
        ("config.name == 1 | config.name < 1", []),
        ("config.mixed == 'auto'", [1]),
        ("config.mixed < 4", [2]),
        ("not config.mixed < 4", [1, 3, 4]),
        ("config.mixed != 'auto'", [2, 3, 4]),
        ("config.mixed == None", [3]),
        ("config.mixed in [None, 3]", [2, 3]),
        ("config.mixed == [64, 64]", [4]),
        ("config.mixed in [[64, 64], 3]", [2, 4]),
        ("config.mixed == (64, 64)", [4]),
        ("config.mixed + 1 == 4", [2]),
        ("config.seed % 2 == 0 and config.lr", None),
        ("log_id >= 3", [3, 4]),
        ("config.seed == 1 | config.lr == 10 & config.flag", [1]),
        ("(config.seed == 1 | config.lr == 10) & config.name == 'cnn'", [1, 3]),
    ],
)
def test_rows(text: str, expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(QueryError, match=r"'config\.lr' is not a column of booleans"):
            runs(FRAME, text)
    else:
        assert runs(FRAME, text) == expected
        assert runs(FRAME.astype(object), text) == expected


@pytest.mark.parametrize(
    ("text", "drop", "keep"),
    [
        ("config.lr != 1", [1, 3], [1, 3, 4]),
        ("config.flag != true", [2], [2, 3]),
        ("config.name != 'cnn'", [2], [2, 4]),
        ("config.lr not in [1]", [1, 3], [1, 3, 4]),
        ("config.lr < 100", [1, 2, 3], [1, 2, 3]),
        ("not config.lr < 100", [4], [4]),
        ("config.mixed != 3", [1, 3, 4], [1, 3, 4]),
        ("config.mixed != 4 & config.mixed < 4", [2], [2]),
        ("config.lr + 1 != 2", [1, 3], [1, 3, 4]),
        ("config.flag", [1, 4], [1, 4]),
    ],
)
def test_missing_values_are_dropped_or_differ_from_everything(text: str, drop: list[int], keep: list[int]) -> None:
    for frame in (FRAME, FRAME.astype(object)):
        assert runs(frame, text) == runs(frame, text, missing="drop") == drop
        assert runs(frame, text, missing="keep") == keep


@pytest.mark.parametrize(
    "text", ["config.lr < 1", "config.lr != 1", "config.lr in [1]", "not config.lr + 1 == 3", "~ config.flag"]
)
def test_missing_values_can_be_an_error_that_names_the_runs(text: str) -> None:
    with pytest.raises(QueryError, match=r"'config\.(lr|flag)' has no value in run [34]\. missing='drop'"):
        runs(FRAME, text, missing="raise")


def test_the_error_shows_the_first_few_runs() -> None:
    frame = pd.DataFrame({"config.a": [NAN] * 20 + [1.0]}, index=pd.RangeIndex(20, 41, name="log_id"))
    with pytest.raises(QueryError, match=r"'config\.a' has no value in 20 runs \(20, 21, 22, 23, 24, \.\.\.\)\."):
        runs(frame, "config.a < 1", missing="raise")
    with pytest.raises(QueryError, match=r"20 runs \(20, 21"):
        runs(frame.reset_index(), "config.a < 1", missing="raise")


@pytest.mark.parametrize(
    "text", ["config.mixed < 4", "config.name < 4 | config.seed == 1", "config.mixed + 1 == 2", "'a' > config.seed"]
)
def test_values_without_an_order_can_be_an_error_that_names_the_runs(text: str) -> None:
    frame = FRAME.iloc[:2]
    with pytest.raises(QueryError, match=r"on 'config\.(mixed|name|seed)' in (run 1|2 runs \(1, 2\)): the types"):
        runs(frame, text, missing="raise")


def test_raise_lets_whole_columns_and_tests_of_absence_pass() -> None:
    assert runs(FRAME, "config.seed < 3 & config.lr != None & config.mixed != 3", missing="raise") == [1]


@pytest.mark.parametrize("missing", ["", "ignore", "dorp", None])
def test_other_senses_of_missing_are_refused(missing: Any) -> None:
    with pytest.raises(InvalidOptionError, match=r"missing=.* is none of the allowed values\..*'drop'"):
        runs(FRAME, "config.seed == 1", missing=missing)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "config.sed == 1",
            r"There is no column 'config\.sed' \(character 1 of the query\)\. Did you mean 'config\.seed'",
        ),
        ("config.flag & seed == 1", r"'seed' \(character 15 of the query\)\. Did you mean 'config\.seed'"),
        ("config.seed.__class__ == 1", r"There is no column 'config\.seed\.__class__'"),
        ("config.name == cnn", r"There is no column 'cnn'.* Text goes in quotes: 'cnn'\."),
        ("config.lr == nan", r"A missing value is found with `== None`"),
        ("`config\n` == 1", r"There is no column 'config\\n'"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(text: str, message: str) -> None:
    with pytest.raises(UnknownColumnError, match=message):
        runs(FRAME, text)


def test_only_the_columns_that_are_named_matter() -> None:
    frame = pd.concat([FRAME, FRAME[["config.lr"]]], axis=1)
    assert runs(frame, "config.seed == 1") == [1]
    with pytest.raises(QueryError, match=r"2 columns are named 'config\.lr'"):
        runs(frame, "config.lr == 1")


@pytest.mark.parametrize(
    "name",
    ["config.class", "config.lambda", "config.2d", "config.in", "config.1", "config.größe", "2d", "_x", "x.is.None"],
)
def test_odd_names_that_need_no_backticks(name: str) -> None:
    assert runs(frame_of([{name: 1}, {name: 2}]), f"{name} == 2") == [2]


@pytest.mark.parametrize(
    "name", ["a-b", "a b", "a'b", 'a"b', "a`b", "a\nb", "a(b)", "1", "None", "in", "@x", "", "a.b.", "é"]
)
def test_odd_names_in_backticks(name: str) -> None:
    quoted = name.replace("`", "``")
    assert runs(frame_of([{name: 1, "b": 1}, {name: 2, "b": 1}]), f"`{quoted}` == 2 & b == 1") == [2]


def test_names_that_pandas_would_mix_up() -> None:
    frame = frame_of([{"a-b": 1, "a_MINUS_b": 2}, {"a-b": 2, "a_MINUS_b": 1}])
    assert runs(frame, "`a-b` == 1") == runs(frame, "a_MINUS_b == 2") == [1]


def test_levels_of_the_index_are_names_and_columns_win() -> None:
    frame = pd.DataFrame(
        {"fmean.loss": [0.3, 0.1]}, index=pd.MultiIndex.from_tuples([(1, 0.1), (2, 1.0)], names=["units", "config.lr"])
    )
    assert filter_rows(frame, "config.lr < 1 & units == 1 & fmean.loss > 0.2").tolist() == [True, False]
    assert filter_rows(frame.assign(units=[2, 1]), "units == 1").tolist() == [False, True]


def test_labels_that_are_no_text_are_no_names() -> None:
    columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    for frame in (pd.DataFrame([[1, 2]], columns=columns), pd.DataFrame([[1, 2]], columns=[1, 2.5])):
        with pytest.raises(UnknownColumnError, match="There is no column 'a'"):
            filter_rows(frame, "a == 1")


def test_names_are_looked_up_exactly() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a\x00", "a ", "A"])
    assert filter_rows(frame, "`a\x00` == 1 & `a ` == 2 & A == 3").tolist() == [True]
    with pytest.raises(UnknownColumnError, match="There is no column 'a'"):
        filter_rows(frame, "a == 1")


def test_frames_of_other_origin() -> None:
    parts = [pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), pd.DataFrame({"a": [2.5], "c": [True]})]
    frame = pd.concat(parts)  # labels twice, NaN where a part has no such column
    assert filter_rows(frame, "a > 1").tolist() == [False, True, True]
    assert filter_rows(frame, "b != 'x'", missing="keep").tolist() == [False, True, True]
    assert filter_rows(frame, "c | b == 'x'").tolist() == [True, False, True]
    assert filter_rows(frame.rename(columns={"a": "odd name"}), "`odd name` in [1, 2.5]").tolist() == [
        True,
        False,
        True,
    ]
    assert filter_rows(frame.set_index(["a", "b"]), "a == 2 & b == 'y'").tolist() == [False, True, False]
    assert filter_rows(frame.iloc[::-1], "a < 2").tolist() == [False, False, True]
    assert filter_rows(frame.groupby("b").agg(best=("a", "max")), "best > 1 & b == 'y'").tolist() == [False, True]
    wide = frame.pivot_table(index="a", columns="b", aggfunc="size")
    assert filter_rows(wide, "x == 1 | a == 2").tolist() == [True, True]


def test_arrays_that_cannot_be_written() -> None:
    columns = {"a": np.arange(4.0), "b": np.arange(4), "c": np.array(["x", "y", None, "x"], dtype=object)}
    for array in columns.values():
        array.flags.writeable = False
    frame = pd.DataFrame(columns, copy=False)
    text = "a < 3 & b != 0 & c == 'x' | a * 2 + b > 8 | c in ['y', None] & not b in [2]"
    assert filter_rows(frame, text).tolist() == [False, True, False, True]


def test_the_error_names_the_runs_of_odd_frames() -> None:
    frame = pd.DataFrame([[NAN, 7, 8]], columns=["a", "log_id", "log_id"])
    many = pd.DataFrame({"a": [NAN]}, index=pd.MultiIndex.from_tuples([(1, "x")]))
    for each, run in ((frame, "0"), (many, r"\(1, 'x'\)"), (frame.iloc[:, :2], "7")):
        with pytest.raises(QueryError, match=f"'a' has no value in run {run}\\."):
            filter_rows(each, "a == 1", missing="raise")


def test_zoned_moments() -> None:
    stamps = pd.DatetimeIndex(["2024-05-06 00:30", "2024-05-06 12:00", None], tz="Europe/Paris")
    frame = pd.DataFrame({"t": stamps})
    local = {"noon": datetime.datetime(2024, 5, 6, 10, tzinfo=datetime.UTC)}
    assert filter_rows(frame, "t == @noon", local_values=local).tolist() == [False, True, False]
    assert filter_rows(frame, "t < '2024-05-06T12:00+02:00'").tolist() == [True, False, False]
    assert filter_rows(frame, "t >= '2024-05-05T22:30:00Z' & t != @noon", local_values=local).tolist() == [
        True,
        False,
        False,
    ]
    assert filter_rows(frame, "t in [@noon] | t == None", local_values=local).tolist() == [False, True, True]
    assert filter_rows(frame, "t == '2024-05-06' | t < '2025'").tolist() == [False] * 3
    assert filter_rows(frame, "t < '0001-01-01T00:00Z' | t > '9999-12-31T00:00Z'").tolist() == [False] * 3
    assert filter_rows(frame.assign(u=frame["t"].dt.tz_convert("UTC")), "t == u").tolist() == [True, True, False]


def test_lazy_columns_are_not_searchable() -> None:
    cells = pd.array([NAN, NAN], dtype=MetricDtype("train.loss"))
    frame = pd.DataFrame({"config.seed": [1, 2], "train.loss": cells})
    assert filter_rows(frame, "config.seed == 1").tolist() == [True, False]
    with pytest.raises(QueryError, match=r"'train\.loss' is a column of metrics: its cells stand for files"):
        filter_rows(frame, "train.loss < 1")
    with pytest.raises(QueryError, match=r"one number of the curve, such as train\.loss\.last"):
        filter_rows(frame, "train.loss < 1", derived=lambda name: None)
    with pytest.raises(UnknownColumnError, match=r"Did you mean 'config\.seed'"):
        filter_rows(frame, "train.los == 1 | config.sed == 1".replace("train.los == 1 | ", ""))


def test_derived_names_are_asked_for_once_and_only_if_unknown() -> None:
    asked: list[str] = []

    def derived(name: str) -> pd.Series[Any] | None:
        asked.append(name)
        return pd.Series([0.1, NAN, 0.3, 0.4], index=FRAME.index) if name == "train.loss.last" else None

    text = "train.loss.last > 0.05 & (train.loss.last < 0.35 | config.seed == 4)"
    assert runs(FRAME, text, derived=derived) == [1, 3]
    assert asked == ["train.loss.last"]
    with pytest.raises(UnknownColumnError, match=r"'train\.loss\.worst'"):
        runs(FRAME, "train.loss.worst < 1", derived=derived)


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        (1, "config.seed == @v", [1]),
        (np.int64(1), "config.seed == @v", [1]),
        (np.float32(1), "config.seed == @v", [1]),
        (np.array(1), "config.seed == @v", [1]),
        (np.bool_(True), "config.flag == @v", [1, 4]),
        (np.str_("cnn"), "config.name == @v", [1, 3]),
        (None, "config.lr == @v", [4]),
        (NAN, "config.lr == @v", []),
        (pd.NA, "config.lr == @v", []),
        ([1, 4], "config.seed in @v", [1, 3]),
        ((1, 4), "config.seed in @v", [1, 3]),
        ({1, 4}, "config.seed in @v", [1, 3]),
        (frozenset([1, 4]), "config.seed in @v", [1, 3]),
        (np.array([1, 4]), "config.seed in @v", [1, 3]),
        ([np.int64(1), np.int64(4)], "config.seed in @v", [1, 3]),
        ({np.int64(1)}, "config.seed in @v", [1]),
        (pd.Index([1, 4]), "config.seed not in @v", [2, 4]),
        (pd.Series(["cnn"]), "config.name in @v", [1, 3]),
        (pd.array([1, None], dtype="Int64"), "config.seed in @v", [1]),
        (range(0), "config.seed in @v", None),
        ([64, 64], "config.mixed == @v", [4]),
        (np.array([64, 64]), "config.mixed == @v", [4]),
        (np.array([[64, 64]]), "config.mixed in @v", [4]),
        (pd.DataFrame(), "config.seed in @v", None),
        (print, "config.seed == @v", None),
    ],
)
def test_locals(value: object, text: str, expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(QueryError, match="@v holds a"):
            runs(FRAME, text, local_values={"v": value})
    else:
        assert runs(FRAME, text, local_values={"v": value}) == expected


DAY, NOON = datetime.date(2024, 5, 6), datetime.datetime(2024, 5, 6, 12)


@pytest.mark.parametrize(
    "days",
    [
        pd.Series(pd.to_datetime(["2024-05-05", "2024-05-06", None])),
        pd.Series(pd.to_datetime(["2024-05-05", "2024-05-06", None])).dt.as_unit("s"),
        pd.Series([datetime.date(2024, 5, 5), DAY, NAN], dtype=object),
        pd.Series([datetime.datetime(2024, 5, 5), DAY, pd.NaT], dtype=object),
    ],
)
def test_dates_compare_with_iso_text_and_dates(days: pd.Series[Any]) -> None:
    frame = pd.DataFrame({"info.start": days})
    options = {
        "local_values": {"day": DAY, "noon": NOON, "stamp": pd.Timestamp(DAY), "np": np.datetime64("2024-05-06", "ns")}
    }
    for value in ("'2024-05-06'", "'2024-05-06T00:00'", "@day", "@stamp", "@np"):
        assert filter_rows(frame, f"info.start == {value}", **options).tolist() == [False, True, False]
        assert filter_rows(frame, f"info.start != {value}", **options).tolist() == [True, False, False]
        assert filter_rows(frame, f"info.start < {value}", **options).tolist() == [True, False, False]
        assert filter_rows(frame, f"info.start in [{value}]", **options).tolist() == [False, True, False]
    assert filter_rows(frame, "'2024' <= info.start < @noon", **options).tolist() == [True, True, False]
    assert filter_rows(frame, "info.start > '2024-06'", **options).tolist() == [False, False, False]
    assert filter_rows(frame, "info.start == None", **options).tolist() == [False, False, True]
    for value in ("'soon'", "3", "[1]"):
        assert filter_rows(frame, f"info.start == {value} | info.start < {value}", **options).tolist() == [False] * 3
        assert filter_rows(frame, f"info.start != {value}", **options).tolist() == [True, True, False]


def test_dates_with_and_without_time_zone_have_no_order() -> None:
    frame = pd.DataFrame({"a": pd.to_datetime(["2024-05-06"]), "b": pd.to_datetime(["2024-05-06"]).tz_localize("UTC")})
    assert filter_rows(frame, "a < b | a == b | b < '2025'").tolist() == [False]
    assert filter_rows(frame, "a != b & b < '2025-01-01T00:00+00:00'").tolist() == [True]
    with pytest.raises(QueryError, match="`<` on 'a', 'b' in run 0"):
        filter_rows(frame, "a < b", missing="raise")


@pytest.mark.parametrize(
    "dtype", ["category", "string", "Float64", "float32", "int8", "uint64", "Sparse[float]", object, bool]
)
def test_every_dtype_of_pandas(dtype: Any) -> None:
    is_text = dtype in ("string",)
    frame = pd.DataFrame({"x": pd.Series(["0", "1"] if is_text else [0, 1], dtype=dtype)})
    value = "'1'" if is_text else "1"
    assert filter_rows(frame, f"x == {value} & x in [{value}]").tolist() == [False, True]
    assert filter_rows(frame, f"x != {value} & x < {value} & x not in [{value}]").tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["period[D]", "timedelta64[ns]", "complex128", "interval"])
def test_dtypes_that_the_language_has_no_literal_for(dtype: str) -> None:
    makers: dict[str, Callable[[], Any]] = {
        "period[D]": lambda: pd.period_range("2024-01-01", periods=2),
        "timedelta64[ns]": lambda: pd.to_timedelta([1, 2], unit="s"),
        "complex128": lambda: np.array([1j, 2j]),
        "interval": lambda: pd.interval_range(0, 2),
    }
    frame = pd.DataFrame({"x": makers[dtype]()})
    assert filter_rows(frame, "x == 'a' | x < 1 | x in [1, 'a'] | x + 1 == 'a'").tolist() == [False, False]
    assert filter_rows(frame, "x == x & x != 'a' & x != None").tolist() == [True, True]


class Hostile:
    """A cell whose comparison fails, as those of arrays and of users' classes may."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("compared")

    __hash__ = None  # type: ignore[assignment]
    __lt__ = __gt__ = __eq__


def test_any_cell_is_no_match_at_worst() -> None:
    cells = [
        np.arange(3),
        {},
        Hostile(),
        (1, [2]),
        [1, (2,)],
        RunDir("/logs", "1"),
        pd.NaT,
        pd.NA,
        NAN,
        None,
        (1, 2),
        1j,
    ]
    frame = pd.DataFrame({"x": pd.Series(cells, dtype=object), "y": range(len(cells))})
    assert filter_rows(frame, "x == 1 | x < 1 | x in [1, 'a', [3]] | x + 1 < 2 | x == 'a' | x > 'a'").sum() == 0
    assert np.flatnonzero(filter_rows(frame, "x == [1, [2]] | x == [0, 1, 2]")).tolist() == [0, 3, 4]
    assert np.flatnonzero(filter_rows(frame, "x in [(1, (2,)), [0, 1, 2]]")).tolist() == [0, 3, 4]
    assert np.flatnonzero(filter_rows(frame, "x == None")).tolist() == [6, 7, 8, 9]
    with pytest.raises(QueryError, match="not a column of booleans"):
        filter_rows(frame, "x")


def test_constants_are_calculated_beside_mixed_cells() -> None:
    cells = pd.Series(np.fromiter([(), (0,), 0, "0", None, {}], dtype=object, count=6), dtype=object)
    frame = pd.DataFrame({"x": cells})
    assert filter_rows(frame, "(0 + 0) != x != 0").tolist() == [True, True, False, True, True, True]
    assert filter_rows(frame, "x == 1 - 1").tolist() == [False, False, True, False, False, False]
    assert filter_rows(frame, "x < 2 * 1 | 2 ** 2 >= x").tolist() == [False, False, True, False, False, False]


def test_a_column_of_booleans_may_hold_none() -> None:
    frame = pd.DataFrame({"x": pd.Series([True, False, None, NAN], dtype=object)})
    assert filter_rows(frame, "x").tolist() == [True, False, False, False]
    assert filter_rows(frame, "~x").tolist() == [False, True, True, True]


def test_frames_without_rows_or_columns() -> None:
    assert (
        filter_rows(
            FRAME.iloc[:0], "config.seed % 2 == 1 & config.flag & config.mixed < 3 | config.name in ['a']"
        ).tolist()
        == []
    )
    assert filter_rows(FRAME.iloc[:0].astype(object), "config.flag & config.seed * 2 < 3").tolist() == []
    assert filter_rows(pd.DataFrame(index=[1, 2]), "").tolist() == [True, True]
    with pytest.raises(UnknownColumnError, match=r"no column 'x'.* There is none"):
        filter_rows(pd.DataFrame(index=[1, 2]), "x == 1")


def test_the_frame_is_left_alone() -> None:
    before = FRAME.copy(deep=True)
    runs(FRAME, "config.seed + 1 < 3 | config.mixed in [1] | ~ config.flag | config.name != 'a' | config.lr == None")
    pd.testing.assert_frame_equal(FRAME, before)


class Spy:
    """Remembers which texts pandas was asked, and by which engine, and what numexpr was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.calculated: list[str] = []
        for name in ("query", "eval"):
            monkeypatch.setattr(pd.DataFrame, name, self.spied(name, getattr(pd.DataFrame, name)))
        evaluate = numexpr.evaluate
        monkeypatch.setattr(
            numexpr, "evaluate", lambda text, **rest: self.calculated.append(text) or evaluate(text, **rest)
        )

    def spied(self, name: str, method: Any) -> Any:
        def asked(frame: pd.DataFrame, text: str, **options: Any) -> Any:
            if "engine" in options:  # `query` of pandas calls `eval`
                self.asked.append((name, text, options["engine"]))
            return method(frame, text, **options)

        return asked

    def engines(self, name: str) -> list[str]:
        return [engine for asked, _, engine in self.asked if asked == name]


LARGE = pd.DataFrame(
    {"a": np.arange(200_000.0), "b": np.arange(200_000), "c": ["x", "y"] * 100_000, "n": pd.array([1, None] * 100_000)}
)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a * 2 + b / 2 < 10 & a + b > 1", 3),
        ("a * 2 + b / 2 - n < 10", 3),
        ("a + 1 > b & (b ** 2 - a < 1 | a / 2 > 10)", 199_981),
        ("a - a + 1.5e-9 < 1e-8", 200_000),
        ("-a + 3 > b", 2),
        ("not a + a >= b * 2 - b % 1", None),
    ],
)
def test_numexpr_calculates_on_many_rows(text: str, count: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    found = filter_rows(LARGE, text)
    if count is None:  # `%` is not numexpr's
        assert spy.calculated == []
        return
    assert found.sum() == count
    assert spy.engines("query") == ["numexpr"]
    assert len(spy.calculated) == 1


def test_what_is_beside_arithmetic_on_many_rows_is_no_matter_for_numexpr(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    assert filter_rows(LARGE, "a * 2 + b / 2 < 10 & c == 'x' & a % 2 == 0").sum() == 2
    assert set(spy.engines("query")) == {"python"}
    assert "numexpr" in spy.engines("eval")
    assert len(spy.calculated) == 1
    for missing, count in (("drop", 99_998), ("keep", 199_998)):
        assert filter_rows(LARGE, "n * 2 + a != 4 & a + b != 0", missing=missing).sum() == count
    assert len(spy.calculated) == 5


@pytest.mark.parametrize("text", ["a < 10 & b > 1", "b in [1, 2] | c == 'x'", "n == 1", "a % 2 == 1", "a // 2 + b < 3"])
def test_plain_comparisons_are_not_for_numexpr(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    filter_rows(LARGE, text)
    assert spy.calculated == []
    assert spy.engines("query") == ["python"]


def test_small_frames_are_not_for_numexpr(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    assert runs(FRAME, "config.seed + 1 == 3 & config.lr < 10") == [2]
    assert spy.calculated == []
    assert len(spy.engines("query")) == 1


def test_a_version_of_numexpr_that_pandas_refuses_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    query = pd.DataFrame.query

    def refusing(frame: pd.DataFrame, text: str, **options: Any) -> Any:
        if options["engine"] == "numexpr":
            raise ImportError("'numexpr' is not installed or an unsupported version.")
        return query(frame, text, **options)

    monkeypatch.setattr(pd.DataFrame, "query", refusing)
    assert filter_rows(LARGE, "a * 2 + b / 2 < 10").sum() == 4


def test_threads_do_not_mix_up_their_queries() -> None:
    def ask(number: int) -> list[int]:
        found = [filter_rows(LARGE, f"a * 1 + {number} < {number + size} & b < {size}").sum() for size in (5, 50, 500)]
        return list(map(int, found))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(64))) == [[5, 50, 500]] * 64


def test_large_frames_mean_what_small_ones_do() -> None:
    small = FRAME.assign(**{"config.count": [1, 2, 3, 4]})
    large = pd.concat([small] * 50_000, ignore_index=True)
    for text in (
        "config.lr ** 0 == 1",
        "config.lr * 2 != 2",
        "not config.lr + 1 < 3",
        "config.count * config.lr < 3 | config.flag",
        "config.count // 2 == 1",
        "-config.count % 3 == 1",
        "config.mixed + 1 == 4",
        "config.count ** 2 in [4, 9]",
        "+".join(["config.count"] * 100) + " > 200",
        "config.count * 2 > config.lr + 1 & config.name == 'cnn'",
        "config.flag + 1 == 2",
        "1 / (config.count - 1) > 5",
        "config.count + 1 == 'a' | config.count * 1.5 == config.name",
    ):
        for sense in ("drop", "keep"):
            expected = filter_rows(small, text, missing=sense)
            assert (filter_rows(large, text, missing=sense) == np.tile(expected, 50_000)).all(), (text, sense)


def test_long_chains_and_deep_nesting_are_answered() -> None:
    for count in (500, 5000):
        assert runs(FRAME, " | ".join(f"config.seed == {i}" for i in range(count))) == [1, 2, 3]
        assert runs(FRAME, " | ".join(f"config.seed == {i} & config.lr < {i}" for i in range(count))) == [1, 2]
        assert runs(FRAME, " and ".join(f"config.mixed != {i}" for i in range(4, count))) == [1, 2, 3, 4]
    assert runs(FRAME, "+".join(["config.seed"] * 2000) + " == 4000") == [2]
    assert runs(FRAME, "-".join(["config.seed"] * 2000) + " * 1 == -3996 & config.seed < 4") == [2]
    assert runs(FRAME, "(" * 100 + "config.seed == 1" + ")" * 100) == [1]
    assert runs(FRAME, "~(config.seed == 7 | " * 100 + "config.seed == 1" + ")" * 100) == [1]
    assert runs(FRAME, "not " * 101 + "config.seed == 1") == [2, 3, 4]


@pytest.mark.parametrize(
    "text", ["~" * 50_000 + "a", "-" * 5000 + "a == 1", "a == 1" + "+1" * 50_000, "+".join(["a"] * 5000) + "< 1"]
)
def test_deeper_queries_are_refused(text: str) -> None:
    with pytest.raises(QueryError, match="The query is too deep"):
        filter_rows(pd.DataFrame({"a": [1]}), text)
