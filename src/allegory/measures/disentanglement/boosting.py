"""Gradient boosting of classes on binned features, and how much each feature reduced the error: Friedman (2001), algorithm 6.

The same model as scikit-learn's GradientBoostingClassifier with its defaults (trees of depth 3 fitted by least squares to the gradients
y - p, leaves by one Newton step, 100 rounds at a rate of .1), but for the cuts: at most 63 a feature, at even ranks of its values, so that
a split is found from sums over bins. The gain of a split is the squared error that it removes, as in the mean decrease of impurity; of
equally good ones a random feature's is taken. (scikit-learn's own histogram boosting divides its gains by the curvature, which weighs the
late rounds, when little is left to learn, as much as the first: its importances differ by up to .04 in DCI, and it does not publish them.)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

ROUNDS, RATE, DEPTH, BINS = 100, 0.1, 3, 64
INNER, LEAVES = 2**DEPTH - 1, 2**DEPTH
AT_ONCE = 1 << 19  # numbers that are counted together


@dataclass(frozen=True, eq=False)
class Boosted:
    """`gains` (z,): the squared error that the splits on each feature removed; and the trees, complete ones, by round and output.

    `feature`, `cut`: of the inner nodes, level by level; a row goes left where its bin is at most the cut. `leaf`: what is added.
    """

    gains: Float[np.ndarray, " z"]
    cuts: tuple[Float[np.ndarray, " _"], ...]
    start: Float[np.ndarray, " m"]
    feature: Int[np.ndarray, "r m i"]
    cut: Int[np.ndarray, "r m i"]
    leaf: Float[np.ndarray, "r m l"]

    def classes(self, x: Float[np.ndarray, "n z"]) -> Int[np.ndarray, " n"]:
        """The likeliest class of each row."""
        bins, score = binned(x, self.cuts), np.tile(self.start, (len(x), 1))
        rows = np.arange(len(x))[:, None]
        outputs = np.arange(len(self.start))
        for feature, cut, leaf in zip(self.feature, self.cut, self.leaf, strict=True):
            node = np.zeros(score.shape, dtype=np.int64)
            for level in range(DEPTH):
                at = node + 2**level - 1
                node = 2 * node + (bins[rows, feature[outputs, at]] > cut[outputs, at])
            score += leaf[outputs, node]
        return np.asarray(score[:, 0] > 0).astype(np.int64) if len(self.start) == 1 else np.asarray(score.argmax(1))


def cuts_of(x: Float[np.ndarray, "n z"]) -> tuple[Float[np.ndarray, " _"], ...]:
    """Where each feature may be cut: between its values when they are few, else at even ranks."""
    found = []
    for column in x.T:
        values = np.unique(column)
        middles = 0.5 * (values[1:] + values[:-1])
        ranks = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])
        found.append(middles if len(middles) < BINS else np.unique(ranks))
    return tuple(found)


def binned(x: Float[np.ndarray, "n z"], cuts: tuple[Float[np.ndarray, " _"], ...]) -> Int[np.ndarray, "n z"]:
    """The number of cuts below each value."""
    return np.stack([np.searchsorted(at, column, side="left") for at, column in zip(cuts, x.T, strict=True)], 1).astype(np.int64)


def boost(x: Float[np.ndarray, "n z"], y: Int[np.ndarray, " n"], classes: int, rng: np.random.Generator) -> Boosted:
    """Classes 0 ... `classes` - 1, each with at least one row; two classes share one output, as in logistic regression."""
    cuts = cuts_of(x)
    bins, z = binned(x, cuts), x.shape[1]
    share = np.bincount(y, minlength=classes) / len(y)
    start = np.log(share[1:] / share[:1]) if classes == 2 else np.log(share)
    hit = (y[:, None] == np.arange(classes)).astype(np.float64)[:, 1 if classes == 2 else 0 :]
    score, gains, rounds = np.tile(start, (len(y), 1)), np.zeros(z), []
    together = max(1, AT_ONCE // bins.size)
    for _ in range(ROUNDS):
        residual, order = hit - _probabilities(score), rng.permutation(z)
        trees = [_grow(bins[:, order], residual[:, i : i + together], classes) for i in range(0, len(start), together)]
        feature, cut, leaf, gain = (np.concatenate([np.asarray(tree[part]) for tree in trees]) for part in range(4))
        np.add.at(gains, order[feature], gain)
        score += np.concatenate([tree[4] for tree in trees], 1)
        rounds.append((order[feature], cut, leaf))
    features, places, leaves = (np.stack(part) for part in zip(*rounds, strict=True))
    return Boosted(gains, cuts, start, features, places, leaves)


def _probabilities(score: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
    if score.shape[1] == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-score)))
    e = np.exp(score - score.max(1, keepdims=True))
    return np.asarray(e / e.sum(1, keepdims=True))


def _grow(bins: Int[np.ndarray, "n z"], residual: Float[np.ndarray, "n m"], classes: int) -> tuple[np.ndarray, ...]:
    """One tree for each of m outputs: feature, cut, leaves (what is added), the gain of every inner node, and what each row gets."""
    (n, z), m = bins.shape, residual.shape[1]
    feature, gain = np.zeros((m, INNER), dtype=np.int64), np.zeros((m, INNER))
    cut, node = np.full((m, INNER), BINS, dtype=np.int64), np.zeros((n, m), dtype=np.int64)
    place, weight, rows, outputs = (bins + BINS * np.arange(z))[:, None, :], np.repeat(residual, z), np.arange(n)[:, None], np.arange(m)
    for level in range(DEPTH):
        nodes = 2**level
        at, shape = place + (z * BINS * (node + nodes * outputs))[:, :, None], (m * nodes, z, BINS)
        sums, sizes = (np.bincount(at.ravel(), w, m * nodes * z * BINS).reshape(shape) for w in (weight, None))
        best, chosen = (found.reshape(m, nodes) for found in _best_cuts(sums, sizes))
        inner = slice(nodes - 1, 2 * nodes - 1)
        feature[:, inner], gain[:, inner] = chosen // BINS, best
        cut[:, inner] = np.where(best > 0, chosen % BINS, BINS)
        here = node + nodes - 1
        node = 2 * node + (bins[rows, feature[outputs, here]] > cut[outputs, here])
    leaf = _newton(node + LEAVES * outputs, residual, classes)
    return feature, cut, leaf, gain, leaf[outputs, node]


def _best_cuts(sums: Float[np.ndarray, "q z b"], sizes: Int[np.ndarray, "q z b"]) -> tuple[np.ndarray, np.ndarray]:
    """The squared error that the best cut of each node removes (0 where none does), and where it is among z x b."""
    below, fewer = sums.cumsum(2), sizes.cumsum(2)
    total, all_rows = below[..., -1:], fewer[..., -1:]
    rest = all_rows - fewer
    valid = (fewer > 0) & (rest > 0)
    removed = below**2 / np.maximum(fewer, 1) + (total - below) ** 2 / np.maximum(rest, 1) - total**2 / np.maximum(all_rows, 1)
    flat = np.where(valid & (removed > 1e-12), removed, 0.0).reshape(len(sums), -1)
    chosen = flat.argmax(1)
    return flat[np.arange(len(flat)), chosen], chosen


def _newton(leaf: Int[np.ndarray, "n m"], residual: Float[np.ndarray, "n m"], classes: int) -> Float[np.ndarray, "m l"]:
    """What each leaf adds: the rate times (k - 1) / k sum r / sum |r| (1 - |r|); the factor is 1 for two classes."""
    size, number = np.abs(residual), LEAVES * residual.shape[1]
    total, curvature = (np.bincount(leaf.ravel(), w.ravel(), number) for w in (residual, size * (1 - size)))
    factor = 1.0 if classes == 2 else (classes - 1) / classes
    added = np.where(curvature > 1e-150, RATE * factor * total / np.where(curvature > 1e-150, curvature, 1.0), 0.0)
    return added.reshape(-1, LEAVES)
