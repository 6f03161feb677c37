# SPDX-License-Identifier: MIT
"""Seeded run directories in exactly MLXP's layout: for documentation, tests and benchmarks.

The text is what MLXP 1.0.5 writes, byte for byte, made from templates: neither MLXP nor OmegaConf is needed.
"""

from __future__ import annotations

import datetime
import os
import pathlib
import pickle
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypedDict, Unpack

import numpy as np

from .errors import InvalidOptionError, suggest

__all__ = ["RunShape", "make_runs"]


class RunShape(TypedDict, total=False):
    """What each run of `make_runs` holds; whatever is left out is as in MLXP's tutorial.

    Attributes
    ----------
    n_config_keys : int
        Options in `config.yaml`, 6 or more: the tutorial's six, then constants of several types, ten to a group.
        6 when left out.
    n_steps : int
        Lines of each log. 10 when left out.
    logs : sequence of str
        Names of the logs. `("train", "test")` when left out.
    keys : sequence of str
        Keys of every line: `epoch` counts the lines from 0, any other is a loss, a float that falls with noise.
        `("loss", "epoch")` when left out.
    n_artifacts : int
        Pickles of plain data, the first of them `last_ckpt.pkl`. 1 when left out.
    nonfinite_every : int
        Every such run (10: log_id 10, 20, ...) diverges half-way: one `Infinity`, then `NaN` in every loss.
        0, which is never, when left out.
    status : {"COMPLETE", "FAILED", "RUNNING"}
        The status in `info.yaml`; a run that is RUNNING has no end. `"COMPLETE"` when left out.

    Examples
    --------
    >>> RunShape(n_steps=1000, keys=["loss", "accuracy", "epoch"])
    {'n_steps': 1000, 'keys': ['loss', 'accuracy', 'epoch']}
    """

    n_config_keys: int
    n_steps: int
    logs: Sequence[str]
    keys: Sequence[str]
    n_artifacts: int
    nonfinite_every: int
    status: str


def make_runs(
    path: str | os.PathLike[str], n_runs: int, *, seed: int = 0, first_id: int = 1, **shape: Unpack[RunShape]
) -> pathlib.Path:
    """Write run directories as a sweep of MLXP's tutorial would.

    The options `model.num_units` (2, 3, 4), `optimizer.lr` (10, 1) and `seed` (1, 2, ...) vary from run to run as in
    a sweep of their product, the seed fastest: 18 runs are the tutorial's.

    Parameters
    ----------
    path : str or path-like
        The log folder, made where it does not exist.
    n_runs : int
        Number of runs.
    seed : int, default 0
        Of the numbers in the logs: the same arguments write the same curves.
    first_id : int, default 1
        log_id of the first run; the others follow.
    **shape
        What each run holds: the keywords of `RunShape`.

    Returns
    -------
    pathlib.Path
        The log folder, absolute.

    Raises
    ------
    InvalidOptionError
        An option that does not exist or is outside its range, or a name that YAML would have to quote.
    FileExistsError
        One of the runs exists already; those before it are written.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> logs = make_runs(folder.name, 18, n_steps=2)
    >>> sorted(int(run.name) for run in logs.iterdir()) == list(range(1, 19))
    True
    >>> print((logs / "7" / "metadata" / "config.yaml").read_text(), end="")
    seed: 1
    num_epoch: 2
    model:
      num_units: 3
    data:
      d_int: 10
      device: cpu
    optimizer:
      lr: 10.0
    >>> print((logs / "7" / "metrics" / "train.json").read_text(), end="")
    {"loss": 0.3..., "epoch": 0}
    {"loss": 0.0..., "epoch": 1}
    >>> folder.cleanup()
    """
    chosen = _checked(n_runs, first_id, shape)
    root = os.path.abspath(path)
    maker = _Maker(root, n_runs, seed, chosen)
    os.makedirs(root, exist_ok=True)
    for number in range(n_runs):
        _write_run(f"{root}/{first_id + number}", maker.directories, maker.files(number, first_id + number))
    return pathlib.Path(root)


