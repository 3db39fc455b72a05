"""Views a second beside the usual pipeline: one image at a time through PIL. One thread each, the same augmentations, in one run.

    python benchmarks/views.py [--json] [--seconds 5]

All do resized crop, flip, colour jitter (brightness, contrast, saturation, hue; with probability .8) and grey (.2), from stored
uint8 pixels to a float32 tensor of (b, 3, h, w) in [-1, 1].

- `usual` does what torchvision's transforms on PIL images do (it is written out here, because torchvision does not import beside
  CPU-only torch): draws from torch's generator, ColorJitter in random order, ToTensor, Normalize, and the stacking of the batch.
- `bare` is PIL with everything else taken away: draws from Python's `random`, a fixed order, hue by a table on the H band, each
  image written into a batch that exists already.

Both at their best: crop and resize are one call on uint8, there are no worker processes to feed. They take turns with ours, so
that whatever else the machine does slows all; the fastest turn of each counts, in the thread's processor time. A turn of the peers
is an eighth of our batch (they gain nothing from a larger one), so that all turns take about as long and meet the same quiet moments.

Measured on 2 busy AMD EPYC cores (AVX-512; load 9 to 17), Pillow 13.0, torch 2.13, the middle of six runs: at 3x32x32 10.2 times
`usual` (9.6 to 10.9) and 5.9 times `bare`, 47,700 views a second; at 3x96x96 3.5 times (3.3 to 3.6) and 2.5 times, 5,800 a second,
short of the goal of 5. The time of one 3x96x96 view, each stage at its best, in microseconds: bytes to floats 9, draws 11, crop and
flip 43, jitter 48, grey 6, into the batch 5; together 122, in one run 136 at best. Nearly idle, where the peers gain more: 9.9 and 6.2
times at 3x32x32 (58,100 views a second), 3.0 and 2.2 times at 3x96x96 (7,600 a second).
"""

import argparse
import json
import math
import random
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import PIL
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from allegory.core import Dice
from allegory.views import ColourJitter, Compose, Flip, Grey, ResizedCrop

AREA, RATIO, STRENGTH, HUE = (0.2, 1.0), (3 / 4, 4 / 3), 0.4, 0.1
GOALS = {32: 10.0, 96: 5.0}
BATCH = {32: 512, 96: 128}
PEER_SHARE = 8
VIEW = Compose((ResizedCrop(AREA, RATIO), Flip(0.5), ColourJitter(STRENGTH, STRENGTH, STRENGTH, HUE, p=0.8), Grey(0.2)))
LOG_RATIO = (math.log(RATIO[0]), math.log(RATIO[1]))
ENHANCE = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
TURNED = {turn: [(level + turn) % 256 for level in range(256)] for turn in range(-128, 129)}
MEAN = STD = (0.5, 0.5, 0.5)

PEERS = {
    "usual": "image by image: resize(box=, BILINEAR), ImageEnhance and HSV in random order, torch's generator, ToTensor, Normalize, stack",
    "bare": "image by image: resize(box=, BILINEAR), ImageEnhance, hue by a table on HSV, Python's random, written into one batch",
}


def torch_uniform(low: float, high: float) -> float:
    return float(torch.empty(1).uniform_(low, high))


def torch_integer(low: int, high: int) -> int:
    return int(torch.randint(low, high + 1, size=(1,)).item())


def crop_box(side: int, uniform: Callable[[float, float], float], integer: Callable[[int, int], int]) -> tuple[int, int, int, int]:
    """torchvision's RandomResizedCrop.get_params for a square image."""
    for _ in range(10):
        area, ratio = side * side * uniform(*AREA), math.exp(uniform(*LOG_RATIO))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= side and 0 < h <= side:
            left, top = integer(0, side - w), integer(0, side - h)
            return left, top, left + w, top + h
    return 0, 0, side, side


def numpy_hue(image: Image.Image, turn: float) -> Image.Image:
    """torchvision's adjust_hue for PIL images."""
    h, s, v = image.convert("HSV").split()
    level = np.array(h, dtype=np.uint8)
    level += np.array(turn * 255).astype(np.int32).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(level, "L"), s, v)).convert("RGB")


def table_hue(image: Image.Image, turn: float) -> Image.Image:
    h, s, v = image.convert("HSV").split()
    return Image.merge("HSV", (h.point(TURNED[int(turn * 255)]), s, v)).convert("RGB")


