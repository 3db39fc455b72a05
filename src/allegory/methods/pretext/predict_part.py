r"""Predict any part of an observation from any other: the future from the past, the bottom from the top, the hidden from the seen.

**Model.** $x$ is cut into $x_{given}$, which is seen, and $x_{of}$; $\hat x_{of} = g(f(x_{given}))_{of}$.

**Objective.** $|x_{of} - \hat x_{of}|^2 / |of|$, the mean squared error over what is asked for; LeCun's description of self-supervised
learning, whose simplest case this is: one guess, the mean of all that could be there.

**Notation.** `of`, `given` = names of parts (see `views.Split`); `f` = `body` then `to_code`, `g` = `decoder`.

**When it fails.** Parts that say nothing of one another, and parts that can be continued from the cut alone. What is not determined is
predicted by its mean: blurred pictures. The code of an item is that of the whole of it, also where learning never showed the whole.

**Reference.** Y. LeCun and I. Misra, Self-supervised learning: The dark matter of intelligence, 2021,
https://ai.meta.com/blog/self-supervised-learning-the-dark-matter-of-intelligence/
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import views
from allegory.core import Batch, Card, Claim, CodeKind, Optim, Paper, Recipe, Spec, Views
from allegory.methods.pretext._restoring import Restoring
from allegory.objectives import region_error


@final
@dataclass(frozen=True)
class PredictPart(Restoring):
    """Prediction of a part (LeCun and Misra 2021): minimises the mean squared error over the part `of` of x, seeing the part `given`.

    of, given: parts by name, joined by "+"; "rest" is all but the other. Images: top, bottom, left, right, centre, border.
    Vectors and sequences (time is the last axis): past, present, future. Both: visible, occluded (at random).
    """

    of: str = "occluded"
    given: str = "visible"

    recipe: ClassVar[Recipe] = Recipe(steps=400, batch=128, optim=Optim(lr=3e-3))
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Prediction of a part",
        paper=Paper("LeCun and Misra", "Self-supervised learning: The dark matter of intelligence", 2021,
                    "https://ai.meta.com/blog/self-supervised-learning-the-dark-matter-of-intelligence/", "text; no equation is given"),
        density="not modelled", manifold="Euclidean space", principle="prediction of masked parts", decoder="network",
        modelled=r"\hat x_{of} = g(f(x_{given}))_{of}", minimised=r"|x_{of} - g(f(x_{given}))_{of}|^2\,/\,|of|",
        unit="mean squared error of the numbers asked for",
        buys="One method for past and future, top and bottom, hidden and seen; no negatives, no views to choose.",
        costs="A decoder to train; only the mean of what could be there is predicted.",
        fails="Parts that are independent, or that the cut gives away; compare the error with the part's variance, and "
        "ask for another.",
        code=CodeKind(size="either"), tiny={}, laws=("order of examples",), falls="encoder/error",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.755, {}, seeds=3),),
    )  # fmt: skip

    def default_views(self, spec: Spec, source: Any) -> Views | None:
        del spec, source
        return views.Split(self.of, self.given)

    def shown(self, views: views.Asked) -> Float[Tensor, "b *d"]:
        return views.shown

    def error(self, net: Any, out: Float[Tensor, "b *e"], batch: Batch) -> Float[Tensor, " b"]:
        del net
        asked: views.Asked = batch.views
        return region_error(out, asked.x, asked.of)
