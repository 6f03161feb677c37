# SPDX-License-Identifier: MIT
"""Tables for a paper: one cell a setting, mean, spread and number of runs; as text, HTML, Markdown and LaTeX.

Nothing in the names acts where it is shown. The cells are not rendered by pandas' Styler, which would need jinja2.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import InvalidOptionError
from ..plaintext import printable
from .columns import check_choice, completed, is_missing, listed, setting_columns
from .numbers import number_column
from .partition import Partition
from .spread import check_level, t_quantile

_DEFAULTS = {"over": "config.seed", "spread": "std", "bold": "min", "digits": None, "level": 0.95}
_MOST_DECIMALS = 6
_LARGEST = 1e6
_LATEX_NAMES = {"\\": "backslash", "~": "asciitilde", "^": "asciicircum", "<": "less", ">": "greater", "|": "bar"}
_LATEX = {char: rf"\text{name}{{}}" for char, name in _LATEX_NAMES.items()} | {char: rf"\{char}" for char in "&%$#_{}"}


@dataclass(eq=False, repr=False)
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

    frame: pd.DataFrame
    _caption: str
    _row_names: list[str]
    _column_name: str
    _columns: list[str]
    _rows: list[tuple[list[str], list[_Cell | None]]]
    _notes: list[str]

    def __repr__(self) -> str:
        lines = self._lines(str, lambda cell: cell.text + " *" * cell.is_bold)
        widths = [max(map(len, texts)) for texts in zip(*lines, strict=True)]
        body = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        has_stars = any(line.endswith(" *") for line in body)
        star = ["* best of its column, or its interval holds the best mean"] if has_stars else []
        return "\n".join([*body, self._caption, *star, *self._notes])

    def _repr_html_(self) -> str:
        def row(tag: str, texts: list[str]) -> str:
            return f"<tr>{''.join(f'<{tag}>{text}</{tag}>' for text in texts)}</tr>"

        head, *body = self._lines(html.escape, lambda cell: f"<b>{cell.text}</b>" if cell.is_bold else cell.text)
        notes = "".join(f"<div>{html.escape(note)}</div>" for note in (self._caption, *self._notes))
        table = f"<thead>{row('th', head)}</thead><tbody>{''.join(row('td', line) for line in body)}</tbody>"
        # The classes keep MathJax from reading what stands between dollar signs.
        return f'<div class="tex2jax_ignore mathjax_ignore"><table class="dataframe">{table}</table>{notes}</div>'

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
        head, *body = self._lines(markdown_text, lambda cell: f"**{cell.text}**" if cell.is_bold else cell.text)
        rule = [":--"] * len(self._row_names) + ["--:"] * len(self._columns)
        notes = [f"\n{markdown_text(note)}" for note in self._notes]
        return "\n".join([*(f"| {' | '.join(line)} |" for line in (head, rule, *body)), *notes])

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
        n_names, n_columns, over = len(self._row_names), len(self._columns), self._column_name
        _, *body = self._lines(latex_text, lambda cell: cell.latex)
        names = [latex_text(name) for name in (*self._row_names, *self._columns)]
        head, *lines = (" & ".join(line) + r" \\" for line in (names, *body))
        top = [rf"\begin{{tabular}}{{{'l' * n_names}{'r' * n_columns}}}", r"\toprule"]
        if over:
            span = [""] * n_names + [rf"\multicolumn{{{n_columns}}}{{c}}{{{latex_text(over)}}}"]
            top += [" & ".join(span) + r" \\", rf"\cmidrule(lr){{{n_names + 1}-{n_names + n_columns}}}"]
        notes = [f"% {note}" for note in self._notes]
        return "\n".join([*notes, *top, head, r"\midrule", *lines, r"\bottomrule", r"\end{tabular}"])

    def _lines(self, escape: Callable[[str], str], shown: Callable[[_Cell], str]) -> list[list[str]]:
        """The header and the rows as texts."""
        prefix = f"{self._column_name} = " if self._column_name and "," not in self._column_name else ""
        head = [*self._row_names, *(f"{prefix}{name}" for name in self._columns)]
        body = [[*map(escape, key), *(shown(cell) if cell else "-" for cell in cells)] for key, cells in self._rows]
        return [list(map(escape, head)), *body]


def run_table(
    frame: pd.DataFrame, rows: Any, columns: Any = None, value: str = "test.loss.last", **options: Any
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
        `over`, columns of repetitions, `config.seed` unless given: where other config columns vary within a cell, a
        note says so. `spread`, what stands after ±: "std" (n - 1 degrees of freedom; unless given), "sem", the standard
        error of the mean, or "ci", half the t-interval of the mean, and `level`, its confidence level, 0.95. `bold`,
        which mean of a column is best, "min" (unless given), "max" or None: it is bold, and so is each cell whose
        interval mean ± spread contains it. `digits`, decimals: two digits of the spread unless given.

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
    chosen = completed(options, _DEFAULTS)
    check_choice("spread", chosen["spread"], ("std", "sem", "ci"))
    check_choice("bold", chosen["bold"], ("min", "max", None))
    check_level(chosen["level"])
    digits = chosen["digits"]
    if digits is not None and (not isinstance(digits, int) or digits < 0):
        raise InvalidOptionError(f"digits={digits!r} is not a number of decimals, 0 or more.")
    of_rows, of_columns = (Partition(frame, listed(frame, names)) for names in (rows, columns))
    partition = Partition(frame, [*of_rows.names, *of_columns.names])
    numbers = _numbers(partition, number_column(frame, value), chosen["spread"], chosen["level"])
    places = pd.DataFrame({"row": of_rows.codes, "column": of_columns.codes}).groupby(partition.codes).first()
    is_best = _is_best(numbers, places["column"], chosen["bold"])
    each = zip(places.itertuples(index=False, name=None), numbers.itertuples(index=False), is_best, strict=True)
    cells = {place: _cell(mean, spread, int(n), digits, best) for place, (mean, spread, n, _), best in each}
    body = [[cells.get((row, column)) for column in range(len(of_columns))] for row in range(len(of_rows))]
    return RunTable(
        numbers.set_axis(partition.index, axis=0),
        f"{printable(value)}: mean ± {chosen['spread']} (number of runs)",
        [printable(str(name)) for name in of_rows.names],
        ", ".join(printable(str(name)) for name in of_columns.names),
        [", ".join(map(key_text, key)) or printable(value) for key in of_columns.keys],
        list(zip([list(map(key_text, key)) for key in of_rows.keys], body, strict=True)),
        _notes(frame, partition, chosen["over"], numbers),
    )


class _Cell(NamedTuple):
    """What a cell shows, in a terminal and in LaTeX, and whether it is among the best of its column."""

    text: str
    latex: str
    is_bold: bool


def _cell(mean: float, spread: float, n: int, digits: int | None, is_best: bool) -> _Cell:
    latex = latex_figure(mean, spread, digits, is_bold=is_best)
    return _Cell(f"{figure(mean, spread, digits)} ({n})", f"{latex} ({n})", is_best)


def figure(mean: float, spread: float, digits: int | None = None, *, signs: tuple[str, str] = (" ± ", "e{}")) -> str:
    """Write a mean with its spread.

    Parameters
    ----------
    mean : float
    spread : float
        NaN where it is not known.
    digits : int, optional
        Decimals; two digits of the spread unless given, or three of the mean where there is none.
    signs : tuple of str
        What stands between the two, and what stands for a power of ten.

    Returns
    -------
    str

    Examples
    --------
    >>> figure(0.31234, 0.0213), figure(1234.5, 56.7), figure(0.31234, float("nan"))
    ('0.312 ± 0.021', '1234 ± 57', '0.312')
    >>> figure(1.234e-9, 2.1e-10), figure(0.31234, 0.0213, digits=1)
    ('(1.23 ± 0.21)e-9', '0.3 ± 0.0')
    """
    exponent, decimals = 0, digits
    if digits is None:
        decimals = _decimals(mean, spread)
        if math.isfinite(mean) and (decimals > _MOST_DECIMALS or abs(mean) >= _LARGEST):
            exponent = _magnitude(mean)
        decimals = max(decimals + exponent, 0)
    known = [f"{number / 10.0**exponent:.{decimals}f}" for number in (mean, spread) if not math.isnan(number)]
    text = signs[0].join(known) or "NaN"
    if not exponent:
        return text
    return (f"({text})" if len(known) > 1 else text) + signs[1].format(exponent)


def latex_figure(mean: float, spread: float, digits: int | None = None, *, is_bold: bool = False) -> str:
    r"""Write a mean with its spread in LaTeX's math mode; see `figure`.

    >>> print(latex_figure(0.31234, 0.0213, is_bold=True))
    $\mathbf{0.312 \pm 0.021}$
    """
    text = figure(mean, spread, digits, signs=(r" \pm ", r" \times 10^{{{}}}"))
    text = text if math.isfinite(mean) else rf"\mathrm{{{text}}}"
    return rf"$\mathbf{{{text}}}$" if is_bold else f"${text}$"


def key_text(value: object) -> str:
    """A value of a config column as text; nothing in it acts in a terminal.

    >>> key_text(10.0), key_text(float("nan")), key_text((64, "relu"))
    ('10', 'NaN', "(64, 'relu')")
    """
    if is_missing(value):
        return "NaN"
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def markdown_text(text: str) -> str:
    r"""Text as it stands in a cell of a Markdown table.

    >>> print(markdown_text("a|b_c<b>"))
    a\|b\_c\<b>
    """
    return re.sub(r"[\\`*_{}\[\]<|~$]", r"\\\g<0>", text)


def latex_text(text: str) -> str:
    r"""Text as it stands in LaTeX.

    >>> print(latex_text("num_units & 50%"))
    num\_units \& 50\%
    """
    return "".join(_LATEX.get(character, character) for character in text)


def _numbers(partition: Partition, values: npt.NDArray[np.float64], spread: str, level: float) -> pd.DataFrame:
    """`mean`, the spread, `n` and `n_skipped` of each group."""
    each = pd.Series(values).where(np.isfinite(values)).groupby(partition.codes)
    n, width = each.count(), each.std() if spread == "std" else each.sem()
    if spread == "ci":
        width = width * t_quantile(n, level)
    return pd.DataFrame({"mean": each.mean(), spread: width, "n": n, "n_skipped": each.size() - n})


def _is_best(numbers: pd.DataFrame, columns: pd.Series[int], bold: Any) -> list[bool]:
    """Which means are the best of their column, or have an interval that holds it."""
    mean, spread = numbers.iloc[:, 0], numbers.iloc[:, 1].fillna(0)
    best = mean.groupby(columns).transform(bold or "min")
    return [bold is not None and bool(holds) for holds in best.between(mean - spread, mean + spread)]


def _notes(frame: pd.DataFrame, partition: Partition, over: Any, numbers: pd.DataFrame) -> list[str]:
    """Which config columns vary within a cell, besides those of repetitions, and how many runs have no value."""
    has_none = over == _DEFAULTS["over"] and over not in (*frame.columns, *frame.index.names)
    others = setting_columns(frame, [*partition.names, *([] if has_none else listed(frame, over))])
    mixed = [str(name) for name in others if len(Partition(frame, [*partition.names, name])) > len(partition)]
    skipped = int(numbers["n_skipped"].sum())
    of_mixture = [f"cells also average over {', '.join(mixed)}"] if mixed else []
    return of_mixture + ([f"{skipped} of {len(frame)} runs left out: no finite value"] if skipped else [])


def _decimals(mean: float, spread: float) -> int:
    """How many decimals show two digits of the spread; three of the mean where there is no spread."""
    if math.isfinite(spread) and spread > 0:
        return 1 - _magnitude(spread)
    return 2 - _magnitude(mean) if math.isfinite(mean) and mean else 2


def _magnitude(number: float) -> int:
    """The power of ten of the first digit, after rounding to two."""
    return int(f"{number:.1e}".partition("e")[2])
