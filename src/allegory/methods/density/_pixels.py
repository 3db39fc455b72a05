"""The template of the autoregressive methods of images: every number from those before it, in raster order. A method says by which net."""

import abc
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from allegory import nets
from allegory.core import Array, Batch, Code, Density, Dice, Loss, Misuse, Moment, Player, Spec, Trained, batch_mean
from allegory.objectives import Likelihood, levels_of, likelihood_of

OfLevels = Literal["bernoulli", "categorical", "logistic"]
MOST = 256  # levels that each get a probability of their own


class PixelsNet(nn.Module):
    """The net that foresees, and p(number | what it says)."""

    def __init__(self, body: nets.Autoregressive, p: Likelihood):
        super().__init__()
        self.body, self.p = body, p


@dataclass(frozen=True)
class Pixels(Trained[Any]):
    """What all of them share.

    likelihood: of a number, given those before: bernoulli | categorical | logistic; None follows the data (bernoulli for two levels, else
    categorical). With bernoulli, grey pixels are modelled as black and white draws, each as likely white as it is bright.
    """

    likelihood: OfLevels | None = None

    @abc.abstractmethod
    def body(self, shape: nets.Shape, p: Likelihood) -> nets.Autoregressive:
        """The hole: the net, which says `p.numbers` of each number of an image of `shape`."""

    def resolved(self, spec: Spec, source: Any) -> Self:
        return dataclasses.replace(super().resolved(spec, source), likelihood=self.named(spec))

    def named(self, spec: Spec) -> OfLevels:
        """The likelihood for observations of `spec`. Raises `Misuse` where there are no levels to give probabilities of."""
        if not (isinstance(spec, Array) and spec.is_image):
            raise Misuse(f"{type(self).__name__} reads the pixels of images (c, h, w); these are {spec}")
        levels = levels_of(spec)
        named = self.likelihood or ("bernoulli" if levels == 2 else "categorical")
        if named != "bernoulli" and levels is None:
            raise Misuse(f"{named} probabilities are of levels, and {spec} have none; bring whole numbers, or take --likelihood bernoulli")
        if named == "categorical" and levels is not None and levels > MOST:
            raise Misuse(f"{levels} levels are too many for a probability each; take --likelihood logistic")
        return named

    def build(self, spec: Spec, n: int) -> PixelsNet:
        del n
        p = likelihood_of(self.named(spec), spec)
        assert isinstance(spec, Array)
        c, h, w = spec.shape
        return PixelsNet(self.body((c, h, w), p), p)

    def players(self, net: PixelsNet) -> Sequence[Player]:
        return [Player("model", (net,), partial(self.loss, net), additive=True)]

    def loss(self, net: PixelsNet, batch: Batch, now: Moment) -> Loss:
        """-log p(x), in nats per example."""
        x = net.p.drawn(batch.views, now.dice)
        nats = batch_mean(-net.p.log_prob(x, net.body.predicted(x)))
        return Loss(nats, {"nats": nats})

    def encode(self, net: PixelsNet, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b z"]:
        return net.body(x)

    def codes(self, net: PixelsNet, x: Float[Tensor, "b c h w"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """ "layer 0", "layer 1" ...: the mean over all places of what each layer knows, (b, z)."""
        every = {f"layer {i}": z for i, z in enumerate(net.body.layers_of(x))}
        return {name: Code(every[name]) for name in names or tuple(every)}

    def log_density(self, net: PixelsNet, x: Float[Tensor, "b c h w"], dice: Dice, k: int = 1) -> Density:
        """log p(x), exact: the sum of the logarithms of all conditional probabilities."""
        del k
        x = net.p.drawn(x, dice)
        return Density(net.p.log_prob(x, net.body.predicted(x)), "exact", net.p.levels)

    def sample(self, net: PixelsNet, n: int, dice: Dice) -> Float[Tensor, "n c h w"]:
        """Exact draws of p(x), number by number."""
        blank = next(net.body.parameters()).new_zeros(n, *net.body.shape)
        return self.complete(net, blank, torch.zeros_like(blank, dtype=torch.bool), dice.rows(n))

    @torch.no_grad()
    def complete(self, net: PixelsNet, x: Float[Tensor, "b c h w"], known: Bool[Tensor, "b c h w"], dice: Dice) -> Float[Tensor, "b c h w"]:
        """In raster order, every unknown number is drawn given all before it, known ones and drawn ones.

        That is an exact draw of the rest given a beginning, such as the upper half. A known number does not inform the unknown ones before
        it. Where grey pixels are modelled as black and white, what is conditioned on is a draw of the known ones.
        """
        kept, seen = nets.raster(known), nets.raster(torch.where(known, x, 0.0))
        done = nets.raster(net.p.drawn(nets.picture(seen, net.body.shape), dice)) * kept
        walk, one = net.body.walk(len(x)), x.new_ones(())
        for i in range(done.shape[1]):
            drawn = net.p.sample(walk(done, i), one, dice.split(f"number {i}"))[:, 0]
            done[:, i] = torch.where(kept[:, i], done[:, i], drawn)
        return torch.where(known, x, nets.picture(done, net.body.shape))
