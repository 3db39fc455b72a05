"""Are the items nearest to an item of its class? R@1, R-precision and MAP@R (Musgrave et al. 2020, arXiv:2003.08505, section 3.2).

Every item is a query, and all the others are searched: R is the size of its class less one, so it differs by class. R-precision is the
share of its class among the R nearest; MAP@R = (1/R) sum over i <= R of P(i) where the i-th nearest is of the class, 0 where it is not,
with P(i) the precision among the i nearest. An item alone in its class has no right answer: its row is NaN.

Nearest by Euclidean distance; for the cosine put the codes on the sphere first. Nothing of n x n is ever held: blocks of queries, each
of some megabytes. Three things make it fast: queries sorted by class, so that the columns of a class are one slice and the rows of a
block have nearly the same R; whether two items share their class is written into the last bit of the key that is sorted; and
numpy's partition of plain floats, several times faster than a selection that carries indices along.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 1 << 22  # numbers of a block


@dataclass(frozen=True, eq=False)
class Retrieved:
    """Per query, in the order of the codes; NaN for an item alone in its class. `mean` of each is the usual score."""

    first: Float[Tensor, " n"]  # R@1, which is precision at 1: 1 or 0
    r_precision: Float[Tensor, " n"]
    map_at_r: Float[Tensor, " n"]


def retrieval(z: Float[Tensor, "n z"], y: Int[Tensor, " n"]) -> Retrieved:
    """R@1, R-precision and MAP@R of every item among all others, by Euclidean distance in the dtype of `z`.

    Distances that are equal but for its rounding are ordered at random (always the same way), so that a collapsed code gets what
    chance gives; what is equal even then counts against the class. Needs at least 2 items and finite codes.
    """
    gallery = _Gallery(z, y)
    return Retrieved(*(torch.as_tensor(column) for column in gallery.scan(_ranked, 3)))


def precision_at_1(z: Float[Tensor, "n z"], y: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """R@1 of every item alone: as `retrieval(z, y).first`, in less time."""
    return torch.as_tensor(_Gallery(z, y).scan(_nearest, 1)[0])


def chance(y: Int[Tensor, " n"]) -> float:
    """R@1 and R-precision of codes that know nothing, in expectation: the mean of R / (n - 1) over items that are not alone."""
    others = torch.bincount(y)[y].double() - 1
    return float(others[others > 0].mean() / (len(y) - 1))


class _Gallery:
    """Items sorted by the size of their class, and by class. A key is minus half the squared distance, with a jitter of its rounding."""

    def __init__(self, z: Tensor, y: Tensor):
        size = torch.bincount(y)[y].numpy()
        self.order = np.lexsort((y.numpy(), size))
        self.others = size[self.order] - 1  # R of every query
        sorted_y = y.numpy()[self.order]
        self.ends = np.flatnonzero(np.diff(sorted_y, append=-1)) + 1  # where each class ends
        codes = z.detach().numpy()[self.order]
        codes = codes - codes.mean(0)  # distances stay, and their rounding is smallest
        codes /= np.sqrt((codes * codes).mean()) or 1.0
        half = 0.5 * (codes * codes).sum(1)
        one = np.ones_like(half)
        self.queries = np.column_stack([codes, one, -half])
        self.columns = np.column_stack([codes, -half, one]).T  # the product with the queries is -|x - y|^2 / 2
        rounding = np.finfo(codes.dtype).eps * (half + 1e-6)
        self.jitter = (rounding * np.random.default_rng(0).uniform(-2.0, 2.0, len(codes))).astype(codes.dtype)
        self.int: type[np.signedinteger[Any]] = np.int64 if codes.dtype == np.float64 else np.int32

    def scan(self, f: Callable[["_Gallery", np.ndarray, int], tuple[np.ndarray, ...]], columns: int) -> np.ndarray:
        """What `f` makes of the keys of every block of queries, in the original order: (columns, n), NaN for lone items."""
        n = len(self.order)
        rows = max(1, BLOCK // n)
        found = np.full((columns, n), np.nan)
        lone = int((self.others == 0).sum())  # they come first

        def work(start: int) -> None:
            stop = min(n, start + rows)
            found[:, self.order[start:stop]] = f(self, self.keys(start, stop), start)

        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(work, range(lone, n, rows)))
        return found

    def keys(self, start: int, stop: int) -> np.ndarray:
        """The keys of queries `start` to `stop` against all items, the last bit 1 for the own class; -inf for the item itself."""
        keys = self.queries[start:stop] @ self.columns
        keys += self.jitter
        bits = keys.view(self.int)
        bits &= -2
        at = start
        for k in range(int(np.searchsorted(self.ends, start, "right")), len(self.ends)):
            if at >= stop:
                break
            begin, end = (self.ends[k - 1] if k else 0), self.ends[k]
            bits[at - start : end - start, begin:end] |= 1
            at = end
        np.fill_diagonal(keys[:, start:], -np.inf)
        return keys


def _nearest(gallery: _Gallery, keys: np.ndarray, start: int) -> tuple[np.ndarray, ...]:
    del start
    largest: np.ndarray = keys.max(1)
    return (largest.view(gallery.int) & np.ones((), gallery.int),)


def _ranked(gallery: _Gallery, keys: np.ndarray, start: int) -> tuple[np.ndarray, ...]:
    n, others = keys.shape[1], gallery.others[start : start + len(keys)]
    most = others[-1]
    keys.partition(n - most, axis=1)
    top = keys[:, n - most :]
    top.sort(axis=1)
    own = (top.view(gallery.int)[:, ::-1] & 1).astype(np.float32)
    first = own[:, 0].copy()
    own *= np.arange(most) < others[:, None]
    precision = own.cumsum(1)
    precision *= own
    ap = precision @ (1.0 / np.arange(1, most + 1))
    return first, own.sum(1) / others, ap / others
