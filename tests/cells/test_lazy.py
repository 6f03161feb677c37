# SPDX-License-Identifier: MIT
"""What both kinds of lazy column share: values, printing, pandas' verbs, and that nothing is opened meanwhile."""

from __future__ import annotations

import copy
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlxp_pandas.cells import ArtifactArray, ArtifactDtype, Artifacts, Metric, MetricArray, MetricDtype
from mlxp_pandas.cells.lazy import LazyArray, LazyCell
from mlxp_pandas.disk import RunDir
from mlxp_pandas.testing import make_runs

KINDS = pytest.mark.parametrize(
    ("array_class", "cell_class", "text"),
    [
        pytest.param(MetricArray, Metric, "METRIC", id="metric"),
        pytest.param(ArtifactArray, Artifacts, "ARTIFACT", id="artifact"),
    ],
)

watching: list[list[str]] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if watching and event in ("open", "os.listdir", "os.scandir"):
        watching[-1].append(str(arguments[0]))


# An audit hook cannot be taken away: it does nothing unless a test watches.
sys.addaudithook(_watch)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Every path that is opened or listed during the test."""
    watching.append([])
    yield watching[-1]
    watching.pop()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_runs(tmp_path_factory.mktemp("lazy") / "logs", 12, n_steps=3)


@pytest.fixture
def runs(logs: Path) -> list[RunDir]:
    return [RunDir(str(logs), str(log_id)) for log_id in range(1, 13)]


@pytest.fixture
def frame(runs: list[RunDir]) -> pd.DataFrame:
    """Twelve runs; the first has no artifacts, the last no metric."""
    return pd.DataFrame(
        {
            "config.seed": range(1, 13),
            "train.loss": MetricArray._from_runs([*runs[:11], None], "train.loss"),
            "artifact.pickle.": ArtifactArray._from_runs([None, *runs[1:]], "artifact.pickle."),
        },
        index=pd.RangeIndex(1, 13, name="log_id"),
    )


@KINDS
def test_a_cell_is_no_list_for_pandas_and_numpy(
    array_class: type[LazyArray], cell_class: type[LazyCell], text: str
) -> None:
    cell = cell_class(RunDir("/logs", "1"), "train.loss")
    assert not pd.api.types.is_list_like(cell)
    assert not any(hasattr(cell, name) for name in ("__len__", "__iter__", "__array__", "__dict__"))
    assert np.array([cell, cell], dtype=object).shape == (2,)
    assert pd.Series([cell], dtype=object)[0] is cell
    assert repr(cell) == str(cell) == f"{cell}" == text


@KINDS
def test_a_cell_is_an_immutable_value(array_class: type[LazyArray], cell_class: type[LazyCell], text: str) -> None:
    cell, same = (cell_class(RunDir("/logs", "1"), "train.loss") for _ in range(2))
    assert cell == same
    assert hash(cell) == hash(same)
    assert pickle.loads(pickle.dumps(cell)) == copy.deepcopy(cell) == cell
    assert cell not in (
        cell_class(RunDir("/logs", "2"), "train.loss"),
        cell_class(RunDir("/logs", "1"), "test.loss"),
        text,
        None,
    )
    assert (cell.log_id, cell.column, cell.run) == (1, "train.loss", RunDir("/logs", "1"))
    with pytest.raises(AttributeError, match="column"):
        cell.column = "test.loss"
    with pytest.raises(AttributeError, match="note"):
        cell.note = "mine"


def test_a_metric_and_artifacts_of_one_name_differ() -> None:
    assert Metric(RunDir("/logs", "1"), "a") != Artifacts(RunDir("/logs", "1"), "a")


def test_cells_are_in_the_order_of_folders_and_numbers() -> None:
    names = [("/a", "9"), ("/a", "10"), ("/b", "1")]
    cells = [Metric(RunDir(*name), "train.loss") for name in names]
    assert sorted([cells[2], cells[0], cells[1]]) == cells
    with pytest.raises(TypeError, match="Metric"):
        cells[0] < 0.1  # noqa: B015


@settings(deadline=None)
@given(st.text())
def test_any_column_name_goes_through_the_name_of_its_dtype(column: str) -> None:
    assume(not f"[{column}".endswith("[pyarrow"))  # pandas takes whatever ends in `[pyarrow]` for a type of its own
    assert pd.api.types.pandas_dtype(f"metric[{column}]") == MetricDtype(column)
    assert ArtifactDtype.construct_from_string(ArtifactDtype(column).name).column == column


def test_a_dtype_is_no_other() -> None:
    assert MetricDtype("a") != ArtifactDtype("a")
    assert MetricDtype("a") != MetricDtype("b")
    assert hash(MetricDtype("a")) == hash(MetricDtype("a"))
    with pytest.raises(
        TypeError, match=r"Cannot construct a 'MetricDtype' from 'metric'; it looks like 'metric\[column\]'"
    ):
        MetricDtype.construct_from_string("metric")


def test_one_reference_a_row(runs: list[RunDir]) -> None:
    array = MetricArray._from_runs(runs * 100, "train.loss")
    assert array.nbytes == 8 * 1200
    assert array.runs[0] is array.runs[12] is runs[0]


def test_missing_cells_survive_pickling(frame: pd.DataFrame) -> None:
    again = pickle.loads(pickle.dumps(frame))
    pd.testing.assert_frame_equal(again, frame)
    assert again["train.loss"].array.runs == frame["train.loss"].array.runs
    assert str(again["train.loss"].array[11]) == "nan"
    assert again["train.loss"].isna().sum() == 1


def test_a_column_holds_only_its_own_cells(frame: pd.DataFrame, runs: list[RunDir]) -> None:
    frame.loc[12, "train.loss"] = Metric(runs[11], "train.loss")
    assert frame["train.loss"].notna().all()
    array = frame["train.loss"].array.copy()
    with pytest.raises(TypeError, match=r"holds only its own cells and NaN, not a cell of 'test.loss'"):
        array[0] = Metric(runs[0], "test.loss")
    with pytest.raises(TypeError, match=r"not float 0.5"):
        array[0] = 0.5
    with pytest.raises(ValueError, match="one cell was to be set to 2 values"):
        array[0] = array[:2]
    with pytest.raises(ValueError, match=r"give it as dtype=MetricDtype\('...'\)"):
        MetricArray._from_sequence([np.nan])


def test_a_column_is_no_numbers(frame: pd.DataFrame) -> None:
    with pytest.raises(TypeError, match=r"metric\[train.loss\] cannot become float64: .* load them first"):
        frame["train.loss"].astype(float)
    with pytest.raises(TypeError, match="Metric"):
        frame["train.loss"] < 0.1  # noqa: B015
    with pytest.raises(TypeError, match="mean"):
        frame["train.loss"].mean()


def test_text_forms(frame: pd.DataFrame) -> None:
    assert str(frame.iloc[[0, 11]]).split()[-8:] == ["1", "1", "METRIC", "NaN", "12", "12", "NaN", "ARTIFACT"]
    assert "<td>METRIC</td>" in frame._repr_html_()
    assert frame.iloc[[0, 11]].to_csv().splitlines()[1:] == ["1,1,METRIC,", "12,12,,ARTIFACT"]
    assert pd.read_json(io.StringIO(frame.to_json(orient="split")), orient="split").iat[0, 1] == "METRIC"
    assert (
        frame.iloc[[11]].to_json(orient="records")
        == '[{"config.seed":12,"train.loss":null,"artifact.pickle.":"ARTIFACT"}]'
    )
    assert frame["train.loss"].astype("string").tolist() == ["METRIC"] * 11 + [pd.NA]
    assert frame["train.loss"].array[:2].astype("U").tolist() == ["METRIC", "METRIC"]
    assert "[METRIC, NaN]" in repr(frame["train.loss"].array[10:])


def test_joining_frames_keeps_the_type(frame: pd.DataFrame, tmp_path: Path) -> None:
    other = pd.DataFrame({"train.loss": MetricArray._from_runs([RunDir(str(tmp_path), "1")], "train.loss")}, index=[1])
    stacked = pd.concat([frame, other, frame[["config.seed"]]])
    assert stacked["train.loss"].dtype == MetricDtype("train.loss")
    assert stacked["train.loss"].array.runs[12] == RunDir(str(tmp_path), "1")
    assert stacked["artifact.pickle."].dtype == ArtifactDtype("artifact.pickle.")
    assert stacked["train.loss"].isna().sum() == 1 + 12
    merged = frame.merge(frame.iloc[:3], on="config.seed", how="left", suffixes=("", "_again"))
    assert merged["train.loss_again"].dtype == MetricDtype("train.loss")
    assert merged["train.loss_again"].isna().sum() == 9


def test_other_columns_together_become_objects(frame: pd.DataFrame, runs: list[RunDir]) -> None:
    other = frame["train.loss"].rename("loss").astype(object).map(lambda cell: cell)
    mixed = pd.concat([frame["train.loss"], pd.Series(MetricArray._from_runs(runs[:1], "test.loss"))])
    assert mixed.dtype == other.astype(object).dtype == object
    assert mixed.iloc[-1] == Metric(runs[0], "test.loss")


def test_sorting_is_by_number(frame: pd.DataFrame) -> None:
    shuffled = frame.sample(frac=1, random_state=0)
    assert shuffled.sort_values("train.loss").index.tolist() == list(range(1, 13))
    assert shuffled.sort_values("train.loss", ascending=False, na_position="first").index.tolist() == [
        12,
        *range(11, 0, -1),
    ]


def test_grouping_and_counting(frame: pd.DataFrame, runs: list[RunDir]) -> None:
    doubled = pd.concat([frame, frame.iloc[:2]])
    counts = doubled["train.loss"].value_counts()
    assert counts[Metric(runs[0], "train.loss")] == 2
    assert counts.sum() == 13
    assert doubled.groupby("train.loss", dropna=False).size().tolist() == [2, 2] + [1] * 10
    assert doubled["train.loss"].nunique() == 11
    assert doubled["train.loss"].drop_duplicates().dtype == MetricDtype("train.loss")
    assert frame["train.loss"].isin([Metric(runs[2], "train.loss")]).to_numpy().nonzero()[0].tolist() == [2]
    assert frame["train.loss"].astype("category").cat.codes.tolist() == [*range(11), -1]


def test_the_array_of_cells_is_new_each_time(frame: pd.DataFrame) -> None:
    array = frame["train.loss"].array
    cells = array.to_numpy(na_value="none")
    assert cells[11] == "none"
    cells[0] = None
    assert array.isna().tolist() == [False] * 11 + [True]
    if not np.__version__.startswith("1."):
        with pytest.raises(ValueError, match="always a copy"):
            np.asarray(array, copy=False)


READS_NOTHING: dict[str, Callable[[pd.DataFrame], object]] = {
    "print": str,
    "html": lambda frame: frame._repr_html_(),
    "head": lambda frame: repr(frame.head()),
    "cell": lambda frame: f"{frame.loc[1, 'train.loss']} {frame.iloc[0].to_dict()}",
    "filter": lambda frame: frame[frame["config.seed"] > 3].query("`config.seed` < 9"),
    "sort": lambda frame: frame.sort_values(["train.loss", "artifact.pickle."]),
    "concat": lambda frame: pd.concat([frame, frame]),
    "merge": lambda frame: frame.merge(frame, on="train.loss", how="outer"),
    "pickle": lambda frame: pickle.loads(pickle.dumps(frame)),
    "copy": copy.deepcopy,
    "csv": lambda frame: frame.to_csv(),
    "json": lambda frame: frame.to_json(),
    "describe": lambda frame: frame.describe(include="all"),
    "info": lambda frame: frame.info(buf=io.StringIO(), memory_usage="deep"),
    "groupby": lambda frame: frame.groupby("train.loss")["artifact.pickle."].first(),
    "compare": lambda frame: frame.equals(frame.copy()) and (frame == frame.copy()).all(axis=None),
    "text": lambda frame: frame.astype(str),
    "category": lambda frame: frame.astype("category"),
    "objects": lambda frame: frame.astype(object).T.to_numpy(),
    "hash": pd.util.hash_pandas_object,
    "reshape": lambda frame: (frame.melt(id_vars="config.seed"), frame.set_index("train.loss").reset_index()),
    "map": lambda frame: frame["train.loss"].map(lambda cell: cell.log_id, na_action="ignore"),
    "set": lambda frame: frame.assign(copied=frame["train.loss"].where(frame["config.seed"] < 3)),
    "bool": lambda frame: bool(frame.loc[1, "train.loss"]) and bool(frame.loc[2, "artifact.pickle."]),
}


@pytest.mark.parametrize("action", READS_NOTHING)
def test_nothing_is_read(action: str, frame: pd.DataFrame, logs: Path, opened: list[str]) -> None:
    READS_NOTHING[action](frame)
    assert [path for path in opened if path.startswith(str(logs))] == []


def test_the_watch_sees_what_is_read(frame: pd.DataFrame, logs: Path, opened: list[str]) -> None:
    frame.loc[2, "train.loss"].load()
    frame.loc[2, "artifact.pickle."].keys()
    assert f"{logs}/2/metrics/train.json" in opened
    assert f"{logs}/2/artifacts/.keys/artifacts.yaml" in opened
