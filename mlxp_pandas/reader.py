# SPDX-License-Identifier: MIT
"""A log folder -> a DataFrame: `read_runs`, and `Reader`, which gives MLXP's vocabulary over the same parts."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import partial

import pandas as pd

from .disk import Problem, runs_below, warn_of
from .errors import EmptyLogsWarning, InvalidOptionError, UnknownColumnError, suggest, user_stacklevel
from .plaintext import printable
from .query import selected_rows
from .runs import Block, progress_bar, scan, to_frame
from .stats import fields_table, load, searchable_table

__all__ = ["Reader", "read_runs"]

_Path = str | os.PathLike[str]
_FORMATS = ("lazy", "pandas")


def read_runs(
    path: _Path,
    *,
    dst_dir: _Path | None = None,
    refresh: bool | None = None,
    progress: bool | None = None,
    columns: str | Iterable[str] | None = None,
) -> pd.DataFrame:
    """Read a folder of MLXP logs into a DataFrame, one row a run.

    Parameters
    ----------
    path : str or path
        The log folder, that holds the runs `1/`, `2/`, ...
    dst_dir : str or path, optional
        The folder of the index, for logs that cannot be written; made where it is missing. The log folder by default.
    refresh : bool, optional
        None (the default) looks at every run and reads again what changed; True rebuilds the index from nothing;
        False trusts the index without looking at the runs.
    progress : bool, optional
        None shows progress on long scans where tqdm is installed; True demands it; False never shows it.
    columns : str or list of str, optional
        Patterns as of `fnmatch` (`config.*`, `train.loss`); only columns that match one of them are built.

    Returns
    -------
    DataFrame of shape (n_runs, n_columns)
        Indexed by `log_id`, ascending. `config.*`, then `info.*`, then metrics `<log>.<key>`, then
        `artifact.<type>.<folder>`. A key that a run lacks is missing there (NaN or NA); metric and artifact cells are
        placeholders that are read when they are asked for.

    Raises
    ------
    LogsNotFoundError
        There is no such folder (also a `FileNotFoundError`).
    NotALogsFolderError
        The path leads to a file (also a `NotADirectoryError`).
    LogsUnreadableError
        The system does not list the folder (also an `OSError`).
    UnknownColumnError
        A pattern of `columns` that matches no column (also a `KeyError`).

    Warns
    -----
    ProblemsWarning
        Once, for all that is wrong with single runs; the rest is loaded. `Reader(path).problems` lists it.
    EmptyLogsWarning
        The folder holds no run.
    IndexWarning
        The index could not be used or written.

    Examples
    --------
    >>> import tempfile
    >>> from mlxp_pandas.testing import make_runs
    >>> runs = read_runs(make_runs(tempfile.mkdtemp(), 3))
    >>> runs[["config.optimizer.lr", "info.status", "train.loss"]]
            config.optimizer.lr info.status train.loss
    log_id
    1                      10.0    COMPLETE     METRIC
    2                       1.0    COMPLETE     METRIC
    3                      10.0    COMPLETE     METRIC
    """
    frame, problems = _read(path, dst_dir, refresh, progress, columns)
    warn_of(problems, f"mlxp_pandas.Reader({os.fspath(path)!r}).problems")
    return frame


class Reader:
    """The runs of a log folder, in MLXP's vocabulary.

    Parameters
    ----------
    parent_log_dir : str or path
        The log folder.
    dst_dir, refresh
        As of `read_runs`.

    Attributes
    ----------
    runs : DataFrame
        What `read_runs` returns.

    Raises
    ------
    LogsNotFoundError, NotALogsFolderError, LogsUnreadableError
        As of `read_runs`.

    Examples
    --------
    >>> import tempfile
    >>> from mlxp_pandas.testing import make_runs
    >>> reader = Reader(make_runs(tempfile.mkdtemp(), 4))
    >>> len(reader)
    4
    >>> reader.filter("config.optimizer.lr < 5").index.tolist()
    [2, 4]
    """

    def __init__(self, parent_log_dir: _Path, dst_dir: _Path | None = None, refresh: bool | None = None) -> None:
        self.runs, self._problems = _read(parent_log_dir, dst_dir, refresh, None, None)
        warn_of(self._problems, "the attribute `problems` of this Reader")

    def __len__(self) -> int:
        """The number of runs."""
        return len(self.runs)

    def __repr__(self) -> str:
        return f"<Reader of {len(self.runs)} runs and {len(self.runs.columns)} columns>"

    @property
    def fields(self) -> pd.DataFrame:
        """All columns with their types, as MLXP prints them: a frame `Fields -> Type`, sorted by name."""
        return fields_table(self.runs)

    @property
    def searchable(self) -> pd.DataFrame:
        """The columns that a query string may name: those of `fields` that start with `config.` or `info.`."""
        return searchable_table(self.runs)

    @property
    def problems(self) -> pd.DataFrame:
        """What could not be read: one row a loss.

        Returns
        -------
        DataFrame of shape (n_problems, 7)
            `log_id` (NA for a folder that is no run), `file` relative to the log folder, `line` (NA where there is
            none), `kind`, `reason`, `kept` (what was loaded nevertheless), and `problem`, all of it in one sentence.
        """
        return _problem_frame(self._problems)

    def filter(self, query_string: str = "", result_format: str = "lazy") -> pd.DataFrame:
        """The runs that satisfy a query.

        Parameters
        ----------
        query_string : str
            A query as of `df.mlxp.filter`; all runs where it is empty.
        result_format : {"lazy", "pandas"}
            "lazy" keeps placeholders for metrics and artifacts; "pandas" loads the curves.

        Raises
        ------
        QueryError, UnknownColumnError
            The query.
        InvalidOptionError
            Another `result_format`.

        Examples
        --------
        >>> import tempfile
        >>> from mlxp_pandas.testing import make_runs
        >>> reader = Reader(make_runs(tempfile.mkdtemp(), 4, n_steps=3))
        >>> reader.filter("config.seed < 2", result_format="pandas")["train.epoch"].iloc[0]
        array([0, 1, 2])
        """
        if result_format not in _FORMATS:
            raise InvalidOptionError(f"result_format={result_format!r} is none.{suggest(result_format, _FORMATS)}")
        frame = self.runs.take(selected_rows(self.runs, query_string))
        return frame if result_format == "lazy" else load(frame)


def _read(
    path: _Path, dst_dir: _Path | None, refresh: bool | None, progress: bool | None, columns: str | Iterable[str] | None
) -> tuple[pd.DataFrame, list[Problem]]:
    """The frame of a log folder and what is wrong in it."""
    root = os.path.abspath(os.fsdecode(path))
    folder = None if dst_dir is None else os.path.abspath(os.fsdecode(dst_dir))
    patterns = ["*"] if columns is None else [columns] if isinstance(columns, str) else list(columns)
    blocks, problems = scan(root, folder, refresh, partial(progress_bar, progress))
    if not blocks:
        _warn_of_emptiness(root)
    elif columns is not None:
        _check_patterns(patterns, blocks)
    return to_frame(blocks, root, partial(_matches, patterns)), problems


def _matches(patterns: Sequence[str], name: str) -> bool:
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _check_patterns(patterns: Sequence[str], blocks: Sequence[Block]) -> None:
    names = [name for block in blocks for names in block.layout[:4] for name in names]
    for pattern in patterns:
        if not any(_matches([pattern], name) for name in names):
            raise UnknownColumnError(f"columns={pattern!r} matches no column.{suggest(pattern, names)}")


def _warn_of_emptiness(root: str) -> None:
    below = ", ".join(repr(name) for name in runs_below(root))
    hint = f" These sub-folders hold runs: {below}." if below else ""
    message = f"{root!r} holds no run: folders named by a log_id (1, 2, 3, ...) were looked for.{hint}"
    warnings.warn(message, EmptyLogsWarning, stacklevel=user_stacklevel())


def _problem_frame(problems: Sequence[Problem]) -> pd.DataFrame:
    frame = pd.DataFrame([*problems], columns=list(Problem._fields))
    for name in ("file", "reason", "kept"):
        frame[name] = [printable(text) for text in frame[name]]
    frame["problem"] = [problem.sentence for problem in problems]
    return frame.astype(dict.fromkeys(frame, "str") | {"log_id": "Int64", "line": "Int64"})
