"""Plots as inline SVG. Colours are CSS classes, so that one drawing is right in light and dark; every string is escaped.

Drawn at 460 units wide with 13-unit text: on a phone's 360 pixels the text is still 10 pixels high.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from allegory.pages.numbers import number

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line: `points` (x, y), an interval (low, high) of y or None for each, of x in `sides`, and the CSS class that colours it."""

    name: str
    css: str
    points: tuple[Point, ...]
    bounds: tuple[tuple[float, float] | None, ...] = ()
    mark: str = "circle"
    sides: tuple[tuple[float, float] | None, ...] = ()


@dataclass(frozen=True)
class Axis:
    """An axis: its range, its ticks with their words, and its title."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    title: str = ""


@dataclass(frozen=True)
class Frame:
    """Where the plot area lies inside the drawing (units of the drawing)."""

    width: float = 460
    height: float = 300
    left: float = 46
    right: float = 12
    top: float = 10
    bottom: float = 46

    def scale(self, x: Axis, y: Axis) -> Callable[[float, float], Point]:
        """From values to places in the drawing."""
        across = (self.width - self.left - self.right) / ((x.high - x.low) or 1.0)
        up = (self.height - self.top - self.bottom) / ((y.high - y.low) or 1.0)
        return lambda a, b: (self.left + (a - x.low) * across, self.height - self.bottom - (b - y.low) * up)


def tag(name: str, *inside: str, **attributes: object) -> Markup:
    """An SVG or HTML element; `class_` is class, `_` becomes `-`; text and attribute values are escaped."""
    named = "".join(f' {k.rstrip("_").replace("_", "-")}="{escape(_plain(v))}"' for k, v in attributes.items() if v is not None)
    body = Markup("").join(inside)
    return Markup(f"<{name}{named}>{body}</{name}>")


def _plain(v: object) -> str:
    return f"{v:.2f}".rstrip("0").rstrip(".") if isinstance(v, float) else str(v)


def ticks(low: float, high: float, n: int = 5) -> tuple[float, ...]:
    """About `n` round numbers that cover low .. high from inside (steps of 1, 2, 2.5 or 5 times a power of ten)."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return (low,)
    power = 10.0 ** math.floor(math.log10(span / n))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if span / (s * power) <= n + 1e-9)
    first = math.ceil(low / step - 1e-9)
    return tuple(round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1))


def axis(values: Sequence[float], title: str = "", n: int = 4, air: float = 0.06) -> Axis:
    """An axis that holds all finite `values`, with some air as a share of their span; its ticks have equally many decimals."""
    finite = [v for v in values if math.isfinite(v)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    pad = air * (high - low) if high > low else max(abs(high), 1.0) * 0.1
    low, high = low - pad, high + pad
    return Axis(low, high, tuple(zip(at := ticks(low, high, n), written(at), strict=True)), title)


def written(at: Sequence[float]) -> list[str]:
    """Ticks as words, with as many decimals as the one that needs most; very large and very small ones with three digits."""
    size = max(map(abs, at), default=0.0)
    if not at or size >= 1e5 or 0 < size < 1e-3:
        return [number(t) for t in at]
    digits = next((d for d in range(7) if all(abs(round(t, d) - t) <= 1e-9 * size for t in at)), 6)
    return [f"{t:,.{digits}f}".replace("-", "−") for t in at]


def plot(series: Sequence[Series], x: Axis, y: Axis, alt: str, frame: Frame = Frame(), rules: Sequence[tuple[float, str]] = ()) -> Markup:
    """Lines with marks and interval bars over a quiet grid. `rules` are named horizontal lines; `alt` describes the plot in words."""
    at = frame.scale(x, y)
    parts = [tag("title", escape(alt)), *_grid(frame, x, y, at)]
    parts += _rules(frame, rules, y, at)
    for s in series:
        parts += _line(s, at)
    return tag(
        "svg", *parts, viewBox=f"0 0 {frame.width:g} {frame.height:g}", role="img", aria_label=alt, class_="plot",
        preserveAspectRatio="xMidYMid meet",
    )  # fmt: skip


def scatter(
    series: Sequence[Series], x: Axis, y: Axis, alt: str, frame: Frame = Frame(), diagonal: bool = False, through: Sequence[Series] = (),
    rules: Sequence[tuple[float, str]] = (),
) -> Markup:  # fmt: skip
    """Marks without lines; `diagonal` draws y = x, for axes of one range; `through` are lines among them, `rules` named horizontal ones."""
    at = frame.scale(x, y)
    parts = [tag("title", escape(alt)), *_grid(frame, x, y, at)]
    if diagonal:
        (a, b), (c, d) = at(x.low, y.low), at(x.high, y.high)
        parts.append(tag("line", x1=a, y1=b, x2=c, y2=d, class_="rule"))
    parts += _rules(frame, rules, y, at)
    for s in through:
        parts += _line(s, at)
    for s in series:
        parts += _bars(s, at)
        parts += [mark(s.mark, *at(*p), s.css) for p in s.points if all(map(math.isfinite, p))]
    return tag("svg", *parts, viewBox=f"0 0 {frame.width:g} {frame.height:g}", role="img", aria_label=alt, class_="plot")


def _grid(f: Frame, x: Axis, y: Axis, at: Callable[[float, float], Point]) -> list[Markup]:
    floor, middle = f.height - f.bottom, (f.left + f.width - f.right) / 2
    parts = []
    for value, words in y.ticks:
        level = at(x.low, value)[1]
        parts.append(tag("line", x1=f.left, x2=f.width - f.right, y1=level, y2=level, class_="grid"))
        parts.append(tag("text", escape(words), x=f.left - 6, y=level + 4.5, text_anchor="end"))
    for value, words in x.ticks:
        parts.append(tag("text", escape(words), x=at(value, y.low)[0], y=floor + 17, text_anchor="middle"))
    parts.append(tag("line", x1=f.left, x2=f.width - f.right, y1=floor, y2=floor, class_="axis"))
    if x.title:
        parts.append(tag("text", escape(x.title), x=middle, y=f.height - 6, text_anchor="middle", class_="label"))
    return parts


def _rules(f: Frame, rules: Sequence[tuple[float, str]], y: Axis, at: Callable[[float, float], Point]) -> list[Markup]:
    return [_rule(f, at(0.0, level)[1], name) for level, name in rules if y.low <= level <= y.high]


def _rule(f: Frame, level: float, name: str) -> Markup:
    line = tag("line", x1=f.left, x2=f.width - f.right, y1=level, y2=level, class_="rule")
    return line + tag("text", escape(name), x=f.width - f.right - 2, y=level - 5, text_anchor="end", class_="label")


def _line(s: Series, at: Callable[[float, float], Point]) -> list[Markup]:
    places = [at(*p) for p in s.points if all(map(math.isfinite, p))]
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places) if places else "M0 0"
    parts = [tag("path", d=path, class_=f"line {s.css}"), *_bars(s, at)]
    if s.mark:
        parts += [mark(s.mark, a, b, s.css) for a, b in places]
    return parts


