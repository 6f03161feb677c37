# SPDX-License-Identifier: MIT
"""What pictures are made of: lines with gaps, crosses, notes and names, on axes that are given."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cells import Curve
from ..plaintext import printable
from ..stats import GroupCurves, Key, Partition, key_text

_Floats = npt.NDArray[np.float64]
_Style = dict[str, Any]

_MOST_FALLS = 4  # in a curve, whose n is written: of more, as many from the first to the last
_LETTER, _LINE = 5.0, 10.0  # the width and the height of small letters, in points
_ENTRY = 40.0  # points of the picture's height for each entry of a legend that stands inside it
_NOTE = 24.0  # points of the width that the note of n takes


def masked(group: GroupCurves, least: int) -> GroupCurves:
    """The group with gaps where it has too few runs, and no infinite values, which no axis can show."""
    n = group.numbers["n"]
    shown = {name: np.where(np.isfinite(each) & (n >= least), each, np.nan) for name, each in group.numbers.items()}
    return group._replace(numbers={**shown, "n": n})


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


def note_falls(ax: Any, groups: Sequence[tuple[GroupCurves, Any]]) -> None:
    """Write the number of runs where it gets smaller along the curves, in their colours, and none over another."""
    ax.get_ylim()  # settles the limits, on which the places depend
    edge = ax.bbox.x1 * 72 / ax.figure.dpi
    taken: list[tuple[float, float]] = []
    for group, colour in groups:
        centre, *_, n = group.numbers.values()
        dark = tuple(0.6 * part for part in colour[:3])  # letters are thinner than lines
        for place in _falls(ax, group):
            spot = (group.steps[place], centre[place])
            across, up = ax.transData.transform(spot) * 72 / ax.figure.dpi
            rise = 6.0
            while any(abs(across - x) < _NOTE and abs(up + rise - y) < _LINE for x, y in taken):
                rise += 1
            taken.append((across, up + rise))
            side, shift = ("left", 2) if across + _NOTE < edge else ("right", -2)
            note = {"fontsize": "x-small", "color": dark, "textcoords": "offset points", "annotation_clip": True}
            ax.annotate(f"n={n[place]}", spot, xytext=(shift, rise), ha=side, **note)
            ax.plot(*spot, marker="|", markersize=8, color=colour, linestyle="none")


def _falls(ax: Any, group: GroupCurves) -> list[int]:
    """The places where n gets smaller: of those close to each other the last, of many as many as can be told apart."""
    steps, (centre, *_, n) = group.steps, group.numbers.values()
    falls = np.flatnonzero((n[1:] < n[:-1]) & np.isfinite(centre[1:])) + 1
    if len(falls):
        reach = np.ptp(steps) * _NOTE / room(ax)[0]
        falls = falls[np.append(np.diff(steps[falls]) > reach, True)]
    if len(falls) > _MOST_FALLS:
        falls = falls[np.linspace(0, len(falls) - 1, _MOST_FALLS).round().astype(np.int64)]
    places: list[int] = falls.tolist()
    return places


def finish(ax: Any, x: str, metric: object, logy: bool) -> None:
    """Name the axes, and take the frame away where nothing is."""
    ax.set_xlabel(plain(x))
    ax.set_ylabel(plain(metric))
    if logy:
        ax.set_yscale("log", nonpositive="clip")
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def room(ax: Any) -> tuple[float, float]:
    """The width and the height of the axes in points."""
    scale = 72 / ax.figure.dpi
    return ax.bbox.width * scale, ax.bbox.height * scale


def in_lines(ax: Any, names: str) -> str:
    """Names in one line, or each in its own where one would take most of the axes' width."""
    return names if len(names) * _LETTER <= 0.6 * room(ax)[0] else names.replace(", ", ",\n")


def are_crowded(axis: Any, labels: Sequence[str]) -> bool:
    """Whether the names of ticks side by side would touch."""
    letters = max((len(line) for label in labels for line in label.split("\n")), default=0)
    return axis.axis_name == "x" and (letters + 1) * _LETTER * len(labels) > room(axis.axes)[0]


def name_ticks(axis: Any, start: int, labels: Sequence[str]) -> None:
    """Names at ticks, upright where they would touch, and only as many as there is room for."""
    is_turned = are_crowded(axis, labels)
    most = room(axis.axes)[axis.axis_name == "y"] / _LINE
    every = max(1, int(np.ceil(len(labels) / max(most, 1)))) if is_turned or axis.axis_name == "y" else 1
    places = range(start, start + len(labels))
    axis.set_ticks(places[::every], labels[::every], rotation=90 if is_turned else 0, fontsize="small")


def legend_place(ax: Any, title: str, labels: Sequence[str]) -> tuple[dict[str, Any], list[int]]:
    """Where a legend stands, inside or beside the picture, and which of its entries there is room for.

    Returns
    -------
    options : dict
        For `Axes.legend`.
    shown : list of int
        The entries that have room, from the first to the last.
    """
    width, height = room(ax)
    if len(labels) * _ENTRY <= height:
        return {"loc": "best"}, list(range(len(labels)))
    rows = max(int(height / (1.4 * _LINE)) - 1 - title.count("\n"), 1)
    letters = max(map(len, labels)) + 8  # with its line
    columns = min(-(-len(labels) // min(rows, 20)), max(int(width / 2 / (letters * _LETTER)), 1))
    most = min(rows * columns, len(labels))
    shown = np.linspace(0, len(labels) - 1, most).round().astype(np.int64).tolist()
    return {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "ncols": columns, "borderaxespad": 0.0}, shown


def set_title(ax: Any, text: str) -> None:
    """A line above the picture, or as many as its width needs."""
    title = ax.set_title("", fontsize="small", loc="left")
    letter = 0.6 * title.get_fontsize() * ax.figure.dpi / 72
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
