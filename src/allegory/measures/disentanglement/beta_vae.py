"""BetaVAE score: is it told from the codes which factor was held still? Higgins et al. (2017), "beta-VAE", section 3.

A point is the mean over 64 pairs of items of |z_1 - z_2|, the two of each pair having the same value of factor k; a logistic regression
learns k from 10,000 points and is judged on 5,000. As in disentanglement_lib: C = 1, accuracy, points as they are.

It is generous: a linear reader sees a rotation of the factors almost as well, and several codes may share a factor.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Num
from sklearn.linear_model import LogisticRegression

from allegory.measures.disentanglement.batches import BATCH, BATCH_NUMBERS, Mates, mates_of
from allegory.measures.disentanglement.factored import TEST_POINTS, TRAIN_POINTS, Factored


@dataclass(frozen=True, eq=False)
class HeldStill:
    """`score`: the accuracy on the test points, `train`: on those learned from; `without` (g,): the score without each group of items
    (item i is in group i mod g), from the same draws; `columns`: the factors that could be held still; `active`: codes that took part."""

    score: float
    train: float
    without: Float[np.ndarray, " g"]
    columns: tuple[int, ...]
    active: int


def beta_vae(
    factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator,
    points: tuple[int, int] = (TRAIN_POINTS, TEST_POINTS), batch: int = BATCH, groups: int = 0,
) -> HeldStill:  # fmt: skip
    """The BetaVAE score in [0, 1]; 1 / factors is chance. `points` to learn from and to judge on; `groups`: how many are left out in turn.

    Raises `Problem` for fewer than 2 factors that can be held still.
    """
    data = Factored.of(factors, codes, "the BetaVAE score", least=(2, 1))
    mates = mates_of(data, "the BetaVAE score")
    k = rng.integers(0, len(mates), sum(points))
    x = differences(data.codes, [list(mates.values())[i] for i in range(len(mates))], k, batch, rng, groups)
    each = np.array([_accuracies(of, k, points[0]) for of in x])
    columns = tuple(data.columns[j] for j in mates)
    return HeldStill(float(each[0, 1]), float(each[0, 0]), each[1:, 1], columns, data.codes.shape[1])


def differences(
    codes: Float[np.ndarray, "n z"], mates: list[Mates], k: Int[np.ndarray, " m"], batch: int, rng: np.random.Generator, groups: int
) -> Float[np.ndarray, "g m z"]:
    """The points: mean |z_1 - z_2| over the pairs of each batch with factor k[m] held still; then those without the pairs that touch
    each group of items."""
    found = np.zeros((1 + groups, len(k), codes.shape[1]))
    step = max(1, BATCH_NUMBERS // (batch * codes.shape[1]))
    for j, of in enumerate(mates):
        held = np.flatnonzero(k == j)
        for start in range(0, len(held), step):
            at = held[start : start + step]
            one, two = of.pairs(len(at), batch, rng)
            apart = np.abs(codes[one] - codes[two])
            found[0, at] = apart.mean(1)
            for g in range(groups):
                kept = ((one % groups != g) & (two % groups != g)).astype(np.float64)[:, None, :]
                found[1 + g, at] = (kept @ apart)[:, 0] / np.maximum(kept.sum(2), 1.0)
    return found


def _accuracies(x: Float[np.ndarray, "m z"], k: Int[np.ndarray, " m"], learned: int) -> tuple[float, float]:
    model = LogisticRegression(max_iter=1000).fit(x[:learned], k[:learned])
    hits = model.predict(x) == k
    return float(hits[:learned].mean()), float(hits[learned:].mean())
