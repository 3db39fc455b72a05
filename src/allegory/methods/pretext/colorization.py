r"""Say the colours of a grey picture: grass is green, but one must see that it is grass.

**Model.** $p(q | \text{grey}) $ at each place, over $Q$ bins of colour, by a decoder on the code of the grey picture.

**Objective.** $-\sum_q w_{q^*} Z_q \log p(q | \text{grey})$, the mean over places (eq. 2; the paper sums), with $Z$ the true colour spread
over its 5 nearest bins, $q^*$ the largest of them (eq. 3), and $w \propto ((1-\lambda)\tilde p + \lambda/Q)^{-1}$, $E_{\tilde p}\,w = 1$
(eq. 4): rare colours count as much as common ones.

**Notation.** `mix` = $\lambda$; `weight` = $w$; $\tilde p$ = how often each bin occurs, smoothed by a Gaussian of half the bins' distance.

**When it fails.** Pictures whose colours are arbitrary, or told by brightness. One channel has no colour: there the lightness is to be told
from the edges (Sobel), a puzzle of the same form that needs less understanding. Other than 3 channels: the colours are the channels
minus their mean, the grey is the mean.

**Reference.** R. Zhang, P. Isola and A. A. Efros, Colorful Image Colorization, 2016, https://arxiv.org/abs/1603.08511
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from allegory import nets, views
from allegory.core import Array, Batch, Card, Claim, CodeKind, Dice, Optim, Paper, Recipe, Spec, Views
from allegory.core.method import Items
from allegory.methods.pretext._restoring import Restoring
from allegory.objectives import rebalanced_cross_entropy, rebalancing, smoothed, soft_bins

LOOKED_AT = 1024  # items whose colours make the bins
LEAST_WIDTH = 1e-3  # of a bin, where all colours are one


class Colourist(nets.Hourglass):
    """From grey to logits over the bins at each place, with the bins' centres, their width and their weights."""

    centres: Float[Tensor, "q m"]
    width: Float[Tensor, ""]
    weight: Float[Tensor, " q"]

    def __init__(self, seen: Array, bins: int, colours: int, places: tuple[int, int], latent: int, encoder: str, decoder: str):
        super().__init__(seen, Array((bins, *places)), latent, encoder, decoder)
        self.places = places
        self.register_buffer("centres", torch.zeros(bins, colours))
        self.register_buffer("width", torch.ones(()))
        self.register_buffer("weight", torch.ones(bins))

    def at_places(self, colour: Float[Tensor, "b m h w"]) -> Float[Tensor, "n m"]:
        """The mean colour at each place, in rows."""
        return F.adaptive_avg_pool2d(colour, self.places).movedim(1, -1).flatten(0, 2)


@final
@dataclass(frozen=True)
class Colorization(Restoring):
    """Colorization (Zhang, Isola and Efros 2016): minimises the rebalanced cross-entropy of telling the colour of each place from grey.

    bins: how many colours there are to choose from (paper: 313 on a grid). mix: how much of the uniform distribution is mixed in
    before colours are weighted by their rarity. shrink: pixels a side that make one place (paper: 4).
    """

    bins: int = 32
    mix: float = 0.5
    shrink: int = 2

    recipe: ClassVar[Recipe] = Recipe(steps=400, batch=128, optim=Optim(lr=3e-3), note="paper: batch 40, 450,000 steps, Adam 3e-5")
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Colorization",
        paper=Paper("Zhang, Isola and Efros", "Colorful Image Colorization", 2016, "https://arxiv.org/abs/1603.08511", "2 to 4"),
        density="not modelled", manifold="Euclidean space", principle="prediction of a hidden property", decoder="network",
        modelled=r"p(q\,|\,\mathrm{grey})\ \text{at each place}",
        minimised=r"-w_{q^*} \textstyle\sum_q Z_q \log p(q\,|\,\mathrm{grey})", unit="nats per place, weighted",
        buys="A puzzle in every colour picture; several guesses where one mean would be brown.",
        costs="A decoder to train; what needs no colour to be told is not asked for.",
        fails="Arbitrary colours, or colours that brightness gives away. One channel: the lightness is predicted from Sobel edges; other "
        "than 3: the channels minus their mean from the mean. Look at the cross-entropy beside log bins.",
        specs=("image",), code=CodeKind(size="either"), tiny={"bins": 8}, laws=("order of examples",), falls="encoder/error",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.755, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del spec, source
        return views.Uncolour()

    def build(self, spec: Spec, n: int) -> Colourist:
        del n
        assert isinstance(spec, Array), "the card says images"
        (grey, *_), (colours, *_) = views.Uncolour().shape(spec.shape)
        h, w = (math.ceil(side / self.shrink) for side in spec.shape[1:])
        return Colourist(Array((int(grey), *spec.shape[1:])), self.bins, int(colours), (h, w), self.latent, self.encoder, self.decoder)

    def prepare(self, net: Colourist, items: Items, dice: Dice) -> None:
        """The bins, from the colours of some training items."""
        # Deviates: an even cover of the colours that occur, for the paper's grid of ab: it serves any number of channels.
        some = dice.rows(min(len(items), LOOKED_AT)).integers("items", len(items))
        colours = net.at_places(views.Uncolour().show(items.take(some)).colour).to(net.centres)
        net.centres.copy_(even_cover(colours, self.bins))
        apart = torch.cdist(net.centres, net.centres).fill_diagonal_(math.inf).amin(1)
        net.width.copy_((apart.median() / 2.0).clamp_min(LEAST_WIDTH))
        p = torch.bincount(torch.cdist(colours, net.centres).argmin(1), minlength=self.bins).to(colours) / len(colours)
        net.weight.copy_(rebalancing(smoothed(p, net.centres, net.width), self.mix))

    def shown(self, views: views.Coloured) -> Float[Tensor, "b g h w"]:
        return views.grey

    def error(self, net: Colourist, out: Float[Tensor, "b *e"], batch: Batch) -> Float[Tensor, " b"]:
        target = soft_bins(net.at_places(batch.views.colour), net.centres, net.width)
        return rebalanced_cross_entropy(out, target.view(len(out), *net.places, -1).movedim(-1, 1), net.weight)

    def encode(self, net: Colourist, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        return net.f(views.Uncolour().show(x).grey)


def even_cover(points: Float[Tensor, "n m"], k: int) -> Float[Tensor, "k m"]:
    """`k` of the points: the one nearest to the mean, then each time the one farthest from all that were chosen."""
    chosen = [(points - points.mean(0)).square().sum(1).argmin()]
    far = torch.full_like(points[:, 0], math.inf)
    for _ in range(k - 1):
        far = torch.minimum(far, (points - points[chosen[-1]]).square().sum(1))
        chosen.append(far.argmax())
    return points[torch.stack(chosen)]
