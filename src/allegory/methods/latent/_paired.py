"""Learning from weak pairs: what two items share is said once, for both. What methods of pairs have in common, as functions."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from allegory.core import Batch, Loss, Moment, batch_mean
from allegory.methods.latent._variational import Posterior, Variational

Shared = Bool[Tensor, "b z"]
Agree = Callable[[Posterior, Posterior], tuple[Shared, Posterior]]


def loss_of_pairs(method: Variational, net: Any, batch: Batch, now: Moment, agree: Agree) -> Loss:
    """The mean over both items of the method's negative bound, each with the posterior that the pair agreed on; nats per example.

    `agree` says which latents a pair shares, and what their posterior is; the others keep their own.
    """
    assert batch.pairs is not None, "the card says pairs"
    moments = [dataclasses.replace(now, dice=now.dice.split(i)) for i in range(2)]
    x = [net.p.drawn(item, then.dice) for item, then in zip((batch.x, batch.pairs), moments, strict=True)]
    first, second = (net.q(item) for item in x)
    same, (mu, log_var) = agree(first, second)
    agreed = [(torch.where(same, mu, q[0]), torch.where(same, log_var, q[1])) for q in (first, second)]
    one, two = (method.negative_bound(net, item, q, batch, then) for item, q, then in zip(x, agreed, moments, strict=True))
    terms = {name: (value + two.terms[name]) / 2 for name, value in one.terms.items()}
    terms["shared"] = batch_mean(same.to(mu.dtype).mean(1))
    return Loss((one.total + two.total) / 2, terms, one.memo + two.memo if net.p.follows else None)


def of_content(q: Posterior, content: int | None) -> Shared:
    """The first `content` latents, half of them where it is None, for every example."""
    mu, n = q[0], q[0].shape[1]
    return (torch.arange(n, device=mu.device) < (n // 2 if content is None else content)).expand_as(mu)


def averaged(first: Posterior, second: Posterior) -> Posterior:
    """The mean of both means, and of both variances (Hosoya 2019)."""
    (one, a), (two, b) = first, second
    return (one + two) / 2, a.logaddexp(b) - math.log(2.0)


def product(first: Posterior, second: Posterior) -> Posterior:
    """The normalised product of both Gaussians: precisions add up (Bouchacourt et al. 2018)."""
    (one, a), (two, b) = first, second
    log_var = -((-a).logaddexp(-b))
    return log_var.exp() * (one * (-a).exp() + two * (-b).exp()), log_var
