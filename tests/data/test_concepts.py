"""What can be named of items, symbols from names and values, and what operators make of them; all by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import allegory as al
from allegory.core import Dice, Misuse, Problem
from allegory.data import Attribute, Vocabulary, namable, vocabulary_of
from allegory.data.concepts import drawn, recombined

WORDS = Vocabulary(("shape=square", "shape=heart", "x=0", "x=1", "x=2"))


def symbol(*ones):
    return torch.tensor([float(i in ones) for i in range(5)])


def test_a_concept_is_a_k_hot_symbol():
    assert WORDS.factors == {"shape": ("square", "heart"), "x": ("0", "1", "2")} and WORDS.sizes == (2, 3)
    assert torch.equal(WORDS.symbol({"x": 2, "shape": "heart"}), symbol(1, 4))
    assert torch.equal(WORDS.symbols([{}, {"x": "0"}]), torch.stack([symbol(), symbol(2)]))
    assert torch.equal(Vocabulary(("a=no", "a=yes")).symbol({"a": True}), torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize(
    ("concept", "said"),
    [
        ({"form": "heart"}, r"unknown factor 'form'. Did you mean shape, x\?"),
        ({"shape": "star"}, "unknown shape 'star': expected one of square, heart"),
        ({"x": 3}, "unknown x 3: expected one of 0, 1, 2"),
    ],
)
def test_what_cannot_be_named_is_told_with_what_can(concept, said):
    with pytest.raises(Misuse, match=said):
        WORDS.symbol(concept)


def test_one_concept_is_no_list_of_them():
    with pytest.raises(Misuse, match="expected a list of concepts"):
        WORDS.symbols({"x": 1})


@pytest.mark.parametrize("names", [(), ("heart",), ("shape=",), ("a=0",), ("a=0", "b=0", "b=1", "a=1"), ("a=0", "a=0")])
def test_names_of_another_form_are_refused(names):
    with pytest.raises(Misuse, match="expected"):
        Vocabulary(names)


def test_symbols_of_values_name_what_is_chosen_and_known():
    values = torch.tensor([[1, 2], [0, 0], [-1, 1]])
    named = torch.tensor([[True, True], [False, True], [True, True]])
    assert torch.equal(WORDS.of_values(values, named), torch.stack([symbol(1, 4), symbol(2), symbol(3)]))
    assert torch.equal(WORDS.best(torch.tensor([[0.1, 0.2, 0.9, 0.3, 0.4]])), torch.tensor([[1, 0]]))


def test_drawn_symbols_name_every_number_of_factors_as_often_and_only_what_is_shown():
    values = torch.tensor([[1, 2]]).expand(3000, 2)
    y = drawn(values, WORDS, Dice.roll(0, 0, torch.arange(3000)))
    assert bool((y[:, [0, 2, 3]] == 0).all())
    counts = torch.bincount(y.sum(1).long(), minlength=3)
    assert bool(((counts - 1000).abs() < 110).all())  # four standard deviations of a third of 3,000
    alone = y[y.sum(1) == 1]
    assert abs(float(alone[:, 1].mean()) - 0.5) < 0.07
    later = drawn(values, WORDS, Dice.roll(0, 1, torch.arange(3000)))
    assert not torch.equal(y, later)


def test_the_operators_by_hand():
    """{heart, x=1} with {x=1}, with {square} and with {heart, x=2}: a value is ignored, or in common, only if it is the same value."""
    one = symbol(1, 3)
    cases = {
        "and": [(symbol(3), symbol(1, 3)), (symbol(4), symbol(1, 3, 4)), (symbol(), symbol(1, 3))],
        "ignore": [(symbol(3), symbol(1)), (symbol(0), symbol(1, 3)), (symbol(1, 4), symbol(3)), (symbol(1, 3), symbol())],
        "in common": [(symbol(3), symbol(3)), (symbol(0), symbol()), (symbol(1, 4), symbol(1))],
    }
    for operator, asked in cases.items():
        for other, result in asked:
            assert torch.equal(recombined(operator, one, other), result), (operator, other)
    assert torch.equal(recombined("ignore", symbol(3), one), symbol())  # the order counts
    with pytest.raises(Misuse, match="unknown operator 'or'"):
        recombined("or", one, one)


def test_what_can_be_named_of_sprites():
    """The factors that vary; the label has its names."""
    source = al.load("sprites:size=16,shapes=3,scales=2,orientations=1,xs=2,ys=1")
    assert vocabulary_of(source).names == (
        "shape=square", "shape=ellipse", "shape=heart", "scale=0", "scale=1", "x=0", "x=1",
    )  # fmt: skip
    values = np.stack([a.values for a in namable(source)], 1)
    assert values[:3].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]] and len(values) == 12


def test_labels_and_attributes_can_be_named_measurements_cannot():
    digits = al.load("digits")
    assert vocabulary_of(digits).names[:2] == ("label=0", "label=1")
    n = len(digits)
    more = replace(digits, attributes=(Attribute("thick", "binary", np.arange(n) % 2), Attribute("ink", "continuous", np.ones(n))))
    assert vocabulary_of(more).names[-2:] == ("thick=no", "thick=yes") and len(vocabulary_of(more).sizes) == 2


def test_nothing_to_name_is_told():
    bare = replace(al.load("digits"), labels=None)
    with pytest.raises(Problem, match="digits has nothing to name its items by; bring items with factors"):
        vocabulary_of(bare)
    odd = replace(bare, attributes=(Attribute("a=b", "binary", np.arange(len(bare)) % 2),))
    with pytest.raises(Problem, match="rename 'a=b'"):
        vocabulary_of(odd)
