"""Writes docs/labs/scan.md and its pictures: concepts by name, and combinations of them that were never seen.

python docs/labs/scan.py     a quarter of an hour on one core; the words are in scan.txt
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from markupsafe import Markup
from scipy.stats import t

import allegory as al
from allegory import train
from allegory.core import Optim, files
from allegory.data import Attribute, Operator, Source
from allegory.methods.latent._paired import product
from allegory.methods.latent.scan import SCAN
from allegory.pages import drawings, pictures
from allegory.pages.plots import tag
from allegory.representation import Representation
from allegory.representation.concepts import Concepts, Meant
from allegory.train import Settings
from allegory.train.steps import play

HERE = Path(__file__).resolve().parent
SEEDS = range(3)
GRID, ROWS = "sprites:size=16,scales=4,orientations=1,xs=9,ys=16", (4, 12)  # half of the rows, so that x varies more than y
COLOURS = np.array([[255, 60, 60], [60, 255, 60], [80, 80, 255]]) / 255
NAMES = {
    "colour": ("red", "green", "blue"), "shape": ("square", "ellipse", "heart"), "size": ("small", "large"),
    "column": ("left", "middle", "right"), "row": ("top", "bottom"),
}  # fmt: skip
FACTORS = tuple(NAMES)
STEPS, HELD, DRAWS, SHOWN = 4000, 3, 64, 12
METHOD: dict[str, Any] = {"encoder": "mlp-plain", "decoder": "mlp", "beta": 20.0}
OPTIM = Optim(lr=2e-3, weight_decay=0.0)
CONTROLS: dict[str, dict[str, Any]] = {"divergence the other way round": {"covering": False}, "not grounded (λ = 0)": {"lam": 0.0}}
WIDTH, LINE, TILE = 460, 18, 32  # of the drawing: its width, a line of words, an image

Named = dict[str, str]


def world() -> Source:
    """Sprites in three colours, each factor named in two or three values: a name holds many images."""
    grid = al.load(GRID)
    assert grid.factors is not None
    keep = np.flatnonzero((grid.factors.values[:, 5] >= ROWS[0]) & (grid.factors.values[:, 5] < ROWS[1]))
    _, shape, scale, _, x, y = grid.factors.values[keep].T
    values = [shape, scale // 2, x // 3, (y - ROWS[0]) // 4]
    colour = np.repeat(np.arange(3), len(keep))
    lit = np.asarray(grid.take(keep), dtype=np.float64)[None] * COLOURS[:, None, :, None, None]
    tiled = (colour, *(np.tile(v, 3) for v in values))
    named = tuple(Attribute(name, "class", v.astype(np.int64), NAMES[name]) for name, v in zip(FACTORS, tiled, strict=True))
    return replace(al.load(lit.reshape(-1, *lit.shape[2:]).round().astype(np.uint8)), name="coloured sprites", attributes=named)


def values_of(source: Source) -> Int[np.ndarray, "n f"]:
    """The numbers of the values that each item shows."""
    return np.stack([a.values for a in source.attributes], 1)


def shows(concept: Named, values: Int[np.ndarray, "n f"]) -> Bool[np.ndarray, " n"]:
    """Which items show all that a concept names."""
    return np.all([values[:, FACTORS.index(f)] == NAMES[f].index(v) for f, v in concept.items()], axis=0)


def conjunctions() -> list[Named]:
    """All concepts of two values."""
    return [{f: a, g: b} for f, g in itertools.combinations(FACTORS, 2) for a in NAMES[f] for b in NAMES[g]]


def held_out(seed: int) -> list[Named]:
    """Those that this seed never sees, one each of some pairs of factors."""
    rng = np.random.default_rng(seed)
    pairs = list(itertools.combinations(FACTORS, 2))
    return [{f: str(rng.choice(NAMES[f])) for f in pairs[i]} for i in rng.permutation(len(pairs))[:HELD]]


class Reader:
    """Reads what an image shows: the values of the sprite nearest to it in pixels."""

    def __init__(self, source: Source):
        self.values = values_of(source)
        self.pixels = torch.as_tensor(source.take(slice(None))).flatten(1).float() / 127.5 - 1.0

    def __call__(self, x: Float[np.ndarray, "n *d"]) -> Int[np.ndarray, "n f"]:
        return self.values[torch.cdist(torch.as_tensor(x).flatten(1), self.pixels).argmin(1).numpy()]


@dataclass(frozen=True)
class Seen:
    """Of draws of concepts, in percent: how often a named value is shown, and the entropy of the values left open, of what it could be."""

    right: float
    open: float


@dataclass(frozen=True)
class Case:
    """Concepts of two values, each as both, its first, its second, and its first with another value for the second."""

    both: list[Named]

    @property
    def first(self) -> list[Named]:
        return [dict([next(iter(c.items()))]) for c in self.both]

    @property
    def second(self) -> list[Named]:
        return [dict([list(c.items())[1]]) for c in self.both]

    @property
    def otherwise(self) -> list[Named]:
        return [a | {f: NAMES[f][NAMES[f].index(v) - 1] for f, v in b.items()} for a, b in zip(self.first, self.second, strict=True)]


class Trial:
    """One learned representation, and what its concepts look like."""

    def __init__(self, rep: Representation, reader: Reader):
        self.rep, self.reader, self.concepts = rep, reader, Concepts(rep)

    def meant(self, concepts: Sequence[Named]) -> Meant:
        return self.concepts.meaning(*concepts)

    def made(self, operator: Operator, one: Sequence[Named], other: Sequence[Named]) -> Meant:
        return self.concepts.recombined(operator, self.meant(one), self.meant(other))

    def seen(self, meant: Meant, named: Sequence[Named], free: Sequence[Named] | None = None) -> Seen:
        """What draws show, where they should show `named` and leave open the factors of `free`: all others where it is None."""
        x = self.concepts.sym2img(meant, DRAWS)
        values = self.reader(x.reshape(-1, *x.shape[2:])).reshape(len(x), DRAWS, -1)
        right, spread = [], []
        for i, (shown, concept) in enumerate(zip(values, named, strict=True)):
            for j, f in enumerate(FACTORS):
                if f in concept:
                    right.append(float((shown[:, j] == NAMES[f].index(concept[f])).mean()))
                elif free is None or f in free[i]:
                    spread.append(entropy(shown[:, j], len(NAMES[f])))
        return Seen(100 * float(np.mean(right)), 100 * float(np.mean(spread)))

    def named(self, source: Source) -> float:
        """How many of an image's values are named right, in percent."""
        told = self.concepts.img2sym(source)
        values = values_of(source)
        hits = [[row[f] == NAMES[f][v[j]] for j, f in enumerate(FACTORS)] for row, v in zip(told, values, strict=True)]
        return 100 * float(np.mean(hits))

    def moments(self, source: Source, concepts: Sequence[Named]) -> Meant:
        """The Gaussians with the mean and the variance of the codes of all images of each concept: the least divergence that there is."""
        codes = self.rep.codes(source, ("mean", "log_variance"))
        mu, var = codes["mean"].values, codes["log_variance"].values.exp()
        found = [torch.as_tensor(shows(c, values_of(source))) for c in concepts]
        mean = torch.stack([mu[i].mean(0) for i in found])
        spread = torch.stack([var[i].mean(0) + mu[i].var(0, unbiased=False) for i in found])
        return Meant(mean, spread.log())


