r"""By how many quarter turns was this picture turned? To know, one must know what is in it.

**Model.** $p(k | \mathrm{rot}(x, k))$, $k \in \{0, 90, 180, 270\}$ degrees, by a linear layer on the code.

**Objective.** $-\tfrac14 \sum_k \log p(k | \mathrm{rot}(x, k))$ (eq. 2 and 3); one turn an item and step is drawn, or all four are shown.

**Notation.** `answer` = k, the number of quarter turns.

**When it fails.** Pictures without an upright (cells, satellites, the digits 0, 6/9, 8): accuracy stays low, and so does the use.

**Reference.** S. Gidaris et al., Unsupervised Representation Learning by Predicting Image Rotations, 2018,
https://arxiv.org/abs/1803.07728
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from allegory import nets, views
from allegory.core import Batch, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained, Views, batch_mean

TURNS = 4


class PuzzleNet(nn.Module):
    """An encoder and a linear answer."""

    def __init__(self, spec: Spec, encoder: str, answers: int):
        super().__init__()
        self.body = nets.encoder(encoder, spec)
        self.answer = nn.Linear(self.body.out, answers)


@final
@dataclass(frozen=True)
class Rotation(Trained[PuzzleNet]):
    """Rotation prediction (Gidaris et al. 2018): minimises the cross-entropy of telling the number of quarter turns, in nats.

    encoder: name of a net. The puzzle is the view: `views.Rotations()`.
    """

    encoder: str = "default"

    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=1e-3))
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Rotation prediction",
        paper=Paper("Gidaris et al.", "Unsupervised Representation Learning by Predicting Image Rotations", 2018,
                    "https://arxiv.org/abs/1803.07728", "2 and 3"),
        density="not modelled", manifold="Euclidean space", principle="prediction of a hidden property",
        modelled=r"p(k\,|\,\mathrm{rot}(x, k))", minimised=r"-\log p(k\,|\,\mathrm{rot}(x, k))", unit="nats per example",
        buys="A puzzle without negatives, teacher or decoder; its accuracy says whether it is learning.",
        costs="Only what tells the upright is learned.",
        fails="Pictures without an upright, or with an artefact that shows it, and whatever need not be known to tell the upright: on "
        "Fashion-MNIST it reads better than the untrained network with all labels (.82 for .80) and worse with few, and worse than HOG; "
        "look at the puzzle's accuracy.",
        specs=("image",), code=CodeKind(), tiny={}, laws=("order of examples",), falls="encoder/cross_entropy",
        claims=(Claim("linear_probe", "accuracy", "digits", 0.90, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del spec, source
        return views.Rotations()

    def build(self, spec: Spec, n: int) -> PuzzleNet:
        del n
        return PuzzleNet(spec, self.encoder, TURNS)

    def players(self, net: PuzzleNet) -> Sequence[Player]:
        return [Player("encoder", (net,), partial(self._loss, net), additive=not nets.has_batch_statistics(net))]

    def _loss(self, net: PuzzleNet, batch: Batch, now: Moment) -> Loss:
        del now
        puzzle: views.Puzzle = batch.views
        logits = net.answer(net.body(puzzle.x))
        loss = batch_mean(F.cross_entropy(logits, puzzle.answer, reduction="none"))
        right = batch_mean((logits.argmax(1) == puzzle.answer).to(logits.dtype))
        return Loss(loss, {"cross_entropy": loss, "accuracy": right})

    def encode(self, net: PuzzleNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h
