r"""Places whose distances are the given ones as nearly as can be: multidimensional scaling by descent.

**Model.** Places $z_i$ of the items (of `landmarks` of them, where there are more). A new item is placed by its distances $d_j$ to these,
$z \leftarrow \frac{1}{m} \sum_j (z_j + d_j (z - z_j) / |z - z_j|)$ from the mean of its nearest until it stays, with all others at rest.

**Objective.** $\min_z \; \sum_{i < j} (d_{ij} - |z_i - z_j|)^2$ (raw stress, Kruskal 1964), by the majorisation of de Leeuw (1977):
each step minimises a parabola that lies above the stress and touches it, so that it never rises (the SMACOF algorithm).

Unlike classical scaling it is about distances and not about inner products. It begins there, and so needs no seed.

**Notation.** `d` given distances, `z` places.

**When it fails.** A local minimum: the start decides. All pairs count alike, so that the far ones, which are many, shape the map. Look
at the stress.

**Measured.** Digits, two numbers: new items placed with trustworthiness .90 (PCA .84).

**Reference.** J. B. Kruskal, Multidimensional scaling by optimizing goodness of fit to a nonmetric hypothesis, 1964; J. de Leeuw,
Applications of convex analysis to multidimensional scaling, 1977.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from sklearn.manifold import smacof
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Paper, Solved, Spec
from allegory.measures import kernels, spectra
from allegory.measures.content import landmarks
from allegory.nets import Anchors

PLACING = 100  # steps for a new item
FIRST = 5  # nearest items, at the mean of which a new one begins


@final
@dataclass(frozen=True)
class MetricMDS(Solved[Anchors]):
    """Metric multidimensional scaling (Kruskal 1964): minimises the stress, the squared errors of all distances.

    latent: size of the code. distance: euclidean or manhattan. landmarks: items that stand for all where there are more. steps: of the
    majorisation, at most. eps: it ends when a step lowers the stress by less than this share.
    """

    latent: int = 2
    distance: kernels.DistanceName = "euclidean"
    landmarks: int = 1024
    steps: int = 300
    eps: float = 1e-6

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Metric multidimensional scaling",
        paper=Paper("Kruskal", "Multidimensional scaling by optimizing goodness of fit to a nonmetric hypothesis", 1964,
                    "https://doi.org/10.1007/BF02289565", "raw stress"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure",
        modelled=r"|z_i - z_j| \approx d_{ij}", minimised=r"\sum_{i<j} (d_{ij} - |z_i - z_j|)^2", unit="squared distance",
        buys="Distances as they are, near and far, in as few numbers as one wants.",
        costs="Every pair of landmarks at every step; a local minimum.",
        fails="When there is no room for the distances: many items at like distances become a disc. Look at the stress.",
        code=CodeKind(size="smaller"), tiny={"latent": 2}, out_of_sample="optimised",
        claims=(Claim("trustworthiness", "trustworthiness", "digits", 0.89, {"latent": 2}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Anchors:
        assert isinstance(spec, Array)
        m = min(self.landmarks, n)
        return Anchors(m, spec.shape, min(self.latent, m))

    def prepare(self, net: Anchors, items: Items, dice: Dice) -> None:
        del dice
        x = items.whole().flatten(1).double()
        net.x.copy_(x[landmarks(x, len(net.x))])
        M, distance = net.x.double(), kernels.DISTANCES[self.distance]
        values, A, b = spectra.principal_map(kernels.MinusHalfSquared(distance)(M, M), net.z.shape[1])
        D = distance(M, M).fill_diagonal_(0.0)
        begin = -0.5 * D.square() @ A + b
        net.keep(z=self._laid(D, begin) if float(D.max()) > 0.0 else begin, values=values)

    def _laid(self, D: Float[Tensor, "m m"], begin: Float[Tensor, "m z"]) -> Tensor:
        """Places whose distances are nearest to D."""
        said = {"n_init": 1, "max_iter": self.steps, "eps": self.eps, "normalized_stress": False}
        z, _ = smacof(D.numpy(), n_components=begin.shape[1], init=begin.numpy(), **said)
        return torch.as_tensor(z)

    def encode(self, net: Anchors, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        x = x.flatten(1)
        d = kernels.DISTANCES[self.distance](x, net.x)
        index = d.topk(min(FIRST, len(net.x)), largest=False).indices
        z = net.z[index].mean(1)
        for _ in range(PLACING):
            apart = z[:, None] - net.z
            z = (net.z + apart * (d / apart.norm(dim=2).clamp_min(1e-12))[..., None]).mean(1)
        return net.unless_known(z, x, index[:, 0])
