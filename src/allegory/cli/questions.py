"""Lists the questions that can be asked of a representation: what each asks, what it needs, what it costs.

  allegory questions
  allegory questions --needs factors
  allegory evaluate RUN --questions mig,dci       asks some
  allegory show mig                               one of them in full

Those marked with a star are asked after every learning (`--questions usual`); `--questions all` asks every one that the data allow.
"""

from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import Json

HEADINGS = {"uses": "what it enables", "nature": "what it is"}


def run(
    *,
    needs: Annotated[str | None, Parameter(help="labels, factors, pairs, decode, sample ...")] = None,
    json: Json = False,
) -> int:
    """Finds and prints."""
    from allegory import questions
    from allegory.cli import judge, text
    from allegory.core import plain

    found = [c for c in questions.registered().values() if needs is None or any(needs.lower() in n for n in c.card.needs)]
    if json:
        judge.show_json([{"group": questions.group(c), **plain.plain(c.card)} for c in found])
        return 0
    if not found:
        print("no question needs that; allegory questions lists them all")
    for key, heading in HEADINGS.items():
        rows = [
            (f"{c.card.name}{' *' if c.card.usual else ''}", c.card.asks, ", ".join(c.card.needs) or "codes only", c.card.cost)
            for c in found if questions.group(c) == key
        ]  # fmt: skip
        if rows:
            print(text.table((heading, "", "needs", "cost"), rows) + "\n")
    return 0
