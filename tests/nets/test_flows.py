"""Bijections go back where they came from and say by how much they stretch, for weights that are not those they begin with."""

import math

import pytest
import torch
from torch import nn

from allegory.core.fence import fenced
from allegory.nets import Affine, Chain, Couplings, Logit, Scale, Spline
from allegory.nets.bijections import Coupling, Flat, Mixing, Scales, Squeeze
from allegory.nets.flows import checkerboard, drawn_halves, half_of_channels, halves

SPREAD = 0.35  # standard deviation of the weights: slopes from about a third to three, as after learning


class Twist(nn.Module):
    """A conditioner: any smooth map of the right size."""

    def __init__(self, shape, numbers):
        super().__init__()
        self.shape, d = shape, math.prod(shape)
        self.layers = nn.Sequential(nn.Linear(d, 8), nn.Tanh(), nn.Linear(8, numbers * d))

    def forward(self, x):
        return self.layers(x.flatten(1)).view(len(x), -1, *self.shape[1:])


def coupling(kept, curve):
    return Coupling(kept, Twist(kept.shape, curve.numbers), curve)


VECTOR, IMAGE = (5,), (2, 4, 4)
CASES = {  # what makes a layer, and the shape of what it takes
    "scale": (lambda: Scale(VECTOR), VECTOR),
    "scale of channels": (lambda: Scale((2, 1, 1)), IMAGE),
    "logit": (lambda: Logit(17), VECTOR),
    "flat": (lambda: Flat(IMAGE), IMAGE),
    "squeeze": (Squeeze, IMAGE),
    "mixing": (lambda: Mixing(5), VECTOR),
    "mixing of channels": (lambda: Mixing(2), IMAGE),
    "affine": (lambda: coupling(halves(5, 0), Affine(VECTOR)), VECTOR),
    "affine checkerboard": (lambda: coupling(checkerboard(IMAGE, 1), Affine((2, 1, 1))), IMAGE),
    "affine channels": (lambda: coupling(half_of_channels(IMAGE, 0), Affine((2, 1, 1))), IMAGE),
    "spline": (lambda: coupling(halves(5, 1), Spline(4, 1.5)), VECTOR),
    "spline of all": (lambda: coupling(torch.zeros(5, dtype=torch.bool), Spline(8)), VECTOR),
    "spline channels": (lambda: coupling(half_of_channels(IMAGE, 1), Spline(4)), IMAGE),
    "chain": (lambda: Chain([Scale(VECTOR), coupling(halves(5, 0), Affine(VECTOR)), Mixing(5)]), VECTOR),
    "scales": (lambda: Scales([Chain([Squeeze(), Mixing(8)]), Scale((4, 1, 1))], ((4, 2, 2), (4, 2, 2))), IMAGE),
    "flow of vectors": (lambda: Couplings(Affine, 3, 8, 1, False).of(VECTOR), VECTOR),
    "mixed flow of vectors": (lambda: Couplings(lambda _: Spline(4), 3, 8, 1, True).of(VECTOR), VECTOR),
    "flow of one number": (lambda: Couplings(Affine, 2, 8, 1, False).of((1,)), (1,)),
    "flow of images": (lambda: Couplings(Affine, 1, 4, 1, False).of((1, 8, 8)), (1, 8, 8)),
    "mixed flow of images": (lambda: Couplings(lambda _: Spline(3), 1, 4, 1, True).of((1, 8, 8)), (1, 8, 8)),
    "flow of images with odd sides": (lambda: Couplings(Affine, 1, 4, 1, False).of((2, 3, 5)), (2, 3, 5)),
}  # fmt: skip
each_layer = pytest.mark.parametrize("name", CASES)


def made(name, n=6):
    """A layer of float64 with weights of no special kind, and observations between -1 and 1, some of them farther out."""
    make, shape = CASES[name]
    with fenced(3):
        layer = make().double()
        with torch.no_grad():
            for p in layer.parameters():
                p.copy_(SPREAD * torch.randn_like(p) if p.ndim != 4 else 0.5 * SPREAD * torch.randn_like(p))
        wide = 1.0 if isinstance(layer, Logit) else 1.8
        return layer, wide * (2.0 * torch.rand(n, *shape, dtype=torch.float64) - 1.0)


