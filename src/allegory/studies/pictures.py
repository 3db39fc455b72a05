"""A study's pictures: values (`questions.picture`) that the pages draw, and one with lines and points that is drawn here."""

import math
from collections.abc import Iterable

import numpy as np
from markupsafe import Markup

from allegory.pages import plots
from allegory.pages.drawn import MARKS
from allegory.questions.picture import Curve, Curves, Points, Series
from allegory.studies.findings import bare
from allegory.studies.population import Population
from allegory.studies.relations import FITS, Along, Relations

DRAWN = 40  # points of a fitted curve


def by_samples(found: Relations, line: Along) -> Curves | None:
    """How the correlations with one score change with its number of samples, a curve a row."""
    curves = []
    for row in found.rows:
        at = [(float(n), c) for n, name in line.at if (c := found.pairs[row, name])]
        if len(at) > 1:
            curves.append(Curve(bare(row), tuple(n for n, _ in at), tuple(c.rho for _, c in at)))
    words = f"Spearman's rho with {bare(line.name)}, by the number of samples; the intervals are in the table"
    return Curves(words, "samples", "rho", tuple(curves), log=True, level=0.0) if curves else None


def where(population: Population, found: Relations) -> Points | None:
    """The map of all trainings."""
    if found.map is None:
        return None
    across, up = np.array(found.map.generality), np.array(found.map.interpretability)
    text = "Every training by its mean place among all, 0 last and 1 first"
    return Points(text, "generality", "interpretability", _by_family(population, across, up))


def compressed(population: Population, found: Relations) -> Markup | None:
    """Transfer over compression, and the functions fitted to all, drawn."""
    t = found.transfer
    if t is None:
        return None
    bits, y = population.values(t.compression), population.values(t.transfer)
    x = np.log2(np.where(bits > 0, bits, math.nan))
    line = np.linspace(np.nanmin(x), np.nanmax(x), DRAWN)
    points = [
        plots.Series(f.name, f"k{i}", _pairs(f.x, f.y), mark=MARKS[i % len(MARKS)]) for i, f in enumerate(_by_family(population, x, y))
    ]
    fits = [plots.Series(f"{FITS[d]}, fitted to all", f"k{11 - d}", _pairs(line, f(line)), mark="") for d, f in t.fits.items()]
    across, up = f"log2 of {bare(t.compression)}", bare(t.transfer)
    places = [p for s in (*points, *fits) for p in s.points]
    axes = plots.axis([a for a, _ in places], across), plots.axis([b for _, b in places])
    alt = f"{up} over {across}: {', '.join(f'{s.name}, {len(s.points)} trainings' for s in points)}"
    inside = plots.key([*points, *fits]) + Markup('<p class="up">{}</p>').format(up) + plots.scatter(points, *axes, alt, through=fits)
    return Markup('<figure class="chart">{}<figcaption>{} over {}</figcaption></figure>').format(inside, up, across)


def _pairs(x: Iterable[float], y: Iterable[float]) -> tuple[plots.Point, ...]:
    return tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))


def _by_family(population: Population, x: np.ndarray, y: np.ndarray) -> tuple[Series, ...]:
    families, whole = np.array(population.families), np.isfinite(x) & np.isfinite(y)
    found = []
    for name in dict.fromkeys(population.families):
        rows = np.flatnonzero((families == name) & whole)
        marks = tuple(f"{population.trainings[i].cell.label}, seed {population.trainings[i].cell.seed}" for i in rows)
        found.append(Series(name, tuple(x[rows].tolist()), tuple(y[rows].tolist()), marks))
    return tuple(s for s in found if s.x)
