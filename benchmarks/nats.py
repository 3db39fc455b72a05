"""Nats of MNIST in black and white: how well each density foresees test images, at a budget of processor time.

    python benchmarks/nats.py --data-root DATA --methods VAE IWAE      measure rows, each kept as a file under --out
    python benchmarks/nats.py --ledger                                 append what is there to the ledger, for docs/boards/mnist.md

The pixels of an image are probabilities of white, and every draw of it is another black and white image (the dynamic binarisation of Burda
et al. 2016); the test images are drawn once, with seed 0. The bound is over all 10,000 test images; the estimate with 1,000 importance
samples over 1,000 of them, evenly spaced, and so is the bound that a method of k samples learns by. Rows at 14 pixels learn from images
whose pixels are means of four: at 28 an image GPT would see too few images in its minutes. Seconds are processor time of learning
alone, on one thread of a machine that may be busy. A row learns with the settings below; its model is saved beside it, so that it can be
looked at.
"""

import argparse
import dataclasses
import datetime
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

import allegory as al
from allegory import methods
from allegory.cli import claims
from allegory.core import Array, Density, Optim, files, plain
from allegory.data import PARTS, Source
from allegory.train.fit import peak_memory

DATA, SIDE = "mnist", 28
MLP = {"encoder": "mlp-plain", "decoder": "mlp", "latent": 50}


@dataclass(frozen=True)
class Row:
    """What is learned, for how long, and how many core-minutes it is allowed; `side`: pixels of an image."""

    name: str
    fields: dict[str, Any]
    steps: int
    minutes: int
    batch: int = 128
    optim: Optim = field(default_factory=Optim)
    side: int = SIDE

    @property
    def data(self) -> str:
        return DATA if self.side == SIDE else f"{DATA}{self.side}"


ROWS = {
    "VAE": Row("VAE", MLP, 45_000, 20),
    "GatedPixelCNN": Row("GatedPixelCNN", {"width": 32, "depth": 5, "kernel": 3}, 6_800, 40, batch=16, optim=Optim(lr=2e-3)),
    "IWAE": Row("IWAE", MLP | {"k": 50}, 34_000, 40, batch=32),
    "GatedPixelCNN-14": Row("GatedPixelCNN", {"width": 32, "depth": 4, "kernel": 3}, 4_300, 10, batch=32, optim=Optim(lr=2e-3), side=14),
    "PixelRNN-14": Row("PixelRNN", {"width": 128}, 5_000, 10, batch=32, optim=Optim(lr=2e-3), side=14),
    "IGPT-14": Row("IGPT", {"width": 64, "heads": 4, "depth": 4}, 1_500, 10, batch=32, side=14),
}
IMPORTANCE, ESTIMATED = 1000, 1000


def evenly(index: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of them, evenly spaced."""
    return index[np.linspace(0, len(index) - 1, min(most, len(index))).round().astype(int)]


def pooled(source: Source, side: int) -> Source:
    """The images with means of neighbouring pixels for pixels; the parts stay as they are."""
    if side == SIDE:
        return source
    parts = np.select([np.isin(np.arange(len(source)), source.part(part)) for part in PARTS], range(len(PARTS)))
    x = np.asarray(source.take(slice(None)))
    x = x.reshape(len(x), 1, side, SIDE // side, side, SIDE // side).mean((3, 5)).round().astype(np.uint8)
    return dataclasses.replace(source, name=f"{DATA}{side}", spec=Array((1, side, side), 256), x=x, parts=parts, keys=None)


def measure(asked: argparse.Namespace, asked_for: str) -> dict[str, Any]:
    """Learns, and asks for the nats of the test images."""
    row = ROWS[asked_for]
    source = pooled(al.load(Path(asked.data_root) / DATA), row.side)
    method = methods.find(row.name)(likelihood="bernoulli", **row.fields)
    settings = al.train.Settings(steps=asked.steps or row.steps, batch=row.batch, optim=row.optim, device="cpu", seed=asked.seed)
    begun = time.process_time()
    rep = al.learn(source, method, settings=settings, quiet=False)
    seconds = time.process_time() - begun
    test = source.part("test")
    bound = rep.log_density(source.subset(test), seed=0)
    figures = {bound.kind: figure(bound)}
    if bound.kind == "lower bound":
        few = source.subset(evenly(test, ESTIMATED))
        if "k" in row.fields:
            figures[f"bound of k = {row.fields['k']}"] = figure(rep.log_density(few, seed=0, k=row.fields["k"], batch=64))
        figures["estimate"] = figure(rep.log_density(few, seed=0, k=IMPORTANCE, batch=16))
    folder = Path(asked.out) / asked_for
    rep.save(folder / "model")
    told = {
        "data": row.data,
        "method": row.name,
        "seed": asked.seed,
        "fields": plain.plain(row.fields),
        "steps": settings.steps,
        "batch": row.batch,
    }
    made = told | {"nats": figures, "seconds": round(seconds, 1), "minutes": row.minutes, "peak_memory_bytes": peak_memory("cpu")}
    files.write_json(folder / "row.json", made)
    return made


def figure(found: Density) -> list[float]:
    """The mean of log p over items, and half a 95 % interval over them."""
    values = found.values.double()
    return [round(float(values.mean()), 3), round(float(1.96 * values.std() / len(values) ** 0.5), 3)]


def to_ledger(asked: argparse.Namespace) -> None:
    """Appends the rows that the ledger does not hold yet."""
    path = Path(asked.ledger)
    known = [r for r in claims.read(path) if "nats" in r]
    for file in sorted(Path(asked.out).glob("*/row.json")):
        row = json.loads(file.read_text())
        if not any(all(r.get(k) == v for k, v in row.items()) for r in known):
            here = {"date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "torch": torch.__version__}
            claims.append(path, row | here)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", default="data", help="the folder with mnist/")
    parser.add_argument("--out", default="runs/nats", help="where rows and models are kept")
    parser.add_argument("--methods", nargs="+", default=list(ROWS), help=f"rows to measure: {', '.join(ROWS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=None, help="other than the row's own, for a trial")
    parser.add_argument("--ledger", nargs="?", const="benchmarks/ledger.jsonl", help="append the rows to this file, measure nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.ledger:
        to_ledger(asked)
        return 0
    for name in asked.methods:
        sys.stdout.write(json.dumps(measure(asked, name)) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
