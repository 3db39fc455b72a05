"""The product of Gaussians is Bayes' rule: what two independent looks at one content say of it."""

import torch

from allegory.methods.latent._paired import averaged, product


def test_the_surer_one_counts_more():
    first, second = (torch.tensor([[0.0]]), torch.tensor([[0.01]]).log()), (torch.tensor([[1.0]]), torch.tensor([[1.0]]).log())
    mu, log_var = product(first, second)
    torch.testing.assert_close(mu, torch.tensor([[0.01 / 1.01]]))
    torch.testing.assert_close(log_var.exp(), torch.tensor([[0.01 / 1.01]]))
    torch.testing.assert_close(averaged(first, second)[0], torch.tensor([[0.5]]))


def test_it_is_the_posterior_of_two_looks():
    """On a grid: N(c; m1, v1) N(c; m2, v2), normalised."""
    (m1, v1), (m2, v2) = (0.3, 0.5), (-0.8, 2.0)
    c = torch.linspace(-8, 8, 20_001, dtype=torch.float64)
    weight = torch.exp(-0.5 * (c - m1) ** 2 / v1 - 0.5 * (c - m2) ** 2 / v2)
    weight = weight / weight.sum()
    mean = (weight * c).sum()
    mu, log_var = product(*((torch.tensor([[m]]).double(), torch.tensor([[v]]).double().log()) for m, v in ((m1, v1), (m2, v2))))
    torch.testing.assert_close(mu[0, 0], mean)
    torch.testing.assert_close(log_var.exp()[0, 0], (weight * (c - mean) ** 2).sum(), rtol=1e-6, atol=1e-8)
