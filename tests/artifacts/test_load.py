# SPDX-License-Identifier: MIT
"""Loading artifacts: what each type gives, whose files are trusted, which paths are refused, what an error says."""

from __future__ import annotations

import contextlib
import io
import marshal
import os
import pickle
import socket
import subprocess
import sys
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import mlxp_pandas
from mlxp_pandas.artifacts import load as loading
from mlxp_pandas.artifacts import unpickle
from mlxp_pandas.artifacts.load import load_artifact, register_artifact_type
from mlxp_pandas.disk import RunDir
from mlxp_pandas.errors import (
    ArtifactError,
    ArtifactNotFoundError,
    InvalidOptionError,
    MissingDependencyError,
    UntrustedArtifactError,
)
from tests.artifacts.test_unpickle import same

is_root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root gives files away")
posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and modes of POSIX")


class Net:
    """A class of the user."""

    def __init__(self) -> None:
        self.weights = [1, 2]


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, sentinel: Path) -> None:
        self.sentinel = sentinel

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self.sentinel)!r}, 'w').close()",)


Store = Callable[[str, str, bytes], RunDir]


def claim(logs: Path, script: Path | str) -> None:
    """Say in the info.yaml of run 1 that this script started it."""
    info = logs / "1" / "metadata" / "info.yaml"
    info.parent.mkdir(parents=True, exist_ok=True)
    info.write_text(yaml.dump({"status": "COMPLETE", "current_file_path": str(script)}))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Writes an artifact of run 1 into folders that nobody else can write, with the script that started the run."""
    mask = os.umask(0o022)
    (tmp_path / "main.py").write_text("import mlxp\n")

    def write(kind: str, name: str, content: bytes) -> RunDir:
        claim(tmp_path / "logs", tmp_path / "main.py")
        path = tmp_path / "logs" / "1" / "artifacts" / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return RunDir(str(tmp_path / "logs"), "1")

    yield write
    os.umask(mask)


@pytest.fixture(autouse=True)
def _forget_types(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_registered", {})


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


# the built-in types


def test_a_checkpoint_of_mlxp(sweep: Path) -> None:
    pytest.importorskip("dill")
    files = [path for path in sorted(sweep.glob("*/artifacts/pickle/**/*")) if path.is_file()]
    assert len(files) >= 18
    for path in files:
        run, _, _, *relative = path.relative_to(sweep).parts
        found = load_artifact(RunDir(str(sweep), run), "pickle", "/".join(relative), trust=False)
        assert same(found, pickle.loads(path.read_bytes()))


def test_numpy(store: Store) -> None:
    run = store("numpy", "x.npz", npz(loss=np.arange(3)))
    found = load_artifact(run, "numpy", "x.npz")
    assert isinstance(found, dict)
    assert found["loss"].tolist() == [0, 1, 2]


def test_objects_in_numpy_files(store: Store) -> None:
    run = store("numpy", "x.npz", npz(x=np.array([1, "a"], object), y=np.array([Net()], object)))
    found = load_artifact(run, "numpy", "x.npz")
    assert isinstance(found, dict)
    assert found["y"][0].weights == [1, 2]
    with pytest.raises(UntrustedArtifactError, match=r"it needs `tests\.artifacts\.test_load\.Net`"):
        load_artifact(run, "numpy", "x.npz", trust=False)


def test_image(store: Store) -> None:
    image = pytest.importorskip("matplotlib.image")
    stream = io.BytesIO()
    image.imsave(stream, np.random.default_rng(0).random((4, 5, 3)), format="png")
    run = store("image", "a/b.png", stream.getvalue())
    found = load_artifact(run, "image", "a/b.png")
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, image.imread(f"{run.path}/artifacts/image/a/b.png"))


NOT_READ = {
    "pickle under npz": ("numpy", pickle.dumps([1]), "neither a .npy nor a .npz file, it looks like a pickle"),
    "torn npz": ("numpy", npz(x=np.arange(9))[:-9], "BadZipFile"),
    "empty npz": ("numpy", b"", "neither a .npy nor a .npz"),
    "torn pickle": ("pickle", pickle.dumps([1])[:-1], "cut off or damaged"),
    "empty pickle": ("pickle", b"", "cut off or damaged"),
    "npz under pickle": ("pickle", npz(x=np.arange(9)), "cut off or damaged"),
    "text as image": ("image", b"hello", "cannot be loaded as image: UnidentifiedImageError"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_damaged_files_are_named(store: Store, name: str) -> None:
    kind, content, reason = NOT_READ[name]
    run = store(kind, "the file", content)
    with pytest.raises(ArtifactError, match=rf"artifacts/{kind}/the file of run 1 .*{reason}"):
        load_artifact(run, kind, "the file")


def test_sizes_are_limited(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store("numpy", "x.npz", npz(x=np.zeros(10_000)))
    bomb = io.BytesIO()
    np.savez_compressed(bomb, x=np.zeros(10_000))
    store("numpy", "bomb.npz", bomb.getvalue())
    monkeypatch.setattr(loading, "MAX_BYTES", 9999)
    with pytest.raises(
        ArtifactError, match=r"80,\d+ bytes; the limit is 9,999.*mlxp_pandas\.artifacts\.load\.MAX_BYTES"
    ):
        load_artifact(run, "numpy", "x.npz")
    with pytest.raises(
        ArtifactError, match=r"unpacks to 80,\d+ bytes; the limit is 9,999.*mlxp_pandas\.artifacts\.load\.MAX_BYTES"
    ):
        load_artifact(run, "numpy", "bomb.npz")
    monkeypatch.setattr(loading, "MAX_BYTES", 99_999)
    assert sorted(load_artifact(run, "numpy", "bomb.npz")) == ["x"]  # type: ignore[call-overload]


@posix
def test_a_sparse_file_of_terabytes(store: Store) -> None:
    run = store("pickle", "x.pkl", b"")
    os.truncate(f"{run.path}/artifacts/pickle/x.pkl", 1 << 40)
    with pytest.raises(ArtifactError, match=r"1,099,511,627,776 bytes; the limit is 536,870,912"):
        load_artifact(run, "pickle", "x.pkl")


def test_torch(store: Store, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    state = {"w": torch.arange(3.0), "epoch": 3}
    for name, options in (("new.pt", {}), ("old.pt", {"_use_new_zipfile_serialization": False})):
        stream = io.BytesIO()
        torch.save(state, stream, **options)
        found: Any = load_artifact(store("torch", name, stream.getvalue()), "torch", name, trust=False)
        assert found["epoch"] == 3
        assert found["w"].tolist() == [0, 1, 2]
        stream = io.BytesIO()
        torch.save({"net": Net()}, stream, **options)
        run = store("torch", name, stream.getvalue())
        with pytest.raises(
            UntrustedArtifactError, match=r"`tests\.artifacts\.test_load\.Net`.*artifact\.load\(trust=True\)"
        ):
            load_artifact(run, "torch", name, trust=False)
        found = load_artifact(run, "torch", name, trust=True)
        assert found["net"].weights == [1, 2]
        stream = io.BytesIO()
        torch.save(Evil(tmp_path / "sentinel"), stream, **options)
        with pytest.raises(UntrustedArtifactError, match="exec"):
            load_artifact(store("torch", name, stream.getvalue()), "torch", name, trust=False)
        assert not (tmp_path / "sentinel").exists()


def test_torch_programs_and_damage(store: Store) -> None:
    torch = pytest.importorskip("torch")
    stream = io.BytesIO()
    torch.save({"w": torch.arange(3.0)}, stream)
    whole = stream.getvalue()
    for content in (b"", b"hello", whole[:-30], whole[:100], pickle.dumps(5)):
        run = store("torch", "x.pt", content)
        with pytest.raises(ArtifactError, match=r"x\.pt of run 1"):
            load_artifact(run, "torch", "x.pt", trust=False)
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        archive.writestr("x/constants.pkl", pickle.dumps(()))
        archive.writestr("x/data.pkl", pickle.dumps(()))
        archive.writestr("x/version", "3")
    with pytest.raises(ArtifactError, match=r"x\.pt of run 1"):
        load_artifact(store("torch", "x.pt", stream.getvalue()), "torch", "x.pt", trust=False)


def test_torch_before_2_6_is_not_believed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2025-32434: there `weights_only=True` could be made to run code."""
    torch = types.ModuleType("torch")
    torch.__dict__.update(__version__="2.5.1+cpu", load=lambda file, **options: options)
    monkeypatch.setitem(sys.modules, "torch", torch)
    run = store("torch", "x.pt", b"x")
    with pytest.raises(UntrustedArtifactError, match="CVE-2025-32434"):
        load_artifact(run, "torch", "x.pt", trust=False)
    assert load_artifact(run, "torch", "x.pt", trust=True) == {"map_location": "cpu", "weights_only": False}
    torch.__dict__["__version__"] = "2.6.0"
    assert load_artifact(run, "torch", "x.pt", trust=False) == {"map_location": "cpu", "weights_only": True}


