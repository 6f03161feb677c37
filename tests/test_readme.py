# SPDX-License-Identifier: MIT
"""What README.md shows is true: the tour as it stands, and every cell of the table from MLXP to pandas."""

from __future__ import annotations

import doctest
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlxp_pandas
from mlxp_pandas.testing import make_runs

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"`((?:[^`]|`[a-z.]+`)+)`")


def after(mark: str) -> str:
    """The block of README.md below a mark."""
    return re.split(r"\n(?:```\n|\n(?=[^|]))", README.split(f"<!-- {mark}")[1].split("-->\n", 1)[1], maxsplit=1)[0]


def rows() -> list[list[str]]:
    """The code of the table's cells, a row a method of MLXP."""
    lines = [line.strip().strip("|") for line in after("table:").splitlines()[2:] if line.startswith("|")]
    return [[CODE.findall(cell.strip())[0] for cell in re.split(r" \| ", line)] for line in lines]


def test_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tour = doctest.DocTestParser().get_doctest(
        README.split("```pycon")[1].split("```")[0], {}, "README.md", "README.md", 0
    )
    flags = doctest.NORMALIZE_WHITESPACE | doctest.IGNORE_EXCEPTION_DETAIL
    said: list[str] = []
    with pd.option_context("display.width", 200, "display.max_columns", 20):
        doctest.DocTestRunner(optionflags=flags).run(tour, out=said.append)
    assert "".join(said) == ""
    assert len(tour.examples) > 15


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    logs = make_runs(tmp_path_factory.mktemp("readme"), 18)
    runs = mlxp_pandas.read_runs(logs)
    units, rate, seed = "config.model.num_units", "config.optimizer.lr", "config.seed"
    ends = runs[[units, rate, seed]].assign(loss=[curve[-1] for curve in runs.mlxp.load("train.loss")["train.loss"]])
    return {
        "np": np, "pd": pd, "mlxp_pandas": mlxp_pandas, "logs": logs, "runs": runs, "reader": mlxp_pandas.Reader(logs),
        "units": units, "rate": rate, "seed": seed, "ends": ends, "groups": runs.mlxp.groupby([units, rate]),
        "mean": mean, "argmin": argmin,
    }  # fmt: skip


def mean(curves: list[Any]) -> Any:
    return np.mean(curves, axis=0)


def argmin(curves: list[Any]) -> Any:
    ends = np.array(curves)[:, -1]
    return ends == ends.min()


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_cell_of_the_table_runs(row: list[str], names: dict[str, Any]) -> None:
    for code in row[1:]:
        assert eval(code, dict(names)) is not None, code


def public(kind: type) -> list[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


def test_the_table_has_a_row_for_every_public_method_of_mlxp() -> None:
    mlxp = pytest.importorskip("mlxp")
    from mlxp.data_structures.dataframe import GroupedDataFrame

    shown = " ".join(row[0] for row in rows())
    for kind in (mlxp.Reader, mlxp.DataFrame, GroupedDataFrame):
        for name in public(kind):
            assert f"{kind.__name__}.{name}" in shown, name


@pytest.mark.parametrize(
    ("left", "same", "right"),
    [
        (
            "runs.mlxp.diff()",
            list.__eq__,
            '[name for name in runs.filter(like="config.") if runs[name].nunique(dropna=False) > 1]',
        ),
        ("reader.filter('config.seed == 1')", pd.DataFrame.equals, "runs[runs[seed] == 1]"),
        (
            "groups.select([(2, 10.0)]).ungroup()",
            pd.DataFrame.equals,
            "runs[(runs[units] == 2) & (runs[rate] == 10.0)]",
        ),
    ],
)
def test_both_ways_give_the_same(
    left: str, same: Callable[[Any, Any], bool], right: str, names: dict[str, Any]
) -> None:
    assert same(eval(left, dict(names)), eval(right, dict(names)))
