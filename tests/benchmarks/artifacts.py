# SPDX-License-Identifier: MIT
"""Plain pickles beside `pickle.loads`, which runs what they say."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlxp_pandas.artifacts.unpickle import plain

from .measure import Lab, Reach, Row, benchmark


@benchmark
def plain_numbers(lab: Lab) -> Iterator[Row]:
    for kind, values in _numbers(lab.scaled(1_000_000)).items():
        for protocol in (0, 2, 5) if kind == "integers from 0 on" else (0, pickle.DEFAULT_PROTOCOL):
            yield _row(lab, f"pickle of {len(values):,} {kind}, protocol {protocol}", values, protocol, Reach(15))


@benchmark
def checkpoints(lab: Lab) -> Iterator[Row]:
    for kind, value in _checkpoints(lab.scaled(50_000_000)).items():
        for protocol in (2, 5):
            reach = Reach(1.5)
            yield _row(lab, f"checkpoint of {lab.scaled(50)} MB, {kind}, protocol {protocol}", value, protocol, reach)


def _row(lab: Lab, work: str, value: object, protocol: int, reach: Reach) -> Row:
    data = pickle.dumps(value, protocol)
    return lab.compare(lambda: plain(data), lambda: pickle.loads(data)).row(work, "pickle.loads", reach)


def _numbers(n: int) -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    small, large = rng.integers(0, 256, n).tolist(), rng.integers(-(2**62), 2**62, n).tolist()
    middle, floats = rng.integers(-(10**5), 10**5, n).tolist(), rng.normal(size=n).tolist()
    return {
        "integers from 0 on": list(range(n)),
        "small integers": small,
        "integers of 5 digits": middle,
        "integers of 19 digits": large,
        "floats": floats,
        "mixed numbers": [value for group in zip(small, middle, large, floats, strict=True) for value in group][:n],
    }


def _checkpoints(n_bytes: int) -> dict[str, object]:
    rng = np.random.default_rng(0)
    large = [rng.normal(size=(50, n_bytes // 4000)) for _ in range(10)]
    names = [f"{block}.{part}.{kind}" for block in range(100) for part in "abc" for kind in ("weight", "bias")]
    layers = {name: rng.normal(size=(100, n_bytes // 4 // 100 // len(names))).astype("f4") for name in names}
    state = {name: {"step": 3, "exp_avg": array, "betas": (0.9, 0.999)} for name, array in layers.items()}
    orders = [np.asarray(array, order=order) for array in layers.values() for order in "CF"][:600]
    return {
        "ten arrays": {f"w{number}": array for number, array in enumerate(large)},
        "a state of 600 layers": {"model": layers, "epoch": 3, "lr": 0.1},
        "an optimizer's state": {"state": state, "param_groups": [{"lr": 0.1, "params": names}]},
        "lists of arrays in both orders": [orders[start : start + 60] for start in range(0, 600, 60)],
    }
