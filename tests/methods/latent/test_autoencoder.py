"""The reconstruction error of a linear autoencoder by hand."""

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

import allegory as al
from allegory.core import Array, Optim
from allegory.methods.latent.autoencoder import Autoencoder
from allegory.methods.spectral.pca import PCA
from allegory.train import Settings


def net_of(method):
    """f takes the first number, g writes it into both."""
    net = method.build(Array((2,)), 4)
    net.body, net.to_code, net.decoder = nn.Identity(), linear([[1.0, 0.0]]), linear([[1.0], [1.0]])
    return net


def test_the_error_by_hand():
    """(1, 3) comes back as (1, 1): half of 4; (2, 2) as itself: 0. Mean over the two examples: 1."""
    method = Autoencoder(latent=1)
    (player,) = method.players(net_of(method))
    loss = player.loss(batch(torch.tensor([[1.0, 3.0], [2.0, 2.0]]).double()), moment(2))
    assert loss.total.item() == pytest.approx(1.0, abs=1e-12)  # 2 without the half, .5 as a mean over dimensions, 2 as a sum over examples
    assert loss.terms["error"] is loss.total


def test_the_gradient_by_hand():
    """d/dw of (3 - w)^2 / 2 at w = 1 for the second row of g, halved by the mean over two examples: -(3 - 1) / 2 = -1."""
    method = Autoencoder(latent=1)
    net = net_of(method)
    (player,) = method.players(net)
    total = player.loss(batch(torch.tensor([[1.0, 3.0], [2.0, 2.0]]).double()), moment(2)).total
    (g,) = torch.autograd.grad(total, net.decoder.weight)
    assert g[:, 0].tolist() == pytest.approx([0.0, -1.0], abs=1e-12)


def test_it_reads_the_view_and_says_the_observation():
    """With views it is a denoising one: the target stays clean."""
    method = Autoencoder(latent=1)
    (player,) = method.players(net_of(method))
    clean, noisy = torch.tensor([[1.0, 1.0]]).double(), torch.tensor([[3.0, 1.0]]).double()
    assert player.loss(batch(clean, noisy), moment(1)).total.item() == pytest.approx(4.0, abs=1e-12)  # (3, 3) against (1, 1)


def test_code_and_observation():
    method = Autoencoder(latent=1)
    net = net_of(method)
    z = method.encode(net, torch.tensor([[5.0, 7.0]]).double())
    assert z.tolist() == [[5.0]]
    assert method.decode(net, z).tolist() == [[5.0, 5.0]]


def principal_angles(a, b):
    """Degrees between the spaces that the columns of `a` and `b` span, the largest last."""
    one, two = (np.linalg.qr(m)[0] for m in (a, b))
    return np.degrees(np.arccos(np.clip(np.linalg.svd(one.T @ two, compute_uv=False), -1, 1)))


def test_the_linear_one_finds_the_principal_subspace():
    """Its decoder spans what PCA's components span, to a degree (Baldi and Hornik 1989); the rows themselves are turned within it."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(500, 8)) * [3, 2.5, 2, 0.8, 0.7, 0.6, 0.5, 0.4]) @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    method = Autoencoder(latent=3, encoder="linear", decoder="linear")
    settings = Settings(steps=1500, batch=500, optim=Optim(lr=1e-2, weight_decay=0.0), seed=0)
    rep, pca = al.learn(x, method, settings=settings, all_items=True), al.learn(x, PCA(latent=3), all_items=True)
    angles = principal_angles(rep.net.decoder.layer.weight.detach().numpy(), pca.net.W.T.numpy())
    assert angles.max() < 1.0
    untrained = al.learn(x, method, steps=1, all_items=True)
    assert principal_angles(untrained.net.decoder.layer.weight.detach().numpy(), pca.net.W.T.numpy()).max() > 20