def test_missing_libraries(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "dill", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=r"pip install Pillow"):
        load_artifact(store("image", "x.png", b"x"), "image", "x.png")
    with pytest.raises(MissingDependencyError, match=r"pip install torch"):
        load_artifact(store("torch", "x.pt", b"x"), "torch", "x.pt")
    run = store("pickle", "x.pkl", b"\x80\x04\x8c\x0adill._dill\x8c\x0c_create_type\x93.")
    with pytest.raises(MissingDependencyError, match=r"dill.*pip install dill"):
        load_artifact(run, "pickle", "x.pkl")
    run = store("pickle", "y.pkl", b"cno_such_module\nNet\n.")
    with pytest.raises(MissingDependencyError, match=r"no_such_module.*sys\.path"):
        load_artifact(run, "pickle", "y.pkl")
    run = store("pickle", "z.pkl", b"cos\nNoSuchName\n.")
    with pytest.raises(ArtifactError, match=r"z\.pkl of run 1 .*NoSuchName"):
        load_artifact(run, "pickle", "z.pkl")


# trust


def test_objects_of_classes(store: Store) -> None:
    run = store("pickle", "net.pkl", pickle.dumps(Net()))
    for trust in (None, True):
        found: Any = load_artifact(run, "pickle", "net.pkl", trust=trust)
        assert found.weights == [1, 2]
    with pytest.raises(
        UntrustedArtifactError, match=r"tests\.artifacts\.test_load\.Net`.*trust=False.*artifact\.load\(trust=True\)"
    ):
        load_artifact(run, "pickle", "net.pkl", trust=False)


