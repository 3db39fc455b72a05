"""The critical-difference diagram (Demsar 2006, figure 1): methods on a line of mean ranks, bars over those that are not told apart."""

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from allegory.pages.plots import tag
from allegory.pages.standings import Standings
from allegory.questions.significance import cliques

Scale = Callable[[float], float]
WIDTH, SIDE = 640, 190
TOP, ROW, BAR = 62, 21, 9
LETTERS = 22  # that fit beside the line


def diagram(table: Standings) -> Markup | None:
    """The drawing; None where there are fewer than 3 methods or 5 columns. The best stand at the left."""
    if table.difference is None:
        return None
    names = [line.who for line in table.board.lines if line.control is None]
    return drawing(names, table.ranks, table.difference)


def drawing(names: Sequence[str], ranks: Sequence[float], difference: float) -> Markup:
    """The diagram of mean ranks and Nemenyi's critical difference."""
    k, order = len(ranks), sorted(range(len(ranks)), key=lambda i: ranks[i])
    groups = cliques(ranks, difference)
    below = TOP + BAR * (len(groups) + 1)
    half = (k + 1) // 2

    def x(rank: float) -> float:
        return SIDE + (rank - 1) / (k - 1) * (WIDTH - 2 * SIDE)

    parts = [tag("title", escape(words(names, ranks, difference))), *_scale(k, x), *_ruler(difference, k, x)]
    for n, group in enumerate(groups):
        level, own = TOP + BAR * (n + 1), [ranks[i] for i in group]
        parts.append(tag("line", x1=x(min(own)) - 4, x2=x(max(own)) + 4, y1=level, y2=level, class_="clique"))
    for place, i in enumerate(order):
        left = place < half
        y = below + ROW * ((place if left else k - 1 - place) + 0.5)
        end = SIDE - 8.0 if left else WIDTH - SIDE + 8.0
        parts.append(tag("path", d=f"M{x(ranks[i]):.1f} {TOP}V{y:.1f}H{end:.1f}", class_="stem"))
        name = names[i] if len(names[i]) <= LETTERS else f"{names[i][: LETTERS - 1]}…"
        label = f"{name} {ranks[i]:.2f}" if left else f"{ranks[i]:.2f} {name}"
        parts.append(tag("text", escape(label), x=end - 4 if left else end + 4, y=y + 4.5, text_anchor="end" if left else "start"))
    height = below + ROW * half + 8
    alt = words(names, ranks, difference)
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=alt, class_="plot ranks")


def words(names: Sequence[str], ranks: Sequence[float], difference: float) -> str:
    """The diagram in words."""
    listed = ", ".join(f"{names[i]} {ranks[i]:.2f}" for i in sorted(range(len(ranks)), key=lambda i: ranks[i]))
    return f"Mean ranks, 1 is best: {listed}; critical difference {difference:.2f}"


def _scale(k: int, x: Scale) -> list[Markup]:
    parts = [tag("line", x1=x(1), x2=x(k), y1=TOP, y2=TOP, class_="axis")]
    for rank in range(1, k + 1):
        parts.append(tag("line", x1=x(rank), x2=x(rank), y1=TOP - 5, y2=TOP, class_="axis"))
        parts.append(tag("text", str(rank), x=x(rank), y=TOP - 10, text_anchor="middle"))
    return parts


def _ruler(difference: float, k: int, x: Scale) -> list[Markup]:
    """The critical difference, as long as it is on the scale (or as the scale, if that is shorter)."""
    end = x(1 + min(difference, k - 1))
    bar = tag("path", d=f"M{x(1):.1f} 18v8m0-4H{end:.1f}m0-4v8", class_="stem")
    return [bar, tag("text", f"critical difference {difference:.2f}", x=x(1), y=13, text_anchor="start")]
