"""log p(x|z), in nats per example, summed over dimensions. Images come in [-1, 1]; what a decoder gives is unsquashed.

bernoulli   pixels as probabilities (x + 1) / 2; the cross-entropy, which for grey pixels is the customary bound-like score
gaussian    variance 1 in the unit of x
sigma       a Gaussian whose one variance for all dimensions is the best for the batch at hand (Rybkin et al. 2021, sec. 3.2)
"""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import batch_mean

Likelihood = Literal["bernoulli", "gaussian", "sigma"]
LIKELIHOODS: tuple[Likelihood, ...] = get_args(Likelihood)
LEAST_VARIANCE = 1e-6


def log_likelihood(kind: Likelihood, x: Float[Tensor, "b *d"], out: Float[Tensor, "b *d"]) -> Float[Tensor, " b"]:
    """log p(x|z) of every example, in nats; `out` is what the decoder gave for z."""
    if kind == "bernoulli":
        return -F.binary_cross_entropy_with_logits(out, (x + 1.0) / 2.0, reduction="none").flatten(1).sum(1)
    squares = (x - out).square().flatten(1)
    variance: Tensor | float = 1.0
    if kind == "sigma":
        variance = batch_mean(squares.mean(1)).clamp_min(LEAST_VARIANCE)
    log_variance = variance.log() if isinstance(variance, Tensor) else 0.0
    return -0.5 * (squares / variance + math.log(2 * math.pi) + log_variance).sum(1)


def observed(kind: Likelihood, out: Float[Tensor, "b *d"]) -> Float[Tensor, "b *d"]:
    """The mean of p(x|z) in the unit of x."""
    return 2.0 * torch.sigmoid(out) - 1.0 if kind == "bernoulli" else out