@each_layer
def test_the_inverse_goes_back(name):
    layer, x = made(name)
    with torch.no_grad():
        torch.testing.assert_close(layer.inverse(layer(x)[0]), x, rtol=0.0, atol=1e-10)
        layer, x = layer.float(), x.float()
        tolerance = 5e-5 if "flow" in name else 1e-5  # rounding adds up over the layers of whole flows, and steep slopes spread it
        torch.testing.assert_close(layer.inverse(layer(x)[0]), x, rtol=0.0, atol=tolerance)


@each_layer
def test_the_other_way_round(name):
    layer, x = made(name)
    with torch.no_grad():
        z = layer(x)[0] + 0.1
        torch.testing.assert_close(layer(layer.inverse(z))[0], z, rtol=0.0, atol=1e-10)


@each_layer
def test_the_determinant_is_that_of_the_jacobian(name):
    layer, x = made(name, 3)
    z, log_det = layer(x)
    assert log_det.shape == (3,)
    for i in range(3):
        jacobian = torch.autograd.functional.jacobian(lambda one: layer(one[None])[0].flatten(), x[i])
        sign, expected = torch.linalg.slogdet(jacobian.reshape(z[0].numel(), x[0].numel()))
        assert float(sign) != 0.0
        assert log_det[i].item() == pytest.approx(expected.item(), abs=1e-9)


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("flat", "squeeze")])
def test_the_weights_of_these_tests_do_something(name):
    """Else an inverse or a determinant that forgets a part would pass."""
    layer, x = made(name)
    z, log_det = layer(x)
    assert (log_det.abs() > 0.02).all()
    assert z.shape != x.shape or (z - x).abs().max() > 0.1


@each_layer
def test_an_item_is_put_where_it_is_put_alone(name):
    layer, x = made(name)
    torch.testing.assert_close(layer(x[:1])[0], layer(x)[0][:1], rtol=0.0, atol=1e-12)


def test_an_affine_coupling_by_hand():
    """Keeps x0 = .5, whose net says raw s = 2 x0 + .1 and t = -3 x0: y1 = x1 exp(.7 tanh 1.1) - 1.5."""

    class Net(nn.Module):
        def forward(self, x):
            return torch.stack([0.0 * x[:, 0], 2.0 * x[:, 0] + 0.1, 0.0 * x[:, 0], -3.0 * x[:, 0]], 1)

    curve = Affine((2,))
    nn.init.constant_(curve.gain, 0.7)
    layer = Coupling(torch.tensor([True, False]), Net(), curve).double()
    z, log_det = layer(torch.tensor([[0.5, -2.0]]).double())
    s = 0.7 * math.tanh(1.1)  # .5603
    assert z[0].tolist() == pytest.approx([0.5, -2.0 * math.exp(s) - 1.5])
    assert z[0, 1].item() == pytest.approx(-5.0025, abs=1e-3)
    assert log_det.item() == pytest.approx(s)


def test_a_rational_quadratic_piece_by_hand():
    """Two pieces between -3 and 3 that meet at (0, 0) with slope 3, and leave with slope 1; x = .75 is a quarter into the second one.

    s = 1, xi = .25, xi (1 - xi) = .1875. y = 3 (.0625 + 3 * .1875) / (1 + (1 + 3 - 2) .1875) = 1.875 / 1.375; slope = (1 * .0625 +
    2 * .1875 + 3 * .5625) / 1.375^2 = 2.125 / 1.890625.
    """
    least = 1e-3
    raw = torch.zeros(1, 5, 1, dtype=torch.float64)
    raw[0, 4] = math.log(math.expm1(3.0 - least)) - math.log(math.expm1(1.0 - least))
    y, log_slope = Spline(2)(torch.tensor([[0.75]]).double(), raw)
    assert y.item() == pytest.approx(1.875 / 1.375, abs=1e-9)
    assert log_slope.item() == pytest.approx(math.log(2.125 / 1.890625), abs=1e-9)
    below, log_below = Spline(2)(torch.tensor([[-0.75]]).double(), raw)  # the same pieces, seen from the other side
    assert below.item() == pytest.approx(-1.875 / 1.375, abs=1e-9)
    assert log_below.item() == pytest.approx(log_slope.item(), abs=1e-9)


