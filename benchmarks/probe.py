"""The linear probe at full size: 60,000 codes of 512 numbers and 10 classes, at most 15 s on 2 cores, beside scikit-learn.

    python benchmarks/probe.py [--items 60000] [--features 512] [--threads 2] [--peer]

Prints the seconds of the whole probe (standardising, the walk over strengths, the choice); with `--peer` also the seconds of
scikit-learn's LogisticRegression (lbfgs, float32, the same stopping rule, warm-started over the same strengths that ours visited), the
ratio, and how far coefficients and answers are apart at the chosen strength. Codes are made like those of a network: rectified mixtures
with a decaying spectrum, about 88 % of whose test items can be told by a linear classifier.
"""

import argparse
import json
import time

import numpy as np
import torch

from allegory.questions import CodeSet, Features, FewLabels, LinearProbe, logistic, probing, put

CLASSES = 10


def codes(n: int, d: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes (n, d) float32 and classes (n,)."""
    g = torch.Generator().manual_seed(0)
    y = torch.randint(CLASSES, (n,), generator=g)
    turn = torch.linalg.qr(torch.randn(d, d, generator=g))[0]
    scale = 4.0 * torch.arange(1, d + 1) ** -0.5
    mean = 0.45 * torch.randn(CLASSES, d, generator=g) * (torch.arange(d) < 40)
    return torch.relu((mean[y] + torch.randn(n, d, generator=g) * scale) @ turn), y


def features(n: int, d: int) -> Features:
    """All `n` items train; another tenth validates and another tenth tests."""
    z, y = codes(n + n // 5, d)
    parts = {"train": torch.arange(n), "validation": torch.arange(n, n + n // 10), "test": torch.arange(n + n // 10, n + n // 5)}
    return Features({None: CodeSet((z,))}, y, tuple("0123456789"), parts, "made codes")


def visited(probe: LinearProbe, f: Features, z: torch.Tensor) -> tuple[list[float], float, logistic.Linear]:
    """The strengths that the probe solved, the seconds it took, and its choice."""
    solved: list[float] = []
    solve = logistic.solve
    logistic.solve = lambda rows, strength, *more: solved.append(strength) or solve(rows, strength, *more)
    begun = time.perf_counter()
    try:
        chosen = probe.choose(z, f)
    finally:
        logistic.solve = solve
    return solved, time.perf_counter() - begun, chosen


def peer(x: np.ndarray, y: np.ndarray, strengths: list[float], tolerance: float) -> tuple[float, dict[float, object]]:
    """scikit-learn over the same strengths: seconds and the models."""
    import copy

    from sklearn.linear_model import LogisticRegression

    model, models, begun = LogisticRegression(solver="lbfgs", tol=tolerance, max_iter=1000, warm_start=True), {}, time.perf_counter()
    for strength in strengths:
        models[strength] = copy.deepcopy(model.set_params(C=1 / strength).fit(x, y))
    return time.perf_counter() - begun, models


def main() -> None:
    said = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    said.add_argument("--items", type=int, default=60_000)
    said.add_argument("--features", type=int, default=512)
    said.add_argument("--threads", type=int, default=2)
    said.add_argument("--peer", action="store_true")
    args = said.parse_args()
    torch.set_num_threads(args.threads)
    f, probe = features(args.items, args.features), LinearProbe()

    begun, cpu = time.perf_counter(), time.process_time()
    score = put(f, [probe]).get("accuracy")
    row = {"items": args.items, "features": args.features, "threads": args.threads, "seconds": time.perf_counter() - begun,
           "cpu_seconds": time.process_time() - cpu, "accuracy": score.value}  # fmt: skip
    begun = time.perf_counter()
    put(f, [FewLabels()])
    row["few_label_seconds"] = time.perf_counter() - begun
    if args.peer:
        z = probing.standardised(f.sets[None].seeds[0], f.parts["train"])
        strengths, row["ours_seconds"], chosen = visited(probe, f, z)
        x, y = z[f.parts["train"]].numpy(), f.labels[f.parts["train"]].numpy()
        row["scikit_learn_seconds"], models = peer(x, y, strengths, probe.tolerance)
        row["ratio"] = row["scikit_learn_seconds"] / row["ours_seconds"]
        best = min(models, key=lambda s: np.abs(models[s].coef_.T - chosen.weight[0].numpy()).max())
        theirs, test = models[best], z[f.parts["test"]]
        row["strength"] = best / args.items
        row["largest_difference_of_coefficients"] = float(
            np.abs(theirs.coef_.T - chosen.weight[0].numpy()).max() / np.abs(theirs.coef_).max()
        )
        row["same_answers"] = float((theirs.predict(test.numpy()) == chosen.logits(test)[0].argmax(1).numpy()).mean())
        row["scikit_learn_accuracy"] = float(theirs.score(test.numpy(), f.labels[f.parts["test"]].numpy()))
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}))


if __name__ == "__main__":
    main()
