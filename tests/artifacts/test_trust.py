# SPDX-License-Identifier: MIT
"""Whose code runs unasked: that of files which are the user's own, of a run that the user's own script started here."""

from __future__ import annotations

import marshal
import os
import pickle
import shutil
import tarfile
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlxp_pandas import read_runs
from mlxp_pandas.artifacts import load_artifact
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import MissingDependencyError, UntrustedArtifactError
from mlxp_pandas.testing import make_runs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes of POSIX")


class Evil:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self.mark)!r}, 'w').close()",)


def legacy_torch(value: object) -> bytes:
    """A file as torch wrote it before it used zip."""
    start = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, value, []]
    return b"".join(pickle.dumps(part, 2) for part in start)


def evil_logs(folder: Path, mark: Path) -> Path:
    """A log folder with one run and three artifacts that leave a mark where they may."""
    logs = make_runs(folder / "logs", 1)
    module = compile(f"def load(path):\n    open({str(mark)!r}, 'w').close()", "x", "exec")
    code = next(part for part in module.co_consts if isinstance(part, types.CodeType))
    files: dict[str, bytes | str] = {
        "pickle/x.pkl": pickle.dumps(Evil(mark)),
        "torch/x.pt": legacy_torch(Evil(mark)),
        "mine/x.txt": b"x",
        ".keys/custom_types.yaml": yaml.dump({"mine": {"load": marshal.dumps(code), "save": marshal.dumps(code)}}),
        ".keys/artifacts.yaml": yaml.dump(
            {"pickle": {"": {"x.pkl": ""}}, "torch": {"": {"x.pt": ""}}, "mine": {"": {"x.txt": ""}}}
        ),
    }
    for name, content in files.items():
        path = logs / "1" / "artifacts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return logs


def claim(logs: Path, script: object) -> None:
    """Say in the info.yaml of run 1 that this script started it."""
    (logs / "1" / "metadata" / "info.yaml").write_text(yaml.dump({"status": "COMPLETE", "current_file_path": script}))


ARTIFACTS = [("pickle", "x.pkl"), ("torch", "x.pt"), ("mine", "x.txt")]


@pytest.fixture(autouse=True)
def _private_files() -> Any:
    mask = os.umask(0o022)
    yield
    os.umask(mask)


def packed(kind: str, project: Path, archive: Path) -> Path:
    """Pack a project into an archive, and unpack it elsewhere as the current user."""
    target = archive / "unpacked"
    if kind == "tar":
        with tarfile.open(archive / "x.tar", "w") as tar:
            tar.add(project, "project", filter=lambda entry: entry.replace(uid=4242, gid=4242, deep=False))
        with tarfile.open(archive / "x.tar") as tar:
            tar.extractall(target, filter="data")
    else:
        with zipfile.ZipFile(archive / "x.zip", "w") as file:
            for path in sorted(project.rglob("*")):
                file.write(path, Path("project", path.relative_to(project)))
        with zipfile.ZipFile(archive / "x.zip") as file:
            file.extractall(target)
    return target / "project" / "logs"


@pytest.mark.parametrize("archive", ["tar", "zip"])
@pytest.mark.parametrize(("kind", "name"), ARTIFACTS)
def test_what_was_unpacked_does_not_run(kind: str, name: str, archive: str, tmp_path: Path) -> None:
    if kind == "torch":
        pytest.importorskip("torch")
    mark = tmp_path / "mark"
    project = tmp_path / "theirs"
    logs = evil_logs(project, mark)
    (project / "main.py").write_text("import mlxp\n")
    claim(logs, "/home/somebody/project/main.py")
    unpacked = packed(archive, project, tmp_path)
    artifact = read_runs(unpacked).loc[1, f"artifact.{kind}."][name]
    assert os.stat(artifact.path).st_uid == os.geteuid()
    with pytest.raises(UntrustedArtifactError, match=r"the script that it names, /home/somebody/project/main\.py,"):
        artifact.load()
    with pytest.raises(UntrustedArtifactError, match="trust=False forbids that"):
        artifact.load(trust=False)
    assert not mark.exists()
    artifact.load(trust=True)
    assert mark.exists()


@pytest.mark.parametrize(("kind", "name"), ARTIFACTS)
def test_what_was_unpacked_says_so_without_torch(kind: str, name: str, tmp_path: Path) -> None:
    logs = evil_logs(tmp_path, tmp_path / "mark")
    with pytest.raises((UntrustedArtifactError, MissingDependencyError), match=r"info\.yaml|script|torch"):
        load_artifact(RunDir(str(logs), "1"), kind, name)
    assert not (tmp_path / "mark").exists()


def own_script(folder: Path) -> Path:
    script = folder / "main.py"
    script.write_text("import mlxp\n")
    return script


@pytest.mark.parametrize(("kind", "name"), [("pickle", "x.pkl"), ("mine", "x.txt")])
def test_what_the_user_ran_here_runs(kind: str, name: str, tmp_path: Path) -> None:
    logs = evil_logs(tmp_path, tmp_path / "mark")
    claim(logs, str(own_script(tmp_path)))
    load_artifact(RunDir(str(logs), "1"), kind, name)
    assert (tmp_path / "mark").exists()