def test_nothing_runs_without_trust(store: Store, tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    run = store("pickle", "x.pkl", pickle.dumps([Evil(sentinel)]))
    store("numpy", "x.npz", npz(x=np.array([Evil(sentinel)])))
    for kind, name in (("pickle", "x.pkl"), ("numpy", "x.npz")):
        with pytest.raises(UntrustedArtifactError, match="exec"):
            load_artifact(run, kind, name, trust=False)
        assert not sentinel.exists()
    load_artifact(run, "pickle", "x.pkl", trust=True)
    assert sentinel.exists()


FOLDERS = ["", "1", "1/artifacts", "1/artifacts/pickle", "1/artifacts/pickle/deep", "1/artifacts/pickle/deep/net.pkl"]


@posix
@pytest.mark.parametrize("mode", [0o020, 0o002])
@pytest.mark.parametrize("folder", FOLDERS)
def test_what_others_can_write_is_not_trusted(store: Store, folder: str, mode: int) -> None:
    run = store("pickle", "deep/net.pkl", pickle.dumps(Net()))
    path = os.path.join(run.root, folder).rstrip("/")
    os.chmod(path, os.stat(path).st_mode | mode)
    with pytest.raises(UntrustedArtifactError, match=r"can be written by others \(mode \d+; chmod go-w"):
        load_artifact(run, "pickle", "deep/net.pkl")
    found: Any = load_artifact(run, "pickle", "deep/net.pkl", trust=True)
    assert found.weights == [1, 2]


@is_root
@pytest.mark.parametrize("folder", FOLDERS)
def test_what_belongs_to_others_is_not_trusted(store: Store, folder: str, tmp_path: Path) -> None:
    run = store("pickle", "deep/net.pkl", pickle.dumps([Evil(tmp_path / "sentinel")]))
    os.chown(os.path.join(run.root, folder), 12345, -1)
    with pytest.raises(UntrustedArtifactError, match="belongs to another user"):
        load_artifact(run, "pickle", "deep/net.pkl")
    assert not (tmp_path / "sentinel").exists()


@is_root
def test_a_file_that_is_exchanged_while_it_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store("pickle", "net.pkl", pickle.dumps(Net()))
    path = f"{run.path}/artifacts/pickle/net.pkl"
    os.chown(path, 12345, -1)

    def give_back(data: bytes, guard: Any) -> object:
        os.chown(path, 0, -1)
        return unpickle.plain(data, guard)

    monkeypatch.setattr(loading, "plain", give_back)
    with pytest.raises(UntrustedArtifactError, match=r"the file that was read, .*, belongs to another user"):
        load_artifact(run, "pickle", "net.pkl")


@is_root
def test_plain_data_of_others_is_loaded(store: Store) -> None:
    run = store("pickle", "x.pkl", pickle.dumps({"epoch": 3}))
    os.chown(f"{run.path}/artifacts/pickle/x.pkl", 12345, 12345)
    os.chmod(f"{run.path}/artifacts/pickle/x.pkl", 0o666)
    assert load_artifact(run, "pickle", "x.pkl") == {"epoch": 3}


@posix
def test_links_are_not_trusted(store: Store) -> None:
    run = store("pickle", "net.pkl", pickle.dumps(Net()))
    os.symlink("net.pkl", f"{run.path}/artifacts/pickle/last.pkl")
    os.symlink("pickle", f"{run.path}/artifacts/linked")
    os.symlink("1", f"{run.root}/2")
    for other, kind, name in ((run, "pickle", "last.pkl"), (RunDir(run.root, "2"), "pickle", "net.pkl")):
        with pytest.raises(UntrustedArtifactError, match="is a link"):
            load_artifact(other, kind, name)
        found: Any = load_artifact(other, kind, name, trust=True)
        assert found.weights == [1, 2]


@posix
def test_the_users_own_link_to_the_logs(store: Store, tmp_path: Path) -> None:
    run = store("pickle", "net.pkl", pickle.dumps(Net()))
    os.symlink(run.root, tmp_path / "linked")
    found: Any = load_artifact(RunDir(str(tmp_path / "linked"), "1"), "pickle", "net.pkl")
    assert found.weights == [1, 2]


def test_no_owner_no_trust(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "geteuid", raising=False)
    run = store("pickle", "net.pkl", pickle.dumps(Net()))
    with pytest.raises(UntrustedArtifactError, match="cannot be told on this system"):
        load_artifact(run, "pickle", "net.pkl")


def test_nothing_is_remembered(store: Store) -> None:
    run = store("pickle", "net.pkl", pickle.dumps(Net()))
    load_artifact(run, "pickle", "net.pkl", trust=True)
    with pytest.raises(UntrustedArtifactError, match="trust=False"):
        load_artifact(run, "pickle", "net.pkl", trust=False)


@pytest.mark.parametrize("trust", [1, 0, "yes", np.True_])
def test_trust_is_a_bool(store: Store, trust: Any) -> None:
    run = store("pickle", "x.pkl", pickle.dumps(1))
    with pytest.raises(InvalidOptionError, match="trust is True, False or None"):
        load_artifact(run, "pickle", "x.pkl", trust=trust)


# paths


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("pickle", "../../../secret.pkl"),
        ("pickle", "a/../../../../secret.pkl"),
        ("..", "secret.pkl"),
        ("../..", "secret.pkl"),
        ("pickle", "/etc/passwd"),
        ("/etc", "passwd"),
        ("", "secret.pkl"),
        ("pickle", ""),
        ("pickle", "a//b"),
        ("pickle", "a\0b"),
        ("pickle/../../..", "secret.pkl"),
        ("notes", "../../../secret.pkl"),
    ],
)
def test_no_name_leads_out(store: Store, kind: str, name: str) -> None:
    run = store("pickle", "x.pkl", pickle.dumps(1))
    for path in (Path(run.root, "secret.pkl"), Path(run.root).parent / "secret.pkl"):
        path.write_bytes(pickle.dumps("secret"))
    for loader in (None, lambda path: pytest.fail("it was called")):
        with pytest.raises(ArtifactError, match=r"leads out of the folder of its run|empty or absolute"):
            load_artifact(run, kind, name, trust=True, loader=loader)


