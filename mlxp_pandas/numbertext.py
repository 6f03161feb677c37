# SPDX-License-Identifier: MIT
"""A mean and its spread as text, with no more digits than the spread allows; and names that are safe in a markup."""

from __future__ import annotations

import html
import math
import re
from typing import NamedTuple

from .fields import is_missing
from .plaintext import printable

__all__ = ["Figure", "figure", "html_text", "key_text", "latex_text", "markdown_text"]

_MOST_DECIMALS = 6
_LARGEST = 1e6
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
} | {character: f"\\{character}" for character in "&%$#_{}"}
_MARKDOWN_PATTERN = re.compile(r"[\\`*_{}\[\]<|~$]")
_LATEX_PATTERN = re.compile("|".join(map(re.escape, _LATEX)))


class Figure(NamedTuple):
    """A number as text: `mean ± spread`, all times ten to the power of `exponent` where that is not 0.

    Attributes
    ----------
    mean : str
    spread : str
        Empty where it is not known.
    exponent : int
    """

    mean: str
    spread: str
    exponent: int

    @property
    def plain(self) -> str:
        """The figure as a terminal shows it."""
        text = f"{self.mean} ± {self.spread}" if self.spread else self.mean
        if not self.exponent:
            return text
        return f"({text})e{self.exponent}" if self.spread else f"{text}e{self.exponent}"

    def latex(self, is_bold: bool) -> str:
        """The figure in LaTeX's math mode."""
        text = rf"{self.mean} \pm {self.spread}" if self.spread else self.mean
        if self.exponent:
            text = (f"({text})" if self.spread else text) + rf" \times 10^{{{self.exponent}}}"
        if not math.isfinite(float(self.mean)):
            text = rf"\mathrm{{{text}}}"
        return rf"$\mathbf{{{text}}}$" if is_bold else f"${text}$"


def figure(mean: float, spread: float, digits: int | None = None) -> Figure:
    """Write a mean with its spread.

    Parameters
    ----------
    mean : float
    spread : float
        NaN where it is not known.
    digits : int, optional
        Decimals; two digits of the spread unless given, or three of the mean where there is none.

    Returns
    -------
    Figure

    Examples
    --------
    >>> figure(0.31234, 0.0213).plain, figure(1234.5, 56.7).plain, figure(0.31234, float("nan")).plain
    ('0.312 ± 0.021', '1234 ± 57', '0.312')
    >>> figure(1.234e-9, 2.1e-10).plain, figure(0.31234, 0.0213, digits=1).plain
    ('(1.23 ± 0.21)e-9', '0.3 ± 0.0')
    """
    exponent, decimals = 0, digits
    if digits is None:
        decimals = _decimals(mean, spread)
        if math.isfinite(mean) and (decimals > _MOST_DECIMALS or abs(mean) >= _LARGEST):
            exponent = _magnitude(mean)
        decimals = max(decimals + exponent, 0)
    scale = 10.0**exponent
    shown = "" if math.isnan(spread) else f"{spread / scale:.{decimals}f}"
    return Figure("NaN" if math.isnan(mean) else f"{mean / scale:.{decimals}f}", shown, exponent)


def key_text(value: object) -> str:
    """A value of a config column as text; nothing in it acts in a terminal.

    >>> key_text(10.0), key_text(float("nan")), key_text((64, "relu"))
    ('10', 'NaN', "(64, 'relu')")
    """
    if is_missing(value):
        return "NaN"
    return f"{value:g}" if isinstance(value, float) else printable(str(value))


def html_text(text: str) -> str:
    """Text as it stands in HTML.

    >>> html_text("a<b")
    'a&lt;b'
    """
    return html.escape(text)


def markdown_text(text: str) -> str:
    r"""Text as it stands in a cell of a Markdown table.

    >>> print(markdown_text("a|b_c<b>"))
    a\|b\_c\<b>
    """
    return _MARKDOWN_PATTERN.sub(r"\\\g<0>", text)


def latex_text(text: str) -> str:
    r"""Text as it stands in LaTeX.

    >>> print(latex_text("num_units & 50%"))
    num\_units \& 50\%
    """
    return _LATEX_PATTERN.sub(lambda found: _LATEX[found[0]], text)


def _decimals(mean: float, spread: float) -> int:
    """How many decimals show two digits of the spread; three of the mean where there is no spread."""
    if math.isfinite(spread) and spread > 0:
        return 1 - _magnitude(spread)
    return 2 - _magnitude(mean) if math.isfinite(mean) and mean else 2


def _magnitude(number: float) -> int:
    """The power of ten of the first digit, after rounding to two."""
    return int(f"{number:.1e}".partition("e")[2])
