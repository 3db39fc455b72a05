"""Items prepared for exact search: sums of a few products that never overrate a distance, so that most pairs can be passed over unseen.

Items are centred, scaled by a power of two and turned by an orthogonal matrix that puts the leading principal directions first: w. With r
the norm of the coordinates after the first m, Cauchy and Schwarz give for every m

    |w_i - w_j|^2 >= |w_i|^2 + |w_j|^2 - 2 (sum over the first m of w_i w_j + r_i r_j)

with equality when m is all. A pair may be among the k nearest of item i only if this is at most tau_i, what the k-th nearest is known to be
below. `stages` are columns such that the inner product of `left` and `right`, summed over the first stages, is half of
tau_i less the bound: below 0, the pair is out. The first stage is a matrix product; later ones are asked for the few that are left.

Rounding. u is the unit roundoff of the products, gamma = (d + 12) u bounds the relative error of a sum of so many products in any order
(Higham 2002, "Accuracy and Stability of Numerical Algorithms", on inner products), c |w| is how far a stored row may lie from the true one.
N stands for |w_i|^2 + |w_j|^2. Since 2 sqrt(tau) c |w| <= c tau + c |w|^2, a pair within tau has a bound of at most (1 + 2c) tau + 2c N;
the terms of the product add up to at most 3 N + tau / 2. So with the norms lessened by kappa = 6 gamma + 2 c and tau raised by 2c + 2 gamma
no pair within tau is ever lost; and 3 kappa N more than a computed square is above the true one.

Items are ordered by halving along the main direction of each half, so that a leaf holds items near each other: the nearest leaves give
tau, and a leaf whose ball is out of reach is left out as a whole. Which stages pay is estimated from some items. All of this changes
only how long a search takes.
"""

import itertools
import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.measures.dealing import Deal

ROWS = 4096  # turned at once
LEAF = 768  # items at most; halving leaves more than half of it
TREE_DIMENSIONS = 16
NEAR = 4  # leaves that give tau
ROTATED = (24, 2048)  # dimensions below which turning gains nothing, and above which eigenvectors cost more than they gain
ENDS = (8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536)  # where a stage may end
# The price of looking at a distance, of asking for one more product and of each of its coordinates, in multiply-adds of a matrix product
LOOK, ASK, GATHER = 18.0, 1500.0, 16.0
PILOTS, PILOT_ROWS, PILOT_COLUMNS = 8, 32, 8192
TINY = {torch.float32: 1e-30, torch.float64: 1e-290}  # what underflow may take from a square, where the longest row has about 1


def shortened(dtype: torch.dtype, device: torch.device) -> float:
    """The relative error of a product of two numbers that are read with fewer digits, as torch may be told to: twice their roundoff."""
    if dtype == torch.float64:
        return 0.0
    backend = torch.backends.cuda if device.type == "cuda" else torch.backends.mkldnn
    return {"bf16": 2.0**-7, "tf32": 2.0**-9}.get(backend.matmul.fp32_precision, 0.0)