@pytest.mark.skipif(os.name != "nt", reason="paths of Windows")
@pytest.mark.parametrize("name", ["..\\..\\..\\secret.pkl", "c:secret.pkl", "c:\\secret.pkl", "\\\\host\\share\\x"])
def test_no_name_of_windows_leads_out(store: Store, name: str) -> None:
    run = store("pickle", "x.pkl", pickle.dumps(1))
    with pytest.raises(ArtifactError, match=r"leads out of the folder of its run|empty or absolute"):
        load_artifact(run, "pickle", name)


@posix
def test_no_link_leads_out(store: Store, tmp_path: Path) -> None:
    run = store("pickle", "x.pkl", pickle.dumps(1))
    store("pickle", "x.pkl", pickle.dumps(1))
    (tmp_path / "logs" / "2" / "artifacts" / "pickle").mkdir(parents=True)
    (tmp_path / "logs" / "2" / "secret.pkl").write_bytes(pickle.dumps("secret"))
    (tmp_path / "secret.pkl").write_bytes(pickle.dumps("secret"))
    folder = f"{run.path}/artifacts/pickle"
    os.symlink(tmp_path / "secret.pkl", f"{folder}/a.pkl")
    os.symlink("../../../2/secret.pkl", f"{folder}/b.pkl")
    os.symlink(tmp_path, f"{folder}/c")
    os.symlink(tmp_path / "no such file", f"{folder}/d.pkl")
    os.symlink(tmp_path, f"{run.path}/artifacts/e")
    cases = [
        ("pickle", "a.pkl"),
        ("pickle", "b.pkl"),
        ("pickle", "c/secret.pkl"),
        ("pickle", "d.pkl"),
        ("e", "secret.pkl"),
    ]
    for kind, name in cases:
        with pytest.raises(ArtifactError, match="a link leads out of the folder of its run"):
            load_artifact(run, kind, name, trust=True, loader=lambda path: pytest.fail("it was called"))
        with pytest.raises(ArtifactError, match=r"a link leads out of the folder of its run|which nothing loads"):
            load_artifact(run, kind, name, trust=True)


