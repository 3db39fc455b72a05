"""How well codes agree with the data around every item, as a quadratic form: sum of squares = tr(Z^T M Z), M sparse (n, n).

Each item i and its k nearest give a small matrix on the items concerned; M is their sum. Its null space holds the constant code.
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor

from allegory.core import Misuse
from allegory.measures.graphs import barycentric

BLOCK = 4096
Rows = tuple[Int[Tensor, "b j"], Float[Tensor, "b j j"]]
LEAST_SUM = 1e-4  # below it a column of the Hessian estimator is not scaled


def standard(x: Float[Tensor, "n d"], near: Int[Tensor, "n k"], reg: float) -> sp.csr_array:
    """(I - W)^T (I - W) of the weights by which neighbours say an item (Roweis and Saul 2000, the quadratic form of eq. 2)."""
    n, k = near.shape
    w = torch.cat([barycentric(x[rows], x[near[rows]], reg) for rows in torch.arange(n).split(BLOCK)])
    W = sp.csr_array((w.cpu().numpy().ravel(), near.cpu().numpy().ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    left = sp.csr_array(sp.eye_array(n) - W)
    return sp.csr_array(left.T @ left)


def modified(x: Float[Tensor, "n d"], near: Int[Tensor, "n k"], reg: float, m: int) -> sp.csr_array:
    """Several weights for each item (Zhang and Wang 2006): from the s_i smallest directions of its Gram matrix, turned so that each says
    the item. s_i is the most for which the directions say less than eta of the others, eta the median share beyond `m`."""
    k = near.shape[1]
    _misuse_unless(k > m, k, f"more than {m}, the size of the code")
    spectra = [_local(x[rows], x[near[rows]]) for rows in torch.arange(len(x)).split(BLOCK)]
    values, V = torch.cat([v for v, _ in spectra]), torch.cat([u for _, u in spectra])  # (n, k) falling, (n, k, k)
    rest = values[:, m:].sum(1) / values[:, :m].sum(1).clamp_min(torch.finfo(values.dtype).tiny)
    eta = rest.median() if len(rest) % 2 else rest.quantile(0.5)
    beyond = values.sum(1, keepdim=True) / values.cumsum(1)[:, :-1].clamp_min(torch.finfo(values.dtype).tiny) - 1.0  # falling
    s = (beyond < eta).sum(1).clamp_min(1)
    parts = []
    for number in s.unique():
        rows = torch.nonzero(s == number)[:, 0]
        parts.append(_framed(rows, near[rows], _turned(values[rows], V[rows], int(number), reg)))
    return _sum(parts, len(x))


def _local(x: Float[Tensor, "b d"], near: Float[Tensor, "b k d"]) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k k"]]:
    """Eigenvalues, falling, and eigenvectors of the Gram matrix of neighbours around an item."""
    apart = near - x[:, None]
    values, V = torch.linalg.eigh(apart @ apart.mT)
    return values.flip(1).clamp_min(0.0), V.flip(2)


def _turned(values: Float[Tensor, "b k"], V: Float[Tensor, "b k k"], s: int, reg: float) -> Float[Tensor, "b k s"]:
    """W_i = (1 - alpha_i) w_i 1^T + V_i H_i, H_i the Householder reflection for which the columns sum to 1 (as the paper has it)."""
    sums = V.sum(1)  # V^T 1
    w = (V @ (sums / (values + reg * values.sum(1, keepdim=True)))[..., None])[..., 0]
    w = w / w.sum(1, keepdim=True)
    last = V[:, :, -s:]
    sums = last.sum(1)
    alpha = sums.norm(dim=1, keepdim=True) / s**0.5
    h = alpha - sums
    length = h.norm(dim=1, keepdim=True)
    h = torch.where(length > 1e-9, h / length.clamp_min(1e-9), 0.0)
    return last - 2.0 * (last @ h[..., None]) @ h[:, None, :] + ((1.0 - alpha) * w)[..., None]


def _framed(rows: Int[Tensor, " b"], near: Int[Tensor, "b k"], W: Float[Tensor, "b k s"]) -> Rows:
    """(e_i 1^T - W)(e_i 1^T - W)^T on item i and its neighbours."""
    own = torch.cat([W.new_ones(len(W), 1, W.shape[2]), -W], 1)
    return torch.cat([rows[:, None], near], 1), own @ own.mT


def hessian(x: Float[Tensor, "n d"], near: Int[Tensor, "n k"], m: int) -> sp.csr_array:
    """The squared Hessians of codes in the tangent planes of size `m` (Donoho and Grimes 2003, the Hessian estimator)."""
    k = near.shape[1]
    _misuse_unless(k > m * (m + 3) // 2, k, f"more than {m * (m + 3) // 2} = m (m + 3) / 2 for codes of m = {m} numbers")
    parts = []
    for rows in torch.arange(len(x)).split(BLOCK):
        around = x[near[rows]]
        U = torch.linalg.svd(around - around.mean(1, keepdim=True), full_matrices=False)[0][:, :, :m]
        _misuse_unless(U.shape[2] == m, k, f"codes no larger than the {x.shape[1]} numbers of an item; lower latent, and take a k")
        pairs = [U[:, :, a] * U[:, :, b] for a in range(m) for b in range(a, m)]
        Y = torch.cat([torch.ones_like(U[:, :, :1]), U, torch.stack(pairs, 2)], 2)
        w = torch.linalg.qr(Y)[0][:, :, m + 1 :]
        sums = w.sum(1, keepdim=True)
        w = w / torch.where(sums.abs() < LEAST_SUM, 1.0, sums)
        parts.append((near[rows], w @ w.mT))
    return _sum(parts, len(x))


def _sum(parts: list[Rows], n: int) -> sp.csr_array:
    """The small matrices, each added at the rows and columns of its items."""
    as_numpy: Callable[[list[Tensor]], np.ndarray] = lambda tensors: np.concatenate([t.reshape(-1).cpu().numpy() for t in tensors])
    rows = as_numpy([index[:, :, None].expand_as(block) for index, block in parts])
    columns = as_numpy([index[:, None, :].expand_as(block) for index, block in parts])
    M = sp.csr_array((as_numpy([block for _, block in parts]), (rows, columns)), shape=(n, n))
    return sp.csr_array((M + M.T) / 2.0)


def _misuse_unless(kept: bool, k: int, wanted: str) -> None:
    if not kept:
        raise Misuse(f"expected k of {wanted}; got {k}")
