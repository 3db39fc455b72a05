"""Runs the public GEOMANCER step by step on inputs made here and keeps what it gave.

    python benchmarks/parity/geomancer.py PATH/geomancer.py > benchmarks/parity/geomancer.json

PATH/geomancer.py is geomancer/geomancer.py of https://github.com/google-deepmind/deepmind-research at the commit below; it needs numpy,
scipy, tqdm and absl-py. tests/methods/spectral/test_geomancer_parity.py reads the file and needs none of them.
"""

import functools
import importlib.util
import itertools
import json
import sys
from importlib.metadata import version
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse.linalg

COMMIT = "4c1b8d1944727ee6ef829e80674a55f5fb23f4d9"
PEERS = ("numpy", "scipy", "tqdm", "absl-py")
N, K = 400, 4  # points of S2 x S2
SMALL, SMALL_K, SMALL_NEIGHBOURS = 30, 3, 5  # the first of these points, with tangents that are any


def public(path: str) -> ModuleType:
    """The module at `path`, with one start for Lanczos: by itself it starts at random, and eigenvalues differ in the third digit."""
    spec = importlib.util.spec_from_file_location("geomancer_public", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = np.random.default_rng(0).normal(size=N * (K * (K + 1) // 2 - 1)).astype(np.float32)
    scipy.sparse.linalg.eigsh = functools.partial(scipy.sparse.linalg.eigsh, v0=start)
    return module


def told(values: Any, digits: int = 9) -> Any:
    return np.round(np.asarray(values, dtype=np.float64), digits).tolist()


def points(rng: np.random.Generator) -> np.ndarray:
    """(n, 6), of S2 x S2 up to the rounding."""
    x = rng.normal(size=(N, 2, 3))
    return np.asarray(np.round(x / np.linalg.norm(x, axis=2, keepdims=True), 4).reshape(N, 6))


def traceless(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Symmetric matrices of trace 0, in hundredths."""
    A = np.round(rng.normal(size=shape), 2)
    A = np.tril(A) + np.swapaxes(np.tril(A, -1), -1, -2)
    A[..., -1, -1] -= np.trace(A, axis1=-2, axis2=-1)
    return np.asarray(np.round(A, 2))


def lower(A: np.ndarray) -> np.ndarray:
    """Their coordinates of a symmetric matrix of trace 0: the lower triangle but for its last number."""
    return np.asarray(A[..., *np.tril_indices(A.shape[-1])][..., :-1])


def of_pairs(peer: ModuleType, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Two bases of tangent spaces, the transport from the second to the first, and a matrix carried along it, in float64."""
    cases = []
    graph = scipy.sparse.lil_matrix(np.array([[0.0, 1.0], [1.0, 0.0]]))
    for k, mirrored in itertools.product((2, 3, 4, 5), (False, True)):
        T, A = np.round(rng.normal(size=(2, k, 7)), 2), traceless(rng, k, k)
        if (np.linalg.det(T[0] @ T[1].T) < 0) != mirrored:  # a mirrored plane is its own transpose, so that one that is not is needed
            T[1, 0] *= -1
        carry = peer.make_connection(T, graph)[(1, 0)]
        carried = peer.vec_to_sym(peer.sym_op(carry, zero_trace=True) @ lower(A), k, zero_trace=True)
        cases.append({"T": T.tolist(), "A": A.tolist(), "O": told(carry), "carried": told(carried)})
    return cases


def asymmetry(L: Any) -> float:
    return float(np.linalg.norm((L - L.T).toarray()) / np.linalg.norm(L.toarray()))


def of_a_small_graph(peer: ModuleType, x: np.ndarray, rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    """The Laplacian applied to a field, and all its eigenvalues; also those of the form on all k x k matrices, which is symmetric."""
    T, A = np.round(rng.normal(size=(SMALL, SMALL_K, 6)), 2), traceless(rng, SMALL, SMALL_K, SMALL_K)
    graph = peer.make_nearest_neighbors_graph(x[:SMALL], SMALL_NEIGHBOURS, n=SMALL)
    connection = peer.make_connection(T, graph)
    L, whole = peer.make_laplacian(connection, graph), peer.make_laplacian(connection, graph, sym=False)
    applied = (L.astype(np.float64) @ lower(A).ravel()).reshape(SMALL, -1)
    values = np.linalg.eigvals(L.toarray().astype(np.float64))
    gave = {
        "applied": told([peer.vec_to_sym(v, SMALL_K, zero_trace=True) for v in applied], 7), "eigenvalues": told(np.sort(values.real), 7),
        "imaginary": float(np.abs(values.imag).max()), "asymmetry": asymmetry(L), "asymmetry_whole": asymmetry(whole),
        "eigenvalues_whole": told(np.linalg.eigvalsh(whole.toarray().astype(np.float64)), 7),
    }  # fmt: skip
    return {"T": T.tolist(), "A": A.tolist(), "neighbours": SMALL_NEIGHBOURS}, gave


def of_sets(peer: ModuleType, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Sets of e symmetric k x k matrices: commuting, and with noise, so that they nearly do. Iterated until nothing is gained."""
    cases = []
    for e, k, noise in ((1, 4, 0.0), (2, 3, 0.0), (2, 4, 0.0), (3, 5, 0.0), (2, 3, 0.02), (2, 4, 0.02), (3, 5, 0.05)):
        V, by = np.linalg.qr(rng.normal(size=(k, k)))[0], rng.normal(size=(e, k, k))
        M = np.stack([V @ np.diag(d) @ V.T for d in rng.normal(size=(e, k))]) + noise * (by + by.transpose(0, 2, 1))
        M = (M + M.transpose(0, 2, 1)) / 2
        M = np.round(M, 4) if noise else M
        cases.append({"M": M.tolist(), "V": told(peer.ffdiag(M, tol=1e-15)), "V_as_called": told(peer.ffdiag(M)), "noise": noise})
    return cases


def of_subspaces(peer: ModuleType, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Two sets of subspaces of R^6, each spanned by rows, and the error between them."""
    cases = []
    for found, true, noise in (
        ((2, 2), (2, 2), 0.3), ((2, 2), (2, 2), 3.0), ((1, 3), (3, 1), 0.3), ((1, 2, 2), (1, 2, 2), 1.0), ((2, 2, 2), (2, 2, 2), 0.01),
        ((1, 3), (2, 2), 0.3), ((4,), (2, 2), 0.3), ((2, 2), (2, 2), 1e-4),
    ):  # fmt: skip
        base = np.round(rng.normal(size=(6, 6)), 2)
        cut = [np.split(base[: sum(p)], np.cumsum(p)[:-1]) for p in (found, true)]
        if sorted(found) == sorted(true):  # another order, so that the matching is asked for
            cut[1] = cut[0][::-1]
        cut[1] = [np.round(s + noise * rng.normal(size=s.shape), 6) for s in cut[1]]
        xs, ys = ([np.linalg.qr(s.T)[0] for s in part] for part in cut)
        angle = float(peer.avg_angle_between_subspaces(xs, ys))
        cases.append({"found": [s.tolist() for s in cut[0]], "true": [s.tolist() for s in cut[1]], "angle": angle})
    return cases


def fitted(peer: ModuleType, x: np.ndarray) -> dict[str, Any]:
    """The whole of it: the graph, components, errors; eigenvalues as it has them, and those that its matrix has."""
    graph = peer.make_nearest_neighbors_graph(x, 2 * K, n=N)
    L = peer.make_laplacian(peer.make_connection(peer.make_tangents(x, graph, K), graph), graph)
    components, values = peer.fit(x, K, shard_size=N)
    truth = []
    for f in range(2):
        own = x[:, 3 * f : 3 * f + 3]
        across = np.linalg.svd(own[:, None])[2][:, 1:].transpose(0, 2, 1)  # at right angles to the radius
        truth.append(np.pad(across, ((0, 0), (3 * f, 3 - 3 * f), (0, 0))))
    errors = peer.eval_aligned(components, truth)
    again, vectors = scipy.sparse.linalg.eigsh(L, k=10, which="SM")
    exact = scipy.sparse.linalg.eigs(L.astype(np.float64).tocsc(), k=6, sigma=-0.01)[0]
    return {
        "edges": [[i, int(j)] for i in range(N) for j in sorted(graph.rows[i]) if j > i],
        "components": [int(c) for c in np.bincount([len(c) for c in components])], "error": float(errors.mean()),
        "eigenvalues_as_called": told(values, 7), "residuals": told(np.linalg.norm(L @ vectors - vectors * again, axis=0), 4),
        "eigenvalues": told(np.sort(exact.real), 7), "asymmetry": asymmetry(L),
    }  # fmt: skip


def main() -> None:
    peer, rng = public(sys.argv[1]), np.random.default_rng(2020)
    x = points(rng)
    whole = fitted(peer, x)
    small, gave = of_a_small_graph(peer, x, rng)
    kept = {
        "command": "python benchmarks/parity/geomancer.py PATH/geomancer.py > benchmarks/parity/geomancer.json", "commit": COMMIT,
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "inputs": {"x": x.tolist(), "dimension": K, "neighbours": 2 * K, "small": small}, "outputs": {"whole": whole, "small": gave},
        "pairs": of_pairs(peer, rng), "sets": of_sets(peer, rng), "subspaces": of_subspaces(peer, rng),
    }  # fmt: skip
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
