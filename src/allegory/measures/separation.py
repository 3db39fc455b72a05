r"""How well were mixed sources told apart? Of $P = U A$, the found unmixing times the true mixing, up to order and scale of the sources.

**Amari index** (Amari, Cichocki and Yang 1996, over its largest value):

$$ \frac{1}{2 n (n - 1)} \Big( \sum_i \big( \sum_j \frac{|p_{ij}|}{\max_k |p_{ik}|} - 1 \big)
   + \sum_j \big( \sum_i \frac{|p_{ij}|}{\max_k |p_{kj}|} - 1 \big) \Big) $$

0 where each source is found alone (P is a permutation, scaled), 1 where every one is found as much in every other.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def amari_index(P: Float[Tensor, "n n"]) -> float:
    """Between 0 and 1; needs n of 2 or more, and no row or column of zeros."""
    p, n = P.double().abs(), len(P)
    across, down = p / p.amax(1, keepdim=True), p / p.amax(0, keepdim=True)
    return float(torch.stack([across, down]).sum() - 2 * n) / (2 * n * (n - 1))
