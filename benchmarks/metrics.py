"""Retrieval and clustering measures beside the public code, in one run, interleaved: seconds, ratios and memory.

    python benchmarks/metrics.py                        10,000 items of 10, 64 and 512 numbers, 10 and 100 classes
    python benchmarks/metrics.py --large                50,000 x 128: R-precision and MAP@R; classes by --classes
    python benchmarks/metrics.py --threads 2

Needs pytorch-metric-learning, faiss-cpu and torchmetrics beside allegory. A ratio above 1 means that ours is faster. Seconds are those of
the processor, summed over threads, and the least of `--repeats` turns taken in alternation, so that a busy machine hits both alike;
`--wall` takes the clock instead. Memory is how far the resident set of a fresh process rises above what it held with the data loaded.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from allegory.measures import clustering, retrieval

FEW = 50  # classes
PATIENCE = 30.0  # seconds after which a pair gets no further turn
PEERS = ("pytorch-metric-learning", "faiss-cpu", "scikit-learn", "torchmetrics", "torch", "numpy")
Row = tuple[str, str, Callable[[], Any], Callable[[], Any]]


def codes(n: int, d: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Gaussian classes that overlap (n, d) float32, and classes (n,)."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, n)
    z = rng.normal(size=(n, d)) + rng.normal(size=(classes, d))[y] * 1.5
    return torch.as_tensor(z, dtype=torch.float32), torch.as_tensor(y)


def calculator(z: torch.Tensor, y: torch.Tensor, *names: str, k: int | str = "max_bin_count", share: int = 1) -> Callable[[], Any]:
    """pytorch-metric-learning's accuracy calculator for these measures; of the first n / share queries against all items."""
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator

    m = len(z) // share
    return lambda: AccuracyCalculator(include=names, k=k, device=torch.device("cpu")).get_accuracy(z[:m], y[:m], z, y, True)


def rows(z: torch.Tensor, y: torch.Tensor) -> list[Row]:
    """(measure, peer, ours, theirs)."""
    from sklearn import metrics
    from sklearn.cluster import KMeans
    from torchmetrics import clustering as torchmetrics

    k = int(y.max()) + 1
    own = clustering.assigned(z, clustering.kmeans(z, k, np.random.default_rng(0), starts=1))
    a, b = y.numpy(), own.numpy()
    pml = "pytorch-metric-learning"

    def from_codes() -> tuple[float, float]:
        c = clustering.assigned(z, clustering.kmeans(z, k, np.random.default_rng(0), starts=1))
        return clustering.nmi(y, c), clustering.ami(y, c)

    found: list[Row] = [
        ("R@1", pml, lambda: retrieval.precision_at_1(z, y).nanmean(), calculator(z, y, "precision_at_1", k=1)),
        ("R-precision", pml, lambda: retrieval.retrieval(z, y), calculator(z, y, "r_precision")),
        ("MAP@R", pml, lambda: retrieval.retrieval(z, y), calculator(z, y, "mean_average_precision_at_r")),
        ("all three", pml, lambda: retrieval.retrieval(z, y),
         calculator(z, y, "precision_at_1", "r_precision", "mean_average_precision_at_r")),
        ("NMI", "scikit-learn", lambda: clustering.nmi(y, own), lambda: metrics.normalized_mutual_info_score(a, b)),
        ("NMI", "torchmetrics", lambda: clustering.nmi(y, own), lambda: torchmetrics.NormalizedMutualInfoScore()(own, y)),
        ("AMI", "scikit-learn", lambda: clustering.ami(y, own), lambda: metrics.adjusted_mutual_info_score(a, b)),
        ("pairwise F1", "scikit-learn", lambda: clustering.pairwise_f1(y, own), lambda: metrics.pair_confusion_matrix(a, b)),
        ("k-means, 1 start", "scikit-learn", lambda: clustering.kmeans(z, k, np.random.default_rng(0), starts=1),
         lambda: KMeans(k, n_init=1, random_state=0).fit(z.numpy())),
        ("NMI and AMI with k-means", pml, from_codes, calculator(z, y, "NMI", "AMI")),
    ]  # fmt: skip
    if k <= 10:  # it loops in Python: seconds for 10 classes, minutes for 100
        found.append(("AMI", "torchmetrics", lambda: clustering.ami(y, own), lambda: torchmetrics.AdjustedMutualInfoScore()(own, y)))
    return found


