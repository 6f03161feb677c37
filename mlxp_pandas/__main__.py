# SPDX-License-Identifier: MIT
"""The command line: `python -m mlxp_pandas show PATH` and `python -m mlxp_pandas diff PATH`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase

import pandas as pd

from .accessor import RunsAccessor
from .errors import MlxpPandasError, MlxpPandasWarning, UnknownColumnError, suggest
from .plaintext import printable
from .reader import read_runs

_SHOWN = ("config.*", "info.status")
_FORMATS = ("table", "csv", "json", "markdown")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code: 0, or 2 on bad input with one line that says why."""
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            text = _show(options) if options.command == "show" else _diff(options)
        _warn(given)
        _write(text, options.output)
    except BrokenPipeError:
        return _closed_pipe()
    except (MlxpPandasError, OSError) as error:
        print(f"mlxp_pandas: {printable(' '.join(str(error).split()))}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mlxp_pandas", description="Show and compare the runs of MLXP logs."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{show,diff}")
    show = commands.add_parser(
        "show", help="print the runs, one line each", description="Print the runs, one line each."
    )
    show.add_argument("path", help="the log folder")
    show.add_argument("--filter", metavar="QUERY", help='only the runs that satisfy a query: "config.seed == 1"')
    show.add_argument("--columns", nargs="+", metavar="PATTERN", help=f"which columns (default: {' '.join(_SHOWN)})")
    show.add_argument("--sort", metavar="COLUMN", help="sort by a column, ascending")
    show.add_argument("--format", choices=_FORMATS, default="table")
    diff = commands.add_parser(
        "diff", help="print the config keys that vary", description="Print the config keys that vary."
    )
    diff.add_argument("path", help="the log folder")
    for command in (show, diff):
        command.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of the terminal")
    return parser


def _show(options: argparse.Namespace) -> str:
    runs = read_runs(options.path)
    if options.filter:
        runs = RunsAccessor(runs).filter(options.filter)
    if options.sort:
        runs = _sorted(runs, options.sort)
    return _formatted(runs[_chosen(runs, options.columns)], options)


def _sorted(runs: pd.DataFrame, column: str) -> pd.DataFrame:
    """The runs by a column, ascending; one of mixed values by their texts."""
    if column not in [runs.index.name, *runs.columns]:
        raise UnknownColumnError(f"--sort {column}: there is no such column.{suggest(column, runs.columns)}")
    try:
        return runs.sort_values(column, kind="stable")
    except TypeError:
        return runs.sort_values(column, kind="stable", key=lambda values: values.map(str))


def _chosen(runs: pd.DataFrame, patterns: Sequence[str] | None) -> list[str]:
    """The columns that match a pattern, in the order of the patterns."""
    chosen: dict[str, None] = {}
    for pattern in patterns or _SHOWN:
        names = [name for name in runs.columns if name == pattern or fnmatchcase(name, pattern)]
        if not names and patterns:
            raise UnknownColumnError(f"--columns {pattern}: it matches no column.{suggest(pattern, runs.columns)}")
        chosen |= dict.fromkeys(names)
    return list(chosen)


def _formatted(runs: pd.DataFrame, options: argparse.Namespace) -> str:
    if options.format == "csv":
        return str(runs.to_csv())
    if options.format == "json":
        return (
            str(runs.reset_index().to_json(orient="records", date_format="iso", default_handler=str, indent=2)) + "\n"
        )
    if options.format == "markdown":
        return _markdown(runs.reset_index())
    wide = None if options.output or not sys.stdout.isatty() else shutil.get_terminal_size().columns
    return _plain(runs).to_string(line_width=wide) + "\n"


def _plain(runs: pd.DataFrame) -> pd.DataFrame:
    """The frame with texts that cannot act in a terminal."""
    columns = [values.astype(object).map(_safe_cell) if _is_text(values) else values for _, values in runs.items()]
    names = [printable(str(name)) for name in runs.columns]
    return pd.DataFrame(pd.concat(columns, axis=1, keys=names)) if columns else runs


def _is_text(values: pd.Series) -> bool:
    return values.dtype == object or pd.api.types.is_string_dtype(values.dtype)


def _safe_cell(value: object) -> object:
    return (
        printable(value if isinstance(value, str) else str(value)) if isinstance(value, (str, tuple, dict)) else value
    )


def _markdown(runs: pd.DataFrame) -> str:
    """A table in GitHub's markdown; bars and line ends in cells are escaped."""
    rows = [[_cell(value) for value in row] for row in runs.astype(object).itertuples(index=False)]
    lines = [[_cell(name) for name in runs.columns], ["---"] * len(runs.columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return printable(str(value)).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _diff(options: argparse.Namespace) -> str:
    runs = read_runs(options.path)
    return "".join(f"{printable(str(name))}\n" for name in RunsAccessor(runs).diff())


def _write(text: str, path: str | None) -> None:
    if path is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text)


def _warn(given: Sequence[warnings.WarningMessage]) -> None:
    for warning in given:
        if issubclass(warning.category, MlxpPandasWarning):
            print(f"mlxp_pandas: warning: {warning.message}", file=sys.stderr)


def _closed_pipe() -> int:
    """The reader of the pipe went away (`| head`): no fault of anybody; keep the interpreter from flushing again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