def test_a_sweep_of_the_user(sweep_copy: Path) -> None:
    """MLXP writes the absolute path of the script."""
    path = sweep_copy / "1" / "artifacts" / "pickle" / "last_ckpt.pkl"
    path.write_bytes(pickle.dumps(zipfile.ZipInfo("x")))
    found: Any = read_runs(sweep_copy).loc[1, "artifact.pickle."]["last_ckpt.pkl"].load()
    assert found.filename == "x"


def inside(logs: Path, relative: str, text: str = "import mlxp\n") -> str:
    path = logs.parent / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def linked(logs: Path) -> str:
    os.symlink(inside(logs, "real.py"), logs.parent / "link.py")
    return str(logs.parent / "link.py")


def writable(logs: Path) -> str:
    path = inside(logs, "main.py")
    os.chmod(path, 0o666)
    return path


def given_away(logs: Path) -> str:
    path = inside(logs, "main.py")
    if os.geteuid():
        pytest.skip("only root gives files away")
    os.chown(path, 4242, -1)
    return path


def pipe(logs: Path) -> str:
    os.mkfifo(logs.parent / "main.py")
    return str(logs.parent / "main.py")


def folder(logs: Path) -> str:
    (logs.parent / "main.py").mkdir()
    return str(logs.parent / "main.py")


NO_PROOF: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda logs: str(logs.parent / "main.py"), "is not here"),
    "relative": (lambda logs: inside(logs, "main.py") and "main.py", "names no script"),
    "no text": (lambda _: 5, "names no script"),
    "none": (lambda _: None, "names no script"),
    "empty": (lambda _: "", "names no script"),
    "a null byte": (lambda _: "/a\0b.py", "cannot be told"),
    "in the logs": (lambda logs: inside(logs, "logs/1/main.py"), "is in the logs"),
    "in the logs by a detour": (
        lambda logs: f"{inside(logs, 'logs/main.py')[:-12]}/x/../logs/main.py",
        "is in the logs",
    ),
    "in a library": (lambda logs: inside(logs, "lib/site-packages/mlxp/launcher.py"), "in a library"),
    "MLXP itself": (lambda _: pytest.importorskip("mlxp.launcher").__file__, "in a library"),
    "no Python": (lambda logs: inside(logs, ".bash_history"), "no Python script"),
    "of another library": (lambda logs: inside(logs, "main.py", "import hydra\n"), "does not mention mlxp"),
    "a link": (linked, "is a link"),
    "writable by others": (writable, "can be written by others"),
    "of another user": (given_away, "belongs to another user"),
    "a pipe": (pipe, "cannot be told"),
    "a folder": (folder, "cannot be told"),
}


@pytest.mark.parametrize("name", NO_PROOF)
@pytest.mark.parametrize(("kind", "file"), [("pickle", "x.pkl"), ("mine", "x.txt")])
def test_scripts_that_prove_nothing(name: str, kind: str, file: str, tmp_path: Path) -> None:
    make, reason = NO_PROOF[name]
    logs = evil_logs(tmp_path, tmp_path / "mark")
    claim(logs, make(logs))
    with pytest.raises(UntrustedArtifactError, match=reason):
        load_artifact(RunDir(str(logs), "1"), kind, file)
    assert not (tmp_path / "mark").exists()


INFO = {
    "absent": None,
    "empty": "",
    "a list": "- current_file_path\n",
    "no YAML": "current_file_path: [",
    "a tag": "current_file_path: !!python/object/apply:os.getcwd []\n",
    "too large": "#" * (2 << 20),
}


@pytest.mark.parametrize("name", INFO)
def test_an_info_that_says_nothing(name: str, tmp_path: Path) -> None:
    logs = evil_logs(tmp_path, tmp_path / "mark")
    info, text = logs / "1" / "metadata" / "info.yaml", INFO[name]
    info.unlink() if text is None else info.write_text(text)
    with pytest.raises(UntrustedArtifactError, match=r"info\.yaml|that cannot be told"):
        load_artifact(RunDir(str(logs), "1"), "pickle", "x.pkl")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "path", ["metadata", "metadata/info.yaml", "artifacts/.keys", "artifacts/.keys/custom_types.yaml"]
)
def test_what_others_can_write_is_not_the_users(path: str, tmp_path: Path) -> None:
    logs = evil_logs(tmp_path, tmp_path / "mark")
    claim(logs, str(own_script(tmp_path)))
    os.chmod(logs / "1" / path, 0o777)
    with pytest.raises(UntrustedArtifactError, match=rf"{path} can be written by others"):
        load_artifact(RunDir(str(logs), "1"), "mine", "x.txt")
    assert not (tmp_path / "mark").exists()


def test_a_catalogue_of_loaders_that_is_a_link(tmp_path: Path) -> None:
    logs = evil_logs(tmp_path, tmp_path / "mark")
    claim(logs, str(own_script(tmp_path)))
    keys = logs / "1" / "artifacts" / ".keys"
    shutil.move(keys / "custom_types.yaml", keys / "types.yaml")
    (keys / "custom_types.yaml").symlink_to("types.yaml")
    with pytest.raises(UntrustedArtifactError, match=r"custom_types\.yaml is a link"):
        load_artifact(RunDir(str(logs), "1"), "mine", "x.txt")
    assert not (tmp_path / "mark").exists()


def test_plain_data_needs_no_script(tmp_path: Path) -> None:
    logs = make_runs(tmp_path / "logs", 1)
    found: Any = load_artifact(RunDir(str(logs), "1"), "pickle", "last_ckpt.pkl")
    assert sorted(found) == ["epoch", "weights"]