def test_widths_and_heights_by_hand():
    """Shares of 1 to 3 of the width and 3 to 1 of the height: the knot lies at x = -1.5 + .003, y = 1.5 - .003, of least shares .001."""
    raw = torch.tensor([0.0, math.log(3.0), math.log(3.0), 0.0, 0.4], dtype=torch.float64).view(1, 5, 1)
    knot = 3.0 * (2.0 * (0.001 + 0.998 * 0.25) - 1.0)
    y, _ = Spline(2)(torch.tensor([[knot]], dtype=torch.float64), raw)
    assert y.item() == pytest.approx(-knot, abs=1e-9)


def test_a_spline_is_the_identity_outside_and_smooth_at_its_ends():
    spline, raw = Spline(4, 2.0), torch.randn(1, 11, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.tensor([-7.0, -2.0, 2.0, 9.0]).double()[:, None]
    y, log_slope = spline(x, raw.expand(4, 11, 1))
    assert torch.equal(y, x)
    assert torch.equal(log_slope, torch.zeros_like(x))
    near = torch.tensor([-2.0 + 1e-7, 2.0 - 1e-7]).double()[:, None]
    y, log_slope = spline(near, raw.expand(2, 11, 1))
    torch.testing.assert_close(y, near, rtol=0.0, atol=1e-6)
    torch.testing.assert_close(log_slope, torch.zeros_like(near), rtol=0.0, atol=1e-5)


def test_curves_begin_as_the_identity():
    x = torch.linspace(-2.5, 2.5, 7).double()[None]
    for curve in (Affine((7,)).double(), Spline(5)):
        y, log_slope = curve(x, torch.zeros(1, curve.numbers, 7).double())
        torch.testing.assert_close(y, x, rtol=0.0, atol=1e-12)
        torch.testing.assert_close(log_slope, torch.zeros_like(x), rtol=0.0, atol=1e-12)


def test_a_logit_by_hand():
    """Of 2 levels the cells reach from -2 to 2; x = 1 is three quarters of the way: p = .05 + .9 * .75 = .725, slope .225 / p (1 - p)."""
    z, log_det = Logit(2)(torch.tensor([[1.0]]).double())
    assert z.item() == pytest.approx(math.log(0.725 / 0.275))
    assert log_det.item() == pytest.approx(math.log(0.225 / (0.725 * 0.275)))


def test_a_scale_is_fitted():
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0]]).double()
    scale = Scale((2,)).double()
    scale.fit(x)
    z, log_det = scale(x)
    assert z.tolist() == [[-1.0, 0.0], [1.0, 0.0]]
    assert log_det.tolist() == pytest.approx([0.0, 0.0])  # standard deviations 1 and, for want of one, 1
    channels = Scale((2, 1, 1)).double()
    images = torch.stack([torch.full((4, 2, 2), 3.0), torch.arange(16).view(4, 2, 2).float()], 1).double()
    channels.fit(images)
    z, _ = channels(images)
    assert z[:, 1].std(correction=0).item() == pytest.approx(1.0)
    assert z[:, 0].abs().max().item() == pytest.approx(0.0)


def test_squeezed_halves_are_checkerboards():
    image = torch.arange(32.0).view(1, 2, 4, 4)
    squeezed = Squeeze()(image)[0]
    board = checkerboard((2, 4, 4), 0)
    assert sorted(squeezed[0, :4].flatten().tolist()) == image[0][board].tolist()
    assert sorted(squeezed[0, 4:].flatten().tolist()) == image[0][~board].tolist()
    assert squeezed[0, 0].tolist() == [[0.0, 2.0], [8.0, 10.0]]


def test_every_number_is_moved_within_two_couplings():
    with fenced(0):
        drawn = drawn_halves(5, 6)
    for a, b in zip(drawn[::2], drawn[1::2], strict=True):
        assert torch.equal(a, ~b)
    assert any(not torch.equal(drawn[0], other) for other in drawn[2::2])
    assert torch.equal(half_of_channels(IMAGE, 0), ~half_of_channels(IMAGE, 1))
    assert torch.equal(checkerboard(IMAGE, 0), ~checkerboard(IMAGE, 1))
