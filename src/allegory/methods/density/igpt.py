r"""A language model of pictures: a transformer that reads pixels as words, and is used for what its middle knows.

**Model.** $p(x) = \prod_{i=1}^{d} p(x_i | x_{<i}, \theta)$ in raster order (eq. 1), by a transformer whose places look only at
themselves and those before; with `objective="masked"` places look at all, and hidden ones are told.

**Objective.** "next": $L_{AR} = -\log p(x)$ (eq. 2). "masked": $L_{BERT} = E_M \sum_{i \in M} -\log p(x_i | x_{\setminus M})$, each
place in $M$ with probability `share` (eq. 3). Nats per example.

**Notation.** `width`, `heads`, `depth` = $L$ blocks; `share` = .15. The code is $f^l = \langle n^l_i \rangle_i$, the mean over all
places of what goes into block $l$, after its norm, at the middle $l = L / 2$ (section 2.3); `codes` has every layer.

**When it fails.** A token a number: attention costs the square of the number of pixels. Near the end layers know the next number and no
more of the picture: choose the layer by `layer_probe`. Hidden pixels (BERT) that their neighbours tell.

**Reference.** M. Chen et al., Generative Pretraining from Pixels, 2020, https://proceedings.mlr.press/v119/chen20s.html
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from allegory import nets
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Misuse, Moment, Optim, Paper, Recipe, batch_mean
from allegory.methods.density._pixels import Pixels, PixelsNet
from allegory.objectives import Likelihood


@final
@dataclass(frozen=True)
class IGPT(Pixels):
    """Image GPT (Chen et al. 2020): minimises -log p(x), number by number, or that of hidden numbers; in nats per example.

    objective: next | masked. share: of the numbers that are hidden, where masked. width, heads, depth: of the transformer.
    A net of masked pixels encodes; it has no log density, samples or completion.
    """

    objective: Literal["next", "masked"] = "next"
    share: float = 0.15
    width: int = 64
    heads: int = 4
    depth: int = 4

    recipe: ClassVar[Recipe] = Recipe(
        steps=1500, batch=64, optim=Optim(lr=8e-3, weight_decay=0.0, betas=(0.9, 0.95), warmup=0.1, clip=1.0),
        note="paper: Adam, batch 128, a million steps; width 512, 8 heads, 24 blocks for iGPT-S",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="density",
        title="Image GPT",
        paper=Paper("Chen et al.", "Generative Pretraining from Pixels", 2020, "https://proceedings.mlr.press/v119/chen20s.html", "1 to 3"),
        density="fully observed", manifold="Euclidean space", principle="prediction of the future", decoder="none",
        modelled=r"p(x) = \prod_i p(x_i | x_{<i}, \theta)",
        minimised=r"L_{AR} = -\sum_i \log p(x_i | x_{<i}) \;\text{or}\; L_{BERT} = E_M \sum_{i \in M} -\log p(x_i | x_{\setminus M})",
        unit="nats per example",
        buys="The exact likelihood and exact samples with no knowledge of what a picture is; middle layers that tell classes apart.",
        costs="Attention over all pairs of numbers; the best layer has to be found.",
        fails="Last layers know the next number only; look at the layer probe, and at the numbers that neighbours do not tell.",
        specs=("image",), code=CodeKind(), tiny={"width": 16, "depth": 2}, laws=("order of examples",), falls="model/nats",
        claims=(Claim("likelihood", "log_likelihood", "digits", -87.5, {"steps": 500}, seeds=1),),
    )  # fmt: skip

    def body(self, shape: nets.Shape, p: Likelihood) -> nets.Autoregressive:
        if self.width % 4 or self.width % self.heads:
            raise Misuse(f"IGPT needs a width that 4 and the number of heads divide; got width {self.width} and {self.heads} heads")
        # Deviates: colours are read channel by channel, three tokens a pixel, with the levels of the data as words. The paper's palette of
        # 512 colours makes sequences a third as long, but its probabilities are no longer those of the data.
        # Deviates: positions, which are learned, begin as sines of row and column: a short training has no time to find them.
        levels, causal = p.levels or 2, self.objective == "next"
        return nets.PixelTransformer(shape, p.numbers, levels, self.width, self.heads, self.depth, causal)

    def loss(self, net: PixelsNet, batch: Batch, now: Moment) -> Loss:
        if self.objective == "next":
            return super().loss(net, batch, now)
        assert isinstance(net.body, nets.PixelTransformer)
        x = net.p.drawn(batch.views, now.dice)
        hidden = now.dice.chance("hidden", self.share, x[0].numel())
        # Only the hidden numbers are told.
        nats = batch_mean(-net.p.log_prob(x, net.body.said(x, hidden), known=nets.picture(hidden, net.body.shape)))
        return Loss(nats, {"nats": nats})
