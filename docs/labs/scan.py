"""Writes docs/labs/scan.md and its pictures: can concepts by name say what was never seen together?

python docs/labs/scan.py     half an hour on one core; the words are in scan.txt
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from PIL import Image

import allegory as al
from allegory.core import Optim, files
from allegory.data import Source, namable
from allegory.methods.latent.scan import SCAN
from allegory.pages import drawings, pictures, plots
from allegory.questions.intervals import student
from allegory.representation.concepts import Meant
from allegory.train import Settings

HERE = Path(__file__).resolve().parent
SPRITES = "sprites:size=16,scales=3,orientations=1,xs=8,ys=8"
SEEDS = range(5)
METHOD = SCAN(beta=4.0, latent=6, decoder="broadcast")
STEPS, BATCH, DRAWS, SEEN = 2500, 64, 200, 12
SHOWN, ZOOM = 5, 3
Pair = tuple[tuple[str, int], tuple[str, int]]
UNSEEN: tuple[Pair, ...] = (
    (("x", 0), ("y", 7)), (("scale", 0), ("x", 3)), (("scale", 2), ("y", 0)), (("shape", 2), ("x", 7)), (("shape", 0), ("y", 4)),
    (("shape", 1), ("scale", 2)),
)  # fmt: skip
WAYS = ("by the name of both", "by AND of two names", "best Gaussian of the code")
"""How a concept of two values is had."""


class World:
    """The sprites, what is known of each, and which are withheld."""

    def __init__(self) -> None:
        self.source: Source = al.load(SPRITES)
        known = namable(self.source)
        self.factors = {a.name: (a.values.astype(np.int64), a.names) for a in known}
        self.pixels = np.asarray(self.source.take(slice(None))).reshape(len(self.source), -1) / 127.5 - 1.0
        self.withheld = np.any([self.having(pair) for pair in UNSEEN], 0)

    def having(self, values: Sequence[tuple[str, int]]) -> Bool[np.ndarray, " n"]:
        """Which sprites have all these values."""
        return np.all([self.factors[name][0] == v for name, v in values], 0)

    def told(self) -> Source:
        """What is learned from."""
        return self.source.subset(np.flatnonzero(~self.withheld))

    def concept(self, values: Sequence[tuple[str, int]]) -> dict[str, str]:
        return {name: self.factors[name][1][v] for name, v in values}

    def chance(self, values: Sequence[tuple[str, int]]) -> float:
        """How many of all sprites have them."""
        return float(self.having(values).mean())

    def nearest(self, x: Float[np.ndarray, "n d"]) -> Int[np.ndarray, " n"]:
        """For each picture the sprite that it is most like."""
        return (np.square(self.pixels).sum(1) - 2.0 * x @ self.pixels.T).argmin(1)

    def seen_pairs(self) -> list[Pair]:
        """Pairs of values that none of the withheld ones touches in more than half of its sprites."""
        rng, found, names = np.random.default_rng(0), [], sorted(self.factors)
        while len(found) < SEEN:
            a, b = (str(n) for n in rng.choice(names, 2, replace=False))
            pair = ((a, int(rng.integers(len(self.factors[a][1])))), (b, int(rng.integers(len(self.factors[b][1])))))
            if pair not in found and self.withheld[self.having(pair)].mean() < 0.5:
                found.append(pair)
        return found


@dataclass(frozen=True, eq=False)
class Learned:
    """What one training seed gave: by way and pair, the share of draws that show both values; and pictures of the withheld pairs."""

    right: dict[tuple[str, Pair], float]
    pictures: np.ndarray


def learned(world: World, seed: int) -> Learned:
    settings = Settings(steps=STEPS, batch=BATCH, seed=seed, device="cpu", optim=Optim(lr=1e-3, weight_decay=0.0))
    rep = al.learn(world.told(), METHOD, settings=settings, all_items=True, quiet=False)
    concepts = al.Concepts(rep)
    right, rows = {}, []
    for pair in (*UNSEEN, *world.seen_pairs()):
        for way, meant in zip(WAYS, ways(world, rep, concepts, pair), strict=True):
            x = concepts.sym2img(meant, DRAWS, seed)[0]
            found = world.nearest(x.reshape(DRAWS, -1))
            right[way, pair] = float(world.having(pair)[found].mean())
            if pair in UNSEEN and way != WAYS[2]:
                rows.append(pictures.seen(rep.intake.spec, x[:SHOWN]))
        if pair in UNSEEN:
            true = np.flatnonzero(world.having(pair))[:1]
            rows.append(pictures.seen(rep.intake.spec, world.pixels[true].reshape(-1, 1, 16, 16)))
    return Learned(right, np.concatenate(rows))


def ways(world: World, rep: Any, concepts: al.Concepts, pair: Pair) -> tuple[Meant, Meant, Meant]:
    """The concept of a pair in each of the ways. The last is the Gaussian nearest to the codes of all such sprites, also withheld ones:
    what a concept could be at best in this code."""
    one, other = (concepts.meaning(world.concept((value,))) for value in pair)
    both = concepts.meaning(world.concept(pair))
    those = world.source.subset(np.flatnonzero(world.having(pair)))
    mu = torch.as_tensor(rep.encode(those))
    variance = rep.codes(those, ("log_variance",))["log_variance"].values.exp()
    best = Meant(mu.mean(0, keepdim=True), (mu.var(0, correction=0) + variance.mean(0))[None].log())
    return both, concepts.recombined("and", one, other), best


def named(world: World, pair: Pair) -> str:
    return ", ".join(f"{name} {value}" for name, value in world.concept(pair).items())


def interval(values: Sequence[float]) -> str:
    """Mean and half of Student's 95 % interval, in percent."""
    v = 100.0 * np.asarray(values)
    return f"{v.mean():.0f} ± {student(v):.0f}"


