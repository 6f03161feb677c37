# SPDX-License-Identifier: MIT
"""Hostile folders: files missing, of another kind, linked, forbidden, oddly named, changed between two reads."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from . import ABSENT, EPOCH, HEAD, LOSS, Case, both, change, put, put_link, remove

__all__ = ["CASES"]

CONFIG, INFO = "metadata/config.yaml", "metadata/info.yaml"
TRAIN, TRAIN_KEYS = "metrics/train.json", "metrics/.keys/train.yaml"
ARTIFACTS, PICKLE = "artifacts/.keys/artifacts.yaml", "artifacts/pickle/last_ckpt.pkl"
WEIGHTS = "artifact.pickle."

NO_CONFIG = {"config.seed": ABSENT, "info.status": "COMPLETE"}
NO_INFO = {"config.seed": 1, "info.status": ABSENT}
NO_METADATA = {"config.seed": ABSENT, "info.status": ABSENT, "test.epoch": [0, 1, 2, 3]}
NO_TRAIN = {"train.loss": ABSENT, "test.epoch": [0, 1, 2, 3]}
NO_METRICS = {"train.loss": ABSENT, "test.loss": ABSENT, "config.seed": 1}
NO_ARTIFACTS = {"artifact.pickle.": ABSENT, "config.seed": 1}


def _missing() -> Iterator[Case]:
    yield Case("no config.yaml", remove(CONFIG), "missing", kept=NO_CONFIG)
    yield Case("no info.yaml", remove(INFO), "missing", kept=NO_INFO)
    yield Case("no metadata", remove("metadata"), "missing,missing", kept=NO_METADATA)
    yield Case(
        "a queued run", both(remove(CONFIG), put("metadata/config_unresolved.yaml", "a: 1\n")), "queued", kept=NO_CONFIG
    )
    yield Case("no metrics", remove("metrics"), kept=NO_METRICS)
    yield Case(
        "no .keys of metrics", remove("metrics/.keys"), kept={"train.epoch": [0, 1, 2, 3], "test.epoch": [0, 1, 2, 3]}
    )
    yield Case("no catalogue of a log", remove(TRAIN_KEYS), kept={"train.epoch": [0, 1, 2, 3]})
    yield Case("no metrics file", remove(TRAIN), "missing", "missing,missing", NO_TRAIN, health="missing")
    yield Case("no log at all", remove(TRAIN, TRAIN_KEYS), kept=NO_TRAIN)
    yield Case("no artifacts", remove("artifacts"), kept=NO_ARTIFACTS)
    yield Case("no .keys of artifacts", remove("artifacts/.keys"), artifacts={f"{WEIGHTS}/last_ckpt.pkl": dict})
    yield Case("no artifact file", remove(PICKLE), artifacts={f"{WEIGHTS}/last_ckpt.pkl": "ArtifactNotFoundError"})
    yield Case(
        "no folder of the artifact",
        remove("artifacts/pickle"),
        artifacts={f"{WEIGHTS}/last_ckpt.pkl": "ArtifactNotFoundError"},
    )
    nothing = remove("metadata", "metrics", "artifacts")
    yield Case("an empty run folder", nothing, "missing,missing", kept={"config.seed": ABSENT, "train.loss": ABSENT})
    yield Case("no run folder", shutil.rmtree, rows=(1, 3))


def _kinds() -> Iterator[Case]:
    """Something else in the place of each file and folder."""
    for name, make in (("directory", _make_folder), ("FIFO", _make_fifo), ("socket", _make_socket)):
        yield Case(f"{name} for config.yaml", make(CONFIG), "not a file", kept=NO_CONFIG)
        yield Case(f"{name} for info.yaml", make(INFO), "not a file", kept=NO_INFO)
        yield Case(f"{name} for a metrics file", make(TRAIN), load="not a file", kept=NO_TRAIN)
        yield Case(
            f"{name} for a catalogue of metrics", make(TRAIN_KEYS), "not a file", kept={"train.epoch": [0, 1, 2, 3]}
        )
        yield Case(
            f"{name} for the catalogue of artifacts",
            make(ARTIFACTS),
            "not a file",
            artifacts={f"{WEIGHTS}/last_ckpt.pkl": dict},
        )
        yield Case(f"{name} for an artifact", make(PICKLE), artifacts={f"{WEIGHTS}/last_ckpt.pkl": "ArtifactError"})
    for name, make in (("file", _make_file), ("FIFO", _make_fifo)):
        yield Case(f"{name} for metadata", make("metadata"), "not a folder", kept=NO_METADATA)
        yield Case(f"{name} for metrics", make("metrics"), "not a folder", kept=NO_METRICS)
        yield Case(
            f"{name} for .keys of metrics", make("metrics/.keys"), "not a folder", kept={"train.epoch": [0, 1, 2, 3]}
        )
        yield Case(f"{name} for artifacts", make("artifacts"), "not a folder", kept=NO_ARTIFACTS)
        yield Case(
            f"{name} for .keys of artifacts",
            make("artifacts/.keys"),
            "not a folder",
            artifacts={f"{WEIGHTS}/last_ckpt.pkl": dict},
        )
        yield Case(
            f"{name} for a folder of artifacts",
            make("artifacts/pickle"),
            artifacts={f"{WEIGHTS}/last_ckpt.pkl": "ArtifactNotFoundError"},
        )
        yield Case(f"{name} for the run", make(""), rows=(1, 3))


def _links() -> Iterator[Case]:
    places: list[tuple[str, str, str, Any]] = [
        ("config.yaml", CONFIG, "scan", NO_CONFIG),
        ("info.yaml", INFO, "scan", NO_INFO),
        ("a metrics file", TRAIN, "load", NO_TRAIN),
        ("a catalogue of metrics", TRAIN_KEYS, "scan", {"train.epoch": [0, 1, 2, 3]}),
        ("metadata", "metadata", "scan", NO_METADATA),
        ("metrics", "metrics", "scan", NO_METRICS),
        ("artifacts", "artifacts", "scan", NO_ARTIFACTS),
    ]
    for name, place, when, kept in places:
        up = "../" * (place.count("/") + 2)
        for kind, target in (
            ("out", f"{up}outside/x"),
            ("to nothing", "nothing"),
            ("to itself", os.path.basename(place)),
        ):
            damage = put_link(place, target) if kind == "out" else both(remove(place), put_link(place, target))
            yield Case(f"{name}: a link {kind}", damage, kept=kept, **{when: "link"})
    for name, place, when, kept in places[:4]:
        yield Case(f"{name}: a link to /dev/zero", put_link(place, "/dev/zero"), kept=kept, **{when: "link"})
    for target in ("../../../../outside/x.pkl", "nothing", "last_ckpt.pkl", "/dev/zero"):
        damage = put_link(PICKLE, target) if "outside" in target else both(remove(PICKLE), put_link(PICKLE, target))
        yield Case(
            f"an artifact that is a link to {target}", damage, artifacts={f"{WEIGHTS}/last_ckpt.pkl": "Artifact"}
        )
    yield Case(
        "a folder of artifacts that is a link out",
        put_link("artifacts/pickle", "../../../outside/x"),
        artifacts={f"{WEIGHTS}/last_ckpt.pkl": "ArtifactError"},
    )
    yield Case(
        "a run that is a link to a run",
        put_link("", "../outside/2"),
        kept={"config.seed": 1, "train.epoch": [0, 1, 2, 3]},
    )
    yield Case("a run that is a link to nothing", both(shutil.rmtree, put_link("", "nothing")), "link", rows=(1, 3))
    yield Case("a run that is a link to itself", both(shutil.rmtree, put_link("", "2")), "unreadable", rows=(1, 3))
    yield Case(
        "a run that is a link to a file",
        both(shutil.rmtree, put_link("", "1/metadata/config.yaml")),
        "link",
        rows=(1, 3),
    )
    inner = both(put("metadata/real.yaml", "seed: 7\n"), remove(CONFIG), put_link(CONFIG, "real.yaml"))
    yield Case("a link within the run", inner, kept={"config.seed": 7})
    other = both(remove(CONFIG), put_link(CONFIG, "../../1/metadata/config.yaml"))
    yield Case("a link to another run", other, kept={"config.seed": 1})
    log = both(remove(TRAIN), put_link(TRAIN, "test.json"))
    yield Case("a log that is a link to another log", log, kept={"train.epoch": [0, 1, 2, 3]})


def _modes() -> Iterator[Case]:
    """Files and folders of mode 000, for a user who is not root."""
    weights = f"{WEIGHTS}/last_ckpt.pkl"
    cases = [
        Case("config.yaml", _forbid(CONFIG), "unreadable", kept=NO_CONFIG),
        Case("info.yaml", _forbid(INFO), "unreadable", kept=NO_INFO),
        Case("metadata", _forbid("metadata"), "unreadable,unreadable", kept=NO_METADATA),
        Case("a metrics file", _forbid(TRAIN), load="unreadable", kept=NO_TRAIN),
        Case("metrics", _forbid("metrics"), "unreadable", kept=NO_METRICS),
        Case("a catalogue of metrics", _forbid(TRAIN_KEYS), "unreadable", kept={"train.epoch": [0, 1, 2, 3]}),
        Case("artifacts", _forbid("artifacts"), "unreadable,unreadable", kept=NO_ARTIFACTS),
        Case("the catalogue of artifacts", _forbid(ARTIFACTS), "unreadable", artifacts={weights: dict}),
        Case("an artifact", _forbid(PICKLE), artifacts={weights: "ArtifactError"}),
        Case(
            "the run",
            _forbid(""),
            "unreadable,unreadable,unreadable",
            kept={"config.seed": ABSENT, "train.loss": ABSENT},
        ),
    ]
    for case in cases:
        yield case._replace(name=f"mode 000: {case.name}", as_nobody=True)
    yield Case("files of another owner", _give_away, kept={"config.seed": 1}, artifacts={weights: dict})


def _names() -> Iterator[Case]:
    def beside(name: str | bytes, scan: str = "", rows: tuple[int, ...] = (1, 2, 3)) -> Case:
        return Case(f"a folder {name!r} beside the runs", _copied_to(name), scan, kept={"config.seed": 1}, rows=rows)

    yield beside("007", "not a log_id")
    yield beside("7", rows=(1, 2, 3, 7))
    yield beside("0", rows=(0, 1, 2, 3))
    yield beside(str(2**63 - 1), rows=(1, 2, 3, 2**63 - 1))
    for name in (str(2**63), "1" + "0" * 30, "²", "٣", "１"):
        yield beside(name, "not a log_id")
    for name in ("-1", "+4", "4 ", "4.0", "4\n", "\n", "4~", ".4", "1_0", "best", "mlxp_pandas"):
        yield beside(name)
    yield beside(b"4\xff")
    yield beside(b"\xff")
    yield Case(
        "007 beside 7",
        both(_copied_to("7"), _copied_to("007")),
        "not a log_id",
        kept={"config.seed": 1},
        rows=(1, 2, 3, 7),
    )
    for name in (
        ".train.json.swp",
        "train.json~",
        ".nfs000000001",
        "._train.json",
        "#train.json#",
        "train.json.tmp",
        "notes.txt",
        "train",
    ):
        yield Case(
            f"a dropping {name} in metrics", put(f"metrics/{name}", b"\0\1\2"), kept={"train.epoch": [0, 1, 2, 3]}
        )
    yield Case("droppings in the catalogues", _droppings, kept={"train.epoch": [0, 1, 2, 3], "config.seed": 1})
    yield Case(
        "a log that is no text",
        lambda run: Path(os.fsdecode(bytes(run / "metrics") + b"/\xff.json")).write_bytes(HEAD),
        "odd name",
        kept={"train.epoch": [0, 1, 2, 3]},
    )
    case = both(put("metrics/Train.json", HEAD), put("metrics/.keys/Train.yaml", "loss: ''\nepoch: ''\n"))
    yield Case(
        "logs that differ only in case",
        case,
        kept={"Train.loss": LOSS, "Train.epoch": EPOCH, "train.epoch": [0, 1, 2, 3]},
    )
    yield Case(
        "modification times in the future", _touch(time.time() + 10 * 365 * 86400), kept={"train.epoch": [0, 1, 2, 3]}
    )
    yield Case("modification times before 1970", _touch(-86400.0), kept={"train.epoch": [0, 1, 2, 3]})
    yield Case(
        "20,000 files among the logs",
        _many_logs,
        "too many",
        kept={"train.epoch": [0, 1, 2, 3], "test.epoch": [0, 1, 2, 3]},
    )


def _changes() -> Iterator[Case]:
    """Changes between two reads, which the second must show."""
    new = change(CONFIG, "seed: 1", "seed: 9")
    for name, later in (
        ("deleted", shutil.rmtree),
        ("recreated", lambda run: (shutil.rmtree(run), shutil.copytree(run.parent / "1", run))),
        ("replaced by a shorter one", both(remove("metrics"), put(CONFIG, "seed: 5\n"))),
        ("given another value", new),
        ("rewritten with the same size and mtime", _with_old_times(new)),
        ("rewritten in place of the same inode", _with_old_times(lambda run: _overwrite(run / CONFIG, b"seed: 9"))),
        ("given a log", both(put("metrics/val.json", HEAD), put("metrics/.keys/val.yaml", "loss: ''\n"))),
        ("given a key", put(TRAIN_KEYS, "epoch: ''\nloss: ''\nmore: ''\n")),
        ("given an artifact", put(ARTIFACTS, "pickle:\n  '':\n    last_ckpt.pkl: ''\n  '.more':\n    a.pkl: ''\n")),
        ("replaced by a link to another run", both(shutil.rmtree, put_link("", "1"))),
        ("replaced by a file", _make_file("")),
        ("made unreadable YAML", put(CONFIG, "'")),
        ("given another status", change(INFO, "COMPLETE", "FAILED")),
    ):
        yield Case(f"a run that is {name} between two reads", lambda run: None, kept={"config.seed": 1}, later=later)
    yield Case(
        "a damaged run that is mended", put(CONFIG, "'"), "not yaml", kept=NO_CONFIG, later=put(CONFIG, "seed: 5\n")
    )
    yield Case(
        "a running run that ends",
        change(INFO, "COMPLETE", "RUNNING"),
        kept={"info.status": "RUNNING"},
        later=change(INFO, "RUNNING", "COMPLETE"),
    )
    log = put(TRAIN, HEAD)
    yield Case("a log that is cut and grows again", log, kept={"train.loss": LOSS}, later=put(TRAIN, HEAD[:26] + HEAD))


def _cleared(run: Path, relative: str) -> Path:
    path = run / relative if relative else run
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return path


def _make_folder(relative: str) -> Callable[[Path], object]:
    return lambda run: _cleared(run, relative).mkdir()


def _make_file(relative: str) -> Callable[[Path], object]:
    return lambda run: _cleared(run, relative).write_text("nothing\n", encoding="utf-8")


def _make_fifo(relative: str) -> Callable[[Path], object]:
    return lambda run: os.mkfifo(_cleared(run, relative))


def _make_socket(relative: str) -> Callable[[Path], object]:
    def damage(run: Path) -> None:
        path = _cleared(run, relative)
        here = os.getcwd()
        os.chdir(path.parent)  # the path of a socket is short
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
        os.chdir(here)

    return damage


def _forbid(relative: str) -> Callable[[Path], object]:
    return lambda run: (run / relative).chmod(0)


def _give_away(run: Path) -> None:
    if os.geteuid() == 0:
        for path in (run, *run.rglob("*")):
            os.chown(path, 65534, 65534)


def _copied_to(name: str | bytes) -> Callable[[Path], object]:
    return lambda run: shutil.copytree(run, os.path.join(run.parent, os.fsdecode(name)))


def _droppings(run: Path) -> None:
    for place in (
        "metrics/.keys/.train.yaml.swp",
        "metrics/.keys/train.yaml~",
        "metadata/.nfs1",
        "artifacts/.DS_Store",
    ):
        put(place, b"\0\1\2")(run)


def _touch(seconds: float) -> Callable[[Path], object]:
    def damage(run: Path) -> None:
        for path in run.rglob("*"):
            os.utime(path, (seconds, seconds))

    return damage


def _many_logs(run: Path) -> None:
    for number in range(10_001):
        (run / "metrics" / f"a{number}.txt").touch()


def _with_old_times(damage: Callable[[Path], object]) -> Callable[[Path], object]:
    def later(run: Path) -> None:
        times = {path: path.stat() for path in run.rglob("*")}
        damage(run)
        for path, status in times.items():
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    return later


def _overwrite(path: Path, data: bytes) -> None:
    with open(path, "r+b") as stream:
        stream.write(data)


CASES = [*_missing(), *_kinds(), *_links(), *_modes(), *_names(), *_changes()]
