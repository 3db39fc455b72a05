r"""What is seen through one channel should tell which item was seen through another.

**Model.** One encoder $f_i$ and head $g_i$ a view $V_i$: lightness and colour, sound and picture; $z_i = g_i(f_i(v_i))$.

**Objective.** $L(V_i, V_j) = -\log \exp(s_{ij}/\tau) / \sum_k \exp(s_{ik}/\tau)$, the same with $i$ and $j$ swapped, summed over all
pairs $i < j$ of views (section 3.2, and the full graph of section 3.3); $s$ is the cosine, $k$ runs over the batch.

**Notation.** `tau` = $\tau$; `encoders` holds $f_i$ = `body` and $g_i$ = `head`; the code is $(f_1, f_2, \dots)$.

**When it fails.** Views that share little (then little is learned) or all but a rescaling (then any hash of the pixels will do); look at
the accuracy of finding the partner, and at each view's own part of the code.

**Reference.** Y. Tian, D. Krishnan and P. Isola, Contrastive Multiview Coding, 2020, https://arxiv.org/abs/1906.05849
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import measures, nets, views
from allegory.core import Array, Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Parts, Player, Recipe, Spec, Trained, Views
from allegory.objectives import full_graph_nce


class Senses(nn.Module):
    """One encoder with its head for each view, by the view's name."""

    def __init__(self, spec: Parts, encoder: str, hidden: int, out: int, depth: int):
        super().__init__()
        self.names = tuple(name for name, _ in spec.parts)
        kinds = [encoder if isinstance(of, Array) and of.is_image else "default" for _, of in spec.parts]
        made = [nets.Projected(of, kind, hidden, out, depth) for (_, of), kind in zip(spec.parts, kinds, strict=True)]
        self.encoders = nn.ModuleList(made)

    @property
    def bodies(self) -> list[nn.Module]:
        """The encoders below their heads."""
        return [f.get_submodule("body") for f in self.encoders]


@final
@dataclass(frozen=True)
class CMC(Trained[Senses]):
    """Contrastive multiview coding (Tian et al. 2020): minimises InfoNCE both ways, summed over all pairs of views of an item.

    tau: temperature (paper: .07). groups: how many groups of channels an image is split into; 3 channels are L and ab of Lab, or with 3
    groups L, a, b; one channel is its low and high frequencies. Observations of several parts have a view a part.
    encoder: name of a net. hidden, projection: widths of the heads (hidden 0: as wide as the code). depth: layers of the heads.
    """

    tau: float = 0.2
    groups: int = 2
    encoder: str = "default"
    hidden: int = 0
    projection: int = 64
    depth: int = 2

    # Deviates: the batch's other items as negatives, for a memory bank of 16,384; a head, for codes contrasted as they are.
    recipe: ClassVar[Recipe] = Recipe(steps=250, batch=256, optim=Optim(lr=4e-3), note="paper: SGD .03, batch 256, 240 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Contrastive multiview coding",
        paper=Paper("Tian, Krishnan and Isola", "Contrastive Multiview Coding", 2020, "https://arxiv.org/abs/1906.05849",
                    "sections 3.2 and 3.3 (full graph)"),
        density="not modelled", manifold="hypersphere", principle="contrast",
        modelled=r"s^{ij}_{ab} = \cos(g_i(f_i(v^i_a)), g_j(f_j(v^j_b)))",
        minimised=r"\sum_{i \ne j} -\log \frac{\exp(s^{ij}_{aa}/\tau)}{\sum_b \exp(s^{ij}_{ab}/\tau)}", unit="nats, summed over pairs",
        buys="Needs no made-up views where there are several senses; keeps what they share.",
        costs="An encoder a view; what only one sense knows is lost.",
        fails="Views that share little, or too much. One channel has no second sense: low and high frequencies stand in for it, and share "
        "every edge. Look at the accuracy of finding the partner.",
        code=CodeKind(), specs=("image", "parts"), tiny={"projection": 16}, laws=("order of examples",), falls="encoders/nce",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.74, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        shown = views.augment(spec, source.mirror)
        return shown if isinstance(spec, Parts) else views.Compose((shown, views.Channels(self.groups)))

    def build(self, spec: Spec, n: int) -> Senses:
        del n
        if isinstance(spec, Array):
            spec = Parts({name: Array(shape) for name, shape in views.Channels(self.groups).shape(spec.shape).items()})
        assert isinstance(spec, Parts), "the card says images and parts"
        return Senses(spec, self.encoder, self.hidden, self.projection, self.depth)

    def players(self, net: Senses) -> Sequence[Player]:
        return [Player.comparing("encoders", (net,), partial(self.embedded, net), self.loss)]

    def embedded(self, net: Senses, batch: Batch, now: Moment) -> Float[Tensor, "b v p"]:
        """The projection of every view."""
        del now
        return torch.stack([f(batch.views[name]) for name, f in zip(net.names, net.encoders, strict=True)], 1)

    def loss(self, z: Float[Tensor, "b v p"], batch: Batch, now: Moment) -> Loss:
        """All pairs of views, both ways."""
        del batch, now
        loss = full_graph_nce(z.unbind(1), self.tau)
        return Loss(loss, {"nce": loss} | measures.pulse(z[:, 0]))

    def encode(self, net: Senses, x: Any) -> Float[Tensor, "b z"]:
        seen = x if isinstance(x, dict) else views.Channels(self.groups).show(x)
        return torch.cat([f(seen[name]) for name, f in zip(net.names, net.bodies, strict=True)], 1)
