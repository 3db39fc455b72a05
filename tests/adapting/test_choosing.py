"""From labels to a model, on digits: better than the raw input where that is claimed, calibrated, and honest about few labels."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from allegory import api
from allegory.adapting import choosing, scoring, tuning
from allegory.adapting.heads import Linear
from allegory.adapting.target import Target, labelled
from allegory.core import Misuse, Problem
from allegory.methods.contrastive.simclr import SimCLR
from allegory.methods.latent.autoencoder import Autoencoder


def test_digits_are_told_and_the_answers_mean_what_they_say(adapted, digits):
    facts = adapted.facts
    assert [c["name"] for c in facts["candidates"]] == ["linear", "prototypes", "neighbours", "raw input"]
    assert [c["chosen"] for c in facts["candidates"]].count(True) == 1 and not facts["candidates"][-1]["chosen"]
    best = max(c["scores"]["balanced_accuracy"][0] for c in facts["candidates"][:-1])
    assert next(c for c in facts["candidates"] if c["chosen"])["scores"]["balanced_accuracy"][0] == best
    value, low, high = facts["test"]["scores"]["accuracy"]
    assert low < value < high and value >= facts["test"]["control"]["accuracy"][0]
    test = digits.part("test")
    names = np.array(digits.labels.names)[digits.labels.values[test]]
    assert np.mean(adapted.predict(digits.subset(test)) == names) == pytest.approx(value)
    told = facts["told"]
    assert told["on"] == "test" and sum(map(sum, told["confusion"])) == told["n"] == len(test)
    assert told["after"]["error"] <= told["before"]["error"] + 0.005
    assert "PCA is solved" in " ".join(facts["notes"])


def test_probabilities_are_those_of_the_temperature(adapted, digits):
    few = digits.subset(np.arange(50))
    p = adapted.predict_proba(few)
    z = torch.as_tensor(adapted.rep.encode(few))
    expected = torch.softmax(adapted.head(z) / adapted.calibration.temperature, 1)
    np.testing.assert_allclose(p, expected.numpy())
    with pytest.raises(Misuse, match="no number"):
        adapted.predict_interval(few)


def test_numbers(numbers, digits):
    assert numbers.facts["test"]["scores"]["r2"][0] > 0.9, "ink is nearly linear in the pixels"
    v, low, high = numbers.facts["told"]["covered"]
    assert low <= 0.9 <= high or v > 0.9
    few = digits.subset(np.arange(30))
    ends, told = numbers.predict_interval(few), numbers.predict(few)
    assert (ends[:, 0] < told).all() and (told < ends[:, 1]).all()
    with pytest.raises(Misuse, match="has no probabilities"):
        numbers.predict_proba(few)


def test_several_labels_at_once(several, digits):
    assert several.facts["test"]["scores"]["mean_average_precision"][0] > 0.9
    assert several.facts["told"]["after"]["error"] <= several.facts["told"]["before"]["error"] + 0.01
    y = digits.labels.values
    held = several.predict(digits)
    assert several.task.names == ("even", "small")
    assert (held == np.stack([y % 2 == 0, y < 5], 1)).mean() > 0.9


@pytest.mark.parametrize("count", [4, 12, 40])
def test_few_labels(rep, digits, count):
    """Cross-validated; a class with one labelled item is no reason to doubt everything."""
    source, target = labelled(digits)
    keep = np.random.default_rng(0).permutation(len(source))[:count]
    few = Target(target.task, np.where(np.isin(np.arange(len(source)), keep), target.values, -1))
    model = choosing.adapt(rep, source, few)
    assert "cross-validation" in model.facts["how"] and model.facts["labelled"] == count
    assert 0.2 < model.calibration.temperature < 5
    right = model.predict(source) == np.array(target.task.names)[target.values]
    assert right.mean() > {4: 0.1, 12: 0.2, 40: 0.5}[count]


def test_no_test_item_is_labelled(rep, digits):
    source, target = labelled(digits)
    inside = Target(target.task, np.where(np.isin(np.arange(len(source)), digits.part("test")), -1, target.values))
    model = choosing.adapt(rep, source, inside, ["prototypes"])
    assert model.facts["test"] is None and model.facts["told"]["on"] == "held-out"


def test_fine_tuning_starts_at_the_learned_weights_and_the_linear_head(digits):
    """A barely trained SimCLR is tuned to more than its frozen codes give; the representation itself stays as it is."""
    rep = api.learn(digits, SimCLR(), steps=3, device="cpu")
    before = copy.deepcopy(rep.net.state_dict())
    source, target = labelled(digits)
    keep = digits.part("train")[:300]
    some = Target(target.task, np.where(np.isin(np.arange(len(source)), [*keep, *digits.part("test")]), target.values, -1))
    model = choosing.adapt(rep, source, some, ["linear"])
    start = model.head
    assert isinstance(start, Linear)
    after, top = tuning.tuned(rep, source, keep, some.at(keep), target.task, start)
    assert all(torch.equal(before[k], v) for k, v in rep.net.state_dict().items())
    test = digits.part("test")
    y = digits.labels.values[test]

    def accuracy(representation, head):
        z = torch.as_tensor(representation.encode(digits.subset(test)))
        return (head(z).argmax(1).numpy() == y).mean()

    assert accuracy(after, top) > accuracy(rep, start) - 0.01
    assert after.method.of == rep.method and after.facts["items"] == rep.facts["items"]
    pairs = zip(after.net.inner.parameters(), rep.net.parameters(), strict=True)
    moved = max(float((a - b).detach().abs().max()) for a, b in pairs)
    assert 0 < moved < 0.1, "a low rate: the weights are near where they began"


def test_fine_tuning_of_numbers(digits):
    """How much ink there is, from a network that an autoencoder hardly trained."""
    rep = api.learn(digits, Autoencoder(latent=4), steps=3, device="cpu")
    ink = digits.x.reshape(len(digits), -1).sum(1) / 7.0
    keep, test = digits.part("train")[:300], digits.part("test")
    source, target = labelled(digits, np.where(np.isin(np.arange(len(digits)), [*keep, *test]), ink, np.nan), rep.intake)
    model = choosing.adapt(rep, source, target, ["linear"])
    assert isinstance(model.head, Linear)
    after, top = tuning.tuned(rep, source, keep, target.at(keep), target.task, model.head, rate=1e-3)
    truth = target.at(test)

    def r2(representation, head):
        return scoring.value(head(torch.as_tensor(representation.encode(digits.subset(test)))), truth, "continuous")[0]

    assert r2(after, top) > max(0.5, r2(rep, model.head) + 0.2)


def test_unknown_readers_and_codes_that_are_not_finite(rep, digits):
    source, target = labelled(digits)
    with pytest.raises(Misuse, match="linear"):
        choosing.adapt(rep, source, target, ["lineer"])
    with pytest.raises(Misuse, match="none of fine-tuning can be used here"):
        choosing.adapt(rep, source, target, ["fine-tuning"])
    broken = dataclasses.replace(rep, net=copy.deepcopy(rep.net))
    next(b for b in broken.net.buffers() if b.is_floating_point()).fill_(float("nan"))
    with pytest.raises(Problem, match="NaN or infinite"):
        choosing.adapt(broken, source, target)
