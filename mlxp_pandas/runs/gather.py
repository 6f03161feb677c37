# SPDX-License-Identifier: MIT
"""All the input of one run that a scan needs, so that many runs can wait for a network disk at once."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..disk import ARTIFACT_KEYS, ARTIFACTS, METRICS, MISSING, Gathered, RunDir

__all__ = ["CONFIG", "INFO", "METRIC_KEYS", "gather", "signature"]

CONFIG = "metadata/config.yaml"
INFO = "metadata/info.yaml"
METRIC_KEYS = "metrics/.keys"

_THROUGH_ALL = "metadata/../metrics/.keys/../../artifacts/.keys/../../.."


def gather(run: RunDir) -> Gathered:
    """Read two YAML files of a run, the names of its logs, and the catalogues; parses nothing and never raises."""
    found = Gathered(run)
    found.looked |= dict.fromkeys((CONFIG, INFO, METRICS, ARTIFACT_KEYS), MISSING)
    try:
        _gather(found)
        found.has_vanished = CONFIG not in found.files and _is_gone(run.path)
    except Exception as error:  # an unknown defect costs what was not read yet of one run
        found.settled = False
        found.problem("", "defect", f"{type(error).__name__}: {error}", "what was read before")
    return found


def signature(run: RunDir, looks: Sequence[str]) -> int:
    """What the looked-at files and folders of a run are now, as a number to compare: one system call each."""
    base = run.path + "/"
    return hash(tuple([_stamp(base + relative) for relative in looks]))  # of integers: the same in every process


def _gather(found: Gathered) -> None:
    has_all = _has_all_folders(found.run)
    if has_all or found.has_folder("metadata"):
        found.read(CONFIG)
        found.read(INFO)
    if has_all or found.has_folder(METRICS):
        _gather_logs(found, has_all)
    if has_all or (found.has_folder(ARTIFACTS) and found.has_folder("artifacts/.keys")):
        found.read(ARTIFACT_KEYS)


def _has_all_folders(run: RunDir) -> bool:
    """Whether a run has every folder that is read, and none of them is a link: one system call tells."""
    try:
        return run.leads_home(_THROUGH_ALL)
    except OSError:
        return False


def _gather_logs(found: Gathered, has_all: bool) -> None:
    logs = [name[:-5] for name in found.listed(METRICS) if name.endswith(".json")]
    found.looked |= dict.fromkeys((f"{METRIC_KEYS}/{log}.yaml" for log in logs), MISSING)
    if has_all or (METRICS in found.folders and found.has_folder(METRIC_KEYS)):
        for log in logs:
            found.read(f"{METRIC_KEYS}/{log}.yaml")
        # A log that was taken away after the last catalogue came changed the folder later.
        found.may_lack_logs = _stamp(f"{found.run.path}/{METRIC_KEYS}")[1] < found.looked[METRICS][1]


def _stamp(path: str) -> tuple[int, ...]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return MISSING
    except (OSError, ValueError) as error:  # the latter for a path that nobody writes into an index
        return 1, 0, 0, getattr(error, "errno", None) or 0
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _is_gone(path: str) -> bool:
    """Whether there is nothing; an error of the disk does not say so."""
    try:
        os.lstat(path)
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False
