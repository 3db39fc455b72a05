"""Miners: which triplets (anchor, positive, negative) of a batch are worth a gradient. They choose by distances and pass no gradient."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

Triplets = tuple[Int[Tensor, " t"], Int[Tensor, " t"], Int[Tensor, " t"]]
Draws = Float[Tensor, "n n"]

NEAREST, FARTHEST = 0.5, 1.4  # distances on the sphere between which negatives are drawn (of the code that Wu et al. 2017 published)


@dataclass(frozen=True, eq=False)
class Compared:
    """n codes of size `dim`, each with each: squared distances, who is another of the same class, and who is of another class."""

    squared: Float[Tensor, "n n"]
    same: Bool[Tensor, "n n"]
    other: Bool[Tensor, "n n"]
    dim: int


def distances(z: Float[Tensor, "n z"]) -> Float[Tensor, "n n"]:
    """Euclidean distances by differences, not by products, which lose near neighbours of long codes; their gradient at 0 is 0."""
    wide = z.to(torch.promote_types(z.dtype, torch.float32))
    return torch.cdist(wide, wide, compute_mode="donot_use_mm_for_euclid_dist")


def classmates(y: Int[Tensor, " n"]) -> Bool[Tensor, "n n"]:
    """Who is of whose class; nobody is their own mate."""
    return (y[:, None] == y).fill_diagonal_(False)


def on_sphere(z: Float[Tensor, "n z"], y: Int[Tensor, " n"]) -> Compared:
    """The codes put on the unit sphere and compared."""
    return Compared(distances(F.normalize(z, dim=1)).square(), classmates(y), y[:, None] != y, z.shape[1])


def all_triplets(c: Compared, margin: float, draws: Draws | None = None) -> Triplets:
    """Every triplet that violates the margin: d(a, p) + margin > d(a, n), with d the squared distance."""
    del draws
    anchor, positive, gap = _gaps(c)
    return _where(anchor, positive, gap < margin)


def semi_hard(c: Compared, margin: float, draws: Draws | None = None) -> Triplets:
    """Negatives farther than the positive, yet inside the margin (Schroff et al. 2015, section 3.2); all of them, where they take one."""
    del draws
    anchor, positive, gap = _gaps(c)
    return _where(anchor, positive, (gap > 0) & (gap < margin))


def hardest(c: Compared, margin: float, draws: Draws | None = None) -> Triplets:
    """For each anchor the farthest positive and the nearest negative of the batch (Hermans et al. 2017, "batch hard")."""
    del margin, draws
    anchor = (c.same.any(1) & c.other.any(1)).nonzero()[:, 0]
    positive = c.squared.masked_fill(~c.same, -torch.inf)[anchor].argmax(1)
    negative = c.squared.masked_fill(~c.other, torch.inf)[anchor].argmin(1)
    return anchor, positive, negative


def distance_weighted(c: Compared, margin: float, draws: Draws | None = None) -> Triplets:
    """For each anchor and positive one negative, drawn so that all distances come up alike (Wu et al. 2017, section 4).

    `draws` (n, n) are uniform on [0, 1): that of an anchor and a positive decides their negative.
    """
    del margin
    assert draws is not None, "the dice of the batch"
    below = weights(c).double().cumsum(1)
    chosen = torch.searchsorted(below, draws.double() * below[:, -1:], right=True).clamp_max(len(below) - 1)
    anchor, positive = (c.same & (below[:, -1:] > 0)).nonzero().T
    return anchor, positive, chosen[anchor, positive]


def weights(c: Compared) -> Float[Tensor, "n n"]:
    """P(negative | anchor), proportional to 1 / q(d), with q(d) ~ d^(dim - 2) (1 - d^2 / 4)^((dim - 3) / 2), the density of the
    distances between points spread evenly over the sphere; a row without a negative that is near enough is all zeros.

    Distances below `NEAREST` count as that much (the paper's bound lambda on 1 / q), and those from `FARTHEST` on are left out: they
    have no loss, and 1 / q would favour the farthest of all.
    """
    near = c.other & (c.squared < FARTHEST**2)
    squared = c.squared.clamp(NEAREST**2, FARTHEST**2)
    log_q = (c.dim - 2) / 2 * squared.log() + (c.dim - 3) / 2 * (1 - squared / 4).log()
    return F.softmax((-log_q).masked_fill(~near, torch.finfo(squared.dtype).min), 1) * near


def _gaps(c: Compared) -> tuple[Int[Tensor, " p"], Int[Tensor, " p"], Float[Tensor, "p n"]]:
    """Every anchor and positive, and how much farther each negative is; infinitely far where it is no negative."""
    anchor, positive = c.same.nonzero().T
    gap = c.squared[anchor] - c.squared[anchor, positive][:, None]
    return anchor, positive, gap.masked_fill(~c.other[anchor], torch.inf)


def _where(anchor: Int[Tensor, " p"], positive: Int[Tensor, " p"], chosen: Bool[Tensor, "p n"]) -> Triplets:
    pair, negative = chosen.nonzero().T
    return anchor[pair], positive[pair], negative


Miner = Callable[[Compared, float, Draws | None], Triplets]
MINERS: dict[str, Miner] = {
    "all": all_triplets, "semi-hard": semi_hard, "hardest": hardest, "distance-weighted": distance_weighted,
}  # fmt: skip
