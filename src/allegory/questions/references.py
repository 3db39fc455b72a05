"""What a question may bring to compare with: a floor that knows nothing and a ceiling that knows the truth."""

import numpy as np
import torch

from allegory.questions.features import CodeSet, Features

NOISE, TRUTH = "noise", "truth"
CEILINGS = ("supervised", TRUTH)  # they have seen what is asked for, so they are no rivals


def noise(features: Features) -> CodeSet:
    """Standard normal codes as wide as the method's, that know nothing of the items."""
    n, width = features.sets[None].seeds[0].shape
    rng = np.random.default_rng([features.seed, 11])
    return CodeSet((torch.as_tensor(rng.standard_normal((n, width)), dtype=torch.float32),))


def truth(features: Features) -> CodeSet:
    """The generative factors themselves, scaled to unit variance, one number a factor; factors of a single value are left out."""
    assert features.factors is not None, "asked with factors only"
    values = features.factors.values[:, np.array(features.factors.sizes) > 1].astype(np.float64)
    return CodeSet((torch.as_tensor((values - values.mean(0)) / values.std(0), dtype=torch.float32),))


def floor_and_ceiling(features: Features) -> dict[str, CodeSet]:
    """Both, for questions about factors."""
    return {NOISE: noise(features), TRUTH: truth(features)}
