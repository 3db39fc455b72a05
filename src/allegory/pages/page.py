"""The report: one run's verdict, evidence and pictures on one self-contained page."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from allegory.core import Problem, files
from allegory.data import PARTS, Source
from allegory.pages import adds, codes_map, columns, figures, latents, looks, mapping, paths, pictures, render
from allegory.pages.health import health
from allegory.pages.numbers import number, plural, seconds
from allegory.pages.results import GAIN, Board, Result, board, results
from allegory.pages.sections import BOARDS, as_scores, sections
from allegory.pages.words import verdict

SCRIPTS = ("data.js", "view.js", "draw.js", "map.js", "hands.js")
Metrics = Sequence[Mapping[str, Any]]


def report(
    rep: Any,
    source: Source,
    scores: Iterable[Any],
    metrics: Metrics | Path | str | None = None,
    title: str | None = None,
    by: str = mapping.USUAL,
) -> str:
    """The page as HTML.

    `scores` are `Score` objects or their dictionaries, `metrics` the rows of metrics.jsonl or its path. `by`: the map that is shown first
    (`mapping.chosen`). Encodes at most 20,000 items.
    """
    rows, name = results(scores), method_name(rep)
    logged = metrics if isinstance(metrics, Sequence) and not isinstance(metrics, str) else read_metrics(metrics)
    items, found = codes_map.encoded(rep, source), boards(rows, name)
    return render.page(
        "report.html", SCRIPTS,
        title=title or f"{name} on {source.name}",
        said=verdict(rows, name, source.name),
        boards=found,
        plot=figures.few_labels(found[0], chance(source)) if found else None,
        chance=chance(source),
        gains=board(rows, name, f"{GAIN}{found[0].metric}") if found else None,
        notes=[{"text": note, "unasked": " was not asked: " in note} for note in getattr(scores, "notes", ())],
        sections=sections(rows, name, as_scores(scores, rows)),
        protocols=sorted({r.protocol for r in rows if r.protocol and r.question in BOARDS}),
        controls=list(dict.fromkeys(r.control for r in sorted(rows, key=lambda r: r.control is not None))),
        map=render.json(codes_map.payload(source, items, by)),
        atlas=items.atlas,
        mapped=codes_map.described(source, items),
        neighbours=looks.neighbours(source, items, rep),
        can=abilities(rep, source, items),
        silent=latents.SILENT,
        scree=adds.scree(rep),
        curves=figures.curves(logged),
        health=health(logged, rep.facts),
        facts=facts(rep, source, items.z.shape[1]),
        settings=settings(rep.method),
        card=getattr(rep.method, "card", None),
    )  # fmt: skip


def write_report(
    path: Path | str,
    rep: Any,
    source: Source,
    scores: Iterable[Any],
    metrics: Metrics | Path | str | None = None,
    title: str | None = None,
    by: str = mapping.USUAL,
) -> Path:
    """Writes the page to `path`, whole or not at all."""
    files.atomic_write(path, report(rep, source, scores, metrics, title, by))
    return Path(path)


def method_name(rep: Any) -> str:
    """The method by the name of its class."""
    return type(rep.method).__name__


def read_metrics(path: Path | str | None) -> list[dict[str, Any]]:
    """The rows of metrics.jsonl; [] without a path. A line that was cut short by a crash is left out if it is the last."""
    if path is None:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as e:
        raise Problem(f"cannot read {path}: {e.strerror}") from e
    rows = []
    for number_, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except ValueError as e:
            if number_ < len(lines):
                raise Problem(f"{path}, line {number_} is not JSON: {e}") from e
    return [row for row in rows if isinstance(row, dict)]


def boards(rows: Sequence[Result], method: str) -> list[Board]:
    """The boards of accuracy and of balanced accuracy, those that were measured."""
    return [b for b in (board(rows, method), board(rows, method, "balanced_accuracy")) if b]


def chance(source: Source) -> float | None:
    """The accuracy of guessing, all classes alike; None without labels."""
    return 1.0 / len(source.labels.names) if source.labels is not None and source.labels.names else None


def abilities(rep: Any, source: Source, items: codes_map.Encoded) -> dict[str, Any]:
    """What the method can do, shown on the data; a capability that it lacks has no entry."""
    can, found = rep.can(), {}
    pictured = pictures.image_part(rep.intake.spec) is not None
    if not pictured and not columns.flat(rep):
        return {}
    q = latents.posterior(source, items, rep)
    if "decode" in can and pictured:
        found = {
            "reconstructions": looks.reconstructions(source, items, rep),
            "traversals": looks.traversals(source, items, rep, q),
            "interpolations": paths.interpolations(source, items, rep, spherical=q is not None and q.standard),
        }
        if (added := adds.adds(items, rep)) is not None:
            found["adds"] = added
    elif "decode" in can:
        found = {"columns": columns.reconstructed(source, items, rep), "heat": columns.traversed(source, items, rep)}
    if q is not None:
        found["rate"] = latents.rate(q)
    if "complete" in can and pictured and (completed := looks.completions(source, items, rep)):
        found["completions"] = completed
    if "progressive" in can and pictured:
        found["progressive"] = looks.progressive(source, items, rep)
    if "sample" in can:
        found |= {"samples": looks.samples(rep)} if pictured else {"drawn": columns.drawn(source, items, rep)}
    return found


def facts(rep: Any, source: Source, size: int) -> list[tuple[str, str]]:
    """What was done, in names and words."""
    known = rep.facts
    found = [
        ("data", f"{source.name}: {plural(len(source), 'item')}, {source.spec}"),
        ("parts", ", ".join(f"{len(source.part(p)):,} {p}" for p in PARTS)),
    ]
    if source.labels is not None:
        known_ones = int(source.labels.known.sum())
        found.append(("labels", f"{plural(len(source.labels.names), 'class', 'classes')}, {plural(known_ones, 'item')} labelled"))
    found.append(("code", f"{plural(size, 'number')} an item"))
    found.append(("parameters", f"{sum(p.numel() for p in rep.net.parameters()):,}"))
    written: dict[str, tuple[str, Callable[[Any], str]]] = {
        "items": ("learned from", lambda v: plural(v, "item")), "seconds": ("time", seconds), "seed": ("seed", str),
        "steps": ("steps", number), "peak_memory_bytes": ("peak memory", lambda v: f"{v / 2**20:,.0f} MiB"),
    }  # fmt: skip
    found += [(name, write(known[key])) for key, (name, write) in written.items() if known.get(key) is not None]
    if source.skipped:
        found.append(("skipped", f"{plural(len(source.skipped), 'item')}, for example {source.skipped[0].id}: {source.skipped[0].reason}"))
    return [*found, *(("note", note) for note in source.notes)]


def settings(method: Any) -> list[tuple[str, str]]:
    """Every setting of the method; values that are dataclasses themselves (views) come last, as Python would write them."""
    found = [(f.name, getattr(method, f.name)) for f in dataclasses.fields(method)]
    found.sort(key=lambda pair: dataclasses.is_dataclass(pair[1]))
    return [(name, "default" if v is None else f"{v:g}" if isinstance(v, float) else str(v)) for name, v in found]
