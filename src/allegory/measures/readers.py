"""Classifiers by which measures read factors off codes: boosted trees, plain as in the literature, and a fast protocol of our own."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

Codes = Float[np.ndarray, "n z"]
Classes = Int[np.ndarray, " n"]
Predictor = Callable[[Codes], Classes]
Reader = Callable[[Codes, Classes], Predictor]  # fitted on codes and classes; a single class is predicted always


def fast_trees(z: Codes, y: Classes) -> Predictor:
    """Histogram boosting: 20 rounds at a rate of 0.3, trees of at most 15 leaves, all rows. Deterministic."""
    return _fitted(HistGradientBoostingClassifier(max_iter=20, learning_rate=0.3, max_leaf_nodes=15, early_stopping=False), z, y)


def plain_trees(z: Codes, y: Classes) -> Predictor:
    """scikit-learn's gradient boosting as it stands (100 rounds at 0.1, depth 3), the reader of disentanglement_lib. Slow."""
    return _fitted(GradientBoostingClassifier(random_state=0), z, y)


FAST, PLAIN = "fast trees (20 rounds, rate 0.3, 15 leaves, histograms)", "plain trees (100 rounds, rate 0.1, depth 3)"


def _fitted(model: HistGradientBoostingClassifier | GradientBoostingClassifier, z: Codes, y: Classes) -> Predictor:
    classes = np.unique(y)
    if len(classes) == 1:
        return lambda new: np.full(len(new), classes[0])
    model.fit(z, y)
    return lambda new: np.asarray(model.predict(new))
