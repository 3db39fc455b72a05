"""How important each code is to boosted trees that read a factor: plain gradient boosting, and fast histogram boosting."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import GradientBoostingClassifier

from allegory.measures.disentanglement import boosting


@dataclass(frozen=True, eq=False)
class Read:
    """`importance` (z,) of sum 1, or all 0; the shares of test items and of learned items that were read rightly."""

    importance: Float[np.ndarray, " z"]
    test: float
    train: float


def plain(
    x: Float[np.ndarray, "n z"], y: Int[np.ndarray, " n"], x_test: Float[np.ndarray, "m z"], y_test: Int[np.ndarray, " m"], seed: int
) -> Read:
    """scikit-learn's gradient boosting with its defaults, and its mean decrease of impurity."""
    model = GradientBoostingClassifier(random_state=seed).fit(x, y)
    hits = [float(np.mean(model.predict(a) == b)) for a, b in ((x_test, y_test), (x, y))]
    return Read(np.abs(model.feature_importances_), *hits)


def fast(
    x: Float[np.ndarray, "n z"], y: Int[np.ndarray, " n"], x_test: Float[np.ndarray, "m z"], y_test: Int[np.ndarray, " m"], seed: int
) -> Read:
    """The same boosting on histograms, and the gain of all its splits, summed by code: see `boosting`."""
    names, numbers = np.unique(y, return_inverse=True)
    model = boosting.boost(x, numbers, len(names), np.random.default_rng(seed))
    hits = [float(np.mean(names[model.classes(a)] == b)) for a, b in ((x_test, y_test), (x, y))]
    total = model.gains.sum()
    return Read(model.gains / total if total > 0 else model.gains, *hits)
