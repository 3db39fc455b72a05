"""The spectral family beside scikit-learn at growing n, on all of Fashion-MNIST, and on a million points.

    python benchmarks/manifold.py growth --data-root DIR [--sizes 2500 5000 10000 20000] [--limit 60]
    python benchmarks/manifold.py whole --data-root DIR
    python benchmarks/manifold.py million
    python benchmarks/manifold.py mapped

`growth`: Laplacian eigenmaps and Isomap of Fashion-MNIST's first images beside scikit-learn's, to 10 and to 2 dimensions, with the exponent
by which seconds grow; a peer only while it is expected to take less than `--limit` seconds. `whole`: PCA to 50 dimensions, the graph of 15
neighbours, Laplacian eigenmaps of that graph, and Isomap from landmarks, of all 70,000 images. `million`: Laplacian eigenmaps of 1,000,000
points of a product of two spheres in R^6, of a Swiss roll and of a sphere: on such surfaces the slowest modes are a millionth from 1, and
are found by the factors of the Laplacian. `mapped`: PCA of a file of 1,000,000 rows of 784 float16 numbers (1.6 GB), which is mapped and
read a batch at a time. Every run has a process of its own, whose peak memory counts data and libraries; processor seconds are those of all
its threads, and tell more than the clock where other work goes on.

Measured on 2 idle cores, all of Fashion-MNIST: PCA 1.4 s, the graph 13.7 to 19 s, eigenmaps of it 1.5 s, Isomap from 1,024 landmarks 36 s,
at most 2.8 GB. A million points with their neighbours: S2 x S2 252 s and 2.2 GB, the Swiss roll 100 s and 3.9 GB, the sphere 195 s and
4.8 GB (while some other work went on). PCA of the mapped file: 37 s with its hashes and parts, 597 MB. Growing, in seconds:

| | 2,500 | 5,000 | 10,000 | 20,000 | n^p |
|---|---|---|---|---|---|
| eigenmaps, ours | 0.34 | 0.84 | 2.04 | 3.80 | 1.20 |
| eigenmaps, scikit-learn 1.9 | 1.15 | 1.59 | 3.90 | 20.6 | 1.48 |
| Isomap, ours | 0.87 | 1.74 | 3.81 | 7.45 | 1.06 |
| Isomap, scikit-learn 1.9 | 2.19 | 6.59 | 26.0 | | 1.77 |

scikit-learn's eigenmaps take 1.9 and 4.7 times the processor's seconds at 10,000 and 20,000 (and .6 and .8 of the memory), its Isomap 6.1
times at 10,000 (and 1.7 times the memory; it goes by all items, ours by 1,024 landmarks).
"""

import argparse
import math
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from neighbours import images

import allegory as al
from allegory import methods
from allegory.core import Array, Dice
from allegory.data import Given
from allegory.data.manifolds import sampled
from allegory.measures import graphs, spectra

K, EIGENMAPS, SHEET = 15, 10, 2
MILLION = ("S2xS2", "swiss_roll", "S2")


@dataclass(frozen=True)
class Run:
    """One run: who did what to how many items, by the clock and by the processors, and the peak of memory."""

    what: str
    who: str
    n: int
    seconds: float
    processor: float
    megabytes: float

    def __str__(self) -> str:
        times = f"{self.seconds:8.2f} s {self.processor:8.2f} processor s {self.megabytes:7.0f} MB"
        return f"{self.n:>9,} {self.what:<22} {self.who:<13} {times}"


def generated(name: str, root: Path | None, n: int) -> torch.Tensor:
    del root
    return sampled(name, n).x.float()


def there(path: Path | None, n: int) -> Any:
    """The path itself: the file is opened on the clock."""
    del n
    return path


def written(path: Path, n: int, d: int) -> None:
    """A file of n rows of float16, a thousand at a time; not mapped here, as what is would count as the memory of who comes after."""
    rng = np.random.default_rng(0)
    with open(path, "wb") as f:
        np.lib.format.write_array_header_1_0(f, {"descr": "<f2", "fortran_order": False, "shape": (n, d)})
        for start in range(0, n, 1000):
            f.write(rng.standard_normal((min(1000, n - start), d), dtype=np.float32).astype("<f2").tobytes())


def solved(name: str, **said: Any) -> Callable[[torch.Tensor], Any]:
    """Learning by a method of ours."""
    method = methods.find(name)(**said)

    def run(x: torch.Tensor) -> Any:
        net = method.build(Array((x.shape[1],)), len(x))
        method.prepare(net, Given(x), Dice.roll(0, -1, torch.empty(0, dtype=torch.int64), "prepare"))
        return net

    return run


