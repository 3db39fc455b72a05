"""A process with two halves that is known completely, on which self-supervision by prediction can be proved and then broken.

    (Y, Z) ~ prior over the cells;   X1 = (s, n),  s ~ N(centre of the cell, I),  n ~ N(0, I) on its own;
    X2 = A e_(Y,Z) + epsilon U n + noise, noise ~ N(0, sigma^2 I)

With epsilon = 0 the halves are independent given (Y, Z), so E[X2|X1] = A P(Y,Z|X1) with A = E[X2|Y,Z], one column a cell
(Lee et al. 2021, arXiv:2008.01064, lemma 3.1 and section 3). epsilon is a direct path past the class: n has nothing to do with it.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from allegory.measures.conditional import one_hot


@dataclass(frozen=True, eq=False)
class Mixture:
    """`label` is the class Y of each of c cells; `A` has a column a cell, `U` a column for each number of n."""

    prior: Float[np.ndarray, " c"]
    label: Int[np.ndarray, " c"]
    centres: Float[np.ndarray, "c s"]
    A: Float[np.ndarray, "p c"]
    U: Float[np.ndarray, "p q"]
    epsilon: float = 0.0
    sigma: float = 1.0

    def but(self, epsilon: float | None = None, p: int | None = None) -> "Mixture":
        """The same process with another direct path, or with only the first `p` numbers of X2."""
        kept = slice(None, p)
        return replace(self, A=self.A[kept], U=self.U[kept], epsilon=self.epsilon if epsilon is None else epsilon)

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n p"], Int[np.ndarray, " n"]]:
        """X1, X2 and the cell of n draws."""
        cell = rng.choice(len(self.prior), n, p=self.prior)
        signal = self.centres[cell] + rng.standard_normal((n, self.centres.shape[1]))
        other = rng.standard_normal((n, self.U.shape[1]))
        noise = self.sigma * rng.standard_normal((n, len(self.A)))
        return np.concatenate([signal, other], axis=1), self.A.T[cell] + self.epsilon * other @ self.U.T + noise, cell

    def cells_given_x1(self, x1: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n c"]:
        """P(Y,Z|X1) by Bayes."""
        return _normalised(np.log(self.prior) - 0.5 * _squares(x1[:, : self.centres.shape[1]], self.centres))

    def cells_given_both(self, x1: Float[np.ndarray, "n d"], x2: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n c"]:
        """P(Y,Z|X1,X2) by Bayes: what nobody who sees X1 alone can know."""
        signal, other = np.split(x1, [self.centres.shape[1]], axis=1)
        direct = x2 - self.epsilon * other @ self.U.T
        squares = _squares(signal, self.centres) + _squares(direct, self.A.T) / self.sigma**2
        return _normalised(np.log(self.prior) - 0.5 * squares)

    def mean_given_x1(self, x1: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n p"]:
        """E[X2|X1], exactly."""
        return self.cells_given_x1(x1) @ self.A.T + self.epsilon * x1[:, self.centres.shape[1] :] @ self.U.T

    def classes(self, cells: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n k"]:
        """Posteriors of the classes from those of the cells: summed over Z."""
        return cells @ one_hot(self.label, int(self.label.max()) + 1)

    @property
    def dependence(self) -> float:
        """epsilon_CI^2 = E |E[X2|X1] - E[E[X2|Y,Z]|X1]|^2 = epsilon^2 |U|^2 (definition 4.1 of the paper)."""
        return self.epsilon**2 * float(np.square(self.U).sum())


def ring(classes: int = 3, hidden: int = 2, p: int | None = None, radius: float = 3.0, seed: int = 0) -> Mixture:
    """Cells evenly on a circle, the classes in turn, so that opposite cells share a class and no line parts the classes. X2 has `p` numbers
    (one a cell by default), the columns of A are orthogonal and 3 long where p allows it, and n has as many numbers as X2."""
    c = classes * hidden
    p = p or c
    angle = 2.0 * np.pi * np.arange(c) / c
    centres = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rng = np.random.default_rng([seed, c, p])
    A, U = (np.linalg.qr(rng.standard_normal((max(p, m), m)))[0][:p] for m in (c, p))
    return Mixture(np.full(c, 1.0 / c), np.arange(c) % classes, centres, 3.0 * A, U)


def _squares(x: np.ndarray, centres: np.ndarray) -> Float[np.ndarray, "n c"]:
    return np.square(x[:, None] - centres).sum(2)


def _normalised(logs: np.ndarray) -> Float[np.ndarray, "n c"]:
    weights = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(weights / weights.sum(1, keepdims=True))
