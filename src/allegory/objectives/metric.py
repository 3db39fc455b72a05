"""Metric learning: items of one class near each other, those of other classes far.

Codes and class numbers are those of this process. What is compared are short codes, so every process compares the whole global batch
(`everyone`) and all find the same loss. A batch without the pairs that a loss needs has loss 0, and gradient 0.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from allegory.core import batch_mean, everyone
from allegory.objectives.miners import MINERS, Draws, classmates, distances, on_sphere

TINY = 1e-12


def pull_subject_to_push(z: Float[Tensor, "b z"], y: Int[Tensor, " b"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """The mean squared distance of similar pairs, and the log of the mean distance of dissimilar ones (Xing et al. 2003, section 2).

    Their difference is least where the first is least among all maps with a given second: Lagrange's form of "pull subject to push".
    """
    z, y = everyone(z), everyone(y)
    d, same, other = distances(z), classmates(y), y[:, None] != y
    if not (bool(same.any()) and bool(other.any())):
        return _nothing(z), _nothing(z)  # alone, the first would shrink every code to 0 and the second blow it up
    return d[same].square().mean(), d[other].mean().clamp_min(TINY).log()


def contrastive(z: Float[Tensor, "b z"], y: Int[Tensor, " b"], margin: float) -> Float[Tensor, ""]:
    """1/2 D^2 for a similar pair and 1/2 max(0, margin - D)^2 for a dissimilar one (Hadsell et al. 2006, section 2.1).

    The mean over similar pairs plus the mean over dissimilar pairs, so that neither kind drowns the other.
    """
    z, y = everyone(z), everyone(y)
    d = distances(z)
    similar = _mean(d[classmates(y)].square(), z)
    dissimilar = _mean((margin - d[y[:, None] != y]).clamp_min(0).square(), z)
    return (similar + dissimilar) / 2


def triplet(
    z: Float[Tensor, "b z"], y: Int[Tensor, " b"], margin: float, miner: str = "semi-hard", draws: Float[Tensor, "b n"] | None = None
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """max(0, d(a, p) - d(a, n) + margin), with d the squared distance of normalised codes (Schroff et al. 2015, section 3.1), the mean
    over the triplets that a miner chooses; and the share of all triplets that violate the margin.

    `draws`: for the miner "distance-weighted", uniform on [0, 1), a row an own example and a column an example of the global batch.
    """
    z, y = everyone(z), everyone(y)
    compared = on_sphere(z, y)
    drawn: Draws | None = None if draws is None else everyone(draws)
    with torch.no_grad():
        a, p, n = MINERS[miner](compared, margin, drawn)
        possible = (compared.same.sum(1) * compared.other.sum(1)).sum()
        violated = len(MINERS["all"](compared, margin, None)[0]) / possible.clamp_min(1).to(compared.squared.dtype)
    d = compared.squared
    return _mean((d[a, p] - d[a, n] + margin).clamp_min(0), z), violated


def n_pairs(z: Float[Tensor, "b z"], y: Int[Tensor, " b"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """log(1 + sum_{j != i} exp(f_i.f_j+ - f_i.f_i+)), the mean over anchors i, with N pairs of N different classes (Sohn 2016, section
    3.2, N-pair-mc); and the mean squared norm of the codes, which the paper keeps small.

    The first two items of every class in the batch make one such set of pairs, the third and fourth the next one, and so on.
    """
    z, y = everyone(z), everyone(y)
    turn = classmates(y).tril().sum(1)  # how many of its class came before
    partner = (y[:, None] == y) & (turn == turn[:, None] + 1)
    anchor, positive = (partner & (turn % 2 == 0)[:, None]).nonzero().T
    logits = z[anchor] @ z[positive].T
    another = turn[anchor][:, None] != turn[anchor]
    losses = F.cross_entropy(logits.masked_fill(another, -torch.inf), torch.arange(len(anchor), device=z.device), reduction="none")
    return _mean(losses, z), z.square().sum(1).mean()


def hypersphere_softmax(
    z: Float[Tensor, "b z"], W: Float[Tensor, "k z"], y: Int[Tensor, " b"], tau: float
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """-log exp(cos(z, W_y) / tau) / sum_c exp(cos(z, W_c) / tau) (Wang et al. 2017; 1 / tau is their scale), and the accuracy."""
    logits = F.normalize(z, dim=1) @ F.normalize(W, dim=1).T / tau
    right = (logits.argmax(1) == y).to(logits.dtype)
    return batch_mean(F.cross_entropy(logits, y, reduction="none")), batch_mean(right)


def sup_con(z: Float[Tensor, "b z"], y: Int[Tensor, " b"], tau: float) -> Float[Tensor, ""]:
    """L_out (Khosla et al. 2020, eq. 2): -1/|P(i)| sum over p in P(i) of log exp(s_ip / tau) / sum over a != i of exp(s_ia / tau), with
    s the cosine and P(i) the others of the class of i; the mean over the anchors i that have any.
    """
    z, y = F.normalize(everyone(z), dim=1), everyone(y)
    same = classmates(y)
    logits = (z @ z.T / tau).fill_diagonal_(torch.finfo(z.dtype).min)
    log_p = F.log_softmax(logits, 1)
    positives = same.sum(1)
    losses = -log_p.masked_fill(~same, 0).sum(1) / positives.clamp_min(1)
    return _mean(losses[positives > 0], z)


def _mean(losses: Float[Tensor, " t"], z: Float[Tensor, "n z"]) -> Float[Tensor, ""]:
    """The mean, and 0 with a gradient of 0 where there is nothing to average."""
    return losses.mean() if len(losses) else _nothing(z)


def _nothing(z: Float[Tensor, "n z"]) -> Float[Tensor, ""]:
    return (z * 0).sum()
