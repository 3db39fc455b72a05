"""Every loss that looks at the global batch: with two processes the value and the gradient are those of one, in float64.

A new loss gets a line in `LOSSES`: a function of codes (b, 2, z), class numbers (b,) and draws (b, all) of this process's examples, that
gives a scalar. The codes come out of a linear map, so that the gradient is the one that the engine averages (`core.gather`).
"""

import inspect
import re
import sys

import numpy as np
import pytest
import torch
from helpers.distributed import over_processes

from allegory import objectives
from allegory.core import batch_mean, everyone, rank
from allegory.train.distribution import average_over_processes

ALL, D, P = 8, 5, 3

LOSSES = {
    "contrastive": lambda z, y, u: objectives.contrastive(z[:, 0], y, 3.0),
    "covariance_penalty": lambda z, y, u: objectives.covariance_penalty(z[:, 0]),
    "covariance": lambda z, y, u: objectives.covariance(z[:, 0]).square().sum(),
    "total_correlation": lambda z, y, u: objectives.total_correlation(z[:, 0], z[:, 1], 0.1 * z[:, 0], 50, stratified=True),
    "decorrelation": lambda z, y, u: sum(objectives.decorrelation(objectives.cross_correlation(z[:, 0], z[:, 1]))),
    "density_ratio_kl": lambda z, y, u: objectives.density_ratio_kl(z[:, 0, :2]),
    "full_graph_nce": lambda z, y, u: objectives.full_graph_nce([z[:, 0], z[:, 1], z[:, 0] * z[:, 1]], 0.5),
    "hypersphere_softmax": lambda z, y, u: objectives.hypersphere_softmax(z[:, 0], fixed(3, P, seed=3), y, 0.3)[0],
    "info_nce": lambda z, y, u: batch_mean(objectives.info_nce(z[:, 0], z[:, 1], 0.5)),
    "info_nce, corrected": lambda z, y, u: batch_mean(objectives.info_nce(z[:, 0], z[:, 1], 0.5, debias=0.1, hardness=1.0)),
    "local_nce": lambda z, y, u: batch_mean(sum(objectives.local_nce(z[:, 0], torch.stack([z[:, 1], z[:, 0] * z[:, 1]], 1)))),
    "n_pairs": lambda z, y, u: sum(objectives.n_pairs(z[:, 0], y)),
    "non_saturating": lambda z, y, u: objectives.non_saturating(z[:, 0, :2]),
    "nt_xent": lambda z, y, u: objectives.nt_xent(z[:, 0], z[:, 1], 0.5),
    "nt_xent, corrected": lambda z, y, u: objectives.nt_xent(z[:, 0], z[:, 1], 0.5, debias=0.1, hardness=1.0),
    "pairs_verified": lambda z, y, u: objectives.pairs_verified(z[:, 0] @ everyone(z[:, 1]).T)[0],
    "prototype_use": lambda z, y, u: objectives.prototype_use(z[:, 0].softmax(1)),
    "pull_subject_to_push": lambda z, y, u: torch.sub(*objectives.pull_subject_to_push(z[:, 0], y)),
    "sup_con": lambda z, y, u: objectives.sup_con(z.flatten(0, 1), y.repeat_interleave(2), 0.3),
    "swapped_prediction": lambda z, y, u: objectives.swapped_prediction(
        [z[:, 0], z[:, 1]], [objectives.sinkhorn(z[:, 0], 0.5), objectives.sinkhorn(z[:, 1], 0.5)], 0.3
    ),
    "target_sharpness": lambda z, y, u: objectives.target_sharpness(z[:, 0].softmax(1)),
    "told_ahead": lambda z, y, u: batch_mean(objectives.told_ahead(z[:, :, None].flip(1), z[:, :, None], 1)[0]),
    "two_sample_cross_entropy": lambda z, y, u: objectives.two_sample_cross_entropy(z[:, 0, :2], z[:, 1, :2]),
    "variance_hinge": lambda z, y, u: objectives.variance_hinge(z[:, 0], 9.0),
    "whitened": lambda z, y, u: batch_mean((objectives.whitened(z[:, 0]) * objectives.whitened(z[:, 1])).sum(1)),
    **{
        f"triplet, {miner}": lambda z, y, u, miner=miner: objectives.triplet(z[:, 0], y, 0.8, miner, u)[0]
        for miner in objectives.MINERS
    },
}  # fmt: skip


def fixed(*shape, seed):
    return torch.as_tensor(np.random.default_rng(seed).normal(size=shape))


def value_and_gradient(name, n):
    """The loss of this process's share of one batch, and the gradient with respect to the map as the engine would have it."""
    own = slice(rank() * ALL // n, (rank() + 1) * ALL // n)
    x, y = fixed(ALL, 2, D, seed=0)[own], (torch.arange(ALL) % 3)[own]
    draws = torch.as_tensor(np.random.default_rng(1).uniform(size=(ALL, ALL)))[own]
    w = fixed(D, P, seed=2).requires_grad_()
    loss = LOSSES[name](x @ w, y, draws)
    (gradient,) = torch.autograd.grad(loss, w)
    average_over_processes([gradient])
    return loss.detach(), gradient


@pytest.mark.parametrize("name", LOSSES)
def test_two_processes_find_what_one_does(name):
    value, gradient = value_and_gradient(name, 1)
    assert gradient.abs().max() > 1e-3, "a loss without a gradient shows nothing"
    for theirs, slope in over_processes(value_and_gradient, name, 2):
        assert abs(float(theirs) - float(value)) < 1e-10
        assert np.abs(slope - gradient.numpy()).max() < 1e-10


def test_every_loss_that_reaches_other_processes_is_in_the_table():
    """Those whose own source calls `everyone`, `batch_mean` or `rank`; what reaches them through a helper is listed by hand."""
    text = inspect.getsource(sys.modules[__name__])
    reaching = re.compile(r"\b(everyone|batch_mean|rank)\(")
    public = {name: getattr(objectives, name) for name in objectives.__all__}
    found = {name for name, f in public.items() if inspect.isfunction(f) and reaching.search(inspect.getsource(f))}
    assert len(found) > 10
    assert {name for name in found if f"objectives.{name}(" not in text} == set(), "give these a line in LOSSES"
