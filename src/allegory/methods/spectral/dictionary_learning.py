r"""Says an item as a sum of few of many learned pictures: the code has many numbers, of which nearly all are 0.

**Model.** $\hat x = m + z D$ with the atoms $D$ (k, d), a row each of length at most 1, and $z$ sparse: the code is that which says the
item best for its price, found anew for every item.

**Objective.** $\min_D \frac1n \sum_i \min_z \tfrac12 |x_i - m - z D|^2 + \lambda |z|_1$ (Olshausen and Field 1996, the cost E, with $|z|$
for what a code costs; Mairal et al. 2009, eqs. 1 and 2). Learned online (Mairal et al. 2009, algorithms 1 and 2, in mini-batches): codes of
a batch, sums $A = \sum z^T z$ and $B = \sum z^T x$ in which older codes count less, and one pass over the atoms.

**Level.** How bright a picture is says nothing of what is on it, and differs more than all else; so it is a number of its own: of images,
the part of $x - m$ along the flat picture of length 1 comes last in the code, at no price, and the atoms say the rest.

**Solvers.** Of the code of an item, `fista` and `lars` (scikit-learn's) give the one minimum of the objective, in batches on any device or
an item at a time by the exact path; `omp` takes at most `nonzero` atoms greedily, at no price, from the same dictionary. So sparse coding
is no method beside this one: it is its encoder, and a new item's code is exact.

**Notation.** `D` (k, d), `m` mean (d,), `price` $\lambda$ = `penalty` x the root of the mean squared length of $x - m$.

**When it fails.** Too low a penalty, and the code is dense and the atoms are noise; too high, and few atoms are ever used. An item that is
off a little may take other atoms. Look at the atoms, and at the sparsity and the reconstruction.

**Measured.** On patches of photographs, 12 pixels a side, the 100 atoms are edges and stripes: the coherence of their gradients (1 for a
grating, 0 for a blob) is .80 in the mean and above .8 for .62 of them; PCA's axes have .41 and .09, the patches themselves .40 and .10,
noise .12 and 0. On digits the codes have a sparseness of .92, features made by hand .54 and PCA of the same size .51.

**Reference.** B. A. Olshausen and D. J. Field, Emergence of simple-cell receptive field properties by learning a sparse code for natural
images, 1996; J. Mairal, F. Bach, J. Ponce and G. Sapiro, Online dictionary learning for sparse coding, 2009.
"""

import math
import warnings
from dataclasses import dataclass
from typing import ClassVar, Literal, final, get_args

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import sparse_encode
from torch import Tensor, nn

from allegory.core import Array, Card, Claim, CodeKind, Dice, Items, Misuse, Paper, Solved, Spec
from allegory.objectives import sparse

TITLE = "Emergence of simple-cell receptive field properties by learning a sparse code for natural images"
SparseSolver = Literal["fista", "lars", "omp"]
ROUGH, FEW = 1e-3, 100  # the tolerance and the steps of the codes, while the dictionary still moves
UNUSED = 1e-6  # of the mean use: an atom used less begins anew


