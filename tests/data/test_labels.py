"""Labels, groups and parts given beside the data."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from allegory.core import Misuse, Problem
from allegory.data import open_source
from allegory.data.beside import as_labels

X = np.random.default_rng(0).normal(size=(6, 3))


@pytest.mark.parametrize(
    ("given", "names", "numbers"),
    [
        (["b", "a", None, "", "b", float("nan")], ("a", "b"), [1, 0, -1, -1, 1, -1]),
        ([10, 2, 2, None, 10, 3], ("2", "3", "10"), [2, 0, 0, -1, 2, 1]),
        ([1.0, 0.0, float("nan"), 1.0, None, 0.0], ("0", "1"), [1, 0, -1, 1, -1, 0]),
        (np.array([0, 1, -1, 2, -1, 0]), ("0", "1", "2"), [0, 1, -1, 2, -1, 0]),
        (np.array([-1, 1, -1, 1, 1, 1]), ("-1", "1"), [0, 1, 0, 1, 1, 1]),
        (torch.tensor([5, 5, 7, 7, 5, 7]), ("5", "7"), [0, 0, 1, 1, 0, 1]),
        (pd.Series(["x", None, "y", pd.NA, "x", "y"]), ("x", "y"), [0, -1, 1, -1, 0, 1]),
        ([True, False, True, None, True, False], ("false", "true"), [1, 0, 1, -1, 1, 0]),
        ([b"a", b"b", b"a", "a ", "b", "b"], ("a", "b"), [0, 1, 0, 0, 1, 1]),
        (np.array(["u", "v", "u", "v", "", "u"]), ("u", "v"), [0, 1, 0, 1, -1, 0]),
        ([1, "1", "a", 2, "2", None], ("1", "2", "a"), [0, 0, 2, 1, 1, -1]),
    ],
)
def test_values_become_classes(given, names, numbers):
    labels = open_source(X, labels=given).labels
    assert labels is not None and labels.names == names and labels.values.tolist() == numbers
    assert labels.values.dtype == np.int64 and labels.known.tolist() == [v >= 0 for v in numbers]
    assert labels.listed() == [names[v] if v >= 0 else None for v in numbers]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ([1, 2, 3], r"3 values for 6 items"),
        ([None] * 6, r"none of the 6 items has one"),
        ([0.5, 1.5, 2.0, 1.0, 0.1, 0.2], r"expected classes .*got the number"),
        (np.eye(6), r"one-hot"),
    ],
)
def test_what_cannot_be_classes_is_refused(given, line):
    with pytest.raises(Problem, match=line):
        open_source(X, labels=given)


def test_partial_labels_are_counted():
    assert "labels: 2 classes (a, b), 3 of 6 items labelled" in open_source(X, labels=["a", "b", "a", None, None, None]).describe()


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    for i, name in enumerate(["a/1.png", "a/2.png", "b/1.png", "b/3.png"]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 40 * i).save(root / name)
    return root


def labels_from(folder, tmp_path, text: str):
    (tmp_path / "labels.csv").write_text(text)
    return open_source(folder, labels=tmp_path / "labels.csv")


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na/1.png,x\nb/1.png,y\n",
        "filename,class\n./a/1.png,x\npictures/b/1.png,y\n",
        "a/1.png,x\nb/1.png,y\n",
        "label;id\nx;a/1.png\ny;b/1.png\n",
        "id,label,width\na/1.png,x,8\nb/1.png,y,8\na/2.png,,8\n",
        "id,label\n{root}/a/1.png,x\n{root}/b/1.png,y\n",
        "id\tlabel\na/1.png\tx\nb/1.png\ty\nb/3.png\tNA\n",
    ],
)
def test_a_csv_of_paths_and_labels(folder, tmp_path, text):
    s = labels_from(folder, tmp_path, text.format(root=folder))
    assert s.labels is not None and s.labels.listed() == ["x", None, "y", None]


def test_file_names_and_stems_match_where_they_are_unique(folder, tmp_path):
    s = labels_from(folder, tmp_path, "id,label\n2.png,x\n3,y\n1.png,z\n")
    assert s.labels is not None and s.labels.listed() == [None, "x", None, "y"]  # there are two files 1.png
    assert "2 of the 3 rows of labels.csv name an item (not '1.png' ...)" in s.describe()


def test_numbers_in_a_csv_are_sorted_as_numbers_even_as_floats(folder, tmp_path):
    s = labels_from(folder, tmp_path, "id,label\na/1.png,10.0\na/2.png,9.0\nb/1.png,\nb/3.png,2.0\n")
    assert s.labels is not None and s.labels.names == ("2", "9", "10") and s.labels.values.tolist() == [2, 1, -1, 0]
    s = labels_from(folder, tmp_path, "id,label\na/1.png,007\na/2.png,07\nb/1.png,7\n")
    assert s.labels is not None and s.labels.names == ("007", "07", "7")


def test_ids_that_match_nothing_show_both_sides(folder, tmp_path):
    with pytest.raises(
        Problem, match=r"none of its 2 ids is one of the items; it has 'u.jpg', 'v.jpg' ..., the items are 'a/1.png', 'a/2.png'"
    ):
        labels_from(folder, tmp_path, "id,label\nu.jpg,x\nv.jpg,y\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id,label\na/1.png,x\na/1.png,y\n", r"says both 'x' and 'y' for 'a/1.png'"),
        ("", r"expected two columns"),
        ("id\na/1.png\n", r"expected two columns"),
        ("u,v,w\n1,2,3\n", r"none of its 1 ids is one of the items; it has '1' ..., the items are 'a/1.png'"),
        ("id,label\na/1.png,x\na/2.png\n", r"row 3 has 1 values, the first has 2"),
    ],
)
def test_bad_label_files_are_refused(folder, tmp_path, text, line):
    with pytest.raises(Problem, match=line):
        labels_from(folder, tmp_path, text)


def test_a_csv_by_number_for_arrays(tmp_path):
    (tmp_path / "y.csv").write_text("index,label\n0,x\n5,y\n")
    s = open_source(X, labels=str(tmp_path / "y.csv"))
    assert s.labels is not None and s.labels.listed() == ["x", None, None, None, None, "y"]


def test_a_parquet_of_labels(folder, tmp_path):
    pd.DataFrame({"path": ["a/1.png", "b/3.png"], "label": [3, 4]}).to_parquet(tmp_path / "y.parquet")
    s = open_source(folder, labels=tmp_path / "y.parquet")
    assert s.labels is not None and s.labels.names == ("3", "4")


def test_unknown_labels_are_answered_with_what_is_known(folder):
    with pytest.raises(Misuse, match=r"labels 'folder': expected a column or key \(known: 'folders'\)"):
        open_source(folder, labels="folder")
    with pytest.raises(Misuse, match=r"known: none here"):
        open_source(X, labels="folders")


def test_groups_by_folder_and_by_list(folder):
    assert open_source(folder, groups="folders").groups == ["a", "a", "b", "b"]
    assert open_source(X, groups=[1, 1, 2, 2, None, 3]).groups == ["1", "1", "2", "2", "", "3"]


def test_labels_can_be_left_out():
    assert open_source("digits", labels="none").labels is None
    assert as_labels(["b", "a"]).names == ("a", "b")
