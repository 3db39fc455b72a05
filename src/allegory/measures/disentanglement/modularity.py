"""Modularity: does each code tell of one factor only? And explicitness: does a linear reader find every value of every factor?

Ridgeway and Mozer (2018, arXiv:1802.05312), sections 3.1 and 3.2. With m_if = I(z_i; v_f) of codes in 20 equal bins and m_i the largest,

    modularity = mean over codes of 1 - sum_{f not the best} m_if^2 / (m_i^2 (F - 1)),      0 for a code that tells nothing at all

    explicitness = mean over factors and their values of the area under the ROC curve, one against the rest, of a logistic regression

Both as in disentanglement_lib: explicitness runs from .5 (chance) to 1, not from 0. A code of noise has some modularity, because the
little that its bins seem to tell differs by chance from factor to factor; and a rotation of the truth may have more than the truth.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Num
from scipy import stats
from sklearn.linear_model import LogisticRegression

from allegory.core import Problem
from allegory.measures.disentanglement.factored import Factored, Parts, parts_of, some
from allegory.measures.disentanglement.information import binned, mutual_information


@dataclass(frozen=True, eq=False)
class Modularity:
    """`score`: the mean of `codes` (z,) ; `matrix` (z, f): mutual information in nats; `columns`: of which factors."""

    score: float
    codes: Float[np.ndarray, " z"]
    matrix: Float[np.ndarray, "z f"]
    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Explicitness:
    """`score` on the test items, `train` on those learned from, `factors` (f,): by factor; `without` (g,): the score without each of g
    groups of test items (item i is in group i mod g)."""

    score: float
    train: float
    factors: Float[np.ndarray, " f"]
    without: Float[np.ndarray, " g"]
    columns: tuple[int, ...]


def modularity(factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator) -> Modularity:
    """Modularity in [0, 1] of at most 10,000 items. Raises `Problem` for fewer than 2 factors that vary."""
    data = Factored.of(factors, codes, "modularity", least=(2, 1))
    rows = some(len(data), rng)
    m = mutual_information(binned(data.codes[rows]), data.factors[rows])
    each = modularity_of(m)
    return Modularity(float(each.mean()), each, m, data.columns)


def modularity_of(m: Float[np.ndarray, "z f"]) -> Float[np.ndarray, " z"]:
    """The modularity of every code from the mutual information of codes and factors."""
    squares = m**2
    best = squares.max(1)
    spread = (squares.sum(1) - best) / np.where(best > 0, best * (m.shape[1] - 1), 1.0)
    return np.where(best > 0, 1.0 - spread, 0.0)


def explicitness(
    factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator,
    parts: Parts | None = None, groups: int = 16,
) -> Explicitness:  # fmt: skip
    """Explicitness in [0, 1] from 10,000 items to 5,000 others (or `parts`), on codes standardised by the former, C = 1.

    A value that the test items or the others do not have is left out. Raises `Problem` when no factor can be judged.
    """
    data = Factored.of(factors, codes, "explicitness")
    train, test = parts or parts_of(len(data), rng)
    mean, scale = data.codes[train].mean(0), data.codes[train].std(0)
    x = (data.codes - mean) / np.where(scale > 0, scale, 1.0)
    areas = [area for j in range(len(data.sizes)) if (area := _areas_of_factor(data, x, j, (train, test), groups)) is not None]
    if not areas:
        raise Problem("explicitness: no factor has two values among the items to learn from and two among those to measure on")
    both = np.array(areas)  # (f, 2 + g): test, train, then the test items without each group
    return Explicitness(float(both[:, 0].mean()), float(both[:, 1].mean()), both[:, 0], both[:, 2:].mean(0), data.columns)


def _areas_of_factor(data: Factored, x: np.ndarray, j: int, parts: Parts, groups: int) -> list[float] | None:
    """The mean area over the values of factor j: on test, on train, and on test without each group; None when it cannot be judged."""
    y = data.factors[:, j]
    train, test = (rows[data.known(j)[rows]] for rows in parts)
    if min(len(np.unique(y[train])), len(np.unique(y[test]))) < 2:
        return None
    model = LogisticRegression(max_iter=1000).fit(x[train], y[train])
    sure, seen = model.decision_function(x[test]), model.decision_function(x[train])
    if sure.ndim == 1:  # two classes: one score, which is read from both sides
        sure, seen = (np.stack([-s, s], 1) for s in (sure, seen))
    else:  # the probabilities, which is what is compared between items
        sure, seen = (_softmax(s) for s in (sure, seen))
    hit = y[test][:, None] == model.classes_
    group = np.arange(len(test)) % groups
    left = [mean_area(sure[group != g], hit[group != g]) for g in range(groups)]
    return [mean_area(sure, hit), mean_area(seen, y[train][:, None] == model.classes_), *left]


def _softmax(logits: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    e = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def mean_area(scores: Float[np.ndarray, "n k"], hit: Bool[np.ndarray, "n k"]) -> float:
    """The mean over classes of the area under the ROC curve of column c's scores for being class c; classes that no item has, or every
    item, are left out. Equal to the share of pairs (in, out) in the right order, ties half (Mann and Whitney 1947)."""
    inside = hit.sum(0)
    outside = len(hit) - inside
    ranks = stats.rankdata(scores, axis=0)
    judged = (inside > 0) & (outside > 0)
    u = (ranks * hit).sum(0) - inside * (inside + 1) / 2
    return float((u[judged] / (inside * outside)[judged]).mean()) if judged.any() else float("nan")
