"""How fast a step of a variational autoencoder is, and what the next number of a picture costs.

    python benchmarks/latent_speed.py step --data-root DATA [--peer-python PEER/bin/python] [--threads 2] [--turns 5] [--json]
    python benchmarks/latent_speed.py samples [--json]

`step`: our VAE on MNIST, whose pixels are drawn black or white anew in every step (Bernoulli likelihood), with one hidden layer of 512 on
either side and 16 latents (829,232 parameters), batch 128, AdamW. Beside it a loop in bare torch of the very same modules, with torch's
own random numbers, and pythae's trainer with the same network in an environment of its own (latent_speed_peer.py; torch and pythae). All
hold the data in memory and take turns, so that whatever else the machine does slows all of them. A turn's figure is the median over its
rounds of 100 steps, of the clock and of the processor; a ratio is the median over the turns. With two threads processor time counts
the waiting of one for the other, so the clock is to be read; on a busy machine one thread and processor time are steadier. pythae runs
with no loader process, which for data in memory is its fastest, a fused optimiser, no progress bar, no evaluation, and saves once, off
the clock.

`samples`: seconds a number of drawing pictures number by number, in the last quarter of a picture over the first, and for pictures of
four times as many numbers over small ones. States are kept, so both are near 1; an image GPT's attention looks at all numbers before.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import allegory as al
from allegory import methods, nets
from allegory.core import Dice, Spec
from allegory.train import Settings, begin, learner_for, steps

PEER = Path(__file__).with_name("latent_speed_peer.py")
BATCH, LATENT, HIDDEN, ITEMS = 128, 16, 512, 12_800
ROUNDS, STEPS = 4, 100
GOAL_BARE, GOAL_PEER = 1.10, 1.25
PICTURES, SIDES = 8, (12, 24)
MODELS: dict[str, dict[str, Any]] = {
    "PixelRNN": {"width": 64}, "GatedPixelCNN": {"width": 16, "depth": 3}, "IGPT": {"width": 32, "depth": 3},
}  # fmt: skip


@dataclass(frozen=True)
class Took:
    """Seconds a step: of the clock, and of all processors together."""

    clock: float
    processor: float

    @staticmethod
    def median(of: "Sequence[Took]") -> "Took":
        return Took(statistics.median(t.clock for t in of), statistics.median(t.processor for t in of))


def pixels(root: str) -> np.ndarray:
    """(n, 1, 28, 28) uint8."""
    source = al.load(Path(root) / "mnist")
    return np.asarray(source.take(source.part("train")[:ITEMS]))


def begun(x: np.ndarray, settings: Settings) -> tuple[Any, Any, Any, Any]:
    """The method, the network of this benchmark, the items and their source."""
    source, shape = al.load(x), x.shape[1:]
    method, net, items = begin(methods.find("VAE")(likelihood="bernoulli", latent=LATENT), source, settings, np.arange(len(x)))
    net.body, net.decoder = nets.MLP(shape, (HIDDEN,), norm="none"), nets.MLPDecoder(shape, LATENT, (HIDDEN,))
    net.posterior = nn.Linear(HIDDEN, 2 * LATENT)
    return method, net, items, source


def ours(x: np.ndarray) -> Callable[[], object]:
    """A step of the library's own loop."""
    settings = Settings(steps=10**6, batch=BATCH, device="cpu", log_every=10**6)
    method, net, items, source = begun(x, settings)
    loop = steps(learner_for(method, net, items, source, settings))
    return lambda: next(loop)


def bare(x: np.ndarray) -> Callable[[], object]:
    """The same step with nothing around it."""
    net = begun(x, Settings(device="cpu"))[1].train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    data = torch.from_numpy(x)

    def step() -> None:
        grey = data.index_select(0, torch.randint(len(data), (BATCH,))).float() / 255
        white = (torch.rand_like(grey) < grey).float()
        mu, log_var = net.posterior(net.body(2 * white - 1)).chunk(2, 1)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        distortion = F.binary_cross_entropy_with_logits(net.decoder(z), white, reduction="sum") / BATCH
        rate = 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum() / BATCH
        optimiser.zero_grad()
        (distortion + rate).backward()
        optimiser.step()

    return step


def round_of(step: Callable[[], object]) -> Took:
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(STEPS):
        step()
    return Took((time.perf_counter() - clock) / STEPS, (time.process_time() - processor) / STEPS)


