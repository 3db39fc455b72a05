"""Exact nearest neighbours of Fashion-MNIST's images beside a plain pass, scikit-learn and faiss, at growing numbers of images.

    python benchmarks/neighbours.py --data-root /path/to/data [--k 15] [--sizes 2500 10000 70000] [--threads 2] [--limit 60] [--json]

`fashion_mnist/` under the data root holds the four files of Fashion-MNIST. The plain pass is what one would write first: float32, for a
block of rows one matrix product with all, then `topk`; of four sizes of block the fastest on a sample is taken. It runs at every size,
for the ratios; others only while they are expected to take less than `--limit` seconds. Every search runs in a process of its own,
whose peak memory counts the images and the libraries. Processor seconds are those of all threads: on a busy machine they tell more than
the clock does. "asked" is the share of pairs that one product did not settle, "measured" how many pairs an image were measured in
float64, "once" the share of images whose neighbours were certain at the first picking. "same" is the share of neighbours that are ours.

Measured on 2 idle cores, k = 15:

| images | ours | plain | scikit-learn brute | faiss exact | faiss approximate (found) |
|---|---|---|---|---|---|
| 2,500 | 0.36 s | 0.21 s | 0.91 s | 0.25 s | 0.33 s (.9998) |
| 10,000 | 1.82 s | 1.37 s | 2.38 s | 2.61 s | 1.75 s (.9969) |
| 20,000 | 3.35 s | 4.53 s | 6.92 s | 11.0 s | 5.50 s (.9922) |
| 40,000 | 6.65 s | 15.6 s | 24.7 s | 41.6 s | 14.7 s (.9888) |
| 70,000 | 13.7 s | 42.2 s | | | |

All 70,000: .33 of the plain pass's seconds, .29 of the processor's, 2.4 GB for 1.3. Processor seconds grow as n^1.36, the plain pass's as
n^1.75, those of scikit-learn and of faiss exact as n^1.9. Up to 10,000 images the plain pass is as good.
"""

import argparse
import importlib.util
import json
import math
import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from allegory.data.idx import read
from allegory.measures import neighbours, searching

SIZES = (2500, 5000, 10000, 20000, 40000, 70000)
BLOCKS = (256, 512, 1024, 2048)


@dataclass(frozen=True)
class Run:
    """One search of one size."""

    who: str
    n: int
    seconds: float
    processor: float
    megabytes: float
    asked: float | None = None
    measured: float | None = None
    once: float | None = None
    same: float | None = None


