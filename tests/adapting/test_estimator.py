"""scikit-learn's own contract, and what its users do."""

import joblib
import numpy as np
import pytest
from helpers.promises import scikit_learn_is_content
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score

from allegory.adapting import tuning
from allegory.adapting.estimator import AdaptedClassifier, AdaptedRegressor
from allegory.core import Array
from allegory.data import Source
from allegory.methods.latent.autoencoder import Autoencoder
from allegory.methods.spectral.pca import PCA
from allegory.representation import Representation
from allegory.train import fit

X, Y = load_digits(return_X_y=True)
X, Y = X[:300], Y[:300]


@pytest.mark.parametrize("kind", [AdaptedClassifier, AdaptedRegressor])
def test_scikit_learns_own_checks(kind):
    scikit_learn_is_content(kind(), 45)


def test_probabilities_are_calibrated_and_agree_with_the_classes():
    """Names of classes come back; rows add to 1; the log loss is that of a reader that knows what it does not know."""
    names = np.array(list("abcdefghij"))[Y]
    model = AdaptedClassifier(PCA(latent=20)).fit(X[:200], names[:200])
    p = model.predict_proba(X[200:])
    assert p.shape == (100, 10) and list(model.classes_) == list("abcdefghij")
    np.testing.assert_allclose(p.sum(1), 1)
    assert (model.predict(X[200:]) == model.classes_[p.argmax(1)]).all()
    assert model.score(X[200:], names[200:]) > 0.85
    assert log_loss(names[200:], p) < 0.6  # one that is certain of everything has 0.1 x 36 nats at an accuracy of 0.9


def test_a_representation_of_a_larger_pile_is_read_as_it_is():
    pile = load_digits().data
    source = Source("pile", Array((64,)), pile)
    rep = Representation.of(fit(PCA(latent=20), source, device="cpu", index=np.arange(len(pile))))
    model = AdaptedClassifier(rep).fit(X[:100], Y[:100])
    assert model.adapted_.rep is rep
    assert model.score(X[100:], Y[100:]) > 0.75


def test_the_network_is_tuned_when_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(tuning, "RATES", (1e-3,))
    model = AdaptedClassifier(Autoencoder(latent=4), readers=["fine-tuning"], steps=5).fit(X[:60], Y[:60])
    assert [c["name"] for c in model.adapted_.facts["candidates"]] == ["fine-tuning", "raw input"]
    assert model.score(X[60:], Y[60:]) > 0.4, "an autoencoder of five steps alone reads nothing"


def test_numbers_come_with_intervals_that_hold():
    x, y = load_diabetes(return_X_y=True)
    model = AdaptedRegressor().fit(x[:300], y[:300])
    assert model.score(x[300:], y[300:]) > 0.4
    low, high = model.predict_interval(x[300:]).T
    told = model.predict(x[300:])
    assert (low < told).all() and (told < high).all()
    assert 0.8 < np.mean((low <= y[300:]) & (y[300:] <= high)) <= 0.97  # 90 %, and 142 items tell that to within 5 %


def test_cross_validation_clones_and_joblib(tmp_path):
    assert cross_val_score(AdaptedClassifier(PCA(latent=15)), X, Y, cv=2).mean() > 0.85
    model = AdaptedClassifier(random_state=3).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib").predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params() == model.get_params()


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only 1 class"):
        AdaptedClassifier().fit(X[:20], np.zeros(20))
    with pytest.raises(ValueError, match="alike"):
        AdaptedRegressor().fit(X[:20], np.ones(20))
