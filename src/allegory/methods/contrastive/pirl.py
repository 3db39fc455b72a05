r"""A picture and its shuffled patches should have one code, told from those of all other pictures, which a memory keeps.

**Model.** $v_I = \phi(I)$ is the code of the whole picture, $f(v_I)$ its projection. The patches of another view $I^t$ go through the same
$\phi$ and a projection one by one, and laid side by side in their shuffled order through a second projection: $g(v_{I^t})$. A memory $m$
keeps a moving average of $f(v_I)$ for every training item.

**Objective.** $\lambda L(m_I, g(v_{I^t})) + (1 - \lambda) L(m_I, f(v_I))$ (eq. 5), with
$L(m_I, q) = -\log h(m_I, q) - \sum_{I'} \log(1 - h(m_{I'}, q))$ (eq. 4), where
$h(m_J, q) = \exp(s(m_J, q)/\tau) / (\exp(s(m_I, q)/\tau) + \sum_{I'} \exp(s(m_{I'}, q)/\tau))$ (eq. 3), $s$ the cosine and $I'$ items drawn
at random. After the step $m_I \leftarrow \mathrm{keep}\, m_I + (1 - \mathrm{keep})\, f(v_I)$, on the sphere.

**Notation.** `body` = $\phi$, `head` = $f$, `piece` and `g` = the two projections of the patches, `lam` = $\lambda$, `tau` = $\tau$,
`bank` = $m$.

**When it fails.** In few epochs: an item's memory is as old as its last visit, and codes may learn to differ from the past instead of from
one another. Look at the spread of the memory, the effective rank, and both terms.

**Reference.** I. Misra and L. van der Maaten, Self-Supervised Learning of Pretext-Invariant Representations, 2020,
https://arxiv.org/abs/1912.01991
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from allegory import measures, nets, views
from allegory.core import (
    Array,
    Batch,
    Card,
    Claim,
    CodeKind,
    Loss,
    Moment,
    Optim,
    Paper,
    Player,
    Recipe,
    Spec,
    Trained,
    Views,
    batch_mean,
    everyone,
)
from allegory.objectives import nce

Projections = tuple[Float[Tensor, "b z"], Float[Tensor, "b z"]]


class PIRLNet(nets.Projected):
    """Encoder and head of whole pictures, the projections of patches, and the memory."""

    def __init__(self, spec: Array, encoder: str, hidden: int, out: int, depth: int, pieces: int, n: int):
        super().__init__(spec, encoder, hidden, out, depth)
        self.sides = spec.shape[1:]
        self.piece = torch.nn.Linear(self.body.out, self.out)
        self.g = nets.head((pieces * self.out, *(hidden or self.body.out,) * (depth - 1), self.out), self.norm)
        self.bank = nets.MemoryBank(n, self.out)
        torch.nn.init.zeros_(self.bank.codes)  # an item that was never seen is remembered as nothing, which is no direction

    def of_patches(self, x: Float[Tensor, "b v c p q"]) -> Float[Tensor, "b z"]:
        """g of the patches in the order shown. An encoder of one size gets them stretched to the size of whole pictures."""
        patches = x.flatten(0, 1)
        if not self.body.any_size:
            patches = F.interpolate(patches, self.sides, mode="bilinear", align_corners=False)
        z: Tensor = self.g(self.piece(self.body(patches)).reshape(len(x), -1))
        return z


def projected(net: PIRLNet, batch: Batch, now: Moment) -> Projections:
    """f of the whole pictures and g of their patches, row by row."""
    del now
    seen: views.InPieces = batch.views
    f = net(seen.image)
    with nets.frozen_statistics(net.body):  # what is kept for rest is that of whole pictures, which are what is encoded
        return f, net.of_patches(seen.patches)


@final
@dataclass(frozen=True)
class PIRL(Trained[PIRLNet]):
    """PIRL (Misra and van der Maaten 2020): minimises the NCE of an item's memory against its shuffled patches and against itself, in nats.

    lam: weight of the patches. tau: temperature. negatives: how many items of the memory stand against each. keep: how much an item's
    memory keeps. grid: patches a side. encoder: name of a net. hidden, projection, depth: the heads, as in SimCLR (paper: depth 1, linear).
    """

    lam: float = 0.5
    tau: float = 0.5
    negatives: int = 1024
    keep: float = 0.5
    grid: int = 3
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 2

    recipe: ClassVar[Recipe] = Recipe(
        steps=500, batch=128, optim=Optim(lr=2e-3), note="paper: tau .07, 32,000 negatives, 800 epochs of SGD"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Pretext-invariant representation learning",
        paper=Paper("Misra and van der Maaten", "Self-Supervised Learning of Pretext-Invariant Representations", 2020,
                    "https://arxiv.org/abs/1912.01991", "3 to 5"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"h(m_I, q) = \frac{\exp(s(m_I, q)/\tau)}{\exp(s(m_I, q)/\tau) + \sum_{I'} \exp(s(m_{I'}, q)/\tau)}",
        minimised=r"\lambda L(m_I, g(v_{I^t})) + (1 - \lambda) L(m_I, f(v_I)),\quad "
        r"L(m_I, q) = -\log h(m_I, q) - \sum_{I'} \log(1 - h(m_{I'}, q))",
        unit="nats per example",
        buys="What a puzzle changes is not in the code; many negatives at small batches.",
        costs="A code of every training item is kept, and is as old as its last visit: it takes several epochs.",
        fails="In an epoch or two the memory says little, and a low tau tells codes from it that should be alike: on Fashion-MNIST with "
        "1 % of the labels tau .2 reads no better than the untrained network (.69), .5 reads .72; look at the effective rank.",
        specs=("image",), code=CodeKind(), tiny={"projection": 16, "negatives": 32}, laws=("order of examples",), falls="encoder/patches",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.71, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        seen = views.augment(spec, source.mirror)
        # Deviates: 9 patches come in one of 64 orders that lie far apart; the paper takes any order.
        puzzle = views.Jigsaws(views.Patches(self.grid, normalise=False), math.factorial(4) if self.grid == 2 else 64)
        return views.WholeAndPatches(seen, views.Compose((seen, puzzle)))

    def build(self, spec: Spec, n: int) -> PIRLNet:
        assert isinstance(spec, Array)
        return PIRLNet(spec, self.encoder, self.hidden, self.projection, self.depth, self.grid**2, n)

    def players(self, net: PIRLNet) -> Sequence[Player]:
        return [Player.comparing("encoder", (net,), partial(projected, net), partial(self._loss, net))]

    def _loss(self, net: PIRLNet, z: Projections, batch: Batch, now: Moment) -> Loss:
        f, g = z
        n = len(net.bank.codes)
        # Deviates: one draw of negatives for the whole batch, where the paper draws for each item; all items where no more exist.
        drawn = now.dice.rows(self.negatives).integers("negatives", n) if self.negatives < n else torch.arange(n, device=f.device)
        # Deviates: the memory is asked as it will stand after the step, and the batch is among the negatives. A small training sees an
        # item once or twice; told only from what older nets remember, codes learn to be new (Fashion-MNIST: worse than untrained).
        m = net.bank.moved(batch.index, f.detach(), self.keep)
        others = torch.cat([net.bank.recall(drawn), everyone(m)])
        left_out = torch.cat([drawn, everyone(batch.index)]) == batch.index[:, None]
        of_patches, of_image = (batch_mean(nce(q, m, others, self.tau, left_out)) for q in (g, f))
        loss = self.lam * of_patches + (1.0 - self.lam) * of_image
        terms = {"patches": of_patches, "image": of_image, "memory_spread": net.bank.spread()}
        return Loss(loss, terms | measures.pulse(f), {"index": batch.index, "f": f.detach()})

    def after_step(self, net: PIRLNet, now: Moment, memos: Mapping[str, Any]) -> None:
        del now
        net.bank.update(memos["encoder"]["index"], memos["encoder"]["f"], self.keep)

    def encode(self, net: PIRLNet, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b z"]:
        v: Tensor = net.body(x)
        return v
