# SPDX-License-Identifier: MIT
"""Tables: the numbers, what is bold, and four ways to show them."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlxp_pandas.errors import InvalidOptionError, UnknownColumnError
from mlxp_pandas.stats.tables import figure, key_text, latex_figure, latex_text, markdown_text

NAN, INF = np.nan, np.inf
LR, UNITS, SEED = "config.lr", "config.num_units", "config.seed"


@pytest.fixture(scope="module")
def runs():
    rows = [(2, 0.1, 1, 0.30), (2, 0.1, 2, 0.40), (2, 0.1, 3, 0.35), (2, 1.0, 1, 0.90), (2, 1.0, 2, NAN)]
    rows += [(10, 0.1, 1, 0.5), (10, 0.1, 2, 0.7), (10, 1.0, 1, INF)]
    return pd.DataFrame(rows, columns=[UNITS, LR, SEED, "loss"])


def test_numbers(runs):
    table = runs.mlxp.table(UNITS, LR, "loss").frame
    assert table.index.names == [UNITS, LR]
    assert list(table.columns) == ["mean", "std", "n", "n_skipped"]
    np.testing.assert_allclose(table["mean"], [0.35, 0.9, 0.6, NAN])
    np.testing.assert_allclose(table["std"], [0.05, NAN, 0.02**0.5, NAN])
    assert table["n"].tolist() == [3, 1, 2, 0]
    assert table["n_skipped"].tolist() == [0, 1, 0, 1]
    assert table["mean"].unstack().shape == (2, 2)


def test_spreads(runs):
    sem = runs.mlxp.table(UNITS, LR, "loss", spread="sem").frame["sem"]
    np.testing.assert_allclose(sem, [0.05 / 3**0.5, NAN, 0.1, NAN])
    half = runs.mlxp.table(UNITS, LR, "loss", spread="ci", level=0.9).frame["ci"]
    np.testing.assert_allclose(half.iloc[0], stats.t.ppf(0.95, 2) * 0.05 / 3**0.5)


def test_text(runs):
    lines = repr(runs.mlxp.table(UNITS, LR, "loss")).splitlines()
    assert [re.split(r"  +", line) for line in lines[:3]] == [
        ["config.num_units", "config.lr = 0.1", "config.lr = 1"],
        ["2", "0.350 ± 0.050 (3) *", "0.900 (1) *"],
        ["10", "0.60 ± 0.14 (2)", "NaN (0)"],
    ]
    assert lines[3:] == [
        "loss: mean ± std (number of runs)",
        "* best of its column, or its interval holds the best mean",
        "2 of 8 runs left out: no finite value",
    ]
    assert len({line.index("0.") for line in lines[1:3]}) == 1


def test_bold_are_the_best_and_those_whose_interval_holds_it():
    frame = pd.DataFrame({LR: [1, 1, 2, 2, 3, 3], "acc": [0.5, 0.7, 0.65, 0.75, 0.1, 0.2]})
    bold = [line.endswith("*") for line in repr(frame.mlxp.table(LR, value="acc", bold="max")).splitlines()[1:4]]
    # 0.6 ± 0.14 reaches the best mean, 0.7; 0.15 ± 0.07 does not.
    assert bold == [True, True, False]
    bold = [line.endswith("*") for line in repr(frame.mlxp.table(LR, value="acc")).splitlines()[1:4]]
    assert bold == [False, False, True]
    assert "*" not in repr(frame.mlxp.table(LR, value="acc", bold=None))


def test_what_else_varies_is_told(runs):
    assert repr(runs.mlxp.table(UNITS, value="loss")).endswith(
        "cells also average over config.lr\n2 of 8 runs left out: no finite value"
    )
    assert "average" not in repr(runs.mlxp.table(UNITS, value="loss", over=[SEED, LR]))
    assert "average" not in repr(runs.mlxp.table(UNITS, LR, value="loss"))


def test_missing_combinations_are_empty(runs):
    some = runs[~((runs[UNITS] == 10) & (runs[LR] == 1.0))]
    assert repr(some.mlxp.table(UNITS, LR, "loss")).splitlines()[2].endswith("-")


def test_latex(runs):
    assert runs.mlxp.table(UNITS, LR, "loss").to_latex().splitlines() == [
        "% 2 of 8 runs left out: no finite value",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r" & \multicolumn{2}{c}{config.lr} \\",
        r"\cmidrule(lr){2-3}",
        r"config.num\_units & 0.1 & 1 \\",
        r"\midrule",
        r"2 & $\mathbf{0.350 \pm 0.050}$ (3) & $\mathbf{0.900}$ (1) \\",
        r"10 & $0.60 \pm 0.14$ (2) & $\mathrm{NaN}$ (0) \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_markdown(runs):
    assert runs.mlxp.table(UNITS, LR, "loss").to_markdown().splitlines() == [
        r"| config.num\_units | config.lr = 0.1 | config.lr = 1 |",
        "| :-- | --: | --: |",
        "| 2 | **0.350 ± 0.050 (3)** | **0.900 (1)** |",
        "| 10 | 0.60 ± 0.14 (2) | NaN (0) |",
        "",
        "2 of 8 runs left out: no finite value",
    ]


def test_html(runs):
    text = runs.mlxp.table(UNITS, LR, "loss")._repr_html_()
    assert text.count("<tr>") == 3
    assert "<td><b>0.350 ± 0.050 (3)</b></td>" in text
    assert "mathjax_ignore" in text


@pytest.mark.parametrize("name", ["<script>x</script>", "$x$ & y_1 %", "a|b\n\x1b[31m", "\\input{x}", "{~^#}"])
def test_names_do_not_act(name):
    frame = pd.DataFrame({name: [name, name], "loss": [1.0, 2.0]})
    table = frame.mlxp.table(name, value="loss")
    assert "<script>" not in table._repr_html_()
    assert "\x1b" not in repr(table) + table._repr_html_() + table.to_markdown() + table.to_latex()
    assert table.to_latex().count("\n") == 6
    assert table.to_markdown().count("\n") == 2
    body = table.to_latex().splitlines()[4]
    assert not re.search(r"(?<!\\)[&%#_]", body.replace(" & $", "", 1).replace(r" \\", ""))


def test_latex_letters():
    assert latex_text(r"a_b & 50% {x} #1 $y$ ~^\<|>") == (
        r"a\_b \& 50\% \{x\} \#1 \$y\$ \textasciitilde{}\textasciicircum{}"
        r"\textbackslash{}\textless{}\textbar{}\textgreater{}"
    )
    assert markdown_text("a|b*c") == r"a\|b\*c"


@pytest.mark.parametrize(
    ("mean", "spread", "digits", "text", "latex"),
    [
        (0.31234, 0.0213, None, "0.312 ± 0.021", r"$0.312 \pm 0.021$"),
        (0.31234, 0.0996, None, "0.31 ± 0.10", r"$0.31 \pm 0.10$"),
        (123456.7, 2345.6, None, "123457 ± 2346", r"$123457 \pm 2346$"),
        (-3.0, 0.0, None, "-3.00 ± 0.00", r"$-3.00 \pm 0.00$"),
        (0.0, 0.0, None, "0.00 ± 0.00", r"$0.00 \pm 0.00$"),
        (0.5, NAN, None, "0.500", "$0.500$"),
        (NAN, NAN, None, "NaN", r"$\mathrm{NaN}$"),
        (1.234e-9, 2.1e-10, None, "(1.23 ± 0.21)e-9", r"$(1.23 \pm 0.21) \times 10^{-9}$"),
        (1.234e12, NAN, None, "1.23e12", r"$1.23 \times 10^{12}$"),
        (1.0, 2e-9, None, "1.0000000000 ± 0.0000000020", r"$1.0000000000 \pm 0.0000000020$"),
        (0.31234, 0.0213, 1, "0.3 ± 0.0", r"$0.3 \pm 0.0$"),
    ],
)
def test_figures(mean, spread, digits, text, latex):
    assert figure(mean, spread, digits) == text
    assert latex_figure(mean, spread, digits) == latex


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e3))
def test_figures_are_right_to_two_digits_of_the_spread(mean, spread):
    shown, width = map(float, figure(mean, spread).split(" ± "))
    assert shown == pytest.approx(mean, abs=0.051 * spread + 0.5 * (spread >= 10))
    assert width == pytest.approx(spread, rel=0.051)


def test_keys_as_text():
    assert [key_text(value) for value in (1, 1.0, 0.1, True, None, NAN, "a", (1, 2))] == [
        *("1", "1", "0.1", "True", "None", "NaN", "a", "(1, 2)"),
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"value": "los"}, UnknownColumnError, "Did you mean 'loss'"),
        ({"rows": "config.units"}, UnknownColumnError, "Did you mean 'config.num_units'"),
        ({"spread": "var"}, InvalidOptionError, "spread='var'"),
        ({"bold": "best"}, InvalidOptionError, "bold='best'"),
        ({"digits": -1}, InvalidOptionError, "digits=-1"),
        ({"colour": "red"}, InvalidOptionError, "no option 'colour'"),
        ({"level": 95, "spread": "ci"}, InvalidOptionError, "level=95"),
    ],
)
def test_wrong_arguments(runs, options, error, message):
    with pytest.raises(error, match=message):
        runs.mlxp.table(**{"rows": UNITS, "value": "loss"} | options)


def test_arguments_have_places(runs):
    by_place = runs.mlxp.table("config.lr", None, "loss", "config.seed", "sem", None, 2)
    by_name = runs.mlxp.table(rows="config.lr", value="loss", spread="sem", bold=None, digits=2)
    assert repr(by_place) == repr(by_name)


def test_repetitions_that_the_frame_does_not_have(runs):
    with pytest.raises(UnknownColumnError, match=r"no column 'config\.sed'. Did you mean 'config\.seed'"):
        runs.mlxp.table("config.lr", value="loss", over="config.sed")
    frame = pd.DataFrame({"lr": [0.1, 1.0], "loss": [1.0, 2.0]})
    assert len(frame.mlxp.table("lr", value="loss").frame) == 2


def test_no_runs(runs):
    table = runs.iloc[:0].mlxp.table(UNITS, LR, "loss")
    assert table.frame.shape == (0, 4)
    for text in (repr(table), table._repr_html_(), table.to_latex(), table.to_markdown()):
        assert "config.num" in text
