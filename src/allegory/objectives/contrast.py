"""Contrast: tell the partner of an example from all others.

Two corrections of the negatives may be asked for, alone or together. Both act on R, what the N negatives give to the denominator:
- `debias` = tau+ (Chuang et al. 2020, section 4): among the negatives a share tau+ is thought to be of the example's own class, and is
  taken off as the positive says it would look: R <- (R - tau+ N exp(s+/tau)) / (1 - tau+), and at least N exp(-1/tau), the least it can be.
- `hardness` = beta (Robinson et al. 2021, section 3): negatives are weighted by exp(beta s/tau), with weights of mean 1; here, as in
  the authors' program, the gradient flows through the weights too.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from allegory.core import batch_mean, everyone, rank


def info_nce(
    q: Float[Tensor, "b z"], k: Float[Tensor, "b z"], tau: float, negatives: Float[Tensor, "m z"] | None = None,
    debias: float = 0.0, hardness: float = 0.0,
) -> Float[Tensor, " b"]:  # fmt: skip
    """-log exp(q_i.k_i / tau) / sum_j exp(q_i.k_j / tau) for normalised codes (van den Oord et al. 2018, eq. 4); j: the global batch.

    With `negatives`, the same for every example and process (a queue), j runs over these and k_i (He et al. 2020, eq. 1).
    """
    q, k = F.normalize(q, dim=1), F.normalize(k, dim=1)
    if negatives is not None:
        own = (q * k).sum(1, keepdim=True)
        logits = torch.cat([own, q @ F.normalize(negatives, dim=1).T], 1) / tau
        target = torch.zeros(len(q), dtype=torch.int64, device=q.device)
    else:
        logits = q @ everyone(k).T / tau
        target = torch.arange(len(q), device=q.device) + rank() * len(q)
    if not debias and not hardness:
        return F.cross_entropy(logits, target, reduction="none")
    return _corrected(logits, target, None, tau, debias, hardness)


def nt_xent(
    z1: Float[Tensor, "b z"], z2: Float[Tensor, "b z"], tau: float, debias: float = 0.0, hardness: float = 0.0
) -> Float[Tensor, ""]:  # fmt: skip
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
    me, partner = torch.cat([rows, rows + total]), torch.cat([rows + total, rows])
    if debias or hardness:
        losses = _corrected(logits, partner, me, tau, debias, hardness)
    else:
        logits = logits.scatter(1, me[:, None], torch.finfo(logits.dtype).min)
        losses = F.cross_entropy(logits, partner, reduction="none")
    return batch_mean((losses[:n] + losses[n:]) / 2.0)


def _corrected(
    logits: Float[Tensor, "b m"], target: Int[Tensor, " b"], me: Int[Tensor, " b"] | None, tau: float, debias: float, hardness: float
) -> Float[Tensor, " b"]:
    """-log e^p / (e^p + R) with R corrected, all in logarithms; `target` is the column of the positive, `me` of the example itself.

    Without a negative the loss is 0, as it is uncorrected.
    """
    n = logits.shape[1] - (1 if me is None else 2)
    if n < 1:
        return torch.zeros_like(logits[:, 0])
    p = logits.gather(1, target[:, None]).squeeze(1)
    taken = [target] if me is None else [target, me]
    s = logits.scatter(1, torch.stack(taken, 1), -math.inf)  # of the negatives
    r = s.logsumexp(1) if not hardness else math.log(n) + ((1.0 + hardness) * s).logsumexp(1) - (hardness * s).logsumexp(1)  # log R
    least = torch.full_like(r, math.log(n) - 1.0 / tau)
    share = debias * n * (p - r).clamp(max=80.0).exp()  # the part of R that is thought to be of the example's own class
    some = share < 1.0
    rest = r + torch.log1p(-share.where(some, torch.zeros_like(share))) - math.log1p(-debias)
    return torch.logaddexp(p, torch.maximum(rest.where(some, least), least)) - p
