"""Runs the losses and miners of pytorch-metric-learning once and keeps what they gave: values, gradients and chosen triplets.

    python benchmarks/parity/metric_losses.py > benchmarks/parity/metric_losses.json

Needs pytorch-metric-learning. tests/objectives/test_metric_parity.py reads the file and needs it no more.
"""

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from pytorch_metric_learning import distances, losses, miners, reducers
from pytorch_metric_learning.miners import distance_weighted_miner

PEERS = ("pytorch-metric-learning", "numpy", "torch")
MARGIN, TRIPLET_MARGIN, TAU = 3.0, 0.8, 0.3


def main() -> None:
    rng = np.random.default_rng(2020)
    y = torch.tensor(rng.permutation(np.repeat(np.arange(5), [3, 3, 2, 1, 3])))  # one item alone in its class
    z = torch.tensor(np.round(rng.normal(size=(12, 4)), 3), requires_grad=True)
    W = torch.tensor(np.round(rng.normal(size=(5, 4)), 3))
    squared = distances.LpDistance(normalize_embeddings=True, p=2, power=2)
    mined = {
        "semi-hard": miners.TripletMarginMiner(TRIPLET_MARGIN, "semihard", distance=squared),
        "hardest": miners.BatchHardMiner(distance=squared),
        "all": miners.TripletMarginMiner(TRIPLET_MARGIN, "all", distance=squared),
    }
    triplets = {name: miner(z.detach(), y) for name, miner in mined.items()}
    triplet = losses.TripletMarginLoss(TRIPLET_MARGIN, distance=squared, reducer=reducers.MeanReducer())
    softmax = losses.NormalizedSoftmaxLoss(5, 4, temperature=TAU)
    softmax.W.data = W.T.clone()
    plain = distances.DotProductSimilarity(normalize_embeddings=False)  # the paper's inner product; it normalises by itself otherwise
    gave: dict[str, Any] = {
        "n_pairs": with_gradient(losses.NPairsLoss(distance=plain)(z, y), z),
        "hypersphere_softmax": with_gradient(softmax(z, y), z),
        "sup_con": with_gradient(losses.SupConLoss(TAU)(z, y), z),
        "contrastive": by_pair(z, y),
        "weights": weights(z, y),
    }
    for name, chosen in triplets.items():
        gave[f"triplet {name}"] = with_gradient(triplet(z, y, chosen), z) | {"triplets": torch.stack(chosen, 1).tolist()}
    kept = {
        "command": "python benchmarks/parity/metric_losses.py > benchmarks/parity/metric_losses.json",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "settings": {"margin": MARGIN, "triplet_margin": TRIPLET_MARGIN, "tau": TAU},
        "inputs": {"z": z.tolist(), "y": y.tolist(), "W": W.tolist()},
        "outputs": gave,
    }
    print(json.dumps(kept))


def with_gradient(loss: torch.Tensor, z: torch.Tensor) -> dict[str, Any]:
    return {"value": loss.item(), "gradient": torch.autograd.grad(loss, z)[0].tolist()}


def by_pair(z: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
    """D of each similar pair and max(0, margin - D) of each dissimilar one: it does not square them, as the paper does."""
    plain = distances.LpDistance(normalize_embeddings=False, p=2, power=1)
    loss = losses.ContrastiveLoss(neg_margin=MARGIN, distance=plain, reducer=reducers.DoNothingReducer())
    found = loss(z, y)
    return {kind: found[f"{kind}_loss"]["losses"].tolist() for kind in ("pos", "neg")}


def weights(z: torch.Tensor, y: torch.Tensor) -> list[list[float]]:
    """The probabilities from which the distance-weighted miner draws its negatives, caught on their way."""
    caught: list[torch.Tensor] = []
    distance_weighted_miner.lmu.get_random_triplet_indices = lambda *_, weights, **__: (caught.append(weights), _triplet())[1]
    miners.DistanceWeightedMiner()(z.detach(), y)
    return [list(row) for row in caught[0].tolist()]


def _triplet() -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros(1, dtype=torch.int64) for _ in range(3))


if __name__ == "__main__":
    main()
