"""Classification into bins of a continuous space, with rare bins made to count (Zhang, Isola and Efros 2016, section 2.2)."""

import torch
from jaxtyping import Float
from torch import Tensor

Bins = Float[Tensor, " q"]
NEAREST = 5


def soft_bins(y: Float[Tensor, "n m"], centres: Float[Tensor, "q m"], sigma: Float[Tensor, ""]) -> Float[Tensor, "n q"]:
    """Every point spread over its 5 nearest centres, in proportion to exp(-distance^2 / (2 sigma^2)); rows sum to 1."""
    near, at = torch.cdist(y, centres).square().topk(min(NEAREST, len(centres)), largest=False)
    return y.new_zeros(len(y), len(centres)).scatter(1, at, torch.softmax(-near / (2.0 * sigma.square()), 1))


def smoothed(p: Bins, centres: Float[Tensor, "q m"], sigma: Float[Tensor, ""]) -> Bins:
    """The distribution `p` over the centres, smoothed by a Gaussian of width `sigma`; it still sums to 1."""
    kernel = torch.exp(-torch.cdist(centres, centres).square() / (2.0 * sigma.square()))
    return (kernel / kernel.sum(0)) @ p


def rebalancing(p: Bins, mix: float) -> Bins:
    """w, in proportion to 1 / ((1 - mix) p + mix / Q), with sum p w = 1 (eq. 4)."""
    w = 1.0 / ((1.0 - mix) * p + mix / len(p))
    return w / (p * w).sum()


def rebalanced_cross_entropy(
    logits: Float[Tensor, "b q *places"], target: Float[Tensor, "b q *places"], weight: Bins
) -> Float[Tensor, " b"]:
    """-w of the target's largest bin * sum_q target log softmax(logits) (eq. 2 and 3), the mean over places, in nats."""
    rarity = weight[target.argmax(1)]
    entropy = -(target * torch.log_softmax(logits, 1)).sum(1)
    return (rarity * entropy).flatten(1).mean(1)
