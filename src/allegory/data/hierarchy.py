"""A hierarchy as observations: every node is an item, and is seen by what it lies under.

The observation of a node is a row of marks, a column a node: 1 at itself and at everything above it, else 0. This is all there is to know
of a node without a name, and any method that reads vectors can learn from it. Nodes are in order from the general to the special: by the
longest way from a root, then by name; the items and the columns have the same order.
"""

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from allegory.core import Array, Misuse, Problem
from allegory.data.found import Found
from allegory.data.source import Column, Source

CHILD, PARENT = ("child", "narrower", "hyponym"), ("parent", "ancestor", "broader", "hypernym")
MOST = 20_000  # nodes: a row of marks has as many columns, so 400 MB
LINES = 10_000_000
Pair = tuple[str, str]


def open_hierarchy(path: Path | str, aside: Sequence[str] = ()) -> Found:
    """A file of relations, .tsv or .csv (also .gz), with a header: the columns child, and parent or ancestor; others are passed over.

    Relations of relations are relations, whether or not the file has them. Raises `Problem` for a file that is none, and for circles.
    """
    del aside
    path = Path(path).expanduser()
    pairs, notes = _read(path)
    return Found(of_relations(pairs, path.name.split(".")[0], notes))


def open_tree(_: str = "", aside: Sequence[str] = (), *, depth: int = 4, branches: int = 3) -> Found:
    """A balanced tree: a root, and `depth` times `branches` nodes below each (121 nodes)."""
    del aside
    if not all(isinstance(v, int) and v >= 1 for v in (depth, branches)):
        raise Misuse(f"tree: expected whole numbers from 1 on for depth and branches, got {depth!r} and {branches!r}")
    levels = [["0"]]
    for _level in range(depth):
        if sum(map(len, levels)) + branches * len(levels[-1]) > MOST:
            raise Misuse(f"tree: depth={depth},branches={branches} has more than {MOST:,} nodes; ask for a smaller one")
        levels.append([f"{node}.{i}" for node in levels[-1] for i in range(branches)])
    return Found(of_relations(((node, node.rpartition(".")[0]) for level in levels[1:] for node in level), "tree"))


def of_relations(pairs: Iterable[Pair], name: str, notes: Sequence[str] = ()) -> Source:
    """The nodes of the relations (child, parent) as items. Raises `Problem` for circles, for none, and for too many nodes."""
    above: dict[str, set[str]] = defaultdict(set)
    loops = 0
    for child, parent in pairs:
        loops += child == parent
        above[child] |= {parent} - {child}
        _ = above[parent]
    if not any(above.values()):
        raise Problem(f"{name}: no relations between two nodes; expected lines of a child and its parent")
    if len(above) > MOST:
        raise Problem(f"{name}: {len(above):,} nodes are more than the {MOST:,} that are held as rows of marks; bring a part of them")
    depth, order = _sorted(above, name)
    place = {node: i for i, node in enumerate(order)}
    marks = np.eye(len(order), dtype=np.uint8)
    for node in order:  # parents come first, so their rows are whole
        for parent in above[node]:
            marks[place[node]] |= marks[place[parent]]
    relations = np.argwhere(marks - np.eye(len(order), dtype=np.uint8))
    said = [f"a hierarchy: {len(order):,} nodes in {max(depth.values()) + 1} levels, {len(relations):,} relations with those of relations"]
    said += [f"{loops} relations of a node to itself are passed over"] if loops else []
    return Source(
        name, Array((len(order),), levels=2), marks, ids=order, columns=tuple(Column(node) for node in order),
        relations=relations, notes=(*said, *notes),
    )  # fmt: skip


def _sorted(above: dict[str, set[str]], name: str) -> tuple[dict[str, int], list[str]]:
    """The longest way from each node up to a root, and the nodes by it. Raises `Problem` where there is a circle."""
    below: dict[str, list[str]] = defaultdict(list)
    for node, parents in above.items():
        for parent in parents:
            below[parent].append(node)
    waiting = {node: len(parents) for node, parents in above.items()}
    depth = {node: 0 for node, parents in above.items() if not parents}
    ready = list(depth)
    for node in ready:
        for child in below[node]:
            depth[child] = max(depth.get(child, 0), depth[node] + 1)
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    if len(ready) < len(above):
        circle = ", ".join(repr(node) for node in _circle({n: above[n] for n, left in waiting.items() if left}))
        raise Problem(f"{name}: these nodes lie above each other in a circle: {circle}; a hierarchy has none, so take one relation out")
    return depth, sorted(above, key=lambda node: (depth[node], node))


def _circle(stuck: dict[str, set[str]]) -> list[str]:
    """One circle among nodes that each have one of them above, at most ten nodes of it."""
    way = [min(stuck)]
    while way.count(way[-1]) == 1:
        way.append(min(stuck[way[-1]] & stuck.keys()))
    return way[way.index(way[-1]) : -1][:10]


def _read(path: Path) -> tuple[list[Pair], list[str]]:
    """The relations in a file, and what became of its lines."""
    if not path.is_file():
        raise Misuse(f"hierarchy: there is no file {path}")
    try:
        opened = gzip.open if path.suffix.lower() == ".gz" else open
        with opened(path, "rb") as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            head = text.readline(1 << 20)
            names = [n.strip().lower() for n in next(csv.reader([head], delimiter="\t" if "\t" in head else ","), [])]
            child, parent = (next((i for i, n in enumerate(names) if n in known), None) for known in (CHILD, PARENT))
            if child is None or parent is None:
                has = ", ".join(map(repr, names[:8])) or "nothing"
                raise Problem(f"{path}: expected a header with the columns child and parent (or ancestor), got {has}")
            lines = list(islice(csv.reader(text, delimiter="\t" if "\t" in head else ","), LINES + 1))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as e:
        raise Problem(f"{path} cannot be read as a table of relations: {' '.join(str(e).split())}") from None
    if len(lines) > LINES:
        raise Problem(f"{path}: more than {LINES:,} lines; bring a part of them")
    ends = [tuple(line[i].strip() if i < len(line) else "" for i in (child, parent)) for line in lines if line]
    pairs = [(a, b) for a, b in ends if a and b]
    broken = len(ends) - len(pairs)
    return pairs, [f"{broken} of {len(ends)} lines lack a child or a parent and are passed over"] if broken else []
