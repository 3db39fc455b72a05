"""Multinomial logistic regression, many problems at once, to convergence.

    minimise over W (d, k), b (k):   sum_i -log softmax(x_i W + b)[y_i]  +  strength / 2 |W|^2

which is scikit-learn's objective with C = 1 / strength for three or more classes. (For two classes scikit-learn fits one weight vector,
the difference of ours; the same solution has C = 2 / strength there.) The bias is not penalised.

The rows are centred and turned to their principal axes first, or expressed by their Gram matrix when they are fewer than the features;
neither changes the solution, and both bring the Hessian near a diagonal one. L-BFGS (Nocedal and Wright 2006, algorithm 7.4) that starts
from the true diagonal of the Hessian then needs about half as many passes as without. Data stay in their dtype; sums are float64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

CHUNK = 2048
MEMORY = 12
MOST_STEPS = 1000
BIAS_CURVATURE = 1e-3  # keeps the unpenalised bias's step finite when every row is certain
RENEW = (2, 5, 10, 20, 40, 80)  # the steps at which the diagonal is taken anew: it changes most while the classes first come apart


@dataclass(frozen=True, eq=False)
class Linear:
    """m linear classifiers: `weight` (m, d, k) and `bias` (m, k), float64."""

    weight: Float[Tensor, "m d k"]
    bias: Float[Tensor, "m k"]

    def logits(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "m n k"]:
        """The scores of every class by each classifier, for the same rows; in the dtype of `x`."""
        m, d, k = self.weight.shape
        flat = self.weight.permute(1, 0, 2).reshape(d, m * k).to(x.dtype)
        return (x @ flat).view(len(x), m, k).permute(1, 0, 2) + self.bias.to(x.dtype)[:, None]


def turns(gram: Float[Tensor, "m n n"]) -> tuple[Float[Tensor, "m n n"], Float[Tensor, "m n n"]]:
    """U root(S) and U / root(S) of a Gram matrix U S U^T: rows on their principal axes, and what turns them back; 0 where S is."""
    scale, u = torch.linalg.eigh(gram)
    scale = torch.where(scale > 1e-12 * scale[:, -1:], scale, 0.0)
    root = scale.sqrt()
    inverse = torch.where(scale > 0, 1.0 / root.clamp_min(1e-300), 0.0)
    return u * root[:, None], u * inverse[:, None]


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled rows of m problems, centred and turned: `x` (m, n, r) = (rows - mean) axes."""

    x: Float[Tensor, "m n r"]
    y: Int[Tensor, "m n"]
    classes: int
    mean: Float[Tensor, "m d"]
    axes: Float[Tensor, "m d r"]

    @staticmethod
    def of(x: Float[Tensor, "m n d"], y: Int[Tensor, "m n"], classes: int) -> "Rows":
        """Turns the rows; the cheaper of the two Gram matrices says how."""
        mean = x.double().mean(1) if x.shape[1] <= CHUNK else sum(c.double().sum(1) for c in x.split(CHUNK, 1)) / x.shape[1]
        x = x - mean[:, None].to(x.dtype)
        if x.shape[1] < x.shape[2]:
            wide = x.double()
            turned, back = turns(wide @ wide.mT)
            return Rows(turned.to(x.dtype), y, classes, mean, wide.mT @ back)
        scatter = sum((c.mT @ c).double() for c in x.split(CHUNK, 1))
        axes = torch.linalg.eigh(scatter)[1]  # any orthogonal turn is exact; rounding here only costs a step
        return Rows(x @ axes.to(x.dtype), y, classes, mean, axes)

    def unturned(self, v: Float[Tensor, "m p"]) -> Linear:
        """The classifiers that the parameters stand for, in the axes of the data."""
        v = v.view(len(v), -1, self.classes)
        weight = self.axes.double() @ v[:, :-1]
        bias = v[:, -1] - (self.mean[:, None] @ weight)[:, 0]
        return Linear(weight, bias - bias.mean(1, keepdim=True))  # a constant over the classes changes nothing

    def loss(self, v: Float[Tensor, "m p"], strength: float) -> tuple[Float[Tensor, " m"], Float[Tensor, "m p"]]:
        """The objective of each problem and its gradient."""
        turned = v.view(len(v), -1, self.classes)
        weight, bias = turned[:, :-1].to(self.x.dtype), turned[:, -1:].to(self.x.dtype)
        value = 0.5 * strength * turned[:, :-1].square().sum((1, 2))
        gradient = torch.cat([strength * turned[:, :-1], torch.zeros_like(turned[:, -1:])], 1)
        for x, y in zip(self.x.split(CHUNK, 1), self.y.split(CHUNK, 1), strict=True):
            log_p = torch.log_softmax(torch.baddbmm(bias, x, weight), 2)
            value -= log_p.gather(2, y[..., None])[..., 0].sum(1, dtype=torch.float64)
            residual = log_p.exp_().scatter_add_(2, y[..., None], -torch.ones_like(y, dtype=x.dtype)[..., None])
            gradient[:, :-1] += (residual.mT @ x).mT  # x.mT @ residual takes three times as long
            gradient[:, -1] += residual.sum(1, dtype=torch.float64)
        return value, gradient.flatten(1)

    def curvature(self, v: Float[Tensor, "m p"], strength: float) -> Float[Tensor, "m p"]:
        """The diagonal of the Hessian: sum_i p_ic (1 - p_ic) x_ij^2 + strength."""
        turned = v.view(len(v), -1, self.classes)
        weight, bias = turned[:, :-1].to(self.x.dtype), turned[:, -1:].to(self.x.dtype)
        diagonal = torch.full_like(turned, strength)
        diagonal[:, -1] = BIAS_CURVATURE
        for x in self.x.split(CHUNK, 1):
            p = torch.softmax(torch.baddbmm(bias, x, weight), 2)
            unsure = p * (1.0 - p)
            diagonal[:, :-1] += (unsure.mT @ x.square()).mT
            diagonal[:, -1] += unsure.sum(1, dtype=torch.float64)
        return diagonal.flatten(1)


