"""The questions about single factors, on codes with known structure; the measures have their own tests under tests/measures."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from allegory.measures import disentanglement
from allegory.questions import CodeSet, items, put
from allegory.questions.nature.betavae_score import BetaVAEScore
from allegory.questions.nature.dci import DCI, _of_groups
from allegory.questions.nature.factorvae_score import FactorVAEScore
from allegory.questions.nature.irs import IRS
from allegory.questions.nature.mig import MIG
from allegory.questions.nature.modularity import ModularityScore
from allegory.questions.nature.sap import SAP
from allegory.questions.nature.udr import UDR

GRID = "sprites:size=16,scales=3,orientations=4,xs=6,ys=6"  # 1,296 items
SMALL = {"points": (400, 200)}
ASKED = {
    "mig": (MIG(), "mig"), "modularity": (ModularityScore(), "modularity"), "sap": (SAP(), "sap"), "irs": (IRS(), "irs"),
    "betavae_score": (BetaVAEScore(**SMALL), "accuracy"), "factorvae_score": (FactorVAEScore(**SMALL), "accuracy"),
}  # fmt: skip


def turned(features, seed=0):
    """The factors at right angles, turned at random."""
    y = features.source.factors.values[:, 1:]
    z = (y - y.mean(0)) / y.std(0)
    return torch.as_tensor(z @ np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0], dtype=torch.float32)


@pytest.fixture(scope="module")
def sprites(on_sprites):
    features = on_sprites(where=GRID)
    return dataclasses.replace(features, sets={None: CodeSet((turned(features),))})


@pytest.mark.parametrize("name", ASKED)
def test_each_lies_between_noise_and_truth_with_an_interval(sprites, name):
    question, metric = ASKED[name]
    scores = put(sprites, [question])
    own, noise, truth = (scores.get(metric, who) for who in (None, "noise", "truth"))
    assert noise.value < truth.value and own.value < truth.value
    assert all(s.low <= s.value <= s.high and math.isfinite(s.low) for s in (own, noise, truth))
    assert own.low < own.high and own.split == "test"
    words = question.words(scores)
    assert "the true factors" in words and "codes that know nothing" in words


def test_dci_of_a_rotation(sprites):
    scores = put(sprites, [DCI()])
    for metric in ("disentanglement", "informativeness"):
        own, noise, truth = (scores.get(metric, who) for who in (None, "noise", "truth"))
        assert noise.value < own.value < truth.value and own.low < own.value < own.high
    assert scores.get("disentanglement", "truth").value > 0.9
    (heat,) = scores.pictures["dci"]
    assert heat.columns == ("shape", "scale", "orientation", "x", "y") and len(heat.rows) == 5


def test_random_groups_by_hand():
    """Values 1, 2, 3 of three groups: the standard error of their mean is 1 / sqrt(3)."""
    evidence = _of_groups(2.0, [1.0, 2.0, 3.0], 0)
    assert evidence.value == 2.0
    student = 4.3027 / 1.95996  # two degrees of freedom, spread as the jackknife spreads few groups
    assert evidence.replicates.std() / student == pytest.approx(1 / math.sqrt(3), rel=0.1)


def test_pictures_have_a_row_a_code(sprites):
    dead = turned(sprites)
    dead[:, 2] = 1.0
    features = dataclasses.replace(sprites, sets={None: CodeSet((dead,))})
    for question in (MIG(), IRS(), SAP(), ModularityScore()):
        (heat,) = question.pictures(next(features.sets[None].subjects(None)), features)
        assert len(heat.rows) == 5 and len(heat.columns) == 5


def test_correlated_factors_are_told(sprites):
    test = sprites.parts["test"]
    values = sprites.factors.values
    together = test[torch.as_tensor(np.abs(values[test, 4] - values[test, 5]) < 2)]
    features = dataclasses.replace(sprites, parts={**sprites.parts, "test": together})
    assert "x and y go together" in MIG().remark(features)
    assert MIG().remark(sprites) == ""


def test_without_factors_or_with_too_few_items_they_say_so(make_features, sprites):
    assert "factors" in MIG().missing(make_features())
    few = dataclasses.replace(sprites, parts={**sprites.parts, "test": sprites.parts["test"][:1]})
    for question, _ in [*ASKED.values(), (DCI(), "")]:
        assert "fewer than 100" in question.missing(few)


@pytest.mark.parametrize("codes", ["constant", "wide", "single"])
def test_hostile_codes_end_in_an_answer(sprites, codes):
    n = len(sprites)
    z = {
        "constant": torch.ones(n, 4),
        "wide": torch.randn(n, 300, generator=torch.Generator().manual_seed(0)),
        "single": turned(sprites)[:, :1],
    }
    features = dataclasses.replace(sprites, sets={None: CodeSet((z[codes],))})
    for question, metric in ASKED.values():
        scores = put(features, [question])
        own = scores.get(metric)
        assert (own is None and scores.notes) or math.isfinite(own.value)
        assert own is None or codes != "constant" or own.value < 0.35


def test_udr_of_seeds_that_agree_and_seeds_that_do_not(sprites):
    z = turned(sprites)
    same = dataclasses.replace(sprites, sets={None: CodeSet((z, -z[:, [3, 1, 0, 2, 4]]))})
    other = dataclasses.replace(sprites, sets={None: CodeSet((z, turned(sprites, 1)))})
    agree, differ = put(same, [UDR()]), put(other, [UDR()])
    assert agree.get("udr").value == pytest.approx(0.9, abs=0.02) == agree.get("udr", "itself").value
    assert agree.get("udr", "noise").value < 0.2 and differ.get("udr").value < 0.5
    assert "agree number by number at 0.9" in UDR().words(agree)
    assert "one" in UDR().missing(sprites)


def test_the_jackknife_of_mig_is_as_wide_as_it_should_be():
    """Over 60 data sets drawn anew: the half widths are 1.96 standard deviations of MIG, or up to half as much again."""
    values, halves = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        y = np.stack([rng.integers(0, s, 400) for s in (3, 5)], 1)
        z = (y - y.mean(0)) / y.std(0) @ np.array([[1.0, 0.3], [-0.3, 1.0]]) + 0.4 * rng.normal(size=y.shape)
        got = items.leaving_out(lambda kept, y=y, z=z: disentanglement.mig(y[kept], z[kept], np.random.default_rng(0)).score, 400, 0)
        low, high = got.interval()
        values.append(got.value)
        halves.append((high - low) / 2)
    assert 0.8 < np.mean(halves) / (1.96 * np.std(values, ddof=1)) < 1.6
