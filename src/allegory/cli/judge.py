"""After learning: the questions, the files that a run keeps of them, and what is said on the terminal."""

import json
import sys
from pathlib import Path
from typing import Any

from allegory import api, pages
from allegory.cli.job import Done
from allegory.core import files
from allegory.data import Source
from allegory.questions import Scores
from allegory.questions.asking import Asked


def ask(done: Done, source: Source, names: Asked = None, seed: int = 0) -> Scores:
    """The scores with the controls, over all training seeds of a study. Codes are kept in RUN/features."""
    sys.stderr.write("asking what the codes are good for, beside the controls\n")
    reps = done.reps if len(done.reps) > 1 else done.reps[0]
    scores = api.evaluate(reps, source, names=names, seed=seed, cache=done.run.features, quiet=False)
    sys.stderr.writelines(f"note: {note}\n" for note in scores.notes)
    return scores


def write(done: Done, source: Source, scores: Scores, folder: Path, by: str = "neighbours") -> None:
    """scores.json, details.json, report.html and README.md, each whole or not at all. The pages of a study show its first seed, and the
    scores of all. `by`: the map of the report."""
    first, metrics = done.reps[0], (done.run.seeds or [done.run])[0].metrics
    files.write_json(folder / "scores.json", scores.as_dicts())
    files.write_json(folder / "details.json", scores.details())
    pages.write_report(folder / "report.html", first, source, scores, metrics, by=by)
    files.atomic_write(folder / "README.md", pages.model_card(first, source, scores))


def tell(done: Done, source: Source, as_json: bool, scores: Scores, folder: Path | None) -> None:
    """The short table and the path of the report, or one JSON document."""
    name = type(done.reps[0].method).__name__
    report = None if folder is None or not (folder / "report.html").exists() else str(folder / "report.html")
    if as_json:
        show_json({"run": str(done.run.path), "method": name, "report": report, **done.run.facts, "scores": scores.as_dicts()})
        return
    if text := pages.tables.text(scores, name, source.name, rich=sys.stdout.isatty()):
        print(text)
    else:
        for s in scores:
            print(f"{s.control or name}: {s.metric} {s.value:.4g}")
    print(f"report: {report}" if report else f"run: {done.run.path}")


def show_json(value: Any) -> None:
    """One JSON document on stdout; NaN and infinity become null."""
    print(json.dumps(files.finite(value), indent=2, ensure_ascii=False))
