# SPDX-License-Identifier: MIT
"""Artifact types -> loaders: where a file may lie, who is trusted, and what its bytes become.

Nothing here is decided by the logs: the built-in types are fixed, other loaders come from the caller, and code stored
in the logs runs only with his `trust`, or where it is his own.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from itertools import accumulate

from ..disk import FileProblem, RunDir, load_mapping, others_claim, read_bytes
from ..errors import (
    ArtifactError,
    ArtifactNotFoundError,
    InvalidOptionError,
    MissingDependencyError,
    MlxpPandasError,
    UntrustedArtifactError,
    suggest,
)
from ..plaintext import printable
from .arrays import check_archive, read_image, read_numpy
from .pickleguard import Guard
from .unpickle import NotPlain, PickleProblem, plain, torch_loaded, trusted, trusted_function

__all__ = ["MAX_BYTES", "load_artifact", "register_artifact_type"]

#: The most bytes that the file of an artifact may have, and that an archive may unpack to; of an image a quarter.
MAX_BYTES = 512 << 20
Loader = Callable[[str], object]

_CUSTOM_TYPES = "artifacts/.keys/custom_types.yaml"
_INFO = "metadata/info.yaml"
_HOW = "Give its loader with artifact.load(loader=...) or mlxp_pandas.register_artifact_type(name, load)"
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
    _check(isinstance(name, str) and name != "", f"the name of an artifact type is a text, not {name!r}")
    _check(name not in _BUILT_IN, f"the artifact type {name!r} is built in; for one file: artifact.load(loader=...)")
    _check(callable(load), f"load must be a function that takes a path, not {load!r}")
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
        True: run code found in the logs where the type needs it. False: never. None, the default: only where it is
        yours. The file, its folders up to the logs and `info.yaml` belong to the current user, nobody else can write
        them, and the script that started the run is on this machine, likewise the user's own, and mentions `mlxp`.
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
    _check(trust is None or isinstance(trust, bool), f"trust is True, False or None, not {trust!r}")
    _check(loader is None or callable(loader), f"loader must be a function that takes a path, not {loader!r}")
    file = _File(run, artifact_type, relative, trust)
    try:
        if loader is None and artifact_type in _BUILT_IN:
            return _BUILT_IN[artifact_type](file)
        path = file.checked_path()
        return (loader or _registered.get(artifact_type) or _stored_loader(file))(path)
    except MlxpPandasError:
        raise
    except Exception as error:
        raise _explained(file, error) from error


def _check(is_valid: bool, reason: str) -> None:
    if not is_valid:
        raise InvalidOptionError(reason)


class _File:
    """One artifact that is asked for, on which terms, and what is known of the files that were read for it."""

    def __init__(self, run: RunDir, artifact_type: str, relative: str, trust: bool | None) -> None:
        self.run = run
        self.type = artifact_type
        self.below = f"artifacts/{artifact_type}/{relative}"
        self.path = f"{run.path}/{self.below}"
        self.trust = trust
        self.guard = Guard()
        self.looked: dict[str, os.stat_result | None] = {self.below: None}

    def __str__(self) -> str:
        return printable(f"{self.below} of run {self.run.name}")

    def checked_path(self) -> str:
        """The real path, inside of the run, of something that is a file or a folder."""
        path = self.run.within(self.below)
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise FileProblem("not a file", "it is neither a file nor a folder")
        return path

    def read(self, limit: int) -> bytes:
        data, self.looked[self.below] = read_bytes(self.checked_path(), limit)
        return data

    def under_trust(self, data: bytes, harmless: Callable[[bytes], object], full: Callable[[bytes], object]) -> object:
        """Build plain data without trust, and anything with it."""
        if self.trust is not True:
            try:
                return harmless(data)
            except NotPlain as found:
                self.demand_trust(f"{found}. A full unpickler builds that and runs code found in the logs")
        return full(data)

    def demand_trust(self, found: str) -> None:
        if self.trust is not True:
            reason = "trust=False forbids that" if self.trust is False else _not_mine(self.run, self.looked)
            text = f"{self} is not loaded: {found}; {reason}. If you trust whoever wrote it: artifact.load(trust=True)"
            if reason:
                raise UntrustedArtifactError(printable(text))

    def unpickled(self, data: bytes) -> object:
        return self.under_trust(data, lambda content: plain(content, self.guard), trusted)


def _load_torch(file: _File) -> object:
    data = file.read(MAX_BYTES)
    if data.startswith(b"PK"):
        check_archive(data, MAX_BYTES)
    return file.under_trust(data, torch_loaded, lambda content: torch_loaded(content, is_trusted=True))


_BUILT_IN: dict[str, Callable[[_File], object]] = {
    "pickle": lambda file: file.unpickled(file.read(MAX_BYTES)),
    "numpy": lambda file: read_numpy(file.read(MAX_BYTES), MAX_BYTES, file.unpickled),
    "torch": _load_torch,
    "image": lambda file: read_image(file.read(MAX_BYTES // 4)),
}


def _stored_loader(file: _File) -> Loader:
    """The loader that MLXP stored beside the artifacts as bytecode."""
    try:
        data, file.looked[_CUSTOM_TYPES] = read_bytes(file.run.within(_CUSTOM_TYPES), 1 << 20)
        code = load_mapping(data)[0][file.type]["load"]
    except (OSError, FileProblem, LookupError, TypeError):
        code = None
    if not isinstance(code, bytes):
        near = suggest(file.type, [*_BUILT_IN, *_registered])
        raise ArtifactError(f"{file} is of the type {file.type!r}, which nothing loads.{near} {_HOW}")
    file.demand_trust(f"the loader of its type {file.type!r} is stored in the logs as code. {_HOW}")
    return trusted_function(code)


def _not_mine(run: RunDir, looked: dict[str, os.stat_result | None]) -> str:
    """Why code in these files of a run may be somebody else's; empty if only the current user can have written it."""
    unasked = "it does so unasked only where that is yours alone and your own script started the run"
    try:
        reason = _not_alone(run, looked) or _no_origin(run)
    except (AttributeError, OSError, ValueError, FileProblem) as error:  # Windows has no owners
        reason = f"that cannot be told on this system ({error})"
    return f"{unasked}, but {reason}" if reason else ""


