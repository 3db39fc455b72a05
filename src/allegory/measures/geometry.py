"""How codes lie on the unit sphere: alignment and uniformity (Wang and Isola 2020, arXiv:2005.10242), and their spread.

And the ways from one code to another: along the sphere, and along the surface of what a decoder makes of the codes, whose metric is
g = J^T J with J the Jacobian of the decoder (Shao, Kumar and Fletcher 2018, arXiv:1711.08014; Arvanitidis et al. 2018, arXiv:1710.11379).
"""

import math
from collections.abc import Callable

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


def straight(a: Float[Tensor, " z"], b: Float[Tensor, " z"], t: Float[Tensor, " p"]) -> Float[Tensor, "p z"]:
    """The points of the straight line from `a` to `b` at the times `t` (0 to 1)."""
    return torch.lerp(a, b, t[:, None])


def spherical(a: Float[Tensor, " z"], b: Float[Tensor, " z"], t: Float[Tensor, " p"]) -> Float[Tensor, "p z"]:
    """From `a` to `b` along the great circle of their directions, while the length goes evenly from |a| to |b|.

    Draws of a Gaussian prior lie near a sphere, of which a straight line leaves the surface (White 2016, arXiv:1609.04468). Straight
    where no great circle is the one (a code of length 0, or two opposite directions).
    """
    length, other = a.norm(), b.norm()
    from_, to = a / length, b / other
    # The arc cosine of the inner product loses small angles to rounding; the two legs of half the angle do not.
    angle = 2.0 * torch.atan2((from_ - to).norm(), (from_ + to).norm())
    if not (angle.isfinite() and 1e-6 < angle < math.pi - 1e-6):
        return straight(a, b, t)
    direction = (torch.sin((1.0 - t) * angle)[:, None] * from_ + torch.sin(t * angle)[:, None] * to) / angle.sin()
    return torch.lerp(length, other, t)[:, None] * direction


def path_length(x: Float[Tensor, "p *d"]) -> Float[Tensor, ""]:
    """sum_i |x_{i+1} - x_i|: how long the broken line through the points is, in the unit of x."""
    return (x[1:] - x[:-1]).flatten(1).norm(dim=1).sum()


def path_energy(x: Float[Tensor, "p *d"]) -> Float[Tensor, ""]:
    """sum_i |x_{i+1} - x_i|^2. At least the squared length over the number of steps, and just that when all steps are equally long."""
    return (x[1:] - x[:-1]).square().sum()


def geodesic(decode: Callable[[Tensor], Tensor], path: Float[Tensor, "p z"], steps: int = 60) -> Float[Tensor, "p z"]:
    """`path` relaxed to least energy of what `decode` (p, z) -> (p, *d) makes of it; its ends stay.

    sum_i |decode(z_{i+1}) - decode(z_i)|^2 is the discrete energy under the metric g = J^T J of the decoder, so that what is found is a
    shortest path near the one begun with, in steps of nearly equal length. At most `steps` of L-BFGS (Nocedal and Wright
    2006, algorithm 7.5). No gradient is left anywhere. Where the energy is 0 or not finite the path comes back as it was.
    """
    with torch.enable_grad():
        first, last, within = path[:1].detach(), path[-1:].detach(), path[1:-1].detach().clone().requires_grad_()
        scale = path_energy(decode(path.detach())).detach()
        if not (len(within) and scale.isfinite() and scale > 0):
            return path.detach()
        search = torch.optim.LBFGS([within], max_iter=steps, history_size=20, tolerance_grad=1e-9, tolerance_change=1e-12,
                                   line_search_fn="strong_wolfe")  # fmt: skip

        def energy() -> Tensor:
            e = path_energy(decode(torch.cat([first, within, last]))) / scale
            (within.grad,) = torch.autograd.grad(e, within)
            return e.detach()

        search.step(energy)
    relaxed = torch.cat([first, within.detach(), last])
    return relaxed if bool(relaxed.isfinite().all()) else path.detach()
