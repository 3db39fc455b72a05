"""How much do the codes of two views of an item tell about each other? Lower bounds of their mutual information: InfoNCE, NWJ, MINE.

A small network, the critic, learns to tell the codes of two views of one item from codes of different items; what it reaches on items that
it has not seen is a lower bound in nats (`measures.information`). exp of it is about how many items a code could be picked out of. InfoNCE
cannot exceed the log of the number of items; NWJ and MINE (Donsker and Varadhan) can, and scatter more. All are bounds: a low value may be
the critic's fault, and for a deterministic code of continuous data the true value has no limit. Contrastive methods raise this number by
design, which by itself does not make better codes (Tschannen et al. 2020, arXiv:1907.13625).
"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory.core import Paper, fenced
from allegory.measures import information
from allegory.questions import items, references, telling
from allegory.questions.features import CodeSet, Features, Subject
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores

FEWEST = 128
TITLE = "On variational bounds of mutual information"
WIDEST, WIDTH, BATCH, EVERY, PATIENCE, RATE, DECAY = 32, 64, 128, 20, 60, 3e-3, 1e-2
Bound = Callable[[Float[Tensor, "n n"]], Float[Tensor, ""]]
BOUNDS: dict[str, Bound] = {
    "info_nce": information.info_nce_bound, "nwj": information.nwj_bound, "mine": information.donsker_varadhan_bound,
}  # fmt: skip


class Critic(nn.Module):
    """f(x, y) = u(x) + u(y) - |g(x) - g(y)|^2 + c with g(x) = w x + a network of one hidden layer, which also gives u.

    Two views are exchangeable, and so is f; it begins as a distance, so a few hundred pairs are enough to learn from. For correlated
    normal codes the best critic has this form with a linear g.
    """

    def __init__(self, width: int):
        super().__init__()
        self.w, self.c = nn.Parameter(torch.full((width,), 0.3)), nn.Parameter(torch.zeros(()))
        last = nn.Linear(WIDTH, width + 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(nn.Linear(width, WIDTH), nn.ReLU(), last)

    def forward(self, x: Float[Tensor, "n z"], y: Float[Tensor, "n z"]) -> Float[Tensor, "n n"]:
        (gx, ux), (gy, uy) = ((self.w * v + out[:, :-1], out[:, -1]) for v in (x, y) for out in (self.net(v),))
        squared = gx.square().sum(1)[:, None] + gy.square().sum(1) - 2.0 * gx @ gy.T
        return ux[:, None] + uy - squared + self.c


@final
@dataclass(frozen=True)
class SharedInformation(Question):
    """Critics learn for `steps` from half of the pairs of views; a quarter chooses when to stop, a quarter is measured."""

    steps: int = 300

    card: ClassVar[QuestionCard] = QuestionCard(
        name="shared_information", asks="How much do the codes of two views of an item tell about each other?", 
        needs=("pairs",), better="depends", bounds=(-1.0, float("inf")), beside=("pca", "untrained", "supervised"),
        paper=Paper("Poole et al.", TITLE, 2019, "https://arxiv.org/abs/1905.06922", "equations 7 and 10"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"distance critics of width {WIDTH}, AdamW {RATE:g}, {self.steps} steps of {BATCH}, on at most {WIDEST} standardised principal "
            f"components of two default views of test items; half to learn, a quarter to stop by ({PATIENCE} steps without gain), a "
            "quarter to measure"
        )

    def size(self, features: Features) -> tuple[int, str]:
        return features.viewed, "test"

    def missing(self, features: Features) -> str:
        few = f"shared_information was not asked: {features.viewed} items were seen in two views, it takes {FEWEST}"
        return super().missing(features) or ("" if features.viewed >= FEWEST else few)

    def references(self, features: Features) -> dict[str, CodeSet]:
        z, n = references.noise(features).seeds[0], features.viewed
        one, two = torch.as_tensor(np.random.default_rng([features.seed, 53]).standard_normal((2, n, z.shape[1])), dtype=torch.float32)
        return {references.NOISE: CodeSet((z,), ((one, two),))}

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        assert subject.pair is not None, "asked of sets with pairs only"
        x, y = _small(*subject.pair)
        quarter = len(x) // 4
        order = torch.as_tensor(np.random.default_rng([features.seed, 59]).permutation(len(x)))
        learn, stop, judge = order[2 * quarter :], order[:quarter], order[quarter : 2 * quarter]
        return {name: self.bounded(bound, x, y, (learn, stop, judge), features.seed) for name, bound in BOUNDS.items()}

    def bounded(self, bound: Bound, x: Tensor, y: Tensor, parts: tuple[Tensor, Tensor, Tensor], seed: int) -> Evidence:
        """One bound, by a critic of its own, on the last of the parts."""
        learn, stop, judge = parts
        critic = self.learned(bound, x, y, learn, stop, seed)
        with torch.no_grad():
            scores = critic(x[judge], y[judge]).double()
        return items.leaving_out(lambda rows: float(bound(scores[rows][:, rows])), len(judge), seed)

    def learned(self, bound: Bound, x: Tensor, y: Tensor, learn: Tensor, stop: Tensor, seed: int) -> Critic:
        """The critic at the step where the bound of the items to stop by was highest."""
        rng = np.random.default_rng([seed, 61])
        with fenced(seed), torch.enable_grad():
            critic = Critic(x.shape[1])
            optimiser = torch.optim.AdamW(critic.parameters(), RATE, weight_decay=DECAY)
            best, best_value, best_step = _ignorant(critic), 0.0, 0
            for step in range(1, self.steps + 1):
                rows = learn[torch.as_tensor(rng.choice(len(learn), min(BATCH, len(learn)), replace=False))]
                optimiser.zero_grad()
                (-bound(critic(x[rows], y[rows]))).backward()
                optimiser.step()
                if step % EVERY == 0 and (value := float(bound(critic(x[stop], y[stop]).detach()))) > best_value:
                    best, best_value, best_step = copy.deepcopy(critic), value, step
                if step - best_step >= PATIENCE:
                    break
        return best

    def words(self, scores: Scores) -> str:
        own = scores.get("info_nce")
        if own is None:
            return ""
        limit = math.log(max(2, own.n // 4))
        near = f" That is near the most that {own.n // 4} items can show, {limit:.1f}: it may be much more."
        return (
            f"The code of one view tells at least {own.value:.1f} nats about that of another view of the item, as much as picking one out "
            f"of {math.exp(max(0.0, own.value)):.0f}{telling.beside(scores, 'info_nce', '.1f')}.{near if own.value > limit - 0.5 else ''}"
        )


def _ignorant(critic: Critic) -> Critic:
    """The critic that tells nothing apart: all three bounds are 0 with it, and none need be worse."""
    constant = copy.deepcopy(critic)
    with torch.no_grad():
        constant.w.zero_()
        constant.c.fill_(1.0)
    return constant


def _small(one: Float[Tensor, "n z"], two: Float[Tensor, "n z"]) -> tuple[Float[Tensor, "n r"], Float[Tensor, "n r"]]:
    """Both on the principal components of the two together, each of variance 1; directions without variance stay 0."""
    z = torch.cat([one, two]).double()
    z = z - z.mean(0)
    variance, axes = torch.linalg.eigh(z.T @ z / len(z))
    kept = slice(max(0, z.shape[1] - WIDEST), None)
    scale = torch.where(variance[kept] > 1e-9 * variance[-1].clamp_min(1e-300), variance[kept].clamp_min(1e-300).rsqrt(), 0.0)
    small = (z @ axes[:, kept] * scale).float()
    return small[: len(one)], small[len(one) :]
