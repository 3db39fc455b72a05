"""What one half of an observation says about the other: the learned E[X2|X1], a linear reader of it, and what is left between the halves
when the class is known. Lee, Lei, Saunshi and Zhuo (2021, arXiv:2008.01064), "Predicting what you already know helps".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

Rows = Float[np.ndarray, "n d"]
Other = Float[np.ndarray, "n p"]
STRENGTHS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)


@dataclass(frozen=True, eq=False)
class Fourier:
    """The standardised input and random Fourier features of a Gaussian kernel (Rahimi and Recht 2007): [x, sqrt(2/r) cos(x w + b)].

    The kernel's width is the median distance between some of the rows it was made from.
    """

    mean: Float[np.ndarray, " d"]
    scale: Float[np.ndarray, " d"]
    w: Float[np.ndarray, "d r"]
    b: Float[np.ndarray, " r"]

    @staticmethod
    def of(x: Rows, rng: np.random.Generator, features: int = 500) -> "Fourier":
        """Features for rows like `x`; a constant column counts as nothing."""
        mean, std = x.mean(0), x.std(0)
        scale = np.where(std > 1e-9 * np.abs(mean) + 1e-12, 1.0 / np.maximum(std, 1e-12), 0.0)
        some = ((x - mean) * scale)[rng.permutation(len(x))[:500]]
        half = len(some) // 2
        width = np.median(np.linalg.norm(some[:half] - some[half : 2 * half], axis=1)) if half else 1.0
        w = rng.standard_normal((x.shape[1], features)) / max(float(width), 1e-12)
        return Fourier(mean, scale, w, rng.uniform(0.0, 2.0 * np.pi, features))

    def __call__(self, x: Rows) -> Float[np.ndarray, "n r"]:
        x = (x - self.mean) * self.scale
        return np.concatenate([x, np.sqrt(2.0 / len(self.b)) * np.cos(x @ self.w + self.b)], axis=1)


@dataclass(frozen=True, eq=False)
class Ridge:
    """y = (phi - phi_mean) W + y_mean."""

    weight: Float[np.ndarray, "r k"]
    centre: Float[np.ndarray, " r"]
    offset: Float[np.ndarray, " k"]

    def __call__(self, phi: Float[np.ndarray, "n r"]) -> Float[np.ndarray, "n k"]:
        return (phi - self.centre) @ self.weight + self.offset


def ridge(phi: Float[np.ndarray, "n r"], y: Float[np.ndarray, "n k"], strengths: Sequence[float] = STRENGTHS) -> Ridge:
    """Least squares with `strength` n |W|^2 added; the strength is the best of these on the last fifth of the rows, then all are used."""
    kept = len(phi) - max(1, len(phi) // 5)
    tried = [_solved(phi[:kept], y[:kept], strength)(phi[kept:]) for strength in strengths]
    errors = [float(np.square(said - y[kept:]).sum()) for said in tried]
    return _solved(phi, y, strengths[int(np.argmin(errors))])


def _solved(phi: np.ndarray, y: np.ndarray, strength: float) -> Ridge:
    centre, offset = phi.mean(0), y.mean(0)
    centred = phi - centre
    gram = centred.T @ centred / len(phi)
    gram[np.diag_indices_from(gram)] += strength
    return Ridge(np.linalg.solve(gram, centred.T @ (y - offset) / len(phi)), centre, offset)


def conditional_mean(x1: Rows, x2: Other, rng: np.random.Generator, features: int = 500) -> "Learned":
    """psi, which approximates E[X2|X1]: the least-squares prediction of X2 from X1 (rows in any fixed order; no label is read)."""
    phi = Fourier.of(x1, rng, features)
    return Learned(phi, ridge(phi(x1), x2))


@dataclass(frozen=True, eq=False)
class Learned:
    """A function learned by least squares on Fourier features."""

    phi: Fourier
    top: Ridge

    def __call__(self, x: Rows) -> Float[np.ndarray, "n k"]:
        return self.top(self.phi(x))


def readout(psi: Float[np.ndarray, "n p"], targets: Float[np.ndarray, "n k"], constant: bool = True) -> Float[np.ndarray, "q k"]:
    """The linear regression of `targets` (one-hot labels or posteriors) on psi: the weights, the last row for the constant if there is one.

    With exact psi = A P(Y,Z|X1), A of full column rank, and enough rows this is the posterior itself, psi pinv(A)^T summed over Z.
    """
    return np.asarray(np.linalg.lstsq(_with(psi, constant), targets, rcond=1e-10)[0])


def read(psi: Float[np.ndarray, "n p"], weights: Float[np.ndarray, "q k"]) -> Float[np.ndarray, "n k"]:
    """What a `readout` says; it has a constant when it has one row more than psi has columns."""
    return _with(psi, len(weights) > psi.shape[1]) @ weights


def _with(psi: np.ndarray, constant: bool) -> np.ndarray:
    return np.concatenate([psi, np.ones((len(psi), 1))], axis=1) if constant else psi


def one_hot(y: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, "n k"]:
    """Row i is 1 at y[i], else 0."""
    return np.eye(classes)[y]


def within(x: Rows, y: Int[np.ndarray, " n"], fit: Int[np.ndarray, " m"]) -> Rows:
    """x less the mean of its class; the means are those of the rows `fit` (the overall one for a class that they lack)."""
    x = x - x[fit].mean(0)
    size = np.maximum(np.bincount(y[fit], minlength=int(y.max()) + 1), 1)
    means = np.stack([np.bincount(y[fit], column[fit], len(size)) for column in x.T], axis=1) / size[:, None]
    return np.asarray(x - means[y])


def residual_dependence(
    x1: Rows, x2: Other, y: Int[np.ndarray, " n"], fit: Int[np.ndarray, " m"], test: Int[np.ndarray, " q"], rng: np.random.Generator,
    features: int = 500,
) -> Float[np.ndarray, "q 2"]:  # fmt: skip
    """What X1 still says about X2 when the class is known, on the rows `test`: squared error of X2 - E[X2|Y] with and without X1.

    Both are summed over X2's columns, each scaled to unit variance; 1 - sum of the first / sum of the second is the share of X2's variance
    within classes that X1 predicts: 0 when X1 and X2 are independent given Y (the assumption of Lee et al.), 1 when X1 tells X2.
    As their partial covariance of phi(X1) and X2 given one-hot Y (definition 4.1), but held out: chance findings do not count.
    """
    phi = within(Fourier.of(x1[fit], rng, features)(x1), y, fit)
    std = x2[fit].std(0)
    left = within(x2 / np.where(std > 1e-9, std, np.inf), y, fit)
    missed = left[test] - ridge(phi[fit], left[fit])(phi[test])
    return np.stack([np.square(missed).sum(1), np.square(left[test]).sum(1)], axis=1)
