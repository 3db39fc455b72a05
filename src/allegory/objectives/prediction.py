"""Contrast along an axis: tell what comes some steps ahead from all that comes anywhere."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory.core import everyone, rank


def told_ahead(predicted: Float[Tensor, "b h w z"], z: Float[Tensor, "b h w z"], k: int) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """InfoNCE of a prediction k rows ahead (van den Oord et al. 2018, eq. 3 and 4), and how often the right one scores highest.

    -log exp(z_j.p_t) / sum over all j' of exp(z_j'.p_t) with p_t = W_k c_t = `predicted` at row t and j the place k rows below in the
    same column; the mean over the places of each example that have such a row. j' runs over all places of all examples of the global
    batch, the same example included. Scores are plain products, without a temperature.
    """
    b, h, w, size = z.shape
    queries = predicted[:, : h - k].reshape(-1, size)  # (b (h - k) w, z)
    keys = everyone(z).reshape(-1, size)  # (all h w, z)
    logits = queries @ keys.T
    places = torch.arange(k * w, h * w, device=z.device)  # of the rows k and below, in the order of the queries
    items = (torch.arange(b, device=z.device) + rank() * b) * h * w
    right = (items[:, None] + places).flatten()
    losses = F.cross_entropy(logits, right, reduction="none")
    hits = (logits.argmax(1) == right).to(losses.dtype)
    return losses.view(b, -1).mean(1), hits.view(b, -1).mean(1)
