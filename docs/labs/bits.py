"""Writes docs/labs/bits.md and its pictures: one picture in few bits and in many.

python docs/labs/bits.py     forty minutes on one core; the words are in bits.txt
"""

import dataclasses
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from sklearn.datasets import load_sample_image

import allegory as al
from allegory.core import files
from allegory.data import Source
from allegory.methods.latent.conv_draw import ConvDRAW
from allegory.pages import drawings, pictures, plots
from allegory.train import Settings

HERE = Path(__file__).resolve().parent
PHOTOS = ("china.jpg", "flower.jpg")
SIDE, CLOSE, APART = 32, 6, 32  # pixels of a patch; between patches to learn from, and between those to look at
LEARNED = 0.75  # of each photo's width
STEPS, BATCH = 1500, 16
SHOWN, ZOOM = 6, 3


@dataclass(frozen=True)
class Drawer:
    """A model by name, and the budgets it is asked for."""

    name: str
    method: ConvDRAW
    budgets: tuple[float, ...]


COARSE = Drawer("a nat at the price of a nat", ConvDRAW(times=8, latent=4, hidden=32), (76.0, 112.0, 221.0, 380.0))
FINE = Drawer("a nat at two fifths", ConvDRAW(times=8, latent=12, hidden=32, beta=0.4), (2364.0,))


@dataclass(frozen=True, eq=False)
class Said:
    """The test patches with at most `budget` bits each: what they took on average, the squared error a number, and the pictures of some
    with what those took."""

    by: Drawer
    budget: float
    bits: float
    error: float
    pictures: np.ndarray
    shown: float


def patches(left: float, right: float, stride: int) -> np.ndarray:
    """(n, 3, 32, 32) uint8: those between two shares of the width of each photo."""
    found = []
    for name in PHOTOS:
        photo = load_sample_image(name)
        h, w, _ = photo.shape
        for y in range(0, h - SIDE + 1, stride):
            for x in range(int(left * w), int(right * w) - SIDE + 1, stride):
                found.append(photo[y : y + SIDE, x : x + SIDE].transpose(2, 0, 1))
    return np.stack(found)


def data() -> Source:
    """Patches of the left of two photos to learn from, patches of the right to be judged by."""
    learned, judged = patches(0.0, LEARNED, CLOSE), patches(LEARNED, 1.0, APART)
    parts = np.repeat([0, 2], [len(learned), len(judged)])
    return dataclasses.replace(al.load(np.concatenate([learned, judged])), name="patches", parts=parts, keys=None)


def as_methods_see(x: np.ndarray) -> Float[np.ndarray, "n d"]:
    """Stored pixels in [-1, 1], a row a patch."""
    return x.reshape(len(x), -1).astype(np.float64) / 127.5 - 1.0


def drawn(source: Source, by: Drawer) -> list[Said]:
    """What a model says of the test patches for each of its budgets, and without one last."""
    rep = al.learn(source, by.method, settings=Settings(steps=STEPS, batch=BATCH, device="cpu"), quiet=False)
    test = source.subset(source.part("test"))
    truth = as_methods_see(np.asarray(test.take(slice(None))))
    shown, found, budgets = lively(truth), [], (*by.budgets, float("inf"))
    for budget, (x, bits) in zip(budgets, rep.progressive(test, budgets), strict=True):
        error = float(np.square(np.asarray(x).reshape(len(truth), -1) - truth).mean())
        seen = pictures.seen(rep.intake.spec, x)[shown]
        found.append(Said(by, budget, float(bits.mean()), error, seen, float(bits[shown].mean())))
    return found


