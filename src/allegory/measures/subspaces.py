"""Subspaces: angles between them, and the one turn that makes several symmetric matrices as diagonal as they can be together."""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

SWEEPS = 60
SMALL = 1e-9  # radians: a sweep whose largest turn is smaller was the last


def largest_angle(a: Float[Tensor, "n p d"], b: Float[Tensor, "n q d"]) -> Float[Tensor, " n"]:
    """The largest principal angle between subspaces with orthonormal rows, in radians; pi / 2 where their dimensions differ."""
    if a.shape[1] != b.shape[1]:
        return a.new_full((len(a),), math.pi / 2)
    # The arc cosine of the smallest singular value loses angles below 1e-8 to rounding; its sine, from what is left over, does not.
    across = a.mT - b.mT @ (b @ a.mT)
    sine, cosine = torch.linalg.matrix_norm(across, 2), torch.linalg.svdvals(b @ a.mT)[:, -1]
    return torch.atan2(sine, cosine)


def angular_error(found: Sequence[Float[Tensor, "n _ d"]], truth: Sequence[Float[Tensor, "n _ d"]]) -> Float[Tensor, " n"]:
    """At every point the mean over subspaces of the largest principal angle, for the best matching of found to true ones, in radians.

    As Pfau et al. (2020, arXiv:2006.12982) measure it: pi / 2 where their number is wrong, and for a pair of unequal dimensions.
    """
    if len(found) != len(truth):
        return truth[0].new_full((len(truth[0]),), math.pi / 2)
    angles = torch.stack([torch.stack([largest_angle(f, t) for t in truth]) for f in found])  # (found, true, n)
    matchings = [torch.stack([angles[i, j] for i, j in enumerate(p)]).mean(0) for p in itertools.permutations(range(len(truth)))]
    return torch.stack(matchings).min(0).values


def diagonaliser(matrices: Float[Tensor, "n e k k"]) -> Float[Tensor, "n k k"]:
    """Orthogonal V (n, k, k) for which V M V^T is as diagonal as can be, for all `e` symmetric matrices of a point at once.

    Jacobi's turns with the closed form of Cardoso and Souloumiac (1996, SIAM J. Matrix Anal. Appl. 17): that of the plane (p, q) lowers
    sum_e M_pq^2 as far as one turn can. For one matrix these are its eigenvectors.
    """
    n, _, k, _ = matrices.shape
    if matrices.shape[1] == 1:
        return torch.linalg.eigh(matrices[:, 0]).eigenvectors.mT
    M = matrices.clone()
    V = torch.eye(k, dtype=M.dtype, device=M.device).repeat(n, 1, 1)
    for _ in range(SWEEPS):
        largest = 0.0
        for p, q in itertools.combinations(range(k), 2):
            angle = _best_turn(M[:, :, p, p] - M[:, :, q, q], 2.0 * M[:, :, p, q])
            turn = torch.stack([torch.stack([angle.cos(), angle.sin()], 1), torch.stack([-angle.sin(), angle.cos()], 1)], 1)
            M[:, :, [p, q]] = turn[:, None] @ M[:, :, [p, q]]
            M[:, :, :, [p, q]] = M[:, :, :, [p, q]] @ turn.mT[:, None]
            V[:, [p, q]] = turn @ V[:, [p, q]]
            largest = max(largest, float(angle.abs().max()))
        if largest < SMALL:
            break
    return V


def _best_turn(difference: Float[Tensor, "n e"], twice: Float[Tensor, "n e"]) -> Float[Tensor, " n"]:
    """The angle that maximises sum_e (M_pp - M_qq)^2 after the turn: half that of the leading eigenvector of the 2 x 2 scatter."""
    on, off = difference.square().sum(1) - twice.square().sum(1), 2.0 * (difference * twice).sum(1)
    return 0.25 * torch.atan2(off, on)
