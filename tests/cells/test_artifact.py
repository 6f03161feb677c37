# SPDX-License-Identifier: MIT
"""Artifacts: the files behind a cell, listed by the catalogue and loaded one by one."""

from __future__ import annotations

import copy
import pickle
import shutil
from pathlib import Path

import pandas as pd
import pytest

from mlxp_pandas import read_runs
from mlxp_pandas.cells import Artifact, ArtifactArray, Artifacts
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import ArtifactError, ArtifactNotFoundError
from mlxp_pandas.testing import make_runs


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return make_runs(tmp_path / "logs", 3, n_steps=2, n_artifacts=2)


@pytest.fixture
def cell(logs: Path) -> Artifacts:
    return ArtifactArray._from_runs([RunDir(str(logs), "1")], "artifact.pickle.")[0]


def store(logs: Path, log_id: int, text: str, *paths: str) -> None:
    """Write a catalogue, and the files of plain data it lists."""
    artifacts = logs / str(log_id) / "artifacts"
    (artifacts / ".keys" / "artifacts.yaml").write_text(text)
    for path in paths:
        (artifacts / path).parent.mkdir(parents=True, exist_ok=True)
        (artifacts / path).write_bytes(pickle.dumps({"from": path}))


def test_a_cell_is_a_mapping_of_names(cell: Artifacts, logs: Path) -> None:
    assert sorted(cell.keys()) == ["ckpt_1.pkl", "last_ckpt.pkl"]
    assert "last_ckpt.pkl" in cell
    assert "other.pkl" not in cell
    assert cell.items() == list(zip(cell.keys(), cell.values(), strict=True))
    assert cell.get("last_ckpt.pkl") == cell["last_ckpt.pkl"]
    assert cell.get("other.pkl") is None
    assert cell.get("other.pkl", cell["ckpt_1.pkl"]).name == "ckpt_1.pkl"


@pytest.mark.parametrize("part", ["", "artifacts", "artifacts/pickle", "artifacts/pickle/last_ckpt.pkl"])
def test_what_a_link_took_the_place_of_after_the_frame_was_made_is_refused(
    logs: Path, tmp_path_factory: pytest.TempPathFactory, part: str
) -> None:
    cell = read_runs(logs).loc[1, "artifact.pickle."]
    artifact = cell["last_ckpt.pkl"]
    outside = tmp_path_factory.mktemp("outside")
    path = logs / "1" / part
    path.rename(outside / "moved")
    path.symlink_to(outside / "moved")
    for trust in (None, True):
        with pytest.raises(ArtifactError, match="link"):
            artifact.load(trust=trust)
    if part in ("", "artifacts"):
        with pytest.raises(ArtifactNotFoundError, match="any more"):
            cell.keys()


def test_an_artifact_says_what_it_is(cell: Artifacts, logs: Path) -> None:
    artifact = cell["last_ckpt.pkl"]
    assert repr(artifact) == "Artifact('last_ckpt.pkl', type='pickle', log_id=1)"
    assert (artifact.name, artifact.type, artifact.log_id, artifact.column) == (
        "last_ckpt.pkl",
        "pickle",
        1,
        "artifact.pickle.",
    )
    assert artifact.run == RunDir(str(logs), "1")
    assert artifact.path == str(logs / "1" / "artifacts" / "pickle" / "last_ckpt.pkl")
    assert Path(artifact.path).is_file()


def test_an_artifact_is_an_immutable_value(cell: Artifacts) -> None:
    artifact = cell["last_ckpt.pkl"]
    assert artifact == cell["last_ckpt.pkl"] == pickle.loads(pickle.dumps(artifact)) == copy.deepcopy(artifact)
    assert hash(artifact) == hash(cell["last_ckpt.pkl"])
    assert artifact not in (cell["ckpt_1.pkl"], "last_ckpt.pkl", None)
    with pytest.raises(AttributeError, match="name"):
        artifact.name = "other"
    with pytest.raises(AttributeError, match="note"):
        artifact.note = "mine"