def images(root: Path, n: int) -> torch.Tensor:
    parts = [read(root / "fashion_mnist" / f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k")]
    x = np.concatenate([np.asarray(p).reshape(len(p), -1) for p in parts])[:n]
    return torch.from_numpy(x.astype(np.float32) / np.float32(127.5) - 1.0)


def ours(x: torch.Tensor, k: int) -> np.ndarray:
    return neighbours.nearest(x, k)[1].numpy()


def plain(x: torch.Tensor, k: int) -> np.ndarray:
    """The plain pass, at the best of some sizes of block."""
    x = x - x.mean(0)
    square = x.square().sum(1)

    def block(start: int, size: int) -> torch.Tensor:
        apart = torch.addmm(square[None], x[start : start + size], x.T, alpha=-2.0)
        apart[torch.arange(len(apart)), start + torch.arange(len(apart))] = math.inf
        return apart.topk(k, largest=False).indices

    def each(size: int) -> float:
        before = time.perf_counter()
        block(0, size)
        return (time.perf_counter() - before) / min(size, len(x))

    best = min(BLOCKS, key=lambda size: min(each(size), each(size)))
    return torch.cat([block(start, best) for start in range(0, len(x), best)]).numpy()


def sklearn_brute(x: torch.Tensor, k: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(x.numpy()).kneighbors()[1]


def sklearn_tree(x: torch.Tensor, k: int) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=k, algorithm="kd_tree", n_jobs=torch.get_num_threads()).fit(x.numpy()).kneighbors()[1]


def faiss_exact(x: torch.Tensor, k: int) -> np.ndarray:
    import faiss

    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x.numpy())
    found = index.search(x.numpy(), k + 1)[1]
    others = found != np.arange(len(x))[:, None]
    others[others.all(1), -1] = False  # of many copies the item itself may not be among the first
    return found[others].reshape(len(x), k)


def faiss_approximate(x: torch.Tensor, k: int) -> np.ndarray:
    return neighbours.approximately(x, k)[1].numpy()


PEERS: dict[str, Callable[[torch.Tensor, int], np.ndarray]] = {
    "ours": ours,
    "plain": plain,
    "scikit-learn brute": sklearn_brute,
    "scikit-learn kd-tree": sklearn_tree,
    "faiss exact": faiss_exact,
    "faiss approximate": faiss_approximate,
}


def searched(root: Path, who: str, n: int, k: int, threads: int, answer: Any) -> None:
    """Runs in a process of its own; puts the run, and which neighbours it found, on `answer`."""
    torch.set_num_threads(threads)
    x, tallies, search = images(root, n), [], searching.search

    def told(*of: Any) -> Any:
        found = search(*of)
        tallies.append(found[2])
        return found

    searching.search = told
    clock, processor = time.perf_counter(), time.process_time()
    found = PEERS[who](x, k)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    run = Run(who, n, clock, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for tally in tallies:
        run = replace(run, asked=tally.asked / tally.pairs, measured=tally.measured / n, once=1.0 - tally.again / n)
    answer.put((run, found.astype(np.int32)))


def compared(root: Path, sizes: list[int], k: int, threads: int, limit: float, told: Callable[[Run], None]) -> list[Run]:
    names = [name for name in PEERS if not name.startswith("faiss") or importlib.util.find_spec("faiss")]
    spawn, runs = multiprocessing.get_context("spawn"), []
    for n in sizes:
        exact = None
        for who in names:
            before = [r for r in runs if r.who == who]
            if before and who not in ("ours", "plain") and before[-1].seconds * (n / before[-1].n) ** 2 > limit:
                continue
            answer = spawn.Queue()
            process = spawn.Process(target=searched, args=(root, who, n, k, threads, answer))
            process.start()
            run, found = answer.get()
            process.join()
            exact = found if who == "ours" else exact
            same = np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, exact, strict=True)])
            runs.append(replace(run, same=float(same)))
            told(runs[-1])
    return runs


def exponent(runs: list[Run], who: str) -> float | None:
    """Of the growth of processor seconds with n, over the last two sizes."""
    last = [r for r in runs if r.who == who][-2:]
    if len(last) < 2:
        return None
    return math.log(last[1].processor / last[0].processor) / math.log(last[1].n / last[0].n)


def line(run: Run) -> str:
    more = "" if run.asked is None else f"  asked {run.asked:.3%}, measured {run.measured:.1f} an image, once {run.once:.1%}"
    return (
        f"{run.n:>6} {run.who:<21} {run.seconds:8.2f} s {run.processor:8.2f} processor s {run.megabytes:7.0f} MB  same {run.same:.5f}{more}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--k", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    quiet = asked.json
    runs = compared(
        asked.data_root, asked.sizes, asked.k, asked.threads, asked.limit, lambda r: None if quiet else print(line(r), flush=True)
    )
    last = {r.who: r for r in runs if r.n == asked.sizes[-1]}
    ratios = {
        "seconds": last["ours"].seconds / last["plain"].seconds,
        "processor seconds": last["ours"].processor / last["plain"].processor,
    }
    growth = {who: exponent(runs, who) for who in PEERS}
    if quiet:
        print(json.dumps({"runs": [asdict(r) for r in runs], "ours to plain": ratios, "exponents": growth}))
        return
    print(
        f"ours to plain at {asked.sizes[-1]}: {ratios['seconds']:.2f} of the seconds, {ratios['processor seconds']:.2f} of the processor's"
    )
    print("growth with n: " + ", ".join(f"{who} {e:.2f}" for who, e in growth.items() if e is not None))


if __name__ == "__main__":
    main()
