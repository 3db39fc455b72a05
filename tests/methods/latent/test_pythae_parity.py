"""What pythae gave for the same numbers (benchmarks/parity/pythae.json)."""

import json
from pathlib import Path

import pytest
import torch

from allegory.nets import Codebook
from allegory.objectives import Bernoulli, Gaussian, gaussian_kl, importance_bound, log_weights, reparameterise, total_correlation

GOLDEN = json.loads((Path(__file__).parents[3] / "benchmarks" / "parity" / "pythae.json").read_text())
GAVE, SETTINGS = GOLDEN["outputs"], GOLDEN["settings"]
X = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["inputs"].items()}
ONE = torch.ones((), dtype=torch.float64)


def seen(p):
    """Probabilities as our methods see pixels, in [-1, 1]."""
    return 2.0 * p - 1.0


def test_error_and_rate_of_a_vae():
    rate = gaussian_kl(X["mu"], X["log_var"]).sum(1).mean()
    error = -Bernoulli().log_prob(seen(X["x"]), X["p"].logit(), ONE).mean()
    assert float(rate) == pytest.approx(GAVE["vae"]["rate"], rel=1e-9)
    assert float(error) == pytest.approx(GAVE["vae"]["bce error"], rel=1e-9)
    assert float(error + rate) == pytest.approx(GAVE["vae"]["bce loss"], rel=1e-9)


def test_the_squared_error_is_a_gaussian_of_variance_one_but_for_its_constant():
    p = Gaussian(free=False)
    at_best = p.log_prob(X["x"], X["x"], ONE)
    error = (at_best - p.log_prob(X["x"], X["p"], ONE)).mean()
    assert float(error) == pytest.approx(GAVE["vae"]["mse error"], rel=1e-9)


def test_total_correlation_by_minibatch_weighting():
    z = reparameterise(X["mu"], X["log_var"], X["eps"])
    assert float(total_correlation(z, X["mu"], X["log_var"], n=SETTINGS["n"])) == pytest.approx(GAVE["tc"]["tc"], rel=1e-6)


def test_importance_weights_and_the_gradient_of_the_bound():
    """Its loss is the sum of log w by their shares, which has the gradient of minus the bound but lies below it."""
    k, mu = SETTINGS["k"], X["mu"].clone().requires_grad_()
    many, log_var, eps = mu.expand(k, -1, -1), X["log_var"].expand(k, -1, -1), X["eps_k"].transpose(0, 1)
    out, x = X["p_k"].transpose(0, 1).logit(), seen(X["x"]).expand(k, -1, -1)
    log_p = Bernoulli().log_prob(x.flatten(0, 1), out.flatten(0, 1), ONE).view(k, -1)
    log_w = log_weights(log_p, reparameterise(many, log_var, eps), many, log_var)
    theirs = -(torch.softmax(log_w, 0) * log_w).sum(0).mean()
    assert float(theirs.detach()) == pytest.approx(GAVE["iwae"]["loss"], rel=1e-9)
    bound = importance_bound(log_w).mean()
    assert float(bound.detach()) < -GAVE["iwae"]["loss"]
    (-bound).backward()
    torch.testing.assert_close(mu.grad, torch.tensor(GAVE["iwae"]["gradient"], dtype=torch.float64), rtol=1e-9, atol=1e-12)


def test_a_step_of_a_codebook_that_follows_its_vectors():
    """pythae adds 1e-5 to the counts, in float32."""
    book, gave, vectors = Codebook(1, *X["codes"].shape).double(), GAVE["vq"], X["vectors"].flatten(0, 2)[:, None]
    book.codes.copy_(X["codes"][None])
    book.counts.copy_(X["counts"][None])
    book.sums.copy_(X["codes"] * X["counts"][:, None])
    index = book.nearest(vectors)
    assert index[:, 0].tolist() == gave["index"] and len(set(gave["index"])) > 1
    assert float((book.of(index) - vectors).square().mean()) == pytest.approx(gave["commitment"], rel=1e-5)
    book.follow(vectors, index, SETTINGS["decay"])
    torch.testing.assert_close(book.codes[0], torch.tensor(gave["codes"], dtype=torch.float64), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(book.counts[0], torch.tensor(gave["counts"], dtype=torch.float64), rtol=1e-4, atol=1e-5)
