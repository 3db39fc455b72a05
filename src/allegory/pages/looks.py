"""Judging by looking: neighbours, reconstructions, traversals, completions and samples of images. Each is None where it cannot be."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from allegory.core import Tree, tree
from allegory.data import Source
from allegory.pages import layout, pictures
from allegory.pages.codes_map import Encoded
from allegory.pages.items import Item, label, of_part, spread, uris
from allegory.pages.latents import SILENT, Posterior
from allegory.pages.numbers import decimals, plural
from allegory.pages.strips import Strip, strip

QUERIES = 6
NEAREST = 8
PAIRS = 12
STEPS = 9
DIMENSIONS = 10
MOST_DIMENSIONS = 128
RANGE = (2.5, 97.5)  # percentiles
MOVED = "over the middle 95 % of the codes of this dimension"
COMPLETED = 6
SEEDS = 3
UNSEEN = 128
SAME = 1 / 3  # the means of a VAE differ by a fifth, for their few importance samples; draws by about 1
SAMPLES = 48
PROGRESSES = 8
SHARES = (0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, math.inf)  # of the bits that these items take on average


@dataclass(frozen=True)
class Neighbours:
    """Test items and the training items whose codes lie nearest. `agree`: the share of them with the query's label, `chance` beside it."""

    rows: tuple[tuple[Item, tuple[Item, ...]], ...]
    pictured: bool
    agree: float | None
    chance: float | None


def neighbours(source: Source, items: Encoded, rep: Any) -> Neighbours | None:
    """The nearest training items of some test items, and how often labels agree over all test items of the map."""
    tests, trains = of_part(source, items.index, "test"), of_part(source, items.index, "train")
    if len(trains) < 2:
        return None
    own = len(np.intersect1d(tests, trains)) > 0
    found, far = layout.neighbours(items.z[trains], items.z[tests], NEAREST + own)
    found, far = (found[:, own:], far[:, own:])
    chosen = spread(source, items.index, tests, QUERIES)
    row_of = {int(p): r for r, p in enumerate(tests)}
    rows = []
    for place in chosen:
        row = row_of[int(place)]
        near = items.index[trains[found[row]]]
        shown = _pictured(rep, source, np.concatenate([items.index[[place]], near]))
        mine = label(source, int(items.index[place]))
        query = Item(shown[0], source.id(int(items.index[place])), mine)
        theirs = [label(source, int(i)) for i in near]
        others = tuple(
            Item(uri, source.id(int(i)), his, float(d), None if mine is None or his is None else his == mine)
            for uri, i, his, d in zip(shown[1:], near, theirs, far[row], strict=True)
        )
        rows.append((query, others))
    agree, chance = _agreement(source, items.index[tests], items.index[trains], found)
    return Neighbours(tuple(rows), rows[0][0].uri is not None, agree, chance)


def _pictured(rep: Any, source: Source, index: np.ndarray) -> list[str] | list[None]:
    if pictures.image_part(rep.intake.spec) is None:
        return [None] * len(index)
    return uris(pictures.stored(rep.intake, source.take(index)))


def _agreement(source: Source, tests: np.ndarray, trains: np.ndarray, found: np.ndarray) -> tuple[float | None, float | None]:
    if source.labels is None:
        return None, None
    mine, theirs = source.labels.values[tests], source.labels.values[trains]
    near = theirs[found]
    both = (mine[:, None] >= 0) & (near >= 0)
    if not both.any():
        return None, None
    shares = np.bincount(theirs[theirs >= 0], minlength=len(source.labels.names)) / max(1, (theirs >= 0).sum())
    return float((near == mine[:, None])[both].mean()), float(shares[mine[mine >= 0]].mean())


@dataclass(frozen=True)
class Reconstructions:
    """Test items beside what their codes give back. `kept` is the share of the pixels' variance that comes back."""

    pairs: tuple[tuple[Item, str], ...]
    kept: float


def reconstructions(source: Source, items: Encoded, rep: Any) -> Reconstructions:
    """Pairs of item and reconstruction, and the share of variance kept over up to 512 test items."""
    places = of_part(source, items.index, "test")
    spec = rep.intake.spec
    chosen = spread(source, items.index, places, PAIRS)
    before = pictures.stored(rep.intake, source.take(items.index[chosen]))
    after = pictures.seen(spec, rep.decode(items.z[chosen]))
    many = places[:512]
    x = pictures.stored(rep.intake, source.take(items.index[many])).astype(np.float64)
    error = np.square(x - pictures.seen(spec, rep.decode(items.z[many]))).mean()
    kept = 1.0 - error / max(np.square(x - x.mean(0)).mean(), 1e-12)
    shown = [Item(u, source.id(int(i)), label(source, int(i))) for u, i in zip(uris(before), items.index[chosen], strict=True)]
    return Reconstructions(tuple(zip(shown, uris(after), strict=True)), float(kept))


@dataclass(frozen=True)
class Traversals:
    """A strip for each dimension shown. With a posterior they are `ordered` by nats, and `silent` of `size` carry too few to be shown."""

    strips: tuple[Strip, ...]
    size: int
    ordered: bool = False
    silent: int = 0


