# SPDX-License-Identifier: MIT
"""Runs whose every number a test chooses, on the disk as MLXP leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

import mlxp_pandas

Rows = list[dict[str, Any]]

INFO = "status: COMPLETE\nstart_date: 01/01/2026\nstart_time: 01:00:00\nend_date: 01/01/2026\nend_time: 02:00:00\n"


def write_run(logs: Path, log_id: int, config: dict[str, Any], **rows: Rows) -> None:
    """Write one run; `rows` are those of each log."""
    run = logs / str(log_id)
    (run / "metadata").mkdir(parents=True)
    (run / "metrics" / ".keys").mkdir(parents=True)
    (run / "metadata" / "config.yaml").write_text(yaml.safe_dump(config))
    (run / "metadata" / "info.yaml").write_text(INFO)
    for log, lines in rows.items():
        (run / "metrics" / f"{log}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
        keys = dict.fromkeys((key for line in lines for key in line), "")
        (run / "metrics" / ".keys" / f"{log}.yaml").write_text(yaml.safe_dump(keys))


def rows(loss: list[float], epochs: list[int] | None = None) -> Rows:
    """The rows of a log with a loss and an epoch."""
    steps = range(len(loss)) if epochs is None else epochs
    return [{"loss": value, "epoch": epoch} for value, epoch in zip(loss, steps, strict=True)]


def read(logs: Path) -> pd.DataFrame:
    return mlxp_pandas.read_runs(logs)
