r"""How much does the encoder lose by answering at once? The bound with its posteriors, and with posteriors fitted item by item.

$$ \log p(x) - L[q_\phi] = \underbrace{\log p(x) - L[q^*]}_{\text{approximation}} + \underbrace{L[q^*] - L[q_\phi]}_{\text{amortisation}} $$

with $L[q] = E_q \log p(x|z) - KL(q \,\|\, p(z))$, $q_\phi$ the encoder's Gaussian and $q^*$ the best diagonal Gaussian for the item
(Cremer et al. 2018, equations 5 to 7).

- **amortisation_gap**: nats an item that 200 steps of Adam on mean and variance win, from where the encoder put them, judged on draws that
  the steps did not see. Large: the encoder is too weak, or has not learned long enough for these items.
- **approximation_gap**: what is left to the importance estimate of $\log p(x)$. Large: the true posteriors are no diagonal Gaussians; IWAE,
  or a richer posterior, is the remedy. The estimate is itself too low on average, and so is this gap.

Asked only by name, as it learns. The decoder stays as it is, so nothing is said of how good the model is.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from allegory.core import Dice, Paper, tree
from allegory.questions import items
from allegory.questions.features import Features, Subject
from allegory.questions.given_back import Terms
from allegory.questions.intervals import Evidence
from allegory.questions.nature.likelihood import black_and_white, log_density, units
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores
from allegory.representation import at_rest

JUDGED = 64  # draws that a bound is judged by
RATE = 0.03


@final
@dataclass(frozen=True)
class Amortisation(items.OnItems):
    """Posteriors of at most `most` test items are fitted in `steps` steps; log p(x) is estimated with `k` importance samples."""

    most: int = 128
    steps: int = 200
    k: int = 512

    card: ClassVar[QuestionCard] = QuestionCard(
        name="amortisation", asks="How much does the encoder lose by answering at once?",
        needs=("bound", "codes"), better="lower", beside=("untrained",), gains=(),
        paper=Paper("Cremer, Li and Duvenaud", "Inference Suboptimality in Variational Autoencoders", 2018,
                    "https://arxiv.org/abs/1801.03558", "5 to 7"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"at most {self.most} test items; {self.steps} steps of Adam at {RATE:g}, one draw each; judged on {JUDGED} other draws; "
            f"importance estimate with {self.k} samples; grey pixels drawn black or white once where the likelihood is of two levels"
        )

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        assert subject.rep is not None, "the card needs one"
        rep: Any = subject.rep
        terms = Terms.of(features)
        x = terms.seen(features, self.rows(features))
        if units(terms).binarised:
            x = black_and_white(x.double(), np.random.default_rng([features.seed, 54])).float()
        x = tree.to(x, rep.device, rep.dtype)
        with at_rest(rep.net):
            codes = rep.method.codes(rep.net, x, ("mean", "log_variance"))
            q = (codes["mean"].values, codes["log_variance"].values)
            dice = Dice.roll(features.seed, 0, torch.arange(len(x), device=rep.device), "amortisation")
            first, second = (self._judged(rep, x, at, dice) for at in (q, self._fitted(rep, x, q, dice)))
        found = {"amortisation_gap": second - first}
        estimate = log_density(rep, tree.to(x, "cpu"), features.seed, self.k)
        if estimate.kind == "estimate":
            found["approximation_gap"] = estimate.values - second
        return {name: items.of_mean(each, features.seed) for name, each in found.items()}

    def _fitted(self, rep: Any, x: Tensor, q: tuple[Tensor, Tensor], dice: Dice) -> tuple[Tensor, Tensor]:
        """The posteriors after the steps."""
        mu, log_var = (v.clone().requires_grad_() for v in q)
        adam = torch.optim.Adam([mu, log_var], RATE)
        with torch.enable_grad():
            for step in range(self.steps):
                bound = rep.method.bound(rep.net, x, mu, log_var, dice.split(f"step {step}"))
                mu.grad, log_var.grad = torch.autograd.grad(-bound.sum(), (mu, log_var))
                adam.step()
        return mu.detach(), log_var.detach()

    def _judged(self, rep: Any, x: Tensor, q: tuple[Tensor, Tensor], dice: Dice) -> Float[Tensor, " n"]:
        """The bound of every item, over draws that are the same for all posteriors."""
        draws = [rep.method.bound(rep.net, x, *q, dice.split(f"judge {draw}")) for draw in range(JUDGED)]
        return torch.stack(draws).mean(0).cpu().double()

    def words(self, scores: Scores) -> str:
        gap, rest = scores.get("amortisation_gap"), scores.get("approximation_gap")
        if gap is None:
            return ""
        text = f"Posteriors fitted item by item are {gap.value:.2f} nats better than the encoder's"
        return text + (f", and {rest.value:.2f} more are lost because they are diagonal Gaussians." if rest else ".")
