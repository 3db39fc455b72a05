"""Runs gensim's Poincare embedding on one batch of relations and keeps what it gave.

    python benchmarks/parity/poincare.py > benchmarks/parity/poincare.json

Needs gensim. tests/methods/spectral/test_poincare_parity.py reads the file and does not need it.
"""

import json
import sys
from importlib.metadata import version

import numpy as np
from gensim.models.poincare import PoincareBatch, PoincareKeyedVectors

PEERS = ("gensim", "numpy", "scipy")


def points(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Points of the ball (..., z), some near the rim."""
    x = rng.normal(size=shape)
    return np.asarray(np.round(x / np.linalg.norm(x, axis=-1, keepdims=True) * rng.uniform(0.05, 0.98, (*shape[:-1], 1)), 4))


def main() -> None:
    rng = np.random.default_rng(2017)
    u, v = points(rng, 6, 3), points(rng, 6, 5, 3)  # 6 relations, the right one first and 4 wrong ones
    batch = PoincareBatch(u, v.transpose(1, 2, 0), np.arange(6), np.arange(30).reshape(6, 5).tolist(), 0.0)
    batch.compute_all()
    kept = {
        "command": "python benchmarks/parity/poincare.py > benchmarks/parity/poincare.json",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "inputs": {"u": u.tolist(), "v": v.tolist()},
        "outputs": {
            "distances": batch.poincare_dists.T.tolist(), "loss": float(np.sum(batch.loss)),
            "gradient_u": batch.gradients_u.T.tolist(), "gradient_v": batch.gradients_v.transpose(2, 0, 1).tolist(),
            "from_one": PoincareKeyedVectors.vector_distance_batch(u[0], u[1:]).tolist(),
        },
    }  # fmt: skip
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
