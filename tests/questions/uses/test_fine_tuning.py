"""Training on from learned weights: what moves and what does not, a start that is worth much, and what cannot be tuned."""

import numpy as np
import pytest
import torch

from allegory import data, methods, train
from allegory.core import fenced
from allegory.questions import put
from allegory.questions.fine_tuned import How, fine_tuned
from allegory.questions.gathering import gather
from allegory.questions.uses.fine_tuning import FineTuning
from allegory.representation import Representation

QUICK = FineTuning(draws=2, few_steps=15, steps=15)


@pytest.fixture(scope="module")
def digits():
    return data.open_source("digits").subset(np.arange(900))


def untrained(name, source):
    method = methods.find(name)().resolved(source.spec, source)
    intake = data.Intake.fit(source, source.part("train"))
    with fenced(0):
        net = method.build(intake.spec, len(source))
    return Representation(method, net.eval(), intake, {"seed": 0})


def told(rep, source, steps, rate):
    index = source.part("train")
    y = torch.as_tensor(source.labels.values[index])
    return fine_tuned(rep, rep.encode(source.take(slice(0, 2))).shape[1], source, index, y, How(steps, rate), 0)


@pytest.fixture(scope="module")
def labelled(digits):
    """An autoencoder whose weights have seen all labels, and the classes it told."""
    rep = untrained("Autoencoder", digits)
    found = told(rep, digits, 120, 2e-3)
    return Representation(rep.method, found.nets[0].inner, rep.intake, {"seed": 0}), found


def test_all_weights_move_and_the_model_is_left_as_it_was(digits):
    rep = untrained("Autoencoder", digits)
    before = {name: p.clone() for name, p in rep.net.state_dict().items()}
    still, moved = (told(rep, digits, 3, rate) for rate in (1e-12, 1e-3))
    assert all(torch.equal(p, before[name]) for name, p in rep.net.state_dict().items())
    x = digits.take(slice(0, 50))
    assert still.codes(x).sum(1).numpy() == pytest.approx(np.ones(50), abs=1e-5)  # probabilities of ten classes
    assert still.codes(x).shape == (50, 10)
    of = dict(still.nets[0].inner.named_parameters()), dict(moved.nets[0].inner.named_parameters())
    assert all(torch.allclose(p, before[name], atol=1e-9) for name, p in of[0].items())
    assert all(not torch.allclose(p, before[name], atol=1e-5) for name, p in of[1].items() if name.startswith(("body", "to_code")))


def test_a_good_start_is_worth_more_than_a_random_one(digits, labelled):
    rep, found = labelled
    test = digits.part("test")
    assert (found.codes(digits.take(test)).argmax(1).numpy() == digits.labels.values[test]).mean() > 0.9
    features, _ = gather(rep, digits, ("untrained", "raw input"))
    scores = put(features, [QUICK])
    assert {s.control for s in scores} == {None, "untrained"}
    gain = scores.get("gain in tuned_accuracy@10", "untrained")
    assert gain.value > 0.2 and scores.get("tuned_accuracy@10").value > 0.75
    assert scores.get("tuned_accuracy@10", "untrained").value > 0.2  # it too has learned
    assert "Trained on with 10 labels a class" in QUICK.words(scores) and "the untrained network" in QUICK.words(scores)
    again = put(features, [QUICK])
    assert [s.value for s in again] == [s.value for s in scores]


def test_few_labels_are_said_and_only_all_are_asked(digits):
    few = digits.subset(np.arange(110))
    features, _ = gather(untrained("Autoencoder", few), few, ())
    scores = put(features, [QUICK])
    assert {s.metric for s in scores} == {"tuned_accuracy@all"}
    assert any("as a class has fewer" in note for note in scores.notes)


def test_what_labels_cannot_train_or_have_trained_is_told(digits):
    solved = Representation.of(train.fit(methods.find("PCA")(), digits, device="cpu"))
    for rep in (solved, untrained("Classifier", digits)):
        features, _ = gather(rep, digits, ())
        assert "labels cannot train the code of" in put(features, [QUICK]).notes[0]
    features, _ = gather(lambda x: x.reshape(len(x), -1), digits, ())
    assert "no network of ours" in QUICK.missing(features)
    features, _ = gather(np.zeros((len(digits), 2)), digits, ())
    assert "method that can encode" in QUICK.missing(features)
