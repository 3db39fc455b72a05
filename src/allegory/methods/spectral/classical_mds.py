r"""Places whose distances are the given ones: multidimensional scaling by one eigenproblem.

**Model.** $z = A^T s(x) + b$ with $s(x)_i = -\frac{1}{2} d(x, x_i)^2$, $A = V \Lambda^{-1/2}$ from
$B = -\frac{1}{2} J D^{(2)} J = V \Lambda V^T$, $J = I - \frac{1}{n} 1 1^T$ (Torgerson 1952, Gower 1966). A new item is placed by its
distances to the others (Gower 1968).

**Objective.** $\min_z \; \sum_{ij} (B_{ij} - z_i \cdot z_j)^2$ (strain).

Of Euclidean distances this is PCA; of others, $B$ may have negative eigenvalues, which no real coordinate can say. Beyond `landmarks` items
they are placed by their distances to some of them (de Silva and Tenenbaum 2004, landmark MDS).

**Notation.** `d` distance, $D^{(2)}$ the squares of all, `A` (m, z) and `b` (z,) an affine map of $s(x)$, `M` landmarks.

**When it fails.** Strain weighs products, so far pairs count most and near ones are crushed. Look at the eigenvalues, the negative too.

**Measured.** Digits, eight numbers: trustworthiness .989 of new items, PCA's to the last digit.

**Reference.** W. S. Torgerson, Multidimensional scaling: I. Theory and method, 1952.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Paper, Solved, Spec, Spectrum
from allegory.measures import kernels, spectra
from allegory.measures.content import landmarks
from allegory.nets import Similarities


@final
@dataclass(frozen=True)
class ClassicalMDS(Solved[Similarities]):
    """Classical multidimensional scaling (Torgerson 1952): minimises the strain, by which inner products of codes miss those of distances.

    latent: size of the code. distance: euclidean or manhattan. landmarks: items that stand for all where there are more. own: a function
    of two arrays (m, d) and (n, d) to distances (m, n) in the place of the distance; such a representation cannot be saved.
    """

    latent: int = 32
    distance: kernels.DistanceName = "euclidean"
    landmarks: int = 2048
    own: Callable[[Tensor, Tensor], Tensor] | None = None

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Classical multidimensional scaling",
        paper=Paper("Torgerson", "Multidimensional scaling: I. Theory and method", 1952, "https://doi.org/10.1007/BF02288916",
                    "double centring of squared distances"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure",
        modelled=r"z = A^T s(x) + b,\; s(x)_i = -\tfrac{1}{2} d(x, x_i)^2",
        minimised=r"\sum_{ij} (B_{ij} - z_i \cdot z_j)^2,\; B = -\tfrac{1}{2} J D^{(2)} J",
        unit="squared inner products",
        buys="A map from distances alone, whatever they are of; exact for new items.",
        costs="Of Euclidean distances it is PCA, at more cost.",
        fails="When near pairs matter: far ones weigh most; look at the eigenvalues, the negative ones too.",
        code=CodeKind(size="smaller"), tiny={"latent": 4}, out_of_sample="exact",
        claims=(Claim("trustworthiness", "trustworthiness", "digits", 0.985, {"latent": 8}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Similarities:
        assert isinstance(spec, Array)
        m = min(self.landmarks, n)
        return Similarities(m, spec.size, min(self.latent, m))

    def prepare(self, net: Similarities, items: Items, dice: Dice) -> None:
        del dice
        x = items.whole().flatten(1).double()
        net.x.copy_(x[landmarks(x, len(net.x))])
        M = net.x.double()
        values, A, b = spectra.principal_map(self._similarity(M, M), len(net.b))
        net.keep(values=values, A=A, b=b)

    @property
    def _similarity(self) -> kernels.Kernel:
        return kernels.MinusHalfSquared(self.own or kernels.DISTANCES[self.distance])

    def encode(self, net: Similarities, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        z: Tensor = net(self._similarity(x.flatten(1), net.x))
        return z

    def spectrum(self, net: Similarities) -> Spectrum:
        return Spectrum(net.values, "eigenvalue")
