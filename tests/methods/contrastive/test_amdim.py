"""AMDIM on features that are known, and how its heads meet the encoder's maps."""

import math

import pytest
import torch
from helpers.moments import batch, moment

from allegory import nets
from allegory.core import Array, Misuse
from allegory.methods.contrastive.amdim import AMDIM, seen

LARGE = 1e9  # a bound that is not felt


def features(coarse=(0.0, 0.0)):
    """Two images, two views of each, one number a feature: wholes, and one place in each map."""
    whole = torch.tensor([[1.0, 3.0], [2.0, -1.0]], dtype=torch.float64)[:, :, None]  # (b, views, r)
    fine = torch.tensor([[2.0, 1.0], [0.0, -2.0]], dtype=torch.float64)[:, :, None, None]  # (b, views, places, r)
    parts = torch.tensor(coarse, dtype=torch.float64)[:, None, None, None].expand(2, 2, 1, 1)
    return {"whole": whole, "coarse": parts, "fine": fine}


def test_the_loss_by_hand():
    """Wholes of the first view 1 and 2, of the second 3 and -1; fine parts of the first view 2 and 0, of the second 1 and -2.

    First to second: 1 tells 1 from -2, 2 tells -2 from 1. Second to first: 3 tells 2 from 0, -1 tells 0 from 2.
    The coarse parts are all 0: each of their contrasts is log 2.
    """
    method = AMDIM(penalty=0.5, clip=LARGE)
    f = features()
    soft = lambda right, other: math.log(1 + math.exp(other - right))
    fine = (soft(1, -2) + soft(-4, 2) + soft(6, 0) + soft(0, -2)) / 4
    loss = method._loss(f, batch(torch.zeros(2, 1)), moment(2))
    assert loss.terms["whole_to_fine"].item() == pytest.approx(fine, abs=1e-9)
    assert loss.terms["whole_to_coarse"].item() == loss.terms["coarse_to_coarse"].item() == pytest.approx(math.log(2), abs=1e-12)
    squares = ((1 + 4) / 2 + (4 + 16) / 2 + (36 + 0) / 2 + (4 + 0) / 2) / 4
    assert loss.terms["squared_scores"].item() == pytest.approx(squares, abs=1e-12)
    assert loss.total.item() == pytest.approx(fine + 2 * math.log(2) + 0.5 * squares, abs=1e-9)
    own_view = (soft(2, 0) + soft(0, 4) + soft(3, -6) + soft(2, -1)) / 4
    assert abs(loss.terms["whole_to_fine"].item() - own_view) > 0.1


def test_one_place_of_the_coarse_map_speaks_for_it():
    """With two places, of which one is 0 and tells nothing, the contrast is one of two numbers, as the dice fall."""
    f = features()
    f["coarse"] = torch.tensor([[[0.0, 3.0]] * 2, [[0.0, -3.0]] * 2], dtype=torch.float64)[..., None]
    method, tells = AMDIM(clip=LARGE), []
    for seed in range(20):
        now = moment(2, seed=seed)
        drawn = now.dice.integers("place", 2)
        loss = method._loss(f, batch(torch.zeros(2, 1)), now).terms["coarse_to_coarse"].item()
        expected = []
        for i, sign in ((0, 1), (1, -1)):
            s = 3.0 * sign * drawn[i].item()  # the place that was drawn, as it speaks of the places 0 and 3 * sign, and of the others'
            own, others = (0.0, 3.0 * sign * s), (0.0, -3.0 * sign * s)
            expected += [sum(math.log(1 + sum(math.exp(o - r) for o in others)) for r in own) / 2]
        assert loss == pytest.approx(sum(expected) / 2, abs=1e-9)
        tells.append(tuple(drawn.tolist()))
    assert len(set(tells)) == 4


@pytest.mark.parametrize(("shape", "places"), [((1, 8, 8), (16, 4)), ((3, 32, 32), (64, 16)), ((5, 28, 28), (49, 16))])
def test_the_two_coarsest_maps_are_the_parts(shape, places):
    net = AMDIM(rkhs=8).build(Array(shape), 4)
    x = torch.randn(3, *shape)
    f = seen(net, batch(x, (x, x)), moment(3))
    assert f["whole"].shape == (3, 2, 8)
    assert f["fine"].shape == (3, 2, places[0], 8)
    assert f["coarse"].shape == (3, 2, places[1], 8)


def test_the_code_is_below_the_heads():
    torch.manual_seed(0)
    method = AMDIM()
    net = method.build(Array((1, 8, 8)), 4).eval()
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(method.encode(net, x), net.body.maps(x)[-1].mean((2, 3)))


def test_heads_have_the_kind_of_norm_of_the_encoder():
    assert nets.has_batch_statistics(AMDIM().build(Array((1, 8, 8)), 4))
    assert not nets.has_batch_statistics(AMDIM(encoder="convnet-group").build(Array((1, 8, 8)), 4))


def test_an_encoder_without_maps_is_refused():
    with pytest.raises(Misuse, match="gives no maps"):
        AMDIM(encoder="mlp").build(Array((1, 8, 8)), 4)
