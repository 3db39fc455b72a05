import numpy as np
import pytest
import torch

import allegory as al
from allegory.data import open_source
from allegory.methods.spectral.poincare import Poincare
from allegory.questions import put
from allegory.questions.nature.relations import Relations
from allegory.questions.picture import Disc

TREE = open_source("tree:depth=3,branches=3")


def test_codes_in_which_what_is_above_is_nearest(of_codes):
    """On a line: a chain 0 - 1 - 2 - ... in which every node's nearest are not those above it but its neighbours on both sides."""
    chain = open_source("tree:depth=39,branches=1")
    order = np.argsort([len(i) for i in chain.ids])
    place = np.empty(40)
    place[order] = np.arange(40)
    scores = put(of_codes(place[:, None], source=chain), [Relations()])
    brute = []
    for u in range(1, 40):  # above u are 0 .. u - 1, and as far as each of them is one below it, where there is one
        brute += [1 + min(u - v, 39 - u) for v in range(u)]
    assert scores.get("mean rank").value == pytest.approx(np.mean(brute))
    assert scores.get("mean rank", "noise").value > 5
    assert scores.get("map").value > scores.get("map", "noise").value and "mean average precision" in Relations().words(scores)


def test_new_nodes_are_those_of_the_test_part_and_only_where_they_are_new(of_codes):
    source = open_source("tree:depth=4,branches=4")
    z = np.random.default_rng(0).normal(size=(len(source), 3))
    assert put(of_codes(z, source=source), [Relations()]).get("map of new nodes") is not None
    features = of_codes(z, source=source)
    told = type(features)(**{**vars(features), "data": features.data + ", the encoder learned on all parts"})
    assert put(told, [Relations()]).get("map of new nodes") is None


def test_data_that_are_no_hierarchy(of_codes):
    notes = put(of_codes(np.random.default_rng(0).normal(size=(60, 3))), [Relations()]).notes
    assert notes == ("relations was not asked: these data are no hierarchy",)


def test_distances_are_those_of_the_method_and_two_numbers_make_a_picture():
    rep = al.learn(TREE, Poincare(latent=2), all_items=True)
    scores = al.evaluate(rep, TREE, names=["relations"])
    assert scores.get("map").value > 0.9 > scores.get("map", "raw input").value > scores.get("map", "noise").value
    (disc,) = scores.pictures["relations"]
    assert isinstance(disc, Disc) and len(disc.edges) == len(TREE) - 1
    assert all(disc.names[child].rpartition(".")[0] == disc.names[parent] for child, parent in disc.edges)
    z = torch.as_tensor(rep.encode(TREE))
    taken_for_flat = al.evaluate(z.numpy(), TREE, names=["relations"])  # an array of codes does not say where it lives
    assert taken_for_flat.get("map").value < scores.get("map").value
