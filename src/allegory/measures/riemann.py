r"""Lengths, angles, volumes and curvature of the surface that a decoder makes of its codes, and of any metric.

The metric of a decoder $f: R^z \to R^d$ is $g = J^T J$ with $J$ the Jacobian of the decoder (not of the encoder), so that
$|v|_g = |J v|$ is how far the observation moves when the code moves by v. Curvature has two routes, which agree:

- from the decoder, by the equation of Gauss: $R(u, v, v, u) = \langle II(u, u), II(v, v) \rangle - |II(u, v)|^2$, where
  $II(u, v)$ is the part of the second derivative $D^2 f(u, v)$ that is normal to the surface (do Carmo 1992, chapter 6);
- from the metric alone, for charts that no decoder embeds: $R$ from the Christoffel symbols of $g$ (chapter 4).

A sphere of radius r has 1 / r^2, a plane, a cylinder and a flat torus 0, the hyperbolic plane -1. `decode` maps codes (b, z) to
observations (b, *d), a row from a row; it must be twice differentiable (a net of ReLUs is flat almost everywhere, and says 0 in one
dimension of the code after another although its surface is bent at the edges). Nothing is left in any `.grad`.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Decode = Callable[[Tensor], Tensor]
Codes = Float[Tensor, "b z"]
Metric = Callable[[Tensor], Tensor]
LEAST = 1e-12  # of a parallelogram's squared area, relative to its sides: two directions that are one span no plane


def jacobian(decode: Decode, z: Codes) -> Float[Tensor, "b d z"]:
    """d decode / d z, observations flattened; differentiable in z."""
    flat = lambda y: decode(y).flatten(1)
    return torch.stack([_along(flat, z, v) for v in torch.eye(z.shape[1], dtype=z.dtype, device=z.device)], 2)


def _along(f: Decode, z: Codes, v: Float[Tensor, " z"]) -> Float[Tensor, "b d"]:
    """D f(v), by two backward passes: the gradient of w -> w^T J in w is J, whatever w is."""
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        y = f(z)
        w = torch.zeros_like(y, requires_grad=True)
        (back,) = torch.autograd.grad(y, z, w, create_graph=True, materialize_grads=True)
        (forward,) = torch.autograd.grad((back * v).sum(), w, create_graph=True, materialize_grads=True)
    return forward


def pulled_back(decode: Decode) -> Metric:
    """z -> g = J^T J (b, z, z)."""

    def g(z: Codes) -> Float[Tensor, "b z z"]:
        J = jacobian(decode, z)
        return J.mT @ J

    return g


def inner(g: Float[Tensor, "b z z"], u: Codes, v: Codes) -> Float[Tensor, " b"]:
    """<u, v> under g."""
    return (u[:, None] @ g @ v[:, :, None]).flatten()


def angle(g: Float[Tensor, "b z z"], u: Codes, v: Codes) -> Float[Tensor, " b"]:
    """The angle between tangent vectors, in [0, pi]."""
    uu, vv, uv = inner(g, u, u), inner(g, v, v), inner(g, u, v)
    return torch.atan2((uu * vv - uv.square()).clamp_min(0.0).sqrt(), uv)


def volume_element(g: Float[Tensor, "b z z"]) -> Float[Tensor, " b"]:
    """sqrt(det g): how much of the surface a unit of codes covers; the area for two latents."""
    return torch.linalg.det(g).clamp_min(0.0).sqrt()


def curve_length(metric: Metric, path: Float[Tensor, "p z"]) -> Float[Tensor, ""]:
    """The length of the broken line through the codes `path`: of every step under the metric at its middle, so that the error falls with
    the square of the step. Where there is a decoder, `geometry.path_length(decode(path))` is that of the line through the observations."""
    step, middle = path[1:] - path[:-1], (path[1:] + path[:-1]) / 2
    return inner(metric(middle), step, step).clamp_min(0.0).sqrt().sum()


def second_form(decode: Decode, z: Codes) -> tuple[Float[Tensor, "b d z"], Float[Tensor, "b d z z"]]:
    """The Jacobian, and the part of the second derivative that is normal to the surface."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        J = jacobian(decode, z)
        H = _derivative(J, z)
    J, H = J.detach(), H.detach()
    return J, H - (J @ torch.linalg.pinv(J) @ H.flatten(2)).view(H.shape)


