"""Every training item is a class of its own, and is recognised by its code in a memory bank."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F


def instance_softmax(
    v: Float[Tensor, "b z"], index: Int[Tensor, " b"], bank: Float[Tensor, "n z"], tau: float, drawn: Int[Tensor, " m"] | None = None
) -> Float[Tensor, " b"]:
    """-log exp(v.bank_i / tau) / sum_j exp(v.bank_j / tau) with |v| = 1, j over all n items (Wu et al. 2018, eq. 2 and 3).

    With `drawn` items the sum is exp(v.bank_i / tau) and n - 1 times the mean over the drawn others: near the whole sum for many.
    """
    v = F.normalize(v, dim=1)
    if drawn is None:
        return F.cross_entropy(v @ bank.T / tau, index, reduction="none")
    own = (v * bank[index]).sum(1) / tau
    others, itself = v @ bank[drawn].T / tau, drawn == index[:, None]
    count = (~itself).sum(1).clamp(min=1)
    mean = others.masked_fill(itself, torch.finfo(v.dtype).min).logsumexp(1) - count.to(v.dtype).log()
    return torch.logaddexp(own, mean + math.log(max(len(bank) - 1, 1))) - own


def local_aggregation(
    v: Float[Tensor, "b z"], index: Int[Tensor, " b"], bank: Float[Tensor, "n z"], groups: Int[Tensor, "h n"], tau: float,
    background: int, drawn: Int[Tensor, " m"] | None = None,
) -> Float[Tensor, " b"]:  # fmt: skip
    """-log P(C_i and B_i | v_i) / P(B_i | v_i), where P(A | v) is in proportion to sum over j in A of exp(v.bank_j / tau) and |v| = 1
    (Zhuang et al. 2019, eq. 1 to 3).

    B_i: the item itself and the `background` others nearest to v_i, of all or of those `drawn`. C_i: items that share its group in at
    least one of the h clusterings `groups`.
    """
    v = F.normalize(v, dim=1)
    some, numbers = (bank, torch.arange(len(bank), device=v.device)) if drawn is None else (bank[drawn], drawn)
    never = torch.finfo(v.dtype).min
    own = (v * bank[index]).sum(1, keepdim=True) / tau
    logits = (v @ some.T / tau).masked_fill(numbers == index[:, None], never)
    near, at = logits.topk(min(background, len(numbers)), dim=1)  # (b, k)
    close = (groups[:, numbers[at]] == groups[:, index][:, :, None]).any(0)
    inside = torch.cat([own, near.masked_fill(~close, never)], 1)
    return torch.cat([own, near], 1).logsumexp(1) - inside.logsumexp(1)