def usual_view(image: Image.Image) -> Tensor:
    """One view of one image as torchvision's Compose makes it."""
    image = image.resize(image.size, Image.Resampling.BILINEAR, box=crop_box(image.width, torch_uniform, torch_integer))
    if torch.rand(1) < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if torch.rand(1) < 0.8:
        order = torch.randperm(4)
        factors = [torch_uniform(1 - STRENGTH, 1 + STRENGTH) for _ in ENHANCE]
        turn = torch_uniform(-HUE, HUE)
        for i in order.tolist():
            image = numpy_hue(image, turn) if i == 3 else ENHANCE[i](image).enhance(factors[i])
    if torch.rand(1) < 0.2:
        image = image.convert("L").convert("RGB")
    x = torch.from_numpy(np.array(image, copy=True)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    mean, std = torch.as_tensor(MEAN).view(-1, 1, 1), torch.as_tensor(STD).view(-1, 1, 1)
    return x.sub_(mean).div_(std)


def bare_view(image: Image.Image) -> Image.Image:
    """One view of one image with as little else as can be."""
    image = image.resize(image.size, Image.Resampling.BILINEAR, box=crop_box(image.width, random.uniform, random.randint))
    if random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if random.random() < 0.8:
        for enhance in ENHANCE:
            image = enhance(image).enhance(random.uniform(1 - STRENGTH, 1 + STRENGTH))
        image = table_hue(image, random.uniform(-HUE, HUE))
    return image.convert("L").convert("RGB") if random.random() < 0.2 else image


def usual(pixels: np.ndarray) -> Tensor:
    return torch.stack([usual_view(Image.fromarray(p)) for p in pixels])


def bare(pixels: np.ndarray, batch: np.ndarray) -> Tensor:
    for p, out in zip(pixels, batch, strict=True):
        np.multiply(np.asarray(bare_view(Image.fromarray(p))).transpose(2, 0, 1), np.float32(2 / 255), out=out)
        out -= 1
    return torch.from_numpy(batch)


def ours(raw: Tensor, steps: list[int]) -> Tensor:
    steps[0] += 1  # a new step's dice for each batch
    return VIEW(raw.to(torch.float32).mul_(2 / 255).sub_(1), Dice.roll(0, steps[0], torch.arange(len(raw))))


def compare(side: int, seconds: float) -> dict[str, float]:
    """Views a second of all at 3 x side x side, and the ratios."""
    small = np.random.default_rng(0).integers(0, 256, (BATCH[side], side // 4, side // 4, 3), dtype=np.uint8)
    pixels = np.stack([np.asarray(Image.fromarray(p).resize((side, side), Image.Resampling.BICUBIC)) for p in small])
    raw = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    part = pixels[: len(pixels) // PEER_SHARE]
    runs: dict[str, tuple[int, Callable[[], Tensor]]] = {
        "ours": (len(raw), partial(ours, raw, [0])),
        "usual": (len(part), partial(usual, part)),
        "bare": (len(part), partial(bare, part, np.empty((len(part), 3, side, side), np.float32))),
    }
    took: dict[str, list[float]] = {name: [] for name in runs}
    start = time.perf_counter()
    while time.perf_counter() - start < seconds or len(took["bare"]) < 4:
        for name, (_, run) in runs.items():
            before = time.thread_time()
            run()
            took[name].append(time.thread_time() - before)
    rate = {name: n / min(took[name]) for name, (n, _) in runs.items()}
    ratios = {f"ratio_{name}": round(rate["ours"] / rate[name], 2) for name in ("usual", "bare")}
    return {"side": side, **{f"{name}_per_second": round(r, 1) for name, r in rate.items()}, **ratios, "goal": GOALS[side]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Views a second beside per-sample PIL, one thread each.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each size")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    # As in a process that trains: once a block of this size has been freed, glibc keeps memory instead of returning every piece
    # to the system, and fetching it again would cost as much as the views.
    torch.empty(31 << 20, dtype=torch.uint8)
    rows = [compare(side, args.seconds) for side in GOALS]
    settings = {"pillow": PIL.__version__, "torch": torch.__version__, "threads": 1, "batch": BATCH, "view": repr(VIEW), "peers": PEERS}
    if args.json:
        print(json.dumps({"benchmark": "views", **settings, "rows": rows}))
        return
    for name, said in PEERS.items():
        print(f"{name}: Pillow {PIL.__version__}, one thread, {said}")
    print(f"ours: torch {torch.__version__}, one thread, batches of {BATCH[32]} and {BATCH[96]}\nall: {VIEW}")
    for row in rows:
        print(
            f"3x{row['side']}x{row['side']}: ours {row['ours_per_second']:,.0f}/s; usual {row['usual_per_second']:,.0f}/s, "
            f"ratio {row['ratio_usual']:.1f} (goal {row['goal']:.0f}); bare {row['bare_per_second']:,.0f}/s, ratio {row['ratio_bare']:.1f}"
        )


if __name__ == "__main__":
    main()
