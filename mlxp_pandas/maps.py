# SPDX-License-Identifier: MIT
"""What a user may write as an aggregation or filter map, brought to one form: MLXP's tuples and pandas' spellings."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .errors import InvalidMapError, suggest

__all__ = ["STATISTICS", "Aggregation", "call", "parse_aggregations", "parse_filter"]

STATISTICS = ("mean", "std", "sem", "median", "min", "max", "count")

_FORMS = (
    'Give (function, column) or (function, (column, ...), output names), a list of them, {column: "mean"} '
    'or output=(column, "mean").'
)

Resolve = Callable[[object], list[Hashable]]
Function = Callable[..., Any]


class Aggregation(NamedTuple):
    """One output column of an aggregation: a function, or the name of a statistic, applied to one column."""

    function: Function | str
    column: Hashable
    output: Hashable


def parse_aggregations(maps: object, named: Mapping[str, object], resolve: Resolve) -> list[Aggregation]:
    """Bring an aggregation in any of its spellings to one form.

    Parameters
    ----------
    maps : tuple, list of tuples, mapping or None
        `(function, column or columns[, output name or names])`, where the function is a callable or the name of a
        statistic; or pandas' `{column: function or [functions]}`.
    named : mapping
        pandas' `output=(column, function)`; used when `maps` is None.
    resolve : callable
        Checks one label or a list of labels and returns the list, as `fields.require` does.

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
    >>> parse_aggregations(("mean", ("train.loss", "test.loss")), {}, list)
    [Aggregation(function='mean', column='train.loss', output='fmean.train.loss'),
     Aggregation(function='mean', column='test.loss', output='fmean.test.loss')]
    >>> parse_aggregations({"train.loss": "mean"}, {}, lambda label: [label])
    [Aggregation(function='mean', column='train.loss', output='train.loss')]
    """
    if (maps is None) == (not named):
        raise InvalidMapError(f"Nothing to aggregate, or two spellings at once. {_FORMS}")
    if named:
        found = [_from_named(output, spec, resolve) for output, spec in named.items()]
    elif isinstance(maps, Mapping):
        found = _from_mapping(maps, resolve)
    else:
        found = [each for one in _as_list(maps) for each in _from_tuple(one, resolve)]
    _check_outputs([each.output for each in found])
    return found


def parse_filter(condition: object, resolve: Resolve) -> tuple[Function, list[Hashable]]:
    """Check MLXP's filter map `(function, column or columns)`.

    Parameters
    ----------
    condition : tuple or list of one tuple
        A third element, MLXP's unused output names, is ignored.
    resolve : callable
        Checks labels, as in `parse_aggregations`.

    Returns
    -------
    tuple of callable and list of labels

    Raises
    ------
    InvalidMapError
        The form is another one.

    Examples
    --------
    >>> parse_filter((all, ["a", "b"]), list)
    (<built-in function all>, ['a', 'b'])
    """
    maps = _as_list(condition)
    if len(maps) != 1:
        raise InvalidMapError(f"Only one filter can be applied at a time; {len(maps)} were given.")
    function, columns, *_ = _as_map(maps[0])
    if not callable(function):
        raise InvalidMapError(f"A filter map is (function, column or columns); its function is {function!r}.")
    return function, resolve(columns)


def call(function: Function, lists: Sequence[list[Any]], where: Callable[[], str]) -> Any:
    """Call a user's function; an exception of it is passed on with a note that says where it was."""
    try:
        return function(*lists)
    except Exception as error:
        error.add_note(f"mlxp_pandas: raised on {where()}{_lengths_note(lists)}")
        raise


def _from_named(output: str, spec: object, resolve: Resolve) -> Aggregation:
    if not (isinstance(spec, tuple) and len(spec) == 2) or callable(spec[0]):
        raise InvalidMapError(f'{output}={spec!r} is not of the form {output}=(column, "mean").')
    (label,) = _one(resolve(spec[0]), output)
    return Aggregation(_checked(spec[1]), label, output)


def _from_mapping(maps: Mapping[Any, object], resolve: Resolve) -> list[Aggregation]:
    """The mapping of pandas; as there, outputs are `(column, function)` where a list of functions is given."""
    if not any(isinstance(spec, list) for spec in maps.values()):
        return [Aggregation(_checked(spec), _one(resolve(label), label)[0], label) for label, spec in maps.items()]
    return [
        Aggregation(_checked(function), _one(resolve(label), label)[0], (*_as_tuple(label), _name_of(function)))
        for label, spec in maps.items()
        for function in (spec if isinstance(spec, list) else [spec])
    ]


def _from_tuple(one: object, resolve: Resolve) -> Iterable[Aggregation]:
    given, columns, *names = _as_map(one)
    function = _checked(given)
    labels = resolve(columns)
    outputs = _as_outputs(names[0]) if names else [f"f{_name_of(function)}.{label}" for label in labels]
    if len(outputs) != len(labels):
        raise InvalidMapError(f"A map of {len(labels)} column(s) has {len(outputs)} output name(s): {outputs!r}.")
    return [Aggregation(function, label, output) for label, output in zip(labels, outputs, strict=True)]


def _as_list(maps: object) -> list[object]:
    return list(maps) if isinstance(maps, list) else [maps]


def _as_map(one: object) -> tuple[Any, ...]:
    if not isinstance(one, tuple):
        raise InvalidMapError(f"{one!r} is not a map. {_FORMS}")
    if len(one) not in (2, 3):
        raise InvalidMapError(f"A map has two or three elements; this has {len(one)}. {_FORMS}")
    return one


def _as_tuple(label: Any) -> tuple[Any, ...]:
    return label if isinstance(label, tuple) else (label,)


def _as_outputs(names: object) -> list[Hashable]:
    outputs = list(names) if isinstance(names, (tuple, list)) else [names]
    for name in outputs:
        if not isinstance(name, str):
            raise InvalidMapError(f"The third element of a map names its outputs, with str; it is {names!r}.")
    return outputs


def _one(labels: list[Hashable], given: object) -> list[Hashable]:
    if len(labels) != 1:
        raise InvalidMapError(f"{given!r} has {len(labels)} columns; this spelling takes one column an output.")
    return labels


def _checked(function: Any) -> Function | str:
    if callable(function) or (isinstance(function, str) and function in STATISTICS):
        return function  # type: ignore[no-any-return]
    if isinstance(function, str):
        raise InvalidMapError(f"There is no statistic {function!r}.{suggest(function, STATISTICS)} {_FORMS}")
    raise InvalidMapError(f"{function!r} is neither a function nor the name of a statistic. {_FORMS}")


def _check_outputs(outputs: list[Hashable]) -> None:
    for place, output in enumerate(outputs):
        if output in outputs[:place]:
            raise InvalidMapError(f"Two outputs are named {output!r}: give one of them a name of its own.")


def _name_of(function: object) -> str:
    """The name in `f<name>.<column>`; an object that is called, such as a partial, has only its class's."""
    return function if isinstance(function, str) else getattr(function, "__name__", type(function).__name__)


def _lengths_note(lists: Sequence[list[Any]]) -> str:
    lengths = {len(value) for values in lists for value in values if getattr(value, "shape", None)}
    if len(lengths) < 2:
        return ""
    return f', whose curves have {min(lengths)} to {max(lengths)} steps; {{column: "mean"}} takes unequal lengths.'
