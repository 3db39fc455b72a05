r"""How well does the method say what is missing? Known entries of test items are hidden, completed from the rest, and compared.

$$ \text{share\_of\_variance} = 1 - \frac{\sum_{\text{hidden}} (x - \hat x)^2}{\sum_{\text{hidden}} (x - \bar x)^2} $$

with $\bar x$ the mean of the training items: 1 is everything, 0 is what the mean gives, below 0 is worse than that. **mse** is the mean
squared error of a hidden number in stored units (pixel levels; for tables in standardised columns, so that each weighs the same).
**At random** hides a share of the known places of every item, drawn anew for each: a number, all places of a category, or a pixel with all
its channels. **The lower half** hides that of images, where neighbours do not tell.

**Beside it**, at the same hidden entries: the training **mean**; the mean of the **nearest neighbours** in the entries that both have
(Troyanskaya et al. 2001); **probabilistic PCA** with as many directions as the code has numbers, learned from the known entries, which is
the best that any linear code of that size does; and the network **untrained**.

**What it says.** What a model of the whole knows of the parts. Items with missing entries of their own keep them: those are never scored.
Entries are hidden whatever they hold; where they go missing because of what they hold, no such score tells. A method that completes by
draws, and not by the mean of what is likely, loses as much again as what cannot be known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from sklearn.impute import KNNImputer
from torch import Tensor

from allegory.core import Array, Dice, Paper, Problem, tree
from allegory.data.intake import Table
from allegory.measures.imputation import LinearGaussian
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.given_back import Terms, flat
from allegory.questions.intervals import Evidence
from allegory.questions.items import OnItems
from allegory.questions.nature.reconstruction import evidence
from allegory.questions.question import QuestionCard
from allegory.questions.score import Scores
from allegory.representation import Representation, at_rest

MEAN, NEAR, PPCA = "mean", "nearest neighbours", "probabilistic PCA"
RANDOM, LOWER = "", " of the lower half"  # what is hidden, as it stands behind a metric's name
BATCH = 256
WORK = 1 << 30  # multiplications of a round of probabilistic PCA, at most


@final
@dataclass(frozen=True)
class Imputation(OnItems):
    """Of at most `most` test items; `share` of the known places is hidden. The references learn from at most `learned` training items;
    `neighbours` of them are averaged."""

    most: int = 512
    share: float = 0.3
    learned: int = 2000
    neighbours: int = 5

    fewest: ClassVar[int] = 2
    card: ClassVar[QuestionCard] = QuestionCard(
        name="imputation", asks="How well does it say what is missing?",
        needs=("complete",), better="higher", beside=("untrained",), gains=("share_of_variance",),
        paper=Paper("Mattei and Frellsen", "MIWAE: Deep generative modelling and imputation of incomplete data sets", 2019,
                    "https://arxiv.org/abs/1812.02633", "equation 12"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"{self.share:g} of the known places of at most {self.most} test items hidden at random, and the lower half of images; "
            "variance around the training mean; mse in stored units for images, in standardised columns for tables; references from at "
            f"most {self.learned} training items, {self.neighbours} neighbours"
        )

    def references(self, features: Features) -> dict[str, CodeSet]:
        return features.stand_ins(MEAN, NEAR, PPCA)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        terms = Terms.of(features)
        if not isinstance(terms.rep.spec, Array):
            raise Problem("what is missing in observations of several parts is not asked for yet")
        seen = terms.seen(features, self.rows(features), holes=True)
        x, train = flat(seen), flat(terms.seen(features, self._learned(features, subject.z.shape[1], terms), holes=True))
        middle = torch.nan_to_num(train.nanmean(0))
        found: dict[str, Evidence] = {}
        for suffix, known in self._known(terms, x, features.seed):
            hidden = ~(known | x.isnan())
            guess = self._guess(subject, features.seed, seen, x, known, train, middle)
            if not torch.isfinite(guess[hidden]).all():
                return {}
            error, spread = (torch.where(hidden, x - other, 0.0).square().sum(1).numpy() for other in (guess, middle))
            numbers = hidden.sum(1).numpy() / terms.scale**2
            found |= {f"{metric}{suffix}": e for metric, e in evidence(error, spread, numbers, features.seed).items()}
        return found

    def _learned(self, features: Features, q: int, terms: Terms) -> Int[Tensor, " t"]:
        size = terms.rep.spec.size if isinstance(terms.rep.spec, Array) else 1
        return evenly(features.parts["train"], max(64, min(self.learned, WORK // (size * max(1, q) ** 2))))

    def _known(self, terms: Terms, x: Float[Tensor, "n d"], seed: int) -> Iterator[tuple[str, Bool[Tensor, "n d"]]]:
        """What is left to be seen, by what is hidden."""
        places, spec = places_of(terms), terms.rep.spec
        assert isinstance(spec, Array)
        draws = torch.as_tensor(np.random.default_rng([seed, 83]).random((len(x), int(places.max()) + 1)))[:, places]
        here = ~x.isnan()
        yield RANDOM, here & ~lowest(torch.where(here, draws, 2.0), places, self.share)
        if spec.is_image:
            upper = torch.zeros(spec.shape, dtype=torch.bool)
            upper[:, : spec.shape[1] - spec.shape[1] // 2] = True
            yield LOWER, here & upper.flatten()

    def _guess(self, subject: Subject, seed: int, seen: Tensor, x: Tensor, known: Tensor, train: Tensor, middle: Tensor) -> Tensor:
        """Everything, as it is guessed from what is known."""
        if subject.rep is not None:
            return flat(completed(subject.rep, seen, known.view(seen.shape), seed))
        shown = torch.where(known, x, torch.nan)
        if subject.who == MEAN:
            return torch.where(known, x, middle)
        if subject.who == NEAR:
            model = KNNImputer(n_neighbors=self.neighbours, keep_empty_features=True).fit(train.numpy())
            return torch.as_tensor(model.transform(shown.numpy()))
        return LinearGaussian.fit(train, subject.z.shape[1]).guess(x, known)

    def words(self, scores: Scores) -> str:
        own = scores.get("share_of_variance")
        if own is None:
            return ""
        lower = scores.get(f"share_of_variance{LOWER}")
        text = f"Of what differs between items, {own.value:z.0%} of hidden entries is said from the rest{_beside(scores, RANDOM)}"
        return text + (f"; of a hidden lower half {lower.value:z.0%}{_beside(scores, LOWER)}." if lower else ".")


def _beside(scores: Scores, suffix: str) -> str:
    found = [f"{who} {s.value:z.0%}" for who in (NEAR, PPCA, "untrained") if (s := scores.get(f"share_of_variance{suffix}", who))]
    return f" ({', '.join(found)})" if found else ""


def places_of(terms: Terms) -> Int[Tensor, " d"]:
    """Of each number that the method sees: its place, all of which goes missing at once: a category, or a pixel with all its channels."""
    spec, rule = terms.rep.spec, terms.intake.rules["at_"]
    assert isinstance(spec, Array), "asked of arrays only"
    if isinstance(rule, Table):
        return torch.as_tensor(rule.owners)
    across = spec.size // spec.shape[0] if spec.is_image else spec.size
    return torch.arange(spec.size) % across


def lowest(draws: Float[Tensor, "n d"], places: Int[Tensor, " d"], share: float) -> Bool[Tensor, "n d"]:
    """Where the draw of a number's place is among the lowest `share` of those below 1 of its row: at least one, and one is left."""
    own = draws.new_full((len(draws), int(places.max()) + 1), 2.0).scatter_reduce(1, places.expand_as(draws), draws, "amin")
    here = (own < 1.0).sum(1)
    count = (share * here).round().long().clamp_min(1).minimum(here - 1).clamp_min(0)
    ordered = torch.cat([torch.full_like(own[:, :1], -1.0), own.sort(1).values], 1)
    return draws <= ordered.gather(1, count[:, None])


def completed(rep: Representation, x: Float[Tensor, "n *d"], known: Bool[Tensor, "n *d"], seed: int) -> Float[Tensor, "n *d"]:
    """Observations as methods see them, with what is not known said anew, on the CPU."""
    parts, method = [], _method(rep)
    x = torch.where(known, x, 0.0)
    for at in range(0, len(x), BATCH):
        rows = torch.arange(at, min(len(x), at + BATCH), device=rep.device)
        batch = tree.to(x[at : at + BATCH], rep.device, rep.dtype)
        with at_rest(rep.net):
            parts.append(method.complete(rep.net, batch, known[at : at + BATCH].to(rep.device), Dice.roll(seed, 0, rows, "imputation")))
    return torch.cat([p.detach().cpu() for p in parts])


def _method(rep: Representation) -> Any:
    return rep.method
