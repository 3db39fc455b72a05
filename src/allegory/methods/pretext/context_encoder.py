r"""Paint in what was cut out of a picture: that takes an idea of what the picture shows.

**Model.** $\hat x = F((1 - \hat M) \odot x)$, with $\hat M$ = 1 where the picture is hidden; a discriminator $D$ that tells true
regions from painted ones.

**Objective.** $\lambda_{rec} |\hat M \odot (x - \hat x)|^2 + \lambda_{adv} L_{adv}$ (eq. 1 to 3), the first normalised by the size of
the region. $D$ minimises $-\log D(\hat M \odot x) - \log(1 - D(\hat M \odot \hat x))$, which is eq. 2, halved.

**Notation.** `mask` = $\hat M$; `adversary` = $\lambda_{adv}$, $\lambda_{rec} = 1 - \lambda_{adv}$; `F` = `decoder` after `f`;
`critic` = $D$, two logits, class 0 is "true".

**When it fails.** Holes that the border fills in (small ones) or that nothing predicts; the squared error blurs, and an adversary heavier
than about .01 makes training unsteady. Only pictures with holes were seen in training, and codes are those of whole ones.

**Reference.** D. Pathak et al., Context Encoders: Feature Learning by Inpainting, 2016, https://arxiv.org/abs/1604.07379
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from allegory import nets, views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Views, batch_mean
from allegory.methods.pretext._restoring import Restoring
from allegory.objectives import non_saturating, region_error, two_sample_cross_entropy

RIM = 10.0  # how much more the rim around a hole counts (section 5.1 of the paper, "10x")


class Painter(nets.Hourglass):
    """F, and where it has an adversary, D."""

    def __init__(self, spec: Spec, latent: int, encoder: str, decoder: str, critic: bool):
        super().__init__(spec, spec, latent, encoder, decoder)
        self.critic = nets.default(spec, 2) if critic else None


@final
@dataclass(frozen=True)
class ContextEncoder(Restoring):
    """Context encoder (Pathak et al. 2016): minimises the squared error of what it paints into a hole, and the adversary's doubt.

    adversary: share of the adversary's loss (paper: .001 for painting, 0 for features); 0 leaves it out.
    overlap: pixels around the hole that are painted too, and count 10 times (paper: 7 of 227 for a hole in the centre).
    The hole is the view: `views.Holes("centre" | "blocks" | "region")`.
    """

    adversary: float = 0.0
    overlap: int = 0

    recipe: ClassVar[Recipe] = Recipe(steps=400, batch=128, optim=Optim(lr=3e-3), note="paper: Adam, the painter ten times the lr of D")
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Context encoder",
        paper=Paper("Pathak et al.", "Context Encoders: Feature Learning by Inpainting", 2016,
                    "https://arxiv.org/abs/1604.07379", "1 to 3"),
        density="not modelled", manifold="Euclidean space", principle="prediction of masked parts", decoder="network",
        modelled=r"\hat x = F((1 - \hat M) \odot x)",
        minimised=r"\lambda_{rec}\,|\hat M \odot (x - \hat x)|^2\,/\,|\hat M| - \lambda_{adv} \log D(\hat M \odot \hat x)",
        unit="mean squared error of hidden pixels, and nats of the adversary",
        buys="A puzzle that needs the whole picture, and pictures to look at.",
        costs="A decoder to train, and with an adversary a second player.",
        fails="Holes that their border fills in teach texture only, and the squared error paints the mean; look at what it paints, and "
        "make the holes larger.",
        specs=("image",), code=CodeKind(size="either"), tiny={}, laws=("order of examples",), falls="encoder/error",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.74, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del spec, source
        return views.Holes()

    def build(self, spec: Spec, n: int) -> Painter:
        del n
        return Painter(spec, self.latent, self.encoder, self.decoder, self.adversary > 0)

    def players(self, net: Painter) -> Sequence[Player]:
        if net.critic is None:
            return super().players(net)
        own = (net.body, net.to_code, net.decoder) if self.latent else (net.body, net.decoder)
        painter = Player("encoder", own, partial(self.paint, net))
        return [painter, Player("critic", (net.critic,), partial(self.tell_apart, net), optim=Optim(betas=(0.5, 0.999)))]

    def shown(self, views: views.Masked) -> Float[Tensor, "b c h w"]:
        return views.shown

    def error(self, net: Any, out: Float[Tensor, "b *e"], batch: Batch) -> Float[Tensor, " b"]:
        del net
        hole: views.Masked = batch.views
        return region_error(out, hole.x, hole.mask + RIM * rim(hole.mask, self.overlap))

    def paint(self, net: Painter, batch: Batch, now: Moment) -> Loss:
        """The painter's loss with an adversary."""
        del now
        assert net.critic is not None, "without it `restore` is the loss"
        hole: views.Masked = batch.views
        out = net.decoder(net.f(hole.shown))
        error = batch_mean(self.error(net, out, batch))
        # Deviates: the non-saturating loss, as in the authors' code, for log(1 - D) of eq. 2.
        doubt = non_saturating(net.critic(out * hole.mask))
        return Loss((1.0 - self.adversary) * error + self.adversary * doubt, {"error": error, "adversary": doubt})

    def tell_apart(self, net: Painter, batch: Batch, now: Moment) -> Loss:
        """The adversary's loss: it sees the region alone, true or painted, never the context (section 3.2)."""
        del now
        assert net.critic is not None, "it is a player"
        hole: views.Masked = batch.views
        with torch.no_grad():
            out = net.decoder(net.f(hole.shown))
        loss = two_sample_cross_entropy(net.critic(hole.x * hole.mask), net.critic(out * hole.mask))
        return Loss(loss, {"cross_entropy": loss})


def rim(mask: Bool[Tensor, "b 1 h w"], width: int) -> Bool[Tensor, "b 1 h w"]:
    """The visible pixels at most `width` steps, straight or diagonal, from a hidden one."""
    near = F.max_pool2d(mask.float(), 2 * width + 1, 1, width) > 0
    return near & ~mask
