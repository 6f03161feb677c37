# SPDX-License-Identifier: MIT
"""The promises of the package, checked on one hostile case; run as a program of its own, that a case cannot take along.

    python -m tests.promises FOLDER [--as-nobody] < names

builds the cases of these names in the folder, reads each of them in every way, and prints a line of JSON for each: the
name when it begins, then the name with what is broken, or with nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import faulthandler
import json
import os
import resource
import sys
import sysconfig
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mlxp_pandas
from mlxp_pandas.artifact import Artifacts
from mlxp_pandas.curves import forget, read_curves
from mlxp_pandas.errors import MlxpPandasError, ProblemsWarning
from mlxp_pandas.index import FILE_NAME
from mlxp_pandas.metrics import Metric, MetricDtype
from mlxp_pandas.problems import Problem
from tests.damage import ABSENT, Case, remove
from tests.hostile import CASES, CLASSES, build

SECONDS = 180  # for one case, on a slow machine
BYTES = 1 << 30  # of memory, beyond what the imports take
SETTLED = 2.1  # seconds after which a file that was written counts as settled

_RUNS_CODE = ("os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.find_class")
_READS = ("open", "os.listdir", "os.scandir")
_WRITES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "os.truncate",
)
_ACTS = {
    *map(chr, range(32)),
    *map(chr, range(127, 160)),
    *"\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
}


class Watch:
    """What the interpreter does while it reads a case: everything that no log may make it do is in `seen`."""

    def __init__(self) -> None:
        self.folder = ""
        self.homes: tuple[str, ...] = ()
        self.seen: list[str] = []
        libraries = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), str(Path(__file__).parent.parent)}
        self._libraries = tuple(os.path.realpath(path) + os.sep for path in libraries)
        sys.addaudithook(self._hook)

    @contextlib.contextmanager
    def on(self, logs: Path) -> Iterator[None]:
        self.seen = []
        self.homes = tuple(os.path.realpath(path) + os.sep for path in (logs, logs / "2", logs.parent / "index"))
        self.folder = str(logs.parent)
        try:
            yield
        finally:
            self.folder = ""

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folder:
            return
        if event in _RUNS_CODE or (event == "import" and arguments[0] in ("antigravity", "not_there")):
            self.seen.append(f"{event} {arguments!r}"[:300])
        elif event in _READS + _WRITES and isinstance(arguments[0], (str, bytes)):
            flags = arguments[2] if event == "open" else 0
            self._look(
                event, os.fsdecode(arguments[0]), bool(flags & 3) or event in _WRITES, bool(flags & os.O_NOFOLLOW)
            )

    def _look(self, event: str, path: str, is_write: bool, is_guarded: bool) -> None:
        real = (
            os.path.realpath(os.path.dirname(path)) + os.sep + os.path.basename(path)
            if is_guarded
            else os.path.realpath(path)
        )
        if is_write:
            is_good = real.startswith(self.homes) and (
                event == "os.mkdir" or os.path.basename(path).startswith(FILE_NAME)
            )
        else:
            is_good = (real + os.sep).startswith(self.homes) or real.startswith(
                (*self._libraries, "/proc/", "/sys/", "/usr/share/zoneinfo/")
            )
        if not is_good:
            self.seen.append(f"{event} {path!r}, which is {real!r}")


def check(case: Case, logs: Path, watch: Watch) -> None:
    """Read a case in every way; raises AssertionError for a promise that is broken."""
    before = _listing(logs.parent)
    with watch.on(logs):
        _check(case, logs)
    assert watch.seen == [], watch.seen
    assert not (logs.parent / "sentinel").exists()
    after = _listing(logs.parent)
    assert after == before, sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    if case.later is not None:
        case.later(logs / "2")
        assert told(_caught(lambda: mlxp_pandas.read_runs(logs))[0]) == told(_without_index(logs, "later"))


def _check(case: Case, logs: Path) -> None:
    frame, warned = _caught(lambda: mlxp_pandas.read_runs(logs))
    reader, warned_too = _caught(lambda: mlxp_pandas.Reader(logs))
    problems = [Problem(*(None if value is pd.NA else value for value in row[:6])) for row in reader.problems.values]
    for caught in (warned, warned_too):
        check_warned(caught, len(problems))
    check_problems(case, problems)
    check_index(frame, reader, logs)
    assert tuple(frame.index) == case.rows
    loaded, warned = _caught(frame.mlxp.load)
    bad = _curve_problems(frame)
    check_warned(warned, len(bad))
    assert ",".join(sorted(problem.kind for problem in bad)) == case.load, bad[:5]
    forget()
    assert told(_caught(reader.runs.mlxp.load)[0]) == told(loaded)
    check_healthy(frame, loaded, logs)
    check_kept(case, frame, loaded)
    check_artifacts(case, frame)
    check_health(case, frame, [*problems, *bad])
    check_display(case, frame, loaded, reader)


def _without_index(logs: Path, name: str) -> pd.DataFrame:
    return _caught(lambda: mlxp_pandas.read_runs(logs, refresh=True, dst_dir=logs.parent / "index" / name))[0]


def check_index(frame: pd.DataFrame, reader: mlxp_pandas.Reader, logs: Path) -> None:
    """P6: the frame from the index is the frame without it."""
    cold = told(frame)
    believed = _caught(lambda: mlxp_pandas.Reader(logs, refresh=False))[0]
    assert told(reader.runs) == cold
    assert told(believed.runs) == cold
    assert told(believed.problems) == told(reader.problems)
    assert told(_without_index(logs, "fresh")) == cold


def check_warned(caught: list[warnings.WarningMessage], n_problems: int) -> None:
    """P2: one warning for all problems, none where there is nothing; nothing healthy in it, nothing that acts."""
    assert [warning.category for warning in caught] == [ProblemsWarning] * bool(n_problems), [
        str(w.message) for w in caught
    ]
    for warning in caught:
        text = str(warning.message)
        assert text.startswith(f"{n_problems} problem(s) in ")
        assert all(line.isprintable() for line in text.split("\n"))
        assert not any(line.startswith(("  1/", "  3/")) for line in text.split("\n"))
        assert warning.filename == __file__


def check_problems(case: Case, problems: list[Problem]) -> None:
    """P2: the kinds that are expected, each with all that a row must say, none of a healthy run."""
    assert ",".join(sorted(problem.kind for problem in problems)) == case.scan, problems[:5]
    for problem in problems:
        assert problem.log_id in (None, 2)
        assert problem.reason
        assert problem.kept
        assert not problem.file.startswith(("/", "1/", "3/"))
        assert Problem(*problem).sentence.isprintable()


def _curve_problems(frame: pd.DataFrame) -> list[Problem]:
    columns = [name for name in frame if isinstance(frame[name].dtype, MetricDtype)]
    runs: dict[Any, None] = {}
    cells = set()
    for name in columns:
        for run in frame[name].array.runs:
            if run is not None:
                runs[run] = None
                cells.add((run, name))
    return read_curves(list(runs), columns, cells).problems


_twins: dict[str, Any] = {}


def check_healthy(frame: pd.DataFrame, loaded: pd.DataFrame, logs: Path) -> None:
    """P1: the cells of runs 1 and 3 are those of a log folder without run 2."""
    twin = _twins["frame"]
    for name in frame:
        for log_id in (1, 3):
            cell = plain(frame.at[log_id, name])
            known = plain(twin.at[log_id, name]) if name in twin else ABSENT
            known = known.replace(str(_twins["logs"].parent), str(logs.parent)) if isinstance(known, str) else known
            assert is_same(cell, known), (name, log_id, cell, known)
            if isinstance(cell, Metric):
                found, right = loaded.at[log_id, name], _twins["loaded"].at[log_id, name]
                assert (found.dtype, found.tobytes()) == (right.dtype, right.tobytes())
            elif isinstance(cell, Artifacts):
                assert repr(cell.load()) == _twins[name, log_id]
    assert set(twin) <= set(frame)


def is_same(cell: Any, known: Any) -> bool:
    """Whether it is the same value; an integer may be in a column of floats."""
    if isinstance(known, (Metric, Artifacts)):
        return type(cell) is type(known) and cell.column == known.column and cell.log_id == known.log_id
    is_number = type(cell) in (int, float) and type(known) in (int, float)
    return (type(cell) is type(known) or is_number) and repr(cell) in (
        repr(known),
        repr(float(known)) if is_number else "",
    )


def plain(cell: Any) -> Any:
    """The cell as a Python value; ABSENT where there is none."""
    if cell is None or isinstance(cell, (str, tuple, Metric, Artifacts)):
        return cell
    value = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(value, pd.Timestamp) and value is not pd.NaT:
        return value.to_pydatetime()
    return ABSENT if value is pd.NA or value is pd.NaT or value != value else value  # noqa: PLR0124  # NaN


def check_kept(case: Case, frame: pd.DataFrame, loaded: pd.DataFrame) -> None:
    """P1 and P2: what run 2 keeps."""
    for name, value in case.kept.items():
        cell = loaded.at[2, name] if name in loaded else ABSENT
        if isinstance(cell, np.ndarray):
            assert shown(cell.tolist()) == shown(value), (name, cell)
        elif value != value:  # noqa: PLR0124  # NaN
            assert np.isnan(cell), (name, cell)
        else:
            assert shown(plain(cell)) == shown(value), (name, cell, value)


def shown(value: Any) -> str:
    """A value as a text that tells all of it, its types too."""
    if isinstance(value, (frozenset, set)):
        return f"set {', '.join(sorted(map(shown, value)))}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} [{', '.join(map(shown, value))}]"
    if isinstance(value, str):
        return ascii(value)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).isoformat()
    return f"{type(value).__name__} {value!r}" if type(value) is not int else hex(value)


def check_artifacts(case: Case, frame: pd.DataFrame) -> None:
    """P3: what loading the artifacts of run 2 gives, where nobody is trusted."""
    expected = dict(case.artifacts)
    for name in frame.columns[[isinstance(dtype, mlxp_pandas.ArtifactDtype) for dtype in frame.dtypes]]:
        cell = frame.at[2, name] if 2 in frame.index else np.nan
        for file, artifact in list(cell.items())[:5] if isinstance(cell, Artifacts) else ():
            outcomes = [_outcome(artifact, trust) for trust in (None, False)]
            wanted = expected.pop(f"{name}/{file}", None)
            assert wanted is None or all(_is_as(outcome, wanted) for outcome in outcomes), (name, file, outcomes)
    assert not expected


def _outcome(artifact: mlxp_pandas.Artifact, trust: bool | None) -> Any:
    try:
        return artifact.load(trust=trust)
    except MlxpPandasError as error:
        assert all(line.isprintable() for line in str(error).split("\n"))  # noqa: PT017
        return error


def _is_as(outcome: Any, wanted: Any) -> bool:
    if isinstance(wanted, type):
        return isinstance(outcome, wanted)
    if not isinstance(wanted, str):
        return repr(outcome) == repr(wanted)
    if not isinstance(outcome, MlxpPandasError):
        return any(repr(outcome).startswith(one) or str(outcome).startswith(one) for one in wanted.split("|"))
    name, _, text = wanted.partition(": ")
    return any(type(outcome).__name__.startswith(one) for one in name.split("|")) and text in str(outcome)


def check_health(case: Case, frame: pd.DataFrame, problems: list[Problem]) -> None:
    """P2: `health` knows all problems of the run, and none of the healthy ones."""
    health, warned = _caught(frame.mlxp.health)
    assert not warned
    assert health.loc[[1, 3], "n_problems"].tolist() == [0, 0]
    if 2 in frame.index:
        named = health.at[2, "problems"]
        assert health.at[2, "n_problems"] == len(named)
        if case.health is None:
            right = sorted(problem.sentence for problem in problems if problem.log_id == 2)
            assert sorted(named) == right, [text for text in {*named, *right} if (text in named) != (text in right)][:5]
        else:
            assert len(named) == len(case.health.split(","))
            assert all(f": {kind}: " in text for kind, text in zip(case.health.split(","), sorted(named), strict=True))


def check_display(case: Case, frame: pd.DataFrame, loaded: pd.DataFrame, reader: mlxp_pandas.Reader) -> None:
    """What is shown can be shown; of the cases of that class, nothing acts."""
    texts = [repr(frame), repr(loaded), repr(reader), repr(reader.problems)]
    html = [frame._repr_html_(), loaded._repr_html_()]
    if case not in CLASSES["display"]:
        return
    groups = frame.mlxp.groupby(list(frame.columns[:1]))
    texts += [repr(frame.mlxp.fields), repr(frame.mlxp.searchable), repr(groups), frame.to_string(), loaded.to_string()]
    texts += [repr(frame.columns.tolist()), repr(frame.loc[2]), repr(frame.loc[2].to_dict()), repr(frame.mlxp.diff())]
    html += [frame.to_html(), loaded.to_html(), frame.mlxp.fields._repr_html_(), reader.problems._repr_html_()]
    for text in texts + html:
        assert not _ACTS & set(text.replace("\n", "")), sorted(map(ascii, _ACTS & set(text)))
    for text in html:
        assert "<script" not in text
        assert "<img" not in text
        assert "jax_ignore" in text


def told(frame: pd.DataFrame) -> dict[str, Any]:
    """All that a frame holds, for comparison."""
    cells = {shown(name): [_told_cell(cell) for cell in frame[name]] for name in frame}
    return {"dtypes": [str(dtype) for dtype in frame.dtypes], "index": frame.index.tolist(), **cells}


def _told_cell(cell: Any) -> str:
    if isinstance(cell, np.ndarray):
        return f"{cell.dtype} {shown(cell.tolist())}"
    return repr(cell) if isinstance(cell, (Metric, Artifacts)) else shown(cell)


def _caught(call: Callable[[], Any]) -> tuple[Any, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = call()
    return value, caught


def _listing(folder: Path) -> dict[str, tuple[Any, ...]]:
    """All that is in a folder, but for the indexes; P4 and P7."""
    found = {}
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(path, name) != folder / "index"]  # the indexes of `fresh`
        for name in (".", *folders, *files):
            status = os.lstat(os.path.join(path, name))
            is_changing = Path(path, name) in (folder, folder / "logs")
            if not name.startswith(FILE_NAME):
                times = () if is_changing else (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                found[os.path.join(path, name)] = (status.st_mode, status.st_ino, status.st_uid, *times)
    return found


def main(folder: Path, names: list[str], as_nobody: bool) -> None:
    """Build the cases, then check each; the order is that of the names."""
    if as_nobody and os.geteuid() == 0:
        _import_everything()
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    warnings.simplefilter("error")  # from here on: pandas 2.2.0 warns when it is imported
    _make_twin(folder)
    places = {name: build(CASES[name], _folder(folder, number)) for number, name in enumerate(names, 1)}
    time.sleep(SETTLED)
    watch = Watch()
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if os.path.exists("/proc")
        else 4 << 30
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, resource.RLIM_INFINITY))
    for name, logs in places.items():
        print(json.dumps([name]), flush=True)
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            check(CASES[name], logs, watch)
            broken = ""
        except BaseException:
            broken = traceback.format_exc()
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps([name, broken]), flush=True)


def _folder(folder: Path, number: int) -> Path:
    path = folder / f"{number}"
    for name in ("fresh", "later"):
        (path / "index" / name).mkdir(parents=True)
    return path


def _import_everything() -> None:
    """Read a healthy case: what is imported on the way may be in a folder that nobody cannot read."""
    with tempfile.TemporaryDirectory() as folder:
        _make_twin(Path(folder))
        healthy = Case("healthy", remove())
        _check(healthy, build(healthy, _folder(Path(folder), 1)))


def _make_twin(folder: Path) -> None:
    logs = build(Case("twin", remove("")), _folder(folder, 0))
    frame = mlxp_pandas.read_runs(logs)
    _twins.update(logs=logs, frame=frame, loaded=frame.mlxp.load())
    _twins.update(
        {(name, log_id): repr(frame.at[log_id, name].load()) for name in frame.columns[-1:] for log_id in (1, 3)}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.load(sys.stdin), "--as-nobody" in sys.argv)
