"""How important each code is to boosted trees that read a factor: plain gradient boosting, and fast histogram boosting."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier


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
    """Histogram boosting of the same rounds, rate and depth, and the gain of all its splits, summed by code."""
    model = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_depth=3, max_leaf_nodes=8, min_samples_leaf=1, early_stopping=False, random_state=seed
    ).fit(x, y)
    hits = [float(np.mean(model.predict(a) == b)) for a, b in ((x_test, y_test), (x, y))]
    gains = np.zeros(x.shape[1])
    for trees in model._predictors:  # scikit-learn has no public way to the gains
        for tree in trees:
            split = tree.nodes[tree.nodes["is_leaf"] == 0]
            np.add.at(gains, split["feature_idx"], split["gain"])
    return Read(gains / gains.sum() if gains.sum() > 0 else gains, *hits)
