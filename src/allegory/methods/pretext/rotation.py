r"""By how many quarter turns was this picture turned? To know, one must know what is in it.

**Model.** $p(k | \mathrm{rot}(x, k))$, $k \in \{0, 90, 180, 270\}$ degrees, by a linear layer on the code.

**Objective.** $-\tfrac14 \sum_k \log p(k | \mathrm{rot}(x, k))$ (eq. 2 and 3); one turn an item and step is drawn, or all four are shown.

**Notation.** `answer` = k, the number of quarter turns.

**When it fails.** Pictures without an upright (cells, satellites, the digits 0, 6/9, 8): accuracy stays low, and so does the use.

**Reference.** S. Gidaris et al., Unsupervised Representation Learning by Predicting Image Rotations, 2018,
https://arxiv.org/abs/1803.07728
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import views
from allegory.core import Card, Claim, CodeKind, Optim, Paper, Recipe, Spec, Views
from allegory.methods.pretext._guess import Guess, PuzzleNet

TURNS = 4


@final
@dataclass(frozen=True)
class Rotation(Guess):
    """Rotation prediction (Gidaris et al. 2018): minimises the cross-entropy of telling the number of quarter turns, in nats.

    The puzzle is the view: `views.Rotations()`.
    """

    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=3e-3))
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
        "Fashion-MNIST it reads below features made by hand with 1 % of the labels (.74 for .75; untrained .68), and at a rate of 1e-3 "
        "hardly above PCA (.72 for .70); look at the puzzle's accuracy.",
        specs=("image",), code=CodeKind(), tiny={}, laws=("order of examples",), falls="encoder/cross_entropy",
        claims=(
            Claim("linear_probe", "accuracy", "digits", 0.90, {}, seeds=3),
            Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.72, {}, seeds=3),
        ),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del spec, source
        return views.Rotations()

    def build(self, spec: Spec, n: int) -> PuzzleNet:
        del n
        return PuzzleNet(spec, self.encoder, TURNS)

    def encode(self, net: PuzzleNet, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        h: Tensor = net.body(x)
        return h