_TUTORIAL: RunShape = {
    "n_config_keys": 6,
    "n_steps": 10,
    "logs": ("train", "test"),
    "keys": ("loss", "epoch"),
    "n_artifacts": 1,
    "nonfinite_every": 0,
    "status": "COMPLETE",
}
_UNITS, _RATES = (2, 3, 4), (10.0, 1.0)
_STATUSES = ("COMPLETE", "FAILED", "RUNNING")
_RESERVED = frozenset({"info", "config", "mlxp", "artifacts"})
_FIRST_START = datetime.datetime(2026, 1, 1)
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# Names and paths that YAML writes as they are; PyYAML's rules of quoting are no business of this module.
_PLAIN_NAME = re.compile(
    r"(?!(?:true|false|yes|no|on|off|null)$)[a-z_][a-z0-9_-]{0,60}(\.[a-z0-9_-]{1,60})?", re.ASCII | re.IGNORECASE
)
_PLAIN_PATH = re.compile(r"/[\w/.+-]*", re.ASCII)


def _checked(n_runs: int, first_id: int, shape: RunShape) -> RunShape:
    """The whole shape, with every number and name in its range."""
    for name in shape:
        if name not in _TUTORIAL:
            raise InvalidOptionError(f"make_runs has no option {name!r}.{suggest(name, _TUTORIAL)}")
    chosen: RunShape = {**_TUTORIAL, **shape}
    _check_at_least(0, n_runs=n_runs, first_id=first_id, n_steps=chosen["n_steps"])
    _check_at_least(0, n_artifacts=chosen["n_artifacts"], nonfinite_every=chosen["nonfinite_every"])
    _check_at_least(6, n_config_keys=chosen["n_config_keys"])
    _check_names(chosen["logs"], chosen["keys"])
    if chosen["status"] not in _STATUSES:
        raise InvalidOptionError(f"status={chosen['status']!r} is not a status.{suggest(chosen['status'], _STATUSES)}")
    return chosen


def _check_at_least(least: int, **numbers: int) -> None:
    for name, number in numbers.items():
        if number < least:
            raise InvalidOptionError(f"{name}={number!r} is too small: give {least} or more.")


def _check_names(logs: Sequence[str], keys: Sequence[str]) -> None:
    for name in _RESERVED.intersection(logs):
        raise InvalidOptionError(f"MLXP refuses a log named {name!r}: give another name.")
    for name in (*logs, *keys):
        if not _PLAIN_NAME.fullmatch(name):
            raise InvalidOptionError(
                f"{name!r} is not a plain name: give a letter, then letters, digits, '_' or '-', with one '.' at most."
            )


def _write_run(run: str, directories: Sequence[str], files: Iterable[tuple[str, bytes]]) -> None:
    for directory in directories:
        os.mkdir(run + directory)
    for name, data in files:
        _write_file(run + name, data)


def _write_file(path: str, data: bytes) -> None:
    """Like `open(path, "xb").write(data)` in a third of the time, which counts at 100,000 runs."""
    descriptor = os.open(path, _NEW_FILE, 0o666)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


