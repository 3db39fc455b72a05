r"""Places in the plane whose neighbours are the items' own: the probability of picking j as a neighbour of i is as in the data.

**Model.** $p_{ij}$: of pairs of items, from Gaussians whose width gives every item `perplexity` neighbours; $q_{ij} \propto
(1 + |y_i - y_j|^2)^{-1}$: of pairs of places $y$, heavy-tailed, so that what is moderately far may be placed farther.

**Objective.** $\min_y KL(P \| Q) = \sum_{ij} p_{ij} \log p_{ij} / q_{ij}$ (van der Maaten and Hinton 2008, section 3.1, with the $q_{ij}$
of equation 4), whose slope (equation 5) is a pull along the edges of the graph of nearest neighbours and a push between all pairs. The pull
is exact. The push of more than 512 places in the plane is summed on a grid by a fast Fourier transform (the idea of Linderman et al. 2019;
`objectives.grid` has ours), in time n log n. Steps have momentum and gains, the first third with the pull 12 times as strong, from the main
axes at a rate of n / 12, then n (Belkina et al. 2019; Kobak and Berens 2019).

**Notation.** `perplexity`, `P`, `Q`, `y`. A training item has its own place. A new one descends $KL(P_x \| Q_x)$ over its own place
alone, from the mean of its neighbours', with a perplexity of 5: it moves nobody.

**When it fails.** Distances between far groups and the sizes and densities of groups mean nothing; too few steps tear continuous shapes
apart, and a small perplexity makes clusters out of noise. Look at trustworthiness and continuity, and at another seed's or perplexity's
map.

**Measured.** Trustworthiness, continuity and the share of the 15 nearest kept: digits .991, .986, .593 (openTSNE 1.0.4 as its makers set it
.991, .986, .593); all 70,000 of Fashion-MNIST .979, .974, .326 (openTSNE .979, .974, .325) in 69 to 77 s on two cores with its neighbours,
and with graph="uniform" .980, .972, .345 in 38 s. At 10,000 openTSNE takes 3.1 times as long (benchmarks/embedding.py). Test items of
digits, placed when all else stays: trustworthiness .969.

**Reference.** L. van der Maaten and G. Hinton, Visualizing Data using t-SNE, 2008; G. C. Linderman, M. Rachh, J. G. Hoskins,
S. Steinerberger and Y. Kluger, Fast interpolation-based t-SNE for improved visualization of single-cell RNA-seq data, 2019.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Card, Claim, CodeKind, Dice, Misuse, Paper, Spec
from allegory.measures.affinities import Affinity, Edges, Perplexity, Uniform
from allegory.methods.spectral._descent import Phase, descended
from allegory.methods.spectral._embedding import NeighbourEmbedding, Places, brought
from allegory.objectives import grid
from allegory.objectives.attraction import Rows, student_pull
from allegory.objectives.repulsion import FEW, student_push, student_sums

SMALL = 1e-4  # standard deviation of the start
SEEN_BY_NEW = 5.0  # perplexity of a new item among the old
JOINING = Phase(100, 1.0, 0.8)
JOINING_RATE = 0.1


def settled(edges: Edges, start: Float[Tensor, "n z"], steps: int, exaggeration: float = 12.0) -> Float[Tensor, "n z"]:
    """The places after `steps` down KL(P || Q), P the weights of edges, which sum to 1. `start`: of a scale of about 1, with mean 0."""
    rows = Rows.of(edges.n, edges.i, edges.j, edges.w)
    slope = lambda y, more: -more * rows.pull(y, student_pull) - student_push(y)[1]
    phases = (Phase(steps // 3, exaggeration), Phase(steps - steps // 3))
    y = descended((SMALL * start[rows.order]).T.contiguous(), slope, phases, rate=float(edges.n))
    return y.T[rows.order.argsort()]


@final
@dataclass(frozen=True)
class TSNE(NeighbourEmbedding):
    """t-SNE (van der Maaten and Hinton 2008): minimises KL(P || Q) between neighbours in the data and among places.

    perplexity: the effective number of neighbours of an item. graph: "gaussian" as published, or "uniform": all of half as many nearest
    alike, several times quicker and nearly the same map. exaggeration: of the pull, in the first third of the steps. steps: in all.
    backend: "own", or "openTSNE" for learning by that package (the extra manifold); new items are placed by our own descent.
    """

    perplexity: float = 30.0
    graph: Literal["gaussian", "uniform"] = "gaussian"
    exaggeration: float = 12.0
    steps: int = 750
    backend: Literal["own", "openTSNE"] = "own"

    card: ClassVar[Card] = Card(
        family="spectral",
        title="t-distributed stochastic neighbour embedding",
        paper=Paper("van der Maaten and Hinton", "Visualizing Data using t-SNE", 2008,
                    "https://jmlr.org/papers/v9/vandermaaten08a.html", "section 3.1, with the q_ij of equation 4"),
        density="not modelled", manifold="Euclidean space", principle="compression", approach="built-in structure", decoder="none",
        modelled=r"q_{ij} \propto (1 + |y_i - y_j|^2)^{-1}", minimised=r"\sum_{i \ne j} p_{ij} \log (p_{ij} / q_{ij})", unit="nats",
        buys="A map of two numbers an item that keeps more neighbours than any projection.",
        costs="Only neighbours are kept: distances between groups, their sizes and densities mean nothing, and there is no way back.",
        fails="Continuous shapes torn apart, clusters made of noise; look at trustworthiness, continuity and other perplexities.",
        code=CodeKind(size="smaller"), out_of_sample="optimised", tiny={"steps": 150},
        claims=(Claim("trustworthiness", "trustworthiness", "digits", 0.965, seeds=3),),
    )  # fmt: skip

    @property
    def affinity(self) -> Affinity:
        return Perplexity(self.perplexity) if self.graph == "gaussian" else Uniform(math.ceil(self.perplexity / 2.0))

    @property
    def among(self) -> int:
        return math.ceil(3.0 * SEEN_BY_NEW)

    def build(self, spec: Spec, n: int) -> Places:
        if not (self.perplexity >= 1.0 and self.exaggeration >= 1.0 and self.steps >= 0):
            raise Misuse(
                f"TSNE: expected perplexity and exaggeration of at least 1 and steps of at least 0, got {self.perplexity:g}, "
                f"{self.exaggeration:g} and {self.steps}"
            )
        return super().build(spec, n)

    def arranged(self, edges: Edges, start: Float[Tensor, "n z"], dice: Dice) -> Float[Tensor, "n z"]:
        del dice
        return settled(edges, start, self.steps, self.exaggeration)

    def joined(self, net: Places, far: Float[Tensor, "b k"], near: Int[Tensor, "b k"]) -> Float[Tensor, "b z"]:
        p, old = Perplexity(SEEN_BY_NEW).seen(far), net.z.T.contiguous()
        theirs = net.z[near].permute(2, 0, 1).contiguous()
        field = grid.field(old) if len(old) == 2 and old.shape[1] > FEW else None

        def slope(y: Float[Tensor, "z b"], more: float) -> Tensor:
            del more
            apart = y[:, :, None] - theirs
            pull = (apart * (p * student_pull(apart.square().sum(0)))).sum(2)
            if field is None:
                value, push = student_sums(y, old)
            else:
                value, fall = field.at(y)
                push = fall / -2.0
            return pull - push / value.clamp_min(torch.finfo(y.dtype).tiny)

        y = descended((theirs * p).sum(2), slope, (JOINING,), JOINING_RATE, centred=False)
        return y.T

    def peer(self, x: np.ndarray, seed: int) -> np.ndarray | None:
        if self.backend == "own":
            return None
        model = brought("openTSNE", "openTSNE", 'TSNE with backend "openTSNE"').TSNE(
            n_components=self.latent, perplexity=min(self.perplexity, (len(x) - 1) / 3.0), early_exaggeration=self.exaggeration,
            early_exaggeration_iter=self.steps // 3, n_iter=self.steps - self.steps // 3, random_state=seed, n_jobs=torch.get_num_threads(),
        )  # fmt: skip
        return np.asarray(model.fit(x))
