# SPDX-License-Identifier: MIT
"""The structure of the package, enforced: sizes, what only one module may import, and how rooms are entered."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import mlxp_pandas

# Code lines of each room, its face included; the layers between them are contracts in pyproject.toml (`lint-imports`).
BUDGETS = {
    "__init__ errors testing": 310,
    "__main__": 150,
    "accessor groups reader": 420,
    "artifacts": 820,
    "cells": 380,
    "curves": 330,
    "disk runs reader": 1_200,
    "query": 550,
    "stats": 1_200,
    "views": 400,
}

# What only these modules may import. What reads the disk and what parses text does without pandas: to be timed alone.
ONLY_IN = {
    "concurrent": "disk.files",
    "json": "curves.jsonlines runs.index",
    "marshal": "artifacts.unpickle",
    "matplotlib": "views.plots",
    "msgspec": "curves.jsonlines",
    "pandas": """
        __init__ __main__ accessor cells.artifact cells.lazy cells.metric groups query.columns query.evaluate
        reader runs.frame stats.columns stats.health stats.maps stats.numbers stats.partition stats.points
        stats.ranking stats.spread stats.tables views.plots
    """,
    "pickle": "artifacts.unpickle testing",
    "scipy": "stats.spread",
    "tqdm": "runs.scan",
    "yaml": "disk.tree runs.templates",
}
REQUIRED = {"numexpr", "numpy", "pandas", "yaml"}

PACKAGE = Path(mlxp_pandas.__file__).parent


def dotted(path: Path) -> str:
    """The name of a module below the package; that of a folder for its face, `__init__.py`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


PATHS = sorted(PACKAGE.rglob("*.py"))
MODULES = {dotted(path): ast.parse(path.read_text(encoding="utf-8")) for path in PATHS}
ROOMS = {path.parent.name for path in PATHS if path.parent != PACKAGE}


def room(module: str) -> str:
    """What has a line of its own: the folder of a module, or the module itself."""
    return module.partition(".")[0]


def own_imports(module: str, tree: ast.AST) -> set[str]:
    """The modules of the package that a module imports, named from the package: `errors`, `query.grammar`."""
    found = {name for name in imports(tree) if name.startswith(".")}
    inside = {f"{room(module)}.{name[1:]}" if room(module) in ROOMS else name[1:] for name in found if name[1] != "."}
    return inside | {name[2:] for name in found if name[1] == "."}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every imported name, absolute as `pandas.api.types`, own ones as `.errors`, or `..errors` in a folder."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level and not node.module:
            yield from (f"{'.' * node.level}{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{'.' * node.level}{node.module}"


def outside_functions(tree: ast.AST) -> Iterator[str]:
    """The names that importing the module imports."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from outside_functions(node)


def calls(tree: ast.AST) -> set[str]:
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def tops(names: Iterable[str]) -> set[str]:
    """The packages that names belong to, without our own."""
    return {name.partition(".")[0] for name in names} - {""}


def every_function() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for name, tree in MODULES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, node


def body_size(module: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return len(CODE[module].intersection(range(node.body[0].lineno, node.body[-1].end_lineno + 1)))


def code_lines(path: Path) -> set[int]:
    """The numbers of the lines that are neither blank, nor a comment, nor part of a docstring."""
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    code = {number for number, line in lines if line.strip() and not line.strip().startswith("#")}
    for node in ast.walk(MODULES[dotted(path)]):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            code -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return code


CODE = {dotted(path): code_lines(path) for path in PATHS}


def offences(found: Callable[[str, ast.Module], set[str]]) -> dict[str, set[str]]:
    """What a rule finds, by module; empty when all keep to it."""
    by_module = {name: found(name, tree) for name, tree in MODULES.items()}
    return {name: what for name, what in by_module.items() if what}


def test_other_folders_are_entered_by_their_face() -> None:
    def indoors(module: str, tree: ast.Module) -> set[str]:
        return {name for name in own_imports(module, tree) if "." in name and room(name) != room(module)}

    assert offences(indoors) == {}


def test_own_imports_are_relative_and_at_the_top() -> None:
    def misplaced(_: str, tree: ast.Module) -> set[str]:
        own = {name for name in imports(tree) if name.startswith((".", "mlxp_pandas"))}
        return own - {name for name in outside_functions(tree) if name.startswith(".")}

    assert offences(misplaced) == {}


def test_libraries_stay_in_their_modules() -> None:
    def astray(module: str, tree: ast.Module) -> set[str]:
        return {library for library in tops(imports(tree)) if module not in ONLY_IN.get(library, module).split()}

    assert offences(astray) == {}


def test_only_the_public_pandas() -> None:
    def private(_: str, tree: ast.Module) -> set[str]:
        used = {name for name in imports(tree) if name.startswith("pandas.") and not name.startswith("pandas.api.")}
        reached = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        return used | {name for name in reached if name.startswith(("pd.core", "pd._"))}

    assert offences(private) == {}


def test_optional_libraries_are_imported_where_they_are_used() -> None:
    assert offences(lambda _, tree: tops(outside_functions(tree)) - REQUIRED - sys.stdlib_module_names) == {}


def test_only_the_command_line_prints() -> None:
    assert set(offences(lambda _, tree: calls(tree) & {"print"})) <= {"__main__"}


def test_nothing_evaluates_text() -> None:
    assert offences(lambda _, tree: calls(tree) & {"eval", "exec", "compile", "__import__"}) == {}


def test_no_assert_and_no_bare_except() -> None:
    def careless(_: str, tree: ast.Module) -> set[str]:
        bare = (node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None)
        asserts = (node for node in ast.walk(tree) if isinstance(node, ast.Assert))
        return {f"line {node.lineno}" for node in (*bare, *asserts)}

    assert offences(careless) == {}


def test_functions_and_modules_stay_short() -> None:
    sizes = {f"{name}.{node.name}": body_size(name, node) for name, node in every_function()}
    assert {name: size for name, size in sizes.items() if size > 30} == {}
    ordered = sorted(sizes.values())
    assert (ordered[len(ordered) // 2] <= 5, ordered[len(ordered) * 9 // 10] <= 15) == (True, True)
    assert {name: len(lines) for name, lines in CODE.items() if len(lines) > 250} == {}


def test_every_room_keeps_its_budget() -> None:
    sizes = {rooms: sum(len(CODE[name]) for name in CODE if room(name) in rooms.split()) for rooms in BUDGETS}
    assert {rooms: size for rooms, size in sizes.items() if size > BUDGETS[rooms]} == {}
    assert sum(map(len, CODE.values())) <= 5_700
    assert len(MODULES.keys() - ROOMS) <= 44