@posix
def test_only_files_are_opened(store: Store) -> None:
    run = store("pickle", "x.pkl", pickle.dumps(1))
    folder = f"{run.path}/artifacts/pickle"
    os.mkfifo(f"{folder}/pipe")
    os.mkdir(f"{folder}/folder")
    os.symlink("loop", f"{folder}/loop")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as end, contextlib.chdir(folder):
        end.bind("socket")
    for name, reason in (
        ("pipe", "neither a file"),
        ("socket", "neither a file"),
        ("folder", "directory"),
        ("loop", "OSError"),
    ):
        with pytest.raises(ArtifactError, match=reason):
            load_artifact(run, "pickle", name)
    with pytest.raises(ArtifactError, match="neither a file"):
        load_artifact(run, "pickle", "pipe", loader=lambda path: pytest.fail("it was called"))
    assert load_artifact(run, "pickle", "folder", loader=os.path.basename) == "folder"


@posix
def test_odd_names(store: Store) -> None:
    for name in ("a b", "<b>.pkl", "é\n.pkl", "..a/b..", "a.b/c.d", "back\\slash", "..\\x", os.fsdecode(b"\xff.pkl")):
        assert load_artifact(store("pickle", name, pickle.dumps(name)), "pickle", name) == name
    run = store("deep/type", "x", b"")
    assert load_artifact(run, "deep/type", "x", loader=os.path.basename) == "x"
    with pytest.raises(ArtifactError, match="UnicodeEncodeError"):
        load_artifact(run, "pickle", "\ud800.pkl")


