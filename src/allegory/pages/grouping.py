"""Runs of one method as one row: those that differ in nothing but the training seed and the data."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Told = Mapping[str, Any]  # a run: name, method, settings (flat), scores, facts


def by_method(runs: Sequence[Told]) -> dict[str, list[Told]]:
    """The runs by the name of their row: the method, and those settings in which runs of it on the same data differ.

    A setting that only follows the data (the number of latents, the steps) does not part runs on different data.
    """
    found: dict[str, list[Told]] = {}
    for run in runs:
        same = [r for r in runs if r["method"] == run["method"]]
        said = ", ".join(f"{name} {_word(run, name, same)}" for name in _parting(same))
        found.setdefault(f"{run['method']} ({said})" if said else str(run["method"]), []).append(run)
    return found


def _parting(runs: Sequence[Told]) -> list[str]:
    """The settings that have several values on one data set."""
    names = dict.fromkeys(name for run in runs for name in _settings(run))
    by_data: dict[str, list[Told]] = {}
    for run in runs:
        by_data.setdefault(data_of(run), []).append(run)
    return [name for name in names if any(len({_text(run, name) for run in there}) > 1 for there in by_data.values())]


def data_of(run: Told) -> str:
    """What names the data that a run learned from."""
    facts = run.get("facts") or {}
    return str(facts.get("fingerprint") or facts.get("data") or "")


def _settings(run: Told) -> Mapping[str, Any]:
    return run.get("settings") or {}


def _text(run: Told, name: str) -> str:
    return json.dumps(_settings(run).get(name), sort_keys=True, default=str)


def _word(run: Told, name: str, same: Sequence[Told]) -> str:
    """A setting's value; what is no number, word or truth value gets a letter."""
    value = _settings(run).get(name)
    if value is None or isinstance(value, (str, int, float)):
        return "default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    kinds = list(dict.fromkeys(_text(r, name) for r in same))
    return chr(ord("A") + kinds.index(_text(run, name)) % 26)
