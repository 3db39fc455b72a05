r"""How well does the method foresee items it has not seen? $\log p(x)$ of test items, in nats per item and in bits per dimension.

**log_likelihood** is the mean over items, higher is better; **bits_per_dimension** $= -\log_2 p(x) / d$, lower is better.

**In which units.** Pixels have levels, and are asked for the probability of the levels: a method with a density is asked at $x + u$,
$u$ uniform in the cell of a level, and $d \log(\text{step})$ is added, which is a lower bound on $\log P(x)$ (Theis, van den Oord and
Bethge 2016, section 3.1). Continuous columns are asked for the density of the standardised columns; its value depends on that unit, and
only differences mean anything. Not defined: densities where a column is constant or a category (one may be as large as one likes).
A method of black and white pixels on grey ones is asked, as are the references, for the probability of a black and white draw of each item,
every pixel as likely white as it is bright (the dynamic binarisation of Burda et al. 2016).

**Beside it**, at the same units and the same noise: every number on its own (a histogram, exact, or a Gaussian), and probabilistic PCA
with as many directions as the code has numbers (Tipping and Bishop 1999), and the network untrained. A note says whether the method's
number is exact, a lower bound or an estimate: a bound below another says nothing of which model is better. A method with a bound is asked
again for the importance estimate, **estimate**, which is closer to the truth and still below it on average (Burda et al. 2016, eq. 8).
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Array, Density, Dice, Paper, Parts, Problem, tree
from allegory.measures import densities
from allegory.questions import intervals
from allegory.questions.features import CodeSet, Features, Subject, evenly
from allegory.questions.given_back import Terms, flat
from allegory.questions.intervals import Evidence
from allegory.questions.question import Question, QuestionCard
from allegory.questions.score import Scores
from allegory.representation import Representation, at_rest

APART, PPCA = "every number apart", "probabilistic PCA"
BATCH = 256
WIDEST = 1 << 26  # numbers that the references learn from, at most


@final
@dataclass(frozen=True)
class Likelihood(Question):
    """log p of at most `most` test items; the references learn from at most `learned` training items. Where it is a bound, the
    estimate with `k` importance samples of `estimated` of them stands beside it."""

    most: int = 2048
    learned: int = 5000
    k: int = 64
    estimated: int = 512

    card: ClassVar[QuestionCard] = QuestionCard(
        name="likelihood", asks="How well does it foresee items that it has not seen?",
        needs=("log_density",), better="depends", beside=("untrained",), gains=("log_likelihood",),
        paper=Paper("Theis, van den Oord and Bethge", "A note on the evaluation of generative models", 2016,
                    "https://arxiv.org/abs/1511.01844", "section 3.1"),
    )  # fmt: skip

    def settings(self) -> str:
        return (
            f"at most {self.most} test items; levels: uniform dequantisation, one draw an item; continuous: standardised columns; "
            f"references from at most {self.learned} training items; estimates: {self.k} importance samples, {self.estimated} items"
        )

    def rows(self, features: Features) -> Int[Tensor, " n"]:
        return evenly(features.parts["test"], self.most)

    def size(self, features: Features) -> tuple[int, str]:
        return len(self.rows(features)), "test"

    def missing(self, features: Features) -> str:
        none = len(features.parts["test"]) == 0
        return super().missing(features) or (f"{self.card.name} was not asked: there are no test items" if none else "")

    def remark(self, features: Features) -> str:
        rep, index = Terms.of(features).rep, self.rows(features)[:1]
        found = log_density(rep, Terms.of(features).seen(features, index), features.seed)
        terms = Terms.of(features)
        levels = terms.levels
        dequantised = levels is not None and found.levels is None
        what = "a lower bound" if dequantised and found.kind == "exact" else found.said
        of = f"the probability of {found.levels or levels} levels" if levels is not None else "the density of standardised columns"
        draws = " of black and white draws of the pixels" if _binarised(found, terms) else ""
        how = ", at items moved at random within their cells" if dequantised else ""
        return f"{self.card.name}: the method's number is {what} of the logarithm of {of}{draws}{how}"

    def references(self, features: Features) -> dict[str, CodeSet]:
        return features.stand_ins(APART, PPCA)

    def measure(self, subject: Subject, features: Features) -> dict[str, Evidence]:
        terms, rows = Terms.of(features), self.rows(features)
        seen = terms.seen(features, rows)
        size = flat(tree.take(seen, slice(1))).shape[1]
        train = flat(terms.seen(features, evenly(features.parts["train"], max(2, min(self.learned, WIDEST // size)))))
        _check_defined(terms, train)
        if subject.rep is None:
            each = reference(str(subject.who), subject.z.shape[1], units(terms), train, flat(seen), features.seed)
            return evidence(each.numpy(), size, features.seed)
        first = self._own(subject.rep, terms, seen, features.seed)
        found = evidence(first.values.numpy(), size, features.seed)
        if first.kind != "lower bound":
            return found
        few = tree.take(seen, slice(self.estimated))
        better = evidence(self._own(subject.rep, terms, few, features.seed, self.k).values.numpy(), size, features.seed)
        return found | {"estimate": better["log_likelihood"]}

    def _own(self, rep: Representation, terms: Terms, seen: Any, seed: int, k: int = 1) -> Density:
        """In the units of the references."""
        first = log_density(rep, tree.take(seen, slice(1)), seed)
        if terms.levels is None or first.levels is not None:
            return log_density(rep, seen, seed, k)
        moved = densities.dequantised(flat(seen), terms.step, np.random.default_rng([seed, 51]))
        found = log_density(rep, moved.float().view(seen.shape), seed, k)
        return dataclasses.replace(found, values=found.values + densities.cell(moved.shape[1], terms.step))

    def words(self, scores: Scores) -> str:
        own = scores.get("log_likelihood")
        if own is None:
            return ""
        named = ((APART, "taking every number on its own"), (PPCA, "a Gaussian with as many directions as the code"))
        beside = [f"{what} {s.value:,.1f}" for who, what in named if (s := scores.get("log_likelihood", who))]
        bits = scores.get("bits_per_dimension")
        text = f"A test item has {own.value:,.1f} nats of log likelihood on average"
        text += f" ({bits.value:.2f} bits a number)" if bits else ""
        better = scores.get("estimate")
        text += f", a bound; by importance samples {better.value:,.1f}" if better else ""
        return text + (f"; {', '.join(beside)}. More is better." if beside else ". More is better.")


@dataclass(frozen=True)
class Units:
    """What the references are asked for: of how many levels, `step` apart; of densities where `levels` is None. `binarised`: of draws."""

    levels: int | None
    step: float
    binarised: bool


def units(terms: Terms) -> Units:
    """Those in which the method's number is given."""
    blank = torch.zeros(1, *terms.rep.spec.shape) if isinstance(terms.rep.spec, Array) else None
    if terms.levels is None or blank is None:
        return Units(None, 1.0, False)
    binarised = _binarised(log_density(terms.rep, blank, 0), terms)
    return Units(2, 2.0, True) if binarised else Units(terms.levels, terms.step, False)


