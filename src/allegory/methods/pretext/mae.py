r"""Hide three quarters of a picture's patches, look at the rest, and paint the hidden ones.

**Model.** $\hat x_p = g(f(\{x_q : q \notin M\}))_p$: a vision transformer $f$ encodes the seen patches only; a light decoder $g$ gets their
tokens, one mask token for every patch of $M$, and the places of all.

**Objective.** $\frac{1}{|M|} \sum_{p \in M} |\hat x_p - \bar x_p|^2 / d$, with $\bar x_p$ the patch less its mean, over its standard
deviation (section 3, "Reconstruction target"); no loss on seen patches.

**Notation.** `share` = $|M|$ / all patches, `d` numbers a patch, `body` = $f$, `decoder` = $g$.

**When it fails.** Patches so small, or so few hidden, that neighbours tell the answer; flat patches, whose normalised target is noise.
The tokens are read by their mean, and a linear probe likes them less than fine-tuning does: look at both.

**Reference.** K. He et al., Masked Autoencoders Are Scalable Vision Learners, 2022, https://arxiv.org/abs/2111.06377
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from allegory import nets, views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Misuse, Moment, Optim, Paper, Player, Recipe, Spec, Trained, Views, batch_mean
from allegory.objectives import masked_regression, pieces, standardised


class MAENet(nn.Module):
    """A vision transformer, and the decoder that paints the patches it did not see."""

    def __init__(self, spec: Spec, encoder: str, width: int, depth: int):
        super().__init__()
        self.body = nets.transformer(encoder, spec)
        numbers = self.body.embed.in_channels * self.body.patch**2
        self.decoder = nets.Predictor(self.body.grid, self.body.out, numbers, width, heads=4, depth=depth)


@final
@dataclass(frozen=True)
class MAE(Trained[MAENet]):
    """Masked autoencoder (He et al. 2022): minimises the squared error of the hidden patches, painted from the seen ones.

    encoder: name of a vision transformer. width, depth: of the decoder. share: of the patches that are hidden.
    normalised: each patch is painted less its mean and over its standard deviation. The puzzle is the view: `views.Masks`.
    """

    encoder: str = "vit-mini"
    width: int = 64
    depth: int = 1
    share: float = 0.75
    normalised: bool = True

    recipe: ClassVar[Recipe] = Recipe(
        steps=1500, batch=64, optim=Optim(lr=2e-3, weight_decay=0.05, betas=(0.9, 0.95), warmup=0.1),
        note="paper: batch 4096, lr 2.4e-3, 800 epochs; decoder of 8 blocks of width 512",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Masked autoencoder",
        paper=Paper("He et al.", "Masked Autoencoders Are Scalable Vision Learners", 2022, "https://arxiv.org/abs/2111.06377",
                    "section 3"),
        density="not modelled", manifold="Euclidean space", principle="prediction of masked parts",
        modelled=r"\hat x_p = g(f(\{x_q : q \notin M\}))_p,\; p \in M",
        minimised=r"\frac{1}{|M|\,d} \sum_{p \in M} \left|\hat x_p - \frac{x_p - \mu_p}{\sigma_p}\right|^2",
        unit="squared error per number, in units of the patch's variance",
        buys="The encoder sees a quarter of the picture, so large nets are cheap to train; no augmentation, no negatives.",
        costs="A transformer; and codes that a linear probe reads worse than fine-tuning does.",
        fails="Hidden patches that their neighbours tell; look at completions, hide more, or take larger patches.",
        decoder="network", specs=("image",), code=CodeKind(), tiny={"width": 16, "steps": 20}, laws=("order of examples",),
        falls="encoder/error",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.7, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del source
        return views.Masks(nets.patch_of(self.encoder, spec), self.share)

    def build(self, spec: Spec, n: int) -> MAENet:
        del n
        net = MAENet(spec, self.encoder, self.width, self.depth)
        patch = getattr(self.views, "patch", net.body.patch)
        if patch != net.body.patch:
            raise Misuse(
                f"the view hides patches of {patch} pixels, and {self.encoder!r} reads patches of {net.body.patch}; make them equal"
            )
        return net

    def players(self, net: MAENet) -> Sequence[Player]:
        return [Player("encoder", (net,), partial(self._loss, net), additive=True)]

    def _loss(self, net: MAENet, batch: Batch, now: Moment) -> Loss:
        del now
        x, hidden = batch.views.x, whole_patches(batch.views.mask, net.body.patch)
        target = pieces(x, net.body.patch)
        # Deviates: a patch of one pixel is painted as it is; less its mean, nothing of it would be left.
        if self.normalised and net.body.patch > 1:
            target = standardised(target)
        seen, asked = halves(hidden)
        error = masked_regression(painted(net, x, seen, asked), target.take_along_dim(asked[:, :, None], 1))
        loss = batch_mean(error)
        return Loss(loss, {"error": loss})

    def encode(self, net: MAENet, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b z"]:
        return net.body.mean(x)


def painted(net: MAENet, x: Tensor, seen: Int[Tensor, "b k"], asked: Int[Tensor, "b m"]) -> Float[Tensor, "b m d"]:
    """The patches `asked`, as the decoder paints them from those `seen`."""
    # Deviates: the class token is the encoder's own register and is not handed to the decoder.
    patches: Tensor = net.decoder(net.body.tokens(x, seen)[:, 1:], seen, asked)
    return patches


def whole_patches(mask: Bool[Tensor, "b 1 h w"], patch: int) -> Bool[Tensor, "b n"]:
    """Which patches are hidden, by their first pixels."""
    return mask[:, 0, ::patch, ::patch].flatten(1)


def halves(hidden: Bool[Tensor, "b n"]) -> tuple[Int[Tensor, "b k"], Int[Tensor, "b m"]]:
    """The seen patches and the hidden ones, each in order; every row hides as many as the first."""
    order = torch.argsort(hidden.long(), dim=1, stable=True)
    seen = int((~hidden[0]).sum())
    return order[:, :seen], order[:, seen:]
