"""log p(x|z), in nats per example, summed over dimensions. Images come in [-1, 1]; what a decoder gives is unsquashed.

bernoulli   pixels as probabilities (x + 1) / 2; the cross-entropy, which for grey pixels is the customary bound-like score
gaussian    variance 1 in the unit of x
sigma       one variance for all dimensions, at its best value: the mean squared error (Rybkin et al. 2021, sec. 3.2)

The best variance is handed in as a number that follows the squared errors of past batches, so that the likelihood of an example does
not depend on its batch mates. At the optimum the gradient is that of the paper: d/dt [s/(2 v) + log(v)/2] at v = s is s'/(2 s).
"""

import math
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Likelihood = Literal["bernoulli", "gaussian", "sigma"]
LIKELIHOODS: tuple[Likelihood, ...] = get_args(Likelihood)
LEAST_VARIANCE = 1e-6


def log_likelihood(
    kind: Likelihood, x: Float[Tensor, "b *d"], out: Float[Tensor, "b *d"], variance: Float[Tensor, ""] | None = None
) -> Float[Tensor, " b"]:
    """log p(x|z) of every example, in nats; `out` is what the decoder gave for z; `variance` is needed by "sigma" only."""
    if kind == "bernoulli":
        return -F.binary_cross_entropy_with_logits(out, (x + 1.0) / 2.0, reduction="none").flatten(1).sum(1)
    v = x.new_ones(()) if kind == "gaussian" or variance is None else variance.clamp_min(LEAST_VARIANCE)
    return -0.5 * ((x - out).square().flatten(1) / v + math.log(2 * math.pi) + v.log()).sum(1)


def observed(kind: Likelihood, out: Float[Tensor, "b *d"]) -> Float[Tensor, "b *d"]:
    """The mean of p(x|z) in the unit of x."""
    return 2.0 * torch.sigmoid(out) - 1.0 if kind == "bernoulli" else out