def _binarised(found: Density, terms: Terms) -> bool:
    """Whether the method's number is of black and white draws of pixels that have more levels."""
    return found.levels == 2 and terms.levels != 2


def _check_defined(terms: Terms, train: Float[Tensor, "t d"]) -> None:
    """Raises `Problem` where a density of these data is not defined."""
    if isinstance(terms.rep.spec, Parts):
        raise Problem("densities of observations of several parts are not compared yet: their units differ")
    if any(c.kind == "category" for c in terms.intake.columns):
        raise Problem("a table with categories has no density; keep the columns of numbers")
    constant = int((train.std(0) == 0).sum())
    if terms.levels is None and constant:
        raise Problem(f"{constant} of {train.shape[1]} numbers never vary: a density may be as large as one likes there; leave them out")


def log_density(rep: Representation, x: Any, seed: int, k: int = 1) -> Density:
    """Of observations as methods see them, on the CPU."""
    parts, n = [], tree.length(x)
    method: Any = rep.method
    for at in range(0, n, BATCH):
        batch = tree.to(tree.take(x, slice(at, at + BATCH)), rep.device, rep.dtype)
        dice = Dice.roll(seed, 0, torch.arange(at, min(n, at + BATCH), device=rep.device), "likelihood")
        with at_rest(rep.net):
            parts.append(method.log_density(rep.net, batch, dice, k))
    return Density(torch.cat([p.values.detach().cpu().double() for p in parts]), parts[0].kind, parts[0].levels, parts[0].k)


def reference(who: str, q: int, terms: Units, train: Tensor, test: Tensor, seed: int) -> Float[Tensor, " n"]:
    """log p of `test` by a simple model of `train`, in the method's units."""
    if terms.binarised:
        train, test = (black_and_white(s, np.random.default_rng([seed, k])) for s, k in ((train, 53), (test, 54)))
    if terms.levels is None:
        return densities.apart_gaussian(train, test) if who == APART else densities.probabilistic_pca(train, test, q)
    if who == APART:
        numbers = [((s + 1.0) / terms.step).round().long() for s in (train, test)]
        return densities.apart_levels(numbers[0], numbers[1], terms.levels)
    moved = [densities.dequantised(s, terms.step, np.random.default_rng([seed, k])) for s, k in ((train, 52), (test, 51))]
    return densities.probabilistic_pca(moved[0], moved[1], q) + densities.cell(test.shape[1], terms.step)


def black_and_white(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Draws in which every pixel is as likely white as it is bright."""
    return 2.0 * (torch.as_tensor(rng.uniform(size=tuple(x.shape))) < (x + 1.0) / 2.0).double() - 1.0


def evidence(each: Float[np.ndarray, " n"], d: int, seed: int) -> dict[str, Evidence]:
    """From the log likelihood of every item, by bootstrap over items."""
    means = intervals.resamplings(len(each), seed).astype(np.float64) @ each / len(each)
    bits = densities.bits_per_dimension(1.0, d)
    value = np.array([each.mean()])
    return {"log_likelihood": Evidence(value, means), "bits_per_dimension": Evidence(bits * value, bits * means)}
