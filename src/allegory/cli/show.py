"""Explains a method (its card, settings and equations) or a question (its protocol), or tells what became of a run.

  allegory show SimCLR
  allegory show few_labels
  allegory show runs/digits-SimCLR

A run may be one that is still learning, or one that was stopped.
"""

import inspect
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from allegory.cli.told import Json


def run(
    name: Annotated[str, Parameter(help="a method, a question, or the folder of a run")],
    /,
    *,
    json: Json = False,
) -> int:
    """Prints."""
    if (Path(name) / "run.json").is_file():
        return show_run(name, json)
    from allegory import methods, questions
    from allegory.cli import judge, text
    from allegory.core import Misuse, nearest

    if (question := _question(name)) is not None:
        return show_question(question, json)
    try:
        cls = methods.find(name)
    except Misuse as e:
        raise nearest(name, [*methods.names(), *questions.registered()], "method or question") from e
    if json:
        judge.show_json(text.facts_of(cls))
    else:
        print(about(cls))
    return 0


def _question(name: str) -> Any:
    """A question's class, if this is the name of one."""
    from allegory import questions
    from allegory.core import Misuse

    try:
        return questions.find(name)
    except Misuse:
        return None


def show_question(cls: Any, as_json: bool) -> int:
    """What a question asks, how, and what it needs."""
    from allegory.cli import judge, text
    from allegory.core import plain
    from allegory.pages import asked

    c = cls.card
    if as_json:
        judge.show_json({**plain.plain(c), "settings": plain.plain(cls())})
        return 0
    facts = {
        "name": c.name, "after": f"{c.paper.authors} {c.paper.year}, {c.paper.title}", "": f"{c.paper.url} ({c.paper.place})",
        "needs": ", ".join(c.needs) or "codes only", "better": c.better, "asked too of": ", ".join(c.beside) or "no control",
        "cost": f"{c.cost} for one set of codes", "protocol": cls().settings(), "file": inspect.getsourcefile(cls) or "",
    }  # fmt: skip
    print("\n\n".join([c.asks, asked.about(cls), text.pairs(facts)]))
    return 0


def about(cls: Any) -> str:
    """A method in words."""
    from allegory.cli import text
    from allegory.core import can

    c = cls.card
    code = f"{c.code.size} than x, {c.code.values}, {c.code.length} length, {c.code.form}"
    code += ", stochastic" if c.code.stochastic else ", deterministic"
    code += ", meant to be disentangled" if c.code.disentangled else ""
    facts = {
        "paper": f"{c.paper.authors} {c.paper.year}, {c.paper.title}", "": f"{c.paper.url} ({c.paper.place})",
        "models": c.modelled, "minimises": f"{c.minimised}  [{c.unit}]", "family": c.family, "density": c.density,
        "codes live in": c.manifold, "level": c.level, "approach": c.approach, "principle": c.principle, "code": code,
        "decoder": c.decoder, "reads": ", ".join(c.specs), "learns from": c.learns_from, "codes of new items": c.out_of_sample,
        "can": ", ".join(can(cls)), "buys": c.buys, "costs": c.costs, "fails": c.fails, "file": inspect.getsourcefile(cls) or "",
    }  # fmt: skip
    facts |= {"trades rate for distortion": str(c.dial)} if c.dial else {}
    flags = [(f"--{f['name'].replace('_', '-')}", str(f["default"]), f["meaning"] or "") for f in text.settings_of(cls) if f["flag"]]
    rest = [f["name"] for f in text.settings_of(cls) if not f["flag"]]
    claims = [f"  {k.data}: {k.question}, {k.metric} at least {k.at_least} (mean of {k.seeds} seeds)" for k in c.claims]
    parts = [c.title, text.pairs(facts), text.table(("setting", "default", "meaning"), flags) if flags else ""]
    parts.append(f"from Python or a configuration only: {', '.join(rest)}" if rest else "")
    parts.append("\n".join(["claims", *claims]) if claims else "")
    return "\n\n".join(part for part in parts if part)


def show_run(path: str, as_json: bool) -> int:
    """What a run is of, how it went, and its scores."""
    from allegory import pages
    from allegory.cli import judge, text
    from allegory.runs import Run

    run = Run.open(path)
    config = (run if run.started else (run.seeds or [run])[0]).config
    facts, method = run.facts, config["method"]
    if as_json:
        judge.show_json({"run": path, "config": config, **facts, "scores": run.scores})
        return 0
    data = facts.get("data", {})
    counts = data.get("counts", {})
    settings = ", ".join(f"{k} {v}" for k, v in method.items() if k != "is" and v is not None and not isinstance(v, (dict, list)))
    training = ", ".join(
        f"{k} {v}" for k, v in config["training"].items() if v is not None and not isinstance(v, (dict, list)) and k != "is"
    )
    said = {
        "run": path, "state": str(facts.get("state")), "method": f"{method['is']}: {settings}", "training": training,
        "data": f"{data.get('name')} ({counts.get('used')} of {counts.get('in')} items used)",
    }  # fmt: skip
    said |= {"seconds": f"{facts['seconds']:.1f}"} if facts.get("seconds") else {}
    said |= {"peak memory": f"{facts['peak_memory_bytes'] / 2**20:,.0f} MiB"} if facts.get("peak_memory_bytes") else {}
    said |= {f"health: {a['name']}": a["text"] for a in facts.get("alarms") or []}
    said |= {"report": str(run.path / "report.html")} if (run.path / "report.html").exists() else {}
    print(text.pairs(said))
    if run.scores:
        print("\n" + pages.tables.text(run.scores, method["is"], str(data.get("name")), rich=sys.stdout.isatty()))
    return 0
