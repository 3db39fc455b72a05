"""The health panel: what watching the training found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allegory.pages.figures import Curve, curves


@dataclass(frozen=True)
class Health:
    """Alarms in words, and a small plot for every watched number. `watched` is False when nothing was."""

    alarms: tuple[str, ...]
    curves: tuple[Curve, ...]

    @property
    def watched(self) -> bool:
        return bool(self.alarms or self.curves)


def health(metrics: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> Health:
    """Alarms stand in `facts["alarms"]` and in the "alarm" or "alarms" of a logged step; each is said once."""
    said: dict[str, None] = {}
    for alarm in _listed(facts.get("alarms")):
        said[_words(alarm)] = None
    for row in metrics:
        for alarm in _listed(row.get("alarms", row.get("alarm"))):
            said.setdefault(_words(alarm), None)
    return Health(tuple(said), tuple(curves(metrics, prefix="health/", without="")))


def _listed(found: Any) -> list[Any]:
    if found is None or found == "":
        return []
    return list(found) if isinstance(found, (list, tuple)) else [found]


def _words(alarm: Any) -> str:
    """An alarm is a sentence, or a name, a step and a text (as an object or a mapping)."""
    if isinstance(alarm, str):
        return alarm
    name, step, text = (alarm.get(k) if isinstance(alarm, Mapping) else getattr(alarm, k, None) for k in ("name", "step", "text"))
    head = f"{name or 'alarm'}" + (f" since step {step:,}" if isinstance(step, int) and step else "")
    return f"{head[0].upper()}{head[1:]}: {text or alarm}"
