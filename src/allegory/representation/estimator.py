"""A thin scikit-learn face: fit, transform, clone, set_output, pipelines and grid search, over `train.fit` and `Representation`.

Imported only when asked for, since it imports scikit-learn.
"""

import dataclasses
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from allegory import data, methods
from allegory.core import Array, Method, Problem
from allegory.data import Labels, Source
from allegory.representation.representation import Representation
from allegory.train import Settings, fit


class Learned(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Learns a representation in `fit`, encodes in `transform`: (n, d) numbers, or images (n, c, h, w) as stored, to (n, z) float32.

    All of X is learned from. The method's own settings are parameters too, as `method__latent`. After `fit`: `representation_`.

    The constructor only stores, as scikit-learn wants it; `fit` checks.

    Parameters
    ----------
    method : Method or None. None is BetaVAE().
    steps : int, epochs : float, budget : float in seconds. How long to learn, one of them; None follows the method's recipe.
    batch : int or None
    device : str
    random_state : int, RandomState instance or None. The seed; None takes a new one from numpy's global generator.
    """

    def __init__(
        self,
        method: Any = None,
        *,
        steps: Any = None,
        epochs: Any = None,
        budget: Any = None,
        batch: Any = None,
        device: Any = "cpu",
        random_state: Any = 0,
    ):
        self.method = method
        self.steps = steps
        self.epochs = epochs
        self.budget = budget
        self.batch = batch
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "Learned":
        """Learns from X. `y` is used only by methods that learn from labels."""
        method = self._method()
        X = validate_data(self, X, allow_nd=True, ensure_min_samples=2, dtype="numeric")
        said = isinstance(self.random_state, (int, np.integer))
        seed = int(self.random_state if said else check_random_state(self.random_state).randint(2**31 - 1))
        source = source_of(X, _labels(y, len(X)) if method.card.supervision == "labels" else None)
        settings = Settings(seed, self.steps, self.epochs, self.budget, self.batch, device=self.device)
        self.representation_ = Representation.of(fit(method, source, settings, index=np.arange(len(X))))
        self._n_features_out = self.representation_.encode(source.take(slice(0, 1))).shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The codes of X, (n, z) float32."""
        check_is_fitted(self)
        return self.representation_.encode(validate_data(self, X, reset=False, allow_nd=True, dtype="numeric"))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters, and with `deep` the method's settings as method__NAME."""
        own: dict[str, Any] = super().get_params(deep=False)
        if deep and dataclasses.is_dataclass(self.method):
            own |= {f"method__{f.name}": getattr(self.method, f.name) for f in dataclasses.fields(self.method)}
        return own

    def set_params(self, **params: Any) -> "Learned":
        """Sets what `get_params` gives; the method is a frozen value and is replaced."""
        inner = {k.removeprefix("method__"): params.pop(k) for k in list(params) if k.startswith("method__")}
        super().set_params(**params)
        if inner:
            method = self._method()
            unknown = set(inner) - {f.name for f in dataclasses.fields(method)}
            if unknown:
                raise Problem(f"{type(method).__name__} has no setting {', '.join(sorted(unknown))}")
            self.method = dataclasses.replace(method, **inner)
        return self

    def _method(self) -> Method[Any]:
        return methods.find("BetaVAE")() if self.method is None else self.method

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.target_tags.required = self._method().card.supervision == "labels"
        return tags


def as_estimator(method: Method[Any] | None = None, **settings: Any) -> Learned:
    """A scikit-learn transformer that learns `method`; `settings` are those of `Learned`.

    make_pipeline(StandardScaler(), as_estimator(BetaVAE(latent=10)), LogisticRegression())
    """
    return Learned(method, **settings)


def source_of(X: np.ndarray, labels: Labels | None = None) -> Source:
    """X as a source: (n, d) is a table of numbers, anything else what it looks like."""
    source = Source("X", Array(X.shape[1:]), X) if X.ndim == 2 else data.open_source(X)
    return dataclasses.replace(source, labels=labels)


def _labels(y: Any, n: int) -> Labels:
    if y is None:
        raise Problem("this method learns from labels: requires y to be passed, but the target y is None")
    names, values = np.unique(np.asarray(y), return_inverse=True)
    if len(values) != n:
        raise Problem(f"X has {n} items and y has {len(values)}")
    return Labels(values.astype(np.int64), tuple(map(str, names)))
