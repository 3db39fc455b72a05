"""Contrast among any number of views of one item."""

from collections.abc import Sequence
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import batch_mean
from allegory.objectives.contrast import info_nce


def full_graph_nce(z: Sequence[Float[Tensor, "b p"]], tau: float) -> Float[Tensor, ""]:
    """sum over i < j of L(V_i, V_j), each the sum of InfoNCE both ways (Tian et al. 2020, section 3.2 and the full graph of 3.3).

    L(V_i, V_j) tells the partner of each code of view i among the codes of view j of the global batch, and the other way round.
    """
    pairs = [info_nce(a, b, tau) + info_nce(b, a, tau) for a, b in combinations(z, 2)]
    return batch_mean(torch.stack(pairs).sum(0))
