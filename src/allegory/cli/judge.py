"""After learning: the questions, the files that a run keeps of them, and what is said on the terminal."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from allegory import api, pages
from allegory.cli.job import Done
from allegory.core import files
from allegory.data import Source

Rows = list[dict[str, Any]]


def ask(done: Done, source: Source, names: Sequence[str] | None = None, seed: int = 0) -> Rows:
    """The scores as scores.json holds them, with the controls; over all training seeds of a study."""
    sys.stderr.write("asking what the codes are good for, beside the controls\n")
    scores = api.evaluate(done.reps if len(done.reps) > 1 else done.reps[0], source, names=names, seed=seed)
    for note in getattr(scores, "notes", ()):
        sys.stderr.write(f"note: {note}\n")
    return [s.as_dict() for s in scores]


def write(done: Done, source: Source, scores: Rows, folder: Path) -> None:
    """scores.json, report.html and README.md, each whole or not at all. The pages of a study show its first seed, and the scores of all."""
    first, metrics = done.reps[0], (done.run.seeds or [done.run])[0].metrics
    files.write_json(folder / "scores.json", scores)
    pages.write_report(folder / "report.html", first, source, scores, metrics)
    files.atomic_write(folder / "README.md", pages.model_card(first, source, scores))


def tell(done: Done, source: Source, as_json: bool, scores: Rows, folder: Path | None) -> None:
    """The short table and the path of the report, or one JSON document."""
    name = type(done.reps[0].method).__name__
    report = None if folder is None or not (folder / "report.html").exists() else str(folder / "report.html")
    if as_json:
        show_json({"run": str(done.run.path), "method": name, "report": report, **done.run.facts, "scores": scores})
        return
    if text := pages.tables.text(scores, name, source.name, rich=sys.stdout.isatty()):
        print(text)
    else:
        for s in scores:
            print(f"{s['control'] or name}: {s['metric']} {s['value']:.4g}")
    print(f"report: {report}" if report else f"run: {done.run.path}")


def show_json(value: Any) -> None:
    """One JSON document on stdout; NaN and infinity become null."""
    print(json.dumps(files.finite(value), indent=2, ensure_ascii=False))
