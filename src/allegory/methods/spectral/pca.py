r"""Principal components: the linear code of given size from which the data can be said again with the least squared error.

**Model.** $z = W (x - m)$ with $W$ the leading eigenvectors of the covariance, $\hat x = m + W^T z$.

**Objective.** $\min_{W W^T = I} \; E |x - m - W^T W (x - m)|^2$ (Pearson 1901; the variance form is Hotelling 1933).

**Notation.** `m` mean (d,), `W` components (z, d), orthonormal rows, the largest entry of each positive.

**When it fails.** When what matters varies little, or the data lie on a curved manifold: look at the spectrum, and at the
reconstructions.

**Solvers.** Exact, from the covariance gathered batch by batch (up to 4,096 dimensions) or from the items themselves (up to 4,096 items);
by subspace iteration from a random start of fixed seed where there are more of both. `solver` says which; `auto` is exact where it can be.

**Reference.** K. Pearson, On lines and planes of closest fit to systems of points in space, 1901.
"""

from dataclasses import dataclass
from typing import ClassVar, final, get_args

from jaxtyping import Float
from torch import Tensor

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Misuse, Paper, Solved, Spec, Spectrum
from allegory.measures.principal import Solver
from allegory.methods.spectral._axes import Axes, size_of


@final
@dataclass(frozen=True)
class PCA(Solved[Axes]):
    """Principal component analysis (Pearson 1901): the linear code with the least squared reconstruction error.

    latent: size of the code; at most the number of items and of dimensions. solver: auto, covariance, gram or randomised (see above).
    """

    latent: int = 32
    solver: Solver = "auto"

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Principal component analysis",
        paper=Paper("Pearson", "On lines and planes of closest fit to systems of points in space", 1901,
                    "https://doi.org/10.1080/14786440109462720", "the planes of best fit"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="network",
        modelled=r"\hat x = m + W^T W (x - m)", minimised=r"E\,|x - \hat x|^2 \;\text{ s.t. } W W^T = I", unit="squared error",
        buys="Exact, fast, no setting but the size; every component can be looked at.",
        costs="Linear: it cannot follow a curved manifold, and it spends its code on whatever varies most.",
        fails="When the interesting factor has little variance; look at the spectrum and at the reconstructions.",
        code=CodeKind(size="smaller"), tiny={"latent": 4}, laws=("affine code", "projection"),
        claims=(Claim("reconstruction", "share_of_variance", "digits", 0.963, {"latent": 32}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Axes:
        assert isinstance(spec, Array)
        if self.solver not in get_args(Solver):
            raise Misuse(f"solver: expected one of {', '.join(get_args(Solver))}, got {self.solver!r}")
        return Axes(spec.shape, size_of(self.latent, min(spec.size, n)))

    def prepare(self, net: Axes, items: Items, dice: Dice) -> None:
        del dice
        net.learn(items, self.solver)

    def encode(self, net: Axes, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return net.along(x)

    def decode(self, net: Axes, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        return net.at(z)

    def spectrum(self, net: Axes) -> Spectrum:
        return Spectrum(net.variances, "variance", net.total)
