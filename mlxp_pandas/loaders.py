# SPDX-License-Identifier: MIT
"""Artifact types -> loaders: where a file may lie, who is trusted, and what its bytes become.

Nothing here is decided by the logs: the built-in types are fixed, other loaders come from the caller, and code stored
in the logs runs only with his `trust`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from .arrayfiles import check_archive, read_image, read_numpy
from .errors import (
    ArtifactError,
    ArtifactNotFoundError,
    InvalidOptionError,
    MissingDependencyError,
    MlxpPandasError,
    UntrustedArtifactError,
    suggest,
)
from .files import FileProblem, read_bytes
from .plaintext import printable
from .rundir import RunDir
from .unpickle import (
    NotPlain,
    PickleProblem,
    plain,
    torch_plain,
    torch_trusted,
    trusted,
    trusted_function,
)
from .yamltree import load_mapping

__all__ = ["MAX_BYTES", "load_artifact", "register_artifact_type"]

MAX_BYTES = 4 << 30
"""The most bytes that the file of an artifact may have, and that an archive may unpack to."""

Loader = Callable[[str], object]

_CUSTOM_TYPES = "artifacts/.keys/custom_types.yaml"
_MAX_CUSTOM_TYPES = 1 << 20
_registered: dict[str, Loader] = {}


def register_artifact_type(name: str, load: Loader) -> None:
    """Tell how artifacts of a custom type are loaded, for the rest of this session.

    Parameters
    ----------
    name : str
        The type, as it was given to MLXP's `register_artifact_type`.
    load : callable
        Takes the absolute path of the file and returns the object.

    Raises
    ------
    InvalidOptionError
        The name is that of a built-in type (pickle, numpy, torch, image), or `load` cannot be called.

    Examples
    --------
    >>> from pathlib import Path
    >>> register_artifact_type("notes", lambda path: Path(path).read_text())
    """
    if not isinstance(name, str) or not name:
        raise InvalidOptionError(f"the name of an artifact type is a text, not {name!r}")
    if name in _BUILT_IN:
        raise InvalidOptionError(
            f"the artifact type {name!r} is built in; to read a file of it in another way: artifact.load(loader=...)"
        )
    if not callable(load):
        raise InvalidOptionError(f"load must be a function that takes a path, not {load!r}")
    _registered[name] = load


def load_artifact(
    run: RunDir, artifact_type: str, relative: str, *, trust: bool | None = None, loader: Loader | None = None
) -> object:
    """Load one artifact of a run.

    Parameters
    ----------
    run : RunDir
        The run.
    artifact_type : str
        `pickle`, `numpy`, `torch`, `image`, or a custom type.
    relative : str
        The path of the file below `artifacts/<artifact_type>/` of the run.
    trust : bool, optional
        True: run code found in the logs where the type needs it. False: never. None, the default: objects of classes
        are unpickled where the file and its folders up to the logs belong to the current user and nobody else can
        write them.
    loader : callable, optional
        Takes the absolute path of the file and returns the object, in the place of the type's own loader.

    Returns
    -------
    object
        What was stored: any object for pickle and torch, an array or a dict of arrays for numpy, an array for image.

    Raises
    ------
    ArtifactNotFoundError
        There is no such file.
    UntrustedArtifactError
        Loading it would run code found in the logs, and `trust` does not allow it.
    MissingDependencyError
        A module that it needs is not installed.
    InvalidOptionError
        `trust` is neither True, False nor None, or `loader` cannot be called.
    ArtifactError
        It cannot be read for another reason: damaged, too large, outside of its run.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = tempfile.TemporaryDirectory()
    >>> notes = Path(folder.name, "1", "artifacts", "notes")
    >>> notes.mkdir(parents=True)
    >>> _ = (notes / "a.txt").write_text("converged")
    >>> load_artifact(RunDir(folder.name, "1"), "notes", "a.txt", loader=lambda path: Path(path).read_text())
    'converged'
    >>> folder.cleanup()
    """
    _check_options(trust, loader)
    file = _File(run, artifact_type, relative, trust)
    own = loader or _registered.get(artifact_type)
    try:
        if loader is None and artifact_type in _BUILT_IN:
            return _BUILT_IN[artifact_type](file)
        path = file.checked_path()
        return (own or _stored_loader(file))(path)
    except MlxpPandasError:
        raise
    except Exception as error:
        raise _explained(file, error) from error


def _check_options(trust: object, loader: object) -> None:
    if trust is not None and not isinstance(trust, bool):
        raise InvalidOptionError(f"trust is True, False or None, not {trust!r}")
    if loader is not None and not callable(loader):
        raise InvalidOptionError(f"loader must be a function that takes a path, not {loader!r}")


class _File:
    """One artifact that is asked for, on which terms, and what is known of the file once it is read."""

    def __init__(self, run: RunDir, artifact_type: str, relative: str, trust: bool | None) -> None:
        self.run = run
        self.type = artifact_type
        self.relative = relative
        self.trust = trust
        self.status: os.stat_result | None = None

    def __str__(self) -> str:
        return printable(f"artifacts/{self.type}/{self.relative} of run {self.run.name}")

    @property
    def path(self) -> str:
        return f"{self.run.path}/artifacts/{self.type}/{self.relative}"

    def checked_path(self) -> str:
        """The real path, inside of the run, of something that is a file or a folder."""
        path = _inside(self.run, f"artifacts/{self.type}/{self.relative}")
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise FileProblem("not a file", "it is neither a file nor a folder")
        return path

    def read(self) -> bytes:
        data, self.status = read_bytes(self.checked_path(), MAX_BYTES)
        return data

    def under_trust(self, data: bytes, harmless: Callable[[bytes], object], full: Callable[[bytes], object]) -> object:
        """Build plain data without trust, and anything with it."""
        if self.trust is not True:
            try:
                return harmless(data)
            except NotPlain as found:
                self.demand_trust(str(found))
        return full(data)

    def demand_trust(self, found: str) -> None:
        reason = "trust=False forbids that" if self.trust is False else _not_mine(self)
        if reason:
            raise UntrustedArtifactError(
                f"{self} is not loaded: {printable(found)}. A full unpickler builds that and runs code found in the "
                f"logs; {printable(reason)}. If you trust whoever wrote it: artifact.load(trust=True)"
            )

    def unpickled(self, data: bytes) -> object:
        return self.under_trust(data, plain, trusted)


def _load_torch(file: _File) -> object:
    data = file.read()
    if data.startswith(b"PK"):
        check_archive(data, MAX_BYTES)
    return file.under_trust(data, torch_plain, torch_trusted)


_BUILT_IN: dict[str, Callable[[_File], object]] = {
    "pickle": lambda file: file.unpickled(file.read()),
    "numpy": lambda file: read_numpy(file.read(), MAX_BYTES, file.unpickled),
    "torch": _load_torch,
    "image": lambda file: read_image(file.read()),
}


def _stored_loader(file: _File) -> Loader:
    """The loader that MLXP stored beside the artifacts as bytecode."""
    types = _stored_types(file.run)
    if file.type not in types:
        known = [*_BUILT_IN, *_registered]
        raise ArtifactError(
            f"{file} is of the type {file.type!r}, which nothing loads.{suggest(file.type, known)} {_HOW}"
        )
    if file.trust is not True:
        raise UntrustedArtifactError(
            f"{file} is of the custom type {file.type!r}, whose loader is stored in the logs as code. {_HOW}. "
            "If you trust whoever wrote it: artifact.load(trust=True)"
        )
    return trusted_function(types[file.type])


_HOW = "Give its loader with artifact.load(loader=...) or mlxp_pandas.register_artifact_type(name, load)"


def _stored_types(run: RunDir) -> dict[str, bytes]:
    try:
        data, _ = read_bytes(_inside(run, _CUSTOM_TYPES), _MAX_CUSTOM_TYPES)
    except (OSError, FileProblem):
        return {}
    found = {str(name): entry.get("load") for name, entry in load_mapping(data)[0].items() if isinstance(entry, dict)}
    return {name: code for name, code in found.items() if isinstance(code, bytes)}


def _inside(run: RunDir, relative: str) -> str:
    """The real path of something in a run; no name and no link leads out."""
    parts = relative.replace(os.sep, "/").split("/")
    if ".." in parts or "\0" in relative or any(os.path.splitdrive(part)[0] for part in parts):
        raise FileProblem("outside", "its name leads out of the folder of its run")
    if "" in parts:
        raise FileProblem("outside", "its name is empty or absolute")
    home = os.path.realpath(run.path)
    path = os.path.realpath(os.path.join(home, *parts))
    if not path.startswith(home + os.sep):
        raise FileProblem("outside", "a link leads out of the folder of its run")
    return path


def _not_mine(file: _File) -> str:
    """Why the file may be somebody else's; empty if only the current user can have written it."""
    unasked = "it does so unasked only where nobody but you can write the file and its folders"
    if not hasattr(os, "geteuid"):
        return f"{unasked}, which cannot be told on this system"
    path = os.path.realpath(file.run.root)
    for part in ("", file.run.name, "artifacts", *file.type.split("/"), *file.relative.split("/")):
        path = os.path.join(path, part) if part else path
        reason = _foreign(os.lstat(path))
        if reason:
            return f"{unasked}, but {path} {reason}"
    # The file that was read, whatever the path leads to now.
    reason = _foreign(file.status) if file.status is not None else ""
    return f"{unasked}, but the file that was read {reason}" if reason else ""


