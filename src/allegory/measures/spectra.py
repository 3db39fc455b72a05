"""Eigenvectors of symmetric matrices, dense and sparse, the same on every call: fixed beginnings, fixed signs, float64."""

import inspect
from collections.abc import Callable

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import torch
from jaxtyping import Float
from scipy.sparse.linalg import LinearOperator, eigsh, splu
from torch import Tensor

from allegory.measures import graphs
from allegory.measures.dealing import alone

DENSE = 1500  # rows up to which all is computed densely, which is exact and as fast
RANK = 1e-11  # of the largest eigenvalue: what lies below is rounding
RESIDUAL = 1e-10  # of an eigenvector, beside the largest eigenvalue
KRYLOV = 30  # vectors that Lanczos keeps, at least
NEAR_ZERO = 1e-10  # of the mean diagonal: the shift below 0 at which a singular matrix is factorised
SEEDED = {"rng": 0} if "rng" in inspect.signature(eigsh).parameters else {}  # scipy from 1.17 on draws anew where Lanczos breaks down

Product = Callable[[np.ndarray], np.ndarray]
Pairs = tuple[np.ndarray, np.ndarray]
Modes = tuple[Float[Tensor, " k"], Float[Tensor, "n k"]]


def oriented(vectors: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """Each column with its sign such that its largest entry is positive; a column of zeros stays."""
    sign = torch.sign(vectors.gather(0, vectors.abs().argmax(0, keepdim=True)))
    return vectors * torch.where(sign == 0, 1.0, sign)


def leading(A: Float[Tensor, "n n"], k: int) -> Modes:
    """The k largest eigenvalues of a symmetric matrix, falling, and their eigenvectors, of length 1."""
    n = len(A)
    values, vectors = dense(A.double().cpu().numpy(), n - k, n - 1)
    return _modes(values[::-1], vectors[:, ::-1])


@alone()
def principal_map(K: Float[Tensor, "m m"], k: int) -> tuple[Float[Tensor, " k"], Float[Tensor, "m k"], Float[Tensor, " k"]]:
    """The k leading coordinates of m items whose inner products are K, once centred, as an affine map of similarities.

    Values (falling), A and b: an item with similarities s (m,) to the m items lies at s A + b. With J = I - 1/m, J K J = V L V^T and
    A = V L^-1/2 (Schoelkopf, Smola and Mueller 1998; Gower 1968 for distances). A coordinate whose eigenvalue is not
    above rounding is 0.
    """
    K = K.double()
    mean = K.mean(0)
    values, V = leading(K - mean - mean[:, None] + mean.mean(), k)
    kept = values > RANK * values[0].clamp_min(0.0)
    A = torch.where(kept, V / values.clamp_min(torch.finfo(values.dtype).tiny).sqrt(), 0.0)
    return values, A, -(mean @ A)


def trailing(A: sp.csr_array, k: int, skip: int = 1) -> Modes:
    """Of a sparse positive semi-definite matrix the k smallest eigenvalues, rising, after `skip` that are left out.

    Large ones by Lanczos on the inverse, factorised once, so that small and crowded eigenvalues are told apart.
    """
    n = A.shape[0]
    if n <= max(DENSE, 4 * (k + skip)):
        values, vectors = dense(A.toarray(), skip, skip + k - 1)
        return _modes(values, vectors)
    shift = NEAR_ZERO * A.diagonal().mean()
    values, vectors = lanczos(_inverse(A + shift * sp.eye_array(n)), n, k + skip)
    values = 1.0 / values - shift
    order = np.argsort(values)[skip:]
    return _modes(values[order], vectors[:, order])


def markov_modes(W: sp.csr_array, k: int) -> Modes:
    """Eigenvalues (falling) and right eigenvectors of the walk P = D^-1 W on a connected graph, the constant one left out.

    From S = D^-1/2 W D^-1/2, symmetric with the same eigenvalues: psi = D^-1/2 v, scaled so that sum_i pi_i psi_i^2 = 1 with pi the
    walk's stationary distribution d_i / sum d.
    """
    n, degree = W.shape[0], np.asarray(W.sum(1)).ravel()
    root = np.sqrt(degree)
    S = sp.csr_array(sp.diags_array(1.0 / root) @ W @ sp.diags_array(1.0 / root))
    still = root / np.linalg.norm(root)  # the eigenvector of eigenvalue 1
    if n <= max(DENSE, 4 * k):
        values, vectors = dense(S.toarray() - 2.0 * np.outer(still, still), n - k, n - 1)
    elif graphs.is_surface(W):
        values, vectors = _slowest(S, still, k)
    else:
        values, vectors = lanczos(lambda v: S @ v - (2.0 * (still @ v)) * still, n, k)
    order = np.argsort(-values)
    return _modes(values[order], vectors[:, order] / root[:, None] * np.linalg.norm(root))


def _slowest(S: sp.csr_array, still: np.ndarray, k: int) -> Pairs:
    """The modes of `markov_modes` by Lanczos on the inverse of I - S, at right angles to `still`.

    On a surface the slowest modes crowd at 1, so that Lanczos on S takes thousands of products; and the factors of I - S fill in little.
    """
    apart = lambda v: v - (still @ v) * still
    solve = _inverse(sp.eye_array(len(still)) - S + NEAR_ZERO * sp.eye_array(len(still)))
    values, vectors = lanczos(lambda v: apart(solve(apart(v))), len(still), k)
    return 1.0 + NEAR_ZERO - 1.0 / values, vectors


def lanczos(product: Product, n: int, k: int, tolerance: float = RESIDUAL, begin: np.ndarray | None = None) -> Pairs:
    """The k largest eigenvalues of a symmetric operator and their vectors (n, k), by implicitly restarted Lanczos steps; in the precision
    of `begin`, by default a fixed vector in float64.

    One thread: products of a few vectors take many times as long where two threads must wait for each other on a busy machine.
    """
    begin = np.random.default_rng(0).standard_normal(n) if begin is None else begin
    operator = LinearOperator((n, n), matvec=product, dtype=begin.dtype)
    with alone():
        return eigsh(operator, k, which="LA", v0=begin, ncv=min(n, max(2 * k + 10, KRYLOV)), tol=tolerance, **SEEDED)


def _inverse(A: sp.sparray) -> Product:
    """A^-1 v for a sparse positive definite matrix, by its triangular factors; an order for symmetric matrices halves what fills in."""
    factors = splu(sp.csc_array(A), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return factors.solve


def dense(A: np.ndarray, first: int, last: int) -> Pairs:
    """Eigenvalues number `first` to `last` of a symmetric matrix, rising, and their vectors, the same at any number of threads."""
    with alone():
        return scipy.linalg.eigh(A, subset_by_index=(first, last))


def _modes(values: np.ndarray, vectors: np.ndarray) -> Modes:
    return torch.as_tensor(values.copy()), oriented(torch.as_tensor(vectors.copy()))
