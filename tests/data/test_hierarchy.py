import gzip

import numpy as np
import pytest

from allegory.core import Misuse, Problem
from allegory.data import Intake, open_source
from allegory.data.open import BUILT_IN

ANIMALS = "child\tparent\tkind\ndog\tcanine\t@\nwolf\tcanine\t@\ncanine\tmammal\t@\ncat\tmammal\t@\n"


def written(tmp_path, text, name="animals.tsv"):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return f"hierarchy:{path}"


@pytest.mark.parametrize("name", ["animals.tsv", "animals.tsv.gz", "animals.csv"])
def test_a_node_is_seen_by_what_it_lies_under(tmp_path, name):
    text = ANIMALS.replace("\t", ",") if name.endswith("csv") else ANIMALS
    source = open_source(written(tmp_path, text, name))
    assert list(source.ids) == ["mammal", "canine", "cat", "dog", "wolf"]  # by level, then by name
    assert source.x.tolist() == [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 0, 1, 0], [1, 1, 0, 0, 1]]
    assert source.relations.tolist() == [[1, 0], [2, 0], [3, 0], [3, 1], [4, 0], [4, 1]]
    assert source.name == "animals" and [c.name for c in source.columns] == list(source.ids)


def test_what_follows_from_others_may_stand_in_the_file(tmp_path):
    closed = open_source(written(tmp_path, ANIMALS + "dog\tmammal\t@\n"))
    np.testing.assert_array_equal(closed.x, open_source(written(tmp_path, ANIMALS)).x)


def test_two_parents_and_relations_of_some_items(tmp_path):
    source = open_source(written(tmp_path, "child,ancestor\nd,b\nd,c\nb,a\nc,a\n", "d.csv"))
    assert source.x[3].tolist() == [1, 1, 1, 1]
    some = source.subset(np.array([3, 0]))
    assert some.relations.tolist() == [[0, 1]] and list(some.ids) == ["d", "a"]


def test_marks_come_to_methods_as_minus_1_and_1_even_where_a_column_is_constant(tmp_path):
    import torch

    source = open_source(written(tmp_path, ANIMALS))
    intake = Intake.fit(source, np.arange(5))
    assert intake(torch.as_tensor(source.x)).tolist() == (2.0 * source.x - 1.0).tolist()
    again = Intake.from_config(intake.config())
    assert again.columns == intake.columns and again(torch.as_tensor(source.x)).min() == -1.0


def test_another_hierarchy_is_seen_in_the_columns_that_were_learned_or_refused(tmp_path):
    source = open_source(written(tmp_path, ANIMALS))
    intake = Intake.fit(source, np.arange(5))
    more = open_source(written(tmp_path, ANIMALS + "poodle\tdog\t@\n", "more.tsv"))
    seen = intake.accept(more)
    poodle, dog = (list(more.ids).index(name) for name in ("poodle", "dog"))
    assert seen.x.shape == (6, 5) and seen.x[poodle].tolist() == seen.x[dog].tolist() == [1, 1, 0, 1, 0]
    with pytest.raises(Problem, match="lacks the columns 'cat'"):
        intake.accept(open_source(written(tmp_path, ANIMALS.replace("cat\tmammal\t@\n", ""), "fewer.tsv")))


def test_a_balanced_tree():
    source = open_source("tree:depth=2,branches=3")
    assert len(source) == 13 and source.x.sum() == 1 + 3 * 2 + 9 * 3 and len(source.relations) == 3 + 9 * 2
    assert "tree" in BUILT_IN and "13 nodes in 3 levels" in source.notes[0]
    for bad in ("tree:depth=0", "tree:branches=x", "tree:depth=30"):
        with pytest.raises(Misuse, match="tree"):
            open_source(bad)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("child\tparent\na\tb\nb\tc\nc\ta\nd\ta\n", "in a circle: 'a', 'b', 'c'"),
        ("child\tparent\n", "no relations"),
        ("child\tparent\na\ta\n", "no relations"),
        ("from\tto\na\tb\n", "columns child and parent .or ancestor., got 'from', 'to'"),
        ("", "got nothing"),
        ('child,parent\n"a', "no relations"),
    ],
)
def test_hostile_files(tmp_path, text, said):
    with pytest.raises(Problem, match=said) as e:
        open_source(written(tmp_path, text))
    assert "\n" not in str(e.value)


def test_files_that_are_none(tmp_path):
    with pytest.raises(Misuse, match="no file"):
        open_source("hierarchy:nowhere.tsv")
    (tmp_path / "x.tsv.gz").write_bytes(b"not gzip")
    (tmp_path / "x.tsv").write_bytes(b"child\tparent\n\xff\xfe\tb\n")
    for name in ("x.tsv.gz", "x.tsv"):
        with pytest.raises(Problem, match="cannot be read"):
            open_source(f"hierarchy:{tmp_path / name}")


def test_loops_and_broken_lines_are_passed_over_and_told(tmp_path):
    source = open_source(written(tmp_path, ANIMALS + "cat\tcat\t@\nlost\n\t\n"))
    assert len(source) == 5
    assert any("1 relations of a node to itself" in note for note in source.notes)
    assert any("2 of 7 lines" in note for note in source.notes)
