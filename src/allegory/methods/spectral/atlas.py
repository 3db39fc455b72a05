r"""An atlas: flat charts that overlap and follow a curved manifold, each by principal components of its own, laid into one plane.

**Model.** Chart $c$ has a middle $m_c$, orthonormal axes $W_c$ and coordinates $y_c(x) = W_c (x - m_c)$. An item lies on it with weight
$w_c(x) \propto \pi_c \rho_c^{-1/2} \prod_a \lambda_{ca}^{-1/2} \exp(-q_c / 2)$ with
$q_c = \sum_a y_{ca}^2 / \lambda_{ca} + |x - m_c - W_c^T y_c|^2 / \rho_c$. The code is $z = \sum_c w_c(x)\, A_c^T \tilde y_c(x)$ with
$\tilde y = (y, 1)$; back, every chart says where it would put $z$, and the weights, now those of $z$, average what they say. From one
chart to another leads the transition map $\psi_{ij}(y) = W_j (m_i + W_i^T y - m_j)$.

**Objective.** $\min_A \sum_x \sum_{c < c'} w_c w_{c'} |A_c^T \tilde y_c(x) - A_{c'}^T \tilde y_{c'}(x)|^2$ with $z$ of unit covariance:
where charts overlap they must agree (Brand 2003, where the charts are connected; with the weights $w$ fixed, a generalised eigenproblem
with a row for each number of each chart, not for each item). The charts before it are a mixture of flat Gaussians, by expectation and
maximisation. In this sum the weights are squared and made to sum to 1 again (ours): where two sheets come near each other, faint weights
would else tie them together.

**Notation.** `K` charts of dimension `d`: `m` (K, D), `W` (K, d, D), `lam` (K, d) variances along the axes, `rho` (K,) the squared distance
from the chart that counts as one standard deviation, `pi` (K,) weights, `A` (K, d + 1, z). `rho` is at least a hundredth of the
mean variance along the axes, so that charts overlap where items lie exactly on them.

**When it fails.** Charts that are larger than the bend they lie on, or that join two sheets: of 200 swiss rolls 7 came out folded with 24
charts, and of 140 none with 48; with noise of .4, where sheets lie 6 apart, 30 and 6 of 120 (twice as many where weights are not squared).
A closed surface (a torus, a sphere) fits in no plane of its own dimension, so the flat code tears or folds it; the codes `chart` and
`coordinates` do not, and a larger `latent` than `dimension` helps. Look at the reconstructions, and at the local dimension.

**Reference.** M. Brand, Charting a manifold, 2003; Y. W. Teh, S. Roweis, Automatic alignment of local representations, 2003.

**Measured.** From two numbers the swiss roll (2,000 items) comes back but for .0001 of its variance; PCA's two leave .30. From the number
of a chart and two coordinates on it the doughnut comes back but for .0006 (PCA's two leave .09). A second on one thread; thirteen for 2,000
images of Fashion-MNIST, whose axes are approached step by step."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import scipy.linalg
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.core import Array, Card, Claim, Code, CodeKind, Dice, Items, Paper, Problem, Solved, Spec
from allegory.measures import clustering, spectra
from allegory.measures.content import ordered
from allegory.measures.dealing import alone

STEPS = 30  # of expectation and maximisation
STARTS = 3
THICK = 0.01  # of the mean variance along the axes: the least that counts as one standard deviation off the chart, so that charts overlap
SHARE = 0.05  # of a chart's largest variance, from which a direction counts as one of its dimensions
FAINT = 1e-16  # of a chart's weight, up to which an item changes nothing of it
ROUNDING = 1e-12  # of the largest eigenvalue
SMALL = 32  # numbers of an item, up to which axes are exact in every step
MORE = 4  # axes that are approached, beside those of the chart
ROUNDS = 2  # of subspace iteration, in each step
NOTHING = 1e-8  # of the largest variance of any chart
SINGULAR = 1e-3  # of the largest stretch of a chart, below which a direction is not turned back


class Charts(nn.Module):
    """What Atlas learns, as buffers; `local_dimension` (K,): how many directions of a chart have a good share of its variance."""

    m: Tensor
    W: Tensor
    lam: Tensor
    rho: Tensor
    pi: Tensor
    A: Tensor
    local_dimension: Tensor

    def __init__(self, shape: tuple[int, ...], K: int, d: int, z: int):
        super().__init__()
        D = int(np.prod(shape))
        self.shape = shape
        self.register_buffer("m", torch.zeros(K, D))
        self.register_buffer("W", torch.eye(d, D).repeat(K, 1, 1))
        self.register_buffer("lam", torch.ones(K, d))
        self.register_buffer("rho", torch.ones(K))
        self.register_buffer("pi", torch.full((K,), 1.0 / K))
        self.register_buffer("A", torch.zeros(K, d + 1, z))
        self.register_buffer("local_dimension", torch.full((K,), d, dtype=torch.long))

    def coordinates(self, x: Float[Tensor, "b *D"]) -> tuple[Float[Tensor, "b K d"], Float[Tensor, "b K"]]:
        """y_c of every chart, and the squared distance from it."""
        y, off = [], []
        for m, W in zip(self.m, self.W, strict=True):  # chart by chart: differences of all at once would be K times the items
            from_middle = x.flatten(1) - m
            y.append(from_middle @ W.T)
            off.append((from_middle.square().sum(1) - y[-1].square().sum(1)).clamp_min(0.0))
        return torch.stack(y, 1), torch.stack(off, 1)

    def weights(self, y: Float[Tensor, "b K d"], off: Float[Tensor, "b K"]) -> Float[Tensor, "b K"]:
        """w_c, from coordinates and squared distances from the charts."""
        spread = 0.5 * (self.lam.log().sum(1) + self.rho.log())
        return (self.pi.log() - spread - 0.5 * ((y.square() / self.lam).sum(2) + off / self.rho)).softmax(1)

    def place(self, chart: Int[Tensor, " b"], y: Float[Tensor, "b d"]) -> Float[Tensor, "b *D"]:
        """The observation at coordinates `y` of a chart: its inverse."""
        x = self.m[chart] + (y[:, None] @ self.W[chart]).squeeze(1)
        return x.view(len(x), *self.shape)

    def transition(self, i: int, j: int, y: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """psi_ij: coordinates on chart j of what has coordinates `y` on chart i."""
        return (self.m[i] + y @ self.W[i] - self.m[j]) @ self.W[j].T


@final
@dataclass(frozen=True)
class Atlas(Solved[Charts]):
    """An atlas of local principal components (charting, Brand 2003): minimises what overlapping charts disagree by in one common plane.

    latent: size of the code. charts: how many; at most a quarter of the items for each direction. dimension: of each chart; 0 takes latent.
    """

    latent: int = 2
    charts: int = 48
    dimension: int = 0

    card: ClassVar[Card] = Card(
        family="spectral",
        title="Atlas of aligned local charts",
        paper=Paper("Brand", "Charting a manifold", 2003,
                    "https://papers.nips.cc/paper/2002/hash/8929c70f8d710e412d38da624b21c3c8-Abstract.html",
                    "the weighted disagreement of charts, where they are connected"),
        density="not modelled", manifold="stays on the data manifold", principle="compression", approach="built-in structure",
        decoder="network",
        modelled=r"z = \sum_c w_c(x) A_c^T \tilde y_c(x),\; y_c = W_c (x - m_c)",
        minimised=r"\sum_x \sum_{c < c'} w_c w_{c'} |A_c^T \tilde y_c - A_{c'}^T \tilde y_{c'}|^2 \;\text{ s.t. } \mathrm{cov}(z) = I",
        unit="squared disagreement of charts",
        buys="Follows a curved manifold with linear maps that can be looked at and turned back; new items cost a few products.",
        costs="The number and the dimension of the charts must be said; every chart wants items enough.",
        fails="Charts larger than the bends, and closed surfaces in a plane; look at the reconstructions and at the local dimension.",
        code=CodeKind(size="smaller", form="structured"), tiny={"latent": 2, "charts": 4},
        claims=(Claim("reconstruction", "share_of_variance", "manifold:name=swiss_roll,n=2000", 0.999, {"latent": 2}, seeds=3),),
    )  # fmt: skip

    def build(self, spec: Spec, n: int) -> Charts:
        assert isinstance(spec, Array)
        for name, least in (("latent", 1), ("charts", 1), ("dimension", 0)):
            if getattr(self, name) < least:
                raise Problem(f"Atlas: expected {name} of at least {least}, got {getattr(self, name)}")
        d = max(1, min(self.dimension or self.latent, spec.size, n - 1))
        K = max(1, min(self.charts, n // (4 * d)))
        return Charts(spec.shape, K, d, max(1, min(self.latent, K * d)))

    @alone()
    def prepare(self, net: Charts, items: Items, dice: Dice) -> None:
        x = ordered(torch.cat([batch.flatten(1).double().cpu() for batch in items.batches()]))
        if torch.equal(x[0], x[-1]):  # in their order, the first and the last differ most
            raise Problem(f"Atlas: all {len(x)} items are the same; there is nothing to chart")
        K, d, z = len(net.m), net.W.shape[1], net.A.shape[2]
        exact = Charts(net.shape, K, d, z).double()
        begun = clustering.kmeans(x.float(), K, np.random.default_rng(dice.root), STARTS).double()
        middle = x.mean(0)
        x = x - middle
        w = torch.nn.functional.one_hot(torch.cdist(x, begun - middle).argmin(1), K).double()
        axes: Tensor | None = None
        for step in range(STEPS):
            axes = _fit(exact, x, w, axes if x.shape[1] > SMALL and step < STEPS - 1 else None)
            w = exact.weights(*exact.coordinates(x))
        exact.A.copy_(_aligned(exact, x, z))
        exact.m += middle
        for name, buffer in net.named_buffers():
            buffer.copy_(exact.get_buffer(name).to(buffer))

    def encode(self, net: Charts, x: Float[Tensor, "b *D"]) -> Float[Tensor, "b z"]:
        y, off = net.coordinates(x)
        return torch.einsum("bk,bkz->bz", net.weights(y, off), _told(net, y))

    def decode(self, net: Charts, z: Float[Tensor, "b z"]) -> Float[Tensor, "b *D"]:
        y, off = _turned_back(net, z)
        w = net.weights(y, off)
        x = w @ net.m + torch.einsum("bk,bkd,kdD->bD", w, y, net.W)
        return x.view(len(z), *net.shape)

    def codes(self, net: Charts, x: Float[Tensor, "b *D"], names: tuple[str, ...] | None = None) -> dict[str, Code]:
        """chart (b,), the one of most weight; coordinates (b, d) on it; weights (b, K) of all; dimension (b,), the local one there."""
        y, off = net.coordinates(x)
        w = net.weights(y, off)
        chart = w.argmax(1)
        every = {
            "chart": Code(chart, kind="index"), "coordinates": Code(y[torch.arange(len(y), device=y.device), chart]),
            "weights": Code(w), "dimension": Code(net.local_dimension[chart], kind="index"),
        }  # fmt: skip
        return {name: every[name] for name in names or tuple(every)}


def _fit(net: Charts, x: Float[Tensor, "n D"], w: Float[Tensor, "n K"], begin: Tensor | None) -> Float[Tensor, "K l D"]:
    """Middle, axes and variances of every chart from the items by their weights; its l widest axes. From those of the step before in
    `begin` they are approached, from None they are exact, and the local dimension is found too.

    A chart of fewer items than span it is given up: it would share none with others, and to tell it from all of them would be the least
    disagreement.
    """
    d, total = net.W.shape[1], w.sum(0)
    kept = total >= min(d + 1.0, len(x) / 2.0)
    share = w / total.clamp_min(torch.finfo(w.dtype).tiny)
    m = share.T @ x
    every = (share.T @ x.square().sum(1) - m.square().sum(1)).clamp_min(0.0)
    if begin is None:
        values, axes, local = _solved(x, share, m, min(d + MORE, x.shape[1]))
        net.local_dimension.copy_(torch.where(kept, local, net.local_dimension))
    else:
        values, axes = _approached(x, share, m, begin)
    lam = torch.maximum(values[:, :d], (1e-9 * every + 1e-30)[:, None])
    rho = torch.maximum(every - values[:, :d].sum(1), THICK * lam.mean(1))
    for buffer, new in ((net.m, m), (net.W, axes[:, :d]), (net.lam, lam), (net.rho, rho)):
        buffer.copy_(torch.where(kept.view(-1, *[1] * (new.ndim - 1)), new, buffer))
    net.pi.copy_(torch.where(kept, total / len(x), 0.0))
    return axes


def _solved(
    x: Float[Tensor, "n D"], share: Float[Tensor, "n K"], m: Float[Tensor, "K D"], size: int
) -> tuple[Float[Tensor, "K l"], Float[Tensor, "K l D"], Int[Tensor, " K"]]:
    """Of every chart's covariance the l largest eigenvalues and their eigenvectors, by the smaller product of its items; zeros for
    those below rounding. And how many eigenvalues have a good share of the largest."""
    values, axes = m.new_zeros(len(m), size), m.new_zeros(len(m), size, m.shape[1])
    local = torch.zeros(len(m), dtype=torch.long)
    for c, own in enumerate(share.T):
        on = own > FAINT
        rows = own[on].sqrt()[:, None] * (x[on] - m[c])
        if not len(rows):
            continue
        few = len(rows) < rows.shape[1]
        found, vectors = torch.linalg.eigh(rows @ rows.T if few else rows.T @ rows)
        found, vectors = found.flip(0).clamp_min(0.0), vectors.flip(1).T
        local[c] = (found > SHARE * found[0]).sum()
        told = min(size, int((found > ROUNDING * found[0]).sum()))
        values[c, :told] = found[:told]
        axes[c, :told] = torch.nn.functional.normalize(vectors[:told] @ rows, dim=1) if few else vectors[:told]
    return values, axes, local


def _approached(
    x: Float[Tensor, "n D"], share: Float[Tensor, "n K"], m: Float[Tensor, "K D"], V: Float[Tensor, "K l D"]
) -> tuple[Float[Tensor, "K l"], Float[Tensor, "K l D"]]:
    """The same for all charts at once, by subspace iteration from `V`."""
    for _ in range(ROUNDS):
        V = torch.linalg.qr(V.mT)[0].mT
        along = (x @ V.flatten(0, 1).T).view(len(x), *V.shape[:2]) - (V @ m[:, :, None]).squeeze(2)
        CV = ((share[:, :, None] * along).flatten(1).T @ x).view_as(V)  # deviations along V have mean 0
        last, V = V, CV
    values, turn = torch.linalg.eigh(last @ V.mT)
    return values.flip(1).clamp_min(0.0), (turn.mT @ last).flip(1)


def _aligned(net: Charts, x: Float[Tensor, "n D"], z: int) -> Float[Tensor, "K e z"]:
    """A: the mixtures of all charts' numbers that least disagree, by the generalised eigenproblem, at about the scale of the charts."""
    y, off = net.coordinates(x)
    w = net.weights(y, off).square()
    w = w / w.sum(1, keepdim=True)
    flat = net.lam < NOTHING * net.lam.max()  # axes along which there is nothing are in no one's code
    wide = torch.nn.functional.pad(torch.where(flat, 0.0, y), (0, 1), value=1.0)  # (n, K, d + 1)
    n, K, e = wide.shape
    U = (w[:, :, None] * wide).flatten(1)
    own = torch.einsum("nk,nki,nkj->kij", w, wide, wide) / n
    disagreement = torch.block_diag(*own) - U.T @ U / n
    middle = U.mean(0)
    covariance = (U - middle).T @ (U - middle) / n
    size = torch.block_diag(*own).diagonal()
    scale = torch.where(size > 0, size, 1.0).rsqrt()  # so that numbers of all sizes weigh alike in the rounding
    a, b = (scale[:, None] * m * scale for m in (disagreement, covariance))
    rounding = 1e-9 * torch.eye(K * e, dtype=x.dtype) * b.diagonal().mean()
    # The largest share of agreement; what is constant has no covariance, and so no share.
    _, v = scipy.linalg.eigh(b.numpy(), (a + b + rounding).numpy(), subset_by_index=(K * e - z, K * e - 1))
    A = (scale[:, None] * torch.as_tensor(v).flip(1)).view(K, e, z)
    A[:, -1] -= middle @ A.flatten(0, 1)
    stretch = torch.einsum("k,kiz,kiy->zy", net.pi, A[:, :-1], A[:, :-1])
    values, turn = torch.linalg.eigh(stretch)
    A = A @ turn @ torch.diag(values.clamp_min(1e-6 * values[-1]).rsqrt()) @ turn.T
    return torch.where(net.pi[:, None, None] > 0, spectra.oriented(A.flatten(0, 1)).view_as(A), 0.0)


def _told(net: Charts, y: Float[Tensor, "b K d"]) -> Float[Tensor, "b K z"]:
    """Where every chart puts the items in the common plane."""
    return torch.einsum("bkd,kdz->bkz", y, net.A[:, :-1]) + net.A[:, -1]


def _turned_back(net: Charts, z: Float[Tensor, "b z"]) -> tuple[Float[Tensor, "b K d"], Float[Tensor, "b K"]]:
    """The coordinates that every chart has for a place in the common plane, and how far, squared, the place is from what it covers."""
    back = torch.linalg.pinv(net.A[:, :-1], rtol=SINGULAR)  # (K, z, d)
    y = torch.einsum("bkz,kzd->bkd", z[:, None] - net.A[:, -1], back)
    return y, (z[:, None] - _told(net, y)).square().sum(2)
