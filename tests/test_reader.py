# SPDX-License-Identifier: MIT
"""`read_runs` and `Reader` on logs that MLXP wrote, against MLXP's own Reader, and on logs that are damaged."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import mlxp_pandas
from mlxp_pandas import Reader, read_runs
from mlxp_pandas.runs.index import FILE_NAME
from mlxp_pandas.testing import make_runs


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_run(logs: Path, log_id: int, config: str = "seed: 1\n", info: str = "status: COMPLETE\n") -> Path:
    """A run that is only its two YAML files."""
    run = logs / str(log_id)
    write(run / "metadata/config.yaml", config)
    write(run / "metadata/info.yaml", info)
    return run


@pytest.fixture(scope="module")
def runs(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return read_runs(sweep, dst_dir=tmp_path_factory.mktemp("index"))


class TestAgainstMlxp:
    def test_fields(self, runs: pd.DataFrame, oracle: Any, sweep: Path) -> None:
        reader = Reader(sweep, dst_dir=sweep.parent / "index")
        pd.testing.assert_frame_equal(reader.fields, oracle.fields, check_dtype=False, check_index_type=False)
        pd.testing.assert_frame_equal(reader.searchable, oracle.searchable, check_dtype=False, check_index_type=False)
        assert len(reader) == len(oracle) == 18

    def test_values(self, runs: pd.DataFrame, oracle: Any) -> None:
        theirs = oracle.filter().toPandas().set_index("info.logger.log_id", drop=False).sort_index()
        assert runs.index.tolist() == theirs.index.tolist() == list(range(1, 19))
        for column in oracle.searchable.index:
            assert runs[column].tolist() == theirs[column].tolist()

    def test_curves(self, runs: pd.DataFrame, oracle: Any) -> None:
        for theirs in oracle.filter():
            for column in ("train.loss", "train.epoch", "test.loss"):
                assert runs.loc[theirs["info.logger.log_id"], column].load().tolist() == theirs[column]

    def test_artifacts(self, runs: pd.DataFrame, oracle: Any) -> None:
        theirs = oracle.filter()[0]
        ours = runs.loc[theirs["info.logger.log_id"], "artifact.pickle."]["last_ckpt.pkl"].load(trust=False)
        expected = theirs["artifact.pickle."]["last_ckpt.pkl"].load()
        assert ours["epoch"] == expected["epoch"] == 9
        assert all(np.array_equal(ours["model"][name], expected["model"][name]) for name in expected["model"])

    def test_result_formats(self, runs: pd.DataFrame, sweep: Path) -> None:
        reader = Reader(sweep, dst_dir=sweep.parent / "index")
        query = "info.status == 'COMPLETE' & config.model.num_units < 4"
        assert isinstance(reader.filter(query)["train.loss"].dtype, mlxp_pandas.MetricDtype)
        loaded = reader.filter(query, result_format="pandas")
        assert loaded["train.loss"].map(len).tolist() == [10] * 12
        with pytest.raises(mlxp_pandas.InvalidOptionError, match="Did you mean 'pandas'"):
            reader.filter(query, result_format="panda")


class TestFrame:
    def test_columns_are_config_info_metrics_artifacts(self, runs: pd.DataFrame) -> None:
        kinds = [name.split(".")[0] for name in runs.columns]
        assert list(dict.fromkeys(kinds)) == ["config", "info", "test", "train", "artifact"]
        assert list(runs.columns[:6]) == [
            f"config.{key}"
            for key in ("seed", "num_epoch", "model.num_units", "data.d_int", "data.device", "optimizer.lr")
        ]
        assert list(runs.columns[-5:]) == ["test.epoch", "test.loss", "train.epoch", "train.loss", "artifact.pickle."]
        assert type(runs) is pd.DataFrame
        assert runs.index.name == "log_id"
        assert runs.index.dtype == "int64"

    def test_types(self, tmp_path: Path) -> None:
        write_run(
            tmp_path,
            1,
            "i: 1\nf: 0.5\nb: true\nt: a\nd: 2024-01-02\nm: 1\nl: [1, [2]]\ne: {}\nn: null\nx: 1\nh: 1\n"
            "p: 3\nq: true\nr: 1.5\ns: z\n",
        )
        write_run(
            tmp_path,
            2,
            "i: 2\nf: 1.5\nb: false\nt: b\nd: 2024-01-03\nm: a\nl: [3]\ne: {}\nn: null\nx: 0.5\n"
            "h: 99999999999999999999\n",
        )
        runs = read_runs(tmp_path)
        dtypes = runs.dtypes.astype(str).to_dict()
        text = "str" if pd.__version__ >= "3" else "object"
        assert {name[7:]: dtype for name, dtype in dtypes.items() if name.startswith("config.")} == {
            "i": "int64", "f": "float64", "b": "bool", "t": text, "d": "datetime64[us]", "m": "object", "l": "object",
            "e": "object", "n": "object", "x": "float64", "h": "object", "p": "Int64", "q": "boolean",
            "r": "float64", "s": text,
        }  # fmt: skip
        assert runs["config.m"].tolist() == [1, "a"]
        assert runs["config.l"].tolist() == [(1, (2,)), (3,)]
        assert runs["config.e"].tolist() == [{}, {}]
        assert runs["config.n"].tolist() == [None, None]
        assert runs["config.h"].tolist() == [1, 99999999999999999999]
        assert runs["config.p"].isna().tolist() == [False, True]
        assert runs.loc[2, ["config.q", "config.r", "config.s"]].isna().all()

    def test_odd_keys(self, tmp_path: Path) -> None:
        keys = ["class", "lambda", "2d", "x-y", "a b", "q'uote", "`tick`", "é", "1", "METRIC"]
        text = "".join(f'"{key}": {place}\n' for place, key in enumerate(keys)) + '"new\\nline": 10\nvalue: METRIC\n'
        write_run(tmp_path, 1, text)
        runs = read_runs(tmp_path)
        assert [runs.loc[1, f"config.{key}"] for key in keys] == list(range(10))
        assert runs.loc[1, "config.new\nline"] == 10
        assert runs.loc[1, "config.value"] == "METRIC"
        assert runs.mlxp.filter(
            "config.value == 'METRIC' and config.class == 0 and `config.a b` == 4"
        ).index.tolist() == [1]
        assert "config.value" in runs.mlxp.searchable.index

    def test_columns_only(self, sweep: Path, tmp_path: Path) -> None:
        runs = read_runs(sweep, dst_dir=tmp_path, columns=["config.*", "train.loss"])
        assert [name for name in runs.columns if not name.startswith("config.")] == ["train.loss"]
        assert len(runs) == 18
        assert list(read_runs(sweep, dst_dir=tmp_path, columns="info.status").columns) == ["info.status"]
        with pytest.raises(mlxp_pandas.UnknownColumnError, match=r"Did you mean 'train\.loss'"):
            read_runs(sweep, dst_dir=tmp_path, columns=["train.los"])

    def test_runs_are_in_numeric_order(self, tmp_path: Path) -> None:
        for log_id in (10, 9, 1, 100, 0):
            write_run(tmp_path, log_id)
        assert read_runs(tmp_path).index.tolist() == [0, 1, 9, 10, 100]


class TestFolders:
    def test_missing(self, sweep: Path) -> None:
        with pytest.raises(mlxp_pandas.LogsNotFoundError, match="Did you mean 'logs'") as error:
            read_runs(sweep.parent / "logz")
        assert isinstance(error.value, FileNotFoundError)

    def test_file(self, tmp_path: Path) -> None:
        write(tmp_path / "file", "")
        with pytest.raises(mlxp_pandas.NotALogsFolderError, match="is a file") as error:
            read_runs(tmp_path / "file")
        assert isinstance(error.value, NotADirectoryError)

    def test_without_runs(self, tmp_path: Path) -> None:
        make_runs(tmp_path / "project/logs", 1)
        with pytest.warns(mlxp_pandas.EmptyLogsWarning, match=r"named by a log_id .* hold runs: 'logs'") as caught:
            runs = read_runs(tmp_path / "project")
        assert runs.empty
        assert runs.index.name == "log_id"
        assert caught[0].filename == __file__

    def test_moved(self, sweep_copy: Path, tmp_path: Path) -> None:
        moved = sweep_copy.rename(tmp_path / "renamed")
        runs = read_runs(moved)
        assert len(runs.loc[3, "train.loss"].load()) == 10
        assert runs.loc[3, "artifact.pickle."]["last_ckpt.pkl"].load()["epoch"] == 9

    def test_relative_path_survives_chdir(
        self, sweep_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(sweep_copy.parent)
        runs = read_runs("logs")
        monkeypatch.chdir("/")
        assert len(runs.loc[3, "train.loss"].load()) == 10


class TestDamaged:
    @pytest.fixture
    def damaged(self, sweep_copy: Path) -> Path:
        os.remove(sweep_copy / "3/metadata/info.yaml")
        write(sweep_copy / "4/metadata/info.yaml", "status: 'COMP")
        shutil.rmtree(sweep_copy / "5/metadata")
        (sweep_copy / "6/metadata/config.yaml").rename(sweep_copy / "6/metadata/config_unresolved.yaml")
        return sweep_copy

    def test_the_others_load_and_each_loss_is_named(self, damaged: Path, sweep: Path, tmp_path: Path) -> None:
        with pytest.warns(mlxp_pandas.ProblemsWarning, match=r"5 problem\(s\) in 4 run\(s\)") as caught:
            reader = Reader(damaged)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        problems = reader.problems
        assert list(problems.columns) == ["log_id", "file", "line", "kind", "reason", "kept", "problem"]
        assert list(zip(problems["log_id"], problems["file"], problems["kind"], strict=True)) == [
            (3, "3/metadata/info.yaml", "missing"),
            (4, "4/metadata/info.yaml", "not yaml"),
            (5, "5/metadata/config.yaml", "missing"),
            (5, "5/metadata/info.yaml", "missing"),
            (6, "6/metadata/config.yaml", "queued"),
        ]
        whole = read_runs(sweep, dst_dir=tmp_path)
        others = [1, 2, *range(7, 19)]
        columns = [name for name in whole.columns if name.startswith("config.")]
        assert reader.runs.loc[others, columns].astype(str).equals(whole.loc[others, columns].astype(str))
        assert reader.runs.loc[3, "config.seed"] == whole.loc[3, "config.seed"]
        assert pd.isna(reader.runs.loc[5, "config.seed"])
        assert len(reader.runs.loc[5, "train.loss"].load()) == 10

    def test_healthy_logs_have_no_problems(self, sweep_copy: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert Reader(sweep_copy).problems.empty


class TestIndex:
    def test_frame_from_the_index_is_the_frame_without(self, sweep_copy: Path) -> None:
        first = read_runs(sweep_copy)
        assert (sweep_copy / "mlxp_pandas.index").is_file()
        for refresh in (None, False, True):
            pd.testing.assert_frame_equal(read_runs(sweep_copy, refresh=refresh), first)

    def test_dst_dir(self, sweep_copy: Path, tmp_path: Path) -> None:
        read_runs(sweep_copy, dst_dir=tmp_path / "made/here")
        assert (tmp_path / "made/here/mlxp_pandas.index").is_file()
        assert not (sweep_copy / "mlxp_pandas.index").exists()

    @pytest.mark.parametrize(
        "change",
        [
            lambda run: write(run / "metadata/config.yaml", "seed: 7\n"),
            lambda run: write(run / "metadata/info.yaml", "status: FAILED\n"),
            lambda run: write(run / "metrics/.keys/train.yaml", "epoch: ''\nloss: ''\nacc: ''\n"),
            lambda run: (
                write(run / "metrics/val.json", '{"x": 1}\n'),
                write(run / "metrics/.keys/val.yaml", "x: ''\n"),
            ),
            lambda run: write(run / "metrics/val.json", '{"x": 1}\n'),
            lambda run: write(run / "artifacts/.keys/artifacts.yaml", "image:\n  '':\n    a.png: ''\n"),
            shutil.rmtree,
            lambda run: shutil.copytree(run, run.parent / "99"),
            lambda run: (shutil.rmtree(run), write_run(run.parent, int(run.name), "seed: 8\n")),
        ],
    )
    def test_every_change_is_noticed(self, change: Any, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 5)
        self.make_old(logs)
        before = read_runs(logs)
        change(logs / "3")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", mlxp_pandas.ProblemsWarning)
            after = read_runs(logs)
            assert not after.equals(before)
            pd.testing.assert_frame_equal(after, read_runs(logs, dst_dir=tmp_path))
            pd.testing.assert_frame_equal(read_runs(logs, refresh=False), after)

    def test_rewritten_with_the_same_size_and_mtime(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 3)
        config = logs / "2/metadata/config.yaml"
        for seed in (3, 4, 5):
            status = config.stat()
            text = config.read_text()
            place = text.index("seed: ") + 6
            write(config, f"{text[:place]}{seed}{text[place + 1 :]}")
            os.utime(config, ns=(status.st_atime_ns, status.st_mtime_ns))
            assert read_runs(logs).loc[2, "config.seed"] == seed

    def test_refresh_false_does_not_look(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 3)
        before = read_runs(logs)
        shutil.rmtree(logs / "2")
        pd.testing.assert_frame_equal(read_runs(logs, refresh=False), before)
        assert read_runs(logs).index.tolist() == [1, 3]

    def test_warm_opens_no_file_of_a_run(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 20)
        self.make_old(logs)
        read_runs(logs)
        with opened() as paths:
            read_runs(logs)
        assert [path for path in paths if path.startswith(f"{logs}/") and FILE_NAME not in path] == []

    @pytest.mark.parametrize(
        ("spoil", "reason"),
        [
            (lambda index: index.write_bytes(b""), "damaged"),
            (lambda index: index.write_bytes(b"garbage" * 1000), "damaged"),
            (lambda index: index.write_bytes(index.read_bytes()[:1000]), "checksum"),
            (lambda index: replace(index, b"COMPLETE", b"COMPLETF"), "checksum"),
            (lambda index: replace(index, b"COMPLETE", b"FAILED"), "checksum"),
            (lambda index: replace(index, b"index 3", b"index 9"), "another version"),
            (lambda index: index.write_bytes(b"SQLite format 3\0" + bytes(5000)), "damaged"),
        ],
    )
    @pytest.mark.parametrize("refresh", [None, False])
    def test_an_index_that_cannot_be_used_is_replaced(
        self, spoil: Any, reason: str, refresh: bool | None, tmp_path: Path
    ) -> None:
        logs = make_runs(tmp_path / "logs", 5)
        whole = read_runs(logs)
        spoil(logs / "mlxp_pandas.index")
        with pytest.warns(mlxp_pandas.IndexWarning, match=f"({reason}).*dst_dir") as caught:
            pd.testing.assert_frame_equal(read_runs(logs, refresh=refresh), whole)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        pd.testing.assert_frame_equal(read_runs(logs, refresh=False), whole)

    @pytest.mark.parametrize(
        "put", [os.mkdir, os.mkfifo, lambda path: os.symlink(path.parent.parent / "precious", path)]
    )
    def test_what_is_not_ours_is_never_touched(self, put: Any, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 5)
        write(tmp_path / "precious", "keep")
        put(logs / "mlxp_pandas.index")
        with pytest.warns(mlxp_pandas.IndexWarning, match="something else than a file"):
            assert len(read_runs(logs)) == 5
        assert (tmp_path / "precious").read_text() == "keep"
        assert not (logs / "mlxp_pandas.index").is_file() or (logs / "mlxp_pandas.index").is_symlink()

    @pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
    def test_read_only_folder(self, tmp_path: Path) -> None:
        logs = make_runs(tmp_path / "logs", 5)
        logs.chmod(0o555)
        with pytest.warns(mlxp_pandas.IndexWarning, match="dst_dir"):
            assert len(read_runs(logs)) == 5
        read_runs(logs, dst_dir=tmp_path / "mine")
        logs.chmod(0o755)

    @staticmethod
    def make_old(logs: Path) -> None:
        """Wait until nothing is younger than two seconds, so that the index is believed."""
        import time

        time.sleep(max(0.0, 2.1 - (time.time() - logs.stat().st_ctime)))


class opened:
    """The paths that were opened or listed inside the block, by the interpreter's own audit events."""

    _active: ClassVar[list[list[str]]] = []
    _hooked = False

    def __enter__(self) -> list[str]:
        if not opened._hooked:
            sys.addaudithook(self._hook)
            opened._hooked = True
        opened._active.append([])
        return opened._active[-1]

    def __exit__(self, *_: object) -> None:
        opened._active.pop()

    @staticmethod
    def _hook(event: str, arguments: tuple[Any, ...]) -> None:
        if opened._active and event in ("open", "os.listdir", "os.scandir"):
            opened._active[-1].append(str(arguments[0]))


def replace(index: Path, old: bytes, new: bytes) -> None:
    data = index.read_bytes()
    assert old in data
    index.write_bytes(data.replace(old, new, 1))


def test_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = make_runs(tmp_path, 3)
    pytest.importorskip("tqdm")
    for progress in (None, True, False):
        assert len(read_runs(logs, refresh=True, progress=progress)) == 3


def test_problems_of_names_that_are_no_log_id(tmp_path: Path) -> None:
    logs = make_runs(tmp_path, 2)
    for name in ("007", "\u0663", "1" + "0" * 30, "-1", "x"):
        (logs / name).mkdir()
    with pytest.warns(mlxp_pandas.ProblemsWarning, match="not a log_id"):
        reader = Reader(logs)
    assert reader.runs.index.tolist() == [1, 2]
    assert reader.problems["log_id"].isna().tolist() == [True] * 3
