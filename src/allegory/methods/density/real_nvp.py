r"""A bijection to a Gaussian whose Jacobian is cheap: half of the numbers say how the other half is stretched and shifted.

**Model.** $z = f(x) \sim N(0, I)$ with $f$ a chain of couplings $y = b \odot x + (1 - b) \odot (x \odot e^{s(b \odot x)} + t(b \odot x))$
(eq. 9). The masks $b$ of images are checkerboards, then halves of the channels after 2 x 2 pixels have become channels; after each scale
half of the numbers is done (section 3.6). Pixels are first taken to the real line by a logit (section 4.1). Masks of vectors are drawn.

**Objective.** $-\log p(x) = -\log N(f(x); 0, I) - \log |\det \partial f / \partial x|$ (eq. 3), exact. Images with levels are moved within
their cells at random, and then $-\log P(\text{levels}) \le$ `nats` $- d \log(\text{step})$, step the distance of neighbouring levels;
divided by $d \log 2$ these are bits per dimension.

**Notation.** `z`, `log_det` = $\log |\det \partial f / \partial x|$; `s`, `t` of a coupling; `kept` = $b$; `alpha` of the logit.

**When it fails.** Small tables are learned by heart in a few hundred steps, but for the noise that is added to vectors: look at
the likelihood of items held out. A number that
is constant or has few values gets a spike of density; leave it out. The code has as many numbers as the observation and none is
meant to stand for anything: the density is what one learns it for.

**Reference.** L. Dinh, J. Sohl-Dickstein and S. Bengio, Density Estimation using Real NVP, 2017, https://arxiv.org/abs/1605.08803
"""

from dataclasses import dataclass
from typing import ClassVar, final

from allegory import nets
from allegory.core import Card, Claim, CodeKind, Optim, Paper, Recipe
from allegory.methods.density._flow import Flow


@final
@dataclass(frozen=True)
class RealNVP(Flow):
    """Real-valued non-volume-preserving flow (Dinh, Sohl-Dickstein and Bengio 2017): minimises -log p(x), in nats per example."""

    recipe: ClassVar[Recipe] = Recipe(steps=1000, batch=128, optim=Optim(lr=1e-3, weight_decay=5e-5, clip=50.0))
    card: ClassVar[Card] = Card(
        family="density",
        title="Real NVP",
        paper=Paper("Dinh, Sohl-Dickstein and Bengio", "Density Estimation using Real NVP", 2017, "https://arxiv.org/abs/1605.08803", "3"),
        density="fully observed", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = N(f(x); 0, I)\,|\det \partial f / \partial x|",
        minimised=r"-\log N(f(x); 0, I) - \log |\det \partial f / \partial x|", unit="nats per example",
        buys="The likelihood itself, samples and an inverse without error, each in one pass.",
        costs="As many numbers in the code as in the observation, and many layers for what one curved map would do.",
        fails="Small data are learned by heart; constant numbers get spikes. Look at the likelihood of items held out.",
        approach="built-in structure", code=CodeKind(size="either"), falls="flow/nats",
        tiny={"couplings": 2, "width": 16}, laws=("order of examples",),
        claims=(Claim("likelihood", "log_likelihood", "digits", -97.0, {"steps": 700}, seeds=1),),
    )  # fmt: skip

    def curve(self, shape: tuple[int, ...]) -> nets.Curve:
        return nets.Affine(shape)
