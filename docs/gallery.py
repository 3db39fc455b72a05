"""Writes docs/gallery.md and its pictures: every method that makes maps, on manifolds that are known and on Fashion-MNIST.

python docs/gallery.py --data-root DIR              all of it
python docs/gallery.py --only swiss_roll --keep     one picture alone, the page is left as it is
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from markupsafe import Markup, escape

import allegory as al
from allegory import methods
from allegory.core import Method, files
from allegory.data import Source
from allegory.measures.neighbourhoods import continuity, trustworthiness
from allegory.measures.neighbours import nearest
from allegory.pages import drawings
from allegory.pages.plots import tag

HERE = Path(__file__).resolve().parent
IMAGES = HERE / "images"
ITEMS, NEW, K = 2000, 500, 12
SIDE, GAP, ABOVE, COLUMNS = 230, 14, 40, 4
LEVELS = 9  # of the ramp
STYLE = ".small{font-size:11.5px} .frame{fill:none;stroke:var(--line)}"


@dataclass(frozen=True)
class Scene:
    """One set of data: what to load, what its colours are, and what is to be seen."""

    title: str
    data: str
    colour: str
    about: str


SCENES = {
    "swiss_roll": Scene("The Swiss roll", "manifold:name=swiss_roll", "arc length", "A sheet rolled up: flat, if one walks along it."),
    "sphere": Scene("The sphere", "manifold:name=S2", "", "Curved everywhere: no map to the plane keeps it whole."),
    "doughnut": Scene("The doughnut", "manifold:name=doughnut", "", "Closed in two directions, and curved both ways."),
    "klein": Scene("The Klein bottle", "manifold:name=klein", "", "Closed, without an inside, in four dimensions."),
    "fashion_mnist": Scene("Fashion-MNIST", "fashion_mnist", "label", "Pictures of ten kinds of clothes, 784 numbers each."),
}
SHOWN: dict[str, Method] = {
    name: methods.find(cls)(latent=2, **said)
    for name, (cls, said) in {
        "PCA": ("PCA", {}), "probabilistic PCA": ("ProbabilisticPCA", {}), "ICA": ("ICA", {}), "kernel PCA": ("KernelPCA", {}),
        "classical scaling": ("ClassicalMDS", {}), "metric scaling": ("MetricMDS", {}), "Isomap": ("Isomap", {}),
        "LLE": ("LLE", {}), "LLE, modified": ("LLE", {"form": "modified"}), "LLE, Hessian": ("LLE", {"form": "hessian"}),
        "Laplacian eigenmaps": ("LaplacianEigenmaps", {}), "diffusion map": ("DiffusionMaps", {}),
        "GEOMANCER": ("Geomancer", {"dimension": 2}), "atlas": ("Atlas", {}), "t-SNE": ("TSNE", {}), "UMAP": ("UMAP", {}),
    }.items()
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Map:
    """Places (n, 2) of items, and how good they are."""

    name: str
    y: np.ndarray
    seconds: float
    kept: tuple[float, float, float]
    kept_of_new: tuple[float, float, float]


def opened(scene: Scene, root: Path | None) -> tuple[Source, np.ndarray]:
    """2,500 items, and the colour of each: the number of its class, or of its level on the ramp."""
    total = ITEMS + NEW
    if scene.data == "fashion_mnist":
        source = al.load(str(root / "fashion_mnist") if root else scene.data)
        source = source.subset(np.argsort(source.item_keys, kind="stable")[:total])
        assert source.labels is not None
        return source, source.labels.values
    source = al.load(f"{scene.data},n={total}")
    chosen = next((a for a in source.attributes if a.name == scene.colour), source.attributes[0])
    return source, np.argsort(np.argsort(chosen.values)) * LEVELS // total


def mapped(name: str, method: Method, source: Source) -> Map:
    """Learned from the first 2,000 items."""
    begun = time.process_time()
    rep = al.learn(source.subset(np.arange(ITEMS)), method, all_items=True)
    seconds = time.process_time() - begun
    y = np.concatenate([rep.encode(source.subset(part)) for part in (np.arange(ITEMS), np.arange(ITEMS, ITEMS + NEW))])
    x = torch.as_tensor(np.asarray(source.x[np.arange(len(source))]).reshape(len(source), -1)).double()
    return Map(name, y[:ITEMS], seconds, kept(x[:ITEMS], y[:ITEMS]), kept(x[ITEMS:], y[ITEMS:]))


def kept(x: torch.Tensor, y: np.ndarray) -> tuple[float, float, float]:
    """Trustworthiness, continuity, and the share of neighbours that are kept."""
    z = torch.as_tensor(y).double()
    near, there = (nearest(v, K)[1].numpy() for v in (x, z))
    share = np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(near, there, strict=True)])
    return trustworthiness(x, z, K), continuity(x, z, K), float(share)


def picture(maps: Sequence[Map], colours: np.ndarray, css: str) -> str:
    """The maps in rows of four, each with its name and its figures above; items of colour i have the class `css` i."""
    rows = -(-len(maps) // COLUMNS)
    width, height = COLUMNS * (SIDE + GAP), rows * (SIDE + ABOVE + GAP)
    parts = [tag("rect", width=width, height=height, class_="paper")]
    for i, m in enumerate(maps):
        left, top = (i % COLUMNS) * (SIDE + GAP) + GAP / 2, (i // COLUMNS) * (SIDE + ABOVE + GAP)
        t, c, k = m.kept
        parts += [tag("text", escape(m.name), x=left + 4, y=top + 17, class_="name"),
                  tag("text", f"{m.seconds:.1f} s, T {t:.3f}, C {c:.3f}, k {k:.2f}", x=left + 4, y=top + 34, class_="small"),
                  tag("rect", x=left, y=top + ABOVE, width=SIDE, height=SIDE, class_="frame"),
                  *_dots(m.y, colours, css, left, top + ABOVE)]  # fmt: skip
    sheet = tag("style", Markup(drawings.style() + STYLE))
    return f"{tag('svg', sheet, *parts, xmlns='http://www.w3.org/2000/svg', viewBox=f'0 0 {width} {height}', role='img')}\n"


def _dots(y: np.ndarray, colours: np.ndarray, css: str, left: float, top: float) -> list[Markup]:
    """One path of points a colour. Axes have one scale, as distances must be read alike."""
    middle, half = (y.max(0) + y.min(0)) / 2, max(float((y.max(0) - y.min(0)).max()) / 2, 1e-12)
    at = (y - middle) / half * (SIDE / 2 - 6)
    places = np.round(np.stack([left + SIDE / 2 + at[:, 0], top + SIDE / 2 - at[:, 1]], 1) * 2) / 2
    return [
        tag("path", d="".join(f"M{a:g} {b:g}h0" for a, b in places[colours[: len(y)] == c]), class_=f"{css}{c}", stroke="var(--ink)",
            stroke_width=2.6, stroke_linecap="round", opacity=0.85)
        for c in np.unique(colours)
    ]  # fmt: skip


def section(name: str, scene: Scene, maps: Sequence[Map]) -> str:
    """The picture and its table as Markdown."""
    alt = f"{scene.title} by {len(maps)} methods"
    lines = [f"## {scene.title}", "", scene.about, "", f"![{alt}](images/gallery_{name}.svg)", ""]
    lines += ["| method | seconds | T | C | k | T, C, k of new items |", "|---|---|---|---|---|---|"]
    best = [max(m.kept[j] for m in maps) for j in range(3)]
    for m in maps:
        own = " | ".join(f"**{v:.3f}**" if v == best[j] else f"{v:.3f}" for j, v in enumerate(m.kept))
        lines.append(f"| {m.name} | {m.seconds:.1f} | {own} | {', '.join(f'{v:.3f}' for v in m.kept_of_new)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, help="the folder that holds fashion_mnist")
    parser.add_argument("--only", nargs="+", choices=SCENES, default=list(SCENES), help="some of the pictures")
    parser.add_argument("--keep", action="store_true", help="leave the page as it is")
    said = parser.parse_args()
    begun, sections = time.perf_counter(), []
    for name in said.only:
        source, colours = opened(SCENES[name], said.data_root)
        maps = []
        for title, method in SHOWN.items():
            maps.append(mapped(title, method, source))
            print(f"{SCENES[name].title}: {title}, {maps[-1].seconds:.1f} s", flush=True)
        files.atomic_write(IMAGES / f"gallery_{name}.svg", picture(maps, colours, "k" if SCENES[name].colour == "label" else "r"))
        sections.append(section(name, SCENES[name], maps))
    if not said.keep:
        text = (HERE / "gallery.txt").read_text()
        minutes = f"{(time.perf_counter() - begun) / 60:.0f}"
        page = text.format(k=K, sections="\n\n".join(sections), minutes=minutes)
        files.atomic_write(HERE / "gallery.md", page)


if __name__ == "__main__":
    main()
