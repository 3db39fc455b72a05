"""A hierarchy in the hyperbolic disc: nodes, the shortest ways between each and those next above it, and the largest branches by colour."""

import math
from collections import defaultdict, deque
from collections.abc import Sequence

import torch
from markupsafe import Markup, escape

from allegory.measures import hyperbolic
from allegory.pages import plots
from allegory.pages.plots import tag
from allegory.questions.picture import Disc

SIDE, RADIUS = 460.0, 222.0
BRANCHES = 6
NAMED = 7
LETTERS = 24
LEAST = 0.05  # of all nodes: what has fewer below it is no branch


def disc(p: Disc) -> Markup:
    """The picture with its key."""
    n, branches = len(p.names), _branches(p)
    of, size = _owners(p, branches), _below(p)
    key = [plots.Series(_short(p.names[b]), f"k{i}", (), (), "circle") for i, b in enumerate(branches)]
    parts = [tag("title", escape(_said(p, branches))), tag("circle", cx=SIDE / 2, cy=SIDE / 2, r=RADIUS, class_="grid", fill="none")]
    ways = _ways(p)
    for i in range(-1, len(branches)):
        path = "".join(way for (child, _), way in zip(p.edges, ways, strict=True) if of[child] == i)
        parts.append(tag("path", d=path or "M0 0", class_=f"way {_css(i)}"))
    for node in sorted(range(n), key=lambda v: size[v]):
        x, y = _place(p.x[node], p.y[node])
        r = 1.6 if not size[node] else min(6.0, 2.2 + 0.7 * size[node] ** 0.33)
        parts.append(tag("circle", tag("title", escape(p.names[node])), cx=x, cy=y, r=r, class_=f"mark {_css(of[node])}"))
    parts += _labels(p, size)
    svg = tag("svg", *parts, viewBox=f"0 0 {SIDE:g} {SIDE:g}", role="img", aria_label=_said(p, branches), class_="plot disc")
    return plots.key(key) + svg


def _css(branch: int) -> str:
    return "rest" if branch < 0 else f"k{branch}"


def _place(x: float, y: float) -> tuple[float, float]:
    return SIDE / 2 + RADIUS * x, SIDE / 2 - RADIUS * y


def _ways(p: Disc) -> list[str]:
    """The arc of every edge as a path."""
    z = torch.tensor([p.x, p.y], dtype=torch.float64).T.reshape(-1, 2)
    ends = torch.tensor(p.edges, dtype=torch.int64).reshape(-1, 2)
    centre, radius = hyperbolic.circle(z[ends[:, 0]], z[ends[:, 1]])
    return [_way(*each) for each in zip(z[ends[:, 0]].tolist(), z[ends[:, 1]].tolist(), centre.tolist(), radius.tolist(), strict=True)]


def _way(a: Sequence[float], b: Sequence[float], c: Sequence[float], r: float) -> str:
    """From a to b along the circle around c, on its near side; straight where its radius is infinite."""
    (ax, ay), (bx, by) = _place(*a), _place(*b)
    if not math.isfinite(r):
        return f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}"
    left = (a[0] - c[0]) * (b[1] - c[1]) > (a[1] - c[1]) * (b[0] - c[0])
    return f"M{ax:.1f} {ay:.1f}A{RADIUS * r:.1f} {RADIUS * r:.1f} 0 0 {int(not left)} {bx:.1f} {by:.1f}"


def _children(p: Disc) -> dict[int, list[int]]:
    """Those next below each node; of several nodes above one the first has it."""
    found, known = defaultdict(list), set[int]()
    for child, parent in p.edges:
        if child not in known:
            found[parent].append(child)
            known.add(child)
    return found


def _below(p: Disc) -> list[int]:
    """How many nodes lie below each."""
    children, size = _children(p), [0] * len(p.names)
    for node in reversed(_downward(children, _roots(p))):
        size[node] = sum(1 + size[child] for child in children.get(node, ()))
    return size


def _roots(p: Disc) -> list[int]:
    below = {child for child, _ in p.edges}
    return [node for node in range(len(p.names)) if node not in below]


def _downward(children: dict[int, list[int]], begin: list[int]) -> list[int]:
    """These nodes and all below them, those above first."""
    order, waiting = [], deque(begin)
    while waiting:
        node = waiting.popleft()
        order.append(node)
        waiting.extend(children.get(node, ()))
    return order


def _branches(p: Disc) -> list[int]:
    """The nodes whose branches have a colour: the largest is parted into those below it until there are enough."""
    children, size = _children(p), _below(p)
    large = lambda nodes: [v for v in nodes if size[v] + 1 >= LEAST * len(p.names)]
    found = large(_roots(p))
    while found:
        widest = max(found, key=lambda v: size[v])
        parts = large(children.get(widest, []))
        if not parts or len(found) - 1 + len(parts) > BRANCHES:
            break
        found = [v for v in found if v != widest] + parts
    return sorted(found, key=lambda v: -size[v])[:BRANCHES]


def _owners(p: Disc, branches: list[int]) -> list[int]:
    """The number of the branch of each node, -1 for none."""
    of, children = [-1] * len(p.names), _children(p)
    for i, top in enumerate(branches):
        for node in _downward(children, [top]):
            of[node] = i
    return of


def _labels(p: Disc, size: list[int]) -> list[Markup]:
    """The names of the largest nodes, none over another."""
    taken: list[tuple[float, float]] = []
    parts = []
    for node in sorted(range(len(p.names)), key=lambda v: -size[v]):
        x, y = _place(p.x[node], p.y[node])
        width = 7.0 * len(_short(p.names[node]))
        if len(taken) == NAMED or not size[node]:
            break
        if any(abs(y - b) < 16 and abs(x - a) < width + 20 for a, b in taken):
            continue
        taken.append((x, y))
        left = x + 7 + width < SIDE
        anchor = "start" if left else "end"
        parts.append(tag("text", escape(_short(p.names[node])), x=x + 7 if left else x - 7, y=y + 4.5, text_anchor=anchor, class_="name"))
    return parts


def _short(name: str) -> str:
    """A name as it is read: of carnivore.n.02075296 the word."""
    word, _, number = name.rpartition(".")
    name = word.removesuffix(".n") if word.endswith(".n") and number.isdigit() else name
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}…"


def _said(p: Disc, branches: list[int]) -> str:
    names = ", ".join(_short(p.names[b]) for b in branches)
    return f"{p.title}; {len(p.names):,} nodes, {len(p.edges):,} edges" + (f"; branches: {names}" if names else "")
