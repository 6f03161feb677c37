# SPDX-License-Identifier: MIT
"""A grid of figures as text, HTML, Markdown and LaTeX; nothing in the names acts where it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .numbertext import Figure, html_text, latex_text, markdown_text

__all__ = ["Cell", "Grid", "to_html", "to_latex", "to_markdown", "to_text"]

_EMPTY = "-"


class Cell(NamedTuple):
    """One cell.

    Attributes
    ----------
    figure : Figure
    n : int
        The number of runs behind it.
    is_bold : bool
    """

    figure: Figure
    n: int
    is_bold: bool


class Grid(NamedTuple):
    """What a table shows, all names as text.

    Attributes
    ----------
    value : str
        What the cells are of.
    spread : str
        What stands after ±.
    row_names : list of str
        Of the columns that make the rows.
    column_name : str
        Of what makes the columns; empty where there is one column, of the value.
    columns : list of str
    rows : list of (list of str, list of (Cell or None))
        The keys and the cells of each row.
    notes : list of str
    """

    value: str
    spread: str
    row_names: list[str]
    column_name: str
    columns: list[str]
    rows: list[tuple[list[str], list[Cell | None]]]
    notes: list[str]


def to_text(grid: Grid) -> str:
    """The grid for a terminal; best cells have a star."""
    lines = [_header(grid, str), *_lines(grid, str, lambda cell: _plain(cell) + " *" * cell.is_bold)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    aligned = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines]
    has_stars = any(cell and cell.is_bold for _, cells in grid.rows for cell in cells)
    star = ["* best of its column, or its interval holds the best mean"] if has_stars else []
    return "\n".join([*("  ".join(line).rstrip() for line in aligned), _caption(grid), *star, *grid.notes])


def to_html(grid: Grid) -> str:
    """The grid for a notebook."""
    head = _html_row("th", _header(grid, html_text))
    body = "".join(_html_row("td", line) for line in _lines(grid, html_text, _html_cell))
    notes = "".join(f"<div>{html_text(note)}</div>" for note in (_caption(grid), *grid.notes))
    # The classes keep MathJax from reading what stands between dollar signs.
    start = '<div class="tex2jax_ignore mathjax_ignore"><table class="dataframe">'
    return f"{start}<thead>{head}</thead><tbody>{body}</tbody></table>{notes}</div>"


def to_markdown(grid: Grid) -> str:
    """The grid in GitHub's Markdown."""
    header = _header(grid, markdown_text)
    rule = [":--"] * len(grid.row_names) + ["--:"] * len(grid.columns)
    lines = [header, rule, *_lines(grid, markdown_text, _markdown_cell)]
    notes = [f"\n{markdown_text(note)}" for note in grid.notes]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), *notes])


def to_latex(grid: Grid) -> str:
    """The grid as a tabular with the rules of booktabs; notes are comments before it."""
    n_names, n_columns = len(grid.row_names), len(grid.columns)
    top = [rf"\begin{{tabular}}{{{'l' * n_names}{'r' * n_columns}}}", r"\toprule"]
    if grid.column_name:
        over = [""] * n_names + [rf"\multicolumn{{{n_columns}}}{{c}}{{{latex_text(grid.column_name)}}}"]
        top += [_latex_row(over), rf"\cmidrule(lr){{{n_names + 1}-{n_names + n_columns}}}"]
    names = [*grid.row_names, *(grid.columns)]
    lines = _lines(grid, latex_text, lambda cell: f"{cell.figure.latex(cell.is_bold)} ({cell.n})")
    body = [_latex_row(list(map(latex_text, names))), r"\midrule", *map(_latex_row, lines)]
    notes = [f"% {note}" for note in grid.notes]
    return "\n".join([*notes, *top, *body, r"\bottomrule", r"\end{tabular}"])


def _header(grid: Grid, escape: Callable[[str], str]) -> list[str]:
    """The names of the rows' columns, and each column with the name of what it is a value of."""
    prefix = f"{grid.column_name} = " if grid.column_name and "," not in grid.column_name else ""
    return [escape(name) for name in (*grid.row_names, *(f"{prefix}{column}" for column in grid.columns))]


def _lines(grid: Grid, escape: Callable[[str], str], shown: Callable[[Cell], str]) -> list[list[str]]:
    return [
        [*map(escape, keys), *(_EMPTY if cell is None else shown(cell) for cell in cells)] for keys, cells in grid.rows
    ]


def _caption(grid: Grid) -> str:
    return f"{grid.value}: mean ± {grid.spread} (number of runs)"


def _plain(cell: Cell) -> str:
    return f"{cell.figure.plain} ({cell.n})"


def _html_cell(cell: Cell) -> str:
    return f"<b>{_plain(cell)}</b>" if cell.is_bold else _plain(cell)


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{cell}</{tag}>' for cell in cells)}</tr>"


def _markdown_cell(cell: Cell) -> str:
    return f"**{_plain(cell)}**" if cell.is_bold else _plain(cell)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
