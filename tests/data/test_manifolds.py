"""Generated manifolds: charts are inverses, tangents are derivatives, distances are lengths, points are uniform and the same again."""

import math

import numpy as np
import pytest
import torch

from allegory.core import Misuse
from allegory.data import open_source
from allegory.data.manifolds import Product, sampled
from allegory.data.shapes import shape

NAMES = ("swiss_roll", "s_curve", "S1", "S2", "S3", "S5", "T2", "T3", "doughnut", "klein", "moebius", "SO3")
IN_SPACE = {"swiss_roll": (2, 3), "s_curve": (2, 3), "S1": (1, 2), "S2": (2, 3), "S3": (3, 4), "S5": (5, 6), "T2": (2, 4), "T3": (3, 6),
            "doughnut": (2, 3), "klein": (2, 4), "moebius": (2, 3), "SO3": (3, 9)}  # fmt: skip
MEASURED = ("swiss_roll", "s_curve", "S1", "S2", "S5", "T3", "SO3")


def drawn(name, n=300):
    form = shape(name)
    return form, form.draw(n, np.random.default_rng(3))


@pytest.mark.parametrize("name", NAMES)
def test_the_chart_undoes_the_embedding(name):
    form, u = drawn(name)
    x = form.embed(u)
    assert (form.dimension, x.shape[1]) == IN_SPACE[name]
    # 1e-7: near a pole or the end of an arc cosine rounding grows
    assert torch.allclose(form.chart(x), u, atol=1e-7)
    low, high = torch.tensor(form.box, dtype=torch.float64).T
    assert (u >= low).all() and (u <= high).all()


@pytest.mark.parametrize("name", NAMES)
def test_tangents_are_what_finite_differences_say(name):
    form, u = drawn(name, 50)
    basis = form.tangents(u)
    assert torch.allclose(basis @ basis.mT, torch.eye(form.dimension, dtype=u.dtype).expand(50, -1, -1), atol=1e-10)
    for i in range(form.dimension):
        step = torch.zeros_like(u)
        step[:, i] = 1e-5
        along = (form.embed(u + step) - form.embed(u - step)) / 2e-5
        assert torch.allclose(form.jacobian(u)[:, :, i], along, atol=1e-6)
        within = (basis @ along[:, :, None]).square().sum((1, 2))
        assert torch.allclose(within, along.square().sum(1), atol=1e-6)


@pytest.mark.parametrize("name", MEASURED)
def test_distances_are_those_of_small_steps_and_obey_the_triangle(name):
    form, u = drawn(name)
    v, w = u.roll(1, 0), u.roll(2, 0)
    near = u + 1e-4 * torch.as_tensor(np.random.default_rng(0).normal(size=u.shape))
    assert torch.allclose(form.distance(u, near), (form.embed(u) - form.embed(near)).norm(dim=1), rtol=1e-4, atol=1e-9)
    straight = (form.embed(u) - form.embed(v)).norm(dim=1)
    assert (form.distance(u, v) >= straight - 1e-9).all() and (form.distance(u, v) > straight * 1.05).any()
    assert (form.distance(u, w) <= form.distance(u, v) + form.distance(v, w) + 1e-9).all()
    assert torch.allclose(form.distance(u, v), form.distance(v, u))


def test_distances_by_hand():
    row = lambda *v: torch.tensor([v], dtype=torch.float64)
    assert shape("S2").distance(row(0.3, 0.0), row(0.3 + 1.0, 0.0)).item() == pytest.approx(1.0)  # along a meridian
    assert shape("S2").distance(row(math.pi / 2, 3.0), row(math.pi / 2, -3.0)).item() == pytest.approx(2 * math.pi - 6)  # over the seam
    assert shape("T2").distance(row(3.0, 0.0), row(-3.0, 1.0)).item() == pytest.approx(math.hypot(2 * math.pi - 6, 1.0))
    assert shape("SO3").distance(row(0.0, 0.0, 0.0), row(0.5, 0.0, 0.2)).item() == pytest.approx(0.7 * math.sqrt(2.0))
    product = Product.of("S2xT2")
    far = product.distance(row(0.3, 0.0, 0.0, 0.0), row(0.7, 0.0, 0.3, 0.0))
    assert far.item() == pytest.approx(0.5)  # 3, 4, 5 in tenths
    assert Product.of("S2xdoughnut").distance(row(1.0, 1.0, 0.0, 0.0), row(1.0, 1.0, 0.0, 0.0)) is None


