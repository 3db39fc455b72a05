"""Writes docs/labs/anatomy.md and its pictures: which parts of contrastive learning do the work, and how do they show?

python docs/labs/anatomy.py     a quarter of an hour on one core; what was trained is kept under runs/anatomy and not trained again;
                                the words are in anatomy.txt
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import allegory as al
from allegory import measures, questions, train, views
from allegory.core import Dice, files, plain
from allegory.data import Source
from allegory.measures.information import info_nce_bound
from allegory.methods.contrastive.simclr import SimCLR
from allegory.pages import drawings, plots
from allegory.questions import ridge
from allegory.representation import Representation
from allegory.train import Learner, Settings, Tick

HERE = Path(__file__).resolve().parent
RUNS = HERE.parent.parent / "runs" / "anatomy"
SEEN = 120 * 256  # items a training of the grid sees, whatever its batch
BATCHES = (64, 256)
DEPTHS = (0, 1, 2)
HARDNESS = (0.0, 1.0)
STRENGTHS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
TAUS = (0.05, 0.5, 5.0)
PAIRS = 256  # of which the bound on mutual information is taken
STEPS = 300

MOVED = views.Affine(rotation=20, scale=0.25, shift=(0.1, 0.1), shear=(0.2, 0.2))
LIT = views.ColourJitter(brightness=0.2, contrast=0.2, saturation=0, hue=0)
NOISED = views.Noise(0.1)
SHOWN: dict[str, views.View] = {
    "noise": views.Compose((NOISED,)), "light and noise": views.Compose((LIT, NOISED)),
    "moves": views.Compose((MOVED,)), "moves, light and noise": views.Compose((MOVED, LIT, NOISED)),
}  # fmt: skip


def scaled(strength: float) -> views.View:
    """The default view of digits with all its ranges times `strength`; noise stays, so that two views are never equal."""
    s = strength
    moved = views.Affine(rotation=20 * s, scale=0.25 * s, shift=(0.1 * s, 0.1 * s), shear=(0.2 * s, 0.2 * s))
    return views.Compose((moved, views.ColourJitter(brightness=0.2 * s, contrast=0.2 * s, saturation=0, hue=0), NOISED))


def kept(what: str, key: Any, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives, from its file when it was made before."""
    told = json.dumps(plain.plain(key), sort_keys=True)
    path = RUNS / f"{what}-{hashlib.sha256(told.encode()).hexdigest()[:10]}.json"
    if path.exists():
        return json.loads(path.read_text())
    made = make()
    RUNS.mkdir(parents=True, exist_ok=True)
    files.atomic_write(path, json.dumps(made))
    return made


def few_labels(rep: Representation, source: Source) -> float:
    """Percent of the test items that are told right with one label a class, 20 draws."""
    score = questions.ask(rep, source, questions=["few_labels"], controls=()).get("accuracy@1")
    assert score is not None, "digits have labels"
    return 100.0 * score.value


