"""A question's page, made from its module docstring, its card and its settings: what is asked, how, and what it does not say."""

import dataclasses
import inspect
import sys
from collections.abc import Iterable

from allegory.pages.zoo import NOTE, cell, deviates
from allegory.questions import CONTROLS, Question, group

HEAD = ("| question | asks | needs | cost of one set of codes | asked after learning |", "|---|---|---|---|---|")
HEADINGS = {"uses": "What a representation enables", "nature": "What a representation is"}


def question_page(cls: type[Question]) -> str:
    """The Markdown page of one question: its protocol."""
    card, module = cls.card, sys.modules[cls.__module__]
    parts = [NOTE, f"# {card.asks}", about(cls), _facts(cls), _settings(cls)]
    if found := deviates(inspect.getsource(module)):
        parts.append("## Where it deviates from the paper\n\n" + "\n".join(f"- {d}" for d in found))
    return "\n\n".join(parts) + "\n"


def about(cls: type[Question]) -> str:
    """What its file says of it, without the question itself where it begins with that."""
    return inspect.cleandoc(sys.modules[cls.__module__].__doc__ or "").removeprefix(cls.card.asks).strip()


def questions_page(classes: Iterable[type[Question]]) -> str:
    """The Markdown table of all questions."""
    lines = [NOTE, "# The questions", "", "`allegory evaluate RUN --questions NAME,NAME` asks them; `usual` and `all` stand for many.", ""]
    found = list(classes)
    for key, heading in HEADINGS.items():
        lines += [
            f"## {heading}",
            "",
            "| question | asks | needs | cost of one set of codes | asked after learning |",
            "|---|---|---|---|---|",
        ]
        for cls in (c for c in found if group(c) == key):
            c = cls.card
            needs = ", ".join(n.replace("_", " ") for n in c.needs) or "codes only"
            lines.append(f"| [{c.name}]({c.name}.md) | {cell(c.asks)} | {needs} | {c.cost} | {'yes' if c.usual else 'no'} |")
        lines.append("")
    return "\n".join(lines)


def _facts(cls: type[Question]) -> str:
    c = cls.card
    beside = [name for name in CONTROLS if name in c.beside]
    paper = f"{c.paper.authors}, [{c.paper.title}]({c.paper.url}), {c.paper.year}; {c.paper.place}"
    facts = {
        "name": f"`{c.name}`, version {c.version} of its protocol", "after": paper,
        "needs": ", ".join(c.needs).replace("_", " ") or "codes only",
        "better": c.better, "asked too of": ", ".join(beside) or "no control", "cost": c.cost,
    }  # fmt: skip
    return "## Card\n\n| | |\n|---|---|\n" + "\n".join(
        f"| {k} | {cell(v.replace('_', ' ') if k == 'needs' else v)} |" for k, v in facts.items()
    )


def _settings(cls: type[Question]) -> str:
    rows = [f"| `{f.name}` | `{getattr(cls(), f.name)}` |" for f in dataclasses.fields(cls)]
    about = inspect.cleandoc(cls.__doc__ or "")
    return (
        f"## Protocol\n\n{about}\n\nIn words, as every score says it: {cls().settings()}.\n\n| setting | usual value |\n|---|---|\n"
        + "\n".join(rows)
    )