@pytest.mark.parametrize(("name", "mean"), [("S2", [0, 0, 0]), ("SO3", [0] * 9), ("doughnut", [0, 0, 0]), ("klein", [0, 0, 0, 0])])
def test_points_are_spread_evenly(name, mean):
    form, u = drawn(name, 20_000)
    x = form.embed(u)
    assert torch.allclose(x.mean(0), torch.tensor(mean, dtype=torch.float64), atol=5 * x.std().item() / math.sqrt(20_000))


def test_a_doughnut_has_more_room_outside():
    """E cos b = r / (2 R) when the density is proportional to R + r cos b: .25; even angles would give 0."""
    _, u = drawn("doughnut", 20_000)
    assert u[:, 1].cos().mean().item() == pytest.approx(0.25, abs=5 * 0.7 / math.sqrt(20_000))


def test_the_same_points_again_and_others_for_another_seed():
    one, again, other = sampled("S2xSO3", 50, 0.1, 15), sampled("S2xSO3", 50, 0.1, 15), sampled("S2xSO3", 50, 0.1, 15, seed=1)
    assert torch.equal(one.x, again.x) and torch.equal(one.u, again.u)
    assert not torch.allclose(one.x, other.x) and not torch.allclose(one.manifold.turn, other.manifold.turn)


def test_a_product_turned_into_more_dimensions_keeps_lengths_charts_and_subspaces():
    plain, turned = sampled("S2xS1xSO3", 40), sampled("S2xS1xSO3", 40, d=20)
    assert plain.x.shape == (40, 3 + 2 + 9) and turned.x.shape == (40, 20) and turned.manifold.dimension == 6
    assert torch.allclose(torch.cdist(plain.x, plain.x), torch.cdist(turned.x, turned.x), atol=1e-6)
    assert torch.allclose(turned.manifold.chart(turned.x), turned.u, atol=1e-7)
    bases = turned.manifold.tangents(turned.u)
    assert [b.shape[1] for b in bases] == [2, 1, 3]
    every = torch.cat(bases, 1)
    assert torch.allclose(every @ every.mT, torch.eye(6, dtype=every.dtype).expand(40, -1, -1), atol=1e-10)
    step = torch.zeros(6, dtype=torch.float64)
    step[2] = 1e-6  # the circle moves in its own subspace only
    along = (turned.manifold.embed(turned.u + step) - turned.x) / 1e-6
    within = [(b @ along[:, :, None]).norm(dim=(1, 2)).mean().item() for b in bases]
    assert within == pytest.approx([0.0, 1.0, 0.0], abs=1e-5)


def test_noise_has_its_standard_deviation_in_every_dimension():
    clean, noisy = sampled("S2", 20_000, d=5), sampled("S2", 20_000, 0.3, 5)
    assert torch.equal(clean.u, noisy.u)
    assert (noisy.x - clean.x).std(0).tolist() == pytest.approx([0.3] * 5, rel=0.03)


def test_as_a_source():
    source = open_source("manifold:name=S2xSO3,n=300,noise=0.05,d=14")
    assert source.spec.shape == (14,) and len(source) == 300
    assert [a.name for a in source.attributes] == ["1 polar", "1 azimuth", "2 alpha", "2 beta", "2 gamma"]
    assert source.factors.sizes == (4, 8) and source.factors.names == ("factor 1, S2", "factor 2, SO3")
    assert np.bincount(source.factors.values[:, 0], minlength=4).min() > 40  # each quarter of the sphere is as large
    north = source.attributes[0].values <= math.pi / 2
    assert (source.factors.values[:, 0] % 2 == 0).tolist() == north.tolist()
    assert source.fingerprint == open_source("manifold:name=S2xSO3,n=300,noise=0.05,d=14").fingerprint
    roll = open_source("manifold")
    assert roll.spec.shape == (3,) and roll.factors is None and len(roll) == 2000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "swis_roll"}, "swiss_roll"), ({"name": "S0"}, "dimension from 1"), ({"name": "S2x"}, "unknown manifold"),
        ({"n": 0}, "expected 1 to"), ({"n": "many"}, "expected 1 to"), ({"noise": "-1"}, "0 or more"), ({"noise": "much"}, "a number"),
        ({"d": 2}, "lies in R"), ({"seed": "x"}, "whole number"),
    ],
)  # fmt: skip
def test_what_is_no_manifold_is_refused_in_a_line(options, words):
    with pytest.raises(Misuse, match=words):
        open_source("manifold:" + ",".join(f"{key}={value}" for key, value in options.items()))
