"""Who is near whom. Euclidean distance; an item is not its own neighbour; never n x n numbers are held at once.

`nearest` and `nearest_of` are exact: which items are the nearest, and how far, is what float64 differences of the given numbers say. How
most pairs are passed over is told in `measures.shortlist`.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Misuse, Problem, needs
from allegory.measures import searching

BLOCK_NUMBERS = 1 << 20  # distances held at once: 8 MB in float64, which passes over them repeatedly find in the cache
ROWS = 4096


def centred(z: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """float64 around the mean, where |x|^2 + |y|^2 - 2 x.y loses the fewest digits."""
    z = z.double()
    return z - z.mean(0)


def distance_rows(z: Float[Tensor, "n d"], block: int | None = None) -> Iterator[tuple[Int[Tensor, " b"], Float[Tensor, "b n"]]]:
    """Item numbers and their squared distances to all n items, a block of rows at a time; inf from an item to itself."""
    z = centred(z)
    square = z.square().sum(1)
    for rows in torch.arange(len(z)).split(block or max(1, BLOCK_NUMBERS // max(1, len(z)))):
        squared = torch.addmm(square[None], z[rows], z.T, alpha=-2.0).add_(square[rows, None]).clamp_min_(0.0)
        squared[torch.arange(len(rows)), rows] = math.inf
        yield rows, squared


def nearest(z: Float[Tensor, "n d"], k: int) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"]]:
    """The distances (float64) of every item to the k nearest others, nearest first, and which these are; ties by the lower number.

    The same bit for bit for any number of threads; other orders of the items give the same but for ties. Needs 0 < k < n.
    """
    _checked(z, k, len(z) - 1, "others")
    z = z.detach()
    found = _copies(z)
    if found is None:
        return searching.search(None, z, k)[:2]
    first, which = found
    groups = torch.arange(len(first), device=z.device)[:, None]
    distances = torch.zeros(len(first), 1, dtype=torch.float64, device=z.device)
    if len(first) > 1:
        far, near, _ = searching.search(None, z[first], min(k, len(first) - 1))
        groups, distances = torch.cat([groups, near], 1), torch.cat([distances, far], 1)
    return _told_apart(groups[which], distances[which], which, k, torch.arange(len(z), device=z.device))


def nearest_of(x: Float[Tensor, "m e"], z: Float[Tensor, "n d"], k: int) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"]]:
    """The distances (float64) of every query in `x` to the k nearest items of `z`, nearest first, and which these are; ties by the lower
    number. An item equal to a query counts, at distance 0. The same for any number of threads. Needs 0 < k <= n."""
    _checked(z, k, len(z), "items")
    _checked(x, 1, 1, "queries")
    if x.shape[1] != z.shape[1] or x.device != z.device:
        raise Misuse(f"expected queries like the items, (m, {z.shape[1]}) on {z.device}; got {tuple(x.shape)} on {x.device}")
    x, z = x.detach(), z.detach()
    if not len(x):
        return torch.zeros(0, k, dtype=torch.float64, device=z.device), torch.zeros(0, k, dtype=torch.int64, device=z.device)
    found = _copies(z)
    if found is None:
        return searching.search(x, z, k)[:2]
    first, which = found
    distances, groups, _ = searching.search(x, z[first], min(k, len(first)))
    return _told_apart(groups, distances, which, k, None)


def approximately(z: Float[Tensor, "n d"], k: int, probes: int = 16) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"]]:
    """Like `nearest`, but by faiss (the extra `search`), which looks into `probes` of about 4 sqrt(n) cells only: it may miss some.

    The distances to what it found are exact, in float64. An item with fewer than k others in these cells is asked about all cells.
    """
    try:
        import faiss
    except ImportError as e:
        raise needs("search", "faiss-cpu", "approximate search") from e
    _checked(z, k, len(z) - 1, "others")
    z = z.detach().cpu()
    rows = (z.double() - z.double().mean(0)).float().contiguous().numpy()
    n, d = rows.shape
    cells = max(1, min(n // 39, round(4.0 * n**0.5)))  # faiss asks for 39 items a cell
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(d), d, cells)
    index.train(rows)
    index.add(rows)
    index.nprobe = min(probes, cells)
    found = torch.from_numpy(index.search(rows, k + 1)[1])
    few = (found < 0).any(1).nonzero()[:, 0]
    if len(few):
        index.nprobe = cells
        found[few] = torch.from_numpy(index.search(rows[few.numpy()], k + 1)[1])
    own = torch.arange(n)[:, None]
    asking = own.expand_as(found).reshape(-1)
    exact = searching.squares(z, z, asking, found.reshape(-1)).sqrt().reshape(found.shape)
    exact[found == own] = math.inf
    best = searching.ranked(asking, exact.reshape(-1), found.reshape(-1), k, n)
    return exact.reshape(-1)[best], found.reshape(-1)[best]


def distinct(z: Float[Tensor, "n d"]) -> Float[Tensor, "m d"]:
    """Each different row once, in the order of first appearance: a copy lies at distance 0 and says nothing of the space around."""
    found = _copies(z)
    return z if found is None else z[found[0]]


def _checked(z: Tensor, k: int, most: int, what: str) -> None:
    if not z.shape[1]:
        raise Misuse(f"expected items with at least one number each, (n, d); got shape {tuple(z.shape)}")
    if not 0 < k <= most:
        raise Misuse(f"expected 0 < k <= {most} neighbours among {most} {what}; got k = {k}. Take a smaller k or more items")
    if not all(bool((part.double() * 2.0**24).isfinite().all()) for part in z.split(ROWS)):
        raise Problem(
            "items hold NaN or infinite numbers (or beyond 1e300), which have no neighbours; leave these items out or fill them in"
        )


def _copies(z: Float[Tensor, "n d"]) -> tuple[Int[Tensor, " m"], Int[Tensor, " n"]] | None:
    """The first of each different row, in order, and which of these each row is; None when no two are the same.

    Rows are compared with the first row that has the same sum with fixed weights.
    """
    weights = torch.arange(1, z.shape[1] + 1, dtype=torch.float64, device=z.device).sqrt().frac() + 0.5
    sums = torch.cat([(part.double() * weights).sum(1) for part in z.split(ROWS)])
    values, inverse = sums.unique(return_inverse=True)
    everyone = torch.arange(len(z), device=z.device)
    if len(values) == len(z):
        return None
    leader = torch.full_like(values, len(z), dtype=torch.int64).scatter_reduce_(0, inverse, everyone, "amin")[inverse]
    same = torch.cat([(z[rows] == z[leader[rows]]).all(1) for rows in everyone.split(ROWS)])
    leader = torch.where(same, leader, everyone)
    first = leader.unique()
    return None if len(first) == len(z) else (first, torch.searchsorted(first, leader))


def _told_apart(
    groups: Int[Tensor, "m g"], distances: Float[Tensor, "m g"], which: Int[Tensor, " n"], k: int, own: Int[Tensor, " m"] | None
) -> tuple[Float[Tensor, "m k"], Int[Tensor, "m k"]]:
    """From the nearest different rows to the nearest items: each row stands for its copies, of which the first k + 1 are enough."""
    order = which.argsort(stable=True)
    counts = which.bincount()
    starts = counts.cumsum(0) - counts
    at = torch.arange(len(which), device=which.device) - starts[which[order]]
    width = min(k + (own is not None), int(counts.max()))
    table = torch.full((len(counts), width), -1, device=which.device)
    table[which[order][at < width], at[at < width]] = order[at < width]
    far, near = [], []
    for rows in torch.arange(len(groups), device=which.device).split(max(1, BLOCK_NUMBERS // (groups.shape[1] * width))):
        items = table[groups[rows]].flatten(1)  # (b, g * width)
        apart = distances[rows].repeat_interleave(width, 1).masked_fill(items < 0, math.inf)
        if own is not None:
            apart = apart.masked_fill(items == own[rows, None], math.inf)
        items, by_number = items.sort(dim=1, stable=True)
        apart, best = apart.gather(1, by_number).sort(dim=1, stable=True)
        far.append(apart[:, :k])
        near.append(items.gather(1, best)[:, :k])
    return torch.cat(far), torch.cat(near)