def cell(source: Source, shown: str, depth: int, batch: int, hardness: float) -> float:
    """One training of the grid."""
    method = SimCLR(views=views.Pair(SHOWN[shown]), depth=depth, hardness=hardness)

    def make() -> dict[str, Any]:
        rep = al.learn(source, method, settings=Settings(seed=0, steps=SEEN // batch, batch=batch, device="cpu"))
        return {"accuracy": few_labels(rep, source)}

    return kept("cell", (method, SEEN, batch), make)["accuracy"]


def grid(source: Source) -> dict[tuple[str, int, int, float], float]:
    """Accuracy of every combination."""
    every = itertools.product(SHOWN, DEPTHS, BATCHES, HARDNESS)
    return {combination: cell(source, *combination) for combination in every}


def effects(found: dict[tuple[Any, ...], float], factor: int, levels: Sequence[Any]) -> list[tuple[Any, float, float]]:
    """Each level, its mean accuracy over all else, and the standard error of its paired difference from the factor's mean."""
    rest = sorted({c[:factor] + c[factor + 1 :] for c in found}, key=str)
    table = np.array([[found[(*c[:factor], level, *c[factor:])] for level in levels] for c in rest])
    centred = table - table.mean(1, keepdims=True)
    error = centred.std(0, ddof=1) / np.sqrt(len(rest))
    return [(level, float(m), float(e)) for level, m, e in zip(levels, table.mean(0), error, strict=True)]


def shared_information(rep: Representation, source: Source) -> float:
    """The InfoNCE bound of the information that two views share, as the head sees it: nats, of 256 test items, at most log 256."""
    method, net = rep.method, rep.net
    assert isinstance(method, SimCLR)
    x = rep.intake(torch.as_tensor(source.take(source.part("test")[:PAIRS])))
    first, second = method.views(x, Dice.roll(1, 0, torch.arange(len(x))))
    with torch.no_grad():
        z1, z2 = (measures.on_sphere(net(view)) for view in (first, second))
        return float(info_nce_bound(z1 @ z2.T / method.tau))


def by_strength(source: Source) -> list[tuple[float, float, float]]:
    """Strength of the views, bound on the information, accuracy."""

    def of(strength: float) -> dict[str, Any]:
        rep = al.learn(source, SimCLR(views=views.Pair(scaled(strength))), settings=Settings(seed=0, steps=STEPS, device="cpu"))
        return {"bound": shared_information(rep, source), "accuracy": few_labels(rep, source)}

    found = [(s, kept("strength", (s, STEPS), lambda s=s: of(s))) for s in STRENGTHS]
    return [(s, one["bound"], one["accuracy"]) for s, one in found]


CHANGES: dict[str, tuple[views.View, int]] = {
    "rotation": (views.Affine(rotation=20, scale=0, shift=(0, 0), shear=(0, 0)), 0),
    "size": (views.Affine(rotation=0, scale=0.25, shift=(0, 0), shear=(0, 0)), 1),
    "shift to the right": (views.Affine(rotation=0, scale=0, shift=(0.1, 0), shear=(0, 0)), 2),
    "brightness": (views.ColourJitter(brightness=0.2, contrast=0, saturation=0, hue=0, p=1), 0),
}


def amount(view: views.View, column: int, dice: Dice) -> Tensor:
    """What a view draws for its changing parameter."""
    return (view.parameters(dice) if isinstance(view, views.Affine) else view.draw(dice, (1, 8, 8)))[:, column]


def told_by(z: Tensor, y: Tensor, fitted: int) -> float:
    """R^2 of the best ridge regression of y on z, on the items that it was not fitted on."""
    z = (z - z[:fitted].mean(0)) / z[:fitted].std(0).clamp_min(1e-6)
    half = fitted * 3 // 4
    quality = []
    for weight, bias in ridge.path(z[:half].double(), y[:half].double(), (1e-4, 1e-3, 1e-2, 1e-1)):
        said = (z.double() @ weight)[:, 0] + bias
        quality.append((r2(said[half:fitted], y[half:fitted]), r2(said[fitted:], y[fitted:])))
    return max(quality)[1]


def r2(said: Tensor, y: Tensor) -> float:
    return 1.0 - float((said - y).square().sum() / (y - y.mean()).square().sum())


def kept_and_dropped(source: Source) -> dict[str, Any]:
    """How well each change of an item can be told from the layer below the head and from the head's output; and the classes."""

    def make() -> dict[str, Any]:
        rep = al.learn(source, SimCLR(), settings=Settings(seed=0, steps=STEPS, device="cpu"))
        untrained = questions.controls.untrained(rep, len(source.part("train")))
        return {name: layers_of(one, source) for name, one in (("learned", rep), ("untrained", untrained))}

    return kept("layers", STEPS, make)


def layers_of(rep: Representation, source: Source) -> dict[str, dict[str, float]]:
    x = rep.intake(torch.as_tensor(source.take(np.concatenate([source.part("train"), source.part("test")]))))
    dice, fitted = Dice.roll(2, 0, torch.arange(len(x))), len(source.part("train"))
    found: dict[str, dict[str, float]] = {}
    with torch.no_grad():
        for name, (view, column) in CHANGES.items():
            h = rep.net.body(view(x, dice))
            y = amount(view, column, dice)
            found[name] = {"h": told_by(h, y, fitted), "z": told_by(measures.on_sphere(rep.net.head(h)), y, fitted)}
        everything = torch.as_tensor(source.take(np.arange(len(source))))
        h = rep.net.body(rep.intake(everything))
        codes = {"h": h, "z": rep.net.head(h)}
    scores = {k: questions.ask(z.numpy(), source, questions=["linear_probe"], controls=()).get("accuracy") for k, z in codes.items()}
    return found | {"class, with all labels": {k: s.value for k, s in scores.items() if s is not None}}


def along(source: Source, tau: float) -> dict[str, Any]:
    """Alignment and uniformity of the codes while learning at a temperature, and what they are worth in the end."""

    def make() -> dict[str, Any]:
        path: list[tuple[int, float, float]] = []
        watch = train.health.Watch()

        def listen(learner: Learner, tick: Tick) -> None:
            watch(learner, tick)
            if tick.step % learner.plan.log_every == 0:
                path.append((tick.step, watch.last["alignment"], watch.last["uniformity"]))

        fitted = train.fit(SimCLR(tau=tau), source, Settings(seed=0, steps=STEPS, device="cpu"), listeners=[listen])
        return {"path": path, "accuracy": few_labels(Representation.of(fitted), source)}

    return kept("along", (tau, STEPS), make)


def pictures(strengths: Sequence[tuple[float, float, float]], paths: dict[float, dict[str, Any]]) -> dict[str, str]:
    s, bound, accuracy = (list(column) for column in zip(*strengths, strict=True))
    across = plots.axis(s, "strength of the views (1 is the default)")
    of_bound = plots.Series(
        "shared information, in hundredths of log 256",
        "raw",
        tuple(zip(s, [100 * b / np.log(PAIRS) for b in bound], strict=True)),
        mark="square",
    )
    of_accuracy = plots.Series("accuracy with one label a class, %", "own", tuple(zip(s, accuracy, strict=True)))
    marks = (("own", "circle"), ("raw", "square"), ("pca", "triangle"))
    ways = {
        what: [
            plots.Series(f"tau {tau:g}", css, tuple((step, values[i]) for step, *values in one["path"]), mark=mark)
            for (tau, one), (css, mark) in zip(paths.items(), marks, strict=True)
        ]
        for i, what in enumerate(("alignment", "uniformity"))
    }
    drawn = {
        f"anatomy_{what}": drawings.drawing(
            series,
            plots.axis([0, STEPS], "steps"),
            plots.axis([y for one in series for _, y in one.points], what),
            f"{what} while learning",
            columns=3,
        )
        for what, series in ways.items()
    }
    whole = plots.axis([0.0, 100.0])
    return drawn | {
        "anatomy_information": drawings.drawing(
            [of_bound, of_accuracy], across, whole, "Shared information and accuracy by strength of the views"
        )
    }


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def of_parts(found: dict[tuple[Any, ...], float]) -> list[list[str]]:
    """The lines of the table of all parts."""
    parts = (("views", tuple(SHOWN)), ("layers of the head", DEPTHS), ("batch", BATCHES), ("weight of hard negatives", HARDNESS))
    return [
        [part, level if isinstance(level, str) else f"{level:g}", f"{mean:.1f}", f"{error:.1f}"]
        for i, (part, levels) in enumerate(parts)
        for level, mean, error in effects(found, i, levels)
    ]


def of_grid(found: dict[tuple[Any, ...], float]) -> dict[str, Any]:
    """What the page says of the grid."""
    views_, depth, batch, hardness = best = max(found, key=lambda c: found[c])
    return {
        "cells": len(found), "seen": f"{SEEN:,}", "best": f"{found[best]:.1f}", "worst": f"{min(found.values()):.1f}",
        "best_views": views_, "best_depth": depth, "best_batch": batch, "best_hardness": f"{hardness:g}",
        "effects": table(["part", "level", "accuracy, %", "±"], of_parts(found)),
    }  # fmt: skip


def of_layers(layers: dict[str, Any]) -> str:
    """The table of what either layer tells."""
    head = ["what is told", "below the head", "above it", "untrained, below", "untrained, above"]
    rows = [[what, *(f"{layers[who][what][k]:.2f}" for who in ("learned", "untrained") for k in "hz")] for what in layers["learned"]]
    return table(head, rows)


def main() -> None:
    torch.set_num_threads(1)
    source = al.load("digits")
    found, strengths, layers = grid(source), by_strength(source), kept_and_dropped(source)
    paths = {tau: along(source, tau) for tau in TAUS}
    for name, picture in pictures(strengths, paths).items():
        files.atomic_write(HERE / "images" / f"{name}.svg", picture)
    ends = [(tau, one["path"][-1], one["accuracy"]) for tau, one in paths.items()]
    told = of_grid(found) | {
        "PAIRS": PAIRS, "layers": of_layers(layers),
        "strengths": table(["strength", "bound, nats", "accuracy, %"], [[f"{s:g}", f"{b:.2f}", f"{a:.1f}"] for s, b, a in strengths]),
        "most_information": f"{max(strengths, key=lambda r: r[1])[0]:g}", "most_accuracy": f"{max(strengths, key=lambda r: r[2])[0]:g}",
        "taus": table(
            ["tau", "alignment at the end", "uniformity at the end", "accuracy, %"],
            [[f"{tau:g}", f"{end[1]:.3f}", f"{end[2]:.2f}", f"{accuracy:.1f}"] for tau, end, accuracy in ends],
        ),
    }  # fmt: skip
    files.atomic_write(HERE / "anatomy.md", (HERE / "anatomy.txt").read_text().format(**told))


if __name__ == "__main__":
    main()