def _bars(s: Series, at: Callable[[float, float], Point]) -> list[Markup]:
    """The intervals of its points."""
    bars = []
    for (a, _), bound in zip(s.points, s.bounds, strict=False):
        if bound is not None:
            (px, low), (_, high) = at(a, bound[0]), at(a, bound[1])
            bars.append(f"M{px:.1f} {low:.1f}V{high:.1f}M{px - 3:.1f} {low:.1f}h6M{px - 3:.1f} {high:.1f}h6")
    for (_, b), side in zip(s.points, s.sides, strict=False):
        if side is not None:
            (left, py), (right, _) = at(side[0], b), at(side[1], b)
            bars.append(f"M{left:.1f} {py:.1f}H{right:.1f}M{left:.1f} {py - 3:.1f}v6M{right:.1f} {py - 3:.1f}v6")
    return [tag("path", d=bar, class_=f"bar {s.css}") for bar in bars]


def mark(shape: str, a: float, b: float, css: str) -> Markup:
    """The sign of a point at (a, b): circle, square, diamond, triangle, wedge (a triangle on its tip) or ring."""
    if shape == "circle":
        return tag("circle", cx=a, cy=b, r=3.8, class_=f"mark {css}")
    shapes = {
        "square": f"M{a - 3.6:.1f} {b - 3.6:.1f}h7.2v7.2h-7.2z",
        "diamond": f"M{a:.1f} {b - 5:.1f}l5 5l-5 5l-5 -5z",
        "triangle": f"M{a:.1f} {b - 4.8:.1f}l4.6 8.2h-9.2z",
        "wedge": f"M{a:.1f} {b + 4.8:.1f}l4.6 -8.2h-9.2z",
        "ring": f"M{a - 4:.1f} {b:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
    }
    return tag("path", d=shapes[shape], class_=f"mark {shape} {css}")


def key(series: Sequence[Series]) -> Markup:
    """The legend, as HTML that wraps: a swatch with line and mark, then the name."""
    items = []
    for s in series:
        swatch = tag(
            "svg", tag("path", d="M1 8H31", class_=f"line {s.css}"), mark(s.mark or "circle", 16, 8, s.css) if s.mark else Markup(""),
            viewBox="0 0 32 16", class_="swatch", aria_hidden="true",
        )  # fmt: skip
        items.append(tag("li", swatch, escape(s.name)))
    return tag("ul", *items, class_="key")