def traversals(source: Source, items: Encoded, rep: Any, q: Posterior | None = None) -> Traversals:
    """One item's code moved along single dimensions, over the middle 95 % of the codes. First come those that carry most nats, where the
    posterior says how many each carries; else those that change the picture most."""
    place = int(spread(source, items.index, of_part(source, items.index, "test"), 1)[0])
    size = items.z.shape[1]
    if q is not None and len(q.kl) == size:
        loud = int((q.kl >= SILENT).sum())
        dimensions = q.order[: min(loud, DIMENSIONS)]
        shown = _moved(items, rep, place, dimensions)
        names = [f"dimension {d + 1}, {decimals(float(q.kl[d]), 1 if q.kl[d] >= 1 else 2)} nats" for d in dimensions]
        return Traversals(tuple(strip(row, name, MOVED) for row, name in zip(shown, names, strict=True)), size, True, size - loud)
    dimensions = np.argsort(-items.z.std(0))[:MOST_DIMENSIONS]
    shown = _moved(items, rep, place, dimensions)
    change = np.abs(shown[:, -1].astype(float) - shown[:, 0]).mean((1, 2, 3))
    order = np.argsort(-change, kind="stable")[:DIMENSIONS]
    return Traversals(tuple(strip(shown[r], f"dimension {dimensions[r] + 1}", MOVED) for r in order), size)


def _moved(items: Encoded, rep: Any, place: int, dimensions: np.ndarray) -> np.ndarray:
    """The pictures (dimension, step, h, w, 3) of the code at `place` with one dimension moved."""
    if not len(dimensions):
        return np.empty((0, STEPS, 1, 1, 3), np.uint8)
    z = np.repeat(items.z[place][None], len(dimensions) * STEPS, 0).reshape(len(dimensions), STEPS, -1)
    for row, d in enumerate(dimensions):
        low, high = np.percentile(items.z[:, d], RANGE)
        z[row, :, d] = np.linspace(low, high, STEPS)
    shown = pictures.seen(rep.intake.spec, rep.decode(z.reshape(len(dimensions) * STEPS, -1).astype(np.float32)))
    return shown.reshape(len(dimensions), STEPS, *shown.shape[1:])


@dataclass(frozen=True)
class Completions:
    """Test items, the half of each that was seen, and what was put below it with each seed: once where all say nearly the same. `apart`:
    how far two seeds differ there, as a share of how far the items differ from their mean."""

    rows: tuple[tuple[Item, str, tuple[str, ...]], ...]
    apart: float


def completions(source: Source, items: Encoded, rep: Any) -> Completions | None:
    """The upper half of some test items, completed with three seeds; None for what is not one picture of at least two rows."""
    spec = rep.intake.spec
    if pictures.image_part(spec) != "" or spec.shape[1] < 2:
        return None
    chosen = items.index[spread(source, items.index, of_part(source, items.index, "test"), COMPLETED)]
    x, half = source.take(chosen), spec.shape[1] // 2
    known = np.zeros((len(chosen), *spec.shape), dtype=bool)
    known[:, :, :half] = True
    whole = [pictures.seen(spec, rep.complete(x, known, seed=seed)) for seed in range(SEEDS)]
    before = pictures.stored(rep.intake, x)
    shaded = before.copy()
    shaded[:, half:] = UNSEEN
    own = [Item(uri, source.id(int(i)), label(source, int(i))) for uri, i in zip(uris(before), chosen, strict=True)]
    apart = _apart(whole[0][:, half:], whole[1][:, half:], before[:, half:])
    shown = list(zip(*map(uris, whole[:1] if apart < SAME else whole), strict=True))
    return Completions(tuple(zip(own, uris(shaded), shown, strict=True)), apart)


def _apart(one: np.ndarray, other: np.ndarray, items: np.ndarray) -> float:
    """The root mean square between two seeds, over that of the items about their mean."""
    spread_ = np.square(items.astype(np.float64) - items.mean(0)).mean()
    return float((np.square(one.astype(np.float64) - other).mean() / max(spread_, 1e-12)) ** 0.5)


Said = tuple[str, str]  # a picture, and how many bits it took in words


def progressive(source: Source, items: Encoded, rep: Any) -> tuple[tuple[Item, tuple[Said, ...]], ...]:
    """Test items, each with what is said of it by more and more bits."""
    chosen = items.index[spread(source, items.index, of_part(source, items.index, "test"), PROGRESSES)]
    x = source.take(chosen)
    ((_, whole),) = rep.progressive(x, (math.inf,))
    told = rep.progressive(x, tuple(share * float(whole.mean()) if share < math.inf else share for share in SHARES))
    shown = [uris(pictures.seen(rep.intake.spec, picture)) for picture, _ in told]
    words = [[plural(round(float(b)), "bit") for b in bits] for _, bits in told]
    before = uris(pictures.stored(rep.intake, x))
    own = [Item(uri, source.id(int(i)), label(source, int(i))) for uri, i in zip(before, chosen, strict=True)]
    return tuple((item, tuple((s[r], w[r]) for s, w in zip(shown, words, strict=True))) for r, item in enumerate(own))


def samples(rep: Any) -> tuple[str, ...]:
    """New pictures that the method draws, as data URIs."""
    drawn: Tree = rep.sample(SAMPLES, seed=0)
    assert tree.length(drawn) == SAMPLES
    return tuple(uris(pictures.seen(rep.intake.spec, drawn)))
