# SPDX-License-Identifier: MIT
"""The texts among the values of a log, as they can be shown; the parsers give plain ones."""

from __future__ import annotations

import numpy as np

from .jsonlines import LogRows
from .plaintext import shown

__all__ = ["shown_rows"]


def shown_rows(log: LogRows) -> LogRows:
    r"""The rows with each text that acts as a `ShownText`, which is equal to it.

    Examples
    --------
    >>> from mlxp_pandas.jsonlines import parse
    >>> log = shown_rows(parse(b'{"note": "\\u001b[2J"}\n'))
    >>> print(log.curves["note"][0])
    \x1b[2J
    """
    changed = {}
    for key, curve in log.curves.items():
        if curve.dtype.kind == "O":
            values = [shown(value) for value in curve]
            if any(new is not old for new, old in zip(values, curve, strict=True)):
                changed[key] = np.fromiter(values, dtype=object, count=len(values))
    return log._replace(curves=log.curves | changed) if changed else log
