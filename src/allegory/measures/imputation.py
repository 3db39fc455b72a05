r"""What is missing, guessed by a Gaussian with q directions: probabilistic PCA learned from rows with holes.

**Model.** $x = \mu + W z + \epsilon$ with $z \sim N(0, I_q)$ and $\epsilon \sim N(0, v I)$. Of a row of which the entries o are known,
$z$ has the covariance $\Sigma = (I + W_o^T W_o / v)^{-1}$ and the mean $m = \Sigma\, W_o^T (x_o - \mu_o) / v$ (Tipping and Bishop 1999,
equation 12, of the known entries), and what is missing has the mean $\mu + W m$: the best guess under the model in squared error.

**Learning.** By EM over the known entries alone (Ilin and Raiko 2010): each number's row of $W$ and $\mu$ is a ridge-free
regression on the moments of $z$, and $v$ the mean of what is left. Where nothing is missing the maximum is known in closed form.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

ROUNDS = 60
LEAST = 1e-6  # of the mean variance: the smallest that the noise has


@dataclass(frozen=True, eq=False)
class LinearGaussian:
    """mu (d,), W (d, q) and the noise's variance."""

    mean: Float[Tensor, " d"]
    W: Float[Tensor, "d q"]
    noise: float

    @staticmethod
    def fit(x: Float[Tensor, "n d"], q: int, rounds: int = ROUNDS) -> "LinearGaussian":
        """The likeliest for rows in which NaN is missing; q at most d - 1 and n - 1. A number that is never known has mean, weights 0."""
        n, d = x.shape
        q = max(0, min(q, d - 1, n - 1))
        known = ~x.isnan()
        counts = known.sum(0).clamp_min(1)
        mean = torch.where(known, x, 0.0).sum(0) / counts
        start = _of_whole(torch.where(known, x, mean), mean, q)
        return start if bool(known.all()) else _by_rounds(x, known, start, rounds)

    def guess(self, x: Float[Tensor, "n d"], known: Bool[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """`x` where it is known, else the mean given what is known of the row."""
        m, _ = self._told(torch.where(known, x - self.mean, 0.0), known)
        return torch.where(known, x, self.mean + m @ self.W.T)

    def _told(self, moved: Float[Tensor, "n d"], known: Bool[Tensor, "n d"]) -> tuple[Float[Tensor, "n q"], Float[Tensor, "n q q"]]:
        """The mean and covariance of z, given the known entries of x - mu."""
        d, q = self.W.shape
        outer = (self.W[:, :, None] * self.W[:, None, :]).view(d, q * q)
        precision = torch.eye(q, dtype=self.W.dtype, device=self.W.device) + (known.to(self.W) @ outer).view(-1, q, q) / self.noise
        covariance = torch.linalg.inv(precision)
        return (covariance @ (moved @ self.W / self.noise)[:, :, None])[:, :, 0], covariance


def _of_whole(x: Float[Tensor, "n d"], mean: Float[Tensor, " d"], q: int) -> LinearGaussian:
    """In closed form, of rows without holes (Tipping and Bishop 1999, equations 7 and 8)."""
    n, d = x.shape
    _, size, axes = torch.linalg.svd(x - mean, full_matrices=False)
    variance = size.square() / n
    noise = max(float(variance[q:].sum()) / (d - q), LEAST * float(variance.sum()) / d) or 1.0
    return LinearGaussian(mean, axes[:q].T * (variance[:q] - noise).clamp_min(0.0).sqrt(), noise)


def _by_rounds(x: Float[Tensor, "n d"], known: Bool[Tensor, "n d"], model: LinearGaussian, rounds: int) -> LinearGaussian:
    """EM from `model` on: what z is, given the known entries; then mu, W and the noise, given z."""
    q = model.W.shape[1]
    told = known.to(x)
    whole = torch.where(known, x, 0.0)
    counts = told.sum(0)
    least = LEAST * float(torch.where(known, x - model.mean, 0.0).square().sum() / counts.sum())
    # A number that is never known has nothing to be regressed on; the unit matrix leaves it 0.
    never = torch.diag_embed((counts == 0).to(x)[:, None].expand(-1, q + 1))
    for _ in range(rounds):
        m, covariance = model._told(torch.where(known, x - model.mean, 0.0), known)
        one = torch.cat([m, torch.ones_like(m[:, :1])], 1)
        second = one[:, :, None] * one[:, None, :]
        second[:, :q, :q] += covariance
        moments = (told.T @ second.flatten(1)).view(-1, q + 1, q + 1)
        solved = torch.linalg.solve(moments + never, (whole.T @ one)[:, :, None])[:, :, 0]
        W, mean = solved[:, :q], solved[:, q]
        left = torch.where(known, x - mean - m @ W.T, 0.0).square().sum()
        spread = (told * torch.einsum("jq,nqr,jr->nj", W, covariance, W)).sum()
        model = LinearGaussian(mean, W, max(float((left + spread) / counts.sum()), least) or 1.0)
    return model
