# SPDX-License-Identifier: MIT
"""Tables for a paper: one cell a setting, mean, spread and number of runs; as text, HTML, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import InvalidOptionError
from .numbertext import figure, key_text
from .options import completed
from .partition import Key, Partition
from .plaintext import printable
from .scalars import number_columns
from .scores import as_floats, listed, setting_columns
from .stepstats import check_level, moments, t_quantile
from .tabletext import Cell, Grid, to_html, to_latex, to_markdown, to_text

__all__ = ["RunTable", "TableOptions", "run_table"]


class TableOptions(TypedDict, total=False):
    """What the cells of a table hold.

    Attributes
    ----------
    over : label or list of labels
        Columns of repetitions; `config.seed` when left out. Where other config columns vary within a cell, a note says
        so.
    spread : {"std", "sem", "ci"}
        What stands after ±: the standard deviation (n - 1 degrees of freedom), the standard error of the mean, or half
        the t-interval of the mean. `"std"` when left out.
    bold : {"min", "max", None}
        Which mean of a column is best. It is bold, and so is each cell whose interval mean ± spread contains it.
        `"min"` when left out.
    digits : int, optional
        Decimals. Two digits of the spread when left out.
    level : float
        Confidence level of "ci". 0.95 when left out.

    Examples
    --------
    >>> TableOptions(spread="ci", bold="max")
    {'spread': 'ci', 'bold': 'max'}
    """

    over: Any
    spread: str
    bold: str | None
    digits: int | None
    level: float


class RunTable:
    """A table of means over runs: it prints as text, shows as HTML in a notebook, and converts.

    Attributes
    ----------
    frame : DataFrame
        The numbers, one row a cell, indexed by the columns of the rows and of the columns: `mean`, the spread under its
        name (`std`, `sem` or `ci`), `n`, the number of runs with a finite value, and `n_skipped`, of the others.
        `frame["mean"].unstack()` has the shape of the table.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 1.0], "loss": [0.3, 0.4, 0.8]})
    >>> table = run_table(runs, "lr", value="loss")
    >>> table
    lr   loss
    0.1  0.350 ± 0.071 (2) *
    1    0.800 (1)
    loss: mean ± std (number of runs)
    * best of its column, or its interval holds the best mean
    >>> table.frame.round(3)
         mean    std  n  n_skipped
    lr
    0.1  0.35  0.071  2          0
    1.0  0.80    NaN  1          0
    """

    def __init__(self, frame: pd.DataFrame, grid: Grid) -> None:
        self.frame = frame
        self._grid = grid

    def __repr__(self) -> str:
        return to_text(self._grid)

    def _repr_html_(self) -> str:
        return to_html(self._grid)

    def to_markdown(self) -> str:
        """The table in GitHub's Markdown.

        Returns
        -------
        str

        Examples
        --------
        >>> runs = pd.DataFrame({"lr": [0.1, 0.1], "loss": [0.3, 0.4]})
        >>> print(run_table(runs, "lr", value="loss").to_markdown())
        | lr | loss |
        | :-- | --: |
        | 0.1 | **0.350 ± 0.071 (2)** |
        """
        return to_markdown(self._grid)

    def to_latex(self) -> str:
        r"""The table as a LaTeX `tabular`; it needs the package booktabs.

        Returns
        -------
        str
            Names are escaped.

        Examples
        --------
        >>> runs = pd.DataFrame({"batch_size": [8, 8], "loss": [0.3, 0.4]})
        >>> print(run_table(runs, "batch_size", value="loss").to_latex())
        \begin{tabular}{lr}
        \toprule
        batch\_size & loss \\
        \midrule
        8 & $\mathbf{0.350 \pm 0.071}$ (2) \\
        \bottomrule
        \end{tabular}
        """
        return to_latex(self._grid)


def run_table(
    frame: pd.DataFrame, rows: Any, columns: Any = None, value: str = "test.loss.last", **options: Unpack[TableOptions]
) -> RunTable:
    """Tabulate the mean of a number over runs.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    rows, columns : label or list of labels
        The config columns whose values make the rows and the columns of the table.
    value : str
        A column of numbers, or a name such as `test.loss.last`.
    **options
        The keywords of `TableOptions`.

    Returns
    -------
    RunTable

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        An option outside its allowed values, or values that are no numbers.
    MissingDependencyError
        `spread="ci"` without scipy.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 1.0, 1.0], "seed": [1, 2, 1, 2], "loss": [0.3, 0.4, 0.8, 0.9]})
    >>> run_table(runs, "lr", "seed", value="loss", digits=1)
    lr   seed = 1   seed = 2
    0.1  0.3 (1) *  0.4 (1) *
    1    0.8 (1)    0.9 (1)
    loss: mean ± std (number of runs)
    * best of its column, or its interval holds the best mean
    """
    chosen = _checked(options)
    of_rows, of_columns = Partition(frame, listed(frame, rows)), Partition(frame, listed(frame, columns))
    partition = Partition(frame, [*of_rows.names, *of_columns.names])
    numbers = _numbers(partition, as_floats(number_columns(frame, [value]).iloc[:, 0], value), chosen)
    notes = [*_note_of_mixture(frame, partition, _repetitions(frame, chosen["over"])), *_note_of_skipped(numbers)]
    cells = _cells(partition, len(of_rows.names), of_columns, numbers, chosen)
    return RunTable(numbers, _grid(value, chosen["spread"], of_rows, of_columns, cells)._replace(notes=notes))


_DEFAULTS: TableOptions = {
    "over": "config.seed",
    "spread": "std",
    "bold": "min",
    "digits": None,
    "level": 0.95,
}
_ALLOWED: dict[str, tuple[Any, ...]] = {"spread": ("std", "sem", "ci"), "bold": ("min", "max", None)}


def _checked(options: Mapping[str, Any]) -> TableOptions:
    chosen: TableOptions = completed(options, _DEFAULTS, _ALLOWED)  # type: ignore[assignment]
    check_level(chosen["level"])
    digits = chosen["digits"]
    if digits is not None and (not isinstance(digits, int) or digits < 0):
        raise InvalidOptionError(f"digits={digits!r} is not a number of decimals, 0 or more.")
    return chosen


def _numbers(partition: Partition, values: npt.NDArray[np.float64], chosen: TableOptions) -> pd.DataFrame:
    finite = np.where(np.isfinite(values), values, np.nan)
    found = [moments(finite[rows, None]) for rows in partition.rows]
    n = np.array([int(each[0][0]) for each in found], dtype=np.int64)
    mean, std = (np.array([float(each[part][0]) for each in found]) for part in (1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        spreads = {"std": std, "sem": std / np.sqrt(n)}
    if chosen["spread"] == "ci":
        spreads["ci"] = t_quantile(n, chosen["level"]) * spreads["sem"]
    skipped = np.array([len(rows) for rows in partition.rows], dtype=np.int64) - n
    columns = {"mean": mean, chosen["spread"]: spreads[chosen["spread"]], "n": n, "n_skipped": skipped}
    return pd.DataFrame(columns, index=partition.index)


def _repetitions(frame: pd.DataFrame, over: Any) -> list[Hashable]:
    """The columns of repetitions; a frame need not have the one that is meant unless another is named."""
    if over == _DEFAULTS["over"] and over not in (*frame.columns, *frame.index.names):
        return []
    return listed(frame, over)


def _note_of_mixture(frame: pd.DataFrame, partition: Partition, over: Sequence[Hashable]) -> list[str]:
    """Which config columns vary within a cell, besides those that are to."""
    others = setting_columns(frame, [*partition.names, *over])
    mixed = [str(name) for name in others if len(Partition(frame, [*partition.names, name])) > len(partition)]
    return [f"cells also average over {', '.join(mixed)}"] if mixed else []


def _note_of_skipped(numbers: pd.DataFrame) -> list[str]:
    skipped = int(numbers["n_skipped"].sum())
    total = skipped + int(numbers["n"].sum())
    return [f"{skipped} of {total} runs left out: no finite value"] if skipped else []


def _cells(
    partition: Partition, split: int, columns: Partition, numbers: pd.DataFrame, chosen: TableOptions
) -> dict[tuple[Key, Key], Cell]:
    """The cells by the keys of their row and column; the first `split` columns of a key are the row's."""
    bold = _bold(numbers, [columns.places[key[split:]] for key in partition.keys], chosen)
    lists = [numbers.iloc[:, place].tolist() for place in range(3)]
    return {
        (key[:split], key[split:]): Cell(figure(mean, spread, chosen["digits"]), n, is_bold)
        for key, mean, spread, n, is_bold in zip(partition.keys, *lists, bold, strict=True)
    }


