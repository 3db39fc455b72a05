r"""An autoencoder whose code is the number of one of k codewords: whatever the encoder says, the decoder can only answer with a codeword.

**Model.** $z = e_{c(x)}$ with $c(x) = \arg\min_j |x - m_j|^2$, a one-hot code; $\hat x = M z = m_{c(x)}$, a linear decoder whose columns
are the codewords.

**Objective.** $\min_{M, c} \; E |x - M z|^2$ (MacQueen 1967: the variance within the classes). Lloyd's two steps are its
alternating descent: the best encoder for a decoder takes the nearest codeword, and the best decoder for an encoder answers with the
mean of what it was told. Neither step can raise the error, and it ends in a local minimum.

**Notation.** `k` codewords, `M` (k, d), a row each. The code `distances` has $|x - m_j|^2$ for all of them.

**When it fails.** Its cells are convex and of like size, whatever the shape of the clusters; a code of $\log k$ nats says little of a
picture. Look at the codewords, and at the error beside PCA's.

**Measured.** Ten codewords, 3.3 bits an item, say .46 of the variance of digits; PCA's ten real numbers say .74.

**Reference.** J. MacQueen, Some Methods for Classification and Analysis of Multivariate Observations, 1967; S. P. Lloyd, Least squares
quantization in PCM, 1982.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory.core import Array, Card, Claim, Code, CodeKind, Dice, Items, Paper, Solved, Spec
from allegory.measures import clustering


class Codebook(nn.Module):
    """The codewords, as a buffer (k, d)."""

    M: Tensor

    def __init__(self, shape: tuple[int, ...], k: int):
        super().__init__()
        self.shape = shape
        self.register_buffer("M", torch.zeros(k, int(np.prod(shape))))

    def distances(self, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b k"]:
        """|x - m_j|^2, from differences to the mean codeword, so that squares keep their digits."""
        mean = self.M.mean(0)
        x, M = x.flatten(1) - mean, self.M - mean
        return (x.square().sum(1, keepdim=True) + M.square().sum(1) - 2.0 * x @ M.T).clamp_min(0.0)


@final
@dataclass(frozen=True)
class KMeans(Solved[Codebook]):
    """k-means (MacQueen 1967) as an autoencoder with a one-hot code: minimises the squared error of the nearest of k codewords.

    k: codewords; at most the number of items. starts: of so many beginnings by k-means++ on a sample the best goes on with all items.
    """

    k: int = 10
    starts: int = 10

    card: ClassVar[Card] = Card(
        family="spectral",
        title="k-means as an autoencoder",
        paper=Paper("MacQueen", "Some Methods for Classification and Analysis of Multivariate Observations", 1967,
                    "https://projecteuclid.org/euclid.bsmsp/1200512992", "the variance within the classes"),
        density="not modelled", manifold="other space", principle="clustering", approach="built-in structure", decoder="network",
        modelled=r"\hat x = M z,\; z = e_{\arg\min_j |x - m_j|^2}", minimised=r"E\,|x - M z|^2 \;\text{ over } M \text{ and one-hot } z",
        unit="squared error",
        buys="A code that is one number out of k, and codewords that can be looked at.",
        costs="log k nats an item say little of it; a local minimum, which depends on the beginning.",
        fails="Clusters that are long, nested or of unlike size; look at the codewords, and at the error for other seeds.",
        code=CodeKind(size="smaller", values="discrete"), tiny={"k": 4, "starts": 2},
        claims=(Claim("reconstruction", "share_of_variance", "digits", 0.43, {"k": 10}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Codebook:
        assert isinstance(spec, Array)
        return Codebook(spec.shape, max(1, min(self.k, n)))

    def prepare(self, net: Codebook, items: Items, dice: Dice) -> None:
        x = torch.cat([batch.flatten(1) for batch in items.batches()]).cpu()
        begun = clustering.kmeans(x, len(net.M), np.random.default_rng(dice.root), self.starts)
        net.M.copy_(clustering.settled(x, begun))

    def encode(self, net: Codebook, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b k"]:
        """One-hot: 1 at the nearest codeword; of equally near ones, at the first."""
        return F.one_hot(net.distances(x).argmin(1), len(net.M)).to(net.M.dtype)

    def codes(self, net: Codebook, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """cluster (b,), the number of the nearest codeword; distances (b, k), squared, to all."""
        distances = net.distances(x)
        every = {"cluster": Code(distances.argmin(1), kind="index"), "distances": Code(distances)}
        return {name: every[name] for name in names or tuple(every)}

    def decode(self, net: Codebook, z: Float[Tensor, "b k"]) -> Float[Tensor, "b *d"]:
        return (z @ net.M).view(len(z), *net.shape)
