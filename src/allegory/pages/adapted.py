"""What became of adapting, for people: the short table of the terminal, and a page with candidates, calibration, confusions and the
items that the model is least sure of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from allegory.adapting.adapted import Adapted, Told
from allegory.adapting.target import Kind, Target, Task
from allegory.core import files
from allegory.data import Source
from allegory.pages import items, pictures, plots, render
from allegory.pages.numbers import interval, is_share, number, plural, value

LOOKED = 20_000  # items of the pile that are looked through for the least sure ones
SHOWN = 16
LARGEST_TABLE = 20  # classes whose confusions fit on a page as a table
MOST_PAIRS = 12
MEASURES = {
    "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy", "mean_average_precision": "mean average precision", "r2": "R²",
}  # fmt: skip
DONE = {"linear": "linear layer", "prototypes": "nearest class mean", "neighbours": "nearest items", "fine-tuning": "fine-tuned network"}
HEADS: dict[Kind, tuple[str, ...]] = {
    "class": ("told", "how sure", "or else"), "multi-label": ("told", "surest doubt"), "continuous": ("told", "between"),
}  # fmt: skip
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """A candidate: its name and setting, whether it was chosen, and its scores on held-out items, in the order of the columns."""

    name: str
    setting: str
    chosen: bool
    control: bool
    cells: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Unsure:
    """An item that the model is not sure of, and the cells of its row, under `HEADS` of the kind of task."""

    item: items.Item
    cells: tuple[str, ...]


def columns(facts: Facts) -> list[str]:
    """The names of the measures."""
    return list(facts["candidates"][0]["scores"])


def heading(metric: str) -> str:
    """A measure and its unit."""
    return MEASURES[metric] + (", %" if is_share(metric) else "")


def rows(facts: Facts) -> list[Row]:
    """The candidates, the control last."""
    found = []
    for c in facts["candidates"]:
        control = c["name"] == "raw input"
        name = "raw input, linear layer" if control else DONE.get(c["name"], c["name"])
        cells = tuple((value(v, m), interval(low, high, m)) for m, (v, low, high) in c["scores"].items())
        found.append(Row(name, c["setting"], c["chosen"], control, cells))
    return found


def text(adapted: Adapted) -> str:
    """The table of the terminal, and the test in words."""
    facts, names = adapted.facts, columns(adapted.facts)
    head = ["", *(heading(m) for m in names)]
    body = [[f"{'*' if r.chosen else ' '} {r.name}, {r.setting}", *(f"{v} ({b})" for v, b in r.cells)] for r in rows(facts)]
    widths = [max(len(line[i]) for line in (head, *body)) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in (head, *body)]
    said = [f"{adapted.task}: {facts['how']}; * is kept, raw input is the control", "", *lines, "", *sentences(adapted)]
    return "\n".join([*said, *(f"note: {note}" for note in facts["notes"])])


def sentences(adapted: Adapted) -> list[str]:
    """What the test part says, and how far the answers mean what they say."""
    facts = adapted.facts
    if facts["test"] is None:
        return ["No test item is labelled, so nothing was measured on items that had no part in choosing.", _calibrated(adapted)]
    test, m = facts["test"], facts["choice"]
    unit = " %" if is_share(m) else ""
    mine, other = (f"{value(v, m)}{unit} ({interval(low, high, m)})" for v, low, high in (test["scores"][m], test["control"][m]))
    v, low, high = test["gain"][m]
    name = f"gain in {m}" if is_share(m) else m
    said = "better than" if low > 0 else "worse than" if high < 0 else "not clearly better or worse than"
    lead = f"On {plural(test['n'], 'test item')}, read once, {MEASURES[m]} is {mine}: {said} the raw input with {other}"
    lead += f"; the paired gain is {value(v, name)} ({interval(low, high, name)})."
    return [lead, _calibrated(adapted)]


def _calibrated(adapted: Adapted) -> str:
    told = adapted.facts["told"]
    where = f"on {plural(told['n'], 'test item')}" if told["on"] == "test" else "on the held-out items that it was calibrated by"
    if adapted.task.kind != "continuous":
        before, after = (number(100 * told[k]["error"]) for k in ("before", "after"))
        scaled = f"temperature scaling (T = {number(adapted.calibration.temperature)})"
        return f"Expected calibration error {where}: {before} % before, {after} % after {scaled}."
    if "covered" not in told:
        level = f"{100 * adapted.calibration.level:.0f} %"
        return f"Intervals of {level} come with every number; how many hold the truth takes labelled test items to tell."
    v, low, high = told["covered"]
    return (
        f"The {100 * told['level']:.0f} % intervals hold the true number in {100 * v:.0f} % ({100 * low:.0f}–{100 * high:.0f}) {where}; "
        f"half of them are narrower than {number(told['width'])}."
    )


def page(adapted: Adapted, source: Source, target: Target) -> str:
    """The page as HTML. Tells at most 20,000 items of the pile: the unlabelled ones, or the test part where all are labelled."""
    facts, task = adapted.facts, adapted.task
    chosen = next(r for r in rows(facts) if r.chosen)
    pile, where = _pile(source, target)
    confusion = facts["told"].get("confusion")
    return render.page(
        "adapted.html", title=f"{task.name} of {facts['data']}", task=str(task), chosen=f"{chosen.name}, {chosen.setting}",
        lead=sentences(adapted)[0], calibrated=sentences(adapted)[1], how=facts["how"], columns=[heading(m) for m in columns(facts)],
        rows=rows(facts), notes=facts["notes"], plot=_plot(adapted), kind=task.kind, where=where,
        table=heat(confusion, task.names) if confusion and len(task.names) <= LARGEST_TABLE else None,
        pairs=confused(confusion, task.names) if confusion else [], names=task.names, unsure=unsure(adapted, source, target, pile),
        heads=HEADS[task.kind],
        facts=_facts(adapted), n=facts["told"]["n"],
    )  # fmt: skip


def write(path: Path | str, adapted: Adapted, source: Source, target: Target) -> Path:
    """Writes the page, whole or not at all."""
    files.atomic_write(path, page(adapted, source, target))
    return Path(path)


def heat(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> list[tuple[str, list[tuple[int, str]]]]:
    """The table of confusions: a row a true class, with counts and the CSS class that shades them."""

    def css(i: int, j: int, count: int, of: int) -> str:
        step = min(4, int(np.ceil(8 * count / of))) if count else 0
        return "" if not step else f"h{step}" if i == j else f"h-{step}"

    shaded = [[(c, css(i, j, c, max(1, sum(row)))) for j, c in enumerate(row)] for i, row in enumerate(confusion)]
    return list(zip(names, shaded, strict=True))


def confused(confusion: Sequence[Sequence[int]], names: Sequence[str]) -> list[tuple[str, str, int, int]]:
    """(true class, told class, how often, of how many), the most frequent first."""
    pairs = [(names[i], names[j], count, sum(row)) for i, row in enumerate(confusion) for j, count in enumerate(row) if i != j and count]
    return sorted(pairs, key=lambda p: -p[2])[:MOST_PAIRS]


def _pile(source: Source, target: Target) -> tuple[np.ndarray, str]:
    """The items to look through, drawn by the hash of their content, and what they are in words."""
    unknown = np.flatnonzero(~target.known)
    index, what = (unknown, "unlabelled items") if len(unknown) else (source.part("test"), "test items")
    index = index if len(index) else np.arange(len(source))
    return index[np.argsort(source.item_keys[index], kind="stable")[:LOOKED]], what


def unsure(adapted: Adapted, source: Source, target: Target, pile: np.ndarray) -> list[Unsure]:
    """The items of the pile with the most doubt, with their pictures."""
    doubt = np.concatenate([t.doubt for t in adapted.stream(source.subset(pile))])
    index = pile[np.argsort(-doubt, kind="stable")[:SHOWN]]
    (told,) = adapted.stream(source.subset(index), batch=SHOWN)
    uris: Sequence[str | None] = [None] * len(index)
    if pictures.image_part(adapted.rep.intake.spec) is not None:
        uris = items.uris(pictures.stored(adapted.rep.intake, source.take(index)))
    return [
        Unsure(items.Item(uris[i], source.id(int(n)), _truth(target, int(n))), _answer(adapted.task, told, i)) for i, n in enumerate(index)
    ]


def _answer(task: Task, told: Told, i: int) -> tuple[str, ...]:
    """The cells about item i of a batch."""
    values, names = told.values[i], task.names
    if told.low is not None and told.high is not None:
        return number(float(values[0])), f"{number(float(told.low[i]))} and {number(float(told.high[i]))}"
    if task.kind == "multi-label":
        least = int(np.abs(values - 0.5).argmin())
        return _listed(names, values > 0.5), f"{names[least]} ({100 * values[least]:.0f} %)"
    first, second = np.argsort(-values)[:2]
    return names[first], f"{100 * values[first]:.0f} %", f"{names[second]} ({100 * values[second]:.0f} %)"


def _truth(target: Target, i: int) -> str | None:
    """What is known of item i, in words."""
    if not target.known[i]:
        return None
    known = target.values[i]
    if target.task.kind == "class":
        return target.task.names[known]
    return number(float(known)) if target.task.kind == "continuous" else _listed(target.task.names, known > 0)


def _listed(names: Sequence[str], held: np.ndarray) -> str:
    return ", ".join(name for name, holds in zip(names, held, strict=True) if holds) or "none"


def _plot(adapted: Adapted) -> Markup:
    """The reliability diagram, or told against true numbers."""
    told = adapted.facts["told"]
    if adapted.task.kind == "continuous":
        points = tuple((float(a), float(b)) for a, b in told["points"])
        axis = plots.axis([v for p in points for v in p])
        dots = plots.Series("told across, true up", "own", points)
        x = plots.Axis(axis.low, axis.high, axis.ticks, "told")
        return plots.key([dots]) + plots.scatter([dots], x, axis, f"true against told numbers of {len(points)} items", diagonal=True)
    ticks = tuple((t, f"{100 * t:.0f}") for t in plots.ticks(0, 1, 5))
    x, y = plots.Axis(0, 1, ticks, "how sure, %"), plots.Axis(0, 1, ticks)
    series = [
        plots.Series("as meant", "ceiling", ((0.0, 0.0), (1.0, 1.0)), mark=""),
        _bins(told["before"], "before", "raw", "square"), _bins(told["after"], "after temperature scaling", "own", "circle"),
    ]  # fmt: skip
    up = Markup('<p class="up">how often right, %</p>')
    drawing = plots.plot(series, x, y, "how often right against how sure, before and after temperature scaling")
    return plots.key(series) + up + drawing


def _bins(found: Facts, words: str, css: str, mark: str) -> plots.Series:
    """A line of the reliability diagram, with Wilson's 95 % interval (1927) at each bin."""
    bounds = []
    for n, right in zip(found["counts"], found["right"], strict=True):
        wide = 1.96**2 / n
        middle, half = (right + wide / 2) / (1 + wide), 1.96 * np.sqrt(right * (1 - right) / n + wide / (4 * n)) / (1 + wide)
        bounds.append((max(0.0, float(middle - half)), min(1.0, float(middle + half))))
    return plots.Series(words, css, tuple(zip(found["confidence"], found["right"], strict=True)), tuple(bounds), mark)


def _facts(adapted: Adapted) -> list[tuple[str, str]]:
    f = adapted.facts
    return [
        ("representation", f"{type(adapted.rep.method).__name__}, learned from {plural(int(adapted.rep.facts['items']), 'item')}"),
        ("data", f"{f['data']}: {plural(f['items'], 'item')}, {f['labelled']:,} labelled"),
        ("learned from", f"{plural(f['learned_from'], 'labelled item')}; {f['how']}"), ("seed", str(f["seed"])),
    ]  # fmt: skip
