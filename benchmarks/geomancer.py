"""GEOMANCER on S2 x S2: angular error, factors found, seconds, and how they grow; ours beside the method as published.

    python benchmarks/geomancer.py [--manifold S2xS2] [--items 1000 2000 4000 ...] [--plain 4000] [--seed 0] [--json]

`plain` is the published method written down item after item and edge after edge: tangents from differences to the item itself, 2 k
neighbours, ten eigenvectors of the connection Laplacian, the largest gap, axes grouped item by item. It runs up to --plain items. Two
things differ: where there is one field, eigenvectors replace the simultaneous diagonalisation, which is slower; and its Laplacian is in
an orthonormal basis, while the published code has one that is not symmetric and a solver for symmetric ones
(tests/methods/spectral/test_geomancer_parity.py). The published code itself had .384, .303 and .244 rad at 1,000, 2,000 and 4,000 items, in
1.5, 4 and 27 s.

Measured on an idle core, one thread; two factors every time; plain is the method as published, in the same run:

| items | ours, rad | plain, rad | ours, s | plain, s | ratio |
|---|---|---|---|---|---|
| 1,000 | .148 | .388 | 0.3 | 0.9 | 3.3 |
| 2,000 | .119 | .304 | 0.7 | 2.8 | 4.1 |
| 4,000 | .096 | .239 | 1.6 | 8.3 | 5.2 |
| 16,000 | .065 | | 11.6 | | |
| 50,000 | .049 | | 35.1 | | |

Seconds grow as n^1.25 (ours) and n^1.60 (plain) up to 4,000. Most of ours go to the eigenvectors. S2xS2xSO3, of dimension 7, is one factor
with 4,000 items, and with 16,000 three, of 2, 2 and 3 dimensions, at .245 rad in 94 s.
"""

import argparse
import itertools
import json
import math
import time
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from scipy.sparse.linalg import eigsh

from allegory.data.manifolds import Sampled, sampled
from allegory.measures import connection, factoring, neighbours
from allegory.measures.subspaces import angular_error
from allegory.methods.spectral.geomancer import fields


def ours(items: Sampled) -> tuple[list[torch.Tensor], dict[str, float]]:
    """Bases of the tangent subspace of each factor, and the seconds of each step."""
    k, clock = items.manifold.dimension, [time.perf_counter()]
    _, near = neighbours.nearest(items.x, 5 * k)
    clock.append(time.perf_counter())
    edges = connection.Edges.of(near[:, : 2 * k], items.x)
    T = connection.tangents(items.x, near, k)
    clock.append(time.perf_counter())
    _, Omega = fields(T, edges)
    clock.append(time.perf_counter())
    found = factoring.factored(Omega)
    axes = found.axes @ T
    clock.append(time.perf_counter())
    steps = dict(zip(("neighbours", "tangents", "eigenvectors", "axes"), np.diff(clock).tolist(), strict=True))
    return [axes[:, found.factor == f] for f in range(found.count)], steps


