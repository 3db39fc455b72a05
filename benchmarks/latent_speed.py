"""How fast a step of a variational autoencoder is, and what the next number of a picture costs.

    python benchmarks/latent_speed.py step --data-root DATA [--peer-python PEER/bin/python] [--threads 2] [--turns 5] [--json]
    python benchmarks/latent_speed.py samples [--json]

`step`: our VAE on MNIST in black and white (a threshold, the same for all), two hidden layers of 256 on either side, 50 latents, batch
128, AdamW. Beside it a loop in bare torch of the very same modules, and pythae's trainer with the same network in an environment of its
own (latent_speed_peer.py; torch and pythae). All hold the data in memory and take turns, so that whatever else the machine does slows all
of them; a turn's figure is the median over its steps (pythae: over its epochs), a ratio is the median over the turns. pythae runs with
no worker, which for data in memory is its fastest, a fused optimiser, no evaluation, and saves once, off the clock.

`samples`: seconds a number of drawing pictures number by number, in the last quarter of a picture over the first, and for pictures of
four times as many numbers over small ones. States are kept, so both are near 1; an image GPT's attention looks at all numbers before.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

import allegory as al
from allegory import methods
from allegory.core import Dice, Spec
from allegory.train import Settings, begin, learner_for, steps

PEER = Path(__file__).with_name("latent_speed_peer.py")
BATCH, LATENT, ITEMS = 128, 50, 12_800
STEPS, WARM = 100, 20
GOAL_BARE, GOAL_PEER = 1.10, 1.25
PICTURES, SIDES = 8, (12, 24)
MODELS: dict[str, dict[str, Any]] = {
    "PixelRNN": {"width": 64}, "GatedPixelCNN": {"width": 16, "depth": 3}, "IGPT": {"width": 32, "depth": 3},
}  # fmt: skip


def black_and_white(root: str) -> np.ndarray:
    """(n, 1, 28, 28) uint8, 0 or 1."""
    source = al.load(Path(root) / "mnist")
    return (np.asarray(source.take(source.part("train")[:ITEMS])) > 127).astype(np.uint8)


def ours(x: np.ndarray) -> Callable[[], object]:
    """A step of the library's own loop."""
    source = al.load(x)
    settings = Settings(steps=10**6, batch=BATCH, device="cpu", log_every=10**6)
    method, net, items = begin(methods.find("VAE")(encoder="mlp-plain", decoder="mlp", latent=LATENT), source, settings, np.arange(len(x)))
    loop = steps(learner_for(method, net, items, source, settings))
    return lambda: next(loop)


def bare(x: np.ndarray) -> Callable[[], object]:
    """The same step with nothing around it."""
    settings = Settings(device="cpu")
    _, net, _ = begin(methods.find("VAE")(encoder="mlp-plain", decoder="mlp", latent=LATENT), al.load(x), settings, np.arange(len(x)))
    net.train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    data = torch.from_numpy(x)

    def step() -> None:
        white = data[torch.randint(len(data), (BATCH,))].float()
        mu, log_var = net.posterior(net.body(2 * white - 1)).chunk(2, 1)
        z = mu + (0.5 * log_var).exp() * torch.randn_like(mu)
        distortion = F.binary_cross_entropy_with_logits(net.decoder(z), white, reduction="sum") / BATCH
        rate = 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum() / BATCH
        optimiser.zero_grad()
        (distortion + rate).backward()
        optimiser.step()

    return step


def seconds_of(step: Callable[[], object]) -> float:
    """The median over a turn's steps."""
    taken = []
    for _ in range(WARM):
        step()
    for _ in range(STEPS):
        begun = time.perf_counter()
        step()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def peer_seconds(python: str, images: str, threads: int) -> tuple[float, dict[str, Any]]:
    """pythae's, and its settings."""
    command = [python, str(PEER), images, "--batch", str(BATCH), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return found["seconds_a_step"], found["settings"]


def of_steps(asked: argparse.Namespace) -> dict[str, Any]:
    """Examples a second of each, and the ratios."""
    torch.set_num_threads(asked.threads)
    x = black_and_white(asked.data_root)
    own, plain = ours(x), bare(x)
    taken: dict[str, list[float]] = {"ours": [], "bare": [], "pythae": []}
    settings: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        images = str(Path(folder) / "images.npy")
        np.save(images, x)
        for _ in range(asked.turns):
            taken["ours"].append(seconds_of(own))
            taken["bare"].append(seconds_of(plain))
            if asked.peer_python:
                seconds, settings = peer_seconds(asked.peer_python, images, asked.threads)
                taken["pythae"].append(seconds)
    rates = {name: BATCH / min(s) for name, s in taken.items() if s}
    ratios = {f"{name} over ours": statistics.median(b / a for a, b in zip(taken["ours"], s, strict=True))
              for name, s in taken.items() if s and name != "ours"}  # fmt: skip
    return {"threads": asked.threads, "examples a second": rates, "step times": ratios, "pythae": settings}


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
        goals = {"bare over ours": f"goal: at least {1 / GOAL_BARE:.2f}", "pythae over ours": f"goal: at least {GOAL_PEER}"}
        for name, value in found["step times"].items():
            print(f"{name:18} {value:.2f} ({goals[name]})")


if __name__ == "__main__":
    main()