def test_loading(cell: Artifacts) -> None:
    expected = pickle.loads(Path(cell["last_ckpt.pkl"].path).read_bytes())
    assert cell["last_ckpt.pkl"].load() == cell["last_ckpt.pkl"].load(trust=False) == expected
    assert cell.load()["last_ckpt.pkl"] == expected
    assert sorted(cell.load(trust=False)) == sorted(cell.keys())
    assert cell["last_ckpt.pkl"].load(loader=lambda path: Path(path).name) == "last_ckpt.pkl"


def test_a_real_sweep(sweep: Path) -> None:
    cells = ArtifactArray._from_runs([RunDir(str(sweep), str(log_id)) for log_id in range(1, 19)], "artifact.pickle.")
    assert [cell.keys() for cell in cells] == [["last_ckpt.pkl"]] * 18
    assert sorted(cells[0]["last_ckpt.pkl"].load()) == ["epoch", "model"]


def test_a_misspelt_name_names_the_nearest(cell: Artifacts) -> None:
    with pytest.raises(
        KeyError, match=r"run 1 has no 'last_ckpt' in 'artifact.pickle.'. Did you mean 'last_ckpt.pkl'\?"
    ):
        cell["last_ckpt"]
    with pytest.raises(ArtifactNotFoundError, match="run 1 has no 0 in"):
        list(cell)


def test_a_cell_whose_run_is_gone(cell: Artifacts, logs: Path) -> None:
    shutil.rmtree(logs / "1")
    with pytest.raises(FileNotFoundError, match=r"run 1 has no 'artifact\.pickle\.' any more"):
        cell.keys()


def test_a_file_that_is_listed_and_absent(cell: Artifacts) -> None:
    artifact = cell["last_ckpt.pkl"]
    Path(artifact.path).unlink()
    with pytest.raises(ArtifactNotFoundError, match=r"last_ckpt\.pkl"):
        artifact.load()


def test_folders_below_the_type(logs: Path) -> None:
    text = "pickle:\n  .deep.er:\n    x.pkl: ''\n  .v1.5:\n    y.pkl: ''\n"
    store(logs, 2, text, "pickle/deep/er/x.pkl", "pickle/v1.5/y.pkl")
    run = RunDir(str(logs), "2")
    deep, dotted = Artifacts(run, "artifact.pickle..deep.er"), Artifacts(run, "artifact.pickle..v1.5")
    assert deep["x.pkl"].path == f"{logs}/2/artifacts/pickle/deep/er/x.pkl"
    assert deep["x.pkl"].load() == {"from": "pickle/deep/er/x.pkl"}
    assert dotted["y.pkl"].name == "y.pkl"
    assert dotted.load() == {"y.pkl": {"from": "pickle/v1.5/y.pkl"}}
    assert deep["x.pkl"] != Artifact(run, "artifact.pickle..deep.er", "pickle", "deep/x.pkl")


def test_a_custom_type_is_loaded_by_the_callers_function(logs: Path) -> None:
    store(logs, 2, "my.type:\n  '':\n    x.txt: ''\n", "my.type/x.txt")
    artifact = Artifacts(RunDir(str(logs), "2"), "artifact.my.type.")["x.txt"]
    assert artifact.type == "my.type"
    assert artifact.load(loader=lambda path: Path(path).stat().st_size) > 0
    with pytest.raises(ArtifactError, match=r"my\.type"):
        artifact.load()


def test_a_renamed_log_folder(logs: Path) -> None:
    moved = logs.rename(logs.with_name("moved"))
    cell = Artifacts(RunDir(str(moved), "1"), "artifact.pickle.")
    assert cell["last_ckpt.pkl"].path.startswith(f"{moved}/1/")
    assert "epoch" in cell["last_ckpt.pkl"].load()


def test_cells_of_a_frame(logs: Path) -> None:
    runs = pd.DataFrame(
        {"artifact.pickle.": ArtifactArray._from_runs([RunDir(str(logs), "1"), None], "artifact.pickle.")}, index=[1, 2]
    )
    assert runs.loc[1, "artifact.pickle."]["last_ckpt.pkl"].name == "last_ckpt.pkl"
    assert runs["artifact.pickle."].isna().tolist() == [False, True]
