"""Two players on one density ratio. Two logits a row: class 0 is "from the first distribution"."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import batch_mean


def density_ratio_kl(logits: Float[Tensor, "b 2"]) -> Float[Tensor, ""]:
    """KL(first || second) estimated on samples of the first: E[log D / (1 - D)] = E[logit_0 - logit_1] (Kim and Mnih 2018, eq. 3)."""
    return batch_mean(logits[:, 0] - logits[:, 1])


def two_sample_cross_entropy(first: Float[Tensor, "a 2"], second: Float[Tensor, "b 2"]) -> Float[Tensor, ""]:
    """-(E_first log D + E_second log(1 - D)) / 2, the loss of the discriminator, in nats."""
    zeros = torch.zeros(len(first), dtype=torch.int64, device=first.device)
    ones = torch.ones(len(second), dtype=torch.int64, device=second.device)
    of_first = F.cross_entropy(first, zeros, reduction="none")
    of_second = F.cross_entropy(second, ones, reduction="none")
    return (batch_mean(of_first) + batch_mean(of_second)) / 2.0


def non_saturating(logits: Float[Tensor, "b 2"]) -> Float[Tensor, ""]:
    """-E log D on made samples, in nats: what the maker descends in place of E log(1 - D) (Goodfellow et al. 2014, section 3)."""
    return batch_mean(-torch.log_softmax(logits, 1)[:, 0])