def lively(x: Float[np.ndarray, "n d"]) -> np.ndarray:
    """The numbers of the patches to look at: evenly spaced through the quarter of them in which most goes on (of any one colour)."""
    busy = np.argsort(-x.reshape(len(x), 3, -1).var(2).sum(1), kind="stable")[: len(x) // 4]
    return busy[:: len(busy) // SHOWN][:SHOWN]


def gaussian(source: Source, bits: float) -> float:
    """The squared error a number that an ideal coder needs for a Gaussian with the covariance of the patches that were learned from.

    Reverse water-filling: each principal direction whose variance is above theta is sent with error theta, in log2(variance / theta) / 2
    bits; the rest is not sent (Cover and Thomas 2006, section 10.3.3). The error is that of the test patches.
    """
    known, judged = (as_methods_see(np.asarray(source.take(source.part(p)))) for p in ("train", "test"))
    mean = known.mean(0)
    values, axes = np.linalg.eigh(np.cov((known - mean).T))
    values = np.maximum(values, 1e-12)
    low, high = np.log(1e-12), np.log(values.max())
    for _ in range(100):
        middle = (low + high) / 2
        spent = 0.5 * np.log2(np.maximum(values / np.exp(middle), 1.0)).sum()
        low, high = (middle, high) if spent > bits else (low, middle)
    theta = np.exp(high)
    left = np.where(values > theta, theta, np.square((judged - mean) @ axes))
    return float(left.sum(1).mean() / known.shape[1])


def sheet(source: Source, said: list[Said]) -> bytes:
    """A PNG: a row a patch, few bits to many, the patch itself last. What has no budget is left out."""
    test = np.asarray(source.take(source.part("test")))
    truth = test[lively(as_methods_see(test))].transpose(0, 2, 3, 1)
    columns = [s.pictures for s in said if np.isfinite(s.budget)] + [truth]
    laid = pictures.grid(np.stack(columns, 1).reshape(-1, SIDE, SIDE, 3), len(columns))
    out = io.BytesIO()
    image = Image.fromarray(laid)
    image.resize((image.width * ZOOM, image.height * ZOOM), Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()


def plot(said: list[Said], ideal: list[float]) -> str:
    """Squared error over bits."""
    point = lambda bits, error: (float(np.log2(bits)), float(np.log10(error)))
    looks = ((COARSE, "own", "circle"), (FINE, "raw", "square"))
    series = [
        plots.Series(f"ConvDRAW, {by.name}", css, tuple(point(s.bits, s.error) for s in said if s.by is by), mark=mark)
        for by, css, mark in looks
    ]
    best = tuple(sorted(point(s.bits, e) for s, e in zip(said, ideal, strict=True)))
    series.append(plots.Series("an ideal coder of a Gaussian with the patches' covariance", "pca", best, mark="diamond"))
    across = plots.axis([x for s in series for x, _ in s.points], "bits a patch")
    ticks = tuple((float(np.log2(b)), f"{b:,}") for b in (64, 128, 256, 512, 1024, 2048, 4096) if across.low <= np.log2(b) <= across.high)
    heights = [y for s in series for _, y in s.points]
    low, high = min(heights) - 0.05, max(heights) + 0.05
    errors = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
    up = tuple((float(np.log10(e)), f"{e:g}") for e in errors if low <= np.log10(e) <= high)
    return drawings.drawing(
        series, plots.Axis(across.low, across.high, ticks, "bits a patch"), plots.Axis(low, high, up),
        "Squared error a number over the bits of a patch, both axes logarithmic",
    )  # fmt: skip


def page(said: list[Said], ideal: list[float], n: int) -> str:
    """The Markdown."""
    heads = ("model", "at most", "taken, bits a patch", "by those shown", "squared error", "ideal Gaussian coder at as many bits")
    rows = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|---:|"]
    asked = lambda s: "all" if np.isinf(s.budget) else f"{s.budget:,.0f}"
    rows += [
        f"| {s.by.name} | {asked(s)} | {s.bits:,.0f} | {s.shown:,.0f} | {s.error:.4f} | {e:.4f} |" for s, e in zip(said, ideal, strict=True)
    ]
    both = list(zip(said, ideal, strict=True))
    name = lambda some: ", ".join(dict.fromkeys(f"{s.bits:,.0f}" for s in some))
    told = " ".join(
        f"At {name(some)} bits the drawing is {word} than the ideal coder."
        for some, word in (([s for s, e in both if s.error < e], "nearer"), ([s for s, e in both if s.error >= e], "no nearer"))
        if some
    )
    most = {by: next(s.bits for s in said if s.by is by and np.isinf(s.budget)) for by in (COARSE, FINE)}
    return (HERE / "bits.txt").read_text().format(
        table="\n".join(rows), verdict=told, n=n, times=COARSE.method.times, latent=COARSE.method.latent, fine=FINE.method.latent,
        hidden=COARSE.method.hidden, steps=f"{STEPS:,}", batch=BATCH, budgets=", ".join(f"{b:,.0f}" for b in COARSE.budgets),
        last=f"{FINE.budgets[0]:,.0f}", most=f"{most[COARSE]:,.0f}", most_fine=f"{most[FINE]:,.0f}",
    )  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    source = data()
    said = [s for by in (COARSE, FINE) for s in drawn(source, by)]
    ideal = [gaussian(source, s.bits) for s in said]
    made: dict[str, Any] = {"images/bits.png": sheet(source, said), "images/bits_error.svg": plot(said, ideal)}
    for name, content in (made | {"bits.md": page(said, ideal, len(source.part("test")))}).items():
        files.atomic_write(HERE / name, content)


if __name__ == "__main__":
    main()
