"""Named attributes beside the one class label: what kind they are, where they come from, and what keeps step with them."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from allegory.core import Misuse, Problem
from allegory.data import Attribute, open_source
from allegory.data.kinds import as_attribute

X = np.random.default_rng(0).normal(size=(6, 3))
NAN = float("nan")


@pytest.mark.parametrize(
    ("header", "values", "kind", "names", "numbers"),
    [
        ("a", [1, 0, None, 1, 0, 0], "binary", (), [1, 0, -1, 1, 0, 0]),
        ("a", [1.0, 0.0, NAN, 1.0, -1.0, 0.0], "binary", (), [1, 0, -1, 1, -1, 0]),
        ("a", np.array([1, -1, -1, 1, 1, 1]), "binary", (), [1, 0, 0, 1, 1, 1]),
        ("a", [True, False, None, True, True, False], "binary", (), [1, 0, -1, 1, 1, 0]),
        ("a", ["True", "false", "", "TRUE", "true", "False"], "binary", (), [1, 0, -1, 1, 1, 0]),
        ("a:binary", ["yes", "no", None, "Yes", "no", "no"], "binary", (), [1, 0, -1, 1, 0, 0]),
        ("a", ["red", "blue", None, "red", "", "red"], "class", ("blue", "red"), [1, 0, -1, 1, -1, 1]),
        ("a", [10, 2, 3, None, 10, 3], "class", ("2", "3", "10"), [2, 0, 1, -1, 2, 1]),
        ("a:class", [0, 1, 0, 1, 1, 0], "class", ("0", "1"), [0, 1, 0, 1, 1, 0]),
        ("a", torch.tensor([2, 3, -1, 3, 2, 2]), "class", ("2", "3"), [0, 1, -1, 1, 0, 0]),
    ],
)
def test_the_kind_is_told_from_the_values(header, values, kind, names, numbers):
    attribute = as_attribute(header, values)
    assert (attribute.name, attribute.kind, attribute.names) == ("a", kind, names)
    assert attribute.values.tolist() == numbers and attribute.values.dtype == np.int64
    assert attribute.known.tolist() == [v >= 0 for v in numbers]


def test_measurements_are_continuous():
    a = as_attribute("height", [1.5, None, float("inf"), 2, -1, 0])
    assert a.kind == "continuous" and np.array_equal(a.values, [1.5, NAN, NAN, 2, -1, 0], equal_nan=True)
    assert as_attribute("age", list(range(21))).kind == "continuous" and as_attribute("age", list(range(20))).kind == "class"
    assert as_attribute("age:continuous", [1, 2, 3]).values.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("header", "values", "names", "numbers"),
    [
        ("a", ["cat|dog", "dog", None, " cat "], ("cat", "dog"), [[1, 1], [0, 1], [-1, -1], [1, 0]]),
        ("a:multi-label", ["cat", "dog", "", "cat"], ("cat", "dog"), [[1, 0], [0, 1], [-1, -1], [1, 0]]),
        ("a", [["x", "y"], [], None, {"y"}], ("x", "y"), [[1, 1], [0, 0], [-1, -1], [0, 1]]),
        ("a", np.array([[1, 0], [0, -1], [1, 1], [0, 0]]), ("0", "1"), [[1, 0], [0, -1], [1, 1], [0, 0]]),
        ("a", np.array([[1, -1], [-1, -1], [1, 1], [-1, 1]]), ("0", "1"), [[1, 0], [0, 0], [1, 1], [0, 1]]),
        ("a", np.array([[1.0, NAN], [0.0, 1.0], [1, 1], [0, 0]]), ("0", "1"), [[1, -1], [0, 1], [1, 1], [0, 0]]),
    ],
)
def test_several_labels_at_once(header, values, names, numbers):
    a = as_attribute(header, values)
    assert (a.kind, a.names, a.values.tolist()) == ("multi-label", names, numbers)
    assert a.known.tolist() == [max(row) >= 0 for row in numbers]


@pytest.mark.parametrize(
    ("header", "values", "line"),
    [
        ("a", [None, "", NAN], r"attribute 'a': none of the 3 items has a value"),
        ("a", [f"text {i}" for i in range(60)], r"60 different texts in 60 items are no classes; if they are, say a:class"),
        ("a:continuous", ["1", "x"], r"expected numbers, got '1'"),
        ("a:binary", [0, 2], r"expected yes or no .*, got 2"),
        ("a:class", [0.5, 1.5], r"expected classes"),
        ("a", np.array([[1, 2], [0, 1]]), r"several labels of 0, 1 and -1"),
        ("a", [[], []], r"none of the 2 items has a label"),
    ],
)
def test_what_is_of_no_kind_is_refused(header, values, line):
    with pytest.raises(Problem, match=line):
        as_attribute(header, values)


@pytest.mark.parametrize(
    ("kind", "values", "line"),
    [
        ("class", np.array([0, 2]), r"from -1 \(missing\) to 1, got 2"),
        ("binary", np.array([0.0, 1.0]), r"binary values are \(n,\) integers"),
        ("multi-label", np.array([[0, 1, 1]]), r"2 names for 3 labels"),
        ("order", np.array([0, 1]), r"expected a kind among class, binary, multi-label, continuous, got 'order'"),
    ],
)
def test_an_attribute_checks_itself(kind, values, line):
    with pytest.raises(Problem, match=line):
        Attribute("a", kind, values, ("x", "y"))


def test_values_by_name_keep_step_with_the_source():
    s = open_source(X, ["u", "v", "u", "v", "u", "v"], attributes={"age": [1.5, 2.5, None, 4.0, 5.0, 6.0], "tall": [1, 0, 1, 0, 1, 0]})
    assert [str(a) for a in s.attributes] == ["age (continuous, 5 of 6 known)", "tall (binary)"]
    assert "attributes: age (continuous, 5 of 6 known), tall (binary)" in s.describe()
    part = s.subset(np.array([5, 0]))
    assert part.attributes[0].values.tolist() == [6.0, 1.5] and part.attributes[1].values.tolist() == [0, 1]
    assert [t.name for t in s.targets] == ["label", "age", "tall"] and s.targets[0].values.tolist() == [0, 1, 0, 1, 0, 1]


def test_the_fingerprint_names_the_attributes():
    plain = open_source(X)
    prints = {
        plain.fingerprint,
        open_source(X, attributes={"a": [1, 0, 1, 0, 1, 0]}).fingerprint,
        open_source(X, attributes={"b": [1, 0, 1, 0, 1, 0]}).fingerprint,
        open_source(X, attributes={"a": [1, 0, 1, 0, 1, 1]}).fingerprint,
        open_source(X, attributes={"a:class": [1, 0, 1, 0, 1, 0]}).fingerprint,
    }
    assert len(prints) == 5 and open_source(X).fingerprint == plain.fingerprint
    missing = [open_source(X, attributes={"a": [v, 0.5, 1, 2, 3, 4]}).fingerprint for v in (None, NAN, -np.nan)]
    assert len(set(missing)) == 1


def test_factors_that_vary_are_targets_but_not_the_label_twice():
    s = open_source("sprites:size=16,scales=2,orientations=1,xs=3,ys=1")
    assert [(t.name, len(t.names)) for t in s.targets] == [("label", 3), ("scale", 2), ("x", 3)]
    assert np.array_equal(s.targets[2].values, s.factors.values[:, 4])


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    root.mkdir()
    for i in range(4):
        Image.new("L", (8, 8), 40 * i).save(root / f"{i}.png")
    return root


def test_the_further_columns_of_a_label_file_are_attributes(folder, tmp_path):
    path = tmp_path / "y.csv"
    path.write_text("path,label,weight,tags,split\n0.png,x,1.5,a|b,train\n1.png,y,,b,train\n3.png,x,2.25,,test\nz.png,y,1,a,test\n")
    s = open_source(folder, labels=path)
    assert s.labels is not None and s.labels.listed() == ["x", "y", None, "x"]
    weight, tags = s.attributes
    assert (weight.name, weight.kind, tags.kind) == ("weight", "continuous", "multi-label")
    assert np.array_equal(weight.values, [1.5, NAN, NAN, 2.25], equal_nan=True)
    assert tags.values.tolist() == [[1, 1], [0, 1], [-1, -1], [-1, -1]]
    assert "3 of the 4 rows of y.csv name an item (not 'z.png' ...)" in s.describe()


def test_a_file_without_a_label_gives_attributes_only(folder, tmp_path):
    (tmp_path / "y.csv").write_text("image,glasses,age\n0.png,1,3.5\n1.png,-1,4.5\n2.png,1,\n")
    s = open_source(folder, labels=tmp_path / "y.csv")
    assert s.labels is None and [a.kind for a in s.attributes] == ["binary", "continuous"]
    assert s.attributes[0].values.tolist() == [1, 0, 1, -1]
    assert "no column of y.csv is called label, so all are attributes" in s.describe()
    same = open_source(folder, attributes=str(tmp_path / "y.csv"))
    assert [a.content() for a in same.attributes] == [a.content() for a in s.attributes]


def test_columns_that_cannot_be_used_are_named(folder, tmp_path):
    (tmp_path / "y.csv").write_text("path,label,empty,age\n0.png,x,,1.5\n1.png,y,,2.5\n")
    s = open_source(folder, labels=tmp_path / "y.csv")
    assert [a.name for a in s.attributes] == ["age"] and "not used, attribute 'empty': none of the 4 items has a value" in s.describe()
    (tmp_path / "y.csv").write_text("path,empty\n0.png,\n1.png,\n")
    with pytest.raises(Problem, match=r"y.csv: no column can be used. attribute 'empty'"):
        open_source(folder, attributes=tmp_path / "y.csv")


@pytest.mark.parametrize("given", ["kind+age:continuous", ["kind", "age:continuous"]])
def test_columns_of_a_table_named_as_attributes_are_not_part_of_the_observations(given):
    df = pd.DataFrame({"size": X[:, 0], "age": [1, 2, 3, 4, None, 6], "kind": list("uvuvuv"), "width": X[:, 1]})
    s = open_source(df, attributes=given)
    assert [c.name for c in s.columns] == ["size", "width"]
    assert [(a.name, a.kind) for a in s.attributes] == [("kind", "class"), ("age", "continuous")]
    assert np.array_equal(s.attributes[1].values, [1, 2, 3, 4, NAN, 6], equal_nan=True)


def test_rows_that_are_left_out_take_their_attributes_along():
    df = pd.DataFrame({"a": [1.0, np.nan, 3.0, 4.0], "b": [0.5, 1.5, 2.5, 3.5]})
    s = open_source(df, attributes="b", missing="drop")
    assert s.attributes[0].values.tolist() == [0.5, 2.5, 3.5]
    x = np.array([[1.0], [np.nan], [3.0]])
    t = open_source(x, attributes={"tags": np.array([[1, 0], [0, 0], [0, 1]])}, missing="drop")
    assert t.attributes[0].values.tolist() == [[1, 0], [0, 1]]


def test_arrays_of_an_npz(tmp_path):
    np.savez(tmp_path / "d.npz", x=X, y=[0, 1, 0, 1, 0, 1], tags=np.eye(6, 2, dtype=np.int64), age=X[:, 0])
    s = open_source(tmp_path / "d.npz", attributes="tags+age")
    assert [a.kind for a in s.attributes] == ["multi-label", "continuous"] and s.labels is not None
    with pytest.raises(Problem, match=r"one-hot"):
        open_source(tmp_path / "d.npz", "tags")


def test_what_does_not_fit_is_said_in_a_line():
    with pytest.raises(Problem, match=r"age: 2 values for 6 items"):
        open_source(X, attributes={"age": [1.0, 2.0]})
    with pytest.raises(Misuse, match=r"attributes 'age': expected a column or key"):
        open_source(X, attributes="age")
    with pytest.raises(Problem, match=r"two attributes are called 'label'"):
        _ = open_source(X, [0, 1] * 3, attributes={"label": [0, 1] * 3}).targets
