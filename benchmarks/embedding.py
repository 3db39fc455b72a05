"""How long maps of Fashion-MNIST take as items grow, and what they keep: our TSNE and UMAP beside openTSNE and umap-learn.

    python benchmarks/embedding.py --data-root DATA [--peer-python PEER/bin/python] [--items 2500,5000,10000] [--threads 2] [--json]

Each map is made in a process of its own, one after the other on the same pixels in [0, 1], with neighbours, on the clock of the process
that makes it; nothing is compiled on the clock. The peers (embedding_peer.py) run as their makers set them, and their settings are
printed. On a busy machine read the processor's seconds and one thread. Kept: the share of the 15 nearest neighbours of all items that
stay among the 15 nearest, and trustworthiness and continuity (k = 12) of at most 5,000 items. The exponent of growth p is that of the
processor's seconds ~ n^p between the smallest and the largest n.

Measured on 2 idle cores with 2 threads (openTSNE 1.0.4, umap-learn 0.5.12):

| | 2,500 | 5,000 | 10,000 | n^p | of 10,000: kept, trustworthiness, continuity | memory |
|---|---|---|---|---|---|---|
| TSNE | 4.0 s | 6.2 s | 11.5 s | 0.75 | .409, .986, .982 | 1.2 GB |
| TSNE uniform | 2.9 s | 4.3 s | 6.1 s | 0.51 | .437, .987, .982 | 1.0 GB |
| openTSNE | 5.7 s | 12.6 s | 36.0 s | 1.03 | .409, .986, .982 | 0.4 GB |
| UMAP | 3.5 s | 4.8 s | 8.9 s | 0.64 | .278, .977, .983 | 1.0 GB |
| umap-learn | 7.0 s | 30.2 s | 33.3 s | 1.08 | .280, .978, .982 | 0.6 GB |

openTSNE takes 3.1 times as long as TSNE at 10,000 and umap-learn 3.7 times as long as UMAP (by the processor's seconds 2.1 and 2.5).
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import allegory as al
from allegory import methods
from allegory.core import Dice
from allegory.data import Given
from allegory.measures import neighbourhoods
from allegory.measures.neighbours import nearest

PEER = Path(__file__).with_name("embedding_peer.py")
OURS = {"TSNE": {}, "TSNE uniform": {"graph": "uniform"}, "UMAP": {}}
PEERS = {"openTSNE": "TSNE", "umap-learn": "UMAP"}
K, RANKED, MOST = 15, 12, 5000


def make(name: str, pixels: str, places: str, threads: int) -> dict[str, Any]:
    """One map of ours, in this process."""
    torch.set_num_threads(threads)
    items = Given(torch.from_numpy(np.load(pixels)))
    method = methods.find(name.split()[0])(**OURS[name])
    net = method.build(items.spec, len(items))
    begun, busy = time.perf_counter(), time.process_time()
    method.prepare(net, items, Dice.roll(0, -1, torch.arange(0), "prepare"))
    took = {"seconds": time.perf_counter() - begun, "processor": time.process_time() - busy}
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    np.save(places, method.encode(net, items.x).double().numpy())
    return {**took, "peak_memory_bytes": int(told["VmHWM"].split()[0]) * 1024, "settings": OURS[name]}


def kept(x: np.ndarray, y: np.ndarray, near: torch.Tensor) -> dict[str, float]:
    """What a map keeps of the neighbours `near` (n, K) in the data."""
    _, close = nearest(torch.as_tensor(y), K)
    same = (close[:, :, None] == near[:, None]).any(2).double().mean()
    some = np.sort(np.random.default_rng(0).permutation(len(x))[:MOST])
    a, b = torch.as_tensor(x[some]), torch.as_tensor(y[some])
    return {
        "neighbours kept": float(same),
        "trustworthiness": neighbourhoods.trustworthiness(a, b, RANKED),
        "continuity": neighbourhoods.continuity(a, b, RANKED),
    }


def compared(x: np.ndarray, asked: argparse.Namespace) -> dict[str, Any]:
    """All maps of some items."""
    found: dict[str, Any] = {}
    _, near = nearest(torch.as_tensor(x), K)
    with tempfile.TemporaryDirectory() as folder:
        pixels, places = str(Path(folder) / "x.npy"), str(Path(folder) / "y.npy")
        np.save(pixels, x)
        for name in [*OURS, *(PEERS if asked.peer_python else ())]:
            own = [sys.executable, __file__, "--make", name, pixels, places]
            command = [asked.peer_python, str(PEER), name, pixels, places] if name in PEERS else own
            done = subprocess.run([*command, "--threads", str(asked.threads)], stdout=subprocess.PIPE, text=True, check=True)
            found[name] = json.loads(done.stdout.strip().splitlines()[-1]) | kept(x, np.load(places), near)
    for peer, name in PEERS.items():
        if peer in found:
            for what in ("seconds", "processor"):
                found[name][f"peer's {what} over ours"] = found[peer][what] / found[name][what]
    return found


def growth(runs: dict[int, dict[str, Any]]) -> dict[str, float]:
    """The exponent of each between the smallest and the largest n."""
    low, high = min(runs), max(runs)
    if low == high:
        return {}
    return {name: math.log(runs[high][name]["processor"] / runs[low][name]["processor"]) / math.log(high / low) for name in runs[low]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", default="data", help="the folder with fashion_mnist/")
    parser.add_argument("--peer-python", help="the interpreter of an environment with openTSNE and umap-learn")
    parser.add_argument("--items", default="2500,5000,10000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--make", nargs=3, metavar=("NAME", "X", "Y"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        print(json.dumps(make(*asked.make, asked.threads)))
        return
    source = al.load(Path(asked.data_root) / "fashion_mnist")
    order = np.random.default_rng(0).permutation(len(source))
    runs = {}
    for n in (int(n) for n in asked.items.split(",")):
        x = np.asarray(source.take(order[:n])).reshape(min(n, len(order)), -1).astype(np.float32) / 255
        runs[n] = compared(x, asked)
        if not asked.json:
            for name, row in runs[n].items():
                figures = "  ".join(f"{what} {v:.4g}" for what, v in row.items() if isinstance(v, float))
                print(f"{n:6}  {name:13} {figures}  memory {row['peak_memory_bytes'] / 2**20:,.0f} MiB", flush=True)
    told = {"threads": asked.threads, "runs": runs, "growth": growth(runs)}
    if asked.json:
        print(json.dumps(told))
        return
    print("the processor's seconds grow as n to the " + ", ".join(f"{p:.2f} ({name})" for name, p in told["growth"].items()))
    for name in (p for p in PEERS if p in runs[min(runs)]):
        print(f"{name}: {runs[min(runs)][name]['settings']}")


if __name__ == "__main__":
    main()
