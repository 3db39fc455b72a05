"""Batches, modes and statistics: what a loss is shown, and what stays still meanwhile."""

import numpy as np
import pytest
import torch
from checks.planted import Linear
from helpers.toys import Pairs, classes, learner_of, vectors

from allegory.core import Shuffled
from allegory.methods.contrastive.byol import BYOL
from allegory.methods.supervised.classifier import Classifier
from allegory.nets import BatchNorm
from allegory.train import steps
from allegory.train.steps import play


def test_every_item_comes_once_an_epoch():
    draw = Shuffled().indices
    epochs = [np.concatenate([draw(12, 4, 0, step) for step in range(3 * e, 3 * e + 3)]) for e in range(3)]
    assert all(sorted(e.tolist()) == list(range(12)) for e in epochs)
    assert not np.array_equal(epochs[0], epochs[1])


def test_an_incomplete_batch_is_left_out_and_its_items_come_another_time():
    drawn = [Shuffled().indices(10, 4, 0, step) for step in range(40)]
    assert all(len(set(d.tolist())) == 4 for d in drawn)
    assert all(not set(a.tolist()) & set(b.tolist()) for a, b in zip(drawn[::2], drawn[1::2], strict=True)), "two batches an epoch"
    assert set(np.concatenate(drawn).tolist()) == set(range(10))


def test_a_batch_follows_from_seed_step_and_turn_alone():
    draw = Shuffled().indices
    assert np.array_equal(draw(100, 8, 3, 50), draw(100, 8, 3, 50))
    others = [draw(100, 8, 4, 50), draw(100, 8, 3, 51), draw(100, 8, 3, 50, 1)]
    assert all(not np.array_equal(draw(100, 8, 3, 50), other) for other in others)
    assert len(draw(5, 8, 0, 0)) == 5


def test_labels_are_for_those_whose_card_says_so():
    source = vectors(labels=classes())
    blind = learner_of(Linear(), source)
    assert blind.deal(blind.players[0], 0)[0].y is None
    told = learner_of(Classifier(), source)
    batch, _ = told.deal(told.players[0], 0)
    assert torch.equal(batch.y, batch.index % 4)


def test_the_dice_follow_the_item_and_not_its_place():
    """Two learners with other batch sizes: an item that both meet in the same step rolls the same."""
    small, large = learner_of(Linear(), batch=8), learner_of(Linear(), batch=16)
    (a, now_a), (b, now_b) = small.deal(small.players[0], 0), large.deal(large.players[0], 0)
    both = sorted(set(a.index.tolist()) & set(b.index.tolist()))
    assert len(both) >= 4
    rolled = [{int(i): v for i, v in zip(batch.index, now.dice.uniform("x"), strict=True)} for batch, now in ((a, now_a), (b, now_b))]
    assert all(rolled[0][i] == rolled[1][i] for i in both)


def test_views_are_drawn_anew_each_step_and_again_alike():
    learner, again = learner_of(BYOL(projection=4, hidden=8)), learner_of(BYOL(projection=4, hidden=8))
    first = learner.deal(learner.players[0], 0)[0]
    assert torch.equal(first.views[0], again.deal(again.players[0], 0)[0].views[0])
    assert not torch.equal(first.views[0], first.views[1])
    learner.step = 5  # the same items come again after 40 / 8 steps, in another order
    later = learner.deal(learner.players[0], 0)[0]
    seen = {int(i): v for i, v in zip(later.index, later.views[0], strict=True)}
    both = [k for k, i in enumerate(first.index.tolist()) if i in seen]
    assert both
    assert all(not torch.equal(first.views[0][k], seen[int(first.index[k])]) for k in both)


@pytest.mark.parametrize("before", [True, False])
def test_teachers_rest_while_others_learn(before):
    """In whatever mode somebody left the net."""
    learner = learner_of(BYOL(projection=4, hidden=8))
    learner.net.train(before)
    with learner.playing(learner.players[0], 0):
        assert not any(m.training for m in learner.net.teacher.modules())
        assert all(m.training for m in learner.net.student.modules())
        assert learner.net.q.training


def normed(turns):
    """A first player with a BatchNorm, and a second that passes through it."""

    class Normed(Pairs):
        def build(self, spec, n):
            net = super().build(spec, n)
            net.f = torch.nn.Sequential(net.f, BatchNorm(self.latent))
            net.teacher = torch.nn.Sequential(net.teacher, BatchNorm(self.latent)).requires_grad_(False)
            return net

    return learner_of(Normed())


@pytest.mark.parametrize(("who", "turn", "moved"), [(0, 0, 1), (1, 0, 0), (0, 1, 0)])
def test_running_statistics_move_in_the_owners_first_turn_only(who, turn, moved):
    learner = normed(2)
    norm = learner.net.f[1]
    play(learner, learner.players[who], turn)
    assert int(norm.num_batches_tracked) == moved
    assert bool((norm.running_mean != 0).any()) == bool(moved)


def test_float64_reaches_the_batch():
    learner = learner_of(Linear(), precision="float64")
    assert learner.deal(learner.players[0], 0)[0].x.dtype == torch.float64
    tick = next(steps(learner))
    assert tick.terms["coder/error"].dtype == torch.float64


def test_the_step_takes_the_gradient_off_again():
    learner = learner_of(Linear())
    next(steps(learner))
    assert all(p.grad is None for p in learner.net.parameters())
