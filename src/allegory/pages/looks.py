"""Judging by looking: neighbours, reconstructions, traversals, interpolations and samples of images. Each is None where it cannot be."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from allegory.core import Tree, tree
from allegory.data import Source
from allegory.pages import layout, pictures
from allegory.pages.codes_map import Encoded
from allegory.pages.items import Item, label, of_part, spread, uris
from allegory.pages.numbers import plural

QUERIES = 6
NEAREST = 8
PAIRS = 12
STEPS = 9
DIMENSIONS = 10
MOST_DIMENSIONS = 128
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
class Strip:
    """A row of pictures as one, with its words."""

    uri: str
    name: str
    alt: str


def traversals(source: Source, items: Encoded, rep: Any) -> tuple[Strip, ...]:
    """One item's code moved along single dimensions, two standard deviations to each side, those that change the picture most first."""
    place = int(spread(source, items.index, of_part(source, items.index, "test"), 1)[0])
    deviation = items.z.std(0)
    dimensions = np.argsort(-deviation)[:MOST_DIMENSIONS]
    moves = np.linspace(-2, 2, STEPS)
    z = np.repeat(items.z[place][None], len(dimensions) * STEPS, 0).reshape(len(dimensions), STEPS, -1)
    for row, d in enumerate(dimensions):
        z[row, :, d] = items.z[:, d].mean() + moves * deviation[d]
    decoded = rep.decode(z.reshape(len(dimensions) * STEPS, -1).astype(np.float32))
    shown = pictures.seen(rep.intake.spec, decoded)
    shown = shown.reshape(len(dimensions), STEPS, *shown.shape[1:])
    change = np.abs(shown[:, -1].astype(float) - shown[:, 0]).mean((1, 2, 3))
    order = np.argsort(-change, kind="stable")[:DIMENSIONS]
    how = "from -2 to +2 standard deviations of this dimension"
    return tuple(_strip(shown[r], f"dimension {dimensions[r] + 1}", how) for r in order)


def interpolations(source: Source, items: Encoded, rep: Any) -> tuple[Strip, ...]:
    """Straight lines between the codes of pairs of test items, decoded."""
    chosen = spread(source, items.index, of_part(source, items.index, "test"), 10)
    pairs = list(zip(chosen[0::2], chosen[1::2], strict=False))
    if not pairs:
        return ()
    t = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    z = np.concatenate([(1 - t) * items.z[a] + t * items.z[b] for a, b in pairs])
    shown = pictures.seen(rep.intake.spec, rep.decode(z))
    rows = shown.reshape(len(pairs), STEPS, *shown.shape[1:])
    names = [" → ".join(_name(source, int(items.index[p])) for p in pair) for pair in pairs]
    return tuple(_strip(row, name, "decoded from the straight line between the two codes") for row, name in zip(rows, names, strict=True))


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


def _name(source: Source, i: int) -> str:
    return label(source, i) or source.id(i)


def _strip(row: np.ndarray, name: str, how: str) -> Strip:
    return Strip(pictures.uri(pictures.grid(pictures.resized(row, 72), len(row))), name, f"{name}: {len(row)} pictures, {how}")
