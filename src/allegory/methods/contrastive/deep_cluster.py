r"""Group the codes of all items by k-means, learn to tell the groups, and group again.

**Model.** Codes $f_\theta(x)$; a linear layer $W$ on them; groups $y_n$ of the items.

**Objective.** In turn $\min_C \frac1N \sum_n \min_{y_n} |\tilde f_\theta(x_n) - C y_n|^2$ (eq. 2), with $\tilde f$ whitened and on the
sphere, and $\min_{\theta, W} \frac1N \sum_n w_n\,\ell(W f_\theta(\mathrm{view}(x_n)), y_n)$ (eq. 1) with $\ell$ the cross-entropy and
$w_n$ the inverse of the size of the item's group (section 3.3, against one group that swallows all).

**Notation.** `top` = $W$, which starts anew with every grouping; `C` = the centres; `period` = steps between groupings. `old` is the
encoder as it was when the items were grouped: an item's group is looked up when it is shown, so that no pass over all items is needed.

**When it fails.** Groups that light, size or noise make, which the learning then sharpens; a `period` too short to learn the groups or so
long that they are learned by heart. Look at `prototype_use` and at how neighbours look.

**Reference.** M. Caron et al., Deep Clustering for Unsupervised Learning of Visual Features, 2018, https://arxiv.org/abs/1807.05520
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import nets
from allegory.core import Batch, Card, Claim, CodeKind, Dice, Items, Loss, Moment, Optim, Paper, Player, Recipe, Spec, batch_mean
from allegory.measures.clustering import assigned
from allegory.methods.contrastive._grouped import Grouped, centres, drawn

LEAST = 1e-4  # of the largest variance, added to all before whitening: directions below it are noise


class ClusterNet(nn.Module):
    """Encoder and top layer, which learn; the encoder as it was at the last grouping, with the map, centres and sizes of the groups."""

    mean: Float[Tensor, " z"]
    map: Float[Tensor, "z p"]
    C: Float[Tensor, "k p"]
    size: Float[Tensor, " k"]  # as shares

    def __init__(self, spec: Spec, encoder: str, k: int, pca: int):
        super().__init__()
        self.body = nets.encoder(encoder, spec)
        self.top = nn.Linear(self.body.out, k)
        self.old = nets.teacher_of(self.body)
        p = min(pca, self.body.out)
        self.register_buffer("mean", torch.zeros(self.body.out))
        self.register_buffer("map", torch.zeros(self.body.out, p))
        self.register_buffer("C", torch.zeros(k, p))
        self.register_buffer("size", torch.full((k,), 1.0 / k))

    @torch.no_grad()
    def group(self, x: Float[Tensor, "b *d"]) -> Int[Tensor, " b"]:
        """The groups of observations, by the encoder as it was."""
        return assigned(F.normalize((self.old(x) - self.mean) @ self.map, dim=1), self.C)


@final
@dataclass(frozen=True)
class DeepCluster(Grouped[ClusterNet]):
    """DeepCluster (Caron et al. 2018): minimises the cross-entropy of telling the k-means groups of the codes, in nats, and groups again.

    pca: principal components that are grouped. even: weigh items by the inverse of their group's size.
    """

    pca: int = 64
    even: bool = True

    recipe: ClassVar[Recipe] = Recipe(
        steps=400, batch=128, optim=Optim(lr=2e-3), note="paper: 10000 clusters, each epoch, PCA of 256, batch 256, SGD .05, 500 epochs"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="DeepCluster",
        paper=Paper("Caron et al.", "Deep Clustering for Unsupervised Learning of Visual Features", 2018,
                    "https://arxiv.org/abs/1807.05520", "1 and 2"),
        density="not modelled", manifold="Euclidean space", principle="clustering",
        modelled=r"p(y\,|\,x) = \mathrm{softmax}(W f_\theta(x))_y,\quad y_n = \arg\min_y |\tilde f_\theta(x_n) - C_y|^2",
        minimised=r"\sum_n w_n\,\ell(W f_\theta(\mathrm{view}(x_n)), y_n)"
        r" \;\text{ in turn with }\; \sum_n \min_y |\tilde f_\theta(x_n) - C_y|^2",
        unit="nats per example",
        buys="Plain classification with labels of its own making: one view, no negatives, no teacher in the loss.",
        costs="The labels change under the classifier, which starts anew each time.",
        fails="Groups made by light, size or noise, which learning sharpens; look at prototype_use and neighbours, change the views or "
        "the number of clusters.",
        code=CodeKind(), laws=("order of examples",), falls="encoder/cross_entropy", tiny={"clusters": 6, "period": 20, "pca": 8},
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.715, {}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> ClusterNet:
        # Deviates: the net sees pictures as they are; in the paper fixed layers turn them grey and into Sobel edges first.
        return ClusterNet(spec, self.encoder, self.groups_of(n), self.pca)

    def group(self, net: ClusterNet, items: Items, dice: Dice) -> None:
        # Deviates: the centres are learned from `points` items; the optimiser's running means of W go on.
        net.old.load_state_dict(net.body.state_dict())
        h = nets.at_rest(net.old, items, drawn(len(items), self.points, dice, "sample"))
        mean, onto = whitening(h, net.map.shape[1])
        z = F.normalize((h - mean) @ onto, dim=1)
        found = centres(z, len(net.C), dice, "k-means")
        net.mean.copy_(mean)
        net.map.copy_(onto)
        net.C.copy_(found)
        net.size.copy_(torch.bincount(assigned(z, found), minlength=len(found)) / len(z))
        with torch.no_grad():
            weight = dice.rows(len(found)).normal("top", net.top.in_features)
            net.top.weight.copy_(weight / math.sqrt(net.top.in_features))
            net.top.bias.zero_()

    def players(self, net: ClusterNet) -> Sequence[Player]:
        return [Player("encoder", (net.body, net.top), partial(self._loss, net), additive=not nets.has_batch_statistics(net.body))]

    def _loss(self, net: ClusterNet, batch: Batch, now: Moment) -> Loss:
        del now
        y = net.group(batch.x)
        logits = net.top(net.body(batch.views))
        nats = F.cross_entropy(logits, y, reduction="none")
        # A group that none of the sample fell in is taken for the smallest that could be seen.
        share = net.size[y].clamp(min=1.0 / self.points)
        loss = batch_mean(nats / (share * len(net.C)) if self.even else nats)
        right = batch_mean((logits.argmax(1) == y).to(logits.dtype))
        met = batch_mean(F.one_hot(y, len(net.C)).to(logits.dtype))  # how often each group
        use = torch.special.entr(met).sum().exp() / len(net.C)
        return Loss(loss, {"cross_entropy": loss, "accuracy": right, "prototype_use": use})

    def encode(self, net: ClusterNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h


def whitening(h: Float[Tensor, "m z"], size: int) -> tuple[Float[Tensor, " z"], Float[Tensor, "z p"]]:
    """The mean, and the map to the `size` principal components, each of variance 1."""
    mean = h.mean(0)
    centred = h - mean
    values, axes = torch.linalg.eigh(centred.T @ centred / len(h))
    values, axes = values[-size:].clamp(min=0.0), axes[:, -size:]
    return mean, axes / (values + LEAST * values[-1].clamp(min=torch.finfo(h.dtype).tiny)).sqrt()