class Dictionary(nn.Module):
    """The atoms `D` (k, d), the mean `m` (d,) and the `price` of a unit of code, as buffers."""

    D: Tensor
    m: Tensor
    price: Tensor

    def __init__(self, shape: tuple[int, ...], k: int):
        super().__init__()
        self.shape = shape
        self.levelled = len(shape) == 3  # images
        self.register_buffer("D", torch.eye(k, math.prod(shape)))
        self.register_buffer("m", torch.zeros(math.prod(shape)))
        self.register_buffer("price", torch.zeros(()))

    def parted(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b l"]]:
        """What the atoms are to say of observations, and their levels: one number of an image, none of a vector."""
        moved = x.flatten(1) - self.m
        if not self.levelled:
            return moved, moved[:, :0]
        mean = moved.mean(1, keepdim=True)
        return moved - mean, mean * math.sqrt(moved.shape[1])

    def joined(self, z: Float[Tensor, "b _"]) -> Float[Tensor, "b *d"]:
        """The observations that codes stand for: atoms first, then the level."""
        k = len(self.D)
        flat = z[:, k:].sum(1, keepdim=True) / math.sqrt(self.D.shape[1])
        return (z[:, :k] @ self.D + flat + self.m).view(len(z), *self.shape)


@final
@dataclass(frozen=True)
class DictionaryLearning(Solved[Dictionary]):
    """Sparse coding with a learned dictionary (Olshausen and Field 1996): minimises the squared error plus a price on the code's size.

    atoms: how many, at most as many as items. penalty: the price of a unit of code, in lengths of a typical item. solver: of an item's
    code, fista or lars (the same minimum), or omp. nonzero: the most atoms that omp takes. steps, batch: of learning the dictionary.
    """

    atoms: int = 100
    penalty: float = 0.2
    solver: SparseSolver = "fista"
    nonzero: int = 10
    steps: int = 400
    batch: int = 256

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Dictionary learning and sparse coding",
        paper=Paper("Olshausen and Field", TITLE, 1996, "https://doi.org/10.1038/381607a0", "the cost E; Mairal et al. 2009, 1 and 2"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="network",
        modelled=r"\hat x = m + z D,\; |d_j| \le 1", minimised=r"E \min_z \tfrac12 |x - m - z D|^2 + \lambda |z|_1", unit="squared error",
        buys="Few numbers say an item, each stands for a picture, and there may be more of them than dimensions.",
        costs="A code is the answer to an optimisation, which takes longer than a product, and may jump where the item moves a little.",
        fails="A price that is too low (dense codes, noisy atoms) or too high (unused atoms); look at the atoms and at the sparsity.",
        code=CodeKind(size="either"), tiny={"atoms": 12, "steps": 20},
        claims=(Claim("sparsity", "hoyer", "digits", 0.914, {}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Dictionary:
        assert isinstance(spec, Array)
        if self.solver not in get_args(SparseSolver):
            raise Misuse(f"solver: expected one of {', '.join(get_args(SparseSolver))}, got {self.solver!r}")
        few = [name for name in ("atoms", "nonzero", "steps", "batch") if getattr(self, name) < 1]
        if few or self.penalty < 0:
            raise Misuse(f"DictionaryLearning needs {', '.join(few) or 'a penalty'} of {'1 or more' if few else '0 or more'}; got {self}")
        return Dictionary(spec.shape, max(1, min(self.atoms, n)))

    def prepare(self, net: Dictionary, items: Items, dice: Dice) -> None:
        count, length = len(items), net.m.new_zeros((), dtype=torch.float64)
        net.m.copy_(sum(x.flatten(1).double().sum(0) for x in items.batches()) / count)
        for x in items.batches():
            length += net.parted(x.to(net.m))[0].square().sum()
        net.price.copy_(self.penalty * (length / count).sqrt())
        rng, k = np.random.default_rng(dice.root), len(net.D)
        net.D.copy_(normed(_drawn(net, items, rng.choice(count, k, replace=False)), rng))
        sums = Sums(torch.zeros_like(net.D @ net.D.T), torch.zeros_like(net.D))
        for t in range(1, self.steps + 1):
            x = _drawn(net, items, rng.integers(0, count, self.batch))
            z = sparse.fista(x, net.D, net.price, ROUGH, FEW)
            seen = t * self.batch if t < self.batch else self.batch**2 + t - self.batch
            sums.add(z, x, (seen + 1 - self.batch) / (seen + 1))
            sums.improve(net.D)
            sums.renew(net.D, x - z @ net.D)

    def encode(self, net: Dictionary, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b _"]:
        """Exact: the minimum for each item by itself (or, with omp, what the pursuit finds). Of images the level comes last."""
        rest, level = net.parted(x)
        if self.solver == "omp":
            z = sparse.pursuit(rest, net.D, self.nonzero)
        elif self.solver == "lars":
            z = _by_lars(rest, net.D, float(net.price))
        else:
            z = sparse.fista(rest, net.D, net.price)
        return torch.cat([z, level], 1)

    def decode(self, net: Dictionary, z: Float[Tensor, "b _"]) -> Float[Tensor, "b *d"]:
        return net.joined(z)


@dataclass(eq=False)
class Sums:
    """What the codes so far say of the dictionary: A (k, k) = sum z^T z and B (k, d) = sum z^T x."""

    A: Tensor
    B: Tensor

    def add(self, z: Float[Tensor, "b k"], x: Float[Tensor, "b d"], keep: float) -> None:
        """A new batch; what came before counts `keep` times as much."""
        self.A.mul_(keep).addmm_(z.T, z)
        self.B.mul_(keep).addmm_(z.T, x)

    def improve(self, D: Float[Tensor, "k d"]) -> None:
        """One pass over the atoms, each the best while the others stay (Mairal et al. 2009, algorithm 2), in place."""
        for j in torch.nonzero(self.A.diagonal() > 0).flatten().tolist():
            u = D[j] + (self.B[j] - self.A[j] @ D) / self.A[j, j]
            D[j] = u / u.norm().clamp_min(1.0)

    def renew(self, D: Float[Tensor, "k d"], left: Float[Tensor, "b d"]) -> None:
        """Atoms that are not used become what is left of the items that are said worst."""
        use = self.A.diagonal()
        unused = torch.nonzero(use <= UNUSED * use.mean()).flatten()[: len(left)]
        worst = left[left.square().sum(1).argsort(descending=True, stable=True)[: len(unused)]]
        length = worst.norm(dim=1, keepdim=True)
        D[unused] = torch.where(length > 0, worst / length.clamp_min(torch.finfo(D.dtype).tiny), D[unused])
        self.A[unused] = 0.0
        self.A[:, unused] = 0.0
        self.B[unused] = 0.0


def normed(rows: Float[Tensor, "k d"], rng: np.random.Generator) -> Float[Tensor, "k d"]:
    """Rows of length 1; a row of zeros becomes a random one."""
    rows = torch.where(rows.norm(dim=1, keepdim=True) > 0, rows, torch.as_tensor(rng.standard_normal(tuple(rows.shape))).to(rows))
    return rows / rows.norm(dim=1, keepdim=True)


def _drawn(net: Dictionary, items: Items, index: np.ndarray) -> Float[Tensor, "b d"]:
    x: Tensor = items.take(torch.as_tensor(index, device=net.m.device))
    return net.parted(x.to(net.m))[0]


def _by_lars(x: Float[Tensor, "b d"], D: Float[Tensor, "k d"], price: float) -> Float[Tensor, "b k"]:
    """Item by item along the exact path of the lasso (Efron et al. 2004), by scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it leaves out atoms which equal others
        z = sparse_encode(x.cpu().double().numpy(), D.cpu().double().numpy(), algorithm="lasso_lars", alpha=price, max_iter=10 * len(D))
    return torch.as_tensor(z).to(x)
