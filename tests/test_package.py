# SPDX-License-Identifier: MIT
"""The package as a whole: what it exports, what importing it costs, and what every module begins with."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pandas as pd

import mlxp_pandas
from tests.test_layers import PATHS, dotted

ROOT = Path(__file__).parents[1]
OPTIONAL = "IPython PIL dask dill hydra matplotlib mlxp msgspec omegaconf orjson polars pyarrow scipy torch tqdm"
NAMES = [name for name in map(dotted, PATHS) if name not in {"__init__", "__main__"}]


def modules() -> Iterator[ModuleType]:
    return (importlib.import_module(f"mlxp_pandas.{name}") for name in NAMES)


def public_names(module: ModuleType) -> list[str]:
    """What a module says is public; if it says nothing, all that it makes under a name without an underscore."""
    made = (name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__)
    return list(getattr(module, "__all__", (name for name in made if not name.startswith("_"))))


def test_everything_importable_is_exported() -> None:
    inner = {name.partition(".")[0] for name in NAMES} | {"annotations"}
    visible = {name for name in vars(mlxp_pandas) if not name.startswith("_")} - inner
    assert visible | {"__version__"} == set(mlxp_pandas.__all__)


def test_every_error_and_warning_is_exported() -> None:
    errors = importlib.import_module("mlxp_pandas.errors")
    assert set(errors.__all__) <= set(mlxp_pandas.__all__)


def test_modules_say_what_is_public() -> None:
    assert {module.__name__ for module in modules() if not set(public_names(module)) <= set(vars(module))} == set()


def test_public_names_are_documented() -> None:
    named = [(module, name) for module in modules() for name in public_names(module)]
    public = {f"{module.__name__}.{name}": getattr(module, name) for module, name in named}
    kinds = {name: value for name, value in public.items() if inspect.isclass(value) or inspect.isfunction(value)}
    assert {name for name, value in kinds.items() if not inspect.getdoc(value)} == set()


def test_importing_registers_the_accessor() -> None:
    assert hasattr(pd.DataFrame(), "mlxp")


def test_importing_pulls_in_nothing_optional() -> None:
    program = (
        "import sys, pandas; before = set(sys.modules); import mlxp_pandas;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert set(done.stdout.split()).intersection(OPTIONAL.split()) == set()


def test_importing_says_nothing() -> None:
    # After pandas, whose version 2.2.0 warns of a plan that was dropped.
    program = "import warnings, pandas; warnings.simplefilter('error'); import mlxp_pandas"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == ""


def test_licence_docstring_and_annotations_open_every_module() -> None:
    opening = re.compile(r'# SPDX-License-Identifier: MIT\nr?"""\S')
    texts = {str(path): path.read_text(encoding="utf-8") for path in PATHS}
    assert {name for name, text in texts.items() if not opening.match(text)} == set()
    assert {name for name, text in texts.items() if "\nfrom __future__ import annotations\n" not in text} == set()


def test_types_are_marked_as_shipped() -> None:
    assert (Path(mlxp_pandas.__file__).parent / "py.typed").is_file()


def test_changelog_knows_the_version() -> None:
    assert f"## [{mlxp_pandas.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
