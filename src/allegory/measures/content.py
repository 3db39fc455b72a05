"""Rows by what is in them, so that neither the order in which items come nor a seed decides anything."""

import hashlib

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def order(x: Float[Tensor, "n d"]) -> Int[Tensor, " n"]:
    """The numbers of the rows in an order that is the rows' own: by their bytes. Copies are as they come."""
    return torch.as_tensor(np.argsort(_bytes(x), kind="stable"), device=x.device)


def ordered(x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The rows in that order: the same matrix, in whatever order they come."""
    return x[order(x)]


def once(x: Float[Tensor, "n d"]) -> tuple[Int[Tensor, " m"], Int[Tensor, " n"]]:
    """Where each different row stands first, in the order of `order`, and the number of every row's among them."""
    _, first, which = np.unique(_bytes(x), return_index=True, return_inverse=True)
    return torch.as_tensor(first, device=x.device), torch.as_tensor(which.ravel(), device=x.device)


def landmarks(x: Float[Tensor, "n d"], m: int) -> Int[Tensor, " m"]:
    """The numbers of m items that stand for all: those with the smallest hash of their numbers, the smallest first.

    As good as random. Copies are taken once, while there are others.
    """
    rows = np.ascontiguousarray(x.cpu().numpy())
    keys = np.array([int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "little") for row in rows], dtype=np.uint64)
    _, first = np.unique(keys, return_index=True)  # sorted by key
    again = np.setdiff1d(np.arange(len(x)), first)
    return torch.as_tensor(np.concatenate([first, again[np.argsort(keys[again], kind="stable")]])[:m], device=x.device)


def _bytes(x: Float[Tensor, "n d"]) -> np.ndarray:
    """Each row as one value (n,), which compares by its bytes."""
    rows = np.ascontiguousarray(x.cpu().numpy() + 0.0)  # -0.0 is 0.0
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
