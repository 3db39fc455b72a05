r"""Convolutions that look only up and back: every pixel is foreseen from all before it, and all pixels are learned at once.

**Model.** $p(x) = \prod_{i=1}^{d} p(x_i | x_{<i})$ in raster order, the channels of a pixel in the order red, green, blue (eq. 1). A
vertical stack sees all rows above, a horizontal one the row so far and the vertical stack above it: together all that is before, without
the blind spot of a single masked stack.

**Objective.** $-\log p(x) = -\sum_i \log p(x_i | x_{<i})$, in nats per example, exact. Layers are
$y = \tanh(W_f * x) \odot \sigma(W_g * x)$ (eq. 2), the horizontal ones with a short way around them (fig. 2).

**Notation.** `width` = $p$, channels of either stack; `depth` gated layers after the first; `kernel`, `first`: the sides of their
convolutions. The code is the mean over all places of both stacks at the middle layer.

**When it fails.** It foresees from near by: what lies outside its reach of about `first` / 2 + `depth` * (`kernel` / 2) pixels is unknown
to it, and samples lose the whole shape. Samples are drawn one number at a time.

**Reference.** A. van den Oord et al., Conditional Image Generation with PixelCNN Decoders, 2016, https://arxiv.org/abs/1606.05328
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Misuse, Optim, Paper, Recipe
from allegory.methods.density._pixels import Pixels
from allegory.objectives import Likelihood


@final
@dataclass(frozen=True)
class GatedPixelCNN(Pixels):
    """Gated PixelCNN (van den Oord et al. 2016): minimises -log p(x) = -sum_i log p(x_i | x_<i), in nats per example.

    width: channels of either stack. depth: gated layers after the first. kernel, first: odd sides of the convolutions of those and of
    the first.
    """

    width: int = 32
    depth: int = 4
    kernel: int = 3
    first: int = 7

    recipe: ClassVar[Recipe] = Recipe(
        steps=1500, batch=64, optim=Optim(lr=2e-3, weight_decay=0.0, clip=1.0),
        note="paper: 15 layers of 5x5 with 128 channels on CIFAR-10; 20 layers of 384 channels on ImageNet, 200,000 steps of batch 128",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="density",
        title="Gated PixelCNN",
        paper=Paper("van den Oord et al.", "Conditional Image Generation with PixelCNN Decoders", 2016,
                    "https://arxiv.org/abs/1606.05328", "1 and 2"),
        density="fully observed", manifold="Euclidean space", principle="prediction of the future",
        approach="built-in structure", decoder="none",
        modelled=r"p(x) = \prod_i p(x_i | x_{<i}),\; y = \tanh(W_f * x) \odot \sigma(W_g * x)",
        minimised=r"-\sum_i \log p(x_i | x_{<i})", unit="nats per example",
        buys="The exact likelihood, learned for all pixels at once; exact samples, and completions of anything that has a beginning.",
        costs="Samples take a step a number; no short code comes with it.",
        fails="Shapes larger than its reach; look at samples, and make it deeper.",
        specs=("image",), code=CodeKind(), tiny={"width": 8, "depth": 2, "first": 5}, laws=("order of examples",), falls="model/nats",
        claims=(Claim("likelihood", "log_likelihood", "digits", -82.3, {"steps": 400}, seeds=1),),
    )  # fmt: skip

    def body(self, shape: nets.Shape, p: Likelihood) -> nets.Autoregressive:
        if self.kernel % 2 == 0 or self.first % 2 == 0 or self.width < shape[0]:
            raise Misuse(
                f"GatedPixelCNN needs odd kernels and a width of at least {shape[0]}; got {self.kernel}, {self.first}, {self.width}"
            )
        return nets.GatedPixels(shape, p.numbers, self.width, self.depth, self.kernel, self.first)
