"""Writes docs/labs/three_spaces.md and its picture: three maps with nearly one R@1. The words are in three_spaces.txt; seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from markupsafe import Markup
from torch import Tensor

from allegory.core import files
from allegory.measures import clustering
from allegory.measures.retrieval import retrieval
from allegory.pages import drawings
from allegory.pages.plots import tag

HERE = Path(__file__).resolve().parent
N = 200  # items a class
WIDTH, LEFT, RIGHT, UNIT = 460, -4.2, 4.2, 52


@dataclass(frozen=True)
class Box:
    """`share` of a class, uniform from `left` over `width` and `height`."""

    share: float
    left: float
    width: float = 1.0
    height: float = 1.0


@dataclass(frozen=True)
class Space:
    """The boxes of class 0; those of class 1 are their mirror images. The seed was chosen so that the figures are those of the paper."""

    boxes: tuple[Box, ...]
    seed: int


SPACES = {
    "in clumps": Space((Box(0.55, -1.0, height=1.5), Box(0.45, -3.0, height=1.5)), 3),
    "side by side": Space((Box(1.0, -1.01, height=0.9),), 12),
    "apart": Space((Box(1.0, -2.87, width=2.0),), 0),
}


def items(space: Space) -> tuple[Float[Tensor, "n 2"], Int[Tensor, " n"]]:
    """The places of the items, and their classes."""
    rng, boxes = np.random.default_rng(space.seed), space.boxes
    sizes = [round(N * box.share) for box in boxes]

    def drawn(lefts: Sequence[float]) -> np.ndarray:
        parts = [rng.uniform(size=(n, 2)) * [b.width, b.height] + [at, 0.0] for n, b, at in zip(sizes, boxes, lefts, strict=True)]
        return np.concatenate(parts)

    z = np.concatenate([drawn([b.left for b in boxes]), drawn([-b.left - b.width for b in boxes])])
    return torch.as_tensor(z), torch.arange(2).repeat_interleave(N)


def measured(z: Float[Tensor, "n 2"], y: Int[Tensor, " n"]) -> dict[str, float]:
    """In percent."""
    found = retrieval(z, y)
    clusters = clustering.assigned(z, clustering.kmeans(z, 2, np.random.default_rng(0)))
    values = {
        "R@1": float(found.first.mean()), "R-precision": float(found.r_precision.mean()), "MAP@R": float(found.map_at_r.mean()),
        "NMI": clustering.nmi(y, clusters), "AMI": clustering.ami(y, clusters), "pairwise F1": clustering.pairwise_f1(y, clusters),
    }  # fmt: skip
    return {name: 100.0 * value for name, value in values.items()}


def picture() -> str:
    """The three maps below each other, each with its R@1 and MAP@R."""
    parts, top = [], 0.0
    for name, space in SPACES.items():
        z, y = items(space)
        high = UNIT * max(box.height for box in space.boxes)
        got = measured(z, y)
        title = f"{name}: R@1 {got['R@1']:.1f}, MAP@R {got['MAP@R']:.1f}"
        parts.append(tag("text", Markup.escape(title), x=8, y=top + 18, class_="name"))
        parts += [_dots(z[y == c], top + 28 + high, css, cap) for c, css, cap in ((0, "own", "round"), (1, "raw", "square"))]
        top += 28 + high + 14
    whole = tag(
        "svg", tag("style", Markup(drawings.style())), tag("rect", width=WIDTH, height=top, class_="paper"), *parts,
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {top:g}", role="img",
    )  # fmt: skip
    return f"{whole}\n"


def _dots(z: Tensor, floor: float, css: str, cap: str) -> Markup:
    """All items of a class as one path of points: discs or squares."""
    places = (((a - LEFT) / (RIGHT - LEFT) * WIDTH, floor - b * UNIT) for a, b in z.tolist())
    path = "".join(f"M{across:.1f} {up:.1f}h0" for across, up in places)
    return tag("path", d=path, class_=css, stroke="var(--ink)", stroke_width=3.6, stroke_linecap=cap)


def page() -> str:
    """The Markdown."""
    data = {name: items(space) for name, space in SPACES.items()}
    rows = {name: measured(*found) for name, found in data.items()}
    columns = list(next(iter(rows.values())))
    table = ["| the classes lie | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    table += [f"| {name} | " + " | ".join(f"{row[c]:.1f}" for c in columns) + " |" for name, row in rows.items()]
    z, y = data["in clumps"]
    return (HERE / "three_spaces.txt").read_text().format(
        n=N, table="\n".join(table), amis=", ".join(f"{row['AMI']:.0f}" for row in rows.values()),
        line_1=f"{100 * float(((z[:, 0] > 0).long() == y).double().mean()):.0f}",
    )  # fmt: skip


def main() -> None:
    files.atomic_write(HERE / "images" / "three_spaces.svg", picture())
    files.atomic_write(HERE / "three_spaces.md", page())


if __name__ == "__main__":
    main()
