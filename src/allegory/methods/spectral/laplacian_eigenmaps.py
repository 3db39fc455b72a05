r"""The slowest modes of a walk between neighbours: near items stay near.

**Model.** The training items' codes are solved for; a new item's is
$z_l(x) = \frac{1}{1 - \lambda_l} \sum_j w(x, x_j) z_{jl} / \sum_j w(x, x_j)$ over its $k$ nearest, the equation that the training codes
solve themselves (Bengio et al. 2004, Nystroem).

**Objective.** $\min_z \; \sum_{ij} W_{ij} |z_i - z_j|^2$ s.t. $Z^T D Z = I$ and $Z^T D 1 = 0$ (the optimal embedding of the paper), the
smallest solutions of $L z = \lambda D z$, $L = D - W$, without the constant one.

**Notation.** `W` symmetric weights of the k-nearest-neighbour graph: $\exp(-|x_i - x_j|^2 / t)$ for heat `t`, 1 for `t` None; `D` its row
sums. Codes are scaled so that $\sum_i D_{ii} z_{il}^2 = \sum_i D_{ii}$.

**When it fails.** On a long strip the first modes are all waves along it, and the second direction comes late; pieces of the graph that
hang together by few edges take a mode each. Look at the eigenvalues: many near 0 are pieces.

**Measured.** Digits, two numbers: new items placed with trustworthiness .90 (PCA .84). Ten modes of the graph of all 70,000 images of
Fashion-MNIST: 1.5 s after its neighbours are found; 1,000,000 points with theirs: 252 s of S2 x S2 (2.2 GB), 100 s of a Swiss roll, by
the factors of its Laplacian (3.9 GB; benchmarks/manifold.py).

**Reference.** M. Belkin and P. Niyogi, Laplacian eigenmaps for dimensionality reduction and data representation, 2003.
"""

from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Paper, Solved, Spec, Spectrum
from allegory.measures import graphs, spectra
from allegory.measures.content import ordered
from allegory.nets import Anchors


@final
@dataclass(frozen=True)
class LaplacianEigenmaps(Solved[Anchors]):
    """Laplacian eigenmaps (Belkin and Niyogi 2003): minimises the squared differences of neighbours' codes at fixed variance.

    latent: size of the code. k: neighbours. t: heat of the weights exp(-|x - y|^2 / t), in squared distances; None weighs all edges 1.
    """

    latent: int = 10
    k: int = 15
    t: float | None = None

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Laplacian eigenmaps",
        paper=Paper("Belkin and Niyogi", "Laplacian eigenmaps for dimensionality reduction and data representation", 2003,
                    "https://doi.org/10.1162/089976603321780317", "the optimal embedding, which justifies the algorithm"),
        density="not modelled", manifold="stays on the data manifold", principle="compression", approach="built-in structure",
        modelled=r"L z = \lambda D z,\; L = D - W", minimised=r"\sum_{ij} W_{ij} |z_i - z_j|^2 \;\text{ s.t. } Z^T D Z = I,\; Z^T D 1 = 0",
        unit="weighted squared differences",
        buys="Neighbourhoods kept, clusters apart, by one sparse eigenproblem of any size.",
        costs="Distances beyond neighbours are lost; all items are kept for new ones.",
        fails="Long strips: the first modes are waves of one direction; weakly joined pieces take a mode each. Look at the eigenvalues.",
        code=CodeKind(size="smaller"), tiny={"latent": 4, "k": 10}, out_of_sample="nystroem",
        claims=(Claim("trustworthiness", "trustworthiness", "digits", 0.895, {"latent": 2}, seeds=1),),
    )  # fmt: skip

    def alarms(self, net: Anchors) -> dict[str, str]:
        return graphs.alarms(int(net.pieces))

    def build(self, spec: Spec, n: int) -> Anchors:
        assert isinstance(spec, Array)
        return Anchors(n, spec.shape, max(1, min(self.latent, n - 1)))

    def prepare(self, net: Anchors, items: Items, dice: Dice) -> None:
        del dice
        net.x.copy_(ordered(items.whole().flatten(1)))
        graph, pieces = graphs.joined(graphs.either(graphs.nearest_graph(net.x, self.k)), net.x)
        values, z = spectra.markov_modes(graphs.weighted(graph, self.t), net.z.shape[1])
        net.keep(z=z, values=values, pieces=pieces)

    def encode(self, net: Anchors, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        x = x.flatten(1)
        distances, index = net.near(x, self.k)
        return net.unless_known(net.continued(graphs.shares(distances, self.t), index), x, index[:, 0])

    def spectrum(self, net: Anchors) -> Spectrum:
        return Spectrum(net.values, "eigenvalue of the walk")
