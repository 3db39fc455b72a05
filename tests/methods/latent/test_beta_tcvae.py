"""The loss is the rate and the total correlation at its price."""

import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array
from allegory.methods.latent.beta_tcvae import BetaTCVAE
from allegory.methods.latent.vae import VAE
from allegory.objectives import reparameterise, total_correlation

X = torch.tensor([[0.3], [-1.2], [0.9], [2.0]], dtype=torch.float64)
N = 40


def loss_of(method):
    net = method.build(Array((1,)), N).double()
    net.body, net.posterior = nn.Identity(), linear([[1.0], [0.5], [0.2], [-0.3]], [0.1, 0.2, -0.5, 0.3])
    net.decoder = linear([[0.7, -0.4]])
    (player,) = method.players(net)
    return net, player.loss(batch(X), moment(len(X)))


@pytest.mark.parametrize("estimator", ["weighted", "stratified"])
def test_it_is_the_vae_and_beta_less_one_times_the_total_correlation(estimator):
    net, loss = loss_of(BetaTCVAE(latent=2, likelihood="gaussian", beta=6.0, estimator=estimator))
    _, plain = loss_of(VAE(latent=2, likelihood="gaussian"))
    mu, log_var = net.q(X)
    z = reparameterise(mu, log_var, moment(len(X)).dice.normal("eps", 2).double())
    tc = total_correlation(z, mu, log_var, N, stratified=estimator == "stratified")
    assert abs(tc.item()) > 0.1
    assert loss.total.item() == pytest.approx(plain.total.item() + 5 * tc.item(), abs=1e-9)


def test_with_beta_one_it_is_the_vae():
    assert loss_of(BetaTCVAE(latent=2, likelihood="gaussian", beta=1.0))[1].total.item() == pytest.approx(
        loss_of(VAE(latent=2, likelihood="gaussian"))[1].total.item(), abs=1e-12
    )
