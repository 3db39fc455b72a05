"""The atlas: charts on surfaces that are known, transition maps by hand, PCA as the case of one chart, and awkward data."""

import math

import numpy as np
import pytest
import torch
from helpers.solved import solved as fitted
from sklearn.datasets import load_digits

from allegory.core import Problem
from allegory.data.manifolds import sampled
from allegory.methods.spectral import atlas
from allegory.methods.spectral.atlas import Atlas
from allegory.methods.spectral.pca import PCA


def share(x, back):
    return float(1 - (x - back).square().sum() / (x - x.mean(0)).square().sum())


@pytest.fixture(scope="module")
def roll():
    """1,400 items of the swiss roll to learn from, and 400 others."""
    items, method = sampled("swiss_roll", 1800), Atlas(latent=2)
    return items, method, fitted(method, items.x[:1400])


def test_the_swiss_roll_is_unrolled_and_comes_back(roll):
    """New items come back almost whole from two numbers, where PCA's two leave a quarter; and the numbers are its arc length and height."""
    items, method, net = roll
    x = items.x[1400:]
    z, pca = method.encode(net, x), PCA(latent=2)
    plain = fitted(pca, items.x[:1400])
    assert share(x, method.decode(net, z)) > 0.99 > 0.8 > share(x, pca.decode(plain, pca.encode(plain, x)))
    wide = torch.cat([z, torch.ones(400, 1)], 1)
    u = items.u[1400:]
    assert share(u[:, :1], wide @ torch.linalg.lstsq(wide, u[:, :1]).solution) > 0.97
    assert net.local_dimension.float().mean().item() == pytest.approx(2.0, abs=0.1)


def test_the_same_bits_at_any_number_of_threads():
    x, before, found = torch.as_tensor(load_digits().data[:600] / 16.0), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(fitted(Atlas(latent=2), x).A)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_few_charts_do_not_fold_the_roll():
    """With 24 charts and features of one width: 30 of 40 came out folded while faint weights tied its sheets together."""
    items, unfolded = sampled("swiss_roll", 1500), 0
    for seed in range(5):
        x = items.x[torch.as_tensor(np.random.default_rng(seed).permutation(1500))]
        x = (x - x.mean(0)) / x.std(0)
        method = Atlas(latent=2, charts=24)
        net = fitted(method, x[:1200], seed)
        unfolded += share(x[1200:], method.decode(net, method.encode(net, x[1200:]))) > 0.99
    assert unfolded >= 4


@pytest.mark.parametrize("name", ["doughnut", "T2"])
def test_closed_surfaces_have_charts_if_no_plane(name):
    """From the number of a chart and two coordinates on it a torus comes back; from two principal components it does not."""
    items, method = sampled(name, 1500), Atlas(latent=2)
    net, pca = fitted(method, items.x[:1100]), PCA(latent=2)
    x, plain = items.x[1100:], fitted(pca, items.x[:1100])
    codes = method.codes(net, x)
    missed = 1 - share(x, net.place(codes["chart"].values, codes["coordinates"].values))
    assert missed < 0.1 * (1 - share(x, pca.decode(plain, pca.encode(plain, x))))
    assert codes["dimension"].values.float().mean().item() == pytest.approx(2.0, abs=0.15)


def test_transition_maps_undo_each_other_where_charts_overlap(roll):
    """psi_ji(psi_ij(y)) = y up to the bend of the roll, and both say the same place; far apart, they do not."""
    items, _, net = roll
    y, off = net.coordinates(items.x)
    best = net.weights(y, off).topk(2, dim=1)
    both = torch.nonzero(best.values[:, 1] > 0.2).flatten()[:200]
    there, size = [], net.lam.sqrt().mean()
    for b in both:
        i, j = best.indices[b].tolist()
        own = y[b, i][None]
        carried = net.transition(i, j, own)
        there.append(((net.transition(j, i, carried) - own).norm() / size, (carried[0] - y[b, j]).norm() / size))
    back, agree = torch.tensor(there).mean(0)
    assert len(both) == 200 and back < 0.1 and agree < 0.1
    i, far = 0, int((net.m - net.m[0]).norm(dim=1).argmax())
    own = y[:50, i]
    assert (net.transition(far, i, net.transition(i, far, own)) - own).norm(dim=1).mean() > size


def test_a_transition_by_hand():
    """Charts of the plane at (0, 0) along x, and at (1, 2) along y: the point at 3 on the first is at -2 on the second."""
    net = atlas.Charts((2,), 2, 1, 1)
    net.m.copy_(torch.tensor([[0.0, 0.0], [1.0, 2.0]]))
    net.W.copy_(torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]]))
    assert net.transition(0, 1, torch.tensor([[3.0]])).item() == -2.0
    y, off = net.coordinates(torch.tensor([[3.0, 1.0]]))
    assert y.flatten().tolist() == [3.0, -1.0] and off.flatten().tolist() == [1.0, 4.0]
    # q = 9 + 1 and 1 + 4: the second has e^2.5 of the weight of the first
    assert net.weights(y, off)[0].tolist() == pytest.approx([1 / (1 + math.exp(2.5)), 1 / (1 + math.exp(-2.5))])
    assert net.place(torch.tensor([1]), torch.tensor([[-1.0]])).tolist() == [[1.0, 1.0]]