def at_large(z: torch.Tensor, y: torch.Tensor) -> list[Row]:
    """R-precision and MAP@R together. With few classes the peer would need more than 20 GB: a tenth of the queries is taken ten times."""
    share = 10 if int(y.max()) + 1 < FEW else 1
    theirs = calculator(z, y, "r_precision", "mean_average_precision_at_r", share=share)
    peer = "pytorch-metric-learning" + (f", 1/{share} of the queries, {share} times" if share > 1 else "")
    return [("R-precision and MAP@R", peer, lambda: retrieval.retrieval(z, y), lambda: [theirs() for _ in range(share)])]


def timed(row: Row, repeats: int, clock: Callable[[], float]) -> dict[str, Any]:
    """The least seconds of both, in alternation, and how many times longer the peer takes."""
    name, peer, *both = row
    least = [float("inf")] * 2
    started = clock()
    for turn in range(repeats):
        if turn and clock() - started > PATIENCE:
            break
        for i, f in enumerate(both):
            begun = clock()
            f()
            least[i] = min(least[i], clock() - begun)
    return {"measure": name, "peer": peer, "ours_s": least[0], "theirs_s": least[1], "ratio": least[1] / least[0]}


def memory(who: str, n: int, d: int, classes: int, threads: int) -> float:
    """The megabytes that a fresh process adds for R@1, R-precision and MAP@R; NaN when it did not get through."""
    words = [sys.executable, __file__, "--rise", who, "--shape", str(n), str(d), str(classes), "--threads", str(threads)]
    done = subprocess.run(words, capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else float("nan")


def rise(who: str, z: torch.Tensor, y: torch.Tensor) -> float:
    """In megabytes, of this process."""
    f = {
        "ours": lambda: retrieval.retrieval(z, y),
        "theirs": calculator(z, y, "precision_at_1", "r_precision", "mean_average_precision_at_r"),
    }[who]
    retrieval.retrieval(z[:64], y[:64])
    calculator(z[:64], y[:64], "r_precision")()  # libraries are loaded before it counts
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    f()
    return (resident("VmHWM") - before) / 1024


def resident(what: str) -> int:
    """Kilobytes of this process: VmRSS now, VmHWM at the peak (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what))


def said() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="50,000 x 128 only")
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--wall", action="store_true", help="seconds of the clock")
    parser.add_argument("--rise", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--shape", type=int, nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    import faiss

    args = said()
    torch.set_num_threads(args.threads)
    faiss.omp_set_num_threads(args.threads)
    if args.rise:
        print(rise(args.rise, *codes(*args.shape)))
        return
    os.environ |= {"OMP_NUM_THREADS": str(args.threads), "OPENBLAS_NUM_THREADS": str(args.threads)}
    print(json.dumps({"threads": args.threads, **{name: version(name) for name in PEERS}}))
    clock = time.perf_counter if args.wall else time.process_time
    for n, d in [(50_000, 128)] if args.large else [(10_000, 10), (10_000, 64), (10_000, 512)]:
        for classes in args.classes:
            z, y = codes(n, d, classes)
            chosen = at_large(z, y) if args.large else rows(z, y)
            for row in chosen:
                tell(n, d, classes, timed(row, args.repeats, clock))
            whom = ("ours",) if args.large and classes < FEW else ("ours", "theirs")
            risen = {f"{who}_mb": round(memory(who, n, d, classes, args.threads)) for who in whom}
            tell(n, d, classes, {"measure": "memory of all three", **risen})


def tell(n: int, d: int, classes: int, found: dict[str, Any]) -> None:
    """One line of JSON."""
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}
    print(json.dumps({"n": n, "d": d, "classes": classes, **rounded}), flush=True)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", "Sparse invariant checks")
    main()
