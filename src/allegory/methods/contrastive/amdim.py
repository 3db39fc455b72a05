r"""What the whole of one view says should tell the parts of the other view from the parts of all other images.

**Model.** $f_1(x)$ is the code; $f_n(x)_{ij}$ the feature of an intermediate map of n x n places at place ij. Small heads $\phi$ take each
into one space, where a pair scores $\phi_1(f_1)^T \phi_n(f_n)_{ij} / \sqrt{r}$.

**Objective.** For two views $x^1, x^2$ of each image: noise-contrastive estimation of $f_1(x^1) \to f_5(x^2)_{ij}$, of
$f_1(x^1) \to f_7(x^2)_{ij}$ and of $f_5(x^1)_{kl} \to f_5(x^2)_{ij}$ with one place $kl$ drawn for each image, summed, the mean of both
directions; and $\lambda = .04$ times the mean square of all raw scores (sections 3.2 to 3.5). Scores pass $c \tanh(s / c)$, c = 10,
before the softmax.

**Notation.** `whole` = $\phi_1(f_1)$, `coarse` = $\phi_5(f_5)$, `fine` = $\phi_7(f_7)$: here the two coarsest maps of the encoder,
whatever their number of places. `penalty` = $\lambda$, `clip` = c.

**When it fails.** Views that keep colours or borders, which every place shows; small batches, whose other images are told too easily;
objects that fill a part of the image only, for the background's places are predicted too: look at neighbours and at the three contrasts.

**Reference.** P. Bachman et al., Learning Representations by Maximizing Mutual Information Across Views, 2019,
https://arxiv.org/abs/1906.00910
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets, views
from allegory.core import (
    Array,
    Batch,
    Card,
    Claim,
    CodeKind,
    Loss,
    Misuse,
    Moment,
    Optim,
    Paper,
    Player,
    Recipe,
    Spec,
    Trained,
    Views,
    batch_mean,
)
from allegory.objectives import local_nce

Features = dict[str, Tensor]  # whole (b, 2, r), coarse (b, 2, places, r), fine (b, 2, places, r) of two views


class AMDIMNet(nn.Module):
    """An encoder, and a head into one space for its code and for each of its two coarsest maps."""

    def __init__(self, shape: tuple[int, ...], encoder: str, hidden: int, rkhs: int):
        super().__init__()
        self.body = nets.encoder(encoder, Array(shape))
        maps = self.body.map_shapes(shape)
        if len(maps) < 2:
            raise Misuse(f"AMDIM predicts maps of two sizes; {encoder!r} has {len(maps)} for images of {shape}. Take larger images")
        norm: nets.Norm = "batch" if nets.has_batch_statistics(self.body) else "group"
        self.whole = nets.head((self.body.out, hidden, rkhs), norm)
        self.fine, self.coarse = (nets.PlaceHead(channels, hidden, rkhs, norm) for channels, _, _ in maps[-2:])

    def forward(self, x: Float[Tensor, "b c h w"]) -> Features:
        *_, fine, coarse = self.body.maps(x)
        return {"whole": self.whole(self.body.read(coarse)), "coarse": self.coarse(coarse), "fine": self.fine(fine)}


@final
@dataclass(frozen=True)
class AMDIM(Trained[AMDIMNet]):
    """Augmented multiscale Deep InfoMax (Bachman et al. 2019): minimises noise-contrastive losses between whole and parts of two views.

    penalty: weight of the squares of raw scores. clip: bound of the scores. encoder: name of a net with maps. hidden, rkhs: widths of
    the heads and of the space where scores are taken.
    """

    penalty: float = 4e-2
    clip: float = 10.0
    encoder: str = "default"
    hidden: int = 128
    rkhs: int = 128

    recipe: ClassVar[Recipe] = Recipe(steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: Adam 2e-4, batch 1008 on 8 GPUs, 150 epochs")
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Augmented multiscale Deep InfoMax",
        paper=Paper("Bachman et al.", "Learning Representations by Maximizing Mutual Information Across Views", 2019,
                    "https://arxiv.org/abs/1906.00910", "sections 3.2 to 3.5"),
        density="not modelled", manifold="Euclidean space", principle="contrast",
        modelled=r"s_{ijp} = c \tanh(\phi_1(f_1(x^1_i))^T \phi_n(f_n(x^2_j)_p) / (c \sqrt{r}))",
        minimised=r"-\log \frac{\exp(s_{iip})}{\exp(s_{iip}) + \sum_{j \ne i} \sum_q \exp(s_{ijq})} + \lambda\, r_{ijp}^2",
        unit="nats: the sum of three contrasts, each per place",
        buys="Many positives an image: every part teaches the whole, and small batches hold many negatives.",
        costs="Needs maps, so convolutional encoders and images; the scores of all parts with all images take memory.",
        fails="Backgrounds and borders that every place shows; look at neighbours and at the three contrasts. On "
        "Fashion-MNIST its nearest neighbours (kNN .782) are worse than those of the untrained network (.815).",
        code=CodeKind(), specs=("image",), tiny={"hidden": 32, "rkhs": 32}, laws=("swap of views", "order of examples"),
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.735, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        return views.Pair(views.augment(spec, source.mirror))

    def build(self, spec: Spec, n: int) -> AMDIMNet:
        del n
        assert isinstance(spec, Array)
        # Deviates: any encoder with maps; the paper's is built so that its features see little of each other's pixels and no padding.
        return AMDIMNet(spec.shape, self.encoder, self.hidden, self.rkhs)

    def players(self, net: AMDIMNet) -> Sequence[Player]:
        return [Player.comparing("encoder", (net,), partial(seen, net), self._loss)]

    def _loss(self, f: Features, batch: Batch, now: Moment) -> Loss:
        # Deviates: one code an image; the paper augments it further with mixture-based representations (its last method section).
        # Deviates: scores are bounded by `clip`, 10; the authors' command bounds them by 20.
        del batch
        places = f["coarse"].shape[2]
        drawn = now.dice.integers("place", places)  # one for both views, so that they stay interchangeable
        part = f["coarse"][torch.arange(len(drawn), device=drawn.device), :, drawn]  # (b, 2, r)
        pairs = {
            "whole_to_coarse": (f["whole"], f["coarse"]),
            "whole_to_fine": (f["whole"], f["fine"]),
            "coarse_to_coarse": (part, f["coarse"]),
        }
        terms: dict[str, Tensor] = {}
        penalties = []
        for name, (source, target) in pairs.items():
            both = [local_nce(source[:, v], target[:, 1 - v], self.clip) for v in range(2)]
            terms[name] = batch_mean(torch.stack([nce for nce, _ in both], 1)).mean()
            penalties.append(batch_mean(torch.stack([squares for _, squares in both], 1)).mean())
        squares = torch.stack(penalties).sum()
        return Loss(torch.stack(list(terms.values())).sum() + self.penalty * squares, {**terms, "squared_scores": squares})

    def encode(self, net: AMDIMNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h


def seen(net: AMDIMNet, batch: Batch, now: Moment) -> Features:
    """The features of both views, each with its own batch statistics."""
    del now
    first, second = (net(view) for view in batch.views)
    return {name: torch.stack([first[name], second[name]], 1) for name in first}