def test_one_chart_is_pca():
    """The code of one chart is PCA's but for a linear map; what comes back is the same."""
    x = torch.as_tensor(np.random.default_rng(0).normal(size=(60, 5)) * [3, 2, 1, 0.5, 0.1] + 4.0)
    method, pca = Atlas(latent=2, charts=1), PCA(latent=2)
    net, plain = fitted(method, x), fitted(pca, x)
    assert torch.allclose(method.decode(net, method.encode(net, x)), pca.decode(plain, pca.encode(plain, x)), atol=1e-6)


def test_charts_of_one_plane_agree():
    """On a plane no chart disagrees with another: the code is an affine map of the items, and everything comes back."""
    rng = np.random.default_rng(1)
    flat = torch.as_tensor(rng.uniform(-1, 1, (500, 2)))
    x = flat @ torch.linalg.qr(torch.as_tensor(rng.normal(size=(4, 4)))).Q[:2] + 2.0
    method = Atlas(latent=2, charts=6)
    net = fitted(method, x)
    z = method.encode(net, x)
    assert (method.decode(net, z) - x).abs().max() < 1e-3
    wide = torch.cat([flat, torch.ones(500, 1)], 1)
    assert share(z, wide @ torch.linalg.lstsq(wide, z).solution) > 1 - 1e-6
    lengths = torch.pdist(z) / torch.pdist(flat)
    assert lengths.max() < 1.2 * lengths.min() and lengths.median() == pytest.approx(1.0, abs=0.1)  # nearly an isometry


def test_twice_the_same(roll):
    items, _, net = roll
    again = fitted(Atlas(latent=2), items.x[:1400])
    assert torch.equal(net.A, again.A) and torch.equal(net.m, again.m)


def test_few_items_constant_features_copies_and_pictures():
    rng = np.random.default_rng(2)
    wide = torch.as_tensor(rng.normal(size=(9, 40)))
    method = Atlas(latent=20, charts=50)
    net = fitted(method, wide)
    assert net.W.shape == (1, 8, 40) and method.decode(net, method.encode(net, wide)).isfinite().all()
    line = torch.cat([torch.as_tensor(rng.normal(size=(40, 1))), torch.zeros(40, 2)], 1).repeat(2, 1)
    method = Atlas(latent=2, charts=3)
    net = fitted(method, line)
    assert share(line, method.decode(net, method.encode(net, line))) > 0.9
    images = torch.as_tensor(rng.normal(size=(30, 1, 3, 3)))
    net = fitted(method, images)
    assert method.decode(net, method.encode(net, images)).shape == (30, 1, 3, 3)
    with pytest.raises(Problem, match="all 20 items are the same"):
        fitted(method, torch.ones(20, 3))
    with pytest.raises(Problem, match="charts of at least 1"):
        fitted(Atlas(charts=0), line)


def test_items_alone_on_a_chart_do_not_take_the_code():
    """Of digits, some are alone on a chart and share it with none: to tell these from all others would be the least disagreement, with
    the middle half of the items in one point (a width of 1e-4 of their deviation, before such charts were given up)."""
    x = torch.as_tensor(load_digits().data[:200] / 16.0)
    method = Atlas(latent=2, charts=24)
    z = method.encode(fitted(method, x), x)
    width = z.quantile(0.75, 0) - z.quantile(0.25, 0)
    assert (width > z.std(0)).all()


def test_codes_of_pictures_lead_back_though_charts_were_given_up():
    x = torch.as_tensor(load_digits().data[:200] / 16.0)
    method, pca = Atlas(latent=2, charts=24), PCA(latent=1)
    net, plain = fitted(method, x).float(), fitted(pca, x)
    assert (net.pi == 0).any()
    assert share(x, method.decode(net, method.encode(net, x.float()))) > share(x, pca.decode(plain, pca.encode(plain, x)))


def test_axes_that_are_approached_come_to_those_that_are_solved(monkeypatch):
    """The swiss roll in 40 dimensions: many rounds from nowhere, and few from the step before, as good as a decomposition."""
    items = sampled("swiss_roll", 600, d=40)
    x = items.x - items.x.mean(0)
    share_of = torch.softmax(torch.randn(600, 3, dtype=x.dtype, generator=torch.Generator().manual_seed(0)), 0)
    m = share_of.T @ x
    values, axes, local = atlas._solved(x, share_of, m, 3)
    assert local.tolist() == [3, 3, 3]
    begin = torch.randn(3, 3, 40, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(atlas, "ROUNDS", 200)
    near, found = atlas._approached(x, share_of, m, begin)
    np.testing.assert_allclose(near, values, rtol=1e-9)
    np.testing.assert_allclose((axes @ found.mT).abs(), torch.eye(3).expand(3, 3, 3), atol=1e-6)
    monkeypatch.undo()
    method, missed = Atlas(latent=2), []
    for small in (32, 40):
        monkeypatch.setattr(atlas, "SMALL", small)
        net = fitted(method, items.x)
        missed.append(1 - share(items.x, method.decode(net, method.encode(net, items.x))))
    assert missed[0] == pytest.approx(missed[1], abs=0.005)
