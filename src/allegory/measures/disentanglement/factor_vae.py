"""FactorVAE score: does one code stand still when one factor does? Kim and Mnih (2018, arXiv:1802.05983), section 4.

In a batch of 64 items with the same value of factor k, the code with the least variance, in units of its variance over 10,000 items,
votes for k. Each code is then given the factor that most of its 10,000 votes are for, and the score is the share of 5,000 other votes
that agree. As in disentanglement_lib, codes with a standard deviation below .05 take no part; the score is 0 when none is left.
"""

import numpy as np
from jaxtyping import Float, Int, Num

from allegory.measures.disentanglement.batches import BATCH, BATCH_NUMBERS, Mates, grouped, mates_of
from allegory.measures.disentanglement.beta_vae import HeldStill
from allegory.measures.disentanglement.factored import TEST_POINTS, TRAIN_POINTS, Factored, some

LEAST_STD = 0.05


def factor_vae(
    factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator,
    points: tuple[int, int] = (TRAIN_POINTS, TEST_POINTS), batch: int = BATCH, groups: int = 0, least_std: float = LEAST_STD,
) -> HeldStill:  # fmt: skip
    """The FactorVAE score in [0, 1]; about 1 / factors is chance. `active` counts the codes that took part.

    `points`: votes to learn from and to judge on; `groups`: how many groups of items are left out in turn. Raises `Problem` for fewer
    than 2 factors that can be held still.
    """
    data = Factored.of(factors, codes, "the FactorVAE score", least=(2, 1))
    mates = mates_of(data, "the FactorVAE score")
    columns = tuple(data.columns[j] for j in mates)
    variance = data.codes[some(len(data), rng)].var(0, ddof=1)
    active = np.flatnonzero(np.sqrt(variance) >= least_std)
    if not len(active):
        return HeldStill(0.0, 0.0, np.zeros(groups), columns, 0)
    z = data.codes[:, active] / np.sqrt(variance[active])
    k = rng.integers(0, len(mates), sum(points))
    codes_still = stillest(z - z.mean(0), list(mates.values()), k, batch, rng, groups)
    each = np.array([_agreement(code, k, points[0], len(active), len(mates)) for code in codes_still])
    return HeldStill(float(each[0, 1]), float(each[0, 0]), each[1:, 1], columns, len(active))


def stillest(
    z: Float[np.ndarray, "n z"], mates: list[Mates], k: Int[np.ndarray, " m"], batch: int, rng: np.random.Generator, groups: int
) -> Int[np.ndarray, "g m"]:
    """The code of the least variance in each batch with factor k[m] held still; then the same without each group of items."""
    found = np.zeros((1 + groups, len(k)), dtype=np.int64)
    step = max(1, BATCH_NUMBERS // (batch * z.shape[1]))
    for j, of in enumerate(mates):
        held = np.flatnonzero(k == j)
        for start in range(0, len(held), step):
            at = held[start : start + step]
            rows = of.draw(len(at), batch, rng)
            found[0, at] = z[rows].var(1).argmin(1)
            if groups:
                found[1:, at] = _without(z[rows], rows % groups, groups)
    return found


def _without(z: Float[np.ndarray, "m b z"], group: Int[np.ndarray, "m b"], groups: int) -> Int[np.ndarray, "g m"]:
    sums, sizes = grouped(z, group, groups)
    squares, _ = grouped(z**2, group, groups)
    left = (sizes.sum(1, keepdims=True) - sizes).clip(min=1)[..., None]
    mean = (sums.sum(1, keepdims=True) - sums) / left
    variance = (squares.sum(1, keepdims=True) - squares) / left - mean**2
    return np.asarray(variance.argmin(2).T)


def _agreement(code: Int[np.ndarray, " m"], k: Int[np.ndarray, " m"], learned: int, codes: int, factors: int) -> tuple[float, float]:
    """The share of votes, of those learned from and of the others, that are for the factor of their code."""
    votes = np.zeros((factors, codes), dtype=np.int64)
    np.add.at(votes, (k[:learned], code[:learned]), 1)
    hits = votes.argmax(0)[code] == k
    return float(hits[:learned].mean()), float(hits[learned:].mean())
