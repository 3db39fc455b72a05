r"""How far a random walk tells two items apart: coordinates in which Euclidean distance is diffusion distance.

**Model.** $z_l(x) = \lambda_l^t \, \psi_l(x)$ with $P \psi_l = \lambda_l \psi_l$ (the diffusion map of the paper); for a new item
$\psi_l(x) = \frac{1}{\lambda_l} \sum_j p(x, x_j) \psi_l(x_j)$ (Nystroem).

**Objective.** $|z(x) - z(y)|^2 = D_t(x, y)^2 = \sum_u (p_t(x, u) - p_t(y, u))^2 / \pi(u)$ (what the paper makes the map for), as far as
`latent` coordinates go: the closest by any so many.

**Notation.** $k(x, y) = \exp(-|x - y|^2 / \epsilon)$ on the graph of the `k` nearest neighbours and from an item to itself;
$q(x) = \sum_y k(x, y)$; $k^{(\alpha)}(x, y) = k(x, y) / (q(x) q(y))^\alpha$ (the paper's family of anisotropic diffusions): `alpha` 1 takes
out how densely the items lie, 0 leaves it in, 1/2 is Fokker-Planck's; $p(x, y) = k^{(\alpha)}(x, y) / \sum_u k^{(\alpha)}(x, u)$; $\pi$ its
stationary distribution.

**When it fails.** With a scale below the gaps of the data each item is alone; look at the eigenvalues, which should fall. A new item far
from all has the code of the nearest.

**Measured.** Digits, two numbers: new items placed with trustworthiness .91 (PCA .84).

**Reference.** R. R. Coifman and S. Lafon, Diffusion maps, 2006.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Misuse, Paper, Solved, Spec, Spectrum
from allegory.measures import graphs, spectra
from allegory.measures.content import ordered
from allegory.nets import Anchors


class Walk(Anchors):
    """Beside items and codes: q (n,), how densely items lie around each, and the kernel's `epsilon`."""

    q: Tensor
    epsilon: Tensor

    def __init__(self, n: int, shape: tuple[int, ...], z: int):
        super().__init__(n, shape, z)
        self.register_buffer("q", torch.ones(n))
        self.register_buffer("epsilon", torch.ones(()))


@final
@dataclass(frozen=True)
class DiffusionMaps(Solved[Walk]):
    """Diffusion maps (Coifman and Lafon 2006): the code whose squared distances miss those of diffusion least, eigenvectors of a walk.

    latent: size of the code. k: neighbours. epsilon: scale of the kernel, in squared distances; None is the median of the squared
    distances to the k-th neighbour. alpha: how much of the density is taken out, 0 to 1. t: steps of the walk.
    """

    latent: int = 10
    k: int = 30
    epsilon: float | None = None
    alpha: float = 1.0
    t: float = 1.0

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Diffusion maps",
        paper=Paper("Coifman and Lafon", "Diffusion maps", 2006, "https://doi.org/10.1016/j.acha.2006.04.006",
                    "the diffusion map, and the distances in its space"),
        density="not modelled", manifold="stays on the data manifold", principle="compression", approach="built-in structure",
        modelled=r"z_l(x) = \lambda_l^t \psi_l(x),\; P \psi_l = \lambda_l \psi_l",
        minimised=r"E\,(D_t(x, y)^2 - |z(x) - z(y)|^2),\; D_t(x, y)^2 = \sum_u (p_t(x, u) - p_t(y, u))^2 / \pi(u)",
        unit="squared diffusion distance",
        buys="Distances that count all short ways, not the shortest: one wrong edge does little; density can be taken out.",
        costs="Scales epsilon and t to choose; all items are kept for new ones.",
        fails="When epsilon is below the gaps of the data; look at the eigenvalues, which should fall.",
        code=CodeKind(size="smaller"), tiny={"latent": 4, "k": 10}, out_of_sample="nystroem",
        claims=(Claim("trustworthiness", "trustworthiness", "digits", 0.9, {"latent": 2}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Walk:
        assert isinstance(spec, Array)
        if not 0.0 <= self.alpha <= 1.0 or self.t < 0.0:
            raise Misuse(f"expected alpha from 0 to 1 and t from 0 on; got alpha {self.alpha:g} and t {self.t:g}")
        return Walk(n, spec.shape, max(1, min(self.latent, n - 1)))

    def prepare(self, net: Walk, items: Items, dice: Dice) -> None:
        del dice
        net.x.copy_(ordered(items.whole().flatten(1)))
        graph, pieces = graphs.joined(graphs.either(graphs.nearest_graph(net.x, self.k)), net.x)
        epsilon = graphs.checked(self.epsilon) if self.epsilon is not None else graphs.reach(graph)
        kernel = graphs.with_itself(graphs.weighted(graph, epsilon))
        q = np.asarray(kernel.sum(1)).ravel()
        values, psi = spectra.markov_modes(graphs.scaled(kernel, q**-self.alpha), net.z.shape[1])
        net.keep(z=psi, values=values, pieces=pieces, q=q, epsilon=epsilon)

    def encode(self, net: Walk, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        x = x.flatten(1)
        distances, index = net.near(x, self.k)
        log_p = -distances.square() / net.epsilon - self.alpha * net.q[index].log()  # q(x) is the same for all of a row
        psi = net.unless_known(net.continued(log_p.softmax(1), index), x, index[:, 0])
        return psi * net.values.clamp_min(0.0) ** self.t

    def spectrum(self, net: Walk) -> Spectrum:
        return Spectrum(net.values, "eigenvalue of the walk")

    def alarms(self, net: Walk) -> dict[str, str]:
        return graphs.alarms(int(net.pieces))
