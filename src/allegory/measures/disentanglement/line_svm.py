"""The linear support vector machine of a single feature, solved exactly: what SAP fits for every code and factor.

    minimise over w, b:   (w^2 + b^2) / 2 + sum_i C_i max(0, 1 - y_i (w x_i + b))^2

for each class against the rest: liblinear's problem (Fan et al. 2008) as scikit-learn's LinearSVC states it, the bias penalised too.
With class_weight="balanced" C_i = C n / (k n_c) for the items of class c and C for the rest, but for both sides when there are two
classes. The items inside the margin are the lower or upper end of the sorted feature, so sums over them are differences of running
sums, and Newton's method (Mangasarian 2002) needs no pass over the items.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

MOST_STEPS, HALVINGS = 100, 30
TOLERANCE = 1e-9  # of the gradient, against the gradient at the start
Sums = Float[np.ndarray, "3 k"]


@dataclass(frozen=True, eq=False)
class Sorted:
    """One feature in order, with running sums of 1, x and x^2 over all items and over those of each class."""

    x: Float[np.ndarray, " n"]
    keys: Int[np.ndarray, " n"]
    all: Float[np.ndarray, "3 m"]
    own: Float[np.ndarray, "3 m"]
    starts: Int[np.ndarray, " k"]

    @staticmethod
    def of(x: Float[np.ndarray, " n"], y: Int[np.ndarray, " n"], classes: int) -> "Sorted":
        """`y` in 0 ... classes - 1."""
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
        by_class = np.argsort(y, kind="stable")
        keys = y[by_class] * (len(x) + 1) + by_class
        starts = np.searchsorted(keys, np.arange(classes) * (len(x) + 1))
        return Sorted(x, keys, _running(x), _running(x[by_class]), starts)

    def below(self, limits: Float[np.ndarray, " k"]) -> tuple[Sums, Sums]:
        """The sums over the items with x < limits[c]: those of class c, and the others."""
        at = np.searchsorted(self.x, limits)
        own = np.searchsorted(self.keys, np.arange(len(limits)) * (len(self.x) + 1) + at)
        inside = self.own[:, own] - self.own[:, self.starts]
        return inside, self.all[:, at] - inside

    def total(self, classes: int) -> tuple[Sums, Sums]:
        return self.below(np.full(classes, np.inf))


def _running(x: Float[np.ndarray, " n"]) -> Float[np.ndarray, "3 m"]:
    return np.concatenate([np.zeros((3, 1)), np.cumsum([np.ones_like(x), x, x * x], axis=1)], 1)


@dataclass(frozen=True, eq=False)
class Machines:
    """k classifiers of one feature: `w` (k,), `b` (k,)."""

    w: Float[np.ndarray, " k"]
    b: Float[np.ndarray, " k"]

    def classes(self, x: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """The class of the largest w x + b."""
        return np.asarray((x[:, None] * self.w + self.b).argmax(1))


def fit(x: Float[np.ndarray, " n"], y: Int[np.ndarray, " n"], classes: int, C: float) -> Machines:
    """One classifier a class, each class with at least one item. Feature in any unit; the optimum to 1e-9 of the first gradient."""
    sizes = np.bincount(y, minlength=classes)
    ours = C * len(y) / (classes * sizes)
    theirs = ours[::-1] if classes == 2 else np.full(classes, C)
    items = Sorted.of(x, y, classes)
    whole = items.total(classes)
    w, b = np.zeros(classes), np.zeros(classes)
    value, gradient, hessian = _objective(items, whole, w, b, ours, theirs)
    first = np.abs(gradient).max(0)
    for _ in range(MOST_STEPS):
        if (np.abs(gradient).max(0) <= TOLERANCE * first).all():
            break
        step = _solved(hessian, gradient)
        w, b, value, gradient, hessian = _search(items, whole, (w, b), step, (value, gradient, hessian), ours, theirs)
    return Machines(w, b)


def _objective(
    items: Sorted, whole: tuple[Sums, Sums], w: np.ndarray, b: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The value (k,), its gradient (2, k) and Hessian (w w, w b, b b) (3, k)."""
    safe = np.where(w == 0, 1e-300, w)
    with np.errstate(over="ignore"):
        upper, lower = items.below((1 - b) / safe), items.below((-1 - b) / safe)
    own = np.where(w >= 0, upper[0], whole[0] - upper[0])  # w x + b < 1: the low end when w is positive
    rest = np.where(w >= 0, whole[1] - lower[1], lower[1])  # w x + b > -1
    value, gradient = 0.5 * (w * w + b * b), np.stack([w, b])
    hessian = np.stack([np.ones_like(w), np.zeros_like(w), np.ones_like(w)])
    for (n, x, xx), sign, cost in ((own, 1.0, ours), (rest, -1.0, theirs)):
        residual, along = w * x + (b - sign) * n, w * xx + (b - sign) * x  # sums of w x + b - y, and of that times x
        value = value + cost * (w * along + (b - sign) * residual)
        gradient = gradient + 2 * cost * np.stack([along, residual])
        hessian = hessian + 2 * cost * np.stack([xx, x, n])
    return value, gradient, hessian


def _solved(hessian: np.ndarray, gradient: np.ndarray) -> Float[np.ndarray, "2 k"]:
    """Minus the inverse Hessian times the gradient; its determinant is at least 1, as the penalty is."""
    (ww, wb, bb), (gw, gb) = hessian, gradient
    return -np.stack([bb * gw - wb * gb, ww * gb - wb * gw]) / (ww * bb - wb * wb)


def _search(
    items: Sorted, whole: tuple[Sums, Sums], at: tuple[np.ndarray, np.ndarray], step: np.ndarray,
    now: tuple[np.ndarray, np.ndarray, np.ndarray], ours: np.ndarray, theirs: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Halves the steps of the classes whose objective does not fall enough (Armijo); one that cannot fall stays where it is."""
    value, gradient, hessian = now
    slope, length = (gradient * step).sum(0), np.ones_like(value)
    for _ in range(HALVINGS):
        w, b = at[0] + length * step[0], at[1] + length * step[1]
        new = _objective(items, whole, w, b, ours, theirs)
        fell = new[0] <= value + 1e-4 * length * slope
        if fell.all():
            break
        length = np.where(fell, length, 0.5 * length)
    return (
        np.where(fell, w, at[0]), np.where(fell, b, at[1]), np.where(fell, new[0], value),
        np.where(fell, new[1], gradient), np.where(fell, new[2], hessian),
    )  # fmt: skip
