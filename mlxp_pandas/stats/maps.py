# SPDX-License-Identifier: MIT
"""Aggregation and filter maps: MLXP's tuples and pandas' spellings, read, and applied to groups of rows.

A function of the user gets lists of values; the name of a statistic stands for that statistic, of curves step by step.
"""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..cells import ArtifactDtype
from ..errors import InvalidMapError, suggest
from .columns import as_list, column, is_missing, labels_of, picked, read_values
from .numbers import with_numbers
from .partition import Partition
from .points import holds_curves

STATISTICS = ("mean", "std", "sem", "median", "min", "max", "count")
"""The statistics that a map may name."""

_FORMS = 'Give (function, column or columns[, output names]), a list of them, {column: "mean"} or out=(column, "mean").'

Function = Callable[..., Any]
Aggregation = tuple[Function | str, Hashable, Hashable]
"""One output column of an aggregation: a function or the name of a statistic, the column, and the output's name."""
_Curve = npt.NDArray[Any]


def aggregate(frame: pd.DataFrame, partition: Partition, maps: object, named: Mapping[str, object]) -> pd.DataFrame:
    """Reduce groups of rows to one row each.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    partition : Partition
        Its groups; their keys are the index of the result.
    maps, named
        The aggregation, in one of the spellings of `parse_aggregations`. A function gets the list of the group's
        values of a column: curves as ndarrays, of the runs that have the metric; of other columns all values, missing
        ones as NaN. It is not called for a group without any value: its cell is NaN. Named statistics are those of
        `step_statistic` on curves, and those of pandas on other columns.

    Returns
    -------
    DataFrame
        One row a group, one column an output; arrays and lists stay whole, in object columns.

    Raises
    ------
    InvalidMapError
        A map of another form, or a statistic that the column's values do not have.
    UnknownColumnError
        There is no such column, nor a number of curves of that name.

    Examples
    --------
    >>> runs = pd.DataFrame({"config.lr": [0.1, 0.3], "loss": [np.array([4.0, 2.0]), np.array([2.0, 1.0])]})
    >>> aggregate(runs, Partition(runs, []), (max, "config.lr"), {})
       fmax.config.lr
    0             0.3
    >>> aggregate(runs, Partition(runs, []), {"loss": "mean"}, {}).loc[0, "loss"]
    array([3. , 1.5])
    """
    aggregations = parse_aggregations(frame, maps, named)
    known, labels = with_numbers(frame, [label for _, label, _ in aggregations])
    read = read_values(known, dict.fromkeys(labels))
    outputs = {output: _output(column(known, label), of, read[label], partition) for of, label, output in aggregations}
    return pd.DataFrame(outputs, index=range(len(partition))).set_axis(partition.index, axis=0)


def filter_runs(frame: pd.DataFrame, condition: object, bygroups: object = None) -> pd.DataFrame:
    """Apply a filter map to all rows, or group by group.

    Parameters
    ----------
    frame : DataFrame
        Any frame.
    condition : tuple
        `(function, column or columns)`. The function gets one list a column, of the values of the group's rows: curves
        as ndarrays, NaN where a run has none. It returns one boolean a row.
    bygroups : label or list of labels, optional
        Columns, index levels, or numbers of curves that make the groups.

    Returns
    -------
    DataFrame
        The rows that pass, in the frame's order.

    Raises
    ------
    InvalidMapError
        The map has another form, or the function does not return one boolean a row.
    UnknownColumnError
        A column that the frame does not have.

    Examples
    --------
    >>> filter_runs(pd.DataFrame({"loss": [4.0, 3.0]}), (lambda x: [v == min(x) for v in x], "loss"))
       loss
    1   3.0
    """
    known, names = with_numbers(frame, [] if bygroups is None else bygroups)
    partition = Partition(known, names)
    function, labels = parse_filter(frame, condition)
    columns = list(map(read_values(with_numbers(frame, labels)[0], labels).__getitem__, labels))
    mask = np.zeros(len(frame), dtype=bool)
    for group, key in zip(partition.rows, partition.keys, strict=True):
        if len(group):
            lists = [[values[row] for row in group.tolist()] for values in columns]
            outcome = call(function, lists, f"columns {labels!r}, group {key!r}")
            mask[group] = _booleans(outcome, len(group))
    return frame[mask]


