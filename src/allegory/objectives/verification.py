"""Are two views of one item, or of two? Every pair of a batch is asked."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import batch_mean, rank


def pairs_verified(logits: Float[Tensor, "b all"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The cross-entropy of telling pairs of one item (y = 0) from pairs of two (y = 1), in nats, and the share told right.

    `logits[i, j]` is the log-odds of y = 1 for the first view of this process's item i and the second view of item j of the global batch.
    The pairs of one item, and those of two, count one half each, however many they are.
    """
    two = _two(logits)
    nats = F.binary_cross_entropy_with_logits(logits, two.to(logits.dtype), reduction="none")
    right = ((logits > 0) == two).to(logits.dtype)
    return _balanced(nats, two), _balanced(right, two)


def _two(logits: Tensor) -> Bool[Tensor, "b all"]:
    """Which pairs are of two items."""
    rows = torch.arange(len(logits), device=logits.device)[:, None] + rank() * len(logits)
    return rows != torch.arange(logits.shape[1], device=logits.device)


def _balanced(value: Float[Tensor, "b all"], two: Bool[Tensor, "b all"]) -> Float[Tensor, ""]:
    share = two.to(value.dtype)
    of_one, of_two = (value * (1 - share)).sum(1), (value * share).sum(1) / max(1, value.shape[1] - 1)
    return batch_mean((of_one + of_two) / 2.0)
