r"""A picture drawn in steps: look at what is still missing, say a little of it, add that to the canvas, and again.

**Model.** $z_t \sim N(0, I)$ for $t = 1 \dots T$; $h_t = \mathrm{LSTM}(z_t, h_{t-1})$, $c_t = c_{t-1} + \mathrm{write}(h_t)$ (eq. 7 and 8);
$p(x|z_{1 \dots T})$ has the last canvas $c_T$ for its parameters. The encoder's LSTM reads $[x, x - \mathrm{mean}(c_{t-1})]$ and gives
$q(z_t|x, z_{<t})$ (eq. 3 to 6). With `attention`, both read and write through a window of N x N Gaussian filters, which the decoder's state
moves, widens and narrows (eq. 21 to 29).

**Objective.** $-E_q \log p(x|z_{1 \dots T}) + \beta \sum_t KL(q(z_t|x, z_{<t}) \,\|\, N(0, I))$ (eq. 9 to 12, where $\beta = 1$).

**Notation.** `times` = $T$; `attention` = $N$; `beta` = $\beta$; `distortion` and `rate` as in the VAE, in nats per example.

**When it fails.** Steps that say nothing: look at the KL of each latent. A window that has left the picture has no gradient back.
The code is long, and what its first steps say depends on all that follow: it is made to say the picture again, not to be read.

**Reference.** K. Gregor, I. Danihelka, A. Graves, D. J. Rezende and D. Wierstra, DRAW: A Recurrent Neural Network For Image
Generation, 2015, https://arxiv.org/abs/1502.04623
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import nets
from allegory.core import Array, Card, Claim, CodeKind, Dial, Misuse, Optim, Paper, Recipe, Spec
from allegory.methods.latent._drawing import Drawing, DrawingNet, Sketch, State
from allegory.methods.latent._variational import VECTOR_STEPS, Posterior, is_vector
from allegory.objectives import Likelihood

WINDOW = 5  # numbers that say where a window is


class DRAWNet(DrawingNet):
    """LSTMs for encoder and decoder; they read and write the whole observation, or through windows of `n` x `n` filters."""

    def __init__(self, spec: Array, times: int, latent: int, hidden: int, n: int | None, p: Likelihood):
        super().__init__(spec, times, latent, p)
        self.n = n
        channels = spec.shape[0]
        read, written = (math.prod(spec.shape), self.blank.numel()) if n is None else (channels * n * n, len(self.blank) * n * n)
        self.encoder = nn.LSTMCell(2 * read + hidden, hidden)
        self.q = nn.Linear(hidden, 2 * latent)
        self.decoder = nn.LSTMCell(latent, hidden)
        self.writes = nn.Linear(hidden, written)
        self.first = nn.Parameter(torch.zeros(2, hidden))  # h of encoder and decoder before the first step
        if n is not None:
            self.reading, self.writing = nn.Linear(hidden, WINDOW), nn.Linear(hidden, WINDOW)

    def begin(self, n: int) -> Sketch:
        encoder, decoder = ((h.expand(n, -1), torch.zeros_like(h).expand(n, -1)) for h in self.first)
        return Sketch(self.blank.expand(n, *self.blank.shape), encoder, decoder)

    def prior(self, sketch: Sketch) -> Posterior:
        zeros = sketch.canvas.new_zeros(len(sketch.canvas), self.latent)
        return zeros, zeros

    def look(self, x: Float[Tensor, "b *d"], error: Float[Tensor, "b *d"], sketch: Sketch) -> tuple[Posterior, State]:
        told = sketch.decoder[0]
        if self.n is not None:
            window = nets.Window.of(self.reading(told), self.n, *x.shape[2:])
            x, error = window.read(x), window.read(error)
        # Deviates: the error is of x in [-1, 1] and of the likelihood's mean, for likelihoods of more than two levels.
        state: State = self.encoder(torch.cat([x.flatten(1), error.flatten(1), told], 1), sketch.encoder)
        mu, log_var = self.q(state[0]).chunk(2, 1)
        return (mu, log_var), state

    def draw(self, sketch: Sketch, z: Float[Tensor, "b z"]) -> Sketch:
        state: State = self.decoder(z, sketch.decoder)
        added = self.writes(state[0])
        if self.n is None:
            return Sketch(sketch.canvas + added.view_as(sketch.canvas), sketch.encoder, state)
        window = nets.Window.of(self.writing(state[0]), self.n, *self.blank.shape[1:])
        return Sketch(sketch.canvas + window.write(added.unflatten(1, (-1, self.n, self.n))), sketch.encoder, state)


@final
@dataclass(frozen=True)
class DRAW(Drawing):
    """DRAW (Gregor et al. 2015): minimises distortion + beta * the sum of the KL of all steps, in nats per example.

    latent: latents of a step. hidden: width of the LSTMs. attention: N of the windows of N x N filters through which pictures are read
    and written; None reads and writes the whole.
    """

    latent: int = 10
    hidden: int = 128
    attention: int | None = None

    recipe: ClassVar[Recipe] = Recipe(
        steps=2000, batch=128, optim=Optim(lr=1e-3, weight_decay=0.0, clip=10.0),
        note="paper, for MNIST: 64 steps, 100 latents a step, hidden 256, read 2 x 2, write 5 x 5",
    )  # fmt: skip
    card: ClassVar[Card] = Card(
        family="latent",
        title="Deep recurrent attentive writer",
        paper=Paper("Gregor et al.", "DRAW: A Recurrent Neural Network For Image Generation", 2015, "https://arxiv.org/abs/1502.04623",
                    "9 to 12"),
        density="prescribed latent", manifold="Euclidean space", principle="compression", decoder="network",
        modelled=r"p(x) = \int p(x|c_T)\,\prod_t N(z_t; 0, I)\,dz,\; c_t = c_{t-1} + \mathrm{write}(h_t)",
        minimised=r"-E_q \log p(x|z_{1 \dots T}) + \beta \sum_t KL(q(z_t|x, z_{<t})\,\|\,N(0, I))", unit="nats per example",
        buys="A picture with as many bits as one likes, from few steps to all; a tighter bound than one step gives.",
        costs="T passes of encoder and decoder for one picture; a long code whose parts mean little by themselves.",
        fails="Steps that say nothing, or a window that has left the picture; look at the KL of each latent and at pictures of few bits.",
        code=CodeKind(size="either", stochastic=True), laws=("order of examples",),
        tiny={"times": 2, "latent": 3, "hidden": 32, "steps": 120},
        dial=Dial("beta", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)),
        claims=(Claim("likelihood", "log_likelihood", "digits", -25.0, {"steps": 400, "likelihood": "bernoulli"}, seeds=1),),
    )  # fmt: skip

    def recipe_for(self, spec: Spec) -> Recipe:
        return dataclasses.replace(self.recipe, steps=VECTOR_STEPS) if is_vector(spec) else self.recipe

    def build(self, spec: Spec, n: int) -> DRAWNet:
        del n
        assert isinstance(spec, Array)
        if self.attention is not None and is_vector(spec):
            raise Misuse(f"attention reads and writes pictures (c, h, w); these are {spec}. Leave it at None")
        return DRAWNet(spec, self.times, self.latent, self.hidden, self.attention, self.p(spec))
