"""Does a map keep neighbourhoods? Trustworthiness and continuity (Venna and Kaski 2001; 2006, "Local multidimensional scaling").

    T(k) = 1 - 2 / (n k (2n - 3k - 1)) sum_i sum over j in U_k(i) of (r(i, j) - k)

U_k(i): the items among the k nearest of item i in the code but not in the data (intruders); r(i, j): the rank of j among the neighbours
of i in the data, the nearest has rank 1. Continuity is the same with data and code exchanged (items torn away). Both are 1 when the k
nearest are the same, and about 1/2 when the code knows nothing of the data. Equal distances share the best of their ranks.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.measures.neighbours import distance_rows, nearest


def intrusion(x: Float[Tensor, "n d"], z: Float[Tensor, "n z"], k: int) -> Float[Tensor, " n"]:
    """1 - 2 / (k (2n - 3k - 1)) sum_j (r(i, j) - k) of every item i: trustworthiness is the mean over items.

    `x`: where ranks are taken; `z`: where the k neighbours are. Needs 0 < k < n / 2, as the normalisation does. Time n^2 (d + z + k).
    """
    n = len(x)
    if not 0 < k < n / 2:
        raise ValueError(f"expected 0 < k < n / 2 neighbours, got k = {k} of n = {n} items; take a smaller k or more items")
    _, near = nearest(z, k)
    beyond = []
    for rows, squared in distance_rows(x):
        theirs = squared.gather(1, near[rows])
        # numpy counts rows of booleans several times faster than torch adds them
        nearer = [np.count_nonzero((squared < theirs[:, j, None]).numpy(), axis=1) for j in range(k)]
        beyond.append(sum(np.maximum(count + 1 - k, 0) for count in nearer))
    return 1.0 - 2.0 / (k * (2.0 * n - 3.0 * k - 1.0)) * torch.as_tensor(np.concatenate(beyond)).double()


def trustworthiness(x: Float[Tensor, "n d"], z: Float[Tensor, "n z"], k: int = 12) -> float:
    """Whether neighbours in the code are neighbours in the data. In [0, 1], higher is better."""
    return float(intrusion(x, z, k).mean())


def continuity(x: Float[Tensor, "n d"], z: Float[Tensor, "n z"], k: int = 12) -> float:
    """Whether neighbours in the data are neighbours in the code. In [0, 1], higher is better."""
    return float(intrusion(z, x, k).mean())
