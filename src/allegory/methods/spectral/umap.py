r"""Places whose memberships are the data's own: each item belongs to its neighbours by degrees, and so do the places.

**Model.** $v_{j|i} = \exp(-\max(0, d_{ij} - \rho_i) / \sigma_i)$, of which the nearest neighbour has 1 and all together have
$\log_2 k$; $v_{ij} = v_{j|i} + v_{i|j} - v_{j|i} v_{i|j}$. Places belong together to the degree $w_{ij} = (1 + a |y_i - y_j|^{2b})^{-1}$,
$a$ and $b$ so that it stays near 1 up to `min_dist`.

**Objective.** $\min_y \sum_{ij} v_{ij} \log \frac{v_{ij}}{w_{ij}} + (1 - v_{ij}) \log \frac{1 - v_{ij}}{1 - w_{ij}}$ (McInnes, Healy and
Melville 2018, definition 10), of which descent sees a sample: every edge comes as often as it weighs and pulls its ends together, and
pushes some strangers from its head. (So the push is weaker than the formula's: Damrich and Hamprecht 2021.)

**Notation.** `k` neighbours, the item itself among them; `v`, `w`, `a`, `b`, `y`. A training item has its own place. A new one begins at
the mean of its neighbours', and descends the same terms over its own place alone: it moves nobody.

**When it fails.** Distances between far groups and the densities of groups mean nothing; a small `k` makes clusters out of noise. Look at
trustworthiness and continuity, and at another seed's or k's map.

**Measured.** Trustworthiness, continuity and the share of the 15 nearest kept: digits .988, .985, .530 to .536 over three seeds (umap-learn
0.5.12 as its makers set it .988, .984, .532); all 70,000 of Fashion-MNIST .969, .976, .133 (umap-learn .972, .975, .133) in 33 s on two
cores with its neighbours; at 10,000 umap-learn takes 3.7 times as long (benchmarks/embedding.py). Test items of digits, placed when all
else stays: trustworthiness .968.

**Reference.** L. McInnes, J. Healy and J. Melville, UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction, 2018.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Card, Claim, CodeKind, Dice, Misuse, Paper, Spec
from allegory.measures.affinities import Affinity, Edges, Fuzzy
from allegory.methods.spectral._embedding import NeighbourEmbedding, Places, brought
from allegory.methods.spectral._sampling import Sampling, sampled
from allegory.objectives import fuzzy

WIDE = 5.0  # standard deviation of the start
FEW = 10_000  # items, up to which there are 500 epochs, beyond 200
JOINING, JOINING_RATE = 100, 0.5  # steps of a new item, and the rate of the first
CROWD = 64  # strangers that a new item sees in a step


@final
@dataclass(frozen=True)
class UMAP(NeighbourEmbedding):
    """UMAP (McInnes, Healy and Melville 2018): minimises the cross-entropy between memberships in the data and among places.

    k: neighbours of an item, itself among them. min_dist: how near places may lie before they count as one; at most `spread`. spread:
    the scale of the places. epochs: in each the heaviest edge comes once; None: 500, and 200 for more than 10,000 items. strangers:
    pushed away each time an edge comes. backend: "own", or "umap-learn" for learning by that package (the extra manifold); new items
    are placed by our own descent.
    """

    k: int = 15
    min_dist: float = 0.1
    spread: float = 1.0
    epochs: int | None = None
    strangers: int = 5
    backend: Literal["own", "umap-learn"] = "own"

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Uniform manifold approximation and projection",
        paper=Paper("McInnes, Healy and Melville", "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction", 2018,
                    "https://arxiv.org/abs/1802.03426", "definition 10: the fuzzy set cross-entropy"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="none",
        modelled=r"w_{ij} = (1 + a |y_i - y_j|^{2b})^{-1}",
        minimised=r"\sum_{ij} v_{ij} \log \frac{v_{ij}}{w_{ij}} + (1 - v_{ij}) \log \frac{1 - v_{ij}}{1 - w_{ij}}", unit="nats",
        buys="Tight groups and much of their arrangement in few numbers an item, in time that grows with the edges alone.",
        costs="Fewer neighbours are kept than by t-SNE; distances between groups and their densities mean little; there is no way back.",
        fails="Clusters made of noise when k is small; look at trustworthiness, continuity and another k.",
        code=CodeKind(size="smaller"), out_of_sample="optimised", tiny={"epochs": 100},
        claims=(Claim("trustworthiness", "trustworthiness", "digits", 0.962, seeds=3),),
    )  # fmt: skip

    @property
    def affinity(self) -> Affinity:
        return Fuzzy(self.k)

    @property
    def among(self) -> int:
        return self.k - 1

    def build(self, spec: Spec, n: int) -> Places:
        if not (self.k >= 2 and 0.0 <= self.min_dist <= self.spread and self.spread > 0.0 and self.strangers >= 1):
            raise Misuse(
                f"UMAP: expected k of at least 2, 0 <= min_dist <= spread and at least 1 stranger, got k={self.k}, "
                f"min_dist={self.min_dist:g}, spread={self.spread:g} and strangers={self.strangers}"
            )
        if self.epochs is not None and self.epochs < 1:
            raise Misuse(f"UMAP: expected at least 1 epoch, got {self.epochs}")
        return super().build(spec, n)

    def arranged(self, edges: Edges, start: Float[Tensor, "n z"], dice: Dice) -> Float[Tensor, "n z"]:
        a, b = fuzzy.curve(self.min_dist, self.spread)
        plan = Sampling(self.epochs or (500 if edges.n <= FEW else 200), strangers=self.strangers)
        pull, push = lambda square: fuzzy.pull(square, a, b), lambda square: fuzzy.push(square, a, b)
        return sampled((WIDE * start).T.contiguous(), edges, pull, push, plan, dice).T

    def joined(self, net: Places, far: Float[Tensor, "b k"], near: Int[Tensor, "b k"]) -> Float[Tensor, "b z"]:
        a, b = fuzzy.curve(self.min_dist, self.spread)
        v = Fuzzy(self.k).seen(far)
        v = v / v.sum(1, keepdim=True)
        old = net.z.T.contiguous()
        theirs = net.z[near].permute(2, 0, 1)
        crowd = Dice.roll(0, 0, torch.arange(JOINING, device=old.device), "join").integers("crowd", old.shape[1], CROWD)
        y = (theirs * v).sum(2)
        for step, strangers in enumerate(crowd):
            apart, gap = y[:, :, None] - theirs, y[:, :, None] - old[:, None, strangers]
            pull = (v * fuzzy.clipped(apart * fuzzy.pull(apart.square().sum(0), a, b))).sum(2)
            push = fuzzy.clipped(gap * fuzzy.push(gap.square().sum(0), a, b)).mean(2)
            y = y - JOINING_RATE * (1.0 - step / JOINING) * (pull + self.strangers * push)
        return y.T

    def peer(self, x: np.ndarray, seed: int) -> np.ndarray | None:
        if self.backend == "own":
            return None
        model = brought("umap", "umap-learn", 'UMAP with backend "umap-learn"').UMAP(
            n_components=self.latent, n_neighbors=min(self.k, len(x) - 1), min_dist=self.min_dist, spread=self.spread,
            n_epochs=self.epochs, negative_sample_rate=self.strangers, random_state=seed, n_jobs=1,
        )  # fmt: skip
        return np.asarray(model.fit_transform(x))