def entropy(values: Int[np.ndarray, " n"], k: int) -> float:
    """Of the values, as a share of log k."""
    share = np.bincount(values, minlength=k) / len(values)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum() / np.log(k))


def grounded_anew(rep: Representation, source: Source, seed: int, **said: Any) -> Representation:
    """The same visual code, and symbols and operators learned on it with other settings, for as many steps."""
    settings = Settings(steps=STEPS, optim=OPTIM, seed=seed, device="cpu")
    method, net, items = train.begin(SCAN(**(METHOD | said)), source, settings, np.arange(len(source)))
    own = {name: value for name, value in rep.net.state_dict().items() if name.startswith(("body", "posterior", "decoder", "variance"))}
    net.load_state_dict(own, strict=False)
    assert isinstance(method, SCAN)
    learner = train.learner_for(method, net, items, source, settings)
    while learner.step < STEPS:
        for player in learner.players[1:]:  # all but the visual one
            play(learner, player, 0)
        learner.step += 1
    return Representation(method, net.eval(), items.intake)


Figures = dict[str, float]


def figures_of(trial: Trial, source: Source, hidden: Bool[np.ndarray, " n"], held: list[Named]) -> Figures:
    """All that is measured of one trial."""
    cases = {"seen": Case([c for c in conjunctions() if c not in held]), "unseen": Case(held)}
    found: Figures = {}
    for name, case in cases.items():
        asked = {
            "direct": (trial.meant(case.both), case.both, None), "and": (trial.made("and", case.first, case.second), case.both, None),
            "product": (multiplied(trial.meant(case.first), trial.meant(case.second)), case.both, None),
            "ignore": (trial.made("ignore", case.both, case.second), case.first, case.second),
            "in common": (trial.made("in common", case.both, case.otherwise), case.first, case.second),
            "unchanged": (trial.meant(case.both), case.first, case.second),
        }  # fmt: skip
        for what, (meant, named, free) in asked.items():
            told = trial.seen(meant, named, free)
            found |= {f"{what} {name} right": told.right, f"{what} {name} open": told.open}
        found[f"img2sym {name}"] = trial.named(source.subset(np.flatnonzero(hidden == (name == "unseen"))))
    for f in FACTORS:
        ones = [{f: v} for v in NAMES[f]]
        found[f"one {f}"] = trial.seen(trial.meant(ones), ones).right
        found[f"moments {f}"] = trial.seen(trial.moments(source.subset(np.flatnonzero(~hidden)), ones), ones).right
    for name, part in (("seen", ~hidden), ("unseen", hidden)):
        some = source.subset(np.flatnonzero(part)[::4])
        found[f"decoded {name}"] = 100 * float((trial.reader(np.asarray(trial.rep.reconstruct(some))) == values_of(some)).mean())
    return found


