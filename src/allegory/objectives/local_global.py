"""Contrast between a whole and its parts: tell the local features of one's own image from those of all others."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import everyone, rank


def local_nce(
    whole: Float[Tensor, "b r"], local: Float[Tensor, "b places r"], clip: float = 10.0
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """AMDIM's contrast and its penalty, one number an example each (Bachman et al. 2019, sections 3.2 and 3.3).

    Scores r_ijp = whole_i.local_jp / sqrt(r) are softly clipped, s = clip tanh(r / clip). The contrast is the mean over the places p of
    -log exp(s_iip) / (exp(s_iip) + sum over other examples j and all their places q of exp(s_ijq)); the example's own other places are
    no negatives. The penalty is the mean of r^2 over all j and p, before clipping. j runs over the global batch.
    """
    b, own = len(whole), rank() * len(whole)
    raw = torch.einsum("ir,jpr->ijp", whole, everyone(local)) / math.sqrt(whole.shape[1])  # (b, all, places)
    penalty = raw.square().mean((1, 2))
    scores = clip * torch.tanh(raw / clip)
    me = torch.arange(b, device=whole.device)
    positive = scores[me, me + own]  # (b, places)
    mine = F.one_hot(me + own, scores.shape[1]).bool()  # (b, all)
    others = scores.masked_fill(mine[:, :, None], -math.inf).flatten(1).logsumexp(1)  # (b,)
    return (torch.logaddexp(others[:, None], positive) - positive).mean(1), penalty
