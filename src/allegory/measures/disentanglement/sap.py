"""Separated attribute predictability: how far is the best single code ahead of the next in predicting a factor?

Kumar, Sattigeri and Balakrishnan (2018, arXiv:1711.00848), section 3. S_ij is how well code i alone predicts factor j; SAP is the mean
over factors of the gap between the two best codes. As in disentanglement_lib, S_ij of a factor of classes is the share of test items
that a linear support vector machine on code i gets right (C = .01, balanced classes); of a continuous one the squared correlation.

A line cuts a code of many ordered values in two places at most, so that a linear machine cannot tell the values in the middle apart:
even the true factor as code gets low accuracies, and SAP of the truth is well below 1.
"""

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from allegory.core import Problem
from allegory.measures.disentanglement import line_svm
from allegory.measures.disentanglement.factored import Factored, Parts, parts_of
from allegory.measures.disentanglement.mig import Gap, gap_of

COST = 0.01


def sap(
    factors: Num[np.ndarray, "n f"], codes: Float[np.ndarray, "n z"], rng: np.random.Generator, parts: Parts | None = None, C: float = COST
) -> Gap:
    """SAP in [0, 1]: from 10,000 items to 5,000 others, or `parts`; `matrix` holds S_ij, between 0 and 1.

    The codes are taken in the unit they come in, as the penalty does. Raises `Problem` for fewer than 2 codes, and when no factor has
    two values among the items to learn from.
    """
    data = Factored.of(factors, codes, "SAP", least=(1, 2))
    train, test = parts or parts_of(len(data), rng)
    judged, columns = [], []
    for j, column in enumerate(data.columns):
        of_train, of_test = (rows[data.known(j)[rows]] for rows in (train, test))
        if len(np.unique(data.factors[of_train, j])) > 1 and len(of_test):
            judged.append(_correlations(data, j, of_train) if data.continuous[j] else _accuracies(data, j, of_train, of_test, C))
            columns.append(column)
    if not judged:
        raise Problem("SAP: no factor has two values among the items to learn from and one among those to measure on")
    return gap_of(np.stack(judged, 1), tuple(columns))


def _accuracies(data: Factored, j: int, train: Int[np.ndarray, " t"], test: Int[np.ndarray, " q"], C: float) -> Float[np.ndarray, " z"]:
    names, y = np.unique(data.factors[train, j], return_inverse=True)
    truth = data.factors[test, j]
    return np.array([np.mean(names[line_svm.fit(x[train], y, len(names), C).classes(x[test])] == truth) for x in data.codes.T])


def _correlations(data: Factored, j: int, train: Int[np.ndarray, " t"]) -> Float[np.ndarray, " z"]:
    """The squared correlation of each code with the values of factor j; 0 for a code that hardly varies (variance up to 1e-12)."""
    z, v = data.codes[train] - data.codes[train].mean(0), data.values[train, j] - data.values[train, j].mean()
    spread: Float[np.ndarray, " z"] = (z**2).sum(0)
    moves: Bool[np.ndarray, " z"] = spread / max(1, len(train) - 1) > 1e-12
    return np.where(moves, (v @ z) ** 2 / np.where(moves, spread * (v @ v), 1.0), 0.0)