def multiplied(one: Meant, other: Meant) -> Meant:
    """The product of two Gaussians: AND in closed form."""
    return Meant(*product((one.mu, one.log_var), (other.mu, other.log_var)))


def sheet(rows: Sequence[tuple[str, Float[np.ndarray, "n c h w"]]]) -> str:
    """An SVG: a line of words and a row of images for each."""
    parts, top = [], 0.0
    for words, x in rows:
        laid = pictures.grid(np.clip((x.transpose(0, 2, 3, 1) + 1) * 127.5, 0, 255).round().astype(np.uint8), len(x))
        high = WIDTH * laid.shape[0] / laid.shape[1]
        parts.append(tag("text", Markup.escape(words), x=0, y=top + LINE - 5, class_="name"))
        parts.append(tag("image", x=0, y=top + LINE, width=WIDTH, height=high, href=pictures.uri(laid), style="image-rendering:pixelated"))
        top += LINE + high + 6
    paper = tag("rect", width=WIDTH, height=top, class_="paper")
    whole = tag(
        "svg", tag("style", Markup(drawings.STYLE)), paper, *parts, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {top:g}",
        role="img",
    )  # fmt: skip
    return f"{whole}\n"


def worded(concept: Named) -> str:
    return " and ".join(concept.values()) or "anything"


def sheets(trials: dict[str, Trial], held: list[Named]) -> dict[str, str]:
    """The pictures by name."""
    own = trials["SCAN"]
    one, both = {"colour": "red"}, held[0]
    case = Case([both])
    a, b = worded(case.first[0]), worded(case.second[0])
    asked = [
        ("anything", own.meant([{}])), ("red", own.meant([one])), ("left", own.meant([{"column": "left"}])),
        ("red and left", own.meant([{"colour": "red", "column": "left"}])),
        *((f"{worded(c)}: never seen together", own.meant([c])) for c in held),
        (f"({a}) AND ({b}): never seen together", own.made("and", case.first, case.second)),
        (f"({a} and {b}) IGNORE ({b})", own.made("ignore", case.both, case.second)),
        (f"({a} and {b}) IN COMMON ({worded(case.otherwise[0])})", own.made("in common", case.both, case.otherwise)),
    ]  # fmt: skip
    rows = [(words, own.concepts.sym2img(meant, SHOWN)[0]) for words, meant in asked]
    other = [(f"red: {name}", trial.concepts.sym2img(trial.meant([one]), SHOWN)[0]) for name, trial in trials.items()]
    return {"scan_draws": sheet(rows), "scan_controls": sheet(other)}


