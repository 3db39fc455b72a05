import math

import numpy as np
import pytest
import torch

from allegory.measures import dimension, neighbours


def test_two_nn_by_hand():
    """Four items, ratios e^1, e^2, e^3, e^9; half kept: F = 1/4, 2/4. Slope through 0 of (-log 3/4, -log 1/2) on (1, 2)."""
    distances = torch.tensor([[1.0, 3.0], [1.0, 9.0], [1.0, 1.0], [2.0, 2.0]])
    distances[:, 1] = distances[:, 0] * torch.tensor([3.0, 9.0, 1.0, 2.0]).exp()
    expected = (math.log(4 / 3) + 2 * math.log(2)) / 5
    assert dimension.two_nn(distances, discard=0.5) == pytest.approx(expected, rel=1e-6)


def test_maximum_likelihood_by_hand():
    """Distances 1, e, e^2: mean of (2, 1) = 1.5. Distances 1, e^2, e^4: 3. The inverses are averaged: 1 / 2.25."""
    distances = torch.tensor([[0.0, 1, 2], [0, 2, 4]]).exp()
    assert dimension.local_inverse_dimension(distances).tolist() == pytest.approx([1.5, 3.0])
    assert dimension.maximum_likelihood(distances) == pytest.approx(1 / 2.25)


def test_local_pca_by_hand():
    """A cross with arms 1, .5 and .2: variances 1 : .25 : .04; a share of .05 leaves out the third, .03 does not."""
    z = torch.cat([torch.eye(3), -torch.eye(3)]) * torch.tensor([1.0, 0.5, 0.2]) + 9.0
    near = torch.arange(6)[None]
    assert dimension.local_pca(z, near).tolist() == [2.0]
    assert dimension.local_pca(z, near, share=0.03).tolist() == [3.0]
    assert dimension.local_pca(torch.nn.functional.pad(z, (0, 20)), near).tolist() == [2.0]


def manifold(name):
    rng = np.random.default_rng(0)
    if name == "swiss":
        t, h = 1.5 * np.pi * (1 + 2 * rng.uniform(size=300)), 21 * rng.uniform(size=300)
        return np.stack([t * np.cos(t), h, t * np.sin(t)], 1)
    u = rng.normal(size=(300, 6 if name == "sphere" else 10))
    return u / np.linalg.norm(u, axis=1, keepdims=True) if name == "sphere" else u


# scikit-dimension 0.5.0, same data: TwoNN(), TwoNN(discard_fraction=.25), MLE().fit(n_neighbors=20), mean lPCA().fit_pw(n_neighbors=50)
PEER = {
    "swiss": (2.026559628218183, 2.0421504801963417, 2.0200088195384662, 3.0),
    "sphere": (4.334686370000051, 4.323629314500162, 4.8279951049387035, 5.973333333333334),
    "normal": (8.659252906503262, 8.413562039850552, 7.948435243193333, 10.0),
}


@pytest.mark.parametrize("name", PEER)
def test_estimates_are_those_of_scikit_dimension(name):
    z = torch.as_tensor(manifold(name))
    distances, near = neighbours.nearest(z, 50)
    ours = (
        dimension.two_nn(distances), dimension.two_nn(distances, 0.25), dimension.maximum_likelihood(distances[:, :20]),
        float(dimension.local_pca(z, near).mean()),
    )  # fmt: skip
    assert ours == pytest.approx(PEER[name], rel=1e-6)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_known_dimensions(d):
    """Uniform in a cube of d dimensions, bent into 12; 2,000 items: a standard error of about d / sqrt(2000), and some edge."""
    rng = np.random.default_rng(3)
    u = rng.uniform(size=(2000, d))
    z = torch.as_tensor(np.sin(u @ rng.normal(size=(d, 12))))
    distances, near = neighbours.nearest(z, 20)
    assert dimension.two_nn(distances) == pytest.approx(d, rel=0.1)
    assert dimension.maximum_likelihood(distances) == pytest.approx(d, rel=0.1)
    assert float(dimension.local_pca(z, near).mean()) == pytest.approx(d, rel=0.1)


def test_all_at_one_distance():
    assert math.isinf(dimension.two_nn(torch.ones(10, 2)))
    assert math.isinf(dimension.maximum_likelihood(torch.ones(10, 5)))
