# SPDX-License-Identifier: MIT
"""The columns of artifacts: a cell stands for the files of one type in one folder of one run, loaded one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pandas.api.extensions import register_extension_dtype

from ..artifacts import ArtifactFolder, load_artifact, read_artifacts
from ..disk import RunDir
from ..errors import ArtifactNotFoundError, suggest
from .lazy import LazyArray, LazyCell, LazyDtype

__all__ = ["Artifact", "ArtifactArray", "ArtifactDtype", "Artifacts"]

Loader = Callable[[str], object]


@dataclass(frozen=True, repr=False)
class Artifact:
    """One file that a run stored, loaded on demand: an immutable value, equal to others by run, column and name.

    Parameters
    ----------
    run : RunDir
        The run that stored it.
    column : str
        The column it is in, `artifact.<type>.<folder>`.
    type : str
        The type that MLXP stored it as: `pickle`, `numpy`, `torch`, `image`, or a custom one.
    relative : str
        Its path in the folder of its type, with forward slashes.

    Examples
    --------
    >>> from mlxp_pandas.disk import RunDir
    >>> artifact = Artifact(RunDir("/logs", "1"), "artifact.pickle..deep", "pickle", "deep/model.pkl")
    >>> artifact
    Artifact('model.pkl', type='pickle', log_id=1)
    >>> artifact.path
    '/logs/1/artifacts/pickle/deep/model.pkl'
    """

    run: RunDir
    column: str
    type: str
    relative: str

    @property
    def log_id(self) -> int:
        """The number of the run that stored it."""
        return self.run.log_id

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.relative.rpartition("/")[2]

    @property
    def path(self) -> str:
        """The absolute path of the file, under the folder that was given to `read_runs`."""
        return f"{self.run.path}/artifacts/{self.type}/{self.relative}"

    def load(self, trust: bool | None = None, loader: Loader | None = None) -> object:
        """Read the file. Code found in the logs runs only as `trust` allows.

        Plain data is read from anybody: containers, numbers, text, dates, paths, numpy arrays, images, torch weights.
        Objects of classes (in pickles, torch files, numpy arrays of objects) and loaders that MLXP stored are code.

        Parameters
        ----------
        trust : bool, optional
            True: run code found in the logs where the type needs it. False: never. None, the default: only where it is
            yours, which takes two things. The file, its folders up to the logs, the run's `info.yaml` (and, for a
            stored loader, the file it is stored in) belong to you, are no links, and group and others cannot write
            them. And the script that `info.yaml` names (`current_file_path`) is on this machine, yours in the same
            way, a `.py` file that mentions `mlxp`, outside of the logs and of installed libraries: you started the run
            here. Ownership alone says little: `tar`, `unzip`, `scp` and `git clone` make you the owner of what somebody
            else wrote. Do not unpack what you do not trust over a project of your own, whose script it may name.
        loader : callable, optional
            Takes the path and returns the object, in the place of the type's loader.

        Returns
        -------
        object
            What was stored.

        Raises
        ------
        ArtifactNotFoundError
            The catalogue lists the file and the disk does not have it.
        UntrustedArtifactError
            Loading it would run code found in the logs; the message says what is needed, which of the two failed, and
            which call allows it. With a umask of 002 your own files can be written by your group:
            `chmod -R go-w logs` changes that.
        ArtifactError
            It cannot be read.
        """
        return load_artifact(self.run, self.type, self.relative, trust=trust, loader=loader)

    def __repr__(self) -> str:
        return f"Artifact({self.name!r}, type={self.type!r}, log_id={self.log_id})"


class Artifacts(LazyCell):
    """The artifacts of one type in one folder of one run, by file name; only the catalogue is read to list them.

    As a mapping it has `cell[name]`, `in`, `get`, `keys`, `values` and `items`, but neither length nor iteration:
    pandas would take it for a list.

    Parameters
    ----------
    run : RunDir
        The run.
    column : str
        `artifact.<type>.<folder>`, such as `artifact.pickle.` or `artifact.pickle..deep.er`.

    Examples
    --------
    >>> import tempfile, mlxp_pandas
    >>> from mlxp_pandas.testing import make_runs
    >>> folder = tempfile.TemporaryDirectory()
    >>> runs = mlxp_pandas.read_runs(make_runs(folder.name, 2))
    >>> cell = runs.loc[1, "artifact.pickle."]
    >>> cell
    ARTIFACT
    >>> cell.keys()
    ['last_ckpt.pkl']
    >>> cell["last_ckpt.pkl"]
    Artifact('last_ckpt.pkl', type='pickle', log_id=1)
    >>> sorted(cell["last_ckpt.pkl"].load())
    ['epoch', 'weights']
    >>> folder.cleanup()
    """

    __slots__ = ()
    placeholder = "ARTIFACT"

    def keys(self) -> list[str]:
        """The names of the files, in the order of the catalogue."""
        return list(self._listed())

    def values(self) -> list[Artifact]:
        """The artifacts, in the order of the catalogue."""
        return list(self._listed().values())

    def items(self) -> list[tuple[str, Artifact]]:
        """The names with their artifacts, in the order of the catalogue."""
        return list(self._listed().items())

    def get(self, name: str, default: Artifact | None = None) -> Artifact | None:
        """The artifact of a name, or `default`."""
        return self._listed().get(name, default)

    def load(self, trust: bool | None = None, loader: Loader | None = None) -> dict[str, object]:
        """Load every file; see `Artifact.load` for the arguments and what is raised.

        Returns
        -------
        dict of str to object
            What was stored, by file name.
        """
        return {name: artifact.load(trust=trust, loader=loader) for name, artifact in self.items()}

    def __getitem__(self, name: str) -> Artifact:
        listed = self._listed()
        if name not in listed:
            raise ArtifactNotFoundError(f"run {self.log_id} has no {name!r} in {self.column!r}.{suggest(name, listed)}")
        return listed[name]

    def __contains__(self, name: object) -> bool:
        return name in self._listed()

    def _listed(self) -> dict[str, Artifact]:
        folder = self._folder()
        return {name: Artifact(self.run, self.column, folder.type, path) for name, path in folder.files.items()}

    def _folder(self) -> ArtifactFolder:
        folders = read_artifacts(self.run)
        if self.column not in folders:
            raise ArtifactNotFoundError(
                f"run {self.log_id} has no {self.column!r} any more.{suggest(self.column, folders)} "
                "read_runs(path) again gives the columns that are there now"
            )
        return folders[self.column]


@register_extension_dtype
class ArtifactDtype(LazyDtype):
    """The dtype of a column of artifacts, named `artifact[<column>]`.

    Parameters
    ----------
    column : str
        `artifact.<type>.<folder>`. It stays when the frame's column is renamed.

    Examples
    --------
    >>> import pandas as pd
    >>> pd.Series([None], dtype="artifact[artifact.pickle.]").dtype
    ArtifactDtype('artifact.pickle.')
    """

    prefix = "artifact"
    cell_class = Artifacts


class ArtifactArray(LazyArray):
    """A column of artifacts: one reference to a run a row, or NaN; nothing is read.

    Examples
    --------
    >>> from mlxp_pandas.disk import RunDir
    >>> ArtifactArray._from_runs([RunDir("/logs", "1"), None], "artifact.pickle.")
    <ArtifactArray>
    [ARTIFACT, NaN]
    Length: 2, dtype: artifact[artifact.pickle.]
    """

    dtype_class = ArtifactDtype


ArtifactDtype.array_class = ArtifactArray