def _foreign(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if status.st_uid != os.geteuid():
        return "belongs to another user"
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"can be written by others (mode {stat.S_IMODE(status.st_mode):o}; chmod go-w would change that)"
    return ""


def _explained(file: _File, error: Exception) -> MlxpPandasError:
    """Our error for whatever went wrong."""
    text = printable(str(error).strip().partition("\n")[0][:500])
    if isinstance(error, FileProblem):
        how = ", raised by setting mlxp_pandas.loaders.MAX_BYTES" if error.kind == "too large" else ""
        return ArtifactError(f"{file} is not loaded: {printable(error.reason)}{how}")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)) and not os.path.exists(file.path):
        return _missing(file)
    if isinstance(error, PickleProblem):
        return ArtifactError(f"{file} cannot be loaded: {text}")
    if isinstance(error, ImportError):
        return MissingDependencyError(f"{file} needs a module that cannot be imported here: {text}. {_install(error)}")
    return ArtifactError(f"{file} cannot be loaded as {printable(file.type)}: {type(error).__name__}: {text}")


def _install(error: ImportError) -> str:
    name = (error.name or "").partition(".")[0]
    known = {"dill": '"mlxp_pandas[dill]"', "torch": "torch"}
    return f"pip install {known[name]}" if name in known else "Install it, or put the folder it lies in on sys.path"


def _missing(file: _File) -> ArtifactNotFoundError:
    """Say what is there instead: MLXP 1.0.5 saves numpy arrays under a temporary name and fails to rename them."""
    folder, name = os.path.split(file.path)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ArtifactNotFoundError(f"{file} is not there, nor is its folder")
    strays = [other for other in names if other.startswith(f"{name}_tmp")]
    if not strays:
        return ArtifactNotFoundError(printable(f"{file} is not there.{suggest(name, names)}"))
    stray = strays[0]
    return ArtifactNotFoundError(
        printable(
            f"{file} is not there, but {stray!r} is beside it: MLXP 1.0.5 wrote it and failed to rename it. "
            f"Rename it to {name!r} to load it from here, or open {os.path.join(folder, stray)!r} yourself"
        )
    )
