r"""DRAW on maps, with a learned prior: the first steps say what a picture is of, the last ones its details, and one may stop at any bit.

**Model.** $z_t \sim p(z_t|h_{t-1}) = N(m_t, \mathrm{diag}\,s_t^2)$, maps of latents at every place of a coarse grid;
$h_t = \mathrm{ConvLSTM}(z_t, h_{t-1}, r_{t-1})$, $r_t = r_{t-1} + W h_t$; $p(x|z_{1 \dots T})$ has the canvas $r_T$ for its parameters. The
encoder is a ConvLSTM of $x$, the error $\epsilon_t = x - \mathrm{mean}(r_{t-1})$, and $h_{t-1}$, and gives $q(z_t|x, z_{<t})$ (section 2).

**Objective.** $-E_q \log p(x|z_{1 \dots T}) + \beta \sum_t KL(q(z_t|x, z_{<t}) \,\|\, p(z_t|z_{<t}))$, the paper's $L^x + \sum_t L^z_t$ for
$\beta = 1$ (the paper weighs the first term instead).

**Notation.** `times` = $T$; `canvas` = $r$; `beta` = $\beta$; `distortion` and `rate` as in the VAE, in nats per example.

**Conceptual compression.** `progressive`: the latents that fit a number of bits come from the posterior, first steps first, all others are
the means of their prior.

**When it fails.** A rate that stays near 0, or all of it in one step: look at the KL of each latent and at pictures of few bits. The code
is as long as the drawing takes steps, and it is made to say the picture again, not to be read.

**Reference.** K. Gregor, F. Besse, D. J. Rezende, I. Danihelka and D. Wierstra, Towards Conceptual Compression, 2016,
https://arxiv.org/abs/1604.08772
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from allegory import nets
from allegory.core import Array, Card, Claim, CodeKind, Dial, Optim, Paper, Recipe, Spec
from allegory.methods.latent._drawing import Drawing, DrawingNet, Sketch, State
from allegory.methods.latent._variational import Posterior
from allegory.objectives import Likelihood


class ConvDRAWNet(DrawingNet):
    """ConvLSTMs for encoder and decoder on the coarse grid, and convolutions between it and the pictures."""

    def __init__(self, spec: Array, times: int, latent: int, hidden: int, p: Likelihood):
        c, h, w = spec.shape
        sizes = nets.halvings(h, w)
        self.grid, self.hidden = sizes[-1], hidden
        super().__init__(spec, times, latent * self.grid[0] * self.grid[1], p)
        self.shown = nets.Shrink(2 * c, hidden, sizes)
        self.drawn_so_far = nets.Shrink(len(self.blank), hidden, sizes)
        self.encoder = nets.ConvLSTM(2 * hidden, hidden)
        self.decoder = nets.ConvLSTM(latent + hidden, hidden)
        self.q, self.p_z = (nets.gaussian_maps(hidden, latent) for _ in range(2))
        self.writes = nets.Grow(hidden, len(self.blank), sizes)

    def begin(self, n: int) -> Sketch:
        zeros = self.blank.new_zeros(n, self.hidden, *self.grid)
        return Sketch(self.blank.expand(n, *self.blank.shape), (zeros, zeros), (zeros, zeros))

    def prior(self, sketch: Sketch) -> Posterior:
        mu, log_var = self.p_z(sketch.decoder[0]).chunk(2, 1)
        return mu.flatten(1), log_var.flatten(1)

    def look(self, x: Float[Tensor, "b *d"], error: Float[Tensor, "b *d"], sketch: Sketch) -> tuple[Posterior, State]:
        shown = self.shown(torch.cat([x, error], 1))
        state: State = self.encoder(torch.cat([shown, sketch.decoder[0]], 1), sketch.encoder)
        mu, log_var = self.q(state[0]).chunk(2, 1)
        return (mu.flatten(1), log_var.flatten(1)), state

    def draw(self, sketch: Sketch, z: Float[Tensor, "b z"]) -> Sketch:
        given = torch.cat([z.unflatten(1, (-1, *self.grid)), self.drawn_so_far(sketch.canvas)], 1)
        state: State = self.decoder(given, sketch.decoder)
        return Sketch(sketch.canvas + self.writes(state[0]), sketch.encoder, state)


@final
@dataclass(frozen=True)
class ConvDRAW(Drawing):
    """Convolutional DRAW (Gregor et al. 2016): minimises distortion + beta * the sum of the KL of all steps, in nats per example.

    latent: latents at every place of the grid in one step. hidden: channels of the ConvLSTMs.
    """

    # Deviates: kernels of 3 for 5, and fewer steps and channels (the paper: 16 to 32 steps, 12 latents a place, hidden maps of 160).
    times: int = 6
    latent: int = 2
    hidden: int = 24

    recipe: ClassVar[Recipe] = Recipe(steps=1500, batch=64, optim=Optim(lr=2e-3, weight_decay=0.0, clip=10.0), note="paper: Adam, lr 5e-4")
    card: ClassVar[Card] = Card(
        family="latent",
        title="Convolutional DRAW",
        paper=Paper("Gregor et al.", "Towards Conceptual Compression", 2016, "https://arxiv.org/abs/1604.08772",
                    "section 2: L^x + sum over t of L^z_t"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|r_T)\,\prod_t p(z_t|h_{t-1})\,dz,\; r_t = r_{t-1} + W h_t",
        minimised=r"-E_q \log p(x|z_{1 \dots T}) + \beta \sum_t KL(q(z_t|x, z_{<t})\,\|\,p(z_t|z_{<t}))", unit="nats per example",
        buys="A picture with as many bits as one likes, global things first; a tight bound.",
        costs="T passes of encoder and decoder for one picture; a long code whose parts mean little by themselves.",
        fails="A rate near 0, or all of it in one step; look at the KL of each latent and at pictures of few bits.",
        code=CodeKind(size="either", form="structured", stochastic=True), specs=("image",),
        tiny={"times": 2, "latent": 1, "hidden": 8}, laws=("order of examples",),
        dial=Dial("beta", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        claims=(Claim("likelihood", "log_likelihood", "digits", -26.7, {"steps": 300, "likelihood": "bernoulli"}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> ConvDRAWNet:
        del n
        assert isinstance(spec, Array)
        return ConvDRAWNet(spec, self.times, self.latent, self.hidden, self.p(spec))
