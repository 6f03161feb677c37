# SPDX-License-Identifier: MIT
"""What a hostile case is: a way to damage run 2 of three, and all that is expected of reading them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["ABSENT", "EPOCH", "HEAD", "LOSS", "Case", "both", "change", "put", "put_link", "remove"]

#: The value of a column that run 2 does not have.
ABSENT = "ABSENT"

#: The two healthy rows that most metrics files of run 2 begin with, and their curves.
HEAD = b'{"loss": 0.5, "epoch": 0}\n{"loss": 0.25, "epoch": 1}\n'
LOSS = [0.5, 0.25]
EPOCH = [0, 1]


class Case(NamedTuple):
    """One log folder, its healthy runs 1 and 3, and its damaged run 2.

    Attributes
    ----------
    name : str
    damage : callable
        Given the folder of run 2, changes it. `folder.parent` is the log folder; `folder.parent.parent / "outside"` is
        what nothing may lead to, and `folder.parent.parent / "sentinel"` what executed code would write.
    scan, load : str
        The kinds of the problems of `read_runs`, and of the loading of curves, sorted, with commas.
    kept : mapping
        Column -> what run 2 has there: a value, ABSENT, or, for a metric, the list of its values.
    artifacts : mapping
        `<column>/<file>` -> what loading it without trust gives: a value, or the name of an error.
    rows : tuple of int
        The log_ids of the frame.
    health : str, optional
        The kinds of problems that `health` names; those of `scan` and `load` together by default.
    later : callable, optional
        Changes the folder of run 2 between two reads, of which the second must show it.
    as_nobody : bool
        Whether it needs a user who may not read everything.
    """

    name: str
    damage: Callable[[Path], object]
    scan: str = ""
    load: str = ""
    kept: Mapping[str, Any] = {}
    artifacts: Mapping[str, Any] = {}
    rows: tuple[int, ...] = (1, 2, 3)
    health: str | None = None
    later: Callable[[Path], object] | None = None
    as_nobody: bool = False


def put(relative: str, data: bytes | str) -> Callable[[Path], object]:
    """Damage: this file with these contents."""

    def damage(run: Path) -> None:
        path = run / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))

    return damage


def change(relative: str, old: str, new: str) -> Callable[[Path], object]:
    """Damage: another text in a file."""

    def damage(run: Path) -> None:
        text = (run / relative).read_text(encoding="utf-8")
        (run / relative).write_text(text.replace(old, new), encoding="utf-8")

    return damage


def remove(*relatives: str) -> Callable[[Path], object]:
    """Damage: these files or folders are gone."""

    def damage(run: Path) -> None:
        for relative in relatives:
            path = run / relative
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    return damage


def put_link(relative: str, target: str) -> Callable[[Path], object]:
    """Damage: a link in the place of what is there, which moves to the target unless something is there already."""

    def damage(run: Path) -> None:
        path = run / relative
        real = path.parent / target
        if not target.startswith("/dev") and not real.exists() and path.exists():
            real.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, real)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        os.symlink(target, path)

    return damage


def both(*damages: Callable[[Path], object]) -> Callable[[Path], object]:
    """Damage: all of these, one after another."""

    def damage(run: Path) -> None:
        for one in damages:
            one(run)

    return damage