def step_statistic(curves: Sequence[_Curve], name: str) -> _Curve:
    """A statistic over runs at each step; at each step of those runs that reached it.

    Parameters
    ----------
    curves : sequence of ndarray of shape (n_steps of the run,)
        One curve a run, of any lengths. Arrays of more dimensions must have equal shapes after the first.
    name : {"mean", "std", "sem", "median", "min", "max", "count"}
        `std` and `sem` have n - 1 degrees of freedom, so they are NaN where one run is left; `count` is the number of
        runs that reached the step.

    Returns
    -------
    ndarray of shape (n_steps of the longest run,)
        A NaN in any of the runs at a step makes the statistic NaN there.

    Raises
    ------
    InvalidMapError
        The curves do not hold numbers.

    Examples
    --------
    >>> step_statistic([np.array([1.0, 2.0, 3.0]), np.array([3.0, np.nan])], "mean")
    array([ 2., nan,  3.])
    >>> step_statistic([np.array([1.0, 2.0, 3.0]), np.array([3.0, np.nan])], "count")
    array([2, 2, 1])
    """
    arrays = [_as_numbers(curve, name) for curve in curves]
    ends = sorted({0, *map(len, arrays)})
    # Between two ends the same runs are left: each stretch is one plain computation. Diverged runs hold infinities.
    with np.errstate(invalid="ignore", over="ignore"):
        stretches = [
            _statistic(np.array([array[start:end] for array in arrays if len(array) >= end]), name)
            for start, end in pairwise(ends)
        ]
    return np.concatenate(stretches) if stretches else np.empty(0)


def parse_aggregations(frame: pd.DataFrame, maps: object, named: Mapping[str, object]) -> list[Aggregation]:
    """Bring an aggregation in any of its spellings to one form.

    Parameters
    ----------
    frame : DataFrame
        Whose columns tell whether a tuple is one label or several; that they exist is not checked.
    maps : tuple, list of tuples, mapping or None
        `(function, column or columns[, output name or names])`, where the function is a callable or the name of a
        statistic; or pandas' `{column: function or [functions]}`.
    named : mapping
        pandas' `output=(column, function)`; used when `maps` is None.

    Returns
    -------
    list of Aggregation
        One for each output column.

    Raises
    ------
    InvalidMapError
        The form is none of these, two outputs have one name, or the statistic is unknown.

    Examples
    --------
    >>> parse_aggregations(pd.DataFrame(), ("mean", ("train.loss", "test.loss")), {})
    [('mean', 'train.loss', 'fmean.train.loss'), ('mean', 'test.loss', 'fmean.test.loss')]
    >>> parse_aggregations(pd.DataFrame(), {"train.loss": "mean"}, {})
    [('mean', 'train.loss', 'train.loss')]
    """
    if (maps is None) == (not named):
        raise InvalidMapError(f"Nothing to aggregate, or two spellings at once. {_FORMS}")
    if named:
        found = [_from_named(output, spec) for output, spec in named.items()]
    elif isinstance(maps, Mapping):
        found = _from_mapping(maps)
    else:
        found = [each for one in _as_maps(maps) for each in _from_tuple(frame, one)]
    outputs = [output for *_, output in found]
    if again := [output for place, output in enumerate(outputs) if output in outputs[:place]]:
        raise InvalidMapError(f"Two outputs are named {again[0]!r}: give one of them a name of its own.")
    return found


def parse_filter(frame: pd.DataFrame, condition: object) -> tuple[Function, list[Hashable]]:
    """Check MLXP's filter map `(function, column or columns)`.

    Parameters
    ----------
    frame : DataFrame
        As for `parse_aggregations`.
    condition : tuple or list of one tuple
        A third element, MLXP's unused output names, is ignored.

    Returns
    -------
    tuple of callable and list of labels

    Raises
    ------
    InvalidMapError
        The form is another one.

    Examples
    --------
    >>> parse_filter(pd.DataFrame(), (all, ["a", "b"]))
    (<built-in function all>, ['a', 'b'])
    """
    maps = _as_maps(condition)
    if len(maps) != 1:
        raise InvalidMapError(f"Only one filter can be applied at a time; {len(maps)} were given.")
    function, columns, *_ = maps[0]
    if not callable(function):
        raise InvalidMapError(f"A filter map is (function, column or columns); its function is {function!r}.")
    return function, labels_of(frame, columns)


def call(function: Function, lists: Sequence[list[Any]], where: str) -> Any:
    """Call a user's function; an exception of it is passed on with a note that says where it was.

    Examples
    --------
    >>> call(max, [[1, 2]], "column 'a'")
    2
    """
    try:
        return function(*lists)
    except Exception as error:
        lengths = sorted({len(value) for values in lists for value in values if getattr(value, "shape", None)})
        note = f"mlxp_pandas: raised on {where}"
        if len(lengths) > 1:
            note += f', with {lengths[0]} to {lengths[-1]} steps: {{column: "mean"}} takes unequal lengths.'
        error.add_note(note)
        raise


def _from_named(output: str, spec: object) -> Aggregation:
    if not (isinstance(spec, tuple) and len(spec) == 2) or callable(spec[0]):
        raise InvalidMapError(f'{output}={spec!r} is not of the form {output}=(column, "mean").')
    return _checked(spec[1]), spec[0], output


