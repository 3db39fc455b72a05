"""Poincare embeddings: one step by hand, a tree that the ball has room for and the plane has not, new nodes, hostile data."""

import math

import numpy as np
import pytest
import torch
from helpers.solved import mapped

import allegory as al
from allegory.core import Dice, Misuse
from allegory.data import open_source
from allegory.measures import hyperbolic, relations
from allegory.methods.spectral.poincare import Poincare

TREE = open_source("tree:depth=3,branches=3")
QUICK = {"latent": 2, "rounds": 80, "negatives": 10}


def judged(source, rep):
    z = rep.encode(source)
    related = torch.zeros(len(source), len(source), dtype=torch.bool)
    related[source.relations[:, 0], source.relations[:, 1]] = True
    distances = torch.as_tensor(rep.compare(z, z))
    return relations.reconstructed(distances, related, ~torch.eye(len(source), dtype=torch.bool))


@pytest.fixture(scope="module")
def learned():
    return al.learn(TREE, Poincare(**QUICK), seed=0, all_items=True)


def test_the_loss_is_the_surprise_of_the_right_one_among_those_that_count():
    """u at the origin, the right one at distance log 3, a wrong one at 2 log 3, and one that u is under, which does not count.

    loss = log(1 + e^(log 3 - 2 log 3)) = log(4/3); d loss / d d = 1 - p = 1/4 for the right one and -1/4 for the wrong one.
    """
    theta = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 0.8], [0.3, 0.3]], dtype=torch.float64)
    method, rate = Poincare(), 0.01
    u, candidates, true = torch.tensor([0]), torch.tensor([[1, 2, 3]]), torch.tensor([[True, True, False]])
    moved = method._moved(theta.clone(), u, candidates, true, rate)
    d = hyperbolic.distance(torch.zeros(1, 2, dtype=torch.float64), moved)
    assert d[1] - math.log(3) == pytest.approx(-rate / 4)  # nearer by its share: the gradient of a distance has length 1
    assert d[2] - 2 * math.log(3) == pytest.approx(rate / 4)
    assert moved[3].tolist() == [0.3, 0.3]
    assert moved[0].tolist() == pytest.approx([rate / 4 / 2, -rate / 4 / 2], rel=1e-3)  # the metric at the origin is 4


def test_no_point_moves_farther_than_its_stride():
    theta = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.0, 0.8]], dtype=torch.float64)
    for geometry in ("hyperbolic", "euclidean"):
        method = Poincare(geometry=geometry)
        moved = method._moved(theta.clone(), torch.tensor([0]), torch.tensor([[1, 2]]), torch.ones(1, 2, dtype=torch.bool), 1e3)
        far = hyperbolic.distance(theta, moved) if geometry == "hyperbolic" else (theta - moved).norm(dim=1)
        assert far.tolist() == pytest.approx([0.1] * 3)


def test_the_ball_has_room_for_a_tree_and_the_plane_has_not(learned):
    found = judged(TREE, learned)
    flat = judged(TREE, al.learn(TREE, Poincare(geometry="euclidean", **QUICK), seed=0, all_items=True))
    assert found.mean_precision() > 0.85 and found.mean_rank() < 1.5
    assert flat.mean_precision() < 0.6 and flat.mean_rank() > 3


def test_what_is_general_lies_in_the_middle(learned):
    radius = learned.codes(TREE, ("radius",))["radius"].values[:, 0].numpy()
    level = TREE.x.sum(1)
    assert radius[0] == radius.min() and np.corrcoef(radius, level)[0, 1] > 0.7
    assert learned.codes(TREE, ("column",))["column"].values.tolist() == list(range(len(TREE)))


def test_a_new_node_is_where_the_nearest_learned_one_above_it_is():
    leaf = len(TREE) - 1
    some = np.arange(leaf)
    rep = al.learn(TREE.subset(some), Poincare(latent=2, rounds=5), all_items=True)
    z = rep.encode(TREE)
    parent = int(relations.direct(torch.as_tensor(TREE.relations), len(TREE))[-1, 1])
    np.testing.assert_array_equal(z[leaf], z[parent])
    assert (rep.encode(np.zeros((1, len(TREE)), dtype=np.uint8)) == 0).all()  # nothing is known of it


def test_seeds_and_rows_in_another_order():
    def codes(source, seed=0):
        return al.learn(source, Poincare(latent=2, rounds=22, negatives=5), seed=seed, all_items=True).encode(source)

    order = np.random.default_rng(0).permutation(len(TREE))
    once = codes(TREE)
    np.testing.assert_array_equal(once, codes(TREE))
    np.testing.assert_array_equal(once[order], codes(TREE.subset(order)))
    assert np.abs(once - codes(TREE, 1)).max() > 1e-4


def test_double_precision_and_the_distance_of_codes():
    method = Poincare(latent=2, rounds=5)
    net, z = mapped(method, 2.0 * TREE.x - 1.0)
    assert z.dtype == np.float64 and (np.linalg.norm(z, axis=1) < 1).all()
    z = torch.as_tensor(z)
    torch.testing.assert_close(method.compare(net, z, z), hyperbolic.distance(z[:, None], z))
    flat = Poincare(geometry="euclidean").compare(net, torch.tensor([[0.0, 3.0]]), torch.tensor([[4.0, 0.0]]))
    assert flat.item() == 5.0


@pytest.mark.parametrize(
    "x",
    [-np.ones((5, 3)), np.ones((5, 3)), np.ones((4, 1)), np.full((4, 2), np.nan), np.eye(2)],
    ids=["none", "all", "one", "nan", "apart"],
)
def test_data_without_relations_leave_points_near_the_origin(x):
    _net, z = mapped(Poincare(**QUICK), x)
    assert np.isfinite(z).all() and np.abs(z).max() < 0.5


def test_settings_that_make_no_sense_are_refused():
    for wrong, said in (({"latent": 0}, "latent of 1 or more"), ({"rate": 0.0}, "rate")):
        with pytest.raises(Misuse, match=said):
            mapped(Poincare(**wrong), np.eye(3))


def test_relations_are_drawn_once_a_round_and_none_that_holds_is_a_wrong_answer():
    under = torch.tensor([[False, False, False], [True, False, False], [True, True, False]])
    pairs = torch.nonzero(under)
    dice = Dice.roll(0, 0, torch.arange(0))
    seen = list(Poincare(block=2, negatives=8)._batches(pairs, under, torch.arange(3), dice))
    assert sorted((int(a), int(c[0])) for u, cs, _ in seen for a, c in zip(u, cs, strict=True)) == [(1, 0), (2, 0), (2, 1)]
    for u, candidates, true in seen:
        assert true[:, 0].all()
        wrong = [
            (int(a), int(w)) for a, ws, ts in zip(u, candidates[:, 1:], true[:, 1:], strict=True) for w, t in zip(ws, ts, strict=True) if t
        ]
        assert all(a != w and not under[a, w] for a, w in wrong)
