"""scikit-learn faces: a classifier and a regressor that learn a representation of X, and then read y off its codes.

Imported only when asked for, since it imports scikit-learn.
"""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from allegory import methods
from allegory.adapting import choosing
from allegory.adapting.adapted import Adapted
from allegory.adapting.split import crossed
from allegory.adapting.target import Target, Task
from allegory.core import Method
from allegory.data import Source
from allegory.representation import Representation
from allegory.representation.estimator import source_of
from allegory.representation.reading import as_stored
from allegory.train import Settings, fit


class _Adapting(BaseEstimator):
    """What both share. After `fit`: `adapted_`, an `Adapted`.

    Parameters
    ----------
    subject : Representation, Method or None. A representation that was learned before is read as it is (from a larger, unlabelled pile,
        say); a method is learned from X first, without y; None is PCA().
    readers : names among linear, prototypes, neighbours, fine-tuning; None compares all that apply. By cross-validation within X.
    steps : int or None. How long a method learns; None follows its recipe.
    device : str
    random_state : int, RandomState instance or None. The seed; None takes a new one from numpy's global generator.
    """

    def __init__(
        self, subject: Any = None, *, readers: Any = ("linear", "prototypes", "neighbours"), steps: Any = None, device: Any = "cpu",
        random_state: Any = 0,
    ):  # fmt: skip
        self.subject = subject
        self.readers = readers
        self.steps = steps
        self.device = device
        self.random_state = random_state

    def _fitted(self, X: np.ndarray, task: Task, values: np.ndarray) -> None:
        said = isinstance(self.random_state, (int, np.integer))
        seed = int(self.random_state if said else check_random_state(self.random_state).randint(2**31 - 1))
        learned = isinstance(self.subject, Representation)
        source = as_stored(X, self.subject.intake) if learned else source_of(X)
        rep = self.subject if learned else self._learned(source, seed)
        target = Target(task, values)
        how = crossed(np.arange(len(X)), target, source, seed=seed)
        self.adapted_ = choosing.adapt(rep, source, target, self.readers, seed, how)

    def _learned(self, source: Source, seed: int) -> Representation:
        method: Method[Any] = methods.find("PCA")() if self.subject is None else self.subject
        settings = Settings(seed, self.steps, device=self.device)
        return Representation.of(fit(method, source, settings, index=np.arange(len(source))))

    def _told(self, X: Any) -> tuple[Adapted, np.ndarray]:
        check_is_fitted(self)
        return self.adapted_, validate_data(self, X, reset=False, allow_nd=True, dtype="numeric")


class AdaptedClassifier(ClassifierMixin, _Adapting):
    """Tells classes, with calibrated probabilities. X: (n, d) numbers, or images (n, c, h, w) as stored; y: (n,) classes.

    After `fit`: `classes_` and `adapted_`.
    """

    def fit(self, X: Any, y: Any) -> "AdaptedClassifier":
        """Learns a representation of X (unless one was given), and to read y off its codes."""
        X, y = validate_data(self, X, y, allow_nd=True, ensure_min_samples=2, dtype="numeric")
        check_classification_targets(y)
        self.classes_, values = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"expected at least 2 classes, got only 1 class: {self.classes_[0]!r}")
        self._fitted(X, Task("y", "class", tuple(map(str, range(len(self.classes_))))), values.astype(np.int64))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of every row."""
        best = self.predict_proba(X).argmax(1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Calibrated probabilities (n, k), in the order of `classes_`."""
        adapted, X = self._told(X)
        return adapted.predict_proba(X)


class AdaptedRegressor(RegressorMixin, _Adapting):
    """Tells a number, with an interval. X: (n, d) numbers, or images (n, c, h, w) as stored; y: (n,) numbers. After `fit`: `adapted_`."""

    def fit(self, X: Any, y: Any) -> "AdaptedRegressor":
        """Learns a representation of X (unless one was given), and to read y off its codes."""
        X, y = validate_data(self, X, y, allow_nd=True, ensure_min_samples=2, dtype="numeric", y_numeric=True)
        self._fitted(X, Task("y", "continuous"), np.asarray(y, dtype=np.float64))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number of every row, float64."""
        adapted, X = self._told(X)
        return adapted.predict(X)

    def predict_interval(self, X: Any) -> np.ndarray:
        """(n, 2): an interval that holds the number with a probability of 90 %."""
        adapted, X = self._told(X)
        return adapted.predict_interval(X)
