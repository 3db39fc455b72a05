r"""Classical scaling of distances along the data: a sheet that is rolled up is laid flat.

**Model.** $z = A^T s(x) + b$, $s(x)_i = -\frac{1}{2} d_G(x, x_i)^2$, with $d_G$ the length of the shortest way along the graph of the
$k$ nearest neighbours; $A$ as in classical scaling. A new item goes by its nearest training items:
$d_G(x, x_i) = \min_j |x - x_j| + d_G(x_j, x_i)$.

**Objective.** $\min_z \; \| \tau(D_G) - \tau(D_Z) \|_F$ with $\tau(D) = -\frac{1}{2} J D^{(2)} J$ (the cost E of the paper's third step).
With all items as neighbours this is classical scaling.

**Many items.** Ways are measured from `landmarks` items to all, and the landmarks' own map places the others (de Silva and Tenenbaum
2004): nothing n x n is held beyond as many items.

**Notation.** `k` neighbours, `ways` the distances $d_G$ (n, m) to the landmarks, `A` and `b` an affine map of $s(x)$.

**When it fails.** One wrong edge, a short cut through the empty space between two folds, spoils all long ways: lower k; in pieces that no
edge joins (they are joined by their shortest links) lengths across mean little. A sheet with a hole, or a sphere, cannot be laid flat.

**Measured.** Swiss roll, 1,500 items: new ones placed with trustworthiness .998 (PCA .85). All 70,000 images of Fashion-MNIST from 1,024
landmarks: 36 s on two cores, 2.8 GB (benchmarks/manifold.py).

**Reference.** J. B. Tenenbaum, V. de Silva and J. C. Langford, A global geometric framework for nonlinear dimensionality reduction, 2000.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Paper, Solved, Spec, Spectrum
from allegory.measures import graphs, spectra
from allegory.measures.content import landmarks, ordered
from allegory.measures.neighbours import nearest_of
from allegory.nets import Similarities


class Ways(Similarities):
    """Beside the map of m landmarks: all n items, `ways` (n, m) from each to the landmarks, and in how many `pieces` their graph was."""

    items: Tensor
    ways: Tensor
    pieces: Tensor

    def __init__(self, n: int, m: int, d: int, z: int):
        super().__init__(m, d, z)
        self.register_buffer("items", torch.zeros(n, d))
        self.register_buffer("ways", torch.zeros(n, m))
        self.register_buffer("pieces", torch.ones((), dtype=torch.int64))


@final
@dataclass(frozen=True)
class Isomap(Solved[Ways]):
    """Isomap (Tenenbaum, de Silva and Langford 2000): minimises the strain of distances along the graph of neighbours.

    latent: size of the code. k: neighbours. landmarks: items from which ways are measured, where there are more.
    """

    latent: int = 2
    k: int = 10
    landmarks: int = 1024

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Isomap",
        paper=Paper("Tenenbaum, de Silva and Langford", "A global geometric framework for nonlinear dimensionality reduction", 2000,
                    "https://doi.org/10.1126/science.290.5500.2319", "the cost E in the third step"),
        density="not modelled", manifold="stays on the data manifold", principle="compression", approach="built-in structure",
        modelled=r"z = A^T s(x) + b,\; s(x)_i = -\tfrac{1}{2} d_G(x, x_i)^2",
        minimised=r"\|\tau(D_G) - \tau(D_Z)\|_F", unit="squared inner products",
        buys="Distances along the data, far ones too: a map on which lengths can be read.",
        costs="Ways from every landmark along the whole graph; all items are kept.",
        fails="One edge across a gap spoils all long ways; lower k, and look at the residual of distances.",
        code=CodeKind(size="smaller"), tiny={"latent": 2}, out_of_sample="nystroem",
        claims=(Claim("trustworthiness", "trustworthiness", "manifold:name=swiss_roll,n=1500", 0.99, {"latent": 2}, seeds=1),),
    )  # fmt: skip

    def alarms(self, net: Ways) -> dict[str, str]:
        return graphs.alarms(int(net.pieces))

    def build(self, spec: Spec, n: int) -> Ways:
        assert isinstance(spec, Array)
        m = min(self.landmarks, n)
        return Ways(n, m, spec.size, min(self.latent, m))

    def prepare(self, net: Ways, items: Items, dice: Dice) -> None:
        del dice
        net.items.copy_(ordered(items.whole().flatten(1)))
        graph, pieces = graphs.joined(graphs.either(graphs.nearest_graph(net.items, self.k)), net.items)
        marks = landmarks(net.items, len(net.x))
        ways = torch.as_tensor(graphs.geodesics(graph, marks.numpy())).T
        values, A, b = spectra.principal_map(-0.5 * ways[marks].square(), len(net.b))
        net.keep(x=net.items[marks], ways=ways, pieces=pieces, values=values, A=A, b=b)

    def encode(self, net: Ways, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        distances, index = nearest_of(x.flatten(1), net.items, min(self.k, len(net.items)))
        ways = torch.stack([d[:, None] + net.ways[i] for d, i in zip(distances.to(x.dtype).T, index.T, strict=True)]).amin(0)
        z: Tensor = net(-0.5 * ways.square())
        return z

    def spectrum(self, net: Ways) -> Spectrum:
        return Spectrum(net.values, "eigenvalue")
