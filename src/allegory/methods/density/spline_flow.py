r"""Couplings that bend instead of stretch: every number goes through an increasing spline whose knots the other half says.

**Model.** $z = f(x) \sim N(0, I)$ with $f$ a chain of learned linear maps and couplings. A coupling keeps half of the numbers and takes
each other one through $K$ rational-quadratic pieces between $-B$ and $B$, and leaves it as it is outside (section 3.1).

**Objective.** $-\log p(x) = -\log N(f(x); 0, I) - \log |\det \partial f / \partial x|$ (eq. 2 for $f$ from data to noise), exact; a
coupling's determinant is the product of the slopes of its splines (eq. 5). Images with levels are moved within their cells at random, and
then $-\log P(\text{levels}) \le$ `nats` $- d \log(\text{step})$; divided by $d \log 2$ these are bits per dimension.

**Notation.** `bins` = $K$, `reach` = $B$; of a piece (eq. 4 to 8): `xi` = $\xi$ the share of its width, `s` = $s^{(k)}$ the slope of its
chord, `d`, `d1` = $\delta^{(k)}, \delta^{(k+1)}$ the slopes at its knots, `x`, `w`, `y`, `h` where it begins and how wide and high it is.

**When it fails.** As Real NVP, and sooner: it is more flexible. Numbers beyond $B$ standard
deviations are not bent: look at outliers, and raise `reach`.

**Reference.** C. Durkan, A. Bekasov, I. Murray and G. Papamakarios, Neural Spline Flows, 2019, https://arxiv.org/abs/1906.04032
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Optim, Paper, Recipe
from allegory.methods.density._flow import Flow


@final
@dataclass(frozen=True)
class SplineFlow(Flow):
    """Neural spline flow with couplings, RQ-NSF (C) (Durkan et al. 2019): minimises -log p(x), in nats per example.

    bins: pieces of a spline. reach: they bend from -reach to reach, in standard deviations.
    """

    bins: int = 8
    reach: float = 3.0

    mixing: ClassVar[bool] = True
    enough: ClassVar[int] = 4
    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=1e-3, weight_decay=5e-5, clip=50.0))
    card: ClassVar[Card] = Card(
        family="density",
        title="Neural spline flow",
        paper=Paper("Durkan, Bekasov, Murray and Papamakarios", "Neural Spline Flows", 2019, "https://arxiv.org/abs/1906.04032", "2 and 5"),
        density="fully observed", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = N(f(x); 0, I)\,|\det \partial f / \partial x|",
        minimised=r"-\log N(f(x); 0, I) - \log |\det \partial f / \partial x|", unit="nats per example",
        buys="Densities with several modes from few layers, with an exact likelihood and inverse.",
        costs="As many numbers in the code as in the observation; about three times the time of stretching couplings.",
        fails="Small data are learned by heart; what lies beyond the reach is not bent. Look at the likelihood of items held out.",
        approach="built-in structure", code=CodeKind(size="either"), falls="flow/nats",
        tiny={"couplings": 2, "width": 16, "bins": 4}, laws=("order of examples",),
        claims=(Claim("likelihood", "log_likelihood", "digits", -98.2, {"steps": 300}, seeds=1),),
    )  # fmt: skip

    def curve(self, shape: tuple[int, ...]) -> nets.Curve:
        # Deviates: images keep Real NVP's scales, with checkerboards at each, where the paper's have couplings of channels only.
        del shape
        return nets.Spline(self.bins, self.reach)
