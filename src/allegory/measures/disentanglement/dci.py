"""DCI: disentanglement, completeness and informativeness. Eastwood and Williams (2018), "A framework for the quantitative evaluation of
disentangled representations", section 2.

R_ij is how important code i is to a reader of factor j, here boosted trees. With P_ij = R_ij / sum_j R_ij and P~_ij = R_ij / sum_i R_ij,

    D_i = 1 - H_F(P_i.)     disentanglement: the mean of D_i over codes, weighted by their share of all importance
    C_j = 1 - H_Z(P~_.j)    completeness: the mean of C_j over factors, weighted likewise
    I   = the share of test items whose factor is read rightly, averaged over factors (the paper takes the error)

H_K is the entropy in base K. Two protocols, each of its own name, never compared with each other:

- `plain`: scikit-learn's GradientBoostingClassifier as it stands, 100 rounds at .1, depth 3, and its impurity importances: what
  disentanglement_lib does. Minutes for 10,000 items.
- `fast`: the same boosting on histograms of 64 bins, importance = summed gain of its splits: see `boosting`. Ten times as fast.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int, Num

from allegory.core import Problem
from allegory.measures.disentanglement import importance
from allegory.measures.disentanglement.factored import Factored, Parts, parts_of

Trees = Literal["fast", "plain"]
READERS: dict[Trees, Callable[..., importance.Read]] = {"fast": importance.fast, "plain": importance.plain}
FLOOR = 1e-11


@dataclass(frozen=True, eq=False)
class DCI:
    """`disentanglement`, `completeness`, `informativeness` on the test items and on those learned from; `importance` (z, f), every column
    of sum 1 (all 0 where nothing was read); `codes` (z,) D_i; `factors` (f,) C_j; `columns`: of which factors."""

    disentanglement: float
    completeness: float
    informativeness: float
    informativeness_train: float
    importance: Float[np.ndarray, "z f"]
    codes: Float[np.ndarray, " z"]
    factors: Float[np.ndarray, " f"]
    columns: tuple[int, ...]


def dci(
    factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator,
    parts: Parts | None = None, trees: Trees = "fast",
) -> DCI:  # fmt: skip
    """DCI, each in [0, 1], from 10,000 items to 5,000 others, or `parts`.

    Continuous factors are read in 20 bins. Raises `Problem` for fewer than 2 factors that vary among the items to learn from, or fewer
    than 2 codes, for which the entropies are not defined.
    """
    data = Factored.of(factors, codes, "DCI", least=(2, 2))
    train, test = parts or parts_of(len(data), rng)
    read, columns = [], []
    for j, column in enumerate(data.columns):
        of_train, of_test = (rows[data.known(j)[rows]] for rows in (train, test))
        if len(np.unique(data.factors[of_train, j])) > 1 and len(of_test):
            read.append(_read(data, j, of_train, of_test, trees, rng))
            columns.append(column)
    if len(columns) < 2:
        raise Problem(f"DCI is defined for at least 2 factors that vary among the items to learn from; there are {len(columns)}")
    R = np.stack([r.importance for r in read], 1)
    hits = np.array([(r.test, r.train) for r in read]).mean(0)
    return DCI(disentanglement(R), completeness(R), float(hits[0]), float(hits[1]), R, per_code(R), per_factor(R), tuple(columns))


def _read(
    data: Factored, j: int, train: Int[np.ndarray, " t"], test: Int[np.ndarray, " q"], trees: Trees, rng: np.random.Generator
) -> importance.Read:
    y, seed = data.factors[:, j], int(rng.integers(2**31))
    return READERS[trees](data.codes[train], y[train], data.codes[test], y[test], seed)


def per_code(R: Float[np.ndarray, "z f"]) -> Float[np.ndarray, " z"]:
    """D_i = 1 - entropy of row i in base f; 0 for a row of zeros. 1e-11 is added to every importance, as in disentanglement_lib."""
    p = (R + FLOOR) / (R + FLOOR).sum(1, keepdims=True)
    return np.asarray(1.0 + (p * np.log(p)).sum(1) / np.log(R.shape[1]))


def per_factor(R: Float[np.ndarray, "z f"]) -> Float[np.ndarray, " f"]:
    """C_j = 1 - entropy of column j in base z."""
    return per_code(R.T)


def disentanglement(R: Float[np.ndarray, "z f"]) -> float:
    """The mean of D_i weighted by the share of all importance that code i has."""
    weight = R.sum(1) if R.sum() > 0 else np.ones(len(R))
    return float(np.average(per_code(R), weights=weight))


def completeness(R: Float[np.ndarray, "z f"]) -> float:
    """The mean of C_j weighted by the share of all importance that factor j has."""
    return disentanglement(R.T)
