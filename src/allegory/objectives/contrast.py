"""Contrast: tell the partner of an example from all others."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import batch_mean, everyone, rank


def info_nce(q: Float[Tensor, "b z"], k: Float[Tensor, "b z"], tau: float) -> Float[Tensor, " b"]:
    """-log exp(q_i.k_i / tau) / sum_j exp(q_i.k_j / tau) for normalised codes (van den Oord et al. 2018, eq. 4); j: the global batch."""
    q, keys = F.normalize(q, dim=1), everyone(F.normalize(k, dim=1))
    logits = q @ keys.T / tau
    target = torch.arange(len(q), device=q.device) + rank() * len(q)
    return F.cross_entropy(logits, target, reduction="none")


def nt_xent(z1: Float[Tensor, "b z"], z2: Float[Tensor, "b z"], tau: float) -> Float[Tensor, ""]:
    """NT-Xent (Chen et al. 2020, eq. 1), the mean over all 2N ordered positive pairs of the global batch.

    l(i, j) = -log exp(s_ij / tau) / sum over k != i of exp(s_ik / tau), with s the cosine; the positive j stays in the denominator.
    """
    n, own = len(z1), rank() * len(z1)
    z = F.normalize(torch.stack([z1, z2], 1), dim=2)  # (b, 2, z)
    others = everyone(z)  # (all, 2, z)
    keys = others.transpose(0, 1).reshape(-1, z.shape[2])  # first views of all, then second views of all
    logits = z.transpose(0, 1).reshape(2 * n, -1) @ keys.T / tau  # (2b, 2 all)
    total = len(others)
    rows = torch.arange(n, device=z.device) + own
    me = torch.cat([rows, rows + total])
    logits = logits.scatter(1, me[:, None], torch.finfo(logits.dtype).min)
    losses = F.cross_entropy(logits, torch.cat([rows + total, rows]), reduction="none")
    return batch_mean((losses[:n] + losses[n:]) / 2.0)