def test_errors_do_not_act_in_a_terminal(store: Store) -> None:
    run = store("pickle", "x.pkl", b"c\x1b[31m\nNet\n.")
    with pytest.raises(ArtifactError, match=r"^[ -~]*$"):
        load_artifact(run, "pickle", "x.pkl", trust=False)
    with pytest.raises(ArtifactError, match=r"^[ -~]*$"):
        load_artifact(run, "pickle", "\x1b[31m\u202e.pkl")


# missing files


def test_missing_files(store: Store) -> None:
    run = store("pickle", "last.pkl", pickle.dumps(1))
    with pytest.raises(ArtifactNotFoundError, match=r"lost\.pkl of run 1 is not there\. Did you mean 'last\.pkl'\?"):
        load_artifact(run, "pickle", "lost.pkl")
    with pytest.raises(ArtifactNotFoundError, match="nor is its folder"):
        load_artifact(run, "pickle", "no/such/folder")
    with pytest.raises(ArtifactNotFoundError, match="nor is its folder"):
        load_artifact(run, "numpy", "x.npz")
    with pytest.raises(ArtifactNotFoundError, match="is not there"):
        load_artifact(run, "pickle", "last.pkl/x")
    with pytest.raises(FileNotFoundError, match="is not there"):
        load_artifact(run, "pickle", "lost.pkl", loader=lambda path: pytest.fail("it was called"))


def log_with_mlxp(folder: Path, calls: Callable[[Any], None]) -> RunDir:
    """A run whose artifacts MLXP's own logger wrote."""
    logger = pytest.importorskip("mlxp.logger")
    with contextlib.redirect_stdout(io.StringIO()):
        calls(logger.DefaultLogger(str(folder), 1))
    return RunDir(str(folder), "1")


def test_the_stray_file_of_a_numpy_artifact(tmp_path: Path) -> None:
    run = log_with_mlxp(tmp_path, lambda logger: logger.log_artifacts({"x": np.arange(3)}, "deep/x.npz", "numpy"))
    with pytest.raises(ArtifactNotFoundError, match=r"'x\.npz_tmp\.npz' is beside it.*Rename it to 'x\.npz'"):
        load_artifact(run, "numpy", "deep/x.npz")
    os.rename(f"{run.path}/artifacts/numpy/deep/x.npz_tmp.npz", f"{run.path}/artifacts/numpy/deep/x.npz")
    assert sorted(load_artifact(run, "numpy", "deep/x.npz")) == ["x"]  # type: ignore[call-overload]