def table(world: World, found: Sequence[Learned]) -> str:
    rows = ["| | chance | " + " | ".join(WAYS) + " |", "|---|---:|" + "---:|" * len(WAYS)]
    mean = lambda pairs, way: [float(np.mean([one.right[way, p] for p in pairs])) for one in found]
    groups = [(named(world, p), [p]) for p in UNSEEN]
    groups += [("**withheld pairs, mean**", list(UNSEEN)), (f"**{SEEN} pairs that were seen, mean**", world.seen_pairs())]
    for name, pairs in groups:
        chance = 100.0 * float(np.mean([world.chance(p) for p in pairs]))
        rows.append(f"| {name} | {chance:.0f} | " + " | ".join(interval(mean(pairs, way)) for way in WAYS) + " |")
    return "\n".join(rows)


def plot(world: World, found: Sequence[Learned]) -> str:
    """Percent over pairs: each way, a mark for the mean and its interval over seeds; chance a line."""
    series = []
    for way, css, mark in zip(WAYS, ("own", "raw", "ceiling"), ("circle", "square", "diamond"), strict=True):
        points, bounds = [], []
        for i, pair in enumerate(UNSEEN):
            v = 100.0 * np.array([one.right[way, pair] for one in found])
            points.append((float(i), float(v.mean())))
            bounds.append((max(0.0, v.mean() - student(v)), min(100.0, v.mean() + student(v))))
        series.append(plots.Series(way, css, tuple(points), tuple(bounds), mark))
    chance = tuple((float(i), 100.0 * world.chance(p)) for i, p in enumerate(UNSEEN))
    series.append(plots.Series("chance", "untrained", chance, mark="triangle"))
    short = tuple((float(i), "–".join(name for name, _ in pair)) for i, pair in enumerate(UNSEEN))
    up = plots.Axis(0.0, 100.0, tuple((float(t), str(t)) for t in range(0, 101, 20)))
    across = plots.Axis(-0.6, len(UNSEEN) - 0.4, short, "the factors of the withheld pair")
    alt = "Percent of draws that show both values of a pair that was withheld"
    return drawings.drawing(series, across, up, alt, plots.Frame(width=580), columns=2)


def sheet(found: Learned) -> bytes:
    """A PNG: a row a withheld pair; draws by the name of both, draws by AND, and a sprite that has both."""
    laid = pictures.grid(found.pictures, 2 * SHOWN + 1)
    image, out = Image.fromarray(laid), io.BytesIO()
    image.resize((image.width * ZOOM, image.height * ZOOM), Image.Resampling.NEAREST).save(out, "PNG", optimize=True)
    return out.getvalue()


def verdict(world: World, found: Sequence[Learned]) -> str:
    """Whether withheld pairs are shown more often than chance has it, by the seeds' interval."""
    said = []
    for way in WAYS[:2]:
        over = np.array([np.mean([one.right[way, p] - world.chance(p) for p in UNSEEN]) for one in found])
        said.append(f"{way}, {'beyond' if over.mean() > student(over) else 'not beyond'} chance by the seeds' interval")
    return "; ".join(said).replace("by", "By", 1)


def page(world: World, found: Sequence[Learned]) -> str:
    """The Markdown."""
    return (HERE / "scan.txt").read_text().format(
        table=table(world, found), verdict=verdict(world, found), seeds=len(found), steps=f"{STEPS:,}", draws=DRAWS, n=len(world.source),
        withheld=int(world.withheld.sum()), rows="; ".join(named(world, p) for p in UNSEEN), shown=SHOWN, latent=METHOD.latent,
        beta=f"{METHOD.beta:g}",
    )  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    world = World()
    found = [learned(world, seed) for seed in SEEDS]
    made: dict[str, Any] = {"images/scan.png": sheet(found[0]), "images/scan_pairs.svg": plot(world, found), "scan.md": page(world, found)}
    for name, content in made.items():
        files.atomic_write(HERE / name, content)


if __name__ == "__main__":
    main()
