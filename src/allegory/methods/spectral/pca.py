r"""Principal components: the linear code of given size from which the data can be said again with the least squared error.

**Model.** $z = W (x - m)$ with $W$ the leading eigenvectors of the covariance, $\hat x = m + W^T z$.

**Objective.** $\min_{W W^T = I} \; E |x - m - W^T W (x - m)|^2$ (Pearson 1901; the variance form is Hotelling 1933, eq. 10).

**Notation.** `m` mean (d,), `W` components (z, d), orthonormal rows, the largest entry of each positive.

**When it fails.** When what matters varies little, or the data lie on a curved manifold: look at the spectrum, and at the
reconstructions.

**Reference.** K. Pearson, On lines and planes of closest fit to systems of points in space, 1901.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Paper, Solved, Spec

EXACT = 4096


class LinearMap(nn.Module):
    """What PCA learns, as buffers: mean (d,), components (z, d), variances (z,)."""

    m: Tensor
    W: Tensor
    variances: Tensor

    def __init__(self, shape: tuple[int, ...], z: int):
        super().__init__()
        d = int(np.prod(shape))
        self.shape = shape
        self.register_buffer("m", torch.zeros(d))
        self.register_buffer("W", torch.eye(z, d))
        self.register_buffer("variances", torch.ones(z))


@final
@dataclass(frozen=True)
class PCA(Solved[LinearMap]):
    """Principal component analysis (Pearson 1901): the linear code with the least squared reconstruction error.

    latent: size of the code; at most the number of items and of dimensions.
    """

    latent: int = 32

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Principal component analysis",
        paper=Paper("Pearson", "On lines and planes of closest fit to systems of points in space", 1901,
                    "https://doi.org/10.1080/14786440109462720", "sec. 3"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="network",
        modelled=r"\hat x = m + W^T W (x - m)", minimised=r"E\,|x - \hat x|^2 \;\text{ s.t. } W W^T = I", unit="squared error",
        buys="Exact, fast, no setting but the size; every component can be looked at.",
        costs="Linear: it cannot follow a curved manifold, and it spends its code on whatever varies most.",
        fails="When the interesting factor has little variance; look at the spectrum and at the reconstructions.",
        code=CodeKind(size="smaller"), tiny={"latent": 4}, laws=("affine code", "projection"),
        claims=(Claim("reconstruction", "share_of_variance", "digits", 0.963, {"latent": 32}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> LinearMap:
        assert isinstance(spec, Array)
        return LinearMap(spec.shape, min(self.latent, spec.size, n))

    def prepare(self, net: LinearMap, items: Items, dice: Dice) -> None:
        del dice
        d, n = net.m.numel(), len(items)
        m = torch.zeros(d, dtype=torch.float64, device=net.m.device)
        for x in items.batches():
            m += x.flatten(1).double().sum(0) / n
        solve = _by_covariance if d <= EXACT else _by_gram if n <= EXACT else _by_sketch
        W, variances = solve((x.flatten(1).double() - m for x in items.batches()), d, n, len(net.W))
        sign = torch.sign(W.gather(1, W.abs().argmax(1, keepdim=True)))
        net.m.copy_(m)
        net.W.copy_(W * torch.where(sign == 0, 1.0, sign))
        net.variances.copy_(variances)

    def encode(self, net: LinearMap, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return (x.flatten(1) - net.m) @ net.W.T

    def decode(self, net: LinearMap, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        return (z @ net.W + net.m).view(len(z), *net.shape)


Solution = tuple[Float[Tensor, "z d"], Float[Tensor, " z"]]


def _by_covariance(batches: Iterator[Tensor], d: int, n: int, z: int) -> Solution:
    """Eigenvectors of the covariance (d, d), accumulated in float64."""
    covariance: Any = 0.0
    for x in batches:
        covariance = covariance + x.T @ x / n
    del d
    values, vectors = torch.linalg.eigh(covariance)
    return vectors.flip(1)[:, :z].T, values.flip(0)[:z]


def _by_gram(batches: Iterator[Tensor], d: int, n: int, z: int) -> Solution:
    """For more dimensions than items: the right singular vectors of the centred data."""
    del d
    _, s, vt = torch.linalg.svd(torch.cat(list(batches)), full_matrices=False)
    return vt[:z], (s[:z] ** 2) / n


def _by_sketch(batches: Iterator[Tensor], d: int, n: int, z: int) -> Solution:
    """For many of both: a randomised singular value decomposition (Halko et al. 2011) with a fixed seed."""
    from sklearn.utils.extmath import randomized_svd

    del d
    x = torch.cat([b.float() for b in batches])
    _, s, vt = randomized_svd(x.cpu().numpy(), z, n_iter=7, random_state=0)
    return torch.as_tensor(vt).double().to(x.device), torch.as_tensor(s).double().to(x.device) ** 2 / n
