"""Soft assignments to prototypes: balanced over the batch, told from another view, and how many prototypes they use."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import batch_mean, everyone, rank

Scores = Float[Tensor, "b k"]


def sinkhorn(scores: Scores, eps: float = 0.05, iterations: int = 3) -> Scores:
    """The codes Q* = Diag(u) exp(scores / eps) Diag(v) of Caron et al. 2020, eq. 3 to 5, by Sinkhorn-Knopp iterations; no gradient.

    Each iteration gives all prototypes the same share of the global batch, then each example the same mass. A row is the assignment of
    one example and sums to 1; the columns are balanced only as far as the iterations went. The larger `eps`, the softer.
    Logarithms throughout, so no score is too large.
    """
    own = slice(rank() * len(scores), (rank() + 1) * len(scores))
    q = everyone(scores.detach()) / eps
    for _ in range(iterations):
        q = q - q.logsumexp(0, keepdim=True)
        q = q - q.logsumexp(1, keepdim=True)
    return q.softmax(1)[own]


def swapped_prediction(scores: Sequence[Scores], codes: Sequence[Scores], tau: float) -> Float[Tensor, ""]:
    """The mean of -sum_k q_k log softmax(scores / tau)_k over the pairs of a view with a code and another view, and over the batch.

    `codes`: those of the first views; a view never predicts its own code (Caron et al. 2020, eq. 1, 2 and 6).
    """
    log_p = [(view / tau).log_softmax(1) for view in scores]
    misses = [-(q * p).sum(1) for i, q in enumerate(codes) for v, p in enumerate(log_p) if v != i]
    return batch_mean(torch.stack(misses, 1).mean(1))


def prototype_use(assignments: Scores) -> Float[Tensor, ""]:
    """exp(entropy of the mean assignment over the global batch) / K, in (0, 1]: the share of the prototypes that are in use."""
    return _entropy(batch_mean(assignments)).exp() / assignments.shape[1]


def target_sharpness(targets: Scores) -> Float[Tensor, ""]:
    """1 - (mean entropy of an example's assignment) / log K, in [0, 1]: 0 where every target is uniform, 1 where each is one prototype."""
    return 1.0 - batch_mean(_entropy(targets)) / math.log(targets.shape[1])


def _entropy(p: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
    """In nats."""
    return -torch.special.xlogy(p, p).sum(-1)
