"""Where there are no labels, groups say what belongs together; labels go before them; and no other method reads either."""

import numpy as np
import pytest
import torch

import allegory as al
from allegory.core import Array, Problem
from allegory.data import Labels, Source
from allegory.measures.retrieval import precision_at_1
from allegory.methods.metric.siamese import Siamese
from allegory.methods.supervised.classifier import Classifier
from allegory.train import Settings
from allegory.train.fit import begin, labels_of, usable
from allegory.views import Identity


def bursts(n=90, size=4, alone=30):
    """n groups of items that share two numbers out of six and differ wildly in the others, and some items alone; no labels."""
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(n), size)
    where = rng.normal(size=(n + alone, 2))
    x = 3.0 * rng.normal(size=(len(of) + alone, 6))
    x[:, :2] = np.concatenate([where[of], where[n:]]) + 0.05 * rng.normal(size=(len(x), 2))
    return x.astype(np.float32), [f"burst {g}" for g in of] + [None] * alone


def test_items_of_a_group_are_a_class_and_an_item_without_one_is_its_own():
    source = Source("x", Array((2,)), np.zeros((6, 2), np.float32), groups=["b", "", "a", "b", "", "3"])
    told = source.told(groups=True)
    assert told.values.tolist() == [0, 1, 2, 0, 3, 4]
    assert told.names == ("group b", "item 1", "group a", "item 4", "group 3")
    assert source.told() is None
    assert usable(Siamese(), source, np.arange(6)).tolist() == [0, 1, 2, 3, 4, 5]


def test_labels_go_before_groups_and_unlabelled_items_stay_out():
    labels = Labels(np.array([0, 1, -1, 0, 1, -1]), ("a", "b"))
    source = Source("x", Array((2,)), np.zeros((6, 2), np.float32), labels=labels, groups=["g"] * 6)
    assert source.told(groups=True) is labels
    assert usable(Siamese(), source, np.arange(6)).tolist() == [0, 1, 3, 4]


def test_only_methods_whose_card_says_so_read_groups():
    x, groups = bursts()
    source = al.load(x, groups=groups)
    with pytest.raises(Problem, match=r"Classifier learns from labels, and .* has none; pass --labels"):
        al.learn(source, Classifier(), steps=1)
    with pytest.raises(Problem, match=r"Siamese learns from labels or groups, and .* has none"):
        al.learn(al.load(x), Siamese(), steps=1)
    _, _, items = begin(al.SimCLR(), source, Settings(device="cpu"))
    assert labels_of(al.SimCLR(), source, items) is None


@pytest.mark.parametrize("method", [al.Mahalanobis(), al.Siamese(views=Identity())], ids=["Mahalanobis", "Siamese"])
def test_learning_from_groups_end_to_end(method):
    """The nearest item to one of a burst that was not trained on is of its burst; by the raw numbers it is not."""
    x, groups = bursts()
    source = al.load(x, groups=groups)
    rep = al.learn(source, method, seed=0, steps=200, batch=64)
    held_out = [i for i in np.concatenate([source.part("validation"), source.part("test")]) if groups[i]]
    of = torch.as_tensor(source.told(groups=True).values[held_out])
    r_at_1 = lambda z: float(precision_at_1(torch.as_tensor(z).double(), of).nanmean())
    assert r_at_1(x[held_out]) < 0.1
    assert r_at_1(rep.encode(source)[held_out]) > 0.7  # .86 and .88; the two numbers alone, .98
