r"""The patches of a picture in another order: to name the order, one must know the parts and how they go together.

**Model.** $p(k\,|\,x_{\pi_k(1)}, \dots, x_{\pi_k(9)})$ by a context-free network: one encoder $f$ for every patch, whose codes are laid
side by side and read by a net with one hidden layer.

**Objective.** $-\log p(k\,|\,f(x_{\pi_k(1)}), \dots, f(x_{\pi_k(9)}))$, one order $\pi_k$ an item and step out of a fixed set that lies far
apart in Hamming distance (section 3; the set is that of algorithm 1).

**Notation.** `body` = $f$, `answer` = the net above it; the answer $k$ is the number of the order in `views.patches.orders`.

**When it fails.** Shortcuts: edges that go on from patch to patch (too small a gap), the light of a patch (no normalisation), or parts that
always stand at one place, so that no patch need be seen beside another. Look at the puzzle's accuracy.

**Reference.** M. Noroozi and P. Favaro, Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles, 2016,
https://arxiv.org/abs/1603.09246
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
class Jigsaw(Guess):
    """Jigsaw puzzles (Noroozi and Favaro 2016): minimises the cross-entropy of telling the order of the patches, in nats.

    grid: patches a side, 2 or 3. permutations: how many orders there are to tell apart. hidden: width of the net that tells.
    share, jitter, normalise: how patches are cut, see `views.Patches`.
    """

    grid: int = 3
    permutations: int = 64
    hidden: int = 256
    share: float = 0.85
    jitter: float = 1.0
    normalise: bool = True

    recipe: ClassVar[Recipe] = Recipe(steps=300, batch=128, optim=Optim(lr=2e-3), note="paper: 1000 orders")
    card: ClassVar[Card] = Card(
        family="pretext",
        title="Jigsaw puzzles",
        paper=Paper("Noroozi and Favaro", "Unsupervised Learning of Visual Representations by Solving Jigsaw Puzzles", 2016,
                    "https://arxiv.org/abs/1603.09246", "section 3"),
        density="not modelled", manifold="Euclidean space", principle="prediction of a hidden property",
        modelled=r"p(k\,|\,x_{\pi_k(1)}, \dots, x_{\pi_k(9)})", minimised=r"-\log p(k\,|\,f(x_{\pi_k(1)}), \dots, f(x_{\pi_k(9)}))",
        unit="nats per example",
        buys="A puzzle about parts and their places, without negatives, teacher or decoder; its accuracy says whether it is learning.",
        costs="The encoder sees no more than one patch at a time, and what parts have in common over places is not asked for.",
        fails="Edges and light that go on from patch to patch give the order away: widen the gap, normalise the patches.",
        specs=("image",), code=CodeKind(size="either"), tiny={"hidden": 32}, laws=("order of examples",), falls="encoder/cross_entropy",
        claims=(Claim("share_labels", "accuracy@1%", "fashion_mnist", 0.775, {}, seeds=3),),
    )  # fmt: skip

    @property
    def patches(self) -> views.Patches:
        """How images are cut."""
        return views.Patches(self.grid, self.share, self.jitter, self.normalise)

    def default_views(self, spec: Spec, source: Any) -> views.View:
        del spec, source
        return views.Jigsaws(self.patches, self.permutations)

    def build(self, spec: Spec, n: int) -> PatchNet:
        del n
        assert isinstance(spec, Array)
        return PatchNet(self.patches.shape(spec.shape), self.encoder, self.hidden, self.permutations)

    def encode(self, net: PatchNet, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b z"]:
        # Side by side, as the puzzle reads them: on Fashion-MNIST with 1 % of the labels .78 for .69 as their mean, and .70 for what the
        # convolutions make of the whole picture, which is larger than all that they learned from.
        return net.codes(self.patches.still(x))
