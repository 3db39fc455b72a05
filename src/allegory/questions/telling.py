"""Words that answers share: who stands beside the method, and with which number."""

import math

from allegory.questions.references import NOISE, TRUTH
from allegory.questions.score import Scores

BESIDE = {
    "raw input": "the raw input", "pca": "PCA of the same size", "hand-made": "features made by hand",
    "untrained": "the untrained network",
    "supervised": "a network trained on the labels", TRUTH: "the true factors", NOISE: "codes that know nothing",
}  # fmt: skip


def beside(scores: Scores, metric: str, form: str = ".2f", who: tuple[str, ...] = tuple(BESIDE)) -> str:
    """ " (PCA of the same size 0.95, codes that know nothing 0.50)": a metric of those that have it, in brackets; "" without any."""
    found = [(BESIDE[name], s.value) for name in who if (s := scores.get(metric, name)) and math.isfinite(s.value)]
    return f" ({', '.join(f'{name} {value:{form}}' for name, value in found)})" if found else ""


def listed(names: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
