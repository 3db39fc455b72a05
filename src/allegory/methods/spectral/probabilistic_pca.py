r"""PCA as a model of the data: a Gaussian that varies freely along few directions and equally in all others.

**Model.** $x = W z + m + \epsilon$ with $z \sim N(0, I)$ and $\epsilon \sim N(0, \sigma^2 I)$, so $x \sim N(m, C)$ with
$C = W W^T + \sigma^2 I$ (Tipping and Bishop 1999, the probability model). The code is the mean of the posterior
$p(z|x) = N(M^{-1} W^T (x - m), \sigma^2 M^{-1})$, $M = W^T W + \sigma^2 I$.

**Objective.** $\max \frac1n \sum_i \log p(x_i) = -\frac12 (d \log 2\pi + \log |C| + \operatorname{tr} C^{-1} S)$, $S$ the covariance of the
data. The maximum is known: $W = U (\Lambda - \sigma^2 I)^{1/2}$ with the leading eigenvectors $U$ and values $\Lambda$ of $S$, and
$\sigma^2$ the mean of the other $d - z$ values (the paper's maximum likelihood estimators).

**Notation.** `m` (d,), `W` (z, d) the eigenvectors as rows, `variances` (z,) their $\lambda$, `noise` $\sigma^2$. Variances are means over
n, as the likelihood has them, not over n - 1.

**Beside PCA.** The same directions, for another end: this one says how likely an item is (`log_density`, exact), draws new ones with their
noise (`sample`), fills in what is missing (`complete`, the mean given the rest), and shrinks its code the more, the less a direction stands
out of the noise. So it is a method of its own: codes and decoder differ, and PCA stays what has no noise.

**When it fails.** One Gaussian for all: clusters and curves are one ellipse to it, and noise is taken to be alike in every direction.
Look at samples, and at the log density of items beside that of other methods.

**Measured.** On patches of photographs -612 nats an item, where each pixel on its own has -803, and .966 of what differs in hidden pixels,
where the nearest neighbours say .940. On digits it is the wrong model: -144 nats for -108, .61 for .73, since most of their pixels are
black or white.

**Reference.** M. E. Tipping and C. M. Bishop, Probabilistic principal component analysis, 1999.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from allegory.core import Array, Card, Claim, Code, CodeKind, Density, Dice, Items, Paper, Solved, Spec, Spectrum
from allegory.measures.densities import LEAST, along_axes
from allegory.measures.imputation import LinearGaussian
from allegory.methods.spectral._axes import Axes, size_of


class NoisyAxes(Axes):
    """Principal axes, and the variance `noise` of every other direction."""

    noise: Tensor

    def __init__(self, shape: tuple[int, ...], z: int):
        super().__init__(shape, z)
        self.register_buffer("noise", torch.ones(()))

    @property
    def W_scaled(self) -> Float[Tensor, "z d"]:
        """The paper's W, transposed: what a unit of each latent adds to an observation."""
        return (self.variances - self.noise).clamp_min(0.0).sqrt()[:, None] * self.W


@final
@dataclass(frozen=True)
class ProbabilisticPCA(Solved[NoisyAxes]):
    """Probabilistic PCA (Tipping and Bishop 1999): the Gaussian with few directions that maximises the log likelihood, in nats.

    latent: directions; at most one less than items and dimensions.
    """

    latent: int = 32

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Probabilistic PCA",
        paper=Paper("Tipping and Bishop", "Probabilistic principal component analysis", 1999,
                    "https://doi.org/10.1111/1467-9868.00196", "the log likelihood, its maximum, and the posterior of latents"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="network",
        modelled=r"x = W z + m + \epsilon,\; z \sim N(0, I),\; \epsilon \sim N(0, \sigma^2 I)",
        minimised=r"-\log N(x;\, m,\, W W^T + \sigma^2 I)", unit="nats per example",
        buys="An exact density, draws, and the best guess of what is missing, all in closed form.",
        costs="One Gaussian: no clusters, no curves, and the same noise in every direction.",
        fails="Data that are no ellipse; look at samples, and at the log density beside other methods.",
        code=CodeKind(size="smaller", stochastic=True), tiny={"latent": 4}, laws=("affine code",),
        claims=(
            Claim("likelihood", "log_likelihood", "patches", -616.0, {}, seeds=1),
            Claim("imputation", "share_of_variance", "patches", 0.96, {}, seeds=1),
        ),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> NoisyAxes:
        assert isinstance(spec, Array)
        return NoisyAxes(spec.shape, size_of(self.latent, min(spec.size, n) - 1))

    def prepare(self, net: NoisyAxes, items: Items, dice: Dice) -> None:
        del dice
        found = net.learn(items)
        d = net.m.numel()
        rest = (found.total - found.variances.sum()) / max(1, d - len(net.W))
        least = LEAST * found.total / d  # without it, data that fill no more directions than there are latents have an infinite density
        net.noise.copy_(torch.where(found.total > 0, rest.maximum(least).clamp_min(torch.finfo(net.noise.dtype).tiny), 1.0))
        net.variances.clamp_min_(net.noise)

    def encode(self, net: NoisyAxes, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """The mean of p(z|x)."""
        return net.along(x) * (net.variances - net.noise).clamp_min(0.0).sqrt() / net.variances

    def codes(self, net: NoisyAxes, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """mean and log_variance of the posterior, and its divergence kl (nats) from the prior, each (b, z)."""
        mean, variance = self.encode(net, x), net.noise / net.variances
        log_variance = variance.log().expand_as(mean)
        every = {"mean": mean, "log_variance": log_variance, "kl": 0.5 * (mean.square() + variance - 1.0 - log_variance)}
        return {name: Code(every[name]) for name in names or tuple(every)}

    def decode(self, net: NoisyAxes, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        """The mean of p(x|z)."""
        return (z @ net.W_scaled + net.m).view(len(z), *net.shape)

    def log_density(self, net: NoisyAxes, x: Float[Tensor, "b *d"], dice: Dice, k: int = 1) -> Density:
        del dice, k
        return Density(along_axes(x.flatten(1) - net.m, net.W, net.variances, net.noise), "exact")

    def sample(self, net: NoisyAxes, n: int, dice: Dice) -> Float[Tensor, "n *d"]:
        """Draws of p(x), noise and all."""
        rows = dice.rows(n)
        z, noise = (rows.normal(name, size).to(net.m) for name, size in (("latent", len(net.W)), ("noise", net.m.numel())))
        return self.decode(net, z) + (net.noise.sqrt() * noise).view(n, *net.shape)

    def complete(self, net: NoisyAxes, x: Float[Tensor, "b *d"], known: Bool[Tensor, "b *d"], dice: Dice) -> Float[Tensor, "b *d"]:
        """The mean of what is missing, given the rest."""
        del dice
        model = LinearGaussian(net.m, net.W_scaled.T, float(net.noise))
        return model.guess(x.flatten(1), known.flatten(1)).view(x.shape)

    def spectrum(self, net: NoisyAxes) -> Spectrum:
        return Spectrum(net.variances, "variance", net.total)
