# SPDX-License-Identifier: MIT
"""Which artifacts a run has: MLXP's hidden catalogue -> columns, and a column -> the files it stands for.

A whole catalogue is believed; nothing that it names leads out of the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from ..disk import ARTIFACT_KEYS, ARTIFACTS, MAX_FILES, Fault, Gathered, RunDir, load_mapping
from ..plaintext import harmless

__all__ = ["ArtifactFolder", "Catalogue", "artifact_columns", "list_artifacts", "read_artifacts"]

_Entry = tuple[str, str, list[str]]


class ArtifactFolder(NamedTuple):
    """What an artifact column stands for in one run: file names and their paths below `artifacts/<type>/`."""

    type: str
    files: dict[str, str]


class Catalogue(NamedTuple):
    """The columns of one catalogue file and what is wrong with it; `is_whole` where it can be believed."""

    columns: tuple[str, ...]
    faults: tuple[Fault, ...]
    is_whole: bool


def artifact_columns(data: bytes) -> Catalogue:
    """The columns `artifact.<type>.<dotted folder>` that `artifacts/.keys/artifacts.yaml` lists."""
    if not data.strip():
        return Catalogue((), (), False)
    entries, faults = _entries(data)
    return Catalogue(tuple(_column(kind, folder) for kind, folder, _ in entries), faults, bool(entries) and not faults)


def read_artifacts(run: RunDir) -> dict[str, ArtifactFolder]:
    """The artifacts of one run by column, as its catalogue lists them, or the files that are there without one.

    Never raises for what the run holds; a damaged catalogue was named when the run was scanned.
    """
    found = Gathered(run)
    has_catalogue = found.has_folder(ARTIFACTS) and found.has_folder(os.path.dirname(ARTIFACT_KEYS))
    data = found.read(ARTIFACT_KEYS) if has_catalogue else None
    if not data:
        return list_artifacts(found)
    listed = {_column(kind, folder): _resolved(run, kind, folder, names) for kind, folder, names in _entries(data)[0]}
    there = {} if artifact_columns(data).is_whole else list_artifacts(found)
    for column, folder in listed.items():
        there.setdefault(column, folder).files.update(folder.files)
    return there


def list_artifacts(found: Gathered) -> dict[str, ArtifactFolder]:
    """The artifacts that are there, where no catalogue lists them; marks the folders as looked at."""
    folders: dict[str, ArtifactFolder] = {}
    for kind in (found.has_folder(ARTIFACTS) and found.names_in(ARTIFACTS)) or ():
        if found.has_folder(f"{ARTIFACTS}/{kind}", quietly=True):
            for folder, names in _walk(found, f"{ARTIFACTS}/{kind}"):
                dotted = "." + folder.replace("/", ".") if folder else ""
                files = {harmless(name): f"{folder}/{name}" if folder else name for name in names}
                folders[_column(kind, dotted)] = ArtifactFolder(kind, files)
    return folders


def _walk(found: Gathered, top: str) -> Iterator[tuple[str, list[str]]]:
    """The folders below one of the run that hold files, with the visible files; bounded, links not followed."""
    base = f"{found.run.path}/{top}"
    left = MAX_FILES
    for path, folders, names in os.walk(base, onerror=lambda error: found.lost(top, error)):
        folders[:] = sorted(name for name in folders if name[0] != ".")[:left]
        relative = os.path.relpath(path, base)
        found.look(top if relative == "." else f"{top}/{relative}")
        good = sorted(name for name in names if name[0] != "." and not name.endswith("_tmp"))[:left]
        left -= len(good) + 1
        if good:
            yield "" if relative == "." else relative.replace(os.sep, "/"), good
        if left <= 0:
            found.problem(top, "too many", f"more than {MAX_FILES:,} files", "the first of them")
            return


def _column(kind: str, folder: str) -> str:
    return harmless(f"artifact.{kind}.{folder}")


def _entries(data: bytes) -> tuple[list[_Entry], tuple[Fault, ...]]:
    """The good entries of a catalogue of artifacts: type, dotted folder, file names; the bad ones as faults."""
    keys, faults = load_mapping(data)
    entries: list[_Entry] = []
    for kind, folders in keys.items():
        if not _is_name(kind) or not isinstance(folders, dict):
            faults += (Fault(None, "bad entry", f"{kind!r} is not an artifact type with folders", "the other types"),)
            continue
        for folder, names in folders.items():
            files = list(filter(_is_name, names)) if isinstance(names, dict) else []
            entries += [(kind, folder, files)] if files and _is_folder(folder) else []
            if not _is_folder(folder) or not isinstance(names, dict) or len(files) < len(names):
                reason = f"{kind!r}, {folder!r} lists what is no file of the run"
                faults += (Fault(None, "bad entry", reason, "the other files"),)
    return entries, faults


def _is_name(name: object) -> bool:
    """Whether a name from a catalogue is one plain file or folder name."""
    return isinstance(name, str) and name not in ("", ".", "..") and not set(name) & set("/\\\x00")


def _is_folder(folder: object) -> bool:
    """Whether it is MLXP's dotted form of a folder below the type's: '' or '.path.to'."""
    return folder == "" or (isinstance(folder, str) and folder[0] == "." and all(map(_is_name, folder[1:].split("."))))


def _resolved(run: RunDir, kind: str, folder: str, names: list[str]) -> ArtifactFolder:
    """The paths of the files; a folder may have dots in its name, so that the dotted form is tried both ways."""
    parts = folder[1:].split(".") if folder else []
    found = next(_existing(f"{run.path}/{ARTIFACTS}/{kind}/", "", parts), None)
    below = found if found is not None else "".join(f"{part}/" for part in parts)
    return ArtifactFolder(kind, {harmless(name): below + name for name in names})


def _existing(base: str, done: str, parts: list[str]) -> Iterator[str]:
    """The ways to cut a dotted name into folders that exist, the most folders first."""
    if not parts:
        yield done
    for count in range(1, min(len(parts), 16) + 1):
        name = ".".join(parts[:count])
        if os.path.isdir(base + done + name):
            yield from _existing(base, f"{done}{name}/", parts[count:])