def plain(items: Sampled) -> list[list[np.ndarray]]:
    """The published method, item by item: for each the bases of its subspaces."""
    x, k, n = items.x.numpy(), items.manifold.dimension, len(items.x)
    near: list[set[int]] = [set() for _ in range(n)]
    for i in range(n):
        squared = ((x - x[i]) ** 2).sum(1)
        squared[i] = np.inf
        for j in np.argpartition(squared, 2 * k)[: 2 * k].tolist():
            near[i].add(j)
            near[j].add(i)
    T = np.stack([np.linalg.svd(x[sorted(near[i])] - x[i], full_matrices=False)[2][:k] for i in range(n)])
    basis = connection.symmetric_basis(k).numpy()
    s, flat = len(basis), basis.reshape(len(basis), -1)
    blocks, columns, starts = [], [], [0]
    for i in range(n):
        blocks.append(len(near[i]) * np.eye(s))
        columns.append(i)
        for j in sorted(near[i]):
            u, _, vt = np.linalg.svd(T[i] @ T[j].T)
            carried = np.kron(u @ vt, u @ vt)
            blocks.append(-flat @ carried @ flat.T)
            columns.append(j)
        starts.append(len(columns))
    L = sp.bsr_matrix((np.array(blocks, dtype=np.float32), np.array(columns), np.array(starts)), shape=(n * s, n * s))
    values, vectors = eigsh(L, 10, which="SM", v0=np.random.default_rng(0).normal(size=n * s).astype(np.float32))
    count = int(np.argmax(np.diff(values))) + 1
    Omega = np.einsum("nse,sij->neij", vectors[:, :count].reshape(n, s, count), basis)
    found = []
    for i in range(n):
        V = np.linalg.eigh(Omega[i, 0])[1].T if count == 1 else factoring.diagonaliser(torch.as_tensor(Omega[i : i + 1])).numpy()[0]
        psi = np.stack([np.diag(V @ w @ V.T) for w in Omega[i]], 1)
        psi /= np.linalg.norm(psi, axis=1, keepdims=True)
        _, group = sp.csgraph.connected_components(psi @ psi.T > 0.5, directed=False)
        found.append([V[group == g] @ T[i] for g in range(group.max() + 1)])
    return found


def plain_error(found: list[list[np.ndarray]], truth: tuple[torch.Tensor, ...]) -> float:
    each = [angular_error([torch.as_tensor(f)[None] for f in own], [t[i : i + 1] for t in truth]) for i, own in enumerate(found)]
    return float(torch.cat(each).mean())


def exponent(rows: list[dict[str, Any]]) -> float | None:
    """The slope of the logarithm of the seconds on that of the items."""
    if len(rows) < 2:
        return None
    return float(np.polyfit(np.log([r["n"] for r in rows]), np.log([r["seconds"] for r in rows]), 1)[0])


def measured(name: str, n: int, seed: int, with_plain: bool) -> list[dict[str, Any]]:
    """One row for ours, and one for the plain method."""
    items = sampled(name, n, seed=seed)
    truth = items.manifold.tangents(items.u)
    begun = time.perf_counter()
    found, steps = ours(items)
    seconds = time.perf_counter() - begun
    error = float(angular_error(found, truth).mean())
    rows = [{"who": "ours", "n": n, "factors": len(found), "error": error, "seconds": seconds, "steps": steps}]
    if with_plain:
        begun = time.perf_counter()
        old = plain(items)
        seconds = time.perf_counter() - begun
        share = float(np.mean([len(own) == len(truth) for own in old]))
        row = {"who": "plain", "n": n, "factors": max(map(len, old)), "right": share, "error": plain_error(old, truth), "seconds": seconds}
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifold", default="S2xS2")
    parser.add_argument("--items", type=int, nargs="+", default=[1000, 2000, 4000])
    parser.add_argument("--plain", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for n in told.items:
        new = measured(told.manifold, n, told.seed, n <= told.plain)
        rows += new
        if told.json:
            continue
        for row in new:
            steps = ", ".join(f"{name} {s:.1f}" for name, s in row.get("steps", {}).items())
            print(
                f"{row['who']:6} n = {n:6}: {row['error']:.3f} rad, {row['factors']} factors, {row['seconds']:6.1f} s  {steps}", flush=True
            )
        for a, b in itertools.pairwise(new):
            print(f"       {b['seconds'] / a['seconds']:.1f} times as fast, {b['error'] / a['error']:.1f} times as near", flush=True)
    grown = {who: exponent([r for r in rows if r["who"] == who]) for who in ("ours", "plain")}
    if told.json:
        print(json.dumps({"rows": rows, "exponents": grown}))
        return
    for who, slope in grown.items():
        if slope is not None and math.isfinite(slope):
            print(f"{who}: seconds grow as n^{slope:.2f}")


if __name__ == "__main__":
    main()