class _Maker:
    """The text of every run's files; what is the same in all runs is made once."""

    def __init__(self, root: str, n_runs: int, seed: int, shape: RunShape) -> None:
        self.root = root
        self.seed = seed
        self.shape = shape
        self.n_seeds = max(-(-n_runs // (len(_UNITS) * len(_RATES))), 1)
        self.more_options = _more_options(shape["n_config_keys"] - 6)
        self.n_losses = sum(key != "epoch" for key in shape["keys"])
        self.fall = 0.9 * np.exp(-5 * np.arange(shape["n_steps"]) / max(shape["n_steps"], 1)) + 0.1
        self.line = "{{" + ", ".join(f'"{key}": {{}}' for key in shape["keys"]) + "}}\n"
        self.artifacts = ["last_ckpt.pkl" if n == 0 else f"ckpt_{n}.pkl" for n in range(shape["n_artifacts"])]
        self.catalogues = [*self._metric_catalogues(), *self._artifact_catalogues()]
        self.directories = self._directories()

    def files(self, number: int, log_id: int) -> Iterator[tuple[str, bytes]]:
        """Every file of one run, named from the run's directory on."""
        units, rate, seed = self._options(number)
        rng = np.random.default_rng((self.seed, log_id))
        diverges = bool(self.shape["nonfinite_every"]) and log_id % self.shape["nonfinite_every"] == 0
        yield "/metadata/config.yaml", self._config(units, rate, seed).encode()
        yield "/metadata/info.yaml", self._info(log_id).encode()
        yield from self.catalogues
        for log in self.shape["logs"] if self.shape["n_steps"] else ():
            yield f"/metrics/{log}.json", self._curves(rng, units / rate, diverges).encode()
        for name in self.artifacts:
            data = {"epoch": self.shape["n_steps"] - 1, "weights": rng.normal(size=units).tolist()}
            yield f"/artifacts/pickle/{name}", pickle.dumps(data)

    def _options(self, number: int) -> tuple[int, float, int]:
        rest, seed = divmod(number, self.n_seeds)
        return _UNITS[rest // len(_RATES)], _RATES[rest % len(_RATES)], seed + 1

    def _config(self, units: int, rate: float, seed: int) -> str:
        return (
            f"seed: {seed}\nnum_epoch: {self.shape['n_steps']}\nmodel:\n  num_units: {units}\n"
            f"data:\n  d_int: 10\n  device: cpu\noptimizer:\n  lr: {rate}\n{self.more_options}"
        )

    def _info(self, log_id: int) -> str:
        start = _FIRST_START + datetime.timedelta(seconds=61 * log_id)
        end = None if self.shape["status"] == "RUNNING" else start + datetime.timedelta(seconds=47)
        project, run = os.path.dirname(self.root), f"{self.root}/{log_id}"
        return (
            f"status: {self.shape['status']}\ncurrent_file_path: {_path_text(project + '/main.py')}\n"
            f"executable: /usr/bin/python3\nhostname: localhost\nprocess_id: {1000 + log_id}\n"
            f"start_date: {_date_text(start)}\nstart_time: {_time_text(start)}\n"
            f"end_date: {_date_text(end)}\nend_time: {_time_text(end)}\nwork_dir: {_path_text(project)}\n"
            f"logger:\n  log_id: {log_id}\n  log_dir: {_path_text(run)}\n"
            f"  metrics_dir: {_path_text(run + '/metrics')}\n  metadata_dir: {_path_text(run + '/metadata')}\n"
            f"  artifacts_dir: {_path_text(run + '/artifacts')}\nscheduler: null\nversion_manager: null\n"
        )

    def _curves(self, rng: np.random.Generator, level: float, diverges: bool) -> str:
        """The lines of one log."""
        n_steps = self.shape["n_steps"]
        noise = rng.random((self.n_losses, n_steps)) + 1
        curves = iter([_diverged(curve) if diverges else curve for curve in (level * self.fall * noise).tolist()])
        columns = [range(n_steps) if key == "epoch" else next(curves) for key in self.shape["keys"]]
        return "".join(map(self.line.format, *columns))

    def _metric_catalogues(self) -> Iterator[tuple[str, bytes]]:
        text = "".join(f"{key}: ''\n" for key in sorted(self.shape["keys"]))
        for log in self.shape["logs"] if self.shape["n_steps"] else ():
            yield f"/metrics/.keys/{log}.yaml", text.encode()

    def _artifact_catalogues(self) -> Iterator[tuple[str, bytes]]:
        """What PyYAML makes of a mapping whose only key is the empty string."""
        if self.artifacts:
            names = "\n    ".join(f"{name}: ''" for name in sorted(self.artifacts))
            yield "/artifacts/.keys/artifacts.yaml", f"pickle:\n  ? ''\n  : {names}\n".encode()

    def _directories(self) -> list[str]:
        keys = sorted({os.path.dirname(name) for name, _ in self.catalogues})
        return ["", "/metadata", "/metrics", "/artifacts", *keys, *(["/artifacts/pickle"] if self.artifacts else [])]


def _more_options(n_options: int) -> str:
    """Constant options of five types, in groups of ten."""
    lines = ["extra:"] if n_options > 0 else []
    for number in range(n_options):
        text = (f"{number}", f"{number}.25", f"name_{number}", "true", "null")[number % 5]
        lines += [f"  group_{number // 10}:"] if number % 10 == 0 else []
        lines.append(f"    option_{number}: {text}")
    return "".join(f"{line}\n" for line in lines)


def _diverged(curve: list[float]) -> list[float | str]:
    half = len(curve) // 2
    return [*curve[:half], *["Infinity", *["NaN"] * len(curve)][: len(curve) - half]]


def _date_text(moment: datetime.datetime | None) -> str:
    return f"{moment:%d/%m/%Y}" if moment else "''"


def _time_text(moment: datetime.datetime | None) -> str:
    """The time as YAML writes it: quoted where it would read as a number in base 60, that is from ten o'clock on."""
    if moment is None:
        return "''"
    return f"'{moment:%H:%M:%S}'" if moment.hour >= 10 else f"{moment:%H:%M:%S}"


def _path_text(path: str) -> str:
    """The path as YAML writes it; one with odd characters in double quotes, which reads the same."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    return '"' + path.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
