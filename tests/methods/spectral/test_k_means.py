"""k-means as an autoencoder: the two steps by hand, the error of a one-hot code, scikit-learn's minimum, and awkward data."""

import numpy as np
import pytest
import torch
from helpers.observations import Observations
from sklearn.cluster import KMeans as Peer

from allegory.core import Dice
from allegory.measures import clustering
from allegory.methods.spectral.k_means import KMeans


def fitted(x, seed=0, **fields):
    method, x = KMeans(**fields), torch.as_tensor(x)
    items = Observations(x)
    net = method.build(items.spec, len(x)).to(x.dtype)
    method.prepare(net, items, Dice.roll(seed, 0, torch.arange(0)))
    return method, net


def error(method, net, x):
    return float((x - method.decode(net, method.encode(net, x))).square().flatten(1).sum(1).mean())


def test_two_clusters_by_hand():
    """Codewords 0.5 and 10: errors .25, .25 and 1, 0, 1, in the mean .5; were the sign of the distance turned it would be over 90."""
    x = torch.tensor([[0.0], [1.0], [9.0], [10.0], [11.0]], dtype=torch.float64)
    method, net = fitted(x, k=2)
    assert sorted(net.M.flatten().tolist()) == pytest.approx([0.5, 10.0])
    z = method.encode(net, x)
    assert z.sum(1).tolist() == [1.0] * 5 and sorted(z.sum(0).tolist()) == [2.0, 3.0]
    assert error(method, net, x) == pytest.approx(0.5)
    codes = method.codes(net, torch.tensor([[2.0]], dtype=torch.float64))
    assert sorted(codes["distances"].values[0].tolist()) == pytest.approx([2.25, 64.0])
    assert codes["cluster"].values.tolist() == [int(codes["distances"].values.argmin())]


def test_neither_step_raises_the_error_and_both_leave_it_where_it_ended():
    """The encoder is the best for its decoder, and the decoder for its encoder: no codeword or code could be changed to a lower error."""
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(300, 4)))
    method, net = fitted(x, k=7)
    least, z = error(method, net, x), method.encode(net, x)
    assert torch.allclose((x[:, None] - net.M).square().sum(2), net.distances(x))
    assert torch.equal(z.argmax(1), (x[:, None] - net.M).square().sum(2).argmin(1))
    means = (z.T @ x) / z.sum(0)[:, None]
    assert float((x - z @ means).square().sum(1).mean()) == pytest.approx(least, rel=2e-4)  # Lloyd's steps stop at 1e-4 of the sum


def test_it_is_as_low_as_scikit_learns():
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(size=(80, 5)) + 6 * rng.normal(size=5) for _ in range(6)])
    method, net = fitted(x, k=6)
    peer = Peer(6, n_init=10, random_state=0).fit(x)
    assert error(method, net, torch.as_tensor(x)) == pytest.approx(peer.inertia_ / len(x), rel=1e-3)


def test_all_items_move_the_codewords_not_only_the_sample_that_it_began_with():
    x = np.random.default_rng(2).normal(size=(3000, 2))
    method, net = fitted(x, k=2)
    z = method.encode(net, torch.as_tensor(x))
    assert torch.allclose((z.T @ torch.as_tensor(x)) / z.sum(0)[:, None], net.M, atol=0.03)
    sample = clustering.kmeans(torch.as_tensor(x), 2, np.random.default_rng(Dice.roll(0, 0, torch.arange(0)).root), 10)
    far = float((clustering.settled(torch.as_tensor(x), sample) - sample).norm())
    assert far > 0 and torch.equal(net.M, clustering.settled(torch.as_tensor(x), sample))


@pytest.mark.parametrize("x", [np.ones((6, 3)), np.repeat([[0.0], [1.0]], 3, 0)], ids=["constant", "duplicates"])
def test_fewer_places_than_codewords(x):
    method, net = fitted(x, k=5)
    assert error(method, net, torch.as_tensor(x)) == pytest.approx(0.0, abs=1e-12)
    assert bool(net.M.isfinite().all())


def test_no_more_codewords_than_items_and_another_seed_begins_elsewhere():
    x = np.random.default_rng(3).normal(size=(4, 2))
    assert fitted(x, k=9)[1].M.shape == (4, 2)
    many = np.random.default_rng(3).normal(size=(200, 2))
    a, b, c = (fitted(many, seed, k=12, starts=1)[1].M for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)


def test_pictures_come_back_in_their_shape():
    x = np.random.default_rng(4).normal(size=(20, 1, 3, 3))
    method, net = fitted(x, k=3)
    assert method.decode(net, method.encode(net, torch.as_tensor(x))).shape == (20, 1, 3, 3)
