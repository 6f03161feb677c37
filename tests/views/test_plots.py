# SPDX-License-Identifier: MIT
"""Pictures: what is on the axes; how they look was judged by eye."""

from __future__ import annotations

import builtins
import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mlxp_pandas.errors import InvalidOptionError, MissingDependencyError, UnknownColumnError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
from matplotlib import colors, pyplot  # noqa: E402

NAN, INF = np.nan, np.inf
LR, UNITS = "config.lr", "config.units"


@pytest.fixture(autouse=True)
def closed():
    """No picture outlives its test, and no setting of matplotlib has changed."""
    before = dict(matplotlib.rcParams)
    yield
    pyplot.close("all")
    assert dict(matplotlib.rcParams) == before


def frame(n_rates=2, n_seeds=3, n_steps=6, units=(2,)):
    """Runs that differ by a little; the last seed of each setting stops a step early."""
    rows = [
        {
            LR: rate / 10,
            UNITS: unit,
            "config.seed": seed,
            "loss": rate + unit + 0.1 * seed + np.arange(n_steps - (seed == n_seeds - 1), 0, -1.0),
        }
        for unit in units
        for rate in range(1, n_rates + 1)
        for seed in range(n_seeds)
    ]
    return pd.DataFrame(rows)


def groups(runs, names=LR):
    return runs.mlxp.groupby(names)


def solid_lines(ax):
    return [line for line in ax.get_lines() if len(line.get_xdata()) > 1]


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_line_and_a_band_for_each_group():
    runs = frame()
    ax = groups(runs).plot("loss")
    table = groups(runs).curves("loss")
    for line, (_, group) in zip(solid_lines(ax), table.groupby(level=0), strict=True):
        np.testing.assert_allclose(line.get_ydata(), group["mean"])
    assert len(ax.collections) == 2
    assert labels(ax) == ["0.1", "0.2"]
    assert ax.get_legend().get_title().get_text() == LR
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert ax.get_title(loc="left") == "mean, 95 % interval of n = 2 to 3 runs"


def test_the_legend_names_only_what_varies():
    assert groups(frame(1)).plot("loss").get_legend() is None
    ax = groups(frame(units=(2, 3)), [LR, UNITS, "config.seed"]).plot("loss", error=None)
    assert ax.get_legend().get_title().get_text() == "config.lr, config.units, config.seed"
    ax = groups(frame(), [LR, UNITS]).plot("loss", error=None)
    assert (ax.get_legend().get_title().get_text(), labels(ax)) == (LR, ["0.1", "0.2"])


def test_n_is_written_where_it_falls():
    ax = groups(frame()).plot("loss", error="std")
    assert [(note.get_text(), note.xy[0]) for note in ax.texts] == [("n=2", 5), ("n=2", 5)]
    assert [note.get_text() for note in groups(frame(8)).plot("loss", error=None).texts] == []


@pytest.mark.parametrize("log", [False, True])
def test_heat_maps_of_nothing(log):
    none = frame().assign(loss=NAN)
    for runs in (none, none.iloc[:0]):
        ax = runs.mlxp.heatmap(UNITS, LR, "loss", log=log)
        ax.figure.canvas.draw()  # where matplotlib would complain
        assert list(ax.texts) == []


def test_of_many_falls_some_are_written():
    curves = [[1.0] * length for length in range(4, 40, 4)]
    ax = groups(pd.DataFrame({LR: 0.1, "loss": curves})).plot("loss", error=None)
    notes = [text.get_text() for text in ax.texts]
    assert (len(notes), notes[0], notes[-1]) == (4, "n=8", "n=1")


def test_notes_are_not_written_over_each_other():
    same = pd.DataFrame({LR: [1, 1, 2, 2, 3, 3], "loss": [[2.0] * 9, [2.0] * 5] * 3})
    fig, ax = pyplot.subplots(figsize=(3, 2))
    groups(same).plot("loss", ax=ax, error=None)
    fig.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 3
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))


