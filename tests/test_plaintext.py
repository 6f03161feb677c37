# SPDX-License-Identifier: MIT
"""Texts that would act where they are shown: the same texts, shown as escapes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import mlxp_pandas
from mlxp_pandas.disk import tree
from mlxp_pandas.plaintext import ShownText, acts, harmless, printable, shown
from mlxp_pandas.testing import make_runs

RED = "\x1b[31mred\x1b[0m"


@given(st.text())
def test_a_shown_text_is_the_text(text: str) -> None:
    value = shown(text)
    assert value == text
    assert hash(value) == hash(text)
    assert pickle.loads(pickle.dumps(value)) == text
    assert isinstance(value, ShownText) == acts(text)
    assert str(value) == harmless(text)
    assert not acts(str(value))
    assert printable(text).isprintable()


def test_what_holds_texts_keeps_its_type() -> None:
    plain = ["a", ("b", {"c": {"d"}}), 1.5, None]
    assert shown(plain) is plain
    odd = [RED, (1, {RED: frozenset({RED})})]
    assert shown(odd) == odd
    assert str(shown(odd)[0]) == "\\x1b[31mred\\x1b[0m"
    assert isinstance(next(iter(shown(odd)[1][1])), ShownText)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    logs = make_runs(tmp_path / "logs", 2, n_steps=2)
    config = {"seed": 1, "name": RED, "tags": [RED, "x"], "text": "two\nlines", "math": "$\\alpha$"}
    (logs / "2/metadata/config.yaml").write_text(yaml.safe_dump(config))
    with open(logs / "2/metrics/train.json", "a") as stream:
        stream.write(json.dumps({"loss": RED}) + "\n")
    return logs


@pytest.mark.filterwarnings("error")
def test_values_are_as_written_and_frames_show_escapes(logs: Path) -> None:
    red = RED  # noqa: F841
    for _ in range(2):  # without an index, then from it
        runs = mlxp_pandas.read_runs(logs)
        loaded = runs.mlxp.load()
        assert runs.at[2, "config.name"] == RED
        assert runs.at[2, "config.tags"] == (RED, "x")
        assert loaded.at[2, "train.loss"].tolist()[-1] == RED
        assert runs["train.loss"].mlxp.last()[2] == RED
        with pd.option_context("display.width", 10_000, "display.max_columns", None):
            for frame in (runs, loaded, runs.mlxp.long("train"), runs[["config.name"]], runs.iloc[1:]):
                for text in (repr(frame), frame.to_string(), frame._repr_html_()):
                    assert "\x1b" not in text
        assert "\\x1b[31mred" in repr(runs["config.name"])
    assert runs.mlxp.filter("config.name == @red").index.tolist() == [2]
    assert runs.mlxp.fields.loc["config.name"].item() == "<class 'str'>"


def test_mathjax_leaves_frames_alone(logs: Path) -> None:
    assert "jax_ignore" in mlxp_pandas.read_runs(logs)._repr_html_()


def test_a_key_that_acts_is_named_and_escaped(logs: Path) -> None:
    (logs / "1/metadata/config.yaml").write_text(yaml.safe_dump({"seed": 1, RED: 2}))
    with pytest.warns(mlxp_pandas.ProblemsWarning, match=r"1 problem\(s\).*\n.*config.yaml, line 1: odd key"):
        runs = mlxp_pandas.read_runs(logs)
    assert runs.at[1, "config.\\x1b[31mred\\x1b[0m"] == 2


def test_a_limit_can_be_raised(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (logs / "2/metadata/config.yaml").write_text("".join(f"k{n}: {n}\n" for n in range(30)))
    monkeypatch.setattr(tree, "MAX_KEYS", 20)
    with pytest.warns(mlxp_pandas.ProblemsWarning, match="too many keys: more than 20 keys"):
        mlxp_pandas.read_runs(logs)
    monkeypatch.setattr(tree, "MAX_KEYS", 40)
    assert mlxp_pandas.read_runs(logs, refresh=True).at[2, "config.k29"] == 29
