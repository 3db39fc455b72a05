"""Small things to learn with: 40 vectors, a linear autoencoder, and a learner before its first step."""

from functools import partial
from typing import Any

import numpy as np
import torch
from checks.planted import Linear
from torch import nn

from allegory import train
from allegory.core import Array, Loss, Player, batch_mean
from allegory.data import Labels, Source
from allegory.train import Settings


def vectors(n=40, labels=None):
    """n vectors of 6 numbers that 2 hidden numbers explain but for a little noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2)) @ rng.normal(size=(2, 6)) + 0.1 * rng.normal(size=(n, 6))
    return Source("vectors", Array((6,)), x.astype(np.float32), labels=labels)


def classes(n=40, k=4):
    return Labels(np.arange(n) % k, tuple("abcdefgh"[:k]))


def learner_of(method, source=None, **said):
    """A learner on all items of a source."""
    source, settings = source or vectors(), Settings(**({"device": "cpu", "steps": 10, "batch": 8} | said))
    full, net, items = train.begin(method, source, settings, np.arange(len(source)))
    return train.learner_for(full, net, items, source, settings)


class Pairs(Linear):
    """The linear autoencoder with a second player: `other` learns to say the code's square, in two turns a step."""

    def build(self, spec, n):
        net = super().build(spec, n)
        net.other = nn.Linear(self.latent, 1)
        net.idle = nn.Linear(2, 2)
        return net

    def players(self, net):
        other = Player("other", (net.other, net.idle), partial(self.of_other, net), turns=2)
        return [*super().players(net), other]

    def of_other(self, net: Any, batch: Any, now: Any):
        z = net.f(batch.x).detach()
        miss = batch_mean((net.other(z)[:, 0] - z.square().sum(1)).square())
        return Loss(miss, {"miss": miss}, memo=batch.index)


def state(learner):
    return {k: v.detach().clone() for k, v in learner.net.state_dict().items()}


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
