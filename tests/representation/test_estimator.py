"""scikit-learn's own contract, and what its users do."""

import joblib
import numpy as np
import pandas as pd
import pytest
from helpers.promises import scikit_learn_is_content
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from allegory.core import Problem
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.spectral.dictionary_learning import DictionaryLearning
from allegory.methods.spectral.ica import ICA
from allegory.methods.spectral.pca import PCA
from allegory.methods.spectral.probabilistic_pca import ProbabilisticPCA
from allegory.methods.supervised.classifier import Classifier
from allegory.representation.estimator import as_estimator

X, Y = load_digits(return_X_y=True)
X, Y = X[:200], Y[:200]


OTHERS = (ProbabilisticPCA(latent=2), ICA(latent=2), DictionaryLearning(atoms=5, steps=5))


@pytest.mark.parametrize("method", [PCA(latent=2), None, *OTHERS], ids=["PCA", "BetaVAE", "ProbabilisticPCA", "ICA", "DictionaryLearning"])
def test_scikit_learns_own_checks(method):
    scikit_learn_is_content(as_estimator(method, steps=2, batch=8), 40)


def test_pipeline_grid_search_and_frames():
    model = make_pipeline(StandardScaler(), as_estimator(PCA(latent=20)), LogisticRegression())
    assert model.fit(X[:150], Y[:150]).score(X[150:], Y[150:]) > 0.8
    search = GridSearchCV(model, {"learned__method__latent": [1, 15]}, cv=2, error_score="raise").fit(X, Y)
    assert search.best_params_ == {"learned__method__latent": 15}
    estimator = as_estimator(PCA(latent=3)).set_output(transform="pandas")
    frame = estimator.fit_transform(pd.DataFrame(X).add_prefix("pixel"))
    assert list(frame.columns) == ["learned0", "learned1", "learned2"] == list(estimator.get_feature_names_out())
    assert estimator.n_features_in_ == 64 and len(estimator.feature_names_in_) == 64


def test_codes_are_the_representations_and_all_of_x_is_learned_from():
    estimator = as_estimator(PCA(latent=3)).fit(X)
    z = estimator.transform(X)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z.mean(0), 0, atol=1e-4)  # centred on all of X, not on a part of it
    np.testing.assert_array_equal(z, estimator.representation_.encode(X))


def test_seeds_clones_and_joblib(tmp_path):
    def codes(**settings):
        return as_estimator(BetaVAE(latent=2), steps=2, **settings).fit_transform(X)

    np.testing.assert_array_equal(codes(), codes(random_state=0))
    assert abs(codes(random_state=1) - codes()).max() > 1e-4
    np.testing.assert_array_equal(codes(random_state=np.random.RandomState(7)), codes(random_state=np.random.RandomState(7)))
    estimator = as_estimator(BetaVAE(latent=2), steps=2).fit(X)
    joblib.dump(estimator, tmp_path / "e.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "e.joblib").transform(X), estimator.transform(X))
    fresh = clone(estimator)
    assert fresh.get_params() == estimator.get_params()
    with pytest.raises(NotFittedError):
        fresh.transform(X)


def test_settings_of_the_method():
    estimator = as_estimator().set_params(method__beta=2.0, steps=7)
    assert estimator.method == BetaVAE(beta=2.0) and estimator.get_params()["method__beta"] == 2.0 and estimator.steps == 7
    with pytest.raises(Problem, match="no setting gamma"):
        estimator.set_params(method__gamma=1)


def test_labels_and_images():
    images = X.reshape(-1, 1, 8, 8).astype(np.uint8)
    names = np.array(list("abcdefghij"))[Y]
    estimator = as_estimator(Classifier(), steps=2).fit(images, names)
    assert estimator.representation_.predict(images).shape == (200, 10)
    assert estimator.transform(images).shape[0] == 200
    with pytest.raises(Problem, match="y is None"):
        as_estimator(Classifier(), steps=2).fit(images)
