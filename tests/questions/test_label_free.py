import dataclasses

import numpy as np
import pytest
import torch

from allegory import measures
from allegory.questions import CodeSet, put
from allegory.questions.nature.alignment import Alignment
from allegory.questions.nature.effective_rank import EffectiveRank, ranks
from allegory.questions.nature.uniformity import Uniformity, log_mean_potential


def test_uniformity_is_the_measure_and_its_leave_outs():
    f = measures.on_sphere(torch.randn(50, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    value, without = log_mean_potential(f, 5)
    assert value == pytest.approx(float(measures.uniformity(f)), rel=1e-10)
    for g in range(5):
        assert without[g] == pytest.approx(float(measures.uniformity(f[torch.arange(50) % 5 != g])), rel=1e-10)


@pytest.mark.parametrize("shape", [(60, 7), (20, 33)])
def test_ranks_are_the_measure_and_its_leave_outs(shape):
    z = torch.randn(*shape, generator=torch.Generator().manual_seed(0)) + 1
    value, without = ranks(z, 5)
    assert value == pytest.approx(float(measures.effective_rank(z)), rel=1e-6)
    for g in range(5):
        assert without[g] == pytest.approx(float(measures.effective_rank(z[torch.arange(len(z)) % 5 != g])), rel=1e-6)


def test_the_questions_report_them_of_their_parts(make_features):
    features = make_features()
    z = features.sets[None].seeds[0]
    scores = put(features, [EffectiveRank(), Uniformity()])
    rank, uniform = scores
    assert (rank.split, uniform.split) == ("train", "test")
    assert rank.value == pytest.approx(float(measures.effective_rank(z[features.parts["train"]])), rel=1e-6)
    assert uniform.value == pytest.approx(float(measures.uniformity(measures.on_sphere(z[features.parts["test"]]))), rel=1e-4)
    assert all(s.low < s.value < s.high for s in scores)


def test_the_interval_of_uniformity_covers():
    """Codes uniform on the circle: log E exp(-4 + 4 cos) = -4 + log I0(4)."""
    rng, held = np.random.default_rng(0), 0
    from allegory.questions import intervals

    truth = -4 + np.log(np.i0(4.0))
    for _ in range(200):
        angle = torch.as_tensor(rng.uniform(0, 2 * np.pi, 120))
        value, without = log_mean_potential(torch.stack([angle.cos(), angle.sin()], 1), 16)
        low, high = intervals.jackknife(value, without, 0).interval()
        held += low <= truth <= high
    assert 0.89 < held / 200 < 0.995  # the estimate is biased a little at 120 items


def test_alignment_of_pairs(make_features):
    """The second view is the first one turned by 60 degrees in its plane: |f - f+|^2 = 2 - 2 cos 60 = 1."""
    features = make_features(width=2)
    z = features.sets[None].seeds[0][features.parts["test"]]
    turned = z @ torch.tensor([[0.5, 0.75**0.5], [-(0.75**0.5), 0.5]])
    pairs = {None: CodeSet(features.sets[None].seeds, ((z, turned),))}
    score = put(dataclasses.replace(features, sets=pairs, viewed=len(z)), [Alignment()])[0]
    assert score.value == pytest.approx(1.0, abs=1e-5) and score.n == len(z)


def test_without_pairs_alignment_is_not_asked(make_features):
    scores = put(make_features(), [Alignment()])
    assert scores == [] and "two views" in scores.notes[0]
