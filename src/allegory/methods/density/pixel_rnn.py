r"""Read a picture number by number, as one reads a text, and say how likely the next one is.

**Model.** $p(x) = \prod_{i=1}^{d} p(x_i | x_1, \dots, x_{i-1})$ over the $d$ numbers of an image, row by row from the upper left
corner, the channels of a pixel in the order red, green, blue (eq. 1 and 2). A recurrent net, whose state sums up $x_{<i}$, says each.

**Objective.** $-\log p(x) = -\sum_i \log p(x_i | x_{<i})$, in nats per example, exact.

**Notation.** `width` and `depth` of the recurrent layers; `cell`: LSTM or GRU. The code is the mean over all $i$ of the last layer's
states.

**When it fails.** Many steps: it learns and is asked one number after the other, so large pictures are slow, and what was far back in
the order is forgotten. The states tell the next number, not the class: look at `layer_probe`.

**Reference.** A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, Pixel Recurrent Neural Networks, 2016, https://arxiv.org/abs/1601.06759
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Optim, Paper, Recipe
from allegory.methods.density._pixels import Pixels
from allegory.objectives import Likelihood


@final
@dataclass(frozen=True)
class PixelRNN(Pixels):
    """Pixel recurrent net (van den Oord et al. 2016): minimises -log p(x) = -sum_i log p(x_i | x_<i), in nats per example.

    width, depth: of the recurrent layers. cell: lstm | gru.
    """

    width: int = 128
    depth: int = 1
    cell: nets.Cell = "lstm"

    recipe: ClassVar[Recipe] = Recipe(
        steps=1500, batch=64, optim=Optim(lr=3e-3, weight_decay=0.0, clip=1.0),
        note="paper: RMSProp, 7 layers of row or diagonal LSTMs of width 16 on MNIST, 12 of width 128 on CIFAR-10, batch 16",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="density",
        title="Pixel recurrent net",
        paper=Paper("van den Oord, Kalchbrenner and Kavukcuoglu", "Pixel Recurrent Neural Networks", 2016,
                    "https://arxiv.org/abs/1601.06759", "1 and 2"),
        density="fully observed", manifold="Euclidean space", principle="prediction of the future",
        approach="built-in structure", decoder="none",
        modelled=r"p(x) = \prod_i p(x_i | x_{<i})",
        minimised=r"-\sum_i \log p(x_i | x_{<i})", unit="nats per example",
        buys="The exact likelihood, exact samples, and completions of anything that has a beginning.",
        costs="One step a number, there and back; no short code comes with it.",
        fails="Long pictures: what lies many steps back is forgotten; look at samples of large shapes.",
        specs=("image",), code=CodeKind(), tiny={"width": 16}, laws=("order of examples",), falls="model/nats",
        claims=(Claim("likelihood", "log_likelihood", "digits", -82.0, {"steps": 600}, seeds=1),),
    )  # fmt: skip

    def body(self, shape: nets.Shape, p: Likelihood) -> nets.Autoregressive:
        # Deviates: one LSTM runs over all numbers in place of one along each row or diagonal; the convolution of the row above that
        # those have is here the pixels above, shown beside the number before.
        return nets.RasterRNN(shape, p.numbers, self.width, self.depth, self.cell)
