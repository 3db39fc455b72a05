"""How unfair are predictions to a factor that the reader never saw? Locatello et al. (2019, arXiv:1905.13662), section 4.

    unfairness = mean over c of TV(p(y^), p(y^ | do(s = c))),   TV(p, q) = 1/2 sum |p - q|

0: predictions do not depend on the sensitive factor s; near 1: they follow it. It says nothing of whether they are right.
"""

from collections.abc import Mapping, Sequence

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


Exposed = tuple[list[Int[np.ndarray, " q"]], bool]  # the items whose predictions are counted, a list a value; whether do() gave them
FEWEST = 10


def exposures(values: Int[np.ndarray, "n f"], sizes: Sequence[int], base: Int[np.ndarray, " m"], most: int = 100) -> dict[int, Exposed]:
    """What is counted for each sensitive factor that varies.

    Intervention, as in the paper: the first `most` of the `base` items whose counterparts for every value of the factor are items too,
    and those counterparts. Where fewer than 10 have all of them, the condition s = c stands in: the first `most` base items that have the
    value. On a small grid `most` is lowered, not below 10, so that about three quarters of the items are left to train on.
    """
    varied = [j for j, size in enumerate(sizes) if size > 1]
    most = min(most, max(FEWEST, len(values) // (4 * max(1, sum(sizes[j] for j in varied)))))
    lattice, found = Lattice.of(values, tuple(sizes)), {}
    for j in varied:
        reached = lattice.with_each(values[base], j)  # (s, m)
        whole = reached[:, (reached >= 0).all(0)][:, :most]
        intervened = whole.shape[1] >= FEWEST
        found[j] = (list(whole) if intervened else [base[values[base, j] == c][:most] for c in range(sizes[j])], intervened)
    return found


def fairness(
    values: Int[np.ndarray, "n f"], sizes: Sequence[int], z: Float[np.ndarray, "n z"], train: Int[np.ndarray, " t"],
    shown: Mapping[int, Exposed], reader: Reader = fast_trees, most: int = 10_000, groups: int = 16,
) -> Float[np.ndarray, "g f f"]:  # fmt: skip
    """The unfairness of predicting factor i (rows) towards factor j (columns), NaN for i = j and factors of one value.

    Entry 0 of the first axis counts every item that is `shown` (see `exposures`), entry 1 + g leaves out places q with q mod `groups` = g.
    One reader a factor, fitted on the first `most` of the items `train` that are not shown.
    """
    held = np.concatenate([items for lists, _ in shown.values() for items in lists])
    train = train[~np.isin(train, held)][:most]
    table = np.full((groups + 1, len(sizes), len(sizes)), np.nan)
    for i in shown:
        predict = reader(z[train], values[train, i])
        for j, (lists, _) in shown.items():
            if i != j:
                table[:, i, j] = _left_out([predict(z[items]) for items in lists], sizes[i], groups)
    return table


def _left_out(predicted: list[np.ndarray], classes: int, groups: int) -> Float[np.ndarray, " g"]:
    """The unfairness of predictions (a list a value), whole and without each group of places."""
    counts = np.zeros((groups, classes, len(predicted)), dtype=np.int64)
    for c, answers in enumerate(predicted):
        cells = np.arange(len(answers)) % groups * classes + answers
        counts[:, :, c] = np.bincount(cells, minlength=groups * classes).reshape(groups, classes)
    whole = counts.sum(0)
    return np.array([unfairness(whole), *(unfairness(whole - part) for part in counts)])
