r"""Predict what comes next, not as it looks but so that it can be told from everything else.

**Model.** Overlapping windows $x_t$ of a series, or patches of an image row by row; $z_t = g_{enc}(x_t)$ sees one window;
$c_t = g_{ar}(z_{\le t})$ sums up all that came before: a GRU for series, for images convolutions that look up only.

**Objective.** $-\log f_k(x_{t+k}, c_t) / \sum_j f_k(x_j, c_t)$ with $f_k(x_{t+k}, c_t) = \exp(z_{t+k}^T W_k c_t)$ (eq. 3 and 4), the
mean over places and over the steps $k$; $j$ runs over all windows of all examples of the batch. Images predict the rows below, column
by column.

**Notation.** `body` and `latent` = $g_{enc}$, `ar` = $g_{ar}$, `W` = $W_k$ for k from `first` to `last`.

**When it fails.** Neighbours that share pixels (predict further ahead: `first`), or brightness and colour (windows are changed one by
one, as in the second paper); data whose windows look all alike, such as empty borders: look at the accuracy of each step.

**Reference.** A. van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018, https://arxiv.org/abs/1807.03748;
its second version for images: O. Henaff et al., Data-Efficient Image Recognition with Contrastive Predictive Coding, 2020,
https://arxiv.org/abs/1905.09272
"""

import math
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
from allegory.objectives import told_ahead

GRID = 8  # windows along the shorter side, about, of an image ...
TIMES = 32  # ... and of a series
SMALL = 8  # pixels a side up to which a window needs no convolutions
BRIEF = 32  # times, likewise
Both = tuple[Float[Tensor, "b h w z"], Float[Tensor, "b h w p"]]  # z and c at every place


class CPCNet(nn.Module):
    """Encoder of windows, summary of what came before, and one linear prediction for each number of steps ahead."""

    def __init__(self, windows: views.Windows, shape: tuple[int, ...], encoder: str, latent: int, context: int, steps: Sequence[int]):
        super().__init__()
        _, columns, *window = windows.shape(shape)
        self.windows = windows
        self.body = nets.encoder(encoder_for(encoder, tuple(window)), Array(tuple(window)))
        self.latent = nn.Linear(self.body.out, latent, bias=False)
        self.ar = nets.DownColumns(latent, context) if columns == 1 else nets.RowsAbove(latent, context)
        self.W = nn.ModuleDict({str(k): nn.Linear(context, latent, bias=False) for k in steps})

    def forward(self, cut: Float[Tensor, "b h w c *window"]) -> Both:
        """z and c at every place."""
        h = self.body(cut.flatten(0, 2)).view(*cut.shape[:3], -1)
        z = self.latent(h)
        return z, self.ar(z)