@dataclass(eq=False)
class History:
    """The last steps and changes of gradient of m problems, which stand for the inverse Hessian."""

    diagonal: Float[Tensor, "m p"]
    pairs: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    gamma: Tensor | None = None

    def renew(self, diagonal: Float[Tensor, "m p"]) -> None:
        """Takes another diagonal, scaled to the last pair."""
        self.diagonal = diagonal
        s, y, _ = self.pairs.pop()
        self.add(s, y)

    def add(self, s: Float[Tensor, "m p"], y: Float[Tensor, "m p"]) -> None:
        """A problem without usable curvature (it stands still) gets the weight 0 for this pair."""
        sy, yy = (s * y).sum(1), (y * y / self.diagonal).sum(1)
        usable = sy > 1e-14 * yy
        gamma = torch.where(usable, sy / yy.clamp_min(1e-300), 1.0 if self.gamma is None else self.gamma)
        self.gamma = gamma
        self.pairs = [*self.pairs[-MEMORY + 1 :], (s, y, torch.where(usable, 1.0 / sy.clamp_min(1e-300), 0.0))]

    def direction(self, gradient: Float[Tensor, "m p"]) -> Float[Tensor, "m p"]:
        """Minus the inverse Hessian times the gradient: the two-loop recursion."""
        q, alphas = gradient.clone(), []
        for s, y, rho in reversed(self.pairs):
            alphas.append(rho * (s * q).sum(1))
            q -= alphas[-1][:, None] * y
        q /= self.diagonal
        if self.gamma is not None:
            q *= self.gamma[:, None]
        for (s, y, rho), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q += (alpha - rho * (y * q).sum(1))[:, None] * s
        return -q


def solve(rows: Rows, strength: float, start: Tensor | None = None, tolerance: float = 1e-5) -> Float[Tensor, "m p"]:
    """The turned parameters (m, (r + 1) k) at the minimum: the largest entry of the gradient is below `tolerance` times n."""
    v = torch.zeros(len(rows.x), (rows.x.shape[2] + 1) * rows.classes, dtype=torch.float64) if start is None else start
    history = History(rows.curvature(v, strength))
    value, gradient = rows.loss(v, strength)
    moving = torch.ones(len(v), dtype=torch.bool)
    for i in range(MOST_STEPS):
        moving = moving & (gradient.abs().amax(1) > tolerance * rows.x.shape[1])
        if not moving.any():
            break
        if i in RENEW:
            history.renew(rows.curvature(v, strength))
        step = history.direction(gradient) * moving[:, None]
        v_new, value_new, gradient_new, moved = _search(rows, strength, v, value, gradient, step)
        moving = moving & moved  # a problem that finds no lower point has reached the rounding of its dtype
        history.add(v_new - v, gradient_new - gradient)
        v, value, gradient = v_new, value_new, gradient_new
    return v


def _search(rows: Rows, strength: float, v: Tensor, value: Tensor, gradient: Tensor, step: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Halves the steps of those problems that do not fall enough (Armijo); a problem that cannot fall stays where it is."""
    slope = (gradient * step).sum(1)
    length = torch.ones_like(value)
    for _ in range(12):
        candidate = v + length[:, None] * step
        new, gradient_new = rows.loss(candidate, strength)
        fell = new <= value + 1e-4 * length * slope
        if fell.all():
            break
        length = torch.where(fell, length, 0.5 * length)
    stay = ~fell[:, None]
    return torch.where(stay, v, candidate), torch.where(fell, new, value), torch.where(stay, gradient, gradient_new), fell


def fit(x: Float[Tensor, "m n d"], y: Int[Tensor, "m n"], classes: int, strength: float = 1.0, tolerance: float = 1e-5) -> Linear:
    """m classifiers, each on its own rows."""
    rows = Rows.of(x, y, classes)
    return rows.unturned(solve(rows, strength, tolerance=tolerance))


def path(
    x: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int, strengths: Sequence[float], tolerance: float = 1e-5
) -> Iterator[Linear]:
    """One classifier for each strength, in the order given (strong to weak), each started at the last."""
    rows = Rows.of(x[None], y[None], classes)
    v = None
    for strength in strengths:
        v = solve(rows, strength, v, tolerance)
        yield rows.unturned(v)