def turns_of(both: Sequence[Callable[[], object]]) -> list[Took]:
    """A turn of each, round by round; the first round of each only warms up."""
    rounds = [[round_of(step) for step in both] for _ in range(ROUNDS + 1)][1:]
    return [Took.median(own) for own in zip(*rounds, strict=True)]


def of_peer(python: str, images: str, threads: int) -> tuple[Took, dict[str, Any]]:
    """pythae's, and its settings."""
    command = [python, str(PEER), images, "--batch", str(BATCH), "--threads", str(threads), "--epochs", str(ROUNDS + 1)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "TQDM_DISABLE": "1"})
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Took.median([Took(*each) for each in found["seconds_a_step"]]), found["settings"]


def of_steps(asked: argparse.Namespace) -> dict[str, Any]:
    """Examples a second of each by the clock, and the ratios of times with the lowest and the highest turn."""
    torch.set_num_threads(asked.threads)
    x = pixels(asked.data_root)
    own, plain = ours(x), bare(x)
    taken: dict[str, list[Took]] = {"ours": [], "bare": [], "pythae": []}
    settings: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        images = str(Path(folder) / "images.npy")
        np.save(images, x)
        for _ in range(asked.turns):
            for name, took in zip(("ours", "bare"), turns_of((own, plain)), strict=True):
                taken[name].append(took)
            if asked.peer_python:
                took, settings = of_peer(asked.peer_python, images, asked.threads)
                taken["pythae"].append(took)
    rates = {name: BATCH / statistics.median(t.clock for t in each) for name, each in taken.items() if each}
    found: dict[str, Any] = {"threads": asked.threads, "examples a second": rates, "pythae": settings}
    for what in ("clock", "processor"):
        for above, below in (("ours", "bare"), ("pythae", "ours")):
            each = [getattr(a, what) / getattr(b, what) for a, b in zip(taken[above], taken[below], strict=False)]
            if each:
                found[f"{above} over {below} by {what}"] = [statistics.median(each), min(each), max(each)]
    return found


def cost(name: str, side: int) -> np.ndarray:
    """Seconds of each number of `PICTURES` pictures of side x side numbers, in raster order."""
    method = methods.find(name)(likelihood="bernoulli", **MODELS[name])
    spec: Spec = al.load(np.zeros((100, 1, side, side), np.uint8)).spec
    net = method.build(spec, 100).eval()
    done, taken = torch.zeros(PICTURES, side * side), []
    with torch.no_grad():
        walk = net.body.walk(PICTURES)
        for i in range(side * side):
            begun = time.perf_counter()
            done[:, i] = net.p.sample(walk(done, i), torch.ones(()), Dice.roll(0, i, torch.arange(PICTURES)))[:, 0]
            taken.append(time.perf_counter() - begun)
    return np.array(taken)


def of_samples() -> dict[str, dict[str, float]]:
    """For each model: the last quarter over the first, and large pictures over small ones."""
    torch.set_num_threads(1)
    found = {}
    for name in MODELS:
        small, large = (np.min([cost(name, side) for _ in range(3)], 0) for side in SIDES)
        quarter = len(large) // 4
        found[name] = {
            "ms a number": 1e3 * float(np.median(large)),
            "last quarter over first": float(np.median(large[-quarter:]) / np.median(large[:quarter])),
            f"{SIDES[1]} pixels over {SIDES[0]}": float(np.median(large) / np.median(small)),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("step", "samples"))
    parser.add_argument("--data-root", default="data", help="the folder with mnist/")
    parser.add_argument("--peer-python", help="the interpreter of an environment with pythae")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = of_steps(asked) if asked.verb == "step" else of_samples()
    if asked.json:
        sys.stdout.write(json.dumps(found) + "\n")
    elif asked.verb == "samples":
        for name, row in found.items():
            print(f"{name:14} " + "   ".join(f"{what} {value:.2f}" for what, value in row.items()))
    else:
        print(f"{found['threads']} threads; pythae: {found['pythae']}")
        for name, value in found["examples a second"].items():
            print(f"{name:8} {value:10,.0f} examples a second")
        goals = {"ours": f"goal: at most {GOAL_BARE:.2f}", "pythae": f"goal: at least {GOAL_PEER}"}
        for name, value in found.items():
            if " over " in name:
                print(f"{name:29} {value[0]:.2f}, turns {value[1]:.2f} to {value[2]:.2f} ({goals[name.split()[0]]})")


if __name__ == "__main__":
    main()
