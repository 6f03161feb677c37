# SPDX-License-Identifier: MIT
"""Pictures of groups and runs; the only module that imports matplotlib (the extra `plot`), and only to draw.

Colours get lighter from group to group, in steps that stay apart in greyscale and for colour-blind readers; where there
are more than four, the dashes differ too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .. import stats
from ..cells import Curve
from ..errors import InvalidOptionError, MissingDependencyError
from ..stats import GroupCurves, Key, Partition
from . import drawing

__all__ = ["box_plot", "heat_map", "plot_groups", "plot_runs"]

_Style = dict[str, Any]
_Floats = npt.NDArray[np.float64]

_DASHES = ("-", "--", ":", "-.")
_LIGHTEST = 0.86  # of viridis: its yellow end is lost on white paper
_MOST_RUNS = 10  # with a colour and a label each
_MOST_NOTED = 4  # groups whose n is written along the curve
_MOST_NARROW = 12  # groups in a picture of the usual width
_CELL = (32.0, 11.0)  # points of the width and the height of a cell that holds its number
_MOST_LINES = 60


def plot_groups(
    frame: pd.DataFrame, partition: Partition, metric: Hashable, x: str | None = None, **options: Any
) -> Any:
    """Draw the curve of each group with its band.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    partition : Partition
        Its groups.
    metric : label
        A column of metrics, or of loaded curves.
    x : str, optional
        What the steps are, as for `stats.curves_table`.
    **options
        `ax`, where to draw, a new figure unless given; `runs`, whether each run is drawn too, thinly; `logy`, whether
        the axis of the values is logarithmic; and the fields of `stats.CurveOptions`.

    Returns
    -------
    matplotlib Axes
        The legend names only the columns that vary. Where n falls along a curve it is written there. NaN stays a gap.
        A cross marks where a run has diverged: its last finite point, if only NaN or infinite ones follow.

    Raises
    ------
    UnknownColumnError
        The frame has no such column, or the runs have no such `x`.
    InvalidOptionError
        A column without curves, several metrics, or an option outside its allowed values.
    MissingDependencyError
        Without matplotlib, or without scipy for `error="ci"`.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 1.0], "loss": [np.array([3.0, 1.0])] * 3})
    >>> ax = plot_groups(runs, Partition(runs, ["lr"]), "loss", error="std")
    >>> ax.get_xlabel(), ax.get_ylabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('step', 'loss', ['0.1', '1'])
    """
    ax, with_runs, logy = options.pop("ax", None), options.pop("runs", False), options.pop("logy", False)
    chosen = stats.checked_options(options)
    labels = _one_metric(frame, metric)
    every = list(stats.curves_of_groups(frame, partition, labels, x, chosen))
    # One with too few runs is a gap, and not bridged.
    groups = [drawing.masked(group, max(chosen.min_runs, 1)) for group in every]
    ax, legend = _axes(ax, len(groups)), _Legend(partition)
    styles = list(_styles(len(groups)))
    for group, style in zip(groups, styles, strict=True):
        _draw_group(ax, group, style, with_runs=with_runs)
        legend.add(partition.keys[group.place], style)
    drawing.finish(ax, x or "step", metric, logy)
    if len(groups) <= _MOST_NOTED:
        drawing.note_falls(ax, [(group, style["color"]) for group, style in zip(groups, styles, strict=True)])
    legend.draw(ax)
    drawing.set_title(ax, _group_caption(groups, chosen))
    return ax


def plot_runs(
    frame: pd.DataFrame,
    metric: Hashable,
    x: str | None = None,
    hue: Hashable | None = None,
    *,
    ax: Any = None,
    logy: bool = False,
) -> Any:
    """Draw the curve of each run.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    metric : label
        A column of metrics, or of loaded curves.
    x : str, optional
        What the steps are, as for `stats.curves_table`.
    hue : label, optional
        The column whose values have colours of their own; each run has one unless given, up to ten.
    ax : matplotlib Axes, optional
        Where to draw; a new figure unless given.
    logy : bool
        Whether the axis of the values is logarithmic.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    UnknownColumnError
        The frame has no such column, or the runs have no such `x`.
    InvalidOptionError
        A column without curves.
    MissingDependencyError
        Without matplotlib.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 1.0], "loss": [np.array([3.0, 1.0]), np.array([2.0])]})
    >>> len(plot_runs(runs, "loss", hue="lr").get_lines())
    2
    """
    ids = stats.run_ids(frame)
    names = [ids.name] if hue is None else stats.listed(frame, hue)
    colours = Partition(pd.DataFrame({names[0]: ids}) if hue is None else frame, names)
    chosen = stats.CurveOptions(error=None)
    found = stats.curves_of_groups(frame, Partition(frame, []), _one_metric(frame, metric), x, chosen)
    runs = [curve for group in found for curve in group.runs] or [None] * len(frame)
    is_plain = hue is None and len(frame) > _MOST_RUNS
    styles = [_PLAIN] * len(colours) if is_plain else list(_styles(len(colours)))
    ax, legend = _axes(ax, 1 if is_plain else len(colours)), _Legend(colours)
    for place, curve in zip(colours.codes.tolist(), runs, strict=True):
        if curve is not None:
            drawing.draw_line(ax, curve.steps, curve.values, {**styles[place], "linewidth": 1.2})
            drawing.mark_stop(ax, curve, curve, styles[place])
            legend.add(colours.keys[place], styles[place])
    drawing.finish(ax, x or "step", metric, logy)
    if not is_plain:
        legend.draw(ax)
    drawing.set_title(ax, f"{sum(curve is not None for curve in runs)} runs")
    return ax


def box_plot(frame: pd.DataFrame, partition: Partition, value: Hashable, ax: Any = None) -> Any:
    r"""Draw the spread of a number over the runs of each group: quartiles, median, and every run as a dot.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    partition : Partition
        Its groups.
    value : label
        A column of numbers, or a name such as `test.loss.last`.
    ax : matplotlib Axes, optional
        Where to draw; a new figure unless given.

    Returns
    -------
    matplotlib Axes
        Below each box the group and the number of its runs; values that are NaN or infinite are left out.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        Values that are no numbers.
    MissingDependencyError
        Without matplotlib.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 1.0], "loss": [0.3, 0.4, 0.8]})
    >>> [text.get_text() for text in box_plot(runs, Partition(runs, ["lr"]), "loss").get_xticklabels()]
    ['0.1\nn=2', '1\nn=1']
    """
    values = stats.number_column(frame, value)
    groups = [values[rows][np.isfinite(values[rows])] for rows in partition.rows]
    shown = drawing.varying_places(partition)
    ax = _axes(ax, len(groups))
    dark, _ = (style["color"] for style in _styles(2))
    line = {"color": dark}
    ax.boxplot(groups, widths=0.6, showfliers=False, boxprops=line, whiskerprops=line, capprops=line, medianprops=line)
    for place, group in enumerate(groups, start=1):
        ax.plot(place + _offsets(len(group)), np.sort(group), "o", color=dark, alpha=0.5, markersize=4)
    labels = [
        f"{drawing.key_label(key, shown)}\nn={len(group)}" for key, group in zip(partition.keys, groups, strict=True)
    ]
    if drawing.are_crowded(ax.xaxis, labels):
        labels = [label.replace("\n", "  ") for label in labels]
    drawing.name_ticks(ax.xaxis, 1, labels)
    ax.set_xlabel(drawing.joined_names(partition, shown))
    ax.set_ylabel(drawing.plain(value))
    left_out = len(values) - sum(map(len, groups))
    drawing.set_title(ax, f"{left_out} of {len(values)} runs left out: no finite value" if left_out else "")
    return ax


def heat_map(frame: pd.DataFrame, rows: Any, columns: Any, value: str, **options: Any) -> Any:
    """Draw the mean of a number for each pair of settings.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    rows, columns : label or list of labels
        The config columns of the two axes.
    value : str
        A column of numbers, or a name such as `test.loss.last`.
    **options
        `over`, columns of repetitions, `config.seed` unless given; `log`, whether the colours have a logarithmic scale;
        `ax`, where to draw, a new figure unless given.

    Returns
    -------
    matplotlib Axes
        Cells without a finite run are hatched.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        Values that are no numbers.
    MissingDependencyError
        Without matplotlib.

    Examples
    --------
    >>> runs = pd.DataFrame({"lr": [0.1, 1.0], "units": [2, 3], "loss": [0.3, 0.4]})
    >>> ax = heat_map(runs, "units", "lr", "loss")
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('lr', 'units')
    """
    of_rows, of_columns = Partition(frame, stats.listed(frame, rows)), Partition(frame, stats.listed(frame, columns))
    chosen = stats.completed(options, {"over": "config.seed", "log": False, "ax": None})
    numbers = stats.run_table(frame, of_rows.names, of_columns.names, value, over=chosen["over"]).frame
    split = len(of_rows.names)
    means = np.full((len(of_rows), len(of_columns)), np.nan)
    for key, mean in zip(Partition(frame, [*of_rows.names, *of_columns.names]).keys, numbers["mean"], strict=True):
        means[of_rows.places[key[:split]], of_columns.places[key[split:]]] = mean
    ax = _axes(chosen["ax"], len(of_rows))
    norm = "log" if chosen["log"] and (means > 0).any() else "linear"
    image = ax.imshow(means if means.size else [[np.nan]], cmap="viridis", aspect="auto", norm=norm)
    ax.figure.colorbar(image, ax=ax, label=f"{drawing.plain(value)},\nmean")
    _name_cells(ax, means, image)
    _name_axis(ax.xaxis, of_columns)
    _name_axis(ax.yaxis, of_rows)
    counts = sorted(set(numbers["n"].tolist()))
    drawing.set_title(
        ax, f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}" if counts else ""
    )
    return ax


class _Legend:
    """The entries of a legend, each key once; only the columns that vary are named."""

    def __init__(self, partition: Partition) -> None:
        self._shown = drawing.varying_places(partition)
        self._title = drawing.joined_names(partition, self._shown)
        self._places = partition.places
        self._styles: dict[Key, _Style] = {}

    def add(self, key: Key, style: _Style) -> None:
        self._styles.setdefault(key, style)

    def draw(self, ax: Any) -> None:
        """Inside the picture, beside it where there are many, and not at all where nothing varies."""
        if not self._shown or not self._styles:
            return
        keys = sorted(self._styles, key=self._places.__getitem__)
        handles = [_pyplot().Line2D([], [], **self._styles[key]) for key in keys]
        labels = [drawing.key_label(key, self._shown) for key in keys]
        title = drawing.in_lines(ax, self._title)
        place, shown = drawing.legend_place(ax, title, labels)
        if place["loc"] == "best" and len(ax.lines) > _MOST_LINES:
            place["loc"] = "upper right"  # looking for the best place takes long among many lines
        title += f"\n({len(shown)} of {len(keys)})" if len(shown) < len(keys) else ""
        entries = [handles[number] for number in shown], [labels[number] for number in shown]
        ax.legend(*entries, fontsize="small", title_fontsize="small", title=title, **place)


_PLAIN = {"color": "#31688e", "alpha": 0.35}


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise MissingDependencyError("Pictures need matplotlib: pip install matplotlib") from error
    return pyplot


def _axes(ax: Any, n_groups: int) -> Any:
    if ax is not None:
        return ax
    size = (9.0, 5.5) if n_groups > _MOST_NARROW else (6.4, 4.2)
    return _pyplot().subplots(figsize=size, layout="constrained")[1]


def _styles(n: int) -> Iterator[_Style]:
    """Colours from dark to light, as far apart as they can be, with dashes beside them where there are many."""
    colours = _pyplot().get_cmap("viridis")(np.linspace(0, _LIGHTEST, max(n, 2)))
    for number in range(n):
        yield {"color": colours[number], "linestyle": _DASHES[number % 4 if n > 4 else 0]}


def _one_metric(frame: pd.DataFrame, metric: Hashable) -> list[Hashable]:
    labels = stats.listed(frame, metric)
    if len(labels) != 1:
        raise InvalidOptionError(f"A picture shows one metric; {len(labels)} were given: {labels!r}.")
    return labels


def _draw_group(ax: Any, group: GroupCurves, style: _Style, *, with_runs: bool) -> None:
    steps, colour = group.steps, style["color"]
    middle, _, _, low, high, _ = group.numbers.values()
    ax.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    is_alone = drawing.are_alone(low)
    if is_alone.any():
        ax.vlines(steps[is_alone], low[is_alone], high[is_alone], color=colour, alpha=0.4)
    drawing.draw_line(ax, steps, middle, style)
    for curve in filter(None, group.runs):
        if with_runs:
            drawing.draw_line(ax, curve.steps, curve.values, {"color": colour, "linewidth": 0.7, "alpha": 0.45})
        drawing.mark_stop(ax, curve, curve if with_runs else Curve(steps, middle), style)


def _group_caption(groups: Sequence[GroupCurves], chosen: stats.CurveOptions) -> str:
    """What the lines, bands and crosses are, and of how many runs."""
    percent = f"{100 * chosen.level:g} %"
    bands = {"ci": f", {percent} interval", "std": " ± std", "sem": " ± standard error", "minmax": ", min to max"}
    counts = [count for group in groups for count in set(group.numbers["n"].tolist()) if count]
    if not counts:
        return "no runs"
    n = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
    crosses = (
        "; x: a run diverged"
        if any(drawing.stop_of(run) is not None for group in groups for run in filter(None, group.runs))
        else ""
    )
    return f"{chosen.stat}{bands[chosen.error] if chosen.error else ''} of n = {n} runs{crosses}"


def _name_axis(axis: Any, partition: Partition) -> None:
    shown = list(range(len(partition.names)))
    drawing.name_ticks(axis, 0, [drawing.key_label(key, shown) for key in partition.keys])
    axis.set_label_text(drawing.joined_names(partition, shown))


def _name_cells(ax: Any, means: _Floats, image: Any) -> None:
    """The number in each cell where there is room, and hatching where there is none."""
    for row, column in np.argwhere(~np.isfinite(means)).tolist():
        box = {"facecolor": "none", "edgecolor": "grey", "hatch": "///", "linewidth": 0}
        ax.add_patch(_pyplot().Rectangle((column - 0.5, row - 0.5), 1, 1, **box))
    width, height = drawing.room(image.axes)
    if means.shape[1] <= width / _CELL[0] and means.shape[0] <= height / _CELL[1]:
        for row, column in np.argwhere(np.isfinite(means)).tolist():
            mean = float(means[row, column])
            dark = image.norm(mean) < 0.6
            text = stats.figure(mean, np.nan)
            ax.text(column, row, text, ha="center", va="center", fontsize="small", color="white" if dark else "black")


def _offsets(n: int) -> _Floats:
    """Places for dots beside each other, from left to right and back."""
    places: _Floats = 0.12 * np.sin(2.4 * np.arange(n))
    return places