def _grid(value: str, spread: str, rows: Partition, columns: Partition, cells: Mapping[tuple[Key, Key], Cell]) -> Grid:
    """What the table shows; rows and columns in the order of their values."""
    return Grid(
        value=printable(value),
        spread=spread,
        row_names=[printable(str(name)) for name in rows.names],
        column_name=", ".join(printable(str(name)) for name in columns.names),
        columns=[", ".join(map(key_text, key)) or printable(value) for key in columns.keys],
        rows=[(list(map(key_text, row)), [cells.get((row, column)) for column in columns.keys]) for row in rows.keys],
        notes=[],
    )


def _bold(numbers: pd.DataFrame, columns: list[int], chosen: TableOptions) -> list[bool]:
    """The best cell of each column, and the cells whose interval holds its mean."""
    if chosen["bold"] is None:
        return [False] * len(numbers)
    mean, spread = numbers["mean"].to_numpy(), numbers[chosen["spread"]].to_numpy()
    extreme = np.fmin if chosen["bold"] == "min" else np.fmax
    best = np.full(len(set(columns)), np.nan)
    extreme.at(best, columns, mean)
    best = best[columns]
    return ((mean == best) | ((mean - spread <= best) & (best <= mean + spread))).tolist()  # type: ignore[no-any-return]
