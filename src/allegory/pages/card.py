"""The model card, RUN/README.md: what was learned, on what, how good it is, when it fails, and how to use it. Markdown."""

from collections.abc import Iterable
from typing import Any

from allegory.data import Source
from allegory.pages.numbers import interval, value
from allegory.pages.page import boards, facts, method_name, settings
from allegory.pages.results import Measure, others, results
from allegory.pages.tables import escaped, markdown
from allegory.pages.words import verdict


def model_card(rep: Any, source: Source, scores: Iterable[Any]) -> str:
    """The card as Markdown. Every name that came from data is escaped."""
    rows, name = results(scores), method_name(rep)
    said, tables = verdict(rows, name, source.name), boards(rows, name)
    words = " ".join(escaped(sentence) for sentence in (said.lead, *said.detail))
    parts = [f"# {escaped(f'{name} on {source.name}')}", f"**{said.mark.capitalize()}.** {words}"]
    if tables:
        parts += ["## Scores", "On the test part, with 95 % intervals, by labels a class.", *map(markdown, tables)]
    measures = others(rows, tables)
    if measures:
        parts += ["## Other measures", "\n".join(_measured(m) for m in measures)]
    card = getattr(rep.method, "card", None)
    if card is not None:
        parts += ["## The method", f"{escaped(card.title)} ({escaped(card.paper.authors)}, {card.paper.year}, <{card.paper.url}>).",
                  f"It buys: {escaped(card.buys)}\n\nIt costs: {escaped(card.costs)}\n\nWhen it fails: {escaped(card.fails)}"]  # fmt: skip
    parts += ["## What was done", _listed(facts(rep, source, rep.encode(source.take(slice(0, 1))).shape[1]))]
    parts += ["### Settings", _listed(settings(rep.method))]
    parts += ["## Use", USE]
    return "\n\n".join(parts) + "\n"


USE = """```python
import allegory as al
rep = al.Representation.load("model")
z = rep.encode(al.load("your data"))
```

Codes of data unlike the training data mean little: measure again on your own, with `allegory evaluate`."""


def _listed(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {escaped(name)}: {escaped(words)}" for name, words in pairs)


def _measured(m: Measure) -> str:
    def said(control: str | None) -> str:
        r = m.by[control]
        bounds = interval(r.low, r.high, r.metric)
        return f"{escaped(control or 'this method')} {value(r.value, r.metric)}" + (f" ({bounds})" if bounds else "")

    return f"- {escaped(m.metric.replace('_', ' '))} ({escaped(m.question.replace('_', ' '))}): " + "; ".join(map(said, m.by))
