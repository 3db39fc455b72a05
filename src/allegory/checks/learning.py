"""Checks that a method learns."""

from typing import Any

from allegory.checks.trial import expect, learned, listed
from allegory.core import Trained


def check_falls(method: Trained[Any]) -> None:
    """The term that the card names is lower at the end of the tiny training than at its beginning."""
    history = learned(method).history
    wanted = method.card.falls
    name = next(k for k in history[0] if k.startswith("loss/")) if wanted == "total" else wanted
    expect(name in history[0], f"a reported term {wanted!r} (card.falls)", listed(history[0], 12), "name one of these")
    few = max(1, len(history) // 5)
    first, last = (sum(h[name] for h in part) / few for part in (history[:few], history[-few:]))
    expect(last < first, f"{name} to fall", f"{first:.4g}, then {last:.4g} after {len(history)} steps", "look at its sign and its gradient")
