# SPDX-License-Identifier: MIT
"""Groups of runs: a mapping of key tuples to frames, aggregated and selected as MLXP's grouped frames are."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, KeysView, Mapping
from typing import Any

import pandas as pd

from . import stats, views
from .errors import InvalidOptionError, UnknownColumnError, UnknownGroupError, suggest
from .stats import Key

__all__ = ["GroupKeys", "RunGroups", "all_but_names", "select_runs"]

_KEYS_HINT = (
    "Give the keys with their names: the index of an aggregated frame, `groups.keys()`, or {column: values}. "
    "(The columns of an aggregated frame, its `keys()`, are no keys of groups: `select(best.index)`.)"
)


class RunGroups(Mapping[Key, pd.DataFrame]):
    """Runs grouped by the values of columns.

    Keys are tuples, also for one column; a run that lacks the value has the key NaN. Groups are sorted by key.
    Iterating, counting and looking up keys reads nothing; a group is taken from the frame when it is asked for.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    names : label or list of labels
        Columns or index levels, or numbers of curves such as `train.loss.n_nan`. None at all (`[]`) makes one group of
        all runs, with the key `()`.

    Attributes
    ----------
    frame : DataFrame
        The frame that is grouped.
    names : list of labels
        The columns that group it.
    partition : Partition
        Which rows are in which group.

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        The column holds curves, artifacts, or values that are no keys.

    Examples
    --------
    >>> runs = pd.DataFrame({"log_id": [1, 2, 3], "lr": [10.0, 1.0, 10.0], "loss": [0.3, 0.2, 0.5]})
    >>> runs = runs.set_index("log_id")
    >>> groups = RunGroups(runs, "lr")
    >>> list(groups)
    [(1.0,), (10.0,)]
    >>> groups[10.0]
              lr  loss
    log_id
    1       10.0   0.3
    3       10.0   0.5
    >>> groups
                   lr  loss
    lr   log_id
    1.0  2        1.0   0.2
    10.0 1       10.0   0.3
         3       10.0   0.5
    """

    def __init__(self, frame: pd.DataFrame, names: Hashable | list[Hashable]) -> None:
        known, self.names = stats.with_numbers(frame, names)
        self.frame = frame.copy(deep=False)
        self.partition = stats.Partition(known, self.names)

    def __getitem__(self, key: Any) -> pd.DataFrame:
        place = self.partition.place(key)
        if place is None:
            shown = [str(known) for known in self]
            raise UnknownGroupError(f"No group has the key {key!r}.{suggest(str(_as_key(key)), shown)}")
        return self.frame.take(self.partition.rows[place])

    def __contains__(self, key: object) -> bool:
        return self.partition.place(key) is not None

    def __iter__(self) -> Iterator[Key]:
        return iter(self.partition.keys)

    def __len__(self) -> int:
        return len(self.partition)

    # Frames have no truth value: groups are compared as objects.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def keys(self) -> GroupKeys:
        """The keys of the groups, which remember the names of the columns."""
        return GroupKeys(self)

    def aggregate(self, maps: Any = None, **named: Any) -> pd.DataFrame:
        """Reduce each group to one row.

        Parameters
        ----------
        maps : tuple, list of tuples, or mapping
            MLXP's `(function, column or columns[, output names])`, or a list of them: the function gets the list of a
            column's values in the group, curves as ndarrays, and its result is the cell of the output
            `f<function>.<column>`. Or pandas' `{column: "mean"}` and `{column: ["mean", "std"]}` (outputs named as
            pandas does: the column, and `(column, "mean")`). The names mean, std, sem, median, min, max, count are
            applied to curves step by step, over the runs that reached the step, and as in pandas to plain columns.
        **named
            pandas' `output=(column, "mean")`, instead of maps.

        Returns
        -------
        DataFrame
            Indexed by the keys of the groups. NaN where no run of the group has the metric.

        Raises
        ------
        UnknownColumnError
            The frame has no such column.
        InvalidMapError
            The maps have another form.

        Examples
        --------
        >>> import numpy as np
        >>> runs = pd.DataFrame({"lr": [1.0, 1.0], "loss": [np.array([4.0, 2.0]), np.array([2.0])]})
        >>> RunGroups(runs, "lr").aggregate(loss=("loss", "mean"), best=("loss", lambda curves: min(map(min, curves))))
                   loss  best
        lr
        1.0  [3.0, 2.0]   2.0
        """
        return stats.aggregate(self.frame, self.partition, maps, named)

    def filter(self, condition: Any, bygroups: Hashable | list[Hashable] | None = None) -> RunGroups:
        """Keep the runs that pass a filter map, applied group by group.

        Parameters
        ----------
        condition : tuple
            `(function, column or columns)`: the function gets one list a column, of the values of a group's runs, and
            returns one boolean a run.
        bygroups : label or list of labels, optional
            Apply the map to these groups instead, and group the runs that pass as before.

        Returns
        -------
        RunGroups
            Groups that keep no run are gone.

        Raises
        ------
        InvalidMapError
            The map has another form, or the function does not return one boolean a run.
        UnknownColumnError
            The frame has no such column.

        Examples
        --------
        >>> runs = pd.DataFrame({"lr": [1.0, 1.0, 2.0], "loss": [4.0, 3.0, 5.0]})
        >>> RunGroups(runs, "lr").filter((lambda x: [v == min(x) for v in x], "loss")).ungroup()
            lr  loss
        1  1.0   3.0
        2  2.0   5.0
        """
        names = self.names if bygroups is None else bygroups
        return RunGroups(stats.filter_runs(self.frame, condition, names), self.names)

    def select(self, keys: Any) -> RunGroups:
        """Keep the groups with these keys.

        Parameters
        ----------
        keys : Index, GroupKeys, RunGroups, mapping, or list of tuples
            Keys with the names of their columns (any of the groups' columns, in any order), or plain tuples in the
            order of `names`. Keys that no group has are ignored.

        Returns
        -------
        RunGroups

        Raises
        ------
        UnknownColumnError
            A name that is not one of the groups' columns.
        InvalidOptionError
            Keys without names, of another length.

        Examples
        --------
        >>> groups = RunGroups(pd.DataFrame({"lr": [1.0, 1.0, 2.0], "seed": [1, 2, 1]}), ["lr", "seed"])
        >>> list(groups.select(pd.Index([1.0], name="lr")))
        [(1.0, 1), (1.0, 2)]
        """
        names, wanted = _named_keys(keys, self.names)
        for name in names:
            if name not in self.names:
                raise UnknownColumnError(f"The groups have no column {name!r}.{suggest(name, self.names)}")
        return RunGroups(self.frame[self.partition.mask(self.partition.having(names, wanted))], self.names)

    def curves(  # noqa: PLR0913, PLR0917  # one word for each thing that can be asked, in one place
        self,
        metric: Any,
        x: str | None = None,
        stat: str = "mean",
        error: str | None = "ci",
        level: float = 0.95,
        align: str = "outer",
        min_runs: int = 1,
        dup: str = "last",
        **options: Any,
    ) -> pd.DataFrame:
        """Reduce the curves of each group to one, step by step, with its spread and the number of runs.

        Parameters
        ----------
        metric : label or list of labels
            Columns of metrics.
        x : str, optional
            What the steps are: a metric of the same log, such as `train.epoch`, or a key that the log of each metric
            has (`epoch`). The place of the row in its log, counted from 0, unless given.
        stat : {"mean", "median", "iqm"}
            `iqm` is the mean of the middle half of the runs, as rliable defines it.
        error : {"ci", "std", "sem", "minmax", None}
            What `low` and `high` are. "ci": for a mean Student's t with n - 1 degrees of freedom, for the others the
            percentile bootstrap over whole runs. "std", "sem": the statistic plus and minus that. "minmax": the
            extreme runs. None: NaN.
        level : float
            Confidence level of "ci".
        align : {"outer", "inner"}
            Every step that a run of the group has, or only the steps that all of them have.
        min_runs : int
            Steps at which fewer runs have a value are dropped.
        dup : {"last", "first", "mean", "raise"}
            What counts where a run has logged a step twice, as after a resume.
        **options
            `grid`: interpolate each run linearly at these steps, or at so many from the group's first step to its last,
            never beyond the run's own range. `n_resamples` (2000) and `random_state` (0) of the bootstrap.

        Returns
        -------
        DataFrame
            One row a group and step. Index: the group's columns, `metric` where a list was given, and the step.
            Columns: the statistic under its name, `std` (n - 1 degrees of freedom), `sem`, `low`, `high`, and `n`, the
            number of runs that have a value there. With n = 1 the spread and the bounds are NaN.

        Raises
        ------
        UnknownColumnError
            The frame has no such column, or the runs have no such `x`.
        InvalidOptionError
            A column without curves, an `x` of another log, or an option outside its allowed values.
        MissingDependencyError
            `error="ci"` without scipy.

        Examples
        --------
        >>> runs = pd.DataFrame({"lr": [0.1, 0.1], "loss": [[4.0, 2.0, 1.0], [2.0, 1.0]]})
        >>> RunGroups(runs, "lr").curves("loss").round(1)
                  mean  std  sem  low  high  n
        lr  step
        0.1 0      3.0  1.4  1.0 -9.7  15.7  2
            1      1.5  0.7  0.5 -4.9   7.9  2
            2      1.0  NaN  NaN  NaN   NaN  1
        """
        options |= {"stat": stat, "error": error, "level": level, "align": align, "min_runs": min_runs, "dup": dup}
        return stats.curves_table(self.frame, self.partition, metric, x, **options)

    def plot(
        self,
        metric: Hashable,
        x: str | None = None,
        ax: Any = None,
        error: str | None = "ci",
        runs: bool = False,
        logy: bool = False,
        **options: Any,
    ) -> Any:
        """Draw the curve of each group with its band.

        Parameters
        ----------
        metric : label
            A column of metrics.
        x : str, optional
            What the steps are, as for `curves`.
        ax : matplotlib Axes, optional
            Where to draw; a new figure unless given.
        error : {"ci", "std", "sem", "minmax", None}
            What the band is, as for `curves`.
        runs : bool
            Whether each run is drawn too, thinly.
        logy : bool
            Whether the axis of the values is logarithmic.
        **options
            The other keywords of `curves`.

        Returns
        -------
        matplotlib Axes
            The legend names only the columns that vary; where n falls along a curve it is written there; a cross marks
            where a run has diverged.

        Raises
        ------
        UnknownColumnError
            The frame has no such column, or the runs have no such `x`.
        InvalidOptionError
            An option outside its allowed values.
        MissingDependencyError
            Without matplotlib, or without scipy for `error="ci"`.

        Examples
        --------
        >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 1.0], "loss": [[4.0, 2.0, 1.0], [2.0, 1.0], [3.0]]})
        >>> RunGroups(runs, "lr").plot("loss", error="std").get_legend().get_title().get_text()
        'lr'
        """
        return views.plot_groups(
            self.frame, self.partition, metric, x, ax=ax, error=error, runs=runs, logy=logy, **options
        )

    def boxplot(self, value: str, ax: Any = None) -> Any:
        """Draw the spread of a number over the runs of each group.

        Parameters
        ----------
        value : str
            A column of numbers, or a name such as `test.loss.last`.
        ax : matplotlib Axes, optional
            Where to draw; a new figure unless given.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        UnknownColumnError
            The frame has no such column.
        MissingDependencyError
            Without matplotlib.

        Examples
        --------
        >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 1.0], "loss": [[4.0, 2.0], [1.0], [3.0]]})
        >>> RunGroups(runs, "lr").boxplot("loss.last").get_ylabel()
        'loss.last'
        """
        return views.box_plot(self.frame, self.partition, value, ax)

    def ungroup(self) -> pd.DataFrame:
        """The runs as one frame again, group after group, each with its index.

        Examples
        --------
        >>> RunGroups(pd.DataFrame({"lr": [2.0, 1.0]}), "lr").ungroup()
            lr
        1  1.0
        0  2.0
        """
        return self.frame.take(self.partition.order)

    def to_frame(self) -> pd.DataFrame:
        """The runs as one frame, with the keys of their groups as outer levels of the index.

        Examples
        --------
        >>> RunGroups(pd.DataFrame({"lr": [2.0, 1.0]}), "lr").to_frame().index.tolist()
        [(1.0, 1), (2.0, 0)]
        """
        if not self.names:
            return self.frame.copy()
        runs, places = self.ungroup(), self.partition.codes[self.partition.order]
        return runs.set_axis(self.partition.index_with(places, list(_inner_levels(runs.index, self.names))), axis=0)

    def __repr__(self) -> str:
        return repr(self.to_frame())

    def _repr_html_(self) -> str | None:
        return self.to_frame()._repr_html_()  # type: ignore[operator,no-any-return]


class GroupKeys(KeysView[Key]):
    """The keys of groups, with the names of their columns, so that `select` knows what they stand for.

    Examples
    --------
    >>> RunGroups(pd.DataFrame({"lr": [2.0, 1.0]}), "lr").keys()
    GroupKeys([(1.0,), (2.0,)], names=['lr'])
    """

    def __init__(self, groups: RunGroups) -> None:
        super().__init__(groups)
        self.names = groups.names

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r}, names={self.names!r})"


def all_but_names(frame: pd.DataFrame, names: object) -> list[Hashable]:
    """Every config column that varies, except these.

    Examples
    --------
    >>> all_but_names(pd.DataFrame({"config.lr": [1.0, 2.0], "config.seed": [1, 2]}), "config.seed")
    ['config.lr']
    """
    return stats.setting_columns(frame, stats.listed(frame, names))


def select_runs(frame: pd.DataFrame, keys: Any) -> pd.DataFrame:
    """The rows whose columns take these values, in the frame's order.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    keys : Index, GroupKeys, RunGroups, or mapping
        Values with the names of their columns; a mapping is `{column: value or values}`. NaN stands for a missing
        value, 1 and 1.0 are equal.

    Returns
    -------
    DataFrame

    Raises
    ------
    UnknownColumnError
        The frame has no such column.
    InvalidOptionError
        Keys without names.

    Examples
    --------
    >>> select_runs(pd.DataFrame({"lr": [1.0, 2.0], "seed": [1, 2]}), {"lr": 2.0})
        lr  seed
    1  2.0     2
    """
    names, wanted = _named_keys(keys, None)
    partition = stats.Partition(*stats.with_numbers(frame, names))
    return frame[partition.mask(partition.having(partition.names, wanted))]


def _named_keys(keys: Any, default: list[Hashable] | None) -> tuple[list[Hashable], set[Key]]:
    """The columns that keys stand for, and the keys; `default` names those of plain tuples."""
    if isinstance(keys, Mapping) and not isinstance(keys, RunGroups):
        values = [[value] if isinstance(value, tuple) else stats.as_list(value) for value in keys.values()]
        return list(keys), {stats.plain_key(key) for key in itertools.product(*values)}
    names = _names_of(keys, default)
    given = keys if pd.api.types.is_list_like(keys) else [keys]
    return names, {_of_length(_as_key(key), len(names)) for key in given}


def _names_of(keys: Any, default: list[Hashable] | None) -> list[Hashable]:
    if isinstance(keys, (RunGroups, GroupKeys)):
        return keys.names
    if isinstance(keys, pd.Index) and None not in keys.names:
        return list(keys.names)
    if default is None or isinstance(keys, (pd.Index, pd.DataFrame, pd.Series)):
        raise InvalidOptionError(f"It is not known which columns these keys belong to: {keys!r}. {_KEYS_HINT}")
    return default


def _as_key(key: Any) -> Any:
    return stats.plain_key(key if isinstance(key, tuple) else (key,))


def _of_length(key: Key, length: int) -> Key:
    if len(key) != length:
        raise InvalidOptionError(f"The key {key!r} has {len(key)} value(s) for {length} column(s). {_KEYS_HINT}")
    return key


def _inner_levels(index: pd.Index[Any], names: list[Hashable]) -> Iterator[pd.Index[Any]]:
    """The levels of an index that do not group the frame."""
    # Without names: pandas would take one that is a number for a name, not for a place.
    levels = index.set_names([None] * index.nlevels)
    for place, name in enumerate(index.names):
        if name is None or name not in names:
            yield levels.get_level_values(place).rename(name)
