r"""Assign one view to prototypes, evenly over the batch, and tell that assignment from the other views.

**Model.** $z = g(f(v))$ on the unit sphere; scores $z^\top c_k$ against $K$ prototypes $c_k$ of unit length.

**Objective.** $-\sum_k q_s^{(k)} \log \mathrm{softmax}(z_t^\top c / \tau)^{(k)}$ for views $s \ne t$ (eq. 1 and 2), where the codes
$q_s$ of the two global views solve eq. 3: a few Sinkhorn-Knopp iterations make all prototypes about equally full (eq. 5). Further,
smaller views only predict (eq. 6).

**Notation.** `tau` = $\tau$, `eps` = $\epsilon$ of eq. 3, `prototypes` = $K$, `c` = $c$.

**When it fails.** Without the even codes all items go to one prototype: `prototype_use` falls. Too large an `eps` makes all codes alike:
`target_sharpness` falls. More prototypes than items in a batch leave codes that mean little.

**Reference.** M. Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, 2020,
https://arxiv.org/abs/2006.09882
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import measures, nets, views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, Views
from allegory.methods.contrastive._joint import embedded
from allegory.objectives import prototype_use, sinkhorn, swapped_prediction, target_sharpness


class SwAVNet(nets.Projected):
    """An encoder with a head, and prototypes."""

    def __init__(self, spec: Spec, encoder: str, hidden: int, out: int, prototypes: int):
        super().__init__(spec, encoder, hidden, out)
        self.c = nn.Linear(out, prototypes, bias=False)
        self.normalise()

    @torch.no_grad()
    def normalise(self) -> None:
        """Puts the prototypes back on the unit sphere."""
        self.c.weight.copy_(F.normalize(self.c.weight, dim=1))


@final
@dataclass(frozen=True)
class SwAV(Trained[SwAVNet]):
    """SwAV (Caron et al. 2020): minimises the cross-entropy of predicting a view's balanced cluster assignment from other views, in nats.

    prototypes: how many. tau: temperature of the predictions. eps: softness of the codes. iterations: of Sinkhorn-Knopp.
    frozen: share of the training in which the prototypes stand still. crops: further, smaller views, which only predict (0: none, and
    two views as other methods have them). encoder: name of a net. hidden, projection: widths of the head.
    """

    prototypes: int = 64
    tau: float = 0.1
    eps: float = 0.05
    iterations: int = 3
    frozen: float = 0.05
    crops: int = 0
    encoder: str = "default"
    hidden: int = 256
    projection: int = 64

    recipe: ClassVar[Recipe] = Recipe(
        steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: 3000 prototypes, batch 4096, LARS, 800 epochs"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="SwAV",
        paper=Paper("Caron et al.", "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments", 2020,
                    "https://arxiv.org/abs/2006.09882", "1 to 6"),
        density="not modelled", manifold="hypersphere", principle="clustering",
        modelled=r"p(k | v) = \mathrm{softmax}(z^\top c_k / \tau)",
        minimised=r"-\sum_k q_s^{(k)} \log \mathrm{softmax}(z_t^\top c / \tau)^{(k)},\quad "
        r"q = \mathrm{Diag}(u) \exp(Z^\top C / \epsilon) \mathrm{Diag}(v)",
        unit="nats per view",
        buys="Clusters and a code at once, without comparing items with each other; small further views are cheap and only predict.",
        costs="The number of prototypes, and a batch that is large beside it. On Fashion-MNIST two small crops more cost a third more time "
        "and gave nothing (one seed, 1 % of the labels: .747 for .756), so none are shown unless crops says so.",
        fails="One prototype for all, or codes that are alike; look at prototype_use and target_sharpness, and lower eps or prototypes.",
        code=CodeKind(), tiny={"projection": 16, "hidden": 32, "prototypes": 8}, laws=("swap of views", "order of examples"),
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.73, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        # Deviates: two views unless `crops` asks for smaller ones; the paper shows six of these as well.
        if self.crops:
            return views.multi_crop(spec, source.mirror, self.crops)
        return views.Pair(views.augment(spec, source.mirror))

    def build(self, spec: Spec, n: int) -> SwAVNet:
        del n
        return SwAVNet(spec, self.encoder, self.hidden, self.projection, self.prototypes)

    def players(self, net: SwAVNet) -> Sequence[Player]:
        return [Player.comparing("encoder", (net,), partial(embedded, net), partial(self._loss, net))]

    def _loss(self, net: SwAVNet, z: Float[Tensor, "b v p"], batch: Batch, now: Moment) -> Loss:
        del batch
        c = net.c.weight.detach() if now.progress < self.frozen else net.c.weight
        scores = (F.normalize(z, dim=2) @ c.T).unbind(1)  # one (b, K) a view
        codes = [sinkhorn(of_view, self.eps, self.iterations) for of_view in scores[: views.GLOBALS]]
        # Deviates: the mean over the pairs of views, as in the authors' code, for the sum of eq. 1.
        loss = swapped_prediction(scores, codes, self.tau)
        use = prototype_use((torch.cat(scores[: views.GLOBALS]).detach() / self.tau).softmax(1))
        terms = {"cross_entropy": loss, "prototype_use": use, "target_sharpness": target_sharpness(torch.cat(codes))}
        return Loss(loss, terms | measures.pulse(z[:, 0]))

    def after_step(self, net: SwAVNet, now: Moment, memos: Mapping[str, Any]) -> None:
        del now, memos
        net.normalise()

    def encode(self, net: SwAVNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h