@final
@dataclass(frozen=True)
class CPC(Trained[CPCNet]):
    """Contrastive predictive coding (van den Oord et al. 2018; Henaff et al. 2020): minimises InfoNCE of windows some steps ahead.

    window, stride: pixels a side, or times, of a window and between two (0: a grid of about 7 x 7, or 31 windows of a series).
    first, last: the nearest and the farthest step that is predicted, as far as there are rows. encoder: name of a net without batch
    statistics, for one window; "default" is fully connected for small windows. latent, context: widths of z and c.
    """

    window: int = 0
    stride: int = 0
    first: int = 2
    last: int = 4
    encoder: str = "default"
    latent: int = 64
    context: int = 128

    recipe: ClassVar[Recipe] = Recipe(
        steps=400, batch=64, optim=Optim(lr=2e-3), note="paper: Adam 2e-4, 8 GPUs x 8 items of 20,480 samples"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="Contrastive predictive coding",
        paper=Paper("van den Oord et al.", "Representation Learning with Contrastive Predictive Coding", 2018,
                    "https://arxiv.org/abs/1807.03748", "3 and 4"),
        density="not modelled", manifold="Euclidean space", principle="prediction of the future",
        modelled=r"\frac{p(x_{t+k} | c_t)}{p(x_{t+k})} \propto f_k(x_{t+k}, c_t) = \exp(z_{t+k}^T W_k c_t)",
        minimised=r"-\log \frac{f_k(x_{t+k}, c_t)}{\sum_j f_k(x_j, c_t)}", unit="nats per prediction",
        buys="No views that must keep the meaning: order in time or space is the teacher, so it reads sound as it reads images.",
        costs="What cannot be predicted from a distance is lost; a code of single windows knows little of the whole.",
        fails="Shortcuts between neighbours, and windows that all look alike; look at the accuracy of each step.",
        code=CodeKind(), specs=("image", "vector"), tiny={"latent": 16, "context": 32}, laws=("order of examples",),
        claims=(
            Claim("share_labels", "accuracy@1%", "digits", 0.51, {"steps": 600}, seeds=3),
            Claim("linear_probe", "accuracy", "digits", 0.925, {"steps": 600}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.72, {}, seeds=3),
        ),
    )  # fmt: skip

    def windows(self, shape: tuple[int, ...]) -> views.Windows:
        """The windows of observations of `shape`, unchanged."""
        image = len(shape) == 3
        side = min(shape[1:]) if image else shape[-1]
        stride = self.stride or max(2 if image else 1, math.ceil(side / (GRID if image else TIMES)))
        return views.Windows(self.window or max(1, min(2 * stride, side - stride)), stride)

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del source
        assert isinstance(spec, Array)
        plain = self.windows(spec.shape)
        return views.Windows(plain.size, plain.stride, light(spec))

    def build(self, spec: Spec, n: int) -> CPCNet:
        del n
        assert isinstance(spec, Array)
        windows = self.windows(spec.shape)
        rows = windows.shape(spec.shape)[0]
        if rows < 2:
            raise Misuse(f"CPC predicts windows from those before; {spec} has {rows} of {windows.size}. Choose a smaller window or stride")
        most = min(self.last, rows - 1)
        steps = range(min(self.first, most), most + 1)
        return CPCNet(windows, spec.shape, self.encoder, self.latent, self.context, steps)

    def players(self, net: CPCNet) -> Sequence[Player]:
        return [Player.comparing("encoder", (net,), partial(seen, net), partial(self._loss, net))]

    def _loss(self, net: CPCNet, embedded: Both, batch: Batch, now: Moment) -> Loss:
        del batch, now
        # Deviates: images are predicted downwards only, as in the first paper; the second predicts in four directions.
        z, c = embedded
        terms: dict[str, Tensor] = {}
        for k, W in net.W.items():
            loss, hits = told_ahead(W(c), z, int(k))
            terms |= {f"nce_{k}": batch_mean(loss), f"accuracy_{k}": batch_mean(hits)}
        losses = [v for name, v in terms.items() if name.startswith("nce")]
        total = torch.stack(losses).mean()
        return Loss(total, {"nce": total, **terms})

    def encode(self, net: CPCNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        # Deviates: images are read by the mean of c, as series are; the papers read images by z.
        _, c = net(net.windows.cut(x))
        return c.mean((1, 2))


def seen(net: CPCNet, batch: Batch, now: Moment) -> Both:
    """z and c of a batch, which its views have cut into windows."""
    del now
    z, c = net(batch.views)
    return z, c


def encoder_for(name: str, window: tuple[int, ...]) -> str:
    """The net that "default" means for a window. Batch statistics would let one window learn of the others (Henaff et al. 2020)."""
    if name != "default":
        return name
    return "mlp-group" if max(window[1:]) <= (SMALL if len(window) == 3 else BRIEF) else "default-group"


def light(spec: Array) -> views.View | None:
    """What happens to each window by itself: other light, where it is a window of pixels."""
    return views.ColourJitter(brightness=0.2, contrast=0.2, saturation=0, hue=0) if spec.is_image else None
