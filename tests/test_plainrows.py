# SPDX-License-Identifier: MIT
"""Lines side by side: the floats of `float`, and no answer where a line is not what it seems."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas import plainrows
from mlxp_pandas.plainrows import plain_rows

digits = st.text("0123456789", min_size=1, max_size=20)
exponents = st.sampled_from(["", "", "", "e5", "E-7"])
numerals = st.tuples(st.sampled_from(["", "-"]), digits, st.just("") | digits.map(".{}".format), exponents).map("".join)


def bits(curve: Any) -> list[int]:
    return np.asarray(curve, dtype=np.float64).view(np.int64).tolist()


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plainrows, "_BLOCK", 100)
        yield


@given(st.lists(numerals, min_size=1, max_size=40))
def test_an_answer_has_the_numbers_of_json(texts: list[str]) -> None:
    plain = plain_rows("".join(f'{{"a": {text}, "b": 7}}\n' for text in texts).encode(), ["a", "b"])
    if plain is not None:
        values = [json.loads(text) for text in texts]
        n_rows, curves = plain
        assert n_rows == len(texts)
        assert curves["b"].tolist() == [7] * n_rows
        assert bits(curves["a"]) == bits(values) if curves["a"].dtype == np.float64 else curves["a"].tolist() == values


@pytest.mark.parametrize("seed", range(5))
def test_floats_are_correctly_rounded(seed: int) -> None:
    draw = random.Random(seed)
    # Halfway between two floats, and one unit beside: the hardest to round.
    texts = [repr(draw.uniform(0.1, 1)) for _ in range(2000)]
    texts += [f"{(value + math.nextafter(value, 2)) / 2:.17f}" for value in map(float, texts)]
    texts += [f"{draw.randint(2**53, 2**56)}.{half}" for half in (0, 5) for _ in range(500)]
    texts += [f"{draw.uniform(-1e6, 1e6):.{draw.randint(1, 11)}f}" for _ in range(2000)]
    for part in (texts[:2000], texts[2000:4000], texts[4000:5000], texts[5000:]):
        data = "".join(f'{{"a": {text}, "step": {step}}}\n' for step, text in enumerate(part)).encode()
        plain = plain_rows(data, ["a"])
        assert plain is not None
        assert bits(plain[1]["a"]) == bits([float(text) for text in part])


def test_a_few_lines_may_be_odd() -> None:
    values = [0.5] * 100
    values[3], values[50], values[99] = 1e-05, math.nan, -math.inf
    data = "".join(json.dumps({"a": value, "b": step}) + "\n" for step, value in enumerate(values)).encode()
    plain = plain_rows(data, ["a", "b"])
    assert plain is not None
    assert bits(plain[1]["a"]) == bits(values)
    assert plain[1]["b"].tolist() == list(range(100))


def test_integers_among_floats_are_no_answer_where_they_must_stay_integers() -> None:
    data = b'{"a": 0.5}\n' * 20 + b'{"a": 1}\n' + b'{"a": 0.5}\n' * 20
    plain = plain_rows(data, ["a"])
    assert plain is not None
    assert plain[1]["a"].tolist() == [0.5] * 20 + [1.0] + [0.5] * 20
    assert plain_rows(data, ["a"], as_written=True) is None


LINES = [
    '{"a": 0.5, "b": 1',
    '{"a": 0.5, "b": 1}}',
    '{"a": 0.5, "b": 1} ',
    '{"a": 0.5,"b": 1}',
    '{"b": 0.5, "a": 1}',
    '{"a": 0.5, "c": 1}',
    '{"a": 0.5}',
    '{"a": 0.5, "b": 1, "c": 2}',
    '{"a": 0.5, "b": 1, "b": 2}',
    '{"a": 0.5, "b": "x"}',
    '{"a": 0.5, "b": [1]}',
    '{"a": 00.5, "b": 1}',
    '{"a": 0.5, "b": 01}',
    '{"a": 0., "b": 1}',
    '{"a": .5, "b": 1}',
    '{"a": --0.5, "b": 1}',
    '{"a": 0.5.5, "b": 1}',
    '{"a": 0.5e, "b": 1}',
    '{"a": 0.5, "b": -}',
    '{"a": 0.5, "b": }',
    '{"a": 0.5, "b": 1}{"a": 0.5, "b": 1}',
    '{"a":\n0.5, "b": 1}',
    "",
    "\n",
    "\0",
    "é",
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("place", [0, 1, 30, 60])
def test_a_line_that_is_damaged_or_different_is_not_overlooked(line: str, place: int) -> None:
    lines = ['{"a": 0.5, "b": 1}'] * 60
    lines.insert(place, line)
    for wanted in (["a"], ["b"], [], ["other"]):
        plain = plain_rows("".join(line + "\n" for line in lines).encode(), wanted)
        if plain is not None:
            rows = [json.loads(line) for line in lines]
            assert plain[0] == 61
            assert list(plain[1]) == [key for key in wanted if key in "ab"]
            assert all(curve.tolist() == [row[key] for row in rows] for key, curve in plain[1].items())


@given(st.data())
def test_changed_bytes_are_never_overlooked(data: st.DataObject) -> None:
    text = bytearray(b"".join(b'{"a": %d.25, "b": %d}\n' % (step, step) for step in range(12)))
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.sampled_from(b'\n0159.-eE,:"{} ab\xff\0'))
    plain = plain_rows(bytes(text), ["a", "b"]) if text.endswith(b"\n") else None
    if plain is not None:
        rows = [json.loads(line) for line in bytes(text).split(b"\n")[:-1]]
        assert plain[0] == len(rows)
        assert all(bits(curve) == bits([row[key] for row in rows]) for key, curve in plain[1].items())
