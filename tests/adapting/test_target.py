"""What is understood of labels, and who is held out."""

import dataclasses

import numpy as np
import pytest

from allegory.adapting.split import crossed, split
from allegory.adapting.target import Target, Task, labelled, target_of
from allegory.core import Array, Misuse, Problem
from allegory.data import Attribute, Labels, Source

X = np.random.default_rng(0).normal(size=(300, 3))
SOURCE = Source("plain", Array((3,)), X, labels=Labels(np.arange(300) % 3, ("a", "b", "c")))


def told(labels, source=SOURCE, **more):
    return labelled(source, labels, **more)[1]


def test_labels_of_every_form():
    assert told(None).task == Task("label", "class", ("a", "b", "c"))
    assert told("label").task.names == ("a", "b", "c")
    texts = [None if i % 4 else "xy"[i % 8 > 3] for i in range(300)]
    assert told(texts).task == Task("label", "class", ("x", "y")) and told(texts).known.sum() == 75
    assert told(X[:, 0]).task == Task("label", "continuous")
    assert told(np.arange(300) % 2).task.names == ("0", "1")
    several = told([["s", "t"] if i % 2 else ["t"] if i % 3 else [] for i in range(300)])
    assert several.task == Task("label", "multi-label", ("s", "t")) and several.values[:4].tolist() == [[0, 0], [1, 1], [0, 1], [1, 1]]
    assert told(Attribute("age", "continuous", X[:, 1].copy())).task.name == "age"


def test_a_csv_names_items_and_its_columns_are_chosen_by_name(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,size,colour\n" + "".join(f"{i},{i / 7},{'red' if i % 2 else 'blue'}\n" for i in range(100)))
    found = told(str(path), attribute="size")
    assert found.task == Task("size", "continuous") and found.known.sum() == 100
    assert told(str(path), attribute="colour").task.names == ("blue", "red")
    with pytest.raises(Misuse, match="'size', 'colour'; say which"):
        told(str(path))
    with pytest.raises(Misuse, match="Did you mean colour"):
        told(str(path), attribute="color")


@pytest.mark.parametrize(
    ("labels", "error", "said"),
    [
        (["a"] * 300, Problem, "at least two different"),
        ([None] * 300, Problem, "none of the 300 items"),
        (["a", "b"], Problem, "2 labels for 300 items"),
        ("nowhere.csv", Misuse, "no such file"),
        ([["s"]] * 300, Problem, "at least two different"),
    ],
)
def test_what_cannot_be_told(labels, error, said):
    with pytest.raises(error, match=said):
        told(labels)


def test_without_labels():
    with pytest.raises(Misuse, match="has no labels; pass --labels"):
        labelled(dataclasses.replace(SOURCE, labels=None))


def test_a_class_that_no_item_shows_is_left_out():
    found = target_of(Attribute("k", "class", np.array([0, 2, -1, 2]), ("a", "b", "c")))
    assert found.task.names == ("a", "c") and found.values.tolist() == [0, 1, -1, 1]


def known(n, values=None, source=SOURCE):
    """A target that is known of n items, evenly drawn."""
    v = source.labels.values if values is None else values
    keep = np.random.default_rng(1).permutation(300)[:n]
    return Target(Task("label", "class", ("a", "b", "c")), np.where(np.isin(np.arange(300), keep), v, -1))


def test_a_full_validation_part_is_taken_as_it_is():
    big = Source("big", Array((3,)), np.random.default_rng(0).normal(size=(1500, 3)), labels=Labels(np.arange(1500) % 3, ("a", "b", "c")))
    found = split(big, told(None, big))
    assert not found.crossed and "validation part" in found.how
    np.testing.assert_array_equal(found.held, big.part("validation"))
    np.testing.assert_array_equal(found.final, big.part("train"))
    np.testing.assert_array_equal(found.test, big.part("test"))


def test_few_labels_are_cross_validated_and_the_test_part_stays_out():
    target = known(40)
    found = split(SOURCE, target)
    inside = np.flatnonzero(target.known)
    assert found.crossed and "cross-validation" in found.how
    assert set(found.test) == set(inside) & set(SOURCE.part("test"))
    assert sorted(found.held) == sorted(found.final) == sorted(set(inside) - set(SOURCE.part("test")))
    for seen, held in found.folds:
        assert not set(seen) & set(held)
        assert set(target.values[seen]) == {0, 1, 2}, "every fold learns of every class"


def test_duplicates_and_groups_are_held_out_together():
    twice = Source("twice", Array((3,)), np.repeat(X[:60], 5, 0), labels=SOURCE.labels)
    target = known(300, np.arange(300) // 5 % 3, twice)
    grouped = dataclasses.replace(SOURCE, groups=[str(i // 5) for i in range(300)])
    for source in (twice, grouped):
        for seen, held in crossed(np.arange(300), target, source).folds:
            assert not set(seen // 5) & set(held // 5)


def test_labels_that_do_not_suffice():
    one = np.where(np.arange(300) == SOURCE.part("train")[0], 0, -1)
    with pytest.raises(Problem, match="label at least 2"):
        split(SOURCE, Target(Task("label", "class", ("a", "b")), one))
    train, test = SOURCE.part("train"), SOURCE.part("test")
    apart = np.full(300, -1)
    apart[train], apart[test] = 0, 1
    with pytest.raises(Problem, match="of one class"):
        split(SOURCE, Target(Task("label", "class", ("a", "b")), apart))
