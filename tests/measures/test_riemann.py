"""The metric of a decoder and its curvature, on surfaces that the books know: spheres, tori, and the half-plane without a decoder."""

import math

import pytest
import torch

from allegory.data.shapes import Doughnut, FlatTorus, Sphere, SwissRoll
from allegory.measures import geometry, riemann


def some(*rows):
    return torch.tensor(rows, dtype=torch.float64)


Z = some([0.7, 0.3], [1.9, -2.0], [1.2, 1.1])
E = torch.eye(2, dtype=torch.float64)
FIRST, SECOND = E[0].expand(3, 2), E[1].expand(3, 2)


def globe(r):
    return lambda z: r * Sphere(2).embed(z)


def half_plane(z):
    """g = I / y^2."""
    return torch.eye(2, dtype=z.dtype) / z[:, 1, None, None].square()


def test_the_metric_is_that_of_the_decoder():
    """On a sphere of radius 2: 4 along the polar angle, 4 sin^2 of it along the azimuth."""
    g = riemann.pulled_back(globe(2.0))(Z)
    assert torch.allclose(g, torch.diag_embed(torch.stack([torch.full((3,), 4.0).double(), 4.0 * Z[:, 0].sin().square()], 1)))
    assert torch.allclose(riemann.volume_element(g), 4.0 * Z[:, 0].sin())


def test_angles_are_those_on_the_surface():
    """The chart (u, v) -> (u, u + v): the axes of the chart meet at 45 degrees, and a vector with itself at 0."""
    g = riemann.pulled_back(lambda z: torch.stack([z[:, 0], z[:, 0] + z[:, 1]], 1))(Z)
    assert riemann.angle(g, FIRST, SECOND).tolist() == pytest.approx([math.pi / 4] * 3)
    assert riemann.angle(g, FIRST, -SECOND).tolist() == pytest.approx([3 * math.pi / 4] * 3)
    assert riemann.angle(g, FIRST, FIRST).tolist() == pytest.approx([0.0] * 3, abs=1e-7)


def test_lengths_of_curves():
    """A circle of latitude is 2 pi r sin(polar) long; a vertical line of the half-plane from 1 to e has length 1."""
    round_ = torch.linspace(-math.pi, math.pi, 200, dtype=torch.float64)
    latitude = torch.stack([torch.full_like(round_, 0.5), round_], 1)
    assert riemann.curve_length(riemann.pulled_back(globe(2.0)), latitude).item() == pytest.approx(4 * math.pi * math.sin(0.5))
    up = torch.stack([torch.zeros(100).double(), torch.linspace(1.0, math.e, 100).double()], 1)
    assert riemann.curve_length(half_plane, up).item() == pytest.approx(1.0, rel=1e-4)
    chords = geometry.path_length(globe(2.0)(latitude)).item()
    assert chords == pytest.approx(4 * math.pi * math.sin(0.5), rel=1e-3) and chords < 4 * math.pi * math.sin(0.5)


def test_the_area_of_a_doughnut():
    """4 pi^2 R r, by the mean of the volume element over the chart."""
    side = torch.linspace(-math.pi, math.pi, 41, dtype=torch.float64)[:-1]
    grid = torch.cartesian_prod(side, side)
    mean = riemann.volume_element(riemann.pulled_back(Doughnut().embed)(grid)).mean().item()
    assert mean * (2 * math.pi) ** 2 == pytest.approx(4 * math.pi**2 * 2.0 * 1.0)


SURFACES = {
    "sphere of radius 1/2": (globe(0.5), lambda z: torch.full((len(z),), 4.0)),
    "sphere of radius 3": (globe(3.0), lambda z: torch.full((len(z),), 1 / 9)),
    "flat torus": (FlatTorus(2).embed, lambda z: torch.zeros(len(z))),
    "doughnut": (Doughnut().embed, lambda z: z[:, 1].cos() / (2.0 + z[:, 1].cos())),  # cos b / (r (R + r cos b))
    "saddle": (lambda z: torch.stack([z[:, 0], z[:, 1], z[:, 0] * z[:, 1]], 1), lambda z: -1 / (1 + z.square().sum(1)).square()),
    "pictures": (lambda z: globe(2.0)(z).view(-1, 1, 3, 1), lambda z: torch.full((len(z),), 0.25)),
}


