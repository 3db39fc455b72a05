"""Points of the plane for densities: two moons and two rings, a fitted Gaussian, and how much of a density there is."""

import numpy as np
import torch
from helpers.moments import moment
from sklearn import datasets

from allegory import train
from allegory.core import Array
from allegory.core.recipe import Optim
from allegory.data import Source
from allegory.representation import at_rest
from allegory.train import Settings

PLANES = {
    "moons": lambda n, seed: datasets.make_moons(n, noise=0.1, random_state=seed)[0],
    "rings": lambda n, seed: datasets.make_circles(n, noise=0.05, factor=0.4, random_state=seed)[0],
}


def learned(method, name, steps, n=2000):
    """What `train.fit` gives on points of the plane, and as many points held out, both as the method sees them."""
    x, held_out = (PLANES[name](n, seed).astype(np.float32) for seed in (0, 1))
    settings = Settings(device="cpu", steps=steps, batch=256, optim=Optim(lr=3e-3))
    fitted = train.fit(method, Source(name, Array((2,)), x), settings, index=np.arange(n))
    return fitted, *(fitted.intake(torch.as_tensor(points)).detach() for points in (x, held_out))


def log_density(fitted, x):
    with at_rest(fitted.net):
        return fitted.method.log_density(fitted.net, x, moment(len(x)).dice).values.double()


def mass(fitted, side=4.5, apart=0.04):
    """The integral of the density over a square, by the sum over a grid."""
    line = torch.arange(-side, side, apart)
    return log_density(fitted, torch.cartesian_prod(line, line)).exp().sum().item() * apart**2


def gaussian(train_points, held_out):
    """Mean log density of held-out points under the Gaussian with the mean and covariance of the others."""
    x, y = train_points.double(), held_out.double()
    covariance = torch.cov(x.T, correction=0)
    normal = torch.distributions.MultivariateNormal(x.mean(0), covariance)
    return normal.log_prob(y).mean().item()
