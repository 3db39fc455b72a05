"""The loop: who moves when, what a NaN stops, and that parts of a batch make the whole."""

import math

import numpy as np
import pytest
import torch
from checks.planted import Linear
from helpers.toys import Pairs, equal, learner_of, state

from allegory.core import Loss, Misuse, Optim, Player, batch_mean
from allegory.train import NotFinite, steps
from allegory.train.pieces import gradient
from allegory.train.steps import clip, descend, play

PLAIN = Optim(name="sgd", lr=0.1, momentum=0.0, weight_decay=0.0, warmup=0.0, schedule="constant")


class Poisoned(Linear):
    """From the third step on, one term is NaN."""

    def loss(self, net, batch, now):
        fine = batch_mean(self.error(net, batch.x))
        bad = fine * (math.nan if now.step >= 2 else 1.0)
        return Loss(fine + bad, {"error": fine, "bad": bad}, memo=batch.x)


class InfiniteGradient(Linear):
    """A finite loss whose slope is not: sqrt at 0."""

    def loss(self, net, batch, now):
        error = batch_mean(self.error(net, batch.x))
        return Loss(error + (net.g.bias[0] - net.g.bias[0].detach()).abs().sqrt(), {"error": error}, memo=batch.x)


def test_nan_stops_with_the_step_and_the_term_and_nothing_is_updated():
    learner = learner_of(Poisoned())
    going = steps(learner)
    next(going), next(going)
    before, moments = state(learner), {k: v.clone() for s in learner.optimisers["coder"].state.values() for k, v in s.items()}
    with pytest.raises(NotFinite, match=r"step 3: bad of 'coder' is not finite.*--lr"):
        next(going)
    assert learner.step == 2
    assert equal(before, state(learner))
    after = {k: v for s in learner.optimisers["coder"].state.values() for k, v in s.items()}
    assert all(torch.equal(moments[k], after[k]) for k in moments)


def test_a_gradient_that_is_not_finite_stops_too():
    learner = learner_of(InfiniteGradient())
    before = state(learner)
    with pytest.raises(NotFinite, match=r"step 1: gradient of 'coder'"):
        next(steps(learner))
    assert equal(before, state(learner))


def test_one_step_by_hand():
    """Plain gradient descent: w <- w - .1 dL/dw, of the loss on the batch of that step."""
    learner = learner_of(Linear(), optim=PLAIN)
    (player,) = learner.players
    batch, now = learner.deal(player, 0)
    w = learner.net.g.bias
    (g,) = torch.autograd.grad(player.loss(batch, now).total, w)
    expected = w.detach() - 0.1 * g
    tick = next(steps(learner))
    torch.testing.assert_close(w.detach(), expected)
    assert (tick.step, learner.step) == (1, 1)
    assert set(tick.terms) == {"coder/error", "loss/coder"}
    assert not any(v.requires_grad for v in tick.terms.values())


def test_what_a_loss_does_not_touch_has_gradient_zero_and_stays():
    learner = learner_of(Pairs(), optim=PLAIN)
    before = learner.net.idle.weight.detach().clone()
    list(steps(learner))
    assert torch.equal(before, learner.net.idle.weight)
    unused, used = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    assert [g.tolist() for g in gradient((3 * used).sum(), [unused, used])] == [[0.0, 0.0], [3.0, 3.0]]
    assert unused.grad is None
    assert used.grad is None


def test_a_player_with_nothing_to_move_is_named():
    class Nothing(Linear):
        def players(self, net):
            return [Player("coder", (net.teacher,), self.loss)]

    with pytest.raises((Misuse, ValueError)):
        next(steps(learner_of(Nothing())))


def test_each_turn_has_its_own_batch_and_players_share_the_first():
    learner = learner_of(Pairs())
    coder, other = learner.players
    first, now = learner.deal(coder, 0)
    assert learner.deal(other, 0)[0] is first
    assert not np.array_equal(learner.deal(other, 1)[0].index, first.index)
    assert not torch.equal(now.dice.keys, learner.deal(other, 0)[1].dice.keys), "but they roll their own dice"
    moves = []
    learner.update = lambda player, lr: moves.append(player.name)
    next(steps(learner))
    assert moves == ["coder", "other", "other"]


def test_after_step_sees_the_progress_of_its_step_and_the_memos_of_the_last_turn():
    seen = []

    class Watched(Pairs):
        def after_step(self, net, now, memos):
            seen.append((now.step, now.progress, memos["other"].tolist(), len(memos["coder"])))

    learner = learner_of(Watched(), steps=4)
    lasts = []
    for _ in steps(learner):
        lasts.append(learner.method.batching.indices(40, 8, 0, learner.step - 1, 1).tolist())
    assert seen == [(i, i / 4, lasts[i], 8) for i in range(4)]


def test_the_whole_data_come_again_every_so_often():
    seen = []

    class Refreshed(Linear):
        @property
        def every(self):
            return 3

        def refresh(self, net, items, now):
            seen.append((now.step, len(items)))

    list(steps(learner_of(Refreshed(), steps=7)))
    assert seen == [(2, 40), (5, 40)]  # after the 3rd and the 6th step


def test_clipping_by_hand():
    """(3, 4) and (12,) have the joint norm 13; to at most 6.5 all are halved; to at most 20 nothing changes."""
    gradients = [torch.tensor([3.0, 4.0]), torch.tensor([12.0])]
    clip(gradients, 20.0)
    assert [g.tolist() for g in gradients] == [[3.0, 4.0], [12.0]]
    clip(gradients, 6.5)
    assert [g.tolist() for g in gradients] == [[1.5, 2.0], [6.0]]
    learner = learner_of(Linear(), optim=PLAIN.over(None).over(Optim(clip=1e-3)))
    before = learner.net.g.bias.detach().clone()
    play(learner, learner.players[0], 0)
    assert (learner.net.g.bias - before).norm() <= 0.1 * 1e-3 * 1.001


def test_micro_batches_give_the_same_gradient_terms_and_memo():
    """8 items in parts of 3, 3 and 2: weighted by their size, so that the mean is that of all."""
    whole, parts = (learner_of(Linear(), precision="float64", micro=micro) for micro in (8, 3))
    results = [descend(learner, learner.players[0], [p for _, p in learner.players[0].parameters], 0) for learner in (whole, parts)]
    (a, da), (b, db) = results
    torch.testing.assert_close(b.total, a.total.detach(), rtol=1e-12, atol=0)
    torch.testing.assert_close(b.terms["error"], a.terms["error"].detach(), rtol=1e-12, atol=0)
    assert torch.equal(a.memo, b.memo)
    for x, y in zip(da, db, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-10, atol=1e-14)


def test_learning_that_stops_and_goes_on_is_the_same():
    straight, broken = learner_of(Pairs()), learner_of(Pairs())
    list(steps(straight))
    for tick in steps(broken):
        if tick.step == 4:
            break
    list(steps(broken))
    assert equal(state(straight), state(broken))
