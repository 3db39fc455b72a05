"""Some items to stand for all: drawn by what is in them, so that neither the order of the items nor a seed decides which."""

import hashlib

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def landmarks(x: Float[Tensor, "n d"], m: int) -> Int[Tensor, " m"]:
    """The numbers of m items, rising: all of them where there are no more, else those with the smallest hash of their numbers.

    As good as random, and the same items in whatever order they come. Copies are taken once, while there are others.
    """
    n = len(x)
    if n <= m:
        return torch.arange(n)
    rows = np.ascontiguousarray(x.cpu().numpy())
    keys = np.array([int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little") for row in rows], dtype=np.uint64)
    _, first = np.unique(keys, return_index=True)  # sorted by key
    rest = np.setdiff1d(np.arange(n), first)
    return torch.as_tensor(np.sort(np.concatenate([first, rest])[:m]))
