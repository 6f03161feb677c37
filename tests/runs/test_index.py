# SPDX-License-Identifier: MIT
"""The index never lies and is never in the way: damaged, poisoned, somebody else's, locked, on a full disk."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlxp_pandas import Reader, read_runs
from mlxp_pandas.errors import IndexWarning
from mlxp_pandas.runs import index
from mlxp_pandas.runs.index import FILE_NAME
from mlxp_pandas.testing import make_runs
from tests.failing import Answer, scanned
from tests.processes import SECONDS, wait_for_child

NOBODY = 65534
is_root = hasattr(os, "getuid") and os.getuid() == 0
only_root = pytest.mark.skipif(not is_root, reason="only root may do this")


class Folder:
    """A log folder that is settled, what is true of it, and its index."""

    def __init__(self, folder: Path, n_runs: int = 5) -> None:
        self.folder = folder
        self.logs = make_runs(folder / "logs", n_runs, n_steps=2)
        time.sleep(2.1)  # from now on, the index is believed
        self.runs = read_runs(self.logs)
        self.path = self.logs / FILE_NAME
        self.whole = self.path.read_bytes()
        self.truth = scanned(self.logs, self.logs)

    def restore(self) -> None:
        self.path.write_bytes(self.whole)

    def answers(self) -> tuple[Answer, Answer, list[str]]:
        """What the folder answers with its index as it is, believing it and looking; and why the former warned."""
        content = self.path.read_bytes()
        believed, reasons = self.answer(False)
        self.path.write_bytes(content)
        return believed, self.answer(None)[0], reasons

    def answer(self, refresh: bool | None) -> tuple[Answer, list[str]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            answer = scanned(self.logs, self.logs, refresh)
        assert all(issubclass(item.category, IndexWarning) for item in caught)
        assert len(caught) <= 1
        return answer, [str(item.message) for item in caught]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("index"))


@pytest.fixture
def folder(shared: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The folder with its index whole. Tests change the index only."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # what lasts is not tested here
    if not shared.path.is_file() or shared.path.is_symlink():
        remove(shared.path)
    shared.restore()
    return shared


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


class TestDamaged:
    def test_every_prefix(self, folder: Folder) -> None:
        ends = {*range(0, 200, 7), *range(0, len(folder.whole), 131), len(folder.whole) - 1}
        ends |= {at + shift for at, byte in enumerate(folder.whole) if byte == ord("\n") for shift in (-1, 0, 1)}
        for end in sorted(ends):
            folder.path.write_bytes(folder.whole[:end])
            believed, looked, reasons = folder.answers()
            assert (believed, looked) == (folder.truth, folder.truth), end
            assert len(reasons) == 1, end
            assert "dst_dir" in reasons[0]

    def test_flipped_bits(self, folder: Folder) -> None:
        places = [*range(100), *range(100, len(folder.whole), 23)]
        n_noticed = 0
        for place in places:
            content = bytearray(folder.whole)
            content[place] ^= 1 << place % 8
            folder.path.write_bytes(content)
            believed, looked, reasons = folder.answers()
            assert (believed, looked) == (folder.truth, folder.truth), place
            assert folder.answer(None) == (folder.truth, []), place
            n_noticed += len(reasons)
        assert n_noticed > len(places) // 10

    @pytest.mark.parametrize("content", [b"", b"garbage" * 1000, bytes(10_000), b"SQLite format 3\0" + bytes(5000)])
    @pytest.mark.parametrize("refresh", [None, False, True])
    def test_garbage_is_replaced(self, folder: Folder, content: bytes, refresh: bool | None) -> None:
        folder.path.write_bytes(content)
        answer, reasons = folder.answer(refresh)
        assert answer == folder.truth
        assert len(reasons) == (refresh is not True)
        assert folder.answer(False) == (folder.truth, [])

    def test_lines_of_another_index(self, folder: Folder, tmp_path: Path) -> None:
        other = make_runs(tmp_path / "other", 5, n_steps=2)
        read_runs(other)
        alien = (other / FILE_NAME).read_bytes().split(b"\n")
        for place, line in enumerate(alien):
            lines = folder.whole.split(b"\n")
            lines[place] = line
            folder.path.write_bytes(b"\n".join(lines))
            assert folder.answers()[:2] == (folder.truth, folder.truth), place

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (b"COMPLETE", b"FAILED", "checksum"),
            (b"[1,2,3,4,5]", b"[1,2,3,4,1005]", "checksum"),
            (b"[1,2,3,4,5]", b"[1,2,4,5]", "checksum"),
            (b"train.loss", b"train.gain", "checksum"),
            (b"\n[]\n", b'\n[[1, "f", 1, "k", "r", "k"]]\n', "checksum"),
            (b"\n[]\n", b"\n", "checksum"),
            (b"index 3", b"index 99", "another version"),
            (b"index 3", b"index 0", "another version"),
            (b'["mlxp_pandas', b'["mlxp_pandas', ""),
            (b'["mlxp_pandas', b'{"mlxp_pandas', "damaged"),
            (b'["mlxp_pandas', b'[1, "mlxp_pandas', "damaged"),
            (b"\n", b"", "damaged"),
        ],
    )
    def test_poisoned(self, folder: Folder, old: bytes, new: bytes, reason: str) -> None:
        assert old in folder.whole
        folder.path.write_bytes(folder.whole.replace(old, new, 1))
        believed, looked, reasons = folder.answers()
        assert (believed, looked) == (folder.truth, folder.truth)
        assert len(reasons) == bool(reason)
        assert all(reason in said for said in reasons)
        assert folder.answer(False) == (folder.truth, [])

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (b"\n[]\n", b"\n[1]\n"),
            (b"\n[]\n", b'\n[["f"]]\n'),
            (b"\n[]\n", b"\n\n"),
            (b"\n[]\n", b"\n[]\n[1]\n"),
            (b"\n[]\n", b"\n[]\nnull\n"),
            (b"[1,2,3,4,5]", b"[1,2,3,4]"),
            (b"[1,2,3,4,5]", b'[1,2,3,4,"5"]'),
            (b"[1,2,3,4,5]", b"[1,2,3,4,true]"),
            (b'["COMPLETE"]', b'["COMPLETE","FAILED"]'),
            (b'["COMPLETE"]', b'[{"map":1}]'),
            (b'["COMPLETE"]', b'[{"nothing":[]}]'),
            (b'["COMPLETE"]', b"[{}]"),
            (b'["COMPLETE"]', b"[" * 100_000),
            (b'["COMPLETE"],', b""),
            (b'"train.loss"', b"7"),
            (b'"train.loss"', b'["train.loss"]'),
        ],
    )
    @pytest.mark.parametrize("refresh", [None, False])
    def test_texts_under_a_right_checksum_that_nobody_understands(
        self, folder: Folder, old: bytes, new: bytes, refresh: bool | None
    ) -> None:
        self.forge(folder, old, new)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            runs = read_runs(folder.logs, refresh=refresh)
        assert [item.category for item in caught] == [IndexWarning]
        pd.testing.assert_frame_equal(runs, folder.runs)
        pd.testing.assert_frame_equal(read_runs(folder.logs, refresh=False), folder.runs)

    @staticmethod
    def forge(folder: Folder, old: bytes, new: bytes) -> None:
        """An index with a right checksum and a text that nobody writes."""
        assert old in folder.whole
        _, *lines = folder.whole.replace(old, new, 1).split(b"\n")
        head = json.dumps([index._KIND, folder.logs.stat().st_ino, index._digest(lines)])
        folder.path.write_bytes(b"\n".join([head.encode(), *lines]))

    @pytest.mark.parametrize(
        "look", [b"../" * 40 + b"etc/passwd", b"\\u0000", b"\\ud800", b"/etc/passwd", b""], ids=range(5)
    )
    def test_paths_that_nobody_writes(self, folder: Folder, look: bytes) -> None:
        self.forge(folder, b'"metadata/config.yaml"', b'"' + look + b'"')
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IndexWarning)
            pd.testing.assert_frame_equal(read_runs(folder.logs), folder.runs)

    def test_a_frame_tells_the_warning_once_and_where(self, folder: Folder) -> None:
        folder.path.write_bytes(folder.whole[:1000])
        with pytest.warns(IndexWarning, match=r"is not used: .*The answer is complete.*`dst_dir`") as caught:
            pd.testing.assert_frame_equal(read_runs(folder.logs), folder.runs)
        assert [item.filename for item in caught] == [__file__]
        folder.path.write_bytes(folder.whole[:1000])
        with pytest.warns(IndexWarning, match="is not used") as caught:
            assert Reader(folder.logs).problems.empty
        assert [item.filename for item in caught] == [__file__]


class TestNotOurs:
    """What is no index of ours is named, and stays as it is."""

    @pytest.fixture(params=[None, False, True])
    def refresh(self, request: pytest.FixtureRequest) -> bool | None:
        return request.param

    @pytest.mark.parametrize(
        "kind", ["folder", "full folder", "FIFO", "socket", "link", "dangling link", "loop", "/dev/zero"]
    )
    def test_something_else(self, folder: Folder, kind: str, refresh: bool | None, tmp_path: Path) -> None:
        precious = tmp_path / "precious"
        precious.write_text("keep")
        folder.path.unlink()
        with self.put(kind, folder.path, precious):
            before = os.lstat(folder.path)
            answer, reasons = folder.answer(refresh)
            assert answer == folder.truth
            assert "something else than a file" in reasons[0]
            assert os.path.samestat(os.lstat(folder.path), before)
            assert os.lstat(folder.path).st_mtime_ns == before.st_mtime_ns
        assert precious.read_text() == "keep"
        assert leftovers(folder.logs) == []

    @staticmethod
    @contextlib.contextmanager
    def put(kind: str, path: Path, precious: Path) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            stack.callback(remove, path)
            if "folder" in kind:
                path.mkdir()
            if kind == "full folder":
                (path / "file").write_text("keep")
                stack.callback((path / "file").unlink)
            elif kind == "FIFO":
                os.mkfifo(path)
            elif kind == "socket":
                bind(path, stack)
            elif kind in ("link", "dangling link", "loop", "/dev/zero"):
                path.symlink_to({"link": precious, "loop": path, "/dev/zero": Path(kind)}.get(kind, precious / "not"))
            yield

    @only_root
    def test_of_another_user(self, folder: Folder, refresh: bool | None) -> None:
        os.chown(folder.path, NOBODY, NOBODY)
        answer, reasons = folder.answer(refresh)
        assert answer == folder.truth
        assert "it belongs to another user" in reasons[0]
        assert folder.path.read_bytes() == folder.whole
        assert folder.path.stat().st_uid == NOBODY
        folder.path.unlink()

    @only_root
    def test_of_the_owner_of_the_logs_is_believed(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 3)
        runs = read_runs(logs)
        for path in (logs, logs / FILE_NAME):
            os.chown(path, NOBODY, NOBODY)
        pd.testing.assert_frame_equal(read_runs(logs, refresh=False), runs)

    def test_of_another_folder_in_the_same_place(self, tmp_path: Path) -> None:
        one, two = make_runs(tmp_path / "one", 3), make_runs(tmp_path / "two", 4)
        place = tmp_path / "place"
        assert len(read_runs(one, dst_dir=place)) == 3
        for _ in range(2):
            for logs, count in ((two, 4), (one, 3)):
                with pytest.warns(IndexWarning, match="another log folder"):
                    assert len(read_runs(logs, dst_dir=place, refresh=False)) == count

    def test_of_a_copied_folder(self, folder: Folder, tmp_path: Path) -> None:
        """The index that came along is not believed, and nothing to warn about."""
        shutil.copytree(folder.logs, tmp_path / "copy")
        (tmp_path / "copy/3/metadata/config.yaml").write_text("seed: 77\n")
        assert read_runs(tmp_path / "copy", refresh=False).loc[3, "config.seed"] == 77
        assert read_runs(tmp_path / "copy", refresh=False).loc[3, "config.seed"] == 77

    def test_of_a_moved_folder_is_believed(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 3)
        read_runs(logs)
        moved = logs.rename(tmp_path / "moved")
        runs = read_runs(moved, refresh=False)
        assert len(runs.loc[2, "train.loss"].load()) == 10


def bind(path: Path, stack: contextlib.ExitStack) -> None:
    """A socket of this name; its address may only be short."""
    server = stack.enter_context(socket.socket(socket.AF_UNIX))
    with tempfile.TemporaryDirectory() as short:
        server.bind(f"{short}/s")
        os.rename(f"{short}/s", path)


class TestNotWritable:
    @pytest.mark.parametrize("has_index", [False, True])
    def test_read_only_folder(self, open_folder: Path, has_index: bool) -> None:
        logs = make_runs(open_folder / "logs", 3)
        runs = read_runs(logs, dst_dir=open_folder / "mine")
        if has_index:
            read_runs(logs)
        (logs / "2/metadata/config.yaml").write_text("seed: 77\n")  # so that there is something to write
        make_read_only(logs)
        before = listing(logs)

        def check() -> None:
            with pytest.warns(IndexWarning, match=f"{os.strerror(errno.EACCES)}.*`dst_dir`"):
                read = read_runs(logs)
            assert read.loc[2, "config.seed"] == 77
            assert read.loc[1].equals(runs.loc[1])
            assert listing(logs) == before
            place = tempfile.mkdtemp()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert read_runs(logs, dst_dir=place).equals(read)
            shutil.rmtree(place)

        as_nobody(check)

    def test_index_that_cannot_be_read(self, open_folder: Path) -> None:
        logs = make_runs(open_folder / "logs", 3)
        runs = read_runs(logs)
        (logs / FILE_NAME).chmod(0)
        make_read_only(logs)

        def check() -> None:
            with pytest.warns(IndexWarning, match="is not used"):
                assert read_runs(logs).equals(runs)

        as_nobody(check)

    def test_dst_dir_that_cannot_be_made(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 3)
        (tmp_path / "file").write_text("keep")
        for place in (tmp_path / "file", tmp_path / "file/below"):
            with pytest.warns(IndexWarning, match="is not used"):
                assert len(read_runs(logs, dst_dir=place)) == 3
        assert (tmp_path / "file").read_text() == "keep"

    @pytest.mark.parametrize("name", ["a b", "100%", "what?", "a#b", "é", "x&mode=rwc", b"\xff\xfe"])
    def test_any_name_of_a_folder(self, name: str | bytes, tmp_path: Path) -> None:
        place = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
        make_runs(tmp_path / "logs", 3).rename(os.fsdecode(place))
        logs = Path(os.fsdecode(place))
        for refresh in (None, False):
            assert len(read_runs(logs, refresh=refresh)) == 3
        assert os.listdir(tmp_path) == [os.fsdecode(name)]
        assert (logs / FILE_NAME).is_file()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path, _, _ in os.walk(folder):
        os.chmod(path, 0o755)
    shutil.rmtree(folder)


def make_read_only(logs: Path) -> None:
    for path, _, names in os.walk(logs):
        os.chmod(path, 0o555)
        for name in names:
            if name != FILE_NAME:
                os.chmod(os.path.join(path, name), 0o444)


def as_nobody(check: Callable[[], None]) -> None:
    """Do this as a user without rights: as this one, or as nobody in a process of its own where this one is root."""
    if not is_root:
        check()
        return
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            check()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert wait_for_child(child) == 0


class TestLocked:
    def test_no_lock_is_waited_for(self, folder: Folder) -> None:
        script = "import fcntl, sys; f = open(sys.argv[1], 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); print(); input()"
        command = [sys.executable, "-c", script, str(folder.path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with folder.path.open("r+b") as file, pytest.raises(BlockingIOError, match=os.strerror(errno.EAGAIN)):
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            assert folder.answer(False) == (folder.truth, [])
            assert folder.answer(None) == (folder.truth, [])
            process.communicate(b"\n", timeout=SECONDS)


class TestWriting:
    def test_a_full_disk(self, folder: Folder, tmp_path: Path) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        reasons = []
        for limit in range(0, len(folder.whole) + 512, 256):
            place = tmp_path / str(limit)
            place.mkdir()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
                try:
                    answer = scanned(folder.logs, place)
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            assert answer == folder.truth
            assert leftovers(place) == []
            assert bool(caught) != (place / FILE_NAME).exists()
            reasons += [str(item.message) for item in caught]
            assert scanned(folder.logs, place, False) == folder.truth
        assert 5 < len(reasons) < len(list(tmp_path.iterdir()))
        assert all("it cannot be written" in reason for reason in reasons)

    def test_a_full_disk_leaves_the_old_index(self, folder: Folder) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            answer, reasons = folder.answer(True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert answer == folder.truth
        assert len(reasons) == 1
        assert folder.path.read_bytes() == folder.whole

    @only_root
    def test_a_full_file_system(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 60)
        truth = scanned(logs, logs)
        place = tmp_path / "small"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(place)]
        if (
            shutil.which("mount") is None
            or subprocess.run(mount, capture_output=True, check=False, timeout=SECONDS).returncode
        ):
            pytest.skip("no file system can be mounted here")
        try:
            with pytest.warns(IndexWarning, match="it cannot be written"):
                assert scanned(logs, place) == truth
            assert os.listdir(place) == []
        finally:
            subprocess.run(["umount", str(place)], check=True, timeout=SECONDS)

    def test_the_file_vanishes_while_it_is_written(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        def vanish(old: str, new: str) -> None:
            os.unlink(old)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), old)

        monkeypatch.setattr(os, "replace", vanish)
        with pytest.warns(IndexWarning, match=f"it cannot be written .*{os.strerror(errno.ENOENT)}"):
            assert scanned(folder.logs, folder.logs, True) == folder.truth
        assert folder.path.read_bytes() == folder.whole

    def test_another_process_is_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An index that another one has put in place meanwhile is replaced by one that knows as much."""
        logs = make_runs(tmp_path / "logs", 10)
        scanned(logs, logs)
        real = os.replace

        def late(source: str, target: str) -> None:
            monkeypatch.setattr(os, "replace", real)
            scanned(logs, logs, True)
            real(source, target)

        (logs / "3/metadata/config.yaml").write_text("seed: 77\n")
        time.sleep(2.1)
        monkeypatch.setattr(os, "replace", late)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = scanned(logs, logs)
            assert answer.cells[3, "config.seed"] == 77
            assert scanned(logs, logs, False) == answer
            assert leftovers(logs) == []

    def test_nothing_is_written_when_nothing_changed(self, folder: Folder) -> None:
        scanned(folder.logs, folder.logs)
        before = folder.path.stat()
        for refresh in (None, False, None):
            scanned(folder.logs, folder.logs, refresh)
        assert folder.path.stat() == before

    def test_what_killed_writers_left_is_removed_later(self, folder: Folder) -> None:
        old, young = (folder.logs / f"{FILE_NAME}.{name}.tmp" for name in ("1-0a", "2-0b"))
        other = folder.logs / "mine.tmp"
        for path in (old, young, other):
            path.write_text("half")
        for path in (old, other):
            os.utime(path, (time.time() - 7200,) * 2)
        scanned(folder.logs, folder.logs, True)
        assert [path.exists() for path in (old, young, other)] == [False, True, True]
        for path in (young, other):
            path.unlink()

    def test_it_is_plain_text_and_holds_no_path_of_its_own(self, folder: Folder) -> None:
        head, problems, *blocks = map(json.loads, folder.whole.decode("ascii").split("\n"))
        assert [head[0], problems] == ["mlxp_pandas index 3", []]
        for layout, *_ in blocks:
            assert str(folder.logs) not in json.dumps(layout)
            assert all(not path.startswith("/") for path in layout[-1])


