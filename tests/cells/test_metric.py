# SPDX-License-Identifier: MIT
"""Metrics: one curve from its cell, whole columns in bulk."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.cells import Metric, MetricArray, load_columns
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import MetricError, ProblemsWarning
from mlxp_pandas.testing import make_runs


def logged(logs: Path, log_id: int, log: str = "train", key: str = "loss") -> list[float]:
    """What the file says, read in the plainest way."""
    lines = (logs / str(log_id) / "metrics" / f"{log}.json").read_text().splitlines()
    return [json.loads(line)[key] for line in lines]


def column(logs: Path, *log_ids: int | None, name: str = "train.loss") -> MetricArray:
    return MetricArray._from_runs([None if n is None else RunDir(str(logs), str(n)) for n in log_ids], name)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return make_runs(tmp_path / "logs", 4, n_steps=5)


def test_a_cell_reads_its_curve(logs: Path) -> None:
    metric = column(logs, 2)[0]
    assert metric.load().tolist() == metric[:].tolist() == list(metric) == logged(logs, 2)
    assert metric.load().dtype == np.float64
    assert metric[-1] == logged(logs, 2)[-1]
    assert metric[1:3].tolist() == logged(logs, 2)[1:3]
    assert (max(metric), min(metric), sum(metric)) == (max(logged(logs, 2)), min(logged(logs, 2)), sum(logged(logs, 2)))
    with pytest.raises(IndexError, match="5"):
        metric[5]


def test_a_real_sweep(sweep: Path) -> None:
    """What MLXP itself wrote."""
    curves = load_columns({"": pd.Series(column(sweep, *range(1, 19), name="test.loss"))})[""]
    assert [curve.tolist() for curve in curves] == [logged(sweep, log_id, "test") for log_id in range(1, 19)]


def test_a_metric_that_is_gone(logs: Path) -> None:
    metric = column(logs, 2, name="valid.loss")[0]
    with pytest.raises(MetricError, match=r"run 2 has no metric 'valid\.loss': 2/metrics/valid\.json: missing"):
        metric.load()
    shutil.rmtree(logs / "3")
    with pytest.raises(MetricError, match=r"run 3 has no metric 'train\.loss'"):
        column(logs, 3)[0][:]


def test_columns_in_bulk(logs: Path) -> None:
    frame = pd.DataFrame(
        {
            "seed": [1, 2, 3],
            "renamed": column(logs, 1, None, 4),
            "test.epoch": column(logs, 1, 2, 4, name="test.epoch"),
            "gone": column(logs, 1, 2, 4, name="valid.loss"),
        }
    )
    with pytest.warns(ProblemsWarning, match=r"3 problem\(s\) in 3 run\(s\)"):
        loaded = load_columns(frame)
    assert list(loaded) == ["renamed", "test.epoch", "gone"]
    assert loaded["renamed"][0].tolist() == logged(logs, 1)
    assert pd.isna(loaded["renamed"][1])
    assert loaded["renamed"][2].tolist() == logged(logs, 4)
    assert [curve.tolist() for curve in loaded["test.epoch"]] == [list(range(5))] * 3
    assert pd.isna(loaded["gone"]).all()


def test_runs_of_several_folders_in_one_frame(logs: Path, tmp_path: Path) -> None:
    other = make_runs(tmp_path / "other", 2, seed=1, n_steps=3)
    frame = pd.concat([pd.DataFrame({"train.loss": column(where, 1, 2)}, index=[1, 2]) for where in (logs, other)])
    curves = load_columns(frame)["train.loss"]
    assert [curve.tolist() for curve in curves] == [
        logged(logs, 1),
        logged(logs, 2),
        logged(other, 1),
        logged(other, 2),
    ]


def test_cells_in_a_column_of_objects(logs: Path) -> None:
    mixed = pd.concat(
        [pd.Series(column(logs, 1)), pd.Series(column(logs, 2, name="test.loss")), pd.Series(["text", 3], dtype=object)]
    )
    curves = load_columns({"": mixed})[""]
    assert curves[0].tolist() == logged(logs, 1)
    assert curves[1].tolist() == logged(logs, 2, "test")
    assert curves[2:] == ["text", 3]


def test_empty_columns() -> None:
    assert load_columns({"": pd.Series(MetricArray._from_runs([], "train.loss"))}) == {"": []}
    assert load_columns({}) == {}


def test_each_file_is_opened_once(logs: Path) -> None:
    """In a process of its own: an audit hook cannot be removed, and nothing may be cached before."""
    program = """
import sys, pandas as pd
from mlxp_pandas.cells import Metric, MetricArray, load_columns
from mlxp_pandas.disk import RunDir
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
runs = [RunDir(sys.argv[1], str(log_id)) for log_id in (1, 2, 3, 1)]
names = ["train.loss", "train.epoch", "test.loss"]
load_columns(pd.DataFrame({name: MetricArray._from_runs(runs, name) for name in names}))
list(Metric(RunDir(sys.argv[1], "4"), "train.loss"))
print("\\n".join(sorted(path for path in opened if str(path).endswith(".json"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", program, logs], capture_output=True, text=True, check=True, timeout=120
    )
    expected = [f"{logs}/{log_id}/metrics/{log}.json" for log_id in (1, 2, 3) for log in ("test", "train")]
    assert done.stdout.split() == [*expected, f"{logs}/4/metrics/train.json"]


def test_a_pickled_frame_reads_its_curves_in_another_process(logs: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame({"train.loss": column(logs, 1, None)})
    (tmp_path / "frame.pkl").write_bytes(pickle.dumps(frame))
    program = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))['train.loss'][0].load().tolist())"
    command = [sys.executable, "-c", program, tmp_path / "frame.pkl"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout) == logged(logs, 1)


def test_damaged_files_are_one_warning(logs: Path) -> None:
    for log_id in (1, 2):
        path = logs / str(log_id) / "metrics" / "train.json"
        path.write_text(path.read_text().replace("epoch", "ep", 1).replace("{", "no json", 1))
    frame = pd.DataFrame(
        {"train.loss": column(logs, 1, 2, 3), "train.epoch": column(logs, 1, 2, 3, name="train.epoch")}
    )
    with pytest.warns(ProblemsWarning, match=r"2 problem\(s\) in 2 run\(s\)") as caught:
        loaded = load_columns(frame)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert [len(curve) for curve in loaded["train.loss"]] == [4, 4, 5]
    with pytest.warns(ProblemsWarning, match="1/metrics/train.json, line 1"):
        assert len(Metric(RunDir(str(logs), "1"), "train.loss").load()) == 4


def test_a_growing_file_is_read_anew(logs: Path) -> None:
    metric = column(logs, 1)[0]
    before = metric[:].tolist()
    with open(logs / "1" / "metrics" / "train.json", "a") as file:
        file.write('{"loss": 0.25, "epoch": 5}\n')
    assert metric[:].tolist() == [*before, 0.25]
    assert metric[5] == 0.25


def test_a_walk_through_a_growing_curve_sees_one_state_of_it(logs: Path) -> None:
    metric, path = column(logs, 1)[0], logs / "1" / "metrics" / "train.json"
    steps = iter(metric)
    assert next(steps) == logged(logs, 1)[0]
    path.write_text(path.read_text() * 2)
    assert len(list(steps)) == 4
    assert len(list(metric)) == 10
    assert (metric[0], metric[1], metric[1]) == (*logged(logs, 1)[:2], logged(logs, 1)[1])
