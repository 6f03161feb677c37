# SPDX-License-Identifier: MIT
"""`make_runs` against MLXP itself: the same values logged through MLXP give the same bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlxp_pandas import testing
from mlxp_pandas.errors import InvalidOptionError
from mlxp_pandas.testing import make_runs

SHAPES: dict[str, dict[str, Any]] = {
    "tutorial": {},
    "many options": {"n_config_keys": 200},
    "many keys": {"keys": ["loss", "epoch", "acc-1", "Top.5", "z_9"], "n_steps": 3},
    "one log with a dot": {"logs": ["train.inner"], "n_steps": 1},
    "no rows": {"n_steps": 0},
    "no artifact": {"n_artifacts": 0},
    "three artifacts": {"n_artifacts": 3},
    "diverged": {"nonfinite_every": 1},
    "running": {"status": "RUNNING"},
    "in the morning": {"first_id": 300},
    "in the evening": {"first_id": 1300},
}


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: the bytes of its files, None for a directory."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def replay(run: Path, logs: Path) -> None:
    """Write with MLXP and OmegaConf, into the folder `logs`, the values of a run."""
    dill = pytest.importorskip("dill")
    omegaconf = pytest.importorskip("omegaconf")
    logger = pytest.importorskip("mlxp").logger.DefaultLogger(str(logs), forced_log_id=int(run.name))
    for path in (run / "metadata").iterdir():
        logger._log_configs(omegaconf.OmegaConf.create(yaml.safe_load(path.read_text())), path.stem)
    for path in (run / "metrics").glob("*.json"):
        for line in path.read_text().splitlines():
            logger.log_metrics(json.loads(line), log_name=path.stem)
    for path in (run / "artifacts" / "pickle").glob("*"):
        logger.log_checkpoint(dill.loads(path.read_bytes()), log_name=path.name)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_text_is_what_mlxp_writes(tmp_path: Path, shape: dict[str, Any]) -> None:
    # Both are written under one name, because info.yaml holds it.
    ours = make_runs(tmp_path / "logs", 2, **shape).rename(tmp_path / "ours")
    for run in ours.iterdir():
        replay(run, tmp_path / "logs")
    assert tree(ours) == tree(tmp_path / "logs")


def test_eighteen_runs_are_the_tutorial(tmp_path: Path, sweep: Path) -> None:
    ours = make_runs(tmp_path / "logs", 18)
    assert tree(ours).keys() == tree(sweep).keys()
    for number in range(1, 19):
        config = Path(str(number), "metadata", "config.yaml")
        assert (ours / config).read_bytes() == (sweep / config).read_bytes()


@pytest.mark.parametrize("log_id", [1, 18])
def test_info_is_that_of_a_real_run_but_for_its_values(tmp_path: Path, sweep: Path, log_id: int) -> None:
    info = Path(str(log_id), "metadata", "info.yaml")
    ours = (make_runs(tmp_path / "logs", 18) / info).read_text().splitlines()
    real = (sweep / info).read_text().splitlines()
    assert [line.partition(":")[0] for line in ours] == [line.partition(":")[0] for line in real]
    assert types(yaml.safe_load("\n".join(ours))) == types(yaml.safe_load("\n".join(real)))
    assert ours[0] == real[0] == "status: COMPLETE"


def types(value: object) -> object:
    return {key: types(inner) for key, inner in value.items()} if isinstance(value, dict) else type(value)


def test_paths_in_info_lead_to_the_run(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 1, first_id=5)
    logger = yaml.safe_load((logs / "5" / "metadata" / "info.yaml").read_text())["logger"]
    assert logger == {
        "log_id": 5,
        "log_dir": str(logs / "5"),
        "metrics_dir": str(logs / "5" / "metrics"),
        "metadata_dir": str(logs / "5" / "metadata"),
        "artifacts_dir": str(logs / "5" / "artifacts"),
    }


@pytest.mark.parametrize("name", ["with blank", 'quote " and \\', "a: b #c", "line\nbreak", "été 日本 \U0001f600"])
def test_odd_folder_name_reads_back(tmp_path: Path, name: str) -> None:
    logs = make_runs(tmp_path / name, 1)
    info = yaml.safe_load((logs / "1" / "metadata" / "info.yaml").read_text())
    assert info["logger"]["log_dir"] == str(logs / "1")


def test_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_runs("deep/logs", 1) == tmp_path / "deep" / "logs"


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first = make_runs(tmp_path / "logs", 7, seed=3).rename(tmp_path / "first")
    assert tree(first) == tree(make_runs(tmp_path / "logs", 7, seed=3))


def test_other_seed_other_curves_same_options(tmp_path: Path) -> None:
    one, two = (tree(make_runs(tmp_path / str(seed), 1, seed=seed)) for seed in (1, 2))
    assert one["1/metadata/config.yaml"] == two["1/metadata/config.yaml"]
    assert one["1/metrics/train.json"] != two["1/metrics/train.json"]


def test_loss_falls_and_differs_between_runs_and_logs(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 2)
    curves = [losses(path) for path in sorted(logs.glob("*/metrics/*.json"))]
    assert all(curve[-1] < curve[0] for curve in curves)
    assert len({tuple(curve) for curve in curves}) == 4


def losses(path: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in path.read_text().splitlines()]


def test_every_tenth_run_diverges(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 20, nonfinite_every=10)
    diverged = {path.parts[-3] for path in logs.glob("*/metrics/train.json") if "NaN" in path.read_text()}
    assert diverged == {"10", "20"}
    curve = losses(logs / "10" / "metrics" / "train.json")
    assert [math.isfinite(value) for value in curve] == [True] * 5 + [False] * 5
    assert [math.isnan(value) for value in curve] == [False] * 6 + [True] * 4


@pytest.mark.parametrize("n_config_keys", [6, 7, 8, 37])
def test_number_of_options(tmp_path: Path, n_config_keys: int) -> None:
    logs = make_runs(tmp_path / "logs", 1, n_config_keys=n_config_keys)
    assert count_leaves(yaml.safe_load((logs / "1" / "metadata" / "config.yaml").read_text())) == n_config_keys


def count_leaves(value: object) -> int:
    return sum(map(count_leaves, value.values())) if isinstance(value, dict) else 1


def test_no_run_makes_the_folder(tmp_path: Path) -> None:
    assert tree(make_runs(tmp_path / "logs", 0)) == {}


def test_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 2)
    before = tree(logs)
    with pytest.raises(FileExistsError, match="logs/2"):
        make_runs(logs, 1, seed=1, first_id=2)
    assert tree(logs) == before


@pytest.mark.parametrize(
    ("n_runs", "options", "message"),
    [
        (-1, {}, "n_runs=-1 is too small"),
        (1, {"first_id": -1}, "first_id=-1 is too small"),
        (1, {"n_steps": -1}, "n_steps=-1 is too small"),
        (1, {"n_config_keys": 5}, "n_config_keys=5 is too small: give 6 or more"),
        (1, {"keys": ["a b"]}, "'a b' is not a plain name"),
        (1, {"keys": ["yes"]}, "'yes' is not a plain name"),
        (1, {"logs": ["../x"]}, "'../x' is not a plain name"),
        (1, {"logs": ["config"]}, "MLXP refuses a log named 'config'"),
        (1, {"status": "DONE"}, "status='DONE'.*COMPLETE"),
        (1, {"n_step": 3}, "no option 'n_step'.*'n_steps'"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, n_runs: int, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptionError, match=message):
        make_runs(tmp_path / "logs", n_runs, **options)
    assert not (tmp_path / "logs").exists()


@given(st.from_regex(testing._PLAIN_NAME, fullmatch=True))
def test_plain_names_need_no_quotes(name: str) -> None:
    assert yaml.dump({name: ""}) == f"{name}: ''\n"