def spectral_embedding(x: torch.Tensor) -> Any:
    from sklearn.manifold import SpectralEmbedding

    return SpectralEmbedding(EIGENMAPS, n_neighbors=K, random_state=0, n_jobs=torch.get_num_threads()).fit_transform(x.numpy())


def isomap(x: torch.Tensor) -> Any:
    from sklearn.manifold import Isomap

    return Isomap(n_neighbors=10, n_components=SHEET, n_jobs=torch.get_num_threads()).fit_transform(x.numpy())


def of_graph(x: torch.Tensor) -> Callable[[], Any]:
    """Laplacian eigenmaps when the graph is there."""
    graph, _ = graphs.joined(graphs.either(graphs.nearest_graph(x, K)), x)
    return lambda: spectra.markov_modes(graphs.weighted(graph, None), EIGENMAPS)


WORK: dict[tuple[str, str], Callable[[torch.Tensor], Any]] = {
    ("eigenmaps, 10", "ours"): solved("LaplacianEigenmaps", latent=EIGENMAPS, k=K),
    ("eigenmaps, 10", "scikit-learn"): spectral_embedding,
    ("Isomap, 2", "ours"): solved("Isomap", latent=SHEET),
    ("Isomap, 2", "scikit-learn"): isomap,
    ("PCA, 50", "ours"): solved("PCA", latent=50),
    ("PCA, 50, of a file", "ours"): lambda path: al.learn(str(path), methods.find("PCA")(latent=50), all_items=True),
    ("graph, 15 neighbours", "ours"): lambda x: graphs.nearest_graph(x, K),
    ("eigenmaps of the graph", "ours"): of_graph,
    ("Isomap, landmarks", "ours"): solved("Isomap", latent=SHEET),
}


def timed(what: str, who: str, data: Callable[[Path | None, int], torch.Tensor], root: Path | None, n: int, threads: int, out: Any) -> None:
    """In a process of its own."""
    torch.set_num_threads(threads)
    x = data(root, n)
    work = WORK[what, who]
    if work is of_graph:
        ready = of_graph(x)
        work = lambda _: ready()
    clock, processor = time.perf_counter(), time.process_time()
    work(x)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    out.put(Run(what, who, n, clock, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def run(what: str, who: str, data: Callable[[Path | None, int], torch.Tensor], root: Path | None, n: int, threads: int) -> Run:
    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
    process = spawn.Process(target=timed, args=(what, who, data, root, n, threads, out))
    process.start()
    found: Run = out.get()
    process.join()
    print(found, flush=True)
    return found


def growth(root: Path, sizes: list[int], limit: float, threads: int) -> None:
    for what in ("eigenmaps, 10", "Isomap, 2"):
        runs: dict[str, list[Run]] = {"ours": [], "scikit-learn": []}
        for n in sizes:
            for who, before in runs.items():
                if who == "ours" or not before or before[-1].seconds * (n / before[-1].n) ** 3 < limit:
                    before.append(run(what, who, images, root, n, threads))
        for who, done in runs.items():
            if len(done) > 1:
                steps = math.log(done[-1].processor / done[0].processor) / math.log(done[-1].n / done[0].n)
                print(f"{what}, {who}: processor seconds grow as n^{steps:.2f} from {done[0].n:,} to {done[-1].n:,}")
        both = [(a, b) for a in runs["ours"] for b in runs["scikit-learn"] if a.n == b.n]
        for a, b in both:
            times, memory = b.processor / a.processor, b.megabytes / a.megabytes
            print(f"{what} at {a.n:,}: scikit-learn takes {times:.1f} times as long and {memory:.1f} times the memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("growth", "whole", "million", "mapped"))
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[2500, 5000, 10000, 20000])
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    said = parser.parse_args()
    if said.what in ("growth", "whole") and said.data_root is None:
        parser.error("--data-root: the folder that holds fashion_mnist is needed")
    if said.what == "growth":
        growth(said.data_root, said.sizes, said.limit, said.threads)
    elif said.what == "whole":
        for what in ("PCA, 50", "graph, 15 neighbours", "eigenmaps of the graph", "Isomap, landmarks"):
            run(what, "ours", images, said.data_root, 70_000, said.threads)
    elif said.what == "mapped":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.npy"
            written(path, 1_000_000, 784)
            run("PCA, 50, of a file", "ours", there, path, 1_000_000, said.threads)
    else:
        for name in MILLION:
            print(name)
            run("eigenmaps, 10", "ours", partial(generated, name), None, 1_000_000, said.threads)


if __name__ == "__main__":
    main()