@dataclass(frozen=True)
class Frame:
    """How items become coordinates w, with what error."""

    centre: Float[Tensor, " d"]
    scale: float
    turn: Float[Tensor, "d d"] | None
    dtype: torch.dtype
    shortened: float

    @property
    def unit(self) -> float:
        return 2.0**-53 if self.dtype == torch.float64 else 2.0**-24

    @property
    def off(self) -> float:
        """c: how far a row of w may lie from the true one, relative to its length."""
        return 2.0 * self.unit

    @property
    def gamma(self) -> float:
        """The relative error of a sum of products."""
        return 1.01 * (len(self.centre) + 12) * self.unit + self.shortened

    @property
    def kappa(self) -> float:
        return 6.0 * self.gamma + 2.0 * self.off

    @property
    def gauge(self) -> float:
        """What differences are multiplied by before they are squared in float64: 1 unless their squares could leave its range."""
        return 1.0 if 1e-100 < self.scale < 1e100 else self.scale

    def raised(self, tau: Tensor) -> Tensor:
        """What a computed bound stays below for every pair within `tau`, both as squares in the units of w."""
        return tau * (1.0 + 2.0 * self.off + 2.0 * self.gamma) + TINY[self.dtype]

    def __call__(self, z: Float[Tensor, "n d"], deal: Deal) -> Float[Tensor, "n d"]:
        w = torch.empty(z.shape, dtype=self.dtype, device=z.device)

        def turn(start: int) -> None:
            part = (z[start : start + ROWS].double() - self.centre) * self.scale
            w[start : start + ROWS] = part if self.turn is None else part @ self.turn

        deal(range(0, len(z), ROWS), turn)
        return w

    @classmethod
    def of(cls, z: Float[Tensor, "n d"], turned: bool, dtype: torch.dtype, queries: Float[Tensor, "m d"] | None = None) -> "Frame":
        """The frame of items `z`, in which queries have lengths that can be squared, too."""
        centre = torch.stack([part.double().sum(0) / len(z) for part in z.split(ROWS)]).sum(0)
        parts = (*z.split(ROWS), *(() if queries is None else queries.split(ROWS)))
        longest = max(float((part.double() - centre).abs().max()) for part in parts) * math.sqrt(z.shape[1])
        scale = 2.0 ** -math.frexp(longest)[1] if longest > 0.0 else 1.0
        turn = None
        if turned:
            some = (z[:: max(1, len(z) // 8192)].double() - centre) * scale
            turn = torch.linalg.eigh(some.T @ some).eigenvectors.flip(1).contiguous()
        return cls(centre, scale, turn, dtype, shortened(dtype, z.device))


@dataclass(frozen=True)
class Stages:
    """Rows whose products bound distances: columns for the right side, from which the left ones are made; their squared norms."""

    right: tuple[Float[Tensor, "n _"], ...]
    square: Float[Tensor, " n"]  # float64

    @classmethod
    def of(cls, w: Float[Tensor, "n d"], ends: tuple[int, ...], kappa: float) -> "Stages":
        """[w_1..m, r, b, 1] and then [w_m..m', r, r'], where b = (1 - kappa) |w|^2 / 2."""
        square = torch.zeros(len(w), dtype=torch.float64, device=w.device)
        after = {w.shape[1]: square}  # the squared norm of what follows each end
        for start, end in reversed(list(itertools.pairwise((0, *ends)))):
            square = square + w[:, start:end].double().square().sum(1)
            after[start] = square
        rest = {m: after[m].sqrt().to(w.dtype)[:, None] for m in ends}
        half = (0.5 * (1.0 - kappa) * square).to(w.dtype)[:, None]
        first = torch.cat([w[:, : ends[0]], rest[ends[0]], half, torch.ones_like(half)], 1)
        later = [torch.cat([w[:, a:b], rest[a], rest[b]], 1) for a, b in itertools.pairwise(ends)]
        return cls((first, *later), square)

    def left(self, rows: Int[Tensor, " b"]) -> list[Float[Tensor, "b _"]]:
        """The left sides of some rows; those of the first stage with tau = 0."""
        sides = [right[rows] for right in self.right]
        sides[0][:, -1] = -sides[0][:, -2]
        sides[0][:, -2] = -1.0
        for side in sides[1:]:
            side[:, -2] *= -1.0
        return sides

    def coordinates(self, rows: Int[Tensor, " b"] | slice) -> Float[Tensor, "b d"]:
        first, *later = self.right
        return torch.cat([first[rows, :-3], *(right[rows, :-2] for right in later)], 1).double()


@dataclass(frozen=True)
class Base:
    """Items in the order of the leaves: `order` names them, leaf l holds those from `starts[l]` to `starts[l + 1]`."""

    frame: Frame
    stages: Stages
    order: Int[Tensor, " n"]
    starts: tuple[int, ...]
    centres: Float[Tensor, "l d"]
    radii: Float[Tensor, " l"]

    @property
    def ends(self) -> tuple[int, ...]:
        first, *later = self.stages.right
        return tuple(itertools.accumulate((right.shape[1] - 2 for right in later), initial=first.shape[1] - 3))

    def near(self, centre: Float[Tensor, " d"], k: int) -> Int[Tensor, " h"]:
        """The leaves nearest to a point: a few, and more when they would not hold twice k items."""
        by_distance = (self.centres - centre).square().sum(1).argsort(stable=True)
        sizes = torch.tensor(self.starts, device=centre.device).diff()[by_distance]
        enough = int((sizes.cumsum(0) < 2 * k + 2).sum()) + 1
        return by_distance[: max(NEAR, enough)]

    def items(self, leaves: Int[Tensor, " h"]) -> Int[Tensor, " m"]:
        """Places of the items of some leaves."""
        return torch.cat([torch.arange(self.starts[i], self.starts[i + 1], device=leaves.device) for i in leaves.tolist()])


def prepared(z: Float[Tensor, "n d"], k: int, x: Float[Tensor, "m d"] | None, deal: Deal) -> Base:
    """Items ready to be asked for the `k` nearest by the queries `x`, or by themselves."""
    (n, d), queries = z.shape, len(z if x is None else x)
    many = n > 2 * NEAR * LEAF and queries > n // 16
    turned = many and ROTATED[0] <= d <= ROTATED[1] and min(n, queries) > 4 * d
    frame = Frame.of(z, turned, torch.float32, x)
    w = frame(z, deal)
    order, starts = halved(w[:, :TREE_DIMENSIONS]) if many else (torch.arange(n, device=z.device), (*range(0, n, LEAF), n))
    w = w[order]
    found = based(frame, w, order, starts, (d,))
    ends, left = staged(found, w, k)
    if left > 8 * k + 64:  # items so close together, far from the centre, that float32 does not tell them apart
        frame = Frame.of(z, False, torch.float64, x)
        return based(frame, frame(z, deal)[order], order, starts, (d,))
    return found if ends == (d,) or not turned else replace(found, stages=Stages.of(w, ends, frame.kappa))


def based(frame: Frame, w: Float[Tensor, "n d"], order: Int[Tensor, " n"], starts: tuple[int, ...], ends: tuple[int, ...]) -> Base:
    """Adds the balls around the leaves; their centres and radii are right to 1e-10 or so, which `reach` in the search allows for."""
    leaves = [w[a:b].double() for a, b in itertools.pairwise(starts)]
    centres = torch.stack([leaf.mean(0) for leaf in leaves])
    radii = torch.stack([(leaf - centre).square().sum(1).max().sqrt() for leaf, centre in zip(leaves, centres, strict=True)])
    return Base(frame, Stages.of(w, ends, frame.kappa), order, starts, centres, radii)


def halved(w: Float[Tensor, "n t"]) -> tuple[Int[Tensor, " n"], tuple[int, ...]]:
    """Items in the order of leaves of at most LEAF, by halving at the median along the main direction; and where leaves start."""
    waiting, leaves = [torch.arange(len(w), device=w.device)], []
    while waiting:
        items = waiting.pop()
        if len(items) <= LEAF:
            leaves.append(items)
            continue
        part = w[items].double()
        part = part - part.mean(0)
        along = part @ torch.linalg.eigh(part.T @ part).eigenvectors[:, -1]
        low, high = items[along.argsort(stable=True)].tensor_split(2)
        waiting += [high, low]
    return torch.cat(leaves), tuple(itertools.accumulate((len(leaf) for leaf in leaves), initial=0))


def staged(base: Base, w: Float[Tensor, "n d"], k: int) -> tuple[tuple[int, ...], float]:
    """Where the stages had best end, by what some items would cost; and how many items are left for each after the last stage."""
    n, d = w.shape
    leaves = range(0, len(base.starts) - 1, max(1, (len(base.starts) - 1) // PILOTS))
    rows = torch.cat([torch.arange(base.starts[i], min(base.starts[i] + PILOT_ROWS, base.starts[i + 1])) for i in leaves]).to(w.device)
    columns = torch.arange(0, n, max(1, n // PILOT_COLUMNS), device=w.device)
    tau = []
    for i, own in zip(leaves, rows.split([min(PILOT_ROWS, base.starts[i + 1] - base.starts[i]) for i in leaves]), strict=True):
        near = base.items(base.near(base.centres[i], k))
        apart = base.stages.square[own, None] + base.stages.square[near] - 2.0 * (w[own] @ w[near].T).double()
        tau.append(apart.topk(min(k + 1, len(near)), largest=False).values[:, -1])
    within = base.frame.raised(torch.cat(tau).clamp_min(0.0))
    limit = within[:, None] - (1.0 - base.frame.kappa) * (base.stages.square[rows, None] + base.stages.square[columns])
    ends = [m for m in ENDS if m < d] + [d]
    product, a, b = torch.zeros_like(limit), base.stages.square[rows], base.stages.square[columns]
    left: dict[int, float] = {}
    for start, end in itertools.pairwise((0, *ends)):
        p, q = w[rows, start:end], w[columns, start:end]
        product += (p @ q.T).double()
        a, b = a - p.double().square().sum(1), b - q.double().square().sum(1)
        rest = (a.clamp_min(0.0)[:, None] * b.clamp_min(0.0)).sqrt()
        left[end] = float((-2.0 * (product + rest) <= limit).double().mean())
    plans = [(d,), *((m, d) for m in ends[:-1]), *((m, o, d) for m, o in itertools.combinations(ends[:-1], 2))]
    return min(plans, key=lambda plan: price(plan, left)), n * left[d]


def price(plan: tuple[int, ...], left: dict[int, float]) -> float:
    """Of a pair, in multiply-adds of a matrix product."""
    return plan[0] + LOOK + sum(left[a] * (ASK + GATHER * (b - a)) for a, b in itertools.pairwise(plan))
