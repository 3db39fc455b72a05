r"""Predict the projection of one view from the other view; no negatives and no teacher, only a gradient that stops.

**Model.** $z = g(f(v))$, with batch normalisation on the last layer of $g$ too; a predictor $h$ with a narrow hidden layer, $p = h(z)$.

**Objective.** $\tfrac12 D(p_1, \mathrm{sg}(z_2)) + \tfrac12 D(p_2, \mathrm{sg}(z_1))$ with $D(p, z) = -\cos(p, z)$ (eq. 1 and 4).

**Notation.** `q` = $h$, `student` = $g(f(\cdot))$, `narrow` = the predictor's hidden width; sg is inside `negative_cosine`.

**When it fails.** Collapse to one point (the loss is -1 at once and the spread 0) without the stop-gradient or the predictor, and to few
directions with a small batch or a high rate: look at the effective rank.

**Reference.** X. Chen and K. He, Exploring Simple Siamese Representation Learning, 2021, https://arxiv.org/abs/2011.10566
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Optim, Paper, Recipe, Spec
from allegory.methods.contrastive._joint import Codes
from allegory.methods.contrastive._predicting import Predicting, PredictingNet
from allegory.objectives import negative_cosine


@final
@dataclass(frozen=True)
class SimSiam(Predicting[PredictingNet]):
    """SimSiam (Chen and He 2021): minimises -cos(h(z), sg(z')) between two views, both ways round.

    narrow: width of the predictor's hidden layer (paper: a quarter of the projection).
    """

    narrow: int = 32

    recipe: ClassVar[Recipe] = Recipe(
        steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: batch 512, SGD .05 * batch / 256, 100 epochs"
    )
    card: ClassVar[Card] = Card(
        family="contrastive",
        title="SimSiam",
        paper=Paper("Chen and He", "Exploring Simple Siamese Representation Learning", 2021, "https://arxiv.org/abs/2011.10566", "1 and 4"),
        density="not modelled", manifold="hypersphere", principle="prediction of a hidden property",
        modelled=r"h(g(f(v))) \approx g(f(v'))",
        minimised=r"-\tfrac12 \cos(p_1, \mathrm{sg}(z_2)) - \tfrac12 \cos(p_2, \mathrm{sg}(z_1))", unit="negative cosine",
        buys="No negatives, no teacher, no large batch: the shortest of the joint-embedding methods.",
        costs="Nothing in the objective forbids collapse; that it does not happen rests on the stop-gradient, the predictor and the norms.",
        fails="Collapse to one point or to few directions; look at the effective rank, and lower the rate or raise the batch.",
        code=CodeKind(), tiny={"projection": 16, "hidden": 32, "narrow": 8}, laws=("swap of views", "order of examples"),
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.705, {}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> PredictingNet:
        del n
        # Deviates: a head of 2 layers, as the paper has on CIFAR-10; the predictor's rate decays with all others.
        return PredictingNet(nets.Projected(spec, self.encoder, self.hidden, self.projection, last_norm=True), self.narrow)

    def target(self, net: PredictingNet, view: Any, z: Codes) -> Codes:
        del net, view
        return z  # the gradient is stopped in `miss`

    def miss(self, prediction: Codes, target: Codes) -> Float[Tensor, " b"]:
        return negative_cosine(prediction, target) / 2.0