def test_the_stray_file_of_a_figure(tmp_path: Path) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(1, 1))
    run = log_with_mlxp(tmp_path, lambda logger: logger.log_artifacts(figure, "curve", "image"))
    with pytest.raises(ArtifactNotFoundError, match=r"'curve_tmp\.png' is beside it"):
        load_artifact(run, "image", "curve")


def test_pickles_of_mlxp(tmp_path: Path) -> None:
    data = {"epoch": 3, "weights": [np.arange(3.0)], "best": np.float64(0.5), "tags": {"a", "b"}}
    run = log_with_mlxp(tmp_path, lambda logger: logger.log_checkpoint(data, log_name="last.pkl"))
    found: Any = load_artifact(run, "pickle", "last.pkl", trust=False)
    assert found["weights"][0].tolist() == [0, 1, 2]
    assert {**found, "weights": 0} == {**data, "weights": 0}


# custom types


def save_text(artifact: object, path: str) -> None:
    with open(path, "w") as file:
        file.write(str(artifact))


def load_text(path: str) -> object:
    with open(path) as file:
        return file.read().upper()


@pytest.fixture
def custom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    """A run with a custom type, stored by MLXP; it stores a type once in a process, and then forgets no type."""
    types = pytest.importorskip("mlxp.data_structures.artifacts").Artifact_types
    monkeypatch.setitem(types, "text", None)
    monkeypatch.delitem(types, "text")

    def calls(logger: Any) -> None:
        logger.register_artifact_type("text", save_text, load_text)
        logger.log_artifacts("hello", "note.txt", "text")

    return log_with_mlxp(tmp_path / "logs", calls)


def write_types(run: RunDir, types: object) -> None:
    folder = Path(run.path, "artifacts", ".keys")
    folder.mkdir(exist_ok=True)
    (folder / "custom_types.yaml").write_text(types if isinstance(types, str) else yaml.dump(types))


def test_the_stored_loader_needs_trust(custom: RunDir) -> None:
    for trust in (None, False):
        with pytest.raises(UntrustedArtifactError, match=r"register_artifact_type.*artifact\.load\(trust=True\)"):
            load_artifact(custom, "text", "note.txt", trust=trust)
    assert load_artifact(custom, "text", "note.txt", trust=True) == "HELLO"


def test_own_loaders(custom: RunDir) -> None:
    assert load_artifact(custom, "text", "note.txt", loader=os.path.basename) == "note.txt"
    register_artifact_type("text", lambda path: Path(path).read_text())
    assert load_artifact(custom, "text", "note.txt", trust=False) == "hello"
    assert load_artifact(custom, "text", "note.txt", trust=True) == "hello"
    assert load_artifact(custom, "text", "note.txt", loader=os.path.basename) == "note.txt"
    assert mlxp_pandas.register_artifact_type is register_artifact_type


def test_a_loader_gets_the_real_absolute_path(custom: RunDir) -> None:
    path = load_artifact(custom, "text", "note.txt", loader=str)
    assert path == os.path.realpath(f"{custom.path}/artifacts/text/note.txt")


def test_what_own_loaders_raise(custom: RunDir) -> None:
    def no_other_file(path: str) -> object:
        raise FileNotFoundError("some other file")

    with pytest.raises(ArtifactError, match=r"note\.txt of run 1 .*FileNotFoundError: some other file") as caught:
        load_artifact(custom, "text", "note.txt", loader=no_other_file)
    assert not isinstance(caught.value, ArtifactNotFoundError)
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_types_that_nothing_loads(store: Store) -> None:
    run = store("numpi", "x", b"")
    with pytest.raises(
        ArtifactError, match=r"'numpi', which nothing loads\. Did you mean 'numpy'\?.*register_artifact_type"
    ):
        load_artifact(run, "numpi", "x", trust=True)