def _not_alone(run: RunDir, looked: dict[str, os.stat_result | None]) -> str:
    """Which of the files, or of the folders from the logs to them, others may have written."""
    parts = [(os.path.realpath(run.root), run.name, *file.split("/")) for file in (*looked, _INFO)]
    claims = {path: others_claim(os.lstat(path)) for names in parts for path in accumulate(names, os.path.join)}
    # The files that were read, whatever their paths lead to now.
    claims |= {f"the file that was read, {file},": others_claim(status) for file, status in looked.items() if status}
    return next((f"{path} {claim}" for path, claim in claims.items() if claim), "")


def _no_origin(run: RunDir) -> str:
    """Why the script that a run names is no proof that the current user started it here; empty if it is.

    An archive names what it likes, and unpacking makes its files the user's. It cannot bring a script along to where
    it says, unless that is inside the logs; and a library that is installed everywhere is nobody's script.
    """
    script = load_mapping(read_bytes(f"{run.path}/{_INFO}", 1 << 20)[0])[0].get("current_file_path")
    if not isinstance(script, str) or not os.path.isabs(script):
        return f"its {_INFO} names no script (current_file_path)"
    real, logs = os.path.realpath(script), os.path.realpath(run.root) + os.sep
    if real.startswith(logs) or "-packages" + os.sep in real or not real.endswith(".py"):
        reason = "is in the logs or in a library, or no Python script"
    elif not os.path.lexists(script):
        reason = "is not here"
    else:
        reason = others_claim(os.lstat(script))
        if not reason and b"mlxp" not in read_bytes(script, 16 << 20)[0]:
            reason = "does not mention mlxp"
    return f"the script that it names, {script}, {reason}" if reason else ""


def _explained(file: _File, error: Exception) -> MlxpPandasError:
    """Our error for whatever went wrong."""
    text = printable(str(error).strip().partition("\n")[0][:500])
    if isinstance(error, FileProblem):
        how = ", raised by setting mlxp_pandas.artifacts.load.MAX_BYTES" if error.kind == "too large" else ""
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
    known = {"dill": "dill", "torch": "torch", "PIL": "Pillow"}
    return f"pip install {known[name]}" if name in known else "Install it, or put the folder it lies in on sys.path"


def _missing(file: _File) -> ArtifactNotFoundError:
    """Say what is there instead: MLXP 1.0.5 saves numpy arrays under a temporary name and fails to rename them."""
    folder, name = os.path.split(file.path)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return ArtifactNotFoundError(f"{file} is not there, nor is its folder")
    stray = next((other for other in names if other.startswith(f"{name}_tmp")), None)
    if stray is None:
        return ArtifactNotFoundError(printable(f"{file} is not there.{suggest(name, names)}"))
    text = f"{file} is not there, but {stray!r} is beside it: MLXP 1.0.5 wrote it and failed to rename it. Rename it to"
    return ArtifactNotFoundError(
        printable(f"{text} {name!r} to load it from here, or open {os.path.join(folder, stray)!r} yourself")
    )
