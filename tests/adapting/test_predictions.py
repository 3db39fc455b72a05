"""The file of predictions: its order, what is in it, what it cannot be made to do."""

import csv
import dataclasses
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from allegory.adapting import predictions
from allegory.core import Misuse, Problem, files


def read(path):
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as f:
        return list(csv.DictReader(f))


def test_the_least_sure_first_and_the_same_in_csv_and_parquet(adapted, digits, tmp_path):
    some = digits.subset(np.arange(100))
    predictions.write(adapted, some, tmp_path / "p.csv", batch=32)
    predictions.write(adapted, some, tmp_path / "p.parquet", batch=32)
    predictions.write(adapted, some, tmp_path / "turn.csv", order="source", batch=7)
    rows, table, turn = read(tmp_path / "p.csv"), pq.read_table(tmp_path / "p.parquet").to_pylist(), read(tmp_path / "turn.csv")
    assert list(rows[0]) == ["row", "id", "label", "probability", "doubt", *(f"p({k})" for k in range(10))] == list(table[0])
    doubt = [float(r["doubt"]) for r in rows]
    assert doubt == sorted(doubt, reverse=True) and doubt[0] > doubt[-1]
    assert [int(r["row"]) for r in turn] == list(range(100))
    by_row = {r["row"]: r for r in turn}
    assert all(by_row[r["row"]] == r for r in rows), "another order, the same answers"
    assert [r["row"] for r in table] == [int(r["row"]) for r in rows]
    p = adapted.predict_proba(some)
    np.testing.assert_allclose([r["p(3)"] for r in table], p[[r["row"] for r in table], 3])
    assert [r["label"] for r in turn] == list(adapted.predict(some))
    np.testing.assert_allclose([float(r["probability"]) for r in turn], p.max(1), rtol=1e-5)


def test_numbers_and_labels(numbers, several, digits, tmp_path):
    some = digits.subset(np.arange(20))
    predictions.write(numbers, some, tmp_path / "n.csv", order="source")
    row = read(tmp_path / "n.csv")[3]
    assert list(row) == ["row", "id", "label", "low", "high", "doubt"]
    assert float(row["low"]) < float(row["label"]) < float(row["high"])
    assert float(row["doubt"]) == pytest.approx(float(row["high"]) - float(row["low"]), rel=1e-4)
    predictions.write(several, some, tmp_path / "s.csv", order="source")
    rows = read(tmp_path / "s.csv")
    assert {r["label"] for r in rows} <= {"", "even", "small", "even|small"} and rows[0]["label"] == "even|small"


def test_no_spreadsheet_runs_a_name_and_nothing_else_is_touched(adapted, digits, tmp_path):
    ids = ["=1+1", "+cmd|x", "-a.png", "@sum", "\tx", "-3", "+4.5", 'a,"b"', "né\n", "plain", "'q", os.fsdecode(b"\xff.png")]
    some = dataclasses.replace(digits.subset(np.arange(12)), ids=ids)
    done = predictions.write(adapted, some, tmp_path / "p.csv", order="source", root="=folder")
    rows = read(tmp_path / "p.csv")
    assert [r["id"] for r in rows[:5]] == ["'" + name for name in ids[:5]]
    assert [r["id"] for r in rows[5:]] == ids[5:], "numbers, quotes, commas, line ends and odd bytes come back as they were"
    assert rows[9]["path"] == "'=folder/plain"
    assert done.quoted == 5 + 12
    assert predictions.write(adapted, some, tmp_path / "p.parquet", order="source").quoted == 0
    assert pq.read_table(tmp_path / "p.parquet")["id"].to_pylist()[:5] == ids[:5]


def test_names_of_classes_are_guarded_too(adapted, digits, tmp_path):
    names = tuple(f"=c{i}" for i in range(10))
    model = dataclasses.replace(adapted, task=dataclasses.replace(adapted.task, name="row", names=names))
    predictions.write(model, digits.subset(np.arange(5)), tmp_path / "p.csv")
    row = read(tmp_path / "p.csv")[0]
    assert row["row (told)"].startswith("'=c") and "p(=c0)" in row


def test_what_is_refused_leaves_nothing_behind(adapted, digits, vectors, tmp_path, monkeypatch):
    with pytest.raises(Misuse, match=r"\.csv or \.parquet"):
        predictions.write(adapted, digits, tmp_path / "p.txt")
    with pytest.raises(Misuse, match="uncertain or source"):
        predictions.write(adapted, digits, tmp_path / "p.csv", order="random")
    with pytest.raises(Problem, match="does not fit"):
        predictions.write(adapted, vectors, tmp_path / "p.csv")
    (tmp_path / "p.csv").write_text("before")

    def full(operation, path):
        raise OSError(28, "no space")

    monkeypatch.setattr(files, "fault", full)
    with pytest.raises(Problem, match="untouched"):
        predictions.write(adapted, digits.subset(np.arange(5)), tmp_path / "p.csv")
    assert [p.name for p in tmp_path.iterdir()] == ["p.csv"] and (tmp_path / "p.csv").read_text() == "before"


def test_with_many_classes_only_the_answer_is_written(adapted, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "MOST_COLUMNS", 9)
    predictions.write(adapted, digits.subset(np.arange(5)), tmp_path / "p.csv")
    assert list(read(tmp_path / "p.csv")[0]) == ["row", "id", "label", "probability", "doubt"]