def _derivative(y: Float[Tensor, "b *s"], z: Codes, graph: bool = False) -> Float[Tensor, "b *s z"]:
    """dy / dz of rows that each follow from their own z; `graph`: to be differentiated again."""
    flat = y.flatten(1)
    rows = [
        torch.autograd.grad(c.sum(), z, retain_graph=True, create_graph=graph, materialize_grads=True, allow_unused=True)[0]
        for c in flat.unbind(1)
    ]
    return torch.stack(rows, 1).view(*y.shape, z.shape[1])


def sectional_curvature(decode: Decode, z: Codes, u: Codes, v: Codes) -> Float[Tensor, " b"]:
    """The curvature of the decoder's surface in the plane of the tangent vectors `u` and `v`; NaN where they span none."""
    J, normal = second_form(decode, z)
    uu, vv, uv = (torch.einsum("bdij,bi,bj->bd", normal, a, b) for a, b in ((u, u), (v, v), (u, v)))
    return _over_area((uu * vv).sum(1) - uv.square().sum(1), J.mT @ J, u, v)


def _over_area(R: Float[Tensor, " b"], g: Float[Tensor, "b z z"], u: Codes, v: Codes) -> Float[Tensor, " b"]:
    sides = inner(g, u, u) * inner(g, v, v)
    area = sides - inner(g, u, v).square()
    return torch.where(area > LEAST * sides, R / area, torch.nan)


def gaussian_curvature(decode: Decode, z: Float[Tensor, "b 2"]) -> Float[Tensor, " b"]:
    """The sectional curvature of a surface, of two latents."""
    e = torch.eye(2, dtype=z.dtype, device=z.device)
    return sectional_curvature(decode, z, e[0].expand(len(z), 2), e[1].expand(len(z), 2))


def scalar_curvature(decode: Decode, z: Codes) -> Float[Tensor, " b"]:
    """The sum of the sectional curvatures over all ordered pairs of orthonormal directions: twice Gauss's for two latents."""
    J, normal = second_form(decode, z)
    inverse = torch.linalg.inv(J.mT @ J)
    mean = torch.einsum("bdij,bij->bd", normal, inverse)
    return mean.square().sum(1) - torch.einsum("bdij,bdkl,bik,bjl->b", normal, normal, inverse, inverse)


def christoffel(metric: Metric, z: Codes) -> Float[Tensor, "b z z z"]:
    """Gamma^k_ij at [k, i, j]; differentiable in z."""
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        g = metric(z)
        d = _derivative(g, z, graph=True)  # d_k g_ij at [i, j, k]
        first = 0.5 * (d.permute(0, 1, 3, 2) + d - d.permute(0, 3, 1, 2))  # Gamma_k,ij at [k, i, j]
        return torch.einsum("bkl,blij->bkij", torch.linalg.inv(g), first)


def sectional_curvature_of(metric: Metric, z: Codes, u: Codes, v: Codes) -> Float[Tensor, " b"]:
    """The sectional curvature of a metric z -> (b, z, z) that no decoder need embed, in the plane of `u` and `v`."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        gamma = christoffel(metric, z)
        d = _derivative(gamma, z)  # d_m Gamma^k_ij at [k, i, j, m]
    gamma, d, g = gamma.detach(), d.detach(), metric(z).detach()
    # R^k_lij = d_i Gamma^k_jl - d_j Gamma^k_il + Gamma^k_im Gamma^m_jl - Gamma^k_jm Gamma^m_il
    R = d.permute(0, 1, 3, 4, 2) - d.permute(0, 1, 3, 2, 4)
    R = R + torch.einsum("bkim,bmjl->bklij", gamma, gamma) - torch.einsum("bkjm,bmil->bklij", gamma, gamma)
    told = torch.einsum("bklij,bnk,bn,bl,bi,bj->b", R, g, u, v, u, v)
    return _over_area(told, g, u, v)
