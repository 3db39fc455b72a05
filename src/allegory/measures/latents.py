"""What the latents of a Gaussian posterior carry: nats a latent, and which of them are in use."""

from jaxtyping import Bool, Float
from torch import Tensor


def kl_per_latent(mean: Float[Tensor, "b z"], log_variance: Float[Tensor, "b z"]) -> Float[Tensor, " z"]:
    """KL(N(mean, sigma^2) || N(0, 1)) of every latent in nats, averaged over the batch; the sum is the rate.

    `log_variance` = log sigma^2 (Kingma and Welling 2014, appendix B).
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).mean(0)


def active_units(mean: Float[Tensor, "b z"], threshold: float = 0.01) -> Bool[Tensor, " z"]:
    """Which latents move with x: the variance over items of the posterior mean exceeds `threshold` (Burda et al. 2016, section 5.2)."""
    return mean.var(0, unbiased=False) > threshold
