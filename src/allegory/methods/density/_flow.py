"""The template of flows: a bijection takes the observation to a draw of a standard Gaussian, and its Jacobian says the density.

A method says of which couplings the bijection is made. Images of levels are moved within their cells while learning, so that the density
of the cell is learned and not a spike on the level (Theis, van den Oord and Bethge 2016): with `nats` the loss and step = 2 / (levels - 1),
an image costs at most nats - d log(step) nats, which is (nats - d log(step)) / (d log 2) bits a number.
"""

import abc
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets, views
from allegory.core import Array, Batch, Density, Dice, Items, Loss, Moment, Player, Recipe, Spec, Trained, Views, batch_mean
from allegory.objectives import dequantised, levels_of, log_density_through

LOOKED_AT = 2048  # training items from which the first scale is taken
VECTOR_STEPS = 300
# Without noise, log p of items held out on wine (178 rows, 13 columns) fell to -5,527 nats in 300 steps of Real NVP, where independent
# Gaussians have -19 and probabilistic PCA -16; with .3 it was -16. Neural splines: -56, and -15.
MOST_NOISE, NOISE_OF_ONE = 0.3, 4.0


class FlowNet(nn.Module):
    """z = f(x): levels to the line, every number to mean 0 and standard deviation 1 over the training part, then couplings."""

    def __init__(self, spec: Array, couplings: nets.Couplings):
        super().__init__()
        self.shape, self.levels = spec.shape, levels_of(spec)
        # Deviates: images without levels have no cells and no known range, and are modelled as they are.
        self.to_line = nets.Chain([] if self.levels is None else [nets.Logit(self.levels)])
        self.scale = nets.Scale(spec.shape)
        self.couplings = couplings.of(spec.shape)

    def forward(self, x: Float[Tensor, "b *d"]) -> tuple[Float[Tensor, "b z"], Float[Tensor, " b"]]:
        on_line, first = self.to_line(x)
        scaled, second = self.scale(on_line)
        z, third = self.couplings(scaled)
        return z, first + second + third

    def inverse(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        return self.to_line.inverse(self.scale.inverse(self.couplings.inverse(z)))

    def moved(self, x: Float[Tensor, "b *d"], dice: Dice) -> Float[Tensor, "b *d"]:
        """Levels moved within their cells; all else as it is."""
        return x if self.levels is None else dequantised(x, self.levels, dice)


@dataclass(frozen=True)
class Flow(Trained[FlowNet]):
    """What all flows share.

    couplings: how many, of vectors (None: as many as the method finds enough); of images, of either pattern at each scale (None: 3).
    width: of the nets that they read their curves off. Vectors are learned with Gaussian noise on them unless other views are given,
    of standard deviation 4 / sqrt(items), at most .3: a kernel on every item, without which small tables are learned by heart.
    """

    couplings: int | None = None
    width: int = 32

    mixing: ClassVar[bool] = False  # learned linear maps between the couplings
    enough: ClassVar[int] = 8  # couplings of vectors

    @abc.abstractmethod
    def curve(self, shape: tuple[int, ...]) -> nets.Curve:
        """The hole: what a coupling takes its free half through; what is learned of it has this shape."""

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        # Deviates: neither paper adds noise to vectors (Rothfuss et al. 2019, arXiv:1907.08982, show what it does for densities).
        image = isinstance(spec, Array) and spec.is_image
        return None if image else views.Noise(min(MOST_NOISE, NOISE_OF_ONE / math.sqrt(len(source))))

    def recipe_for(self, spec: Spec) -> Recipe:
        image = isinstance(spec, Array) and spec.is_image
        return self.recipe if image else dataclasses.replace(self.recipe, steps=VECTOR_STEPS)

    def build(self, spec: Spec, n: int) -> FlowNet:
        del n
        assert isinstance(spec, Array), "the card says images and vectors"
        # Deviates: fewer and smaller nets than in the papers, and a scale learned after each coupling in the place of batch
        # normalisation, so that the density of an item depends on no other item.
        couplings, blocks = (3, 1) if spec.is_image else (self.enough, 2)
        return FlowNet(spec, nets.Couplings(self.curve, self.couplings or couplings, self.width, blocks, self.mixing))

    def prepare(self, net: FlowNet, items: Items, dice: Dice) -> None:
        """The first scale, from training items evenly taken (Kingma and Dhariwal 2018, section 3.1)."""
        x = items.take(slice(None, None, math.ceil(len(items) / LOOKED_AT)))
        with torch.no_grad():
            net.scale.fit(net.to_line(net.moved(x.to(net.scale.shift), dice.rows(len(x))))[0])

    def players(self, net: FlowNet) -> Sequence[Player]:
        return [Player("flow", (net,), partial(self.loss, net), additive=True)]

    def loss(self, net: Any, batch: Batch, now: Moment) -> Loss:
        """-log p of what is shown. `volume` is the mean of log |det dz/dx|; both in nats per example."""
        z, log_det = net(net.moved(batch.views, now.dice))
        nats = batch_mean(-log_density_through(z, log_det))
        return Loss(nats, {"nats": nats, "volume": batch_mean(log_det)})

    def encode(self, net: FlowNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """All of f(x), laid out flat."""
        return net(x)[0]

    def decode(self, net: FlowNet, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *d"]:
        """The one x with f(x) = z."""
        return net.inverse(z)

    def sample(self, net: FlowNet, n: int, dice: Dice) -> Float[Tensor, "n *d"]:
        """Draws of p(x); of images with levels, the level in whose cell the draw lies."""
        z = dice.rows(n).normal("prior", math.prod(net.shape)).to(net.scale.shift)
        x = self.decode(net, z)
        if net.levels is None:
            return x
        step = 2.0 / (net.levels - 1)
        return ((x.clamp(-1.0, 1.0) + 1.0) / step).round() * step - 1.0

    def log_density(self, net: FlowNet, x: Float[Tensor, "b *d"], dice: Dice, k: int = 1) -> Density:
        """Exact, of the numbers as they are."""
        del dice, k
        return Density(log_density_through(*net(x)), "exact")
