r"""Two patches of one picture: on which side of the first does the second lie?

**Model.** $p(k\,|\,x_0, x_k)$, $k \in \{0, \dots, 7\}$ the side, by one encoder $f$ for both patches and a net above the two codes.

**Objective.** $-\log p(k\,|\,f(x_0), f(x_k))$, one pair an item and step is drawn (section 3).

**Notation.** $x_0$ = the middle patch, the puzzle's first; $x_k$ its neighbour, the second; the answer $k$ goes from up-left, 0, row by row
to down-right, 7.

**When it fails.** Shortcuts: lines that go on from patch to patch (too small a gap), colour fringes that tell where in the lens a patch was
seen (colour is dropped for that). Pairs of blank patches, which nobody can tell, keep the accuracy low. Look at the puzzle's accuracy.

**Reference.** C. Doersch et al., Unsupervised Visual Representation Learning by Context Prediction, 2015,
https://arxiv.org/abs/1505.05192
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from allegory import views
from allegory.core import Array, Card, Claim, CodeKind, Optim, Paper, Recipe, Spec
from allegory.methods.pretext._guess import Guess, PatchNet


@final
@dataclass(frozen=True)
class RelativePosition(Guess):
    """Relative patch position (Doersch et al. 2015): minimises the cross-entropy of telling the side of a neighbour, in nats.

    grid: cells a side, of which any 3 x 3 are a puzzle (paper: of a much larger picture). hidden: width of the net that tells.
    share, jitter, normalise, drop: how patches are cut, see `views.Patches`.
    """

    grid: int = 3
    hidden: int = 256
    share: float = 2 / 3
    jitter: float = 0.3
    normalise: bool = True
    drop: bool = True

    recipe: ClassVar[Recipe] = Recipe(steps=800, batch=128, optim=Optim(lr=2e-3))
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Relative patch position",
        paper=Paper("Doersch et al.", "Unsupervised Visual Representation Learning by Context Prediction", 2015,
                    "https://arxiv.org/abs/1505.05192", "section 3"),
        density="not modelled", manifold="Euclidean space", principle="prediction of a hidden property",
        modelled=r"p(k\,|\,x_0, x_k)", minimised=r"-\log p(k\,|\,f(x_0), f(x_k))", unit="nats per example",
        buys="A puzzle about parts with two patches an item only; its accuracy says whether it is learning.",
        costs="The encoder sees no more than one patch at a time; many pairs cannot be told by anybody.",
        fails="Lines that go on from patch to patch and colour fringes give the side away: widen the gap, drop colour.",
        specs=("image",), code=CodeKind(size="either"), tiny={"hidden": 32}, laws=("order of examples",), falls="encoder/cross_entropy",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.775, {}, seeds=3),),
    )  # fmt: skip

    @property
    def patches(self) -> views.Patches:
        """How images are cut."""
        return views.Patches(self.grid, self.share, self.jitter, self.normalise, self.drop)

    def default_views(self, spec: Spec, source: Any) -> views.View:
        del spec, source
        # Deviates: in a grid of 3 x 3 the first patch is always the middle one; the paper draws it anywhere in the picture.
        return views.RelativePositions(self.patches)

    def build(self, spec: Spec, n: int) -> PatchNet:
        del n
        assert isinstance(spec, Array)
        return PatchNet((2, *self.patches.shape(spec.shape)[1:]), self.encoder, self.hidden, len(views.patches.BESIDE))

    def encode(self, net: PatchNet, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b z"]:
        # Side by side, so that places are kept: on Fashion-MNIST with 1 % of the labels .76 for .63 as their mean.
        return net.codes(self.patches.still(x))