def test_thirty_groups_fit_into_a_small_picture():
    pairs = [(lr, units) for lr in range(6) for units in range(5)]
    many = pd.DataFrame(pairs, columns=[LR, UNITS]).assign(loss=[[3.0, 2.0]] * 30)
    fig, ax = pyplot.subplots(figsize=(3, 2), layout="constrained")
    legend = groups(many, [LR, UNITS]).plot("loss", ax=ax, error=None).get_legend()
    fig.canvas.draw()  # warns where the axes have no room left
    shown = [text.get_text() for text in legend.get_texts()]
    assert (shown[0], shown[-1]) == ("0, 0", "5, 4")
    assert f"({len(shown)} of 30)" in legend.get_title().get_text()
    assert ax.get_window_extent().width > 0.3 * fig.bbox.width


def test_names_of_ticks_do_not_touch():
    many = pd.DataFrame({LR: range(30), UNITS: 1, "loss": [[3.0, 2.0]] * 30})
    for draw in (
        lambda ax: groups(many).boxplot("loss.last", ax=ax),
        lambda ax: many.mlxp.heatmap(UNITS, LR, "loss.last", ax=ax),
    ):
        fig, ax = pyplot.subplots(figsize=(3, 2), layout="constrained")
        draw(ax)
        fig.canvas.draw()
        boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
        assert len(boxes) > 5
        assert not any(first.overlaps(second) for first, second in itertools.pairwise(boxes))


def test_nan_stays_a_gap_and_a_lone_point_a_dot():
    runs = pd.DataFrame({"loss": [[1.0, NAN, 3.0, NAN, 5.0, 4.0]]})
    (line,) = groups(runs, []).plot("loss", error=None).get_lines()
    np.testing.assert_array_equal(line.get_ydata(), [1, NAN, 3, NAN, 5, 4])
    assert line.get_markevery() == [0, 2]


def test_steps_with_too_few_runs_are_gaps():
    runs = pd.DataFrame({"loss": [[1.0, NAN, 3.0, 5.0], [2.0, 2.0, 4.0]]})
    line = groups(runs, []).plot("loss", error=None, min_runs=2).get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [1.5, NAN, 3.5, NAN])


@pytest.mark.parametrize("each", [True, False])
def test_a_cross_marks_where_a_run_diverged(each):
    runs = pd.DataFrame({"loss": [[4.0, 3.0, INF, NAN], [2.0, 1.0, 1.0, 1.0]]})
    ax = groups(runs, []).plot("loss", error="std", runs=each)
    (cross,) = [line for line in ax.get_lines() if line.get_marker() == "X"]
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (1, 3.0 if each else 2.0)
    assert "x: a run diverged" in ax.get_title(loc="left")
    assert len(solid_lines(ax)) == (3 if each else 1)


def test_options_of_curves_are_understood():
    ax = groups(frame()).plot("loss", None, stat="median", error="minmax", logy=True)
    assert ax.get_yscale() == "log"
    assert ax.get_title(loc="left").startswith("median, min to max of n")


def test_the_axes_that_are_given_are_drawn_on():
    _, ax = pyplot.subplots()
    open_before = pyplot.get_fignums()
    assert groups(frame()).plot("loss", ax=ax) is ax
    assert groups(frame()).boxplot("loss.last", ax=ax) is ax
    assert frame().mlxp.plot("loss", ax=ax) is ax
    assert frame().mlxp.heatmap(UNITS, LR, "loss.last", ax=ax) is ax
    assert pyplot.get_fignums() == open_before


@pytest.mark.parametrize("n", [2, 3, 4, 6, 8])
def test_colours_stay_apart_in_greyscale(n):
    ax = groups(frame(n)).plot("loss", error=None)
    shades = sorted(np.dot(colors.to_rgb(line.get_color()), [0.2126, 0.7152, 0.0722]) for line in solid_lines(ax))
    assert np.diff(shades).min() > 0.3 / n
    assert shades[-1] < 0.8


def test_thirty_groups_all_differ():
    ax = groups(frame(30)).plot("loss", error=None)
    assert len({(colors.to_hex(line.get_color()), line.get_linestyle()) for line in solid_lines(ax)}) == 30
    ax.figure.draw_without_rendering()
    assert len(labels(ax)) == 30
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1


