import math

import pytest
import torch

from allegory import measures
from allegory.measures import geometry


def test_alignment_by_hand():
    f = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    g = torch.tensor([[0.0, 1.0], [0.0, 1.0]])  # a quarter turn: |f - g|^2 = 2; the same point: 0
    assert measures.alignment(f, g).item() == pytest.approx(1.0)


def test_uniformity_by_hand():
    """Three points on the circle at 0, 90 and 180 degrees: squared distances 2, 2 and 4."""
    f = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    expected = math.log((2 * math.exp(-4) + math.exp(-8)) / 3)
    assert measures.uniformity(f).item() == pytest.approx(expected, rel=1e-6)


def test_uniformity_of_collapsed_codes_is_zero_and_random_codes_reach_the_limit():
    assert measures.uniformity(torch.ones(5, 3) / math.sqrt(3)).item() == pytest.approx(0.0, abs=1e-6)
    z = measures.on_sphere(torch.randn(2000, 64, generator=torch.Generator().manual_seed(0)))
    assert measures.uniformity(z).item() == pytest.approx(-4 + 4 * 2 / 64, abs=0.02)  # log E exp(-4 + 4 cos), cos ~ N(0, 1/64)


def test_on_sphere():
    z = torch.tensor([[3.0, 4.0], [0.0, 0.0]])
    assert torch.equal(measures.on_sphere(z), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))


def test_normalised_spread():
    z = torch.tensor([[2.0, 0.0], [0.0, 5.0]])  # on the sphere each coordinate is 1 and 0: standard deviation 1/2
    assert measures.normalised_spread(z).item() == pytest.approx(0.5)
    assert measures.normalised_spread(torch.tensor([[1.0, 1.0], [7.0, 7.0]])).item() == pytest.approx(0.0, abs=1e-7)
    z = torch.randn(4000, 100, generator=torch.Generator().manual_seed(0))
    assert measures.normalised_spread(z).item() == pytest.approx(0.1, rel=0.01)


TIMES = torch.linspace(0, 1, 33, dtype=torch.float64)


def point(*v):
    return torch.tensor(v, dtype=torch.float64)


def cylinder(z):
    """The cylinder of radius 1 by a chart that is bent: the angle u, and the height v + u^2."""
    u, v = z.unbind(1)
    return torch.stack([u.cos(), u.sin(), v + u.square()], 1)


def globe(z):
    """The sphere of radius 2 by latitude and longitude."""
    up, round_ = z.unbind(1)
    return 2.0 * torch.stack([up.cos() * round_.cos(), up.cos() * round_.sin(), up.sin()], 1)


@pytest.mark.parametrize(
    ("decode", "a", "b", "length"),
    [
        (cylinder, point(-1.0, 0.0), point(1.5, -1.0), math.hypot(2.5, -1.0 + 1.5**2 - 1.0)),  # unrolled, the cylinder is a plane
        # Great circle at 45 degrees north, a quarter round: cos d = sin^2 45 + cos^2 45 cos 90 = 1/2.
        (globe, point(math.pi / 4, 0.0), point(math.pi / 4, math.pi / 2), 2.0 * math.pi / 3),
    ],
)
def test_the_geodesic_is_as_long_as_geometry_says(decode, a, b, length):
    begun = geometry.straight(a, b, TIMES)
    found = geometry.geodesic(decode, begun, steps=150)
    assert torch.equal(found[[0, -1]], begun[[0, -1]])
    assert geometry.path_length(decode(found)).item() == pytest.approx(length, rel=0.01)
    assert geometry.path_length(decode(begun)).item() > 1.04 * length
    steps = (decode(found)[1:] - decode(found)[:-1]).norm(dim=1)
    assert steps.max() < 1.3 * steps.min()  # nearly even, which is the last to be found; the cylinder begins with 2.7


def test_a_few_dozen_steps_are_enough_for_nine_pictures():
    begun = geometry.straight(point(-1.0, 0.0), point(1.5, -1.0), TIMES[::4])
    found = geometry.geodesic(cylinder, begun)
    assert geometry.path_length(cylinder(found)).item() == pytest.approx(math.hypot(2.5, 0.25), rel=0.01)


def test_the_metric_is_that_of_the_decoder_not_of_its_inverse():
    decode = lambda z: torch.stack([z[:, 0], z[:, 1] + z[:, 0].square()], 1)
    encode = lambda x: torch.stack([x[:, 0], x[:, 1] - x[:, 0].square()], 1)
    begun = geometry.straight(point(-1.0, 0.0), point(1.0, 0.0), TIMES)
    right, wrong = (geometry.path_length(decode(geometry.geodesic(f, begun, steps=150))).item() for f in (decode, encode))
    assert right == pytest.approx(2.0, rel=1e-3)
    assert wrong > geometry.path_length(decode(begun)).item() > 2.5


def test_a_decoder_that_is_linear_has_straight_geodesics_and_a_flat_one_leaves_the_path():
    w = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]], dtype=torch.float64, requires_grad=True)
    begun = geometry.straight(point(0.0, 1.0), point(3.0, -1.0), TIMES)
    assert torch.allclose(geometry.geodesic(lambda z: z @ w, begun), begun, atol=1e-6)
    assert w.grad is None
    assert torch.equal(geometry.geodesic(lambda z: 0.0 * z, begun), begun)


def test_length_and_energy_by_hand():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [3.0, 16.0]])
    assert geometry.path_length(x).item() == pytest.approx(5.0 + 12.0)
    assert geometry.path_energy(x).item() == pytest.approx(25.0 + 144.0)


def test_the_spherical_way_keeps_to_the_circle_and_changes_its_length_evenly():
    a, b = point(2.0, 0.0), point(0.0, 4.0)
    third = geometry.spherical(a, b, point(0.0, 1 / 3, 1.0))
    assert torch.allclose(third[[0, 2]], torch.stack([a, b]))
    length = 2.0 + 2.0 / 3.0
    assert torch.allclose(third[1], length * point(math.cos(math.pi / 6), 0.5))
    for c, d in ((a, -3.0 * a), (a, 0.0 * a), (a, 5.0 * a)):
        assert torch.allclose(geometry.spherical(c, d, TIMES), geometry.straight(c, d, TIMES))