@pytest.mark.parametrize("name", SURFACES)
def test_curvature_is_that_of_the_books_by_both_routes(name):
    decode, truth = SURFACES[name]
    expected = truth(Z).double()
    # 1e-8: third derivatives of sines in float64
    assert torch.allclose(riemann.gaussian_curvature(decode, Z), expected, atol=1e-8)
    assert torch.allclose(riemann.scalar_curvature(decode, Z), 2.0 * expected, atol=1e-8)
    assert torch.allclose(riemann.sectional_curvature_of(riemann.pulled_back(decode), Z, FIRST, SECOND), expected, atol=1e-8)


def test_the_swiss_roll_is_flat_however_it_is_rolled():
    z = some([40.0, 3.0], [70.0, 10.0])
    roll = SwissRoll()

    def decode(z):
        """By the angle, which autograd differentiates twice, where the arc length is given by a derivative alone."""
        t = z[:, 0] / 5.0
        return torch.stack([t * t.cos(), z[:, 1], t * t.sin()], 1)

    assert riemann.gaussian_curvature(decode, z).tolist() == pytest.approx([0.0, 0.0], abs=1e-12)
    g = riemann.pulled_back(roll.embed)(z)
    assert torch.allclose(g, torch.eye(2).double().expand(2, 2, 2))  # the chart by arc length is an isometry


def test_the_half_plane_is_hyperbolic():
    z = some([0.0, 1.0], [3.0, 0.2], [-1.0, 5.0])
    u = some([1.0, 0.3], [0.2, 1.0], [1.0, -1.0])
    assert riemann.sectional_curvature_of(half_plane, z, u, SECOND).tolist() == pytest.approx([-1.0] * 3)
    gamma = riemann.christoffel(half_plane, z)[1]
    # Gamma^x_xy = -1 / y, Gamma^y_xx = 1 / y, Gamma^y_yy = -1 / y at y = 0.2
    assert gamma.flatten().tolist() == pytest.approx([0.0, -5.0, -5.0, 0.0, 5.0, 0.0, 0.0, -5.0])


def test_planes_of_a_product_of_spheres():
    """S2 x S2: 1 within a sphere, 0 across, so the scalar curvature is 2 + 2; and of S3 of radius 1 it is 6."""
    sphere = Sphere(2)
    decode = lambda z: torch.cat([sphere.embed(z[:, :2]), sphere.embed(z[:, 2:])], 1)
    z, e = some([0.8, 0.1, 1.3, -0.4]), torch.eye(4, dtype=torch.float64)
    planes = {(0, 1): 1.0, (2, 3): 1.0, (0, 2): 0.0, (1, 3): 0.0}
    for (i, j), K in planes.items():
        assert riemann.sectional_curvature(decode, z, e[i : i + 1], e[j : j + 1]).item() == pytest.approx(K, abs=1e-9)
    assert riemann.scalar_curvature(decode, z).item() == pytest.approx(4.0)
    assert riemann.scalar_curvature(Sphere(3).embed, some([0.8, 1.1, 0.3])).item() == pytest.approx(6.0)


def test_two_directions_that_are_one_span_no_plane():
    assert riemann.sectional_curvature(globe(1.0), Z, FIRST, 2.0 * FIRST).isnan().all()


def test_a_net_keeps_its_gradients_and_the_chart_does_not_matter():
    """Curvature belongs to the surface: turned and stretched coordinates say the same; and no weight is touched."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Tanh(), torch.nn.Linear(16, 5)).double()
    A = some([1.5, 0.4], [-0.3, 0.8])
    one = riemann.gaussian_curvature(net, Z @ A.T)
    other = riemann.gaussian_curvature(lambda z: net(z @ A.T), Z)
    assert torch.allclose(one, other) and (one.abs() > 1e-6).all()
    assert all(p.grad is None for p in net.parameters())
