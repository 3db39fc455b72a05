"""Runs the public code for retrieval, clustering and samples once and keeps what it gave.

    python benchmarks/parity/metric_learning.py > benchmarks/parity/metric_learning.json

Needs pytorch-metric-learning (with faiss-cpu), torchmetrics, prdc and scikit-learn. tests/measures/test_metric_learning_parity.py reads
the file and needs none of them.
"""

import contextlib
import io
import json
import sys
from importlib.metadata import version

import numpy as np
import torch
from prdc import compute_prdc
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from sklearn import metrics
from torchmetrics import clustering

PEERS = ("pytorch-metric-learning", "faiss-cpu", "torchmetrics", "prdc", "scikit-learn", "scipy", "numpy", "torch")


def main() -> None:
    rng = np.random.default_rng(2020)
    y = rng.permutation(np.repeat(np.arange(6), [1, 2, 5, 12, 20, 40]))  # one item alone in its class
    z = np.round(rng.normal(size=(80, 3)) + 0.7 * y[:, None], 3)
    clusters = np.where(rng.uniform(size=80) < 0.5, y, rng.integers(0, 4, 80))
    fake = np.round(rng.normal(size=(60, 3)) * 1.5 + 2.0, 3)
    calculator = AccuracyCalculator(
        include=("precision_at_1", "r_precision", "mean_average_precision_at_r"), k="max_bin_count", device=torch.device("cpu")
    )
    gave = calculator.get_accuracy(torch.tensor(z, dtype=torch.float32), torch.tensor(y))
    gave["nmi"] = metrics.normalized_mutual_info_score(y, clusters)
    gave["ami"] = metrics.adjusted_mutual_info_score(y, clusters)
    gave["torchmetrics_nmi"] = float(clustering.NormalizedMutualInfoScore()(torch.tensor(clusters), torch.tensor(y)))
    gave["torchmetrics_ami"] = float(clustering.AdjustedMutualInfoScore()(torch.tensor(clusters), torch.tensor(y)))
    gave["pair_confusion"] = metrics.pair_confusion_matrix(y, clusters).tolist()
    with contextlib.redirect_stdout(io.StringIO()):  # prdc greets
        gave |= {k: float(v) for k, v in compute_prdc(z, fake, nearest_k=3).items() if k in ("precision", "recall")}
    kept = {
        "command": "python benchmarks/parity/metric_learning.py > benchmarks/parity/metric_learning.json",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "inputs": {"z": z.tolist(), "y": y.tolist(), "clusters": clusters.tolist(), "fake": fake.tolist()},
        "outputs": gave,
    }
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
