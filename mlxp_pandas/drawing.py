# SPDX-License-Identifier: MIT
"""What pictures are made of: lines with gaps, crosses, notes and names, on axes that are given."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .curves import Curve
from .groupcurves import GroupCurves
from .numbertext import key_text
from .partition import Key, Partition
from .plaintext import printable
from .stepstats import StepStatistics

__all__ = [
    "are_alone",
    "draw_line",
    "finish",
    "joined_names",
    "key_label",
    "mark_stop",
    "masked",
    "note_falls",
    "plain",
    "set_title",
    "stop_of",
    "varying_places",
]

_Floats = npt.NDArray[np.float64]
_Style = dict[str, Any]

_MOST_FALLS = 4  # in a curve, whose n is written
_CLOSE = 0.06  # of the range of steps: the room of a note


def masked(group: GroupCurves, least: int) -> GroupCurves:
    """The group with gaps where it has too few runs, and no infinite values, which no axis can show."""
    enough = group.statistics.n >= least
    centre, std, sem, low, high, n = group.statistics
    shown = [np.where(enough & np.isfinite(field), field, np.nan) for field in (centre, low, high)]
    return group._replace(statistics=StepStatistics(shown[0], std, sem, shown[1], shown[2], n))


def draw_line(ax: Any, steps: npt.NDArray[Any], values: _Floats, style: _Style) -> None:
    """A line with gaps; a point between two gaps, which no line reaches, as a dot."""
    values = np.where(np.isfinite(values), values, np.nan)
    markers = np.flatnonzero(are_alone(values)).tolist()
    ax.plot(steps, values, marker="o", markersize=3, markevery=markers, **style)


def are_alone(values: _Floats) -> npt.NDArray[np.bool_]:
    """Which points have a gap on both sides."""
    gap = np.concatenate([[True], ~np.isfinite(values), [True]])
    alone: npt.NDArray[np.bool_] = ~gap[1:-1] & gap[:-2] & gap[2:]
    return alone


def stop_of(run: Curve) -> int | None:
    """The position of the last finite value, if the run goes on without one."""
    finite = np.flatnonzero(np.isfinite(run.values))
    return int(finite[-1]) if len(finite) and finite[-1] < len(run.values) - 1 else None


def mark_stop(ax: Any, run: Curve, line: Curve, style: _Style) -> None:
    """A cross on the line where the run diverged."""
    stop = stop_of(run)
    if stop is not None:
        height = np.interp(run.steps[stop], line.steps, line.values)
        cross = {"marker": "X", "markersize": 8, "markeredgecolor": "white", "linestyle": "none", "zorder": 5}
        ax.plot(run.steps[stop], height, color=style["color"], **cross)


def note_falls(ax: Any, group: GroupCurves, colour: Any, number: int) -> None:
    """Write the number of runs where it gets smaller along the curve; that of each group on a line of its own."""
    n, centre = group.statistics.n, group.statistics.centre
    falls = np.flatnonzero((n[1:] < n[:-1]) & np.isfinite(centre[1:])) + 1
    if len(falls):
        # Of falls that are close to each other, the last is told.
        reach = np.ptp(group.steps) * _CLOSE
        falls = falls[np.append(np.diff(group.steps[falls]) > reach, True)]
    if len(falls) <= _MOST_FALLS:
        for place in falls.tolist():
            spot = (group.steps[place], centre[place])
            note = {"fontsize": "x-small", "color": colour, "textcoords": "offset points", "annotation_clip": True}
            ax.annotate(f"n={n[place]}", spot, xytext=(2, 6 + 9 * number), **note)
            ax.plot(*spot, marker="|", markersize=8, color=colour, linestyle="none")


def finish(ax: Any, x: str, metric: object, logy: bool) -> None:
    """Name the axes, and take the frame away where nothing is."""
    ax.set_xlabel(plain(x))
    ax.set_ylabel(plain(metric))
    if logy:
        ax.set_yscale("log", nonpositive="clip")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def set_title(ax: Any, text: str) -> None:
    """A line above the picture, or as many as its width needs."""
    title = ax.set_title("", fontsize="small", loc="left")
    letter = 0.55 * title.get_fontsize() * ax.figure.dpi / 72
    title.set_text(textwrap.fill(text, max(int(ax.bbox.width / letter), 12)))


def plain(name: object) -> str:
    """A name as matplotlib shows it as it is: a dollar sign would start a formula."""
    return printable(str(name)).replace("$", r"\$")


def key_label(key: Key, shown: Sequence[int]) -> str:
    """The values of some columns of a key, in one line."""
    return plain(", ".join(key_text(key[place]) for place in shown))


def varying_places(partition: Partition) -> list[int]:
    """The places of the columns that differ between groups."""
    places = range(len(partition.names))
    return [place for place in places if len({key[place] for key in partition.keys}) > 1]


def joined_names(partition: Partition, shown: Sequence[int]) -> str:
    """The names of some columns of groups, in one line."""
    return ", ".join(plain(partition.names[place]) for place in shown)
