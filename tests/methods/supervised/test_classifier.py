"""The cross-entropy of labels by hand, and another method's network as the classifier's."""

import math

import numpy as np
import pytest
import torch
from helpers.moments import batch, linear, moment
from torch import nn

from allegory.core import Array, Misuse, Problem
from allegory.data import Labels, Source
from allegory.methods.contrastive.simclr import SimCLR
from allegory.methods.latent.vae import VAE
from allegory.methods.spectral.pca import PCA
from allegory.methods.supervised.classifier import Classifier
from allegory.train import fit

IMAGES = Array((1, 8, 8), levels=17)


def source(labels=None):
    x = np.random.default_rng(0).integers(0, 17, (24, 1, 8, 8)).astype(np.uint8)
    return Source("noise", IMAGES, x, labels=labels)


def net_of(method):
    net = method.build(Array((2,)), 4)
    net.inner, net.top = nn.Identity(), linear([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    return net


def test_the_loss_by_hand():
    """Logits (log 2, 0, 0): probabilities 2/4, 1/4, 1/4; labels 0 and 1."""
    method = Classifier(classes=3)
    net = net_of(method)
    (player,) = method.players(net)
    x = torch.tensor([[math.log(2.0), 0.0]] * 2).double()
    loss = player.loss(batch(x, y=torch.tensor([0, 1])), moment(2))
    assert loss.total.item() == pytest.approx(-(math.log(1 / 2) + math.log(1 / 4)) / 2, abs=1e-9)
    assert loss.terms["accuracy"].item() == 0.5
    assert method.predict(net, x)[0].tolist() == pytest.approx([0.5, 0.25, 0.25], abs=1e-9)


def test_the_classes_are_counted():
    labels = Labels(np.arange(24) % 5, tuple("abcde"))
    method = Classifier().resolved(IMAGES, source(labels))
    assert method.classes == 5
    assert method.build(IMAGES, 4).top.out_features == 5


@pytest.mark.parametrize("of", [SimCLR(projection=8), VAE(latent=4)])
def test_it_trains_the_network_of_another_method(of):
    method = Classifier(of=of, classes=2)
    net = method.build(IMAGES, 4)
    assert type(net.inner) is type(of.build(IMAGES, 4))
    x = torch.zeros(2, 1, 8, 8)
    net.eval()
    assert torch.equal(method.encode(net, x), of.encode(net.inner, x))
    assert net.top.in_features == of.encode(net.inner, x).shape[1]


def test_a_solved_method_has_no_network_to_train():
    with pytest.raises(Misuse, match="Leave `of` out"):
        Classifier(of=PCA()).resolved(IMAGES, source(Labels(np.arange(24) % 2, ("a", "b"))))


def test_it_learns_from_labelled_items_only():
    some = Labels(np.where(np.arange(24) < 10, np.arange(24) % 2, -1), ("a", "b"))
    fitted = fit(Classifier(), source(some), steps=1, batch=4, device="cpu", index=np.arange(24))
    assert fitted.facts["items"] == 10
    with pytest.raises(Problem, match="has none"):
        fit(Classifier(), source(), steps=1, batch=4, device="cpu")
