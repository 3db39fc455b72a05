"""A plot as a picture file of its own, for pages that are not ours (Markdown on a website): key, colours and both schemes inside."""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from allegory.pages import palette
from allegory.pages.plots import Axis, Frame, Series, mark, plot, tag

ROW = 19
FRAME = Frame()
SIDE = 8
SCHEMES = ("light", "dark")
_STYLE = """
svg{LIGHT--page:#fff;--line:#d9dde3;--text:#2a2f37;--quiet:#5b6470;--own:#2450c8;--raw:#b3480b;--pca:#a3296f;--untrained:#177a72;--ceiling:#6a7280}
@media (prefers-color-scheme:dark){
svg{DARK--page:#16181d;--line:#363c46;--text:#d5dae1;--quiet:#9aa4b2;--own:#8fb0ff;--raw:#f29155;--pca:#ec86bd;--untrained:#4fcabd;--ceiling:#98a1ae}}
text{font:13px system-ui,sans-serif;fill:var(--quiet)} .name{fill:var(--text)} .paper{fill:var(--page)}
.grid{stroke:var(--line)} .axis{stroke:var(--quiet)} .rule{stroke:var(--quiet);stroke-dasharray:3 4}
.line{fill:none;stroke:var(--ink);stroke-width:2;stroke-linejoin:round;stroke-linecap:round} .bar{fill:none;stroke:var(--ink);opacity:.75}
.mark{fill:var(--ink);stroke:var(--page)} .mark.ring{fill:var(--page);stroke:var(--ink);stroke-width:2} .line.ceiling{stroke-dasharray:5 5}
.own{--ink:var(--own)} .raw{--ink:var(--raw)} .pca{--ink:var(--pca)} .untrained{--ink:var(--untrained)} .ceiling{--ink:var(--ceiling)}
"""


def style() -> str:
    """The style, with the colours of the palette as classes k0 .. k11, and those of the ramp as r0 .. r8."""
    said = {scheme: "".join(f"{name}:{c};" for name, c in palette.variables(scheme).items() if name[2] in "cr") for scheme in SCHEMES}
    classes = " ".join(f".k{i}{{--ink:var(--c{i})}}" for i in range(len(palette.LIGHT)))
    classes += "".join(f" .r{i}{{--ink:var(--r{i})}}" for i in range(len(palette.RAMP_LIGHT)))
    return _STYLE.replace("LIGHT", said["light"]).replace("DARK", said["dark"]) + classes + "\n"


def drawing(
    series: Sequence[Series], x: Axis, y: Axis, alt: str, frame: Frame = FRAME, rules: Sequence[tuple[float, str]] = (), columns: int = 1
) -> str:
    """The content of an .svg file: the key in `columns` above the plot. `css` of a series: own, raw, pca, untrained, ceiling, k0 .. k11."""
    return framed(series, plot(series, x, y, alt, frame, rules), frame, columns)


def framed(series: Sequence[Series], inside: Markup, frame: Frame = FRAME, columns: int = 1, title: str = "") -> str:
    """The content of an .svg file: the key of `series` in `columns`, below it `title`, and a plot that was drawn in `frame`."""
    key = ROW * math.ceil(len(series) / columns)
    high = key + SIDE + (ROW if title else 0)
    width, height = frame.width, frame.height + high
    inner = inside.replace("<svg ", Markup(f'<svg y="{high}" width="{width:g}" height="{frame.height:g}" '), 1)
    names = [_named(s, SIDE + (i % columns) * (width - SIDE) / columns, ROW * (i // columns + 0.5) + 4) for i, s in enumerate(series)]
    names += [tag("text", escape(title), x=SIDE, y=key + ROW)] if title else []
    paper = tag("rect", width=width, height=height, class_="paper")
    whole = tag(
        "svg", tag("style", Markup(style())), paper, *names, inner, xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:g} {height:g}"
    )
    return f"{whole}\n"


def _named(s: Series, left: float, middle: float) -> Markup:
    line = tag("path", d=f"M{left:.1f} {middle:.1f}h28", class_=f"line {s.css}")
    sign = mark(s.mark, left + 14, middle, s.css) if s.mark else Markup("")
    return line + sign + tag("text", escape(s.name), x=left + 36, y=middle + 4.5, class_="name")
