r"""Finds the sources of a mixture: the linear code whose numbers are as independent, and as far from Gaussian, as they can be.

**Model.** $x = m + A s$ with independent sources $s$ of variance 1, at most one of them Gaussian. The code is $s = U (x - m)$, and the
decoder is the mixing $A$: its columns are what each source adds.

**Objective.** After whitening to `latent` principal axes, $\max \sum_j \big( E\,G(u_j^T x) - E\,G(\nu) \big)^2$ over orthonormal $u_j$,
$\nu \sim N(0, 1)$ (Hyvarinen 1999, the contrast of one unit, summed over several that are decorrelated), an approximation of the
negentropy, with $G$ = log cosh or another `contrast`; by the fixed-point step $u \leftarrow E\,x\,g(u^T x) - E\,g'(u^T x)\,u$ (its form for
white data) for all at once, decorrelated alike: scikit-learn's FastICA.

**Notation.** `U` (z, d), `A` (z, d) a source a row, `m` mean (d,), `far` (z,) the $(E\,\log\cosh s_j - E\,\log\cosh \nu)^2$ of each source.
Sources come in falling order of it, and the largest number of what each adds is positive: the data say neither order nor sign.

**When it fails.** Sources that are Gaussian, or depend on one another, cannot be told apart; few items make sources of single items. Look
at `far`, which is near 0 for what is Gaussian, and at the sources found again from another part of the data.

**Measured.** Four mixed sources (uniform, Laplace, bimodal, exponential) of 5,000 items are found with an Amari index of .009, by
principal axes with .26. On sprites of 16 pixels ten sources have a mutual information gap of .072, ten principal axes .016.

**Reference.** A. Hyvarinen, Fast and robust fixed-point algorithms for independent component analysis, 1999.
"""

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar, Literal, final, get_args

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import FastICA
from torch import Tensor, nn

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Misuse, Paper, Solved, Spec, Spectrum
from allegory.methods.spectral._axes import axes_of, size_of

Contrast = Literal["logcosh", "exp", "cube"]
LEARNED = 1 << 26  # whitened numbers that the rotation is learned from, at most
LEAST = 1e-10  # of the largest variance: along what varies less there is no source
ROUNDS, STILL = 300, 1e-6
GAUSSIAN = 0.3745672  # E log cosh of N(0, 1)


class Mixing(nn.Module):
    """Mean `m` (d,), unmixing `U` (z, d), mixing `A` (z, d), and how `far` (z,) each source is from Gaussian, as buffers."""

    m: Tensor
    U: Tensor
    A: Tensor
    far: Tensor

    def __init__(self, shape: tuple[int, ...], z: int):
        super().__init__()
        d = math.prod(shape)
        self.shape = shape
        self.register_buffer("m", torch.zeros(d))
        self.register_buffer("U", torch.eye(z, d))
        self.register_buffer("A", torch.eye(z, d))
        self.register_buffer("far", torch.zeros(z))


@final
@dataclass(frozen=True)
class ICA(Solved[Mixing]):
    """Independent component analysis by FastICA (Hyvarinen 1999): the linear code that maximises how far its numbers are from Gaussian.

    latent: sources; at most the number of items and of dimensions. contrast: the G that says how far: logcosh for all kinds, exp for
    sources with very heavy tails, cube (kurtosis) for light ones.
    """

    latent: int = 32
    contrast: Contrast = "logcosh"

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Independent component analysis",
        paper=Paper("Hyvarinen", "Fast and robust fixed-point algorithms for independent component analysis", 1999,
                    "https://doi.org/10.1109/72.761722", "the contrast, summed over decorrelated units, and its fixed-point step"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="network",
        modelled=r"x = m + A s,\; s_j \text{ independent}", minimised=r"-\sum_j \left( E\,G(s_j) - E\,G(\nu) \right)^2,\; E\,s s^T = I",
        unit="squared difference of contrasts",
        buys="The sources themselves, where there are some: axes that mean something, not only the space they span.",
        costs="Linear, and blind to how much a source matters: after whitening all directions weigh the same.",
        fails="Gaussian or dependent sources, and few items for many of them; look at how far the sources are from Gaussian.",
        code=CodeKind(size="smaller", disentangled=True), tiny={"latent": 4}, laws=("affine code", "projection"),
        claims=(Claim("mig", "mig", "sprites:size=16,xs=6,ys=6,orientations=8", 0.06, {"latent": 10}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Mixing:
        assert isinstance(spec, Array)
        if self.contrast not in get_args(Contrast):
            raise Misuse(f"contrast: expected one of {', '.join(get_args(Contrast))}, got {self.contrast!r}")
        return Mixing(spec.shape, size_of(self.latent, min(spec.size, n)))

    def prepare(self, net: Mixing, items: Items, dice: Dice) -> None:
        del dice
        found = axes_of(items, len(net.U))
        r = int((found.variances > LEAST * found.variances[0]).sum())  # largest first
        axes, scale = found.axes[:r], found.variances[:r].sqrt()[:, None]
        step = max(1, math.ceil(len(items) * r / LEARNED))
        white = torch.cat([(x.flatten(1)[::step].double() - found.mean) @ (axes / scale).T for x in items.batches()])
        turn = _rotation(white.cpu().numpy(), self.contrast) if r else white.new_zeros(0, 0)
        turn = torch.as_tensor(turn).to(axes)
        far = (_log_cosh(white @ turn.T).mean(0) - GAUSSIAN).square()
        order = far.argsort(descending=True, stable=True)
        U, A = (turn @ (axes / scale))[order], (turn @ (axes * scale))[order]
        sign = torch.where(A.gather(1, A.abs().argmax(1, keepdim=True)) < 0, -1.0, 1.0)
        for buffer, values in ((net.U, sign * U), (net.A, sign * A), (net.far, far[order])):
            buffer.zero_()
            buffer[:r] = values.to(buffer)
        net.m.copy_(found.mean)

    def encode(self, net: Mixing, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return (x.flatten(1) - net.m) @ net.U.T

    def decode(self, net: Mixing, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        return (z @ net.A + net.m).view(len(z), *net.shape)

    def spectrum(self, net: Mixing) -> Spectrum:
        return Spectrum(net.far, "non-Gaussianity")


def _rotation(white: Float[np.ndarray, "n r"], contrast: Contrast) -> Float[np.ndarray, "r r"]:
    """The orthonormal rows onto which whitened data are furthest from Gaussian, from a start that is always the same."""
    r = white.shape[1]
    start = np.linalg.qr(np.random.default_rng(0).standard_normal((r, r)))[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gaussian directions have no best rotation, so that it never comes to rest: `far` says so
        solved = FastICA(r, whiten=False, fun=contrast, w_init=start, max_iter=ROUNDS, tol=STILL).fit(white)
    rows: np.ndarray = solved.components_
    return rows


def _log_cosh(s: Tensor) -> Tensor:
    """Without overflow."""
    return s.abs() + torch.log1p(torch.exp(-2.0 * s.abs())) - math.log(2.0)