class TestReadOnly:
    """P7: of the log folder, nothing but the index is ever written."""

    def test_everything_leaves_the_folder_as_it_was(self, folder: Folder) -> None:
        before = listing(folder.logs)
        self.read_everything(read_runs(folder.logs, refresh=True))
        after = listing(folder.logs)
        assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} <= {
            ".",  # which the index is in
            FILE_NAME,
        }

    def test_with_dst_dir_the_folder_is_not_touched_at_all(self, folder: Folder, tmp_path: Path) -> None:
        before = listing(folder.logs)
        for refresh in (None, None, True, False):
            self.read_everything(read_runs(folder.logs, dst_dir=tmp_path / "place", refresh=refresh))
        assert listing(folder.logs) == before
        assert os.listdir(tmp_path / "place") == [FILE_NAME]

    @staticmethod
    def read_everything(runs: pd.DataFrame) -> None:
        runs.mlxp.load()
        runs["artifact.pickle."].map(lambda cell: cell.load())
        runs.mlxp.health()
        runs.mlxp.filter("config.seed > 1")
        assert repr(runs)


def listing(folder: Path) -> dict[str, Any]:
    """What every file and folder is, below one and itself."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in [".", *names]:
            full = os.path.normpath(os.path.join(path, name))
            status = os.lstat(full)
            content = Path(full).read_bytes() if stat.S_ISREG(status.st_mode) and os.access(full, os.R_OK) else None
            key = os.path.relpath(full, folder)
            found[key] = status.st_mode, status.st_ino, status.st_mtime_ns, status.st_uid, content
    return found
