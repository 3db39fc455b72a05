"""How codes lie on the unit sphere: alignment and uniformity (Wang and Isola 2020, arXiv:2005.10242), and their spread."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

Codes = Float[Tensor, "b z"]


def on_sphere(z: Codes) -> Codes:
    """Every code divided by its length; a zero code stays zero."""
    return F.normalize(z, dim=1)


def alignment(f: Codes, positive: Codes) -> Float[Tensor, ""]:
    """E |f - f+|^2 over positive pairs (row i of both), in [0, 4] for codes on the unit sphere. Lower is better aligned.

    Wang and Isola's equation with alpha = 2. The codes are taken as they are: put them on the sphere first.
    """
    return (f - positive).square().sum(1).mean()


def uniformity(f: Codes, t: float = 2.0) -> Float[Tensor, ""]:
    """log E exp(-t |f - g|^2) over pairs of different items, in [-4 t, 0] for codes on the unit sphere. Lower is more uniform.

    0 when all codes coincide. Wang and Isola's equation with t = 2; an item is not paired with itself. Needs at least 2 codes,
    which are taken as they are: put them on the sphere first.
    """
    pairs = torch.pdist(f).square()
    return torch.logsumexp(-t * pairs, 0) - torch.log(torch.tensor(float(len(pairs)), dtype=f.dtype, device=f.device))


def normalised_spread(z: Codes) -> Float[Tensor, ""]:
    """The standard deviation of the codes on the sphere, per coordinate and averaged (Chen and He 2021, arXiv:2011.10566).

    0 when the codes have collapsed to one point (or to one direction), near 1 / sqrt(z) when they fill the sphere.
    """
    return on_sphere(z).std(0, unbiased=False).mean()


def spread(z: Codes) -> Float[Tensor, ""]:
    """`normalised_spread` times sqrt(z): 0 for one point, about 1 for codes that fill the sphere, of whatever width."""
    return normalised_spread(z) * math.sqrt(z.shape[1])
