r"""Geometry of the Poincare ball: the points of $|x| < 1$ with curvature -1, where room grows with the distance as fast as a tree does.

The metric is $\lambda_x^2 |dx|^2$ with $\lambda_x = 2 / (1 - |x|^2)$, so that the rim is infinitely far away, and
$d(x, y) = \operatorname{arcosh}\left(1 + 2 \frac{|x - y|^2}{(1 - |x|^2)(1 - |y|^2)}\right)$ (Nickel and Kiela 2017, eq. 1). The sum
$x \oplus y$ of Mobius moves the origin to x and keeps distances; what starts at x in the direction v and goes straight on for its length
$\lambda_x |v|$ ends at $\exp_x v = x \oplus \tanh(\lambda_x |v| / 2) \, v / |v|$ (Ganea et al. 2018, arXiv:1805.09112).

Points are rows, the last axis their coordinates; the others broadcast.
"""

import torch
from jaxtyping import Float
from torch import Tensor

RIM = 1.0 - 1e-5  # as far out as points may go: single precision still tells 1 - |x|^2 there to a part in 300
TINY = 1e-15
STRAIGHT = 1e4  # radii of circles that are as good as lines
FARTHEST = 15.0  # tanh is 1 in double precision from 19 on, and a point would land on the rim itself


def gap(x: Float[Tensor, "*b z"]) -> Float[Tensor, "*b 1"]:
    """1 - |x|^2, which is 0 on the rim."""
    return 1.0 - x.square().sum(-1, keepdim=True)


def distance(x: Float[Tensor, "*b z"], y: Float[Tensor, "*c z"]) -> Float[Tensor, "*d"]:
    """d(x, y). Its gradient is 0 where the points coincide, which is one of its subgradients."""
    return from_squares((x - y).square().sum(-1), gap(x)[..., 0] * gap(y)[..., 0])


def from_squares(square: Float[Tensor, "*d"], gaps: Float[Tensor, "*d"]) -> Float[Tensor, "*d"]:
    """d from |x - y|^2 and (1 - |x|^2)(1 - |y|^2); arcosh(1 + s) as log1p(s + sqrt(s (s + 2))), which keeps the digits of small s."""
    s = 2.0 * square / gaps
    apart = s > 0.0
    s = torch.where(apart, s, 1.0)  # the root has no gradient at 0
    return torch.where(apart, torch.log1p(s + (s * (s + 2.0)).sqrt()), 0.0)


def mobius_sum(x: Float[Tensor, "*b z"], y: Float[Tensor, "*c z"]) -> Float[Tensor, "*d z"]:
    """x + y of Mobius: y as seen from the origin, seen from x."""
    xy, xx, yy = ((a * b).sum(-1, keepdim=True) for a, b in ((x, y), (x, x), (y, y)))
    return ((1.0 + 2.0 * xy + yy) * x + (1.0 - xx) * y) / (1.0 + 2.0 * xy + xx * yy).clamp_min(TINY)


def exponential(x: Float[Tensor, "*b z"], v: Float[Tensor, "*b z"]) -> Float[Tensor, "*b z"]:
    """Where one comes from x going straight on in the direction of the tangent vector v, for its length."""
    norm = v.norm(dim=-1, keepdim=True).clamp_min(TINY)
    return mobius_sum(x, torch.tanh((norm / gap(x)).clamp_max(FARTHEST)) * v / norm)


def riemannian(x: Float[Tensor, "*b z"], gradient: Float[Tensor, "*b z"]) -> Float[Tensor, "*b z"]:
    """The gradient under the metric from the Euclidean one: divided by lambda_x^2 (Nickel and Kiela 2017, eq. 5)."""
    return gradient * gap(x).square() / 4.0


def inside(x: Float[Tensor, "*b z"]) -> Float[Tensor, "*b z"]:
    """Points beyond `RIM` are brought back to it."""
    norm = x.norm(dim=-1, keepdim=True)
    return torch.where(norm > RIM, x * (RIM / norm.clamp_min(TINY)), x)


def circle(x: Float[Tensor, "b 2"], y: Float[Tensor, "b 2"]) -> tuple[Float[Tensor, "b 2"], Float[Tensor, " b"]]:
    """Centre and radius of the circle that the shortest way between points of the disc is an arc of: it meets the rim at right angles, so
    |c|^2 = 1 + r^2. Where they are in line with the origin, and the way is straight, the radius is infinite."""
    cross = x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]
    a, b = ((1.0 + p.square().sum(1)) / 2.0 for p in (x, y))  # c x = (1 + |x|^2) / 2 for every point of the circle
    c = torch.stack([a * y[:, 1] - b * x[:, 1], b * x[:, 0] - a * y[:, 0]], 1) / cross[:, None]
    r = (c.square().sum(1) - 1.0).clamp_min(0.0).sqrt()
    return c, torch.where(r < STRAIGHT, r, torch.inf)
