"""One embedding by openTSNE or umap-learn, for embedding.py, in an environment of its own (openTSNE or umap-learn, and numpy).

    python benchmarks/embedding_peer.py openTSNE X.npy Y.npy [--threads 2] [--seed 0]

Writes the places of X's rows to Y.npy, and one JSON line: seconds by the clock and of all processors, peak memory in bytes, and the
settings. Both run as their makers set them: nothing is changed but the seed and the number of threads; umap-learn gives up its threads
when it is given a seed, so it gets none.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np


def of_tsne(x, threads, seed):
    import openTSNE

    model = openTSNE.TSNE(n_jobs=threads, random_state=seed)
    return lambda: model.fit(x), {"version": openTSNE.__version__, **model.get_params()}


def of_umap(x, threads, seed):
    import umap

    del seed
    model = umap.UMAP(n_jobs=threads)
    return lambda: model.fit_transform(x), {"version": umap.__version__, **model.get_params()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=("openTSNE", "umap-learn"))
    parser.add_argument("x")
    parser.add_argument("y")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    x = np.load(asked.x)
    make = of_tsne if asked.peer == "openTSNE" else of_umap
    make(x[:200], asked.threads, asked.seed)[0]()  # so that nothing is compiled on the clock
    run, settings = make(x, asked.threads, asked.seed)
    begun, busy = time.perf_counter(), time.process_time()
    y = np.asarray(run(), dtype=np.float64)
    took = {"seconds": time.perf_counter() - begun, "processor": time.process_time() - busy}
    np.save(asked.y, y)
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    memory = int(told["VmHWM"].split()[0]) * 1024  # of this program alone; getrusage would count what started it
    plain = {k: v for k, v in settings.items() if isinstance(v, (int, float, str, bool))}
    print(json.dumps({**took, "peak_memory_bytes": memory, "settings": plain}))


if __name__ == "__main__":
    main()
