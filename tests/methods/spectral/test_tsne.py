"""t-SNE: scikit-learn's map of digits for quality, three items by hand, new items, threads, and awkward data."""

import numpy as np
import pytest
import torch
from helpers.observations import Observations
from helpers.solved import placed
from helpers.solved import solved as fitted
from sklearn.datasets import load_digits

from allegory.core import Misuse, Problem
from allegory.measures import neighbourhoods
from allegory.methods.spectral.tsne import TSNE
from allegory.methods.spectral.umap import UMAP

BOTH = pytest.mark.parametrize("method", [TSNE(steps=150), UMAP(epochs=50)], ids=["TSNE", "UMAP"])


def digits(n=500):
    return torch.as_tensor(load_digits().data[:n], dtype=torch.float32) / 16.0


def test_three_items_by_hand():
    """Equally far items, one neighbour each way: P is 1/6 for all pairs, so that in the best map all places are equally far."""
    x = torch.eye(3, dtype=torch.float64)
    y = placed(TSNE(steps=600, graph="uniform", perplexity=4.0, exaggeration=1.0), x)
    sides = (y[[0, 1, 2]] - y[[1, 2, 0]]).square().sum(1).sqrt()
    assert float(sides.mean()) > 1e-6 and (sides / sides.mean()).tolist() == pytest.approx([1.0] * 3, rel=1e-4)


def test_neighbours_of_digits_are_kept_better_than_on_the_main_axes():
    """openTSNE keeps .991 of trustworthiness and .986 of continuity of all digits; 500 of them are a little harder."""
    x = digits()
    for method in (TSNE(steps=450), TSNE(steps=450, graph="uniform")):
        y = placed(method, x)
        assert neighbourhoods.trustworthiness(x, y) > 0.975 and neighbourhoods.continuity(x, y) > 0.97


@BOTH
def test_a_new_item_lies_among_its_neighbours_and_moves_nobody(method):
    x = digits(700)
    net = fitted(method, x[:600])
    before = net.z.clone()
    z = method.encode(net, x[600:])
    assert torch.equal(net.z, before)
    places = method.encode(net, x[:600])
    near = torch.cdist(z, places).topk(5, largest=False).indices
    labels = torch.as_tensor(load_digits().target[:700])
    assert float((labels[near].mode(1).values == labels[600:]).double().mean()) > 0.85
    assert torch.equal(method.encode(net, x[650:651])[0], z[50]) and torch.equal(places, net.z[net.number.argsort()])


@BOTH
def test_the_same_bits_at_any_number_of_threads(method):
    x, before, found = digits(600), torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(placed(method, x))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@BOTH
def test_equal_items_have_one_place(method):
    x = torch.cat([digits(60), digits(20)])
    y = placed(method, x)
    assert torch.equal(y[60:], y[:20]) and len(torch.unique(y, dim=0)) == 60


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@BOTH
def test_few_items(method, n):
    x = digits(n)
    y = placed(method, x)
    assert y.isfinite().all() and len(torch.unique(y, dim=0)) == n


@BOTH
def test_awkward_data_have_finite_places(method):
    rng = np.random.default_rng(0)
    lines = np.linspace(0, 1, 40)[:, None]
    for x in (np.ones((30, 4)), lines, np.concatenate([lines, np.ones_like(lines)], 1), rng.normal(size=(8, 50)),
              np.concatenate([rng.normal(size=(30, 3)), 1e6 + rng.normal(size=(30, 3))])):  # fmt: skip
        y = placed(method, torch.as_tensor(x))
        assert y.isfinite().all() and y.shape == (len(x), 2)
    net = fitted(method, torch.as_tensor(lines))
    assert method.encode(net, torch.tensor([[1e9], [-1e9]], dtype=torch.float64)).isfinite().all()


@pytest.mark.parametrize("latent", [1, 3])
def test_other_sizes_of_the_code(latent):
    x = digits(200)
    for method in (TSNE(latent=latent, steps=150), UMAP(latent=latent, epochs=50)):
        net = fitted(method, x)
        z = method.encode(net, x)
        assert z.shape == (200, latent) and neighbourhoods.trustworthiness(x, z) > 0.85
        assert method.encode(net, x[:3] + 0.01).shape == (3, latent)


def test_wrong_settings_are_told():
    for method, told in ((TSNE(perplexity=0.5), "perplexity"), (TSNE(latent=0), "latent"), (UMAP(k=1), "k of at least 2"),
                         (UMAP(min_dist=2.0), "min_dist"), (UMAP(epochs=0), "epoch")):  # fmt: skip
        with pytest.raises(Misuse, match=told):
            method.build(Observations(digits(10)).spec, 10)


@pytest.mark.parametrize("method", [TSNE(backend="openTSNE"), UMAP(backend="umap-learn")], ids=["TSNE", "UMAP"])
def test_an_absent_peer_is_named_with_its_extra(method, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openTSNE", None)
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(Problem, match=r"allegory\[manifold\]"):
        fitted(method, digits(20))


@pytest.mark.parametrize(("method", "module"), [(TSNE(backend="openTSNE"), "openTSNE"), (UMAP(backend="umap-learn"), "umap")])
def test_a_peers_places_are_kept_and_new_items_join_them(method, module, monkeypatch):
    class Model:
        def __init__(self, **said):
            assert said["n_components"] == 2

        def fit(self, x):
            return x[:, [20, 28]] * 10.0

        fit_transform = fit

    stand_in = type(np)(module)
    stand_in.TSNE = stand_in.UMAP = Model
    monkeypatch.setitem(__import__("sys").modules, module, stand_in)
    x = digits(100)
    net = fitted(method, x)
    assert torch.equal(method.encode(net, x), x[:, [20, 28]] * 10.0)
    assert method.encode(net, x[:2] + 0.01).isfinite().all()