@pytest.mark.parametrize("name", ["pickle", "numpy", "torch", "image"])
def test_built_in_types_stay(custom: RunDir, name: str, tmp_path: Path) -> None:
    """Neither the logs nor a slip of the user change them."""
    code = marshal.dumps(compile(f"open({str(tmp_path / 'sentinel')!r}, 'w')", "x", "exec"))
    write_types(custom, {name: {"load": code, "save": code}})
    folder = Path(custom.path, "artifacts", name)
    folder.mkdir()
    (folder / "x").write_bytes(pickle.dumps(1))
    with contextlib.suppress(ArtifactError, MissingDependencyError):
        assert load_artifact(custom, name, "x", trust=True) == 1
    assert not (tmp_path / "sentinel").exists()
    with pytest.raises(InvalidOptionError, match="built in"):
        register_artifact_type(name, os.path.basename)


def test_what_cannot_be_registered() -> None:
    for name in ("", 5, None):
        with pytest.raises(InvalidOptionError, match="is a text"):
            register_artifact_type(name, os.path.basename)  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionError, match="a function that takes a path"):
        register_artifact_type("text", "x")  # type: ignore[arg-type]


def test_a_loader_is_callable(custom: RunDir) -> None:
    with pytest.raises(InvalidOptionError, match="a function that takes a path"):
        load_artifact(custom, "text", "note.txt", loader="x")  # type: ignore[arg-type]


EVIL = "!!python/object/apply:os.system ['echo evil > sentinel']"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"text": {"load": b"\xff\xff", "save": b""}}, "no bytecode of this version of Python"),
        ({"text": {"load": marshal.dumps(5), "save": b""}}, "no bytecode of this version of Python"),
        ({"text": {"load": "text"}}, "nothing loads"),
        ({"text": 5}, "nothing loads"),
        ([1], "nothing loads"),
        ("", "nothing loads"),
        ("text: {load: [", "nothing loads"),
        ("[" * 30_000, "nothing loads"),
        (f"text: {{load: {EVIL}}}", "nothing loads"),
        (f"{EVIL}", "nothing loads"),
        ("text: {load: !!binary '" + "A" * (1 << 20) + "'}", "nothing loads"),
    ],
)
def test_damaged_stored_loaders(
    custom: RunDir, content: object, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_types(custom, content)
    with pytest.raises(ArtifactError, match=reason):
        load_artifact(custom, "text", "note.txt", trust=True)
    assert not (tmp_path / "sentinel").exists()


def test_a_stored_loader_that_needs_more_than_mlxp_stores(custom: RunDir) -> None:
    np_free = (lambda path: np.load(path)).__code__  # noqa: PLW0108
    write_types(custom, {"text": {"load": marshal.dumps(np_free), "save": b""}})
    with pytest.raises(ArtifactError, match="NameError: name 'np' is not defined"):
        load_artifact(custom, "text", "note.txt", trust=True)


@posix
def test_stored_loaders_that_lie_outside(custom: RunDir, tmp_path: Path) -> None:
    file = Path(custom.path, "artifacts", ".keys", "custom_types.yaml")
    file.rename(tmp_path / "types.yaml")
    file.symlink_to(tmp_path / "types.yaml")
    with pytest.raises(ArtifactError, match="nothing loads"):
        load_artifact(custom, "text", "note.txt", trust=True)


def test_a_stored_loader_that_ends_the_interpreter(custom: RunDir) -> None:
    """It runs only with trust: without, the process lives."""
    code = (lambda path: os._exit(9)).__code__.replace(co_names=("os", "_exit"))
    write_types(custom, {"text": {"load": marshal.dumps(code), "save": b""}})
    script = (
        "import sys\nfrom mlxp_pandas.artifacts import load_artifact\nfrom mlxp_pandas.disk import RunDir\n"
        "try:\n    load_artifact(RunDir(sys.argv[1], '1'), 'text', 'note.txt')\n"
        "except PermissionError:\n    sys.exit(3)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script, custom.root], env=environment, check=False, timeout=120)
    assert done.returncode == 3