def said(values: Sequence[float]) -> str:
    """Mean and half a 95 % interval over seeds (Student's t)."""
    n = len(values)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return f"{np.mean(values):.0f} ± {half:.0f}"


def chance(concepts: Sequence[Named]) -> float:
    """How often a value is right that is drawn at random."""
    return 100 * float(np.mean([1 / len(NAMES[f]) for c in concepts for f in c]))


def page(found: dict[str, list[Figures]], hidden: float) -> str:
    """The Markdown."""
    own = found["SCAN"]
    of = lambda kind, name: said([figures[name] for figures in found[kind]])
    asked = [f"direct {w} {how}" for w in ("seen", "unseen") for how in ("right", "open")] + ["img2sym seen", "img2sym unseen"]
    rows = [f"| {kind} | " + " | ".join(of(kind, name) for name in asked) + " |" for kind in found]
    luck = f"{chance(conjunctions()):.0f}"
    blind = f"{np.mean([100 / len(v) for v in NAMES.values()]):.0f}"
    rows.append(f"| by chance | {luck} | 100 | {luck} | 100 | {blind} | {blind} |")
    words = {
        "and": "AND", "product": "AND, as the product of both Gaussians", "ignore": "IGNORE", "in common": "IN COMMON",
        "unchanged": "the first concept as it is (for IGNORE and IN COMMON)",
    }  # fmt: skip
    operators = [
        f"| {label} | " + " | ".join(of("SCAN", f"{op} {w} {how}") for w in ("seen", "unseen") for how in ("right", "open")) + " |"
        for op, label in words.items()
    ]
    each = [f"| {f} | {of('SCAN', f'one {f}')} | {of('SCAN', f'moments {f}')} | {100 / len(v):.0f} |" for f, v in NAMES.items()]
    mean = lambda name: f"{np.mean([figures[name] for figures in own]):.0f}"
    return (HERE / "scan.txt").read_text().format(
        table="\n".join(rows), operators="\n".join(operators), factors="\n".join(each), hidden=f"{hidden:.0f}", seeds=len(SEEDS),
        steps=f"{STEPS:,}", draws=DRAWS, held=HELD, decoded=mean("decoded seen"), decoded_unseen=mean("decoded unseen"),
        beta=f"{METHOD['beta']:g}", n=f"{len(world()):,}",
    )  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    source = world()
    reader, values = Reader(source), values_of(source)
    found: dict[str, list[Figures]] = {kind: [] for kind in ("SCAN", *CONTROLS)}
    shares, made = [], {}
    for seed in SEEDS:
        held = held_out(seed)
        hidden = np.any([shows(c, values) for c in held], axis=0)
        shares.append(100 * float(hidden.mean()))
        shown = source.subset(np.flatnonzero(~hidden))
        rep = al.learn(shown, SCAN(**METHOD), settings=Settings(steps=STEPS, optim=OPTIM, seed=seed, device="cpu"), all_items=True)
        reps = {"SCAN": rep} | {kind: grounded_anew(rep, shown, seed, **settings) for kind, settings in CONTROLS.items()}
        trials = {kind: Trial(each, reader) for kind, each in reps.items()}
        for kind, trial in trials.items():
            found[kind].append(figures_of(trial, source, hidden, held))
        made = made or sheets(trials, held)
    for name, text in made.items():
        files.atomic_write(HERE / "images" / f"{name}.svg", text)
    files.atomic_write(HERE / "scan.md", page(found, float(np.mean(shares))))


if __name__ == "__main__":
    main()