def test_dollars_and_newlines_in_names():
    runs = pd.DataFrame({"config.$x$": ["$a$", "_b\n"], "$loss_": [[1.0, 2.0], [2.0, 1.0]]})
    ax = groups(runs, "config.$x$").plot("$loss_", error=None)
    assert labels(ax) == [r"\$a\$", r"_b\n"]
    ax.figure.draw_without_rendering()


def test_every_run():
    ax = frame().mlxp.plot("loss")
    assert len(solid_lines(ax)) == 6
    assert labels(ax) == ["0", "1", "2", "3", "4", "5"]
    ax = frame().mlxp.plot("loss", hue=LR)
    assert labels(ax) == ["0.1", "0.2"]
    assert (
        len(
            {
                line.get_color() if isinstance(line.get_color(), str) else tuple(line.get_color())
                for line in solid_lines(ax)
            }
        )
        == 2
    )
    assert labels(frame().iloc[::-1].mlxp.plot("loss", hue=LR)) == ["0.1", "0.2"]
    ax = frame(6).mlxp.plot("loss")
    assert (len(solid_lines(ax)), ax.get_legend()) == (18, None)


def test_runs_without_the_metric():
    runs = pd.DataFrame({LR: [1, 2], "loss": [[1.0, 2.0], NAN]})
    assert len(runs.mlxp.plot("loss", hue=LR).get_lines()) == 1
    assert runs.iloc[1:].mlxp.plot("loss").get_lines()[:] == []
    assert groups(runs.iloc[1:]).plot("loss").get_title(loc="left") == "no runs"
    assert runs.iloc[:0].mlxp.plot("loss").get_title(loc="left") == "0 runs"


def test_boxes():
    runs = frame()
    runs.at[0, "loss"] = [INF]
    ax = groups(runs).boxplot("loss.last")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.1\nn=2", "0.2\nn=3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == (LR, "loss.last")
    assert ax.get_title(loc="left") == "1 of 6 runs left out: no finite value"
    dots = [line.get_ydata() for line in ax.get_lines() if line.get_marker() == "o"]
    np.testing.assert_allclose(np.concatenate(dots), [4.1, 4.2, 5.0, 5.1, 5.2])


def test_heat_map():
    runs = frame(units=(2, 4))
    runs = runs[~((runs[LR] == 0.2) & (runs[UNITS] == 4))]
    ax = runs.mlxp.heatmap(UNITS, LR, "loss.last")
    np.testing.assert_allclose(ax.get_images()[0].get_array().filled(NAN), [[4.1, 5.1], [6.1, NAN]])
    assert sorted(text.get_text() for text in ax.texts) == ["4.10", "5.10", "6.10"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["2", "4"]
    assert len(ax.patches) == 1
    assert ax.get_title(loc="left") == "n = 3"
    ax = frame(20).mlxp.heatmap(UNITS, LR, "loss.last", log=True)
    assert [text.get_text() for text in ax.texts] == []


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (lambda: groups(frame()).plot("los"), UnknownColumnError, "Did you mean 'loss'"),
        (lambda: groups(frame()).plot(LR), InvalidOptionError, "holds no curves"),
        (lambda: groups(frame()).plot(["loss", "loss"]), InvalidOptionError, "one metric; 2 were given"),
        (lambda: groups(frame()).plot("loss", colour="red"), InvalidOptionError, "no option 'colour'"),
        (lambda: groups(frame()).boxplot("loss"), InvalidOptionError, "say which number of them"),
        (lambda: frame().mlxp.plot("loss", hue="config.rl"), UnknownColumnError, "Did you mean 'config.lr'"),
        (lambda: frame().mlxp.heatmap(UNITS, LR, "loss.last", size=3), InvalidOptionError, "no option 'size'"),
    ],
)
def test_wrong_arguments(draw, error, message):
    with pytest.raises(error, match=message):
        draw()


def test_without_matplotlib(monkeypatch):
    normal = builtins.__import__

    def missing(name, *args):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return normal(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingDependencyError, match=r"pip install matplotlib"):
        groups(frame()).plot("loss", error=None)


def test_nothing_optional_is_imported_with_the_package():
    code = "import sys, mlxp_pandas; print([m for m in ('matplotlib', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
