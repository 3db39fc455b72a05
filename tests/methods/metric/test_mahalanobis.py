"""The linear metric: by hand, at its known answer, and as a map that is linear."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, moment

from allegory.core import Array
from allegory.data import Labels, Source
from allegory.methods.metric.mahalanobis import Mahalanobis
from allegory.train import fit

X = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]], dtype=torch.float64)


def net_of(rows):
    W = torch.tensor(rows, dtype=torch.float64)
    net = Mahalanobis(latent=len(W)).build(Array((2,)), 4).double()
    with torch.no_grad():
        net[1].weight.copy_(W)
    return net


def test_the_loss_by_hand():
    """W = diag(2, 1): classmates (6, 4) apart, 52 squared; the third is 6 and 4 from them: 52 - log 5."""
    method = Mahalanobis()
    (player,) = method.players(net_of([[2, 0], [0, 1]]))
    loss = player.loss(batch(X, y=torch.tensor([0, 0, 1])), moment(3))
    assert loss.total.item() == pytest.approx(52 - math.log(5), abs=1e-9)
    assert loss.terms["pull"].item() == pytest.approx(52)
    assert loss.terms["push"].item() == pytest.approx(math.log(5))


def test_it_weighs_down_the_direction_that_only_classmates_differ_in():
    """Classes differ in the first of two numbers, classmates in the second, which varies more."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    x = np.stack([2.0 * y + 0.3 * rng.normal(size=200), 3.0 * rng.normal(size=200)], 1).astype(np.float32)
    source = Source("two", Array((2,)), x, labels=Labels(y, ("a", "b")))
    net = fit(Mahalanobis(latent=2), source, steps=400, batch=64, device="cpu", index=np.arange(200)).net
    with torch.no_grad():
        M = net[1].weight.T @ net[1].weight
    assert M[0, 0] > 20 * M[1, 1]
    assert M.trace() > 0.1, "pulled, but not to zero"


def test_images_are_read_as_they_are_laid_out():
    method = Mahalanobis(latent=3)
    net = method.build(Array((3, 4, 4), levels=256), 4)
    x = torch.linspace(-1, 1, 96).view(2, 3, 4, 4)
    assert method.views is None
    torch.testing.assert_close(method.encode(net, x), x.flatten(1) @ net[1].weight.T)
