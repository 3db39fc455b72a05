r"""The factors of a product of manifolds, found by carrying symmetric matrices around: what comes back the same tells the factors apart.

**Model.** The items lie on a product of manifolds $M_1 \times \dots \times M_m$, in whatever coordinates. At item $i$ the tangent space has
the orthonormal basis $T_i$ (local PCA), and $O_{ij}$, the orthogonal matrix nearest to $T_i T_j^T$, carries tangent vectors from a
neighbour. A field $\Omega_i$ that is carried unchanged, $\Omega_i = O_{ij} \Omega_j O_{ij}^T$, is a number on the tangent subspace of each
factor. The axes $V_i$ on which all such fields are diagonal, grouped by the numbers there, span these subspaces. The code $z$ are smooth
functions on the graph, chosen so that each changes along one factor only.

**Objective.** $\min_\Omega \sum_{i \sim j} |\Omega_i - O_{ij} \Omega_j O_{ij}^T|^2$ over fields of symmetric matrices of trace 0 with
$\sum_i |\Omega_i|^2 = 1$, one after another at right angles (Pfau et al. 2020: the smallest eigenvectors of the second-order
graph connection Laplacian); then $\min_{V_i} \sum_e \sum_{p \neq q} (V_i \Omega^e_i V_i^T)_{pq}^2$. For the code, of the functions $u$ of
least $\sum_{i \sim j} (u_i - u_j)^2$ the mixtures $\phi$ that maximise $\sum_i |P^f_i \nabla \phi_i|^2 / \sum_i |\nabla \phi_i|^2$ for each
factor $f$: ours, since the paper ends with the subspaces. On a product the eigenfunctions of the Laplacian are products of those of
the factors, so the functions of one factor are among them, mixed where eigenvalues are equal.

**Notation.** `k` dimension of the tangent spaces, `T` (n, k, d) their bases, the axes of the first factor first, `factor` (k,) whose an
axis is, `O` transports, `Omega` fields, `phi` (n, z) functions with gradients along `T`, `owner` (z,) the factor of each (-1: of none
alone).

**When it fails.** A factor must turn what is carried around it in all directions: flat ones (a torus, a swiss roll, a plane) fall apart
into directions that are not unique. The lengths must be those of the product: a map that mixes factors and stretches hides them, and so
does standardising such features. Few items for the dimension: S2 x S2 x S2 was found with 2,000 items, S2 x S2 x SO3 (dimension 7) with
16,000 and not with 4,000. `dimension` must be said; look at the eigenvalues, where a gap must follow the first m - 1.

**Reference.** D. Pfau, I. Higgins, A. Botev, S. Racaniere, Disentangling by Subspace Diffusion, 2020; A. Singer, H.-T. Wu, Vector diffusion
maps and the connection Laplacian, 2012.

**Measured.** S2 x S2, mean over items of the largest angle between true and found subspaces, averaged over both: .148, .119, .096 rad at
1,000, 2,000 and 4,000 items in 0.3, 0.7 and 1.6 s, two factors every time; the published method has .388, .304, .239 in 1.0, 2.9 and 8.2 s
in the same run (benchmarks/geomancer.py). Most of the gain is local PCA around the mean of the neighbours. 50,000 items: .049, 35 s. S2
x S2 x SO3, 16,000 items: three factors of 2, 2 and 3 dimensions, .245 rad, 94 s. The code: on unseen items of S2 x S2 (2,000 to learn from,
in R^20) a line reads .96 of the variance of the place on one sphere from that factor's three numbers, and .00 from the other's.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.core import Array, Card, Claim, Code, CodeKind, Dice, Items, Paper, Problem, Solved, Spec, Spectrum
from allegory.measures import connection, factoring, neighbours
from allegory.measures.content import once
from allegory.measures.dealing import alone

GAP = 0.3  # of an eigenvalue, that lies between it and the one below, where the fields that are carried unchanged end
PURE = 0.75  # of the squared gradient, from which a function is of one factor
POOL = 3  # functions that are mixed, for each that is kept


class Manifold(nn.Module):
    """What Geomancer learns, as buffers: of `count` different items the place, tangent basis, functions and their gradients."""

    x: Tensor
    T: Tensor
    phi: Tensor
    slope: Tensor
    factor: Tensor
    owner: Tensor
    eigenvalues: Tensor
    count: Tensor

    def __init__(self, d: int, n: int, k: int, z: int):
        super().__init__()
        self.register_buffer("x", torch.zeros(n, d))
        self.register_buffer("T", torch.eye(k, d).repeat(n, 1, 1))
        self.register_buffer("phi", torch.zeros(n, z))
        self.register_buffer("slope", torch.zeros(n, k, z))
        self.register_buffer("factor", torch.zeros(k, dtype=torch.long))
        self.register_buffer("owner", torch.zeros(z, dtype=torch.long))
        self.register_buffer("eigenvalues", torch.full((k + 1,), float("inf")))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def near(self, x: Float[Tensor, "b *d"], q: int) -> tuple[Float[Tensor, "b q"], Int[Tensor, "b q"]]:
        """The distances to the q nearest items, nearest first, and which these are."""
        known = self.x[: int(self.count)]
        distances, which = neighbours.nearest_of(x.flatten(1), known, min(q, len(known)))
        return distances.to(x.dtype), which


@final
@dataclass(frozen=True)
class Geomancer(Solved[Manifold]):
    """GEOMANCER (Pfau, Higgins, Botev and Racaniere 2020): minimises what symmetric matrices change by when they are carried to neighbours.

    dimension: of the manifold, all factors together; at most that of the data. latent: functions in the code. neighbours: those of a local
    PCA; 0 takes five for each dimension. edges: neighbours that matrices are carried to; 0 takes two for each dimension.
    """

    dimension: int = 4
    latent: int = 6
    neighbours: int = 0
    edges: int = 0

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Disentangling by subspace diffusion",
        paper=Paper("Pfau, Higgins, Botev and Racaniere", "Disentangling by Subspace Diffusion", 2020, "https://arxiv.org/abs/2006.12982",
                    "the smallest eigenvectors of the second-order graph connection Laplacian"),
        density="not modelled", manifold="stays on the data manifold", principle="compression", approach="built-in structure",
        modelled=r"\Omega_i = O_{ij} \Omega_j O_{ij}^T,\; z = \phi(x)",
        minimised=r"\sum_{i \sim j} |\Omega_i - O_{ij} \Omega_j O_{ij}^T|^2 \;\text{ s.t. } \textstyle\sum_i |\Omega_i|^2 = 1",
        unit="squared change of a matrix, summed over edges",
        buys="Finds how many factors there are and the directions of each, without labels, whatever coordinates they are written in.",
        costs="Lengths must be those of the product, the dimension must be known, and items grow exponentially with it.",
        fails="Flat factors, features that stretch lengths, few items; look for a gap in the eigenvalues.",
        code=CodeKind(size="either", form="structured", disentangled=True), out_of_sample="barycentric",
        tiny={"dimension": 3, "latent": 4},
        claims=(Claim("dci", "disentanglement", "manifold:name=S2xS2,n=3000,d=6", 0.84, {"latent": 6}, seeds=1),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Manifold:
        assert isinstance(spec, Array)
        for name in ("dimension", "latent"):
            if getattr(self, name) < 1:
                raise Problem(f"Geomancer: expected a {name} of at least 1, got {getattr(self, name)}")
        k = max(1, min(self.dimension, spec.size, n - 1))
        return Manifold(spec.size, n, k, max(1, min(self.latent, n - 1)))

    def prepare(self, net: Manifold, items: Items, dice: Dice) -> None:
        del dice  # Lanczos begins at a fixed vector
        x = torch.cat([batch.flatten(1).double().cpu() for batch in items.batches()])
        x = x[once(x)[0]]
        n, k, z = len(x), net.T.shape[1], net.phi.shape[1]
        if n <= max(k, z):
            raise Problem(
                f"Geomancer: {n} different items are too few for a dimension of {k} and {z} functions; bring more than {max(k, z)}"
            )
        q = min(max(self.neighbours or 5 * k, k), n - 1)
        _, near = neighbours.nearest(x, q)
        edges = connection.Edges.of(near[:, : self.edges or 2 * k], x)
        with alone():
            # Deviates: tangents around the mean of five neighbours a dimension, where the paper takes two, around the item.
            T = connection.tangents(x, near, k)
            # Deviates: the first gap of .3 of the eigenvalue above it that is no smaller than the next, and no gap means one factor; the
            # paper takes the largest gap.
            eigenvalues, Omega = fields(T, edges)
            found = factoring.factored(Omega)
            T = found.axes @ T
            u = _smooth(edges, n, min(POOL * z, n - 1))
            phi, slope, owner = _of_one_factor(u, connection.gradients(u, x, near, T), found, z)
        for buffer, value in ((net.x, x), (net.T, T), (net.phi, phi), (net.slope, slope)):
            buffer[:n] = value.to(buffer)
        net.factor.copy_(found.factor)
        net.owner.copy_(owner)
        net.eigenvalues[: len(eigenvalues)] = torch.as_tensor(eigenvalues).to(net.eigenvalues)
        net.count.fill_(n)

    def encode(self, net: Manifold, x: Float[Tensor, "b *d"]) -> Float[Tensor, "b z"]:
        """The functions, continued by their slopes from the nearest items and averaged; at a training item they are its own."""
        distance, near = net.near(x, 2 * net.T.shape[1] + 1)
        local = (net.T[near] @ (x.flatten(1)[:, None] - net.x[near])[:, :, :, None]).squeeze(3)  # (b, q, k)
        told = net.phi[near] + (net.slope[near].mT @ local[:, :, :, None]).squeeze(3)
        weight = _weights(distance)
        return (weight[:, :, None] * told).sum(1)

    def spectrum(self, net: Manifold) -> Spectrum:
        asked = net.eigenvalues[net.eigenvalues.isfinite()]
        return Spectrum(asked if len(asked) else asked.new_zeros(1), "eigenvalue of the connection")  # one dimension is one factor

    def codes(self, net: Manifold, x: Float[Tensor, "b *d"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """Of the nearest training item: tangents (b, k, d), a row each; factor (b, k), whose each row is; chart (b, k), the coordinates of
        x along them. And owner (b, z): whose each number of the flat code is, -1 where it is of no factor alone."""
        _, near = net.near(x, 1)
        T, b = net.T[near[:, 0]], len(near)
        offset = x.flatten(1) - net.x[near[:, 0]]
        every = {
            "tangents": Code(T, kind="map"), "factor": Code(net.factor.expand(b, -1), kind="index"),
            "chart": Code((T @ offset[:, :, None]).squeeze(2)), "owner": Code(net.owner.expand(b, -1), kind="index"),
        }  # fmt: skip
        return {name: every[name] for name in names or tuple(every)}


def fields(T: Float[Tensor, "n k d"], edges: connection.Edges) -> tuple[np.ndarray, Float[Tensor, "n e k k"]]:
    """The smallest eigenvalues of the second-order connection Laplacian up to the one above the gap, and the fields below it."""
    n, k, _ = T.shape
    basis = connection.symmetric_basis(k)
    if not len(basis):
        return np.zeros(0), torch.zeros(n, 0, k, k, dtype=T.dtype)
    W = connection.transport_matrix(connection.transports(T, edges), edges)
    degrees = np.repeat(edges.degrees.numpy(), len(basis))
    values, vectors = connection.below_the_gap(W, degrees, min(k + 1, n * len(basis) - 1), GAP)
    return values, torch.einsum("nse,sij->neij", torch.as_tensor(vectors).reshape(n, len(basis), -1), basis)


def _smooth(edges: connection.Edges, n: int, count: int) -> Float[Tensor, "n r"]:
    """The smoothest functions on the graph but for the constant, with mean square 1."""
    _, vectors = connection.smallest(edges.adjacency, edges.degrees.numpy(), count + 1)
    return torch.as_tensor(vectors[:, 1:].copy()) * n**0.5


def _of_one_factor(
    u: Float[Tensor, "n r"], slope: Float[Tensor, "n k r"], found: factoring.Factoring, z: int
) -> tuple[Float[Tensor, "n z"], Float[Tensor, "n k z"], Int[Tensor, " z"]]:
    """z mixtures of the functions `u`, their slopes, and their factors: for each factor those whose slope lies along it, the smoothest
    first; where there are fewer than z, the smoothest of the rest."""
    along = [torch.einsum("nkr,nks->rs", s, s) / len(u) for s in (slope[:, found.factor == f] for f in range(found.count))]
    every = torch.stack(along).sum(0)
    scale, turn = torch.linalg.eigh(every)
    white = turn / scale.clamp_min(1e-12 * scale[-1]).sqrt()
    parts, left = [], torch.eye(u.shape[1], dtype=u.dtype)
    for energy in along:
        share, v = torch.linalg.eigh(white.T @ energy @ white)
        parts.append(v[:, share > PURE])
    chosen = torch.cat(parts, 1)
    left = left - chosen @ torch.linalg.pinv(chosen) if chosen.shape[1] else left
    values, v = torch.linalg.eigh((left + left.T) / 2)
    parts.append(v[:, values > 0.5])
    mixes, rates, owners = [], [], []
    for f, part in enumerate(parts):
        mix, rate = _smoothest(white @ part, every)
        mixes.append(mix)
        # The rest, of no factor alone, comes after all others.
        rates.append(rate if f < len(along) else rate + 2.0 * scale[-1])
        owners += [f if f < len(along) else -1] * mix.shape[1]
    order = torch.cat(rates).argsort(stable=True)[:z]
    mix, owner = torch.cat(mixes, 1)[:, order], torch.tensor(owners)[order]
    by_owner = torch.where(owner < 0, len(along), owner).argsort(stable=True)
    mix, owner = mix[:, by_owner], owner[by_owner]
    phi = u @ mix
    lead = phi.gather(0, phi.abs().argmax(0, keepdim=True)).sign()
    return phi * lead, slope @ mix * lead, owner


def _smoothest(mix: Float[Tensor, "r p"], energy: Float[Tensor, "r r"]) -> tuple[Float[Tensor, "r p"], Float[Tensor, " p"]]:
    """The same functions turned among themselves so that they have mean square 1 and their energies, rising, stand apart."""
    q, _ = torch.linalg.qr(mix)
    rate, v = torch.linalg.eigh(q.T @ energy @ q)
    return q @ v, rate


def _weights(distance: Float[Tensor, "b q"]) -> Float[Tensor, "b q"]:
    """Weights of neighbours that sum to 1, all on one at distance 0, and none on the last, which is where the next would come in."""
    reach = distance[:, -1:]
    closer = distance.clamp_min(torch.finfo(distance.dtype).tiny ** 0.25)
    weight = ((reach - distance).clamp_min(0.0) / closer).square()
    weight = torch.where(weight.sum(1, keepdim=True) > 0, weight, torch.ones_like(weight))
    return weight / weight.sum(1, keepdim=True)
