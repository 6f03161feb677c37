# SPDX-License-Identifier: MIT
"""What is wrong with a run: the record, and the one warning that a call gives for all of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from .errors import ProblemsWarning, user_stacklevel
from .plaintext import printable

__all__ = ["Problem", "warn_of"]

_SHOWN = 3


class Problem(NamedTuple):
    """One loss in one file of one run.

    Attributes
    ----------
    log_id : int or None
        The run; None when the folder has no valid log_id.
    file : str
        The file, relative to the log folder, with forward slashes.
    line : int or None
        The line in the file, counted from 1, where there is one.
    kind : str
        One word or two for grouping: `missing`, `unreadable`, `not yaml`, `torn line`, `too large`, `link`, ...
    reason : str
        What was found, in words.
    kept : str
        What was loaded nevertheless.
    """

    log_id: int | None
    file: str
    line: int | None
    kind: str
    reason: str
    kept: str

    @property
    def sentence(self) -> str:
        """The problem in one printable line."""
        place = f"{self.file}, line {self.line}" if self.line is not None else self.file
        return printable(f"{place}: {self.kind}: {self.reason}")


def warn_of(problems: Sequence[Problem], see: str) -> None:
    """Give one warning for all problems of a call: the count, the first few, and where to see all."""
    if not problems:
        return
    runs = len({problem.log_id for problem in problems})
    first = "\n".join(f"  {problem.sentence}" for problem in problems[:_SHOWN])
    rest = f"\n  ... and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    message = (
        f"{len(problems)} problem(s) in {runs} run(s); everything else is loaded.\n{first}{rest}\nAll of them: {see}"
    )
    warnings.warn(message, ProblemsWarning, stacklevel=user_stacklevel())
