"""The pictures of questions (`questions.picture`) as SVG and tables."""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from allegory.pages import plots
from allegory.pages.disc import disc
from allegory.pages.numbers import decimals, number
from allegory.questions.picture import Curve, Curves, Disc, Heat, Picture, Points

STYLES = {
    "this method": ("own", "circle"), "raw input": ("raw", "square"), "pca": ("pca", "diamond"), "hand-made": ("handmade", "wedge"),
    "untrained": ("untrained", "triangle"), "supervised": ("ceiling", "ring"), "truth": ("ceiling", "ring"), "noise": ("rule", "circle"),
    "as many nats in all as this method": ("ceiling", "circle"),
}  # fmt: skip
MARKS = ("circle", "square", "diamond", "triangle", "ring")
WRITTEN = 12  # up to this many columns a heat map has its numbers written in
STEPS = 4


def drawn(picture: Picture) -> Markup:
    """A figure with its caption."""
    inside = _inside(picture)
    return Markup('<figure class="chart">{}<figcaption>{}</figcaption></figure>').format(inside, picture.title)


def _inside(picture: Picture) -> Markup:
    if isinstance(picture, Disc):
        return disc(picture)
    return _curves(picture) if isinstance(picture, Curves) else _heat(picture) if isinstance(picture, Heat) else _points(picture)


def _style(i: int, name: str) -> tuple[str, str]:
    return STYLES.get(name, (f"k{i % 12}", MARKS[i % len(MARKS)]))


def _curves(p: Curves) -> Markup:
    place = _log if p.log else float
    series = [_line(c, *_style(i, c.name), p.log) for i, c in enumerate(p.curves)]
    values = [v for c in p.curves for v in (*c.y, *c.low, *c.high)] + ([] if p.level is None else [p.level])
    across = [place(v) for c in p.curves for v in c.x]
    x, y = plots.axis(across, p.across), plots.axis(values, p.up)
    if p.log:
        at = sorted({v for c in p.curves for v in c.x})
        x = plots.Axis(x.low, x.high, tuple((_log(v), number(v)) for v in _apart(at)), p.across)
    rules = [] if p.level is None else [(p.level, "chance")]
    alt = f"{p.title}: " + "; ".join(f"{c.name} from {number(c.y[0])} to {number(c.y[-1])}" for c in p.curves if c.y)
    return plots.key(series) + _up(p.up) + plots.plot(series[::-1], x, y, alt, rules=rules)


def _up(title: str) -> Markup:
    """What the axis that goes up shows, above the plot, where a phone has room for it."""
    return Markup('<p class="up">{}</p>').format(title) if title else Markup("")


def _line(c: Curve, css: str, mark: str, log: bool) -> plots.Series:
    points = tuple((_log(a) if log else a, b) for a, b in zip(c.x, c.y, strict=True))
    bounds = tuple(zip(c.low, c.high, strict=True)) if c.low and c.high else ()
    return plots.Series(c.name, css, points, bounds, mark if c.marked else "")


def _log(v: float) -> float:
    return math.log10(v) if v > 0 else math.nan


def _apart(values: Sequence[float], most: int = 7) -> Sequence[float]:
    """Not more ticks than there is room for."""
    return values if len(values) <= most else [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _points(p: Points) -> Markup:
    series = [(s, *_style(i, s.name)) for i, s in enumerate(p.series)]
    x = plots.axis([v for s in p.series for v in s.x], p.across)
    y = plots.axis([v for s in p.series for v in s.y], p.up)
    if p.diagonal:
        x = y = plots.axis([v for s in p.series for v in (*s.x, *s.y)], p.across)
    lines = [plots.Series(s.name, css, tuple(zip(s.x, s.y, strict=True)), (), mark) for s, css, mark in series]
    alt = f"{p.title}: " + "; ".join(f"{s.name}, {len(s.x)} points" for s in p.series)
    return plots.key(lines) + _up(p.up) + plots.scatter(lines, x, y, alt, diagonal=p.diagonal)


def _heat(p: Heat) -> Markup:
    """A table whose cells are shaded; with many columns the numbers are left out."""
    written = len(p.columns) <= WRITTEN
    head = Markup("").join(Markup('<th scope="col"><span title="{}">{}</span></th>').format(c, c) for c in p.columns)
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(name, Markup("").join(_cell(v, p, written) for v in row))
        for name, row in zip(p.rows, p.values, strict=True)
    )
    table = Markup('<table class="heat{}"><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table>')
    scroll = Markup('<div class="scroll" tabindex="0" role="group" aria-label="{}">{}</div>')
    return scroll.format(p.title, table.format("" if written else " fine", head if written else Markup(""), rows))


def _cell(v: float, p: Heat, written: bool) -> Markup:
    """One cell: four shades of either sign, as a share of the range."""
    if not math.isfinite(v):
        return Markup("<td></td>")
    widest = max(abs(p.low), abs(p.high)) or 1.0
    shade = max(-STEPS, min(STEPS, round(STEPS * v / widest)))
    text = decimals(v) if written else ""
    return Markup('<td class="h{}" title="{}">{}</td>').format(shade, escape(number(v)), text)