def _from_mapping(maps: Mapping[Any, Any]) -> list[Aggregation]:
    """The mapping of pandas; as there, outputs are `(column, function)` where a list of functions is given."""
    has_lists = any(isinstance(spec, list) for spec in maps.values())
    pairs = [(label, each) for label, spec in maps.items() for each in (spec if isinstance(spec, list) else [spec])]
    outputs = [(*as_list(label), _name_of(function)) if has_lists else label for label, function in pairs]
    return [(_checked(each), label, output) for (label, each), output in zip(pairs, outputs, strict=True)]


def _from_tuple(frame: pd.DataFrame, one: tuple[Any, ...]) -> list[Aggregation]:
    function, labels = _checked(one[0]), labels_of(frame, one[1])
    outputs = as_list(one[2]) if len(one) == 3 else [f"f{_name_of(function)}.{label}" for label in labels]
    if len(outputs) != len(labels) or not all(isinstance(name, str) for name in outputs):
        raise InvalidMapError(f"The third element of a map names its {len(labels)} output(s), with str: {outputs!r}.")
    return [(function, label, output) for label, output in zip(labels, outputs, strict=True)]


def _as_maps(maps: object) -> list[tuple[Any, ...]]:
    """MLXP's maps as a list of tuples."""
    found: list[Any] = maps if isinstance(maps, list) else [maps]
    for one in found:
        if not isinstance(one, tuple) or len(one) not in (2, 3):
            raise InvalidMapError(f"{one!r} is not a map, which is a tuple of two or three elements. {_FORMS}")
    return found


def _checked(function: Any) -> Function | str:
    if not callable(function) and function not in STATISTICS:
        near = suggest(function, STATISTICS)
        raise InvalidMapError(f"{function!r} is neither a function nor the name of a statistic.{near} {_FORMS}")
    return function  # type: ignore[no-any-return]


def _name_of(function: object) -> str:
    """The name in `f<name>.<column>`; an object that is called, such as a partial, has only its class's."""
    return function if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)


def _output(series: pd.Series[Any], function: Function | str, values: list[Any], partition: Partition) -> Any:
    """One output: the result of each group, typed; missing for groups without a run that has the metric."""
    are_curves = holds_curves(series)
    if isinstance(function, str) and not are_curves:
        return _plain_statistic(series, function, partition)
    function = partial(step_statistic, name=function) if isinstance(function, str) else function
    leaves_out = are_curves or isinstance(series.dtype, ArtifactDtype)
    results, places = list[Any](), list[int]()
    for key, group in zip(partition.keys, partition.rows, strict=True):
        present = [values[row] for row in group.tolist() if not (leaves_out and is_missing(values[row]))]
        places.append(len(results) if present else -1)
        if present:
            results.append(call(function, [present], f"column {series.name!r}, group {key!r}"))
    are_plain = all(map(pd.api.types.is_scalar, results))
    return picked(pd.Series(results, dtype=(None if are_plain else object) if results else np.float64), places).array


def _plain_statistic(values: pd.Series[Any], name: str, partition: Partition) -> Any:
    """What pandas' groupby gives on a column of plain values."""
    try:
        with warnings.catch_warnings():
            # numpy warns of groups whose values are all missing; their cell is NaN.
            warnings.simplefilter("ignore", RuntimeWarning)
            found: pd.Series[Any] = values.groupby(partition.codes).agg(name)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise InvalidMapError(f"{values.name!r} ({values.dtype}) has no {name!r}: {error}") from error
    return found.reindex(range(len(partition)), fill_value=0 if name == "count" else np.nan).array


def _booleans(outcome: Any, n_rows: int) -> npt.NDArray[np.bool_]:
    """The outcome of a filter function, checked."""
    if isinstance(outcome, tuple) and len(outcome) == 1 and pd.api.types.is_list_like(outcome[0]):
        (outcome,) = outcome  # MLXP's way to return one output
    values = list(outcome) if pd.api.types.is_list_like(outcome) else []
    if len(values) != n_rows or not all(isinstance(value, (bool, np.bool_)) for value in values):
        wanted = f"A filter function returns one boolean for each run, {n_rows} of them"
        raise InvalidMapError(f"{wanted}; it returned {reprlib.repr(outcome)}.")
    return np.array(values, dtype=bool)


def _as_numbers(curve: _Curve, name: str) -> _Curve:
    """A curve of numbers as it is, of Python numbers as floats."""
    array = np.asarray(curve)
    if array.dtype.kind in ("biuf" if name in ("min", "max") else "iuf") or name == "count":
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidMapError(f"{name!r} needs curves of numbers ({error}): give a function of their list.") from error


def _statistic(stack: _Curve, name: str) -> Any:
    """A statistic over the first axis."""
    if name == "count":
        return np.full(stack.shape[1:], len(stack))
    if name == "sem":
        return _statistic(stack, "std") / np.sqrt(len(stack))
    if name == "std":
        return np.std(stack, axis=0, ddof=1) if len(stack) > 1 else np.full(stack.shape[1:], np.nan)
    return getattr(np, name)(stack, axis=0)
