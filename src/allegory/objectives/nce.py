"""Noise-contrastive estimation: is this the partner, or one of many others drawn at random?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def nce(
    q: Float[Tensor, "b z"], positive: Float[Tensor, "b z"], negatives: Float[Tensor, "m z"], tau: float, left_out: Bool[Tensor, "b m"]
) -> Float[Tensor, " b"]:
    """-log h_0 - sum over j of log(1 - h_j) for cosines s (Misra and van der Maaten 2020, eq. 3 and 4), in nats.

    h_j = exp(s_j / tau) / (exp(s_0 / tau) + sum over k of exp(s_k / tau)) is the probability that candidate j is the partner of q: 0 the
    positive, 1 .. m the negatives, but for those `left_out` (the example itself, drawn by chance).
    """
    q, positive, negatives = (F.normalize(z, dim=1) for z in (q, positive, negatives))
    lowest = torch.finfo(q.dtype).min
    others = (q @ negatives.T / tau).masked_fill(left_out, lowest)
    logits = torch.cat([(q * positive).sum(1, keepdim=True) / tau, others], 1)  # (b, 1 + m)
    log_h = F.log_softmax(logits, dim=1)
    # log(1 - h) loses its digits where h is near 1, which at most one candidate is: for the likeliest, the sum of the others is taken.
    top = logits.argmax(1, keepdim=True)
    log_rest = logits.scatter(1, top, lowest).logsumexp(1, keepdim=True) - logits.logsumexp(1, keepdim=True)
    log_not_h = torch.log1p(-log_h.scatter(1, top, lowest).exp()).scatter(1, top, log_rest)
    return -log_h[:, 0] - log_not_h[:, 1:].sum(1)
