r"""What says an item by its neighbours says its code by theirs.

**Model.** Every item is a mean of its `k` nearest, $x_i \approx \sum_j w_{ij} x_j$, $\sum_j w_{ij} = 1$; the training items' codes are
solved for, and a new item's is $z(x) = \sum_j w_j(x) z_j$ with its own weights (barycentric).

**Objective.** Weights: $\min_w \; |x_i - \sum_j w_{ij} x_j|^2$ (eq. 1 of the paper). Codes:
$\min_z \; \sum_i |z_i - \sum_j w_{ij} z_j|^2$ (eq. 2) $= tr(Z^T M Z)$ s.t. $\sum_i z_i = 0$ and $\frac{1}{n} Z^T Z = I$: the eigenvectors
of the smallest eigenvalues of $M = (I - W)^T (I - W)$ without the constant one.

**Three forms of M.** `standard`; `modified` uses several weights an item, which mends the distortion of one (Zhang and Wang 2006);
`hessian` takes squared second derivatives in the tangent planes (Donoho and Grimes 2003), whose null space is the plane coordinates of
any sheet that can be laid flat, holes or not.

**Notation.** `k` neighbours, `w` weights, `M` (n, n) sparse, `z` codes (n, latent), of variance 1.

**When it fails.** More neighbours than dimensions leave the weights open (`reg` chooses); unevenly sampled sheets are pulled to corners
by `standard`. Look at the eigenvalues: crowded at 0, codes are mixtures.

**Measured.** Swiss roll, 1,500 items, modified: new ones placed with trustworthiness .97 (PCA .85). 40,000 images of Fashion-MNIST,
`standard`: 70 s and 1.9 GB on one core, of which 55 s for the factors and eigenvectors, which grow as n^2.6 there; factors of 50,000 items
of a sheet take one.

**Reference.** S. T. Roweis and L. K. Saul, Nonlinear dimensionality reduction by locally linear embedding, 2000.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Paper, Solved, Spec, Spectrum
from allegory.measures import alignments, graphs, spectra
from allegory.measures.content import ordered
from allegory.measures.neighbours import nearest
from allegory.nets import Anchors


@final
@dataclass(frozen=True)
class LLE(Solved[Anchors]):
    """Locally linear embedding (Roweis and Saul 2000): minimises the squared error of each code said by its neighbours' codes.

    latent: size of the code. k: neighbours. form: of the quadratic form: standard, modified or hessian. reg: added to the diagonal of
    the neighbours' Gram matrix, as a share of its trace.
    """

    latent: int = 2
    k: int = 12
    form: Literal["standard", "modified", "hessian"] = "standard"
    reg: float = 1e-3

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Locally linear embedding",
        paper=Paper("Roweis and Saul", "Nonlinear dimensionality reduction by locally linear embedding", 2000,
                    "https://doi.org/10.1126/science.290.5500.2323", "1 and 2"),
        density="not modelled", manifold="stays on the data manifold", principle="compression", approach="built-in structure",
        modelled=r"x_i \approx \sum_j w_{ij} x_j,\; z(x) = \sum_j w_j(x) z_j",
        minimised=r"\sum_i |z_i - \sum_j w_{ij} z_j|^2 \;\text{ s.t. } \tfrac{1}{n} Z^T Z = I,\; \sum_i z_i = 0", unit="squared error",
        buys="No distances but the nearest, one sparse eigenproblem, no local minima.",
        costs="Scales are lost; the smallest eigenvalues crowd at 0, and are hard to tell apart with many items.",
        fails="Uneven sampling, and more neighbours than dimensions; try form=modified, and look at the eigenvalues.",
        code=CodeKind(size="smaller"), tiny={"latent": 2, "k": 10}, out_of_sample="barycentric",
        claims=(Claim("trustworthiness", "trustworthiness", "manifold:name=swiss_roll,n=1500", 0.95,
                      {"latent": 2, "form": "modified"}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Anchors:
        assert isinstance(spec, Array)
        return Anchors(n, spec.shape, max(1, min(self.latent, n - 1)))

    def prepare(self, net: Anchors, items: Items, dice: Dice) -> None:
        del dice
        net.x.copy_(ordered(items.whole().flatten(1)))
        n, z = net.z.shape
        near = nearest(net.x, min(self.k, n - 1))[1]
        values, vectors = spectra.trailing(self._form(net.x.double(), near, z), z)
        net.keep(z=vectors * n**0.5, values=values)

    def _form(self, x: Float[Tensor, "n d"], near: Tensor, z: int) -> graphs.Graph:
        if self.form == "standard":
            return alignments.standard(x, near, self.reg)
        return alignments.modified(x, near, self.reg, z) if self.form == "modified" else alignments.hessian(x, near, z)

    def encode(self, net: Anchors, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        x = x.flatten(1)
        _, index = net.near(x, self.k)
        return net.unless_known(net.mean(graphs.barycentric(x, net.x[index], self.reg), index), x, index[:, 0])

    def spectrum(self, net: Anchors) -> Spectrum:
        return Spectrum(net.values, "eigenvalue")
