"""Dictionary learning: atoms by hand, the objective beside scikit-learn's, oriented edges from photographs, and the three encoders."""

import numpy as np
import pytest
import torch
from helpers.solved import solved
from sklearn.decomposition import MiniBatchDictionaryLearning

from allegory.core import Array, Misuse
from allegory.data import open_source
from allegory.measures.orientation import coherence
from allegory.methods.spectral.dictionary_learning import DictionaryLearning, Sums, normed
from allegory.methods.spectral.pca import PCA
from allegory.objectives import sparse


def fitted(x, seed=0, **fields):
    method = DictionaryLearning(**fields)
    return method, solved(method, x, seed)


def made_of(n=1500, d=12, k=16, seed=0):
    """Items that are sums of two of k atoms."""
    rng = np.random.default_rng(seed)
    D = rng.normal(size=(k, d))
    D /= np.linalg.norm(D, axis=1)[:, None]
    z = np.zeros((n, k))
    for row in z:
        row[rng.choice(k, 2, replace=False)] = rng.choice([-1, 1], 2) * rng.uniform(1, 2, 2)
    return z @ D, D


def test_a_pass_over_the_atoms_by_hand():
    """z = 2 for x = (6, 8): A = 4, B = (12, 16); the best atom is B / A = (3, 4), cut to length 1. Of x = (.6, .8) / 2 it is shorter."""
    for x, atom in (([6.0, 8.0], [0.6, 0.8]), ([0.6, 0.8], [0.3, 0.4])):
        sums, D = Sums(torch.zeros(1, 1), torch.zeros(1, 2)), torch.tensor([[1.0, 0.0]])
        sums.add(torch.tensor([[2.0]]), torch.tensor([x]), 0.0)
        sums.improve(D)
        assert D[0].tolist() == pytest.approx(atom)
    sums.add(torch.tensor([[1.0]]), torch.tensor([[1.0, 0.0]]), 0.5)
    assert sums.A.item() == pytest.approx(0.5 * 4 + 1) and sums.B[0].tolist() == pytest.approx([0.5 * 1.2 + 1, 0.5 * 1.6])


def test_atoms_that_data_are_made_of_are_found():
    x, D = made_of()
    _, net = fitted(x, atoms=16, penalty=0.1, steps=300)
    near = np.abs(normed(net.D, np.random.default_rng(0)).numpy() @ D.T)
    assert (near.max(0) > 0.97).sum() >= 14
    assert (np.abs(x[:16] / np.linalg.norm(x[:16], axis=1)[:, None] @ D.T).max(0) > 0.97).sum() <= 4  # the items themselves are not


def test_the_objective_is_as_low_as_scikit_learns():
    x, _ = made_of(n=600)
    _, net = fitted(x, atoms=20, penalty=0.1, steps=300)
    moved, price = torch.as_tensor(x) - net.m, float(net.price)
    assert price == pytest.approx(0.1 * float(moved.square().sum(1).mean().sqrt()))
    peer = MiniBatchDictionaryLearning(20, alpha=price, max_iter=60, batch_size=64, random_state=0).fit(moved.numpy())
    objective = lambda D: float(sparse.lasso(moved, D, sparse.fista(moved, D, price), price).mean())
    assert objective(net.D) < 1.03 * objective(torch.as_tensor(peer.components_))


def test_patches_of_photographs_are_made_of_edges():
    """Most atoms have one orientation; principal axes, patches as they are, and noise seldom do."""
    source = open_source("patches:size=12,stride=8")
    x = torch.as_tensor(source.take(slice(None))).float() / 127.5 - 1
    _, net = fitted(x, atoms=64, penalty=0.2, steps=150)
    axes = solved(PCA(latent=64), x)
    noise = torch.as_tensor(np.random.default_rng(0).normal(size=(64, 12, 12)))
    found = {"atoms": net.D, "axes": axes.W, "items": x[::7], "noise": noise}
    mean = {name: float(coherence(rows.view(-1, 12, 12)).mean()) for name, rows in found.items()}
    share = {name: float((coherence(rows.view(-1, 12, 12)) > 0.8).double().mean()) for name, rows in found.items()}
    assert mean["atoms"] > 0.15 + max(mean[k] for k in ("axes", "items", "noise")), mean
    assert share["atoms"] > 2 * max(share[k] for k in ("axes", "items", "noise")), share


def test_the_encoders_agree_where_they_should():
    x, _ = made_of(n=300)
    method, net = fitted(x, atoms=16, steps=100)
    x = torch.as_tensor(x[:40])
    z = method.encode(net, x)
    torch.testing.assert_close(DictionaryLearning(atoms=16, solver="lars").encode(net, x), z, rtol=0, atol=1e-4)
    few = DictionaryLearning(atoms=16, solver="omp", nonzero=2).encode(net, x)
    assert int((few != 0).sum(1).max()) == 2
    error = lambda z: float((x - method.decode(net, z)).square().sum(1).mean())
    assert error(few) < 0.1 * float(x.square().sum(1).mean())
    assert error(DictionaryLearning(solver="omp", nonzero=4).encode(net, x)) < error(few)


def test_the_level_of_an_image_is_a_number_of_its_own():
    """A pixel more everywhere adds sqrt(d) to it, and nothing to the rest; vectors have none."""
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(60, 1, 3, 3)))
    method, net = fitted(x, atoms=8, steps=10)
    z, brighter = method.encode(net, x), method.encode(net, x + 1.0)
    assert z.shape == (60, 9)
    torch.testing.assert_close(brighter[:, :8], z[:, :8], rtol=0, atol=1e-5)
    torch.testing.assert_close(brighter[:, 8] - z[:, 8], torch.full((60,), 3.0).double())
    torch.testing.assert_close(method.decode(net, brighter) - method.decode(net, z), torch.ones_like(x), rtol=0, atol=1e-5)
    assert float(net.D.sum(1).abs().max()) < 1e-9  # so the atoms say nothing of it
    assert method.encode(*fitted(x.flatten(1), atoms=8, steps=10)[1:], x.flatten(1)).shape == (60, 8)


def test_the_same_twice_another_seed_another_dictionary():
    x, _ = made_of(n=200)
    a, b, c = (fitted(x, seed, atoms=8, steps=10)[1].D for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("x", [np.ones((6, 3)), np.repeat([[0.0], [1.0]], 3, 0)], ids=["constant", "duplicates"])
def test_little_to_say(x):
    method, net = fitted(x, atoms=5, penalty=1e-3, steps=20)
    assert len(net.D) == 5 and bool(net.D.isfinite().all())
    back = method.decode(net, method.encode(net, torch.as_tensor(x)))
    torch.testing.assert_close(back, torch.as_tensor(x), rtol=0, atol=0.01)


def test_wrong_use():
    assert len(DictionaryLearning(atoms=50).build(Array((3,)), 7).D) == 7
    with pytest.raises(Misuse, match="needs atoms, steps of 1 or more"):
        DictionaryLearning(atoms=0, steps=0).build(Array((3,)), 7)
    with pytest.raises(Misuse, match="a penalty of 0 or more"):
        DictionaryLearning(penalty=-1.0).build(Array((3,)), 7)
    unknown = DictionaryLearning()
    object.__setattr__(unknown, "solver", "cd")  # past the type checker of the tests
    with pytest.raises(Misuse, match="solver: expected one of fista, lars, omp, got 'cd'"):
        unknown.build(Array((3,)), 7)
