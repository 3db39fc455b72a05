r"""A linear metric: similar items are pulled together, subject to dissimilar ones being pushed apart.

**Model.** $d_M(x, x')^2 = (x - x')^T M (x - x')$ with $M = W^T W$, so distances are Euclidean between the codes $z = W x$.

**Objective.** $\min_W\; E_S\, d_M^2$ subject to $E_D\, d_M \ge 1$ (sec. 2), with $S$ the similar and $D$ the dissimilar pairs. Pulling
alone has the answer $W = 0$. The constraint is moved into the loss as the paper does it for a diagonal $M$,
$E_S\, d_M^2 - \log E_D\, d_M$: its answer is that of the constrained problem times a number, at which $E_S\, d_M^2 = 1/2$.
With $d_M^2$ in the constraint, too, the answer would have rank one; without the square it may keep more directions.

**Notation.** `W` (z, d) without offset; `pull` = $E_S\, d_M^2$, `push` = $\log E_D\, d_M$, both over the pairs of a batch.

**When it fails.** Classes that no linear map can bring together: a class in two clumps, or pixels that move. The longer it learns, the
fewer directions are left: on digits one label in a hundred tells more than with raw pixels (.77 for .63), but the nearest item is of the
class less often (.82 for .96), and tripling the steps takes the effective rank from 4.5 to 3; on Fashion-MNIST both are worse than with
raw pixels. Look at the effective rank and the neighbours, and compare the raw input, of which this is a linear map.

**Reference.** E. P. Xing, A. Y. Ng, M. I. Jordan and S. Russell, Distance metric learning, with application to clustering with
side-information, 2003, https://papers.nips.cc/paper_files/paper/2002/hash/c3e4035af2a1cde9f21e1ae1951ac80b-Abstract.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Array, Batching, ByClass, Card, Claim, CodeKind, Loss, Moment, Optim, Paper, Player, Recipe, Spec, Trained
from allegory.methods.metric._labelled import Classes, Codes, judged_player
from allegory.objectives import pull_subject_to_push


@final
@dataclass(frozen=True)
class Mahalanobis(Trained[nn.Module]):
    """Mahalanobis metric (Xing et al. 2003): minimises E_S |W(x - x')|^2 - log E_D |W(x - x')|, similar pairs less dissimilar ones.

    latent: rows of W, which bound the rank of M. k: items of each class in a batch.
    """

    latent: int = 64
    k: int = 8

    recipe: ClassVar[Recipe] = Recipe(steps=500, batch=128, optim=Optim(lr=3e-3, weight_decay=0.0), note="paper: Newton or projections")
    card: ClassVar[Card] = Card(
        family="metric",
        title="Mahalanobis metric",
        paper=Paper("Xing et al.", "Distance metric learning, with application to clustering with side-information", 2003,
                    "https://papers.nips.cc/paper_files/paper/2002/hash/c3e4035af2a1cde9f21e1ae1951ac80b-Abstract.html", "sec. 2"),
        density="not modelled", manifold="Euclidean space", principle="contrast", approach="built-in structure",
        modelled=r"d_M(x, x')^2 = |W x - W x'|^2, \quad M = W^T W",
        minimised=r"E_S\,|W(x - x')|^2 - \log E_D\,|W(x - x')|", unit="squared distance, less the log of a distance",
        buys="A metric that can be read off: M says which directions of the data count, and the map is linear.",
        costs="Needs labels or groups; nothing but a linear map is learned.",
        fails="Classes that no linear map brings together. Few directions are left: on digits few labels tell more than with raw pixels "
        "(.77 for .63), but the nearest item is less often of the class (.82 for .96); on Fashion-MNIST both are worse (.62 for .78, .63 "
        "for .87). Look at the effective rank, and stop earlier.",
        supervision="labels", groups=True, code=CodeKind(), tiny={"latent": 8}, laws=("order of examples", "affine code"),
        claims=(Claim("share_labels", "accuracy@1%", "digits", 0.745, {}, seeds=3),),
    )  # fmt: skip

    @property
    def batching(self) -> Batching:
        return ByClass(self.k)

    def build(self, spec: Spec, n: int) -> nn.Module:
        del n
        assert isinstance(spec, Array)
        return nn.Sequential(nn.Flatten(), nn.Linear(spec.size, self.latent, bias=False))

    def players(self, net: nn.Module) -> Sequence[Player]:
        # Deviates: stochastic gradients in W for the paper's projections in M. M = W^T W is positive semidefinite by itself.
        return [judged_player(net, self.judge)]

    def judge(self, z: Codes, y: Classes, now: Moment) -> Loss:
        del now
        pull, push = pull_subject_to_push(z, y)
        return Loss(pull - push, {"pull": pull, "push": push})

    def encode(self, net: nn.Module, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        z: Tensor = net(x)
        return z
