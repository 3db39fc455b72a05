"""How unfair are predictions to a factor that the reader never saw? Locatello et al. (2019, arXiv:1905.13662), section 4.

    unfairness = mean over c of TV(p(y^), p(y^ | do(s = c))),   TV(p, q) = 1/2 sum |p - q|

0: predictions do not depend on the sensitive factor s; near 1: they follow it. It says nothing of whether they are right.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from allegory.measures.lattice import Lattice
from allegory.measures.readers import Reader, fast_trees


def total_variations(counts: Int[np.ndarray, "k s"]) -> Float[np.ndarray, " s"]:
    """TV of each column's distribution over the k predicted classes to that of all columns together; an empty column gives 0."""
    sizes = counts.sum(0)
    overall = counts.sum(1) / max(1, sizes.sum())
    return 0.5 * np.abs(counts / np.maximum(sizes, 1) - overall[:, None]).sum(0) * (sizes > 0)


def unfairness(counts: Int[np.ndarray, "k s"]) -> float:
    """The mean of `total_variations` over the columns (values of the sensitive factor), weighted by their sizes."""
    return float(total_variations(counts) @ counts.sum(0) / max(1, counts.sum()))


def exposures(
    values: Int[np.ndarray, "n f"], lattice: Lattice, base: Int[np.ndarray, " m"], factor: int, most: int = 100
) -> tuple[list[Int[np.ndarray, " q"]], bool]:
    """For each value of the sensitive `factor`, the items whose predictions are counted; and whether it was an intervention.

    Intervention, as in the paper: the first `most` of the `base` items whose counterparts for every value of the factor are items too.
    Where fewer than 10 have all of them, the condition s = c stands in: the first `most` base items that have the value.
    """
    found = lattice.with_each(values[base], factor)  # (s, m)
    whole = found[:, (found >= 0).all(0)][:, :most]
    if whole.shape[1] >= min(10, len(base)):
        return list(whole), True
    return [base[values[base, factor] == c][:most] for c in range(lattice.sizes[factor])], False


def fairness(
    values: Int[np.ndarray, "n f"], sizes: Sequence[int], z: Float[np.ndarray, "n z"], train: Int[np.ndarray, " t"],
    base: Int[np.ndarray, " m"], reader: Reader = fast_trees, most: int = 100, groups: int = 16,
) -> tuple[Float[np.ndarray, "g f f"], bool]:  # fmt: skip
    """The unfairness of predicting factor i (rows) towards factor j (columns), NaN for i = j and factors of one value; and whether all
    were interventions. Entry 0 of the first axis counts every item, entry 1 + g leaves out item numbers q with q mod `groups` = g.

    One reader a factor, fitted on the items `train`; `base` are the items that are intervened upon, in order.
    """
    lattice, told = Lattice.of(values, tuple(sizes)), [i for i, size in enumerate(sizes) if size > 1]
    shown = {j: exposures(values, lattice, base, j, most) for j in told}
    table = np.full((groups + 1, len(sizes), len(sizes)), np.nan)
    for i in told:
        predict = reader(z[train], values[train, i])
        for j in told:
            if i != j:
                table[:, i, j] = _left_out([predict(z[items]) for items in shown[j][0]], sizes[i], groups)
    return table, all(whole for _, whole in shown.values())


def _left_out(predicted: list[np.ndarray], classes: int, groups: int) -> Float[np.ndarray, " g"]:
    """The unfairness of predictions (a list a value), whole and without each group of places."""
    counts = np.zeros((groups, classes, len(predicted)), dtype=np.int64)
    for c, answers in enumerate(predicted):
        cells = np.arange(len(answers)) % groups * classes + answers
        counts[:, :, c] = np.bincount(cells, minlength=groups * classes).reshape(groups, classes)
    whole = counts.sum(0)
    return np.array([unfairness(whole), *(unfairness(whole - part) for part in counts)])
