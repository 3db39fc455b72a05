"""Every question of every hostile case: a number that is one, or a reason in one line; never a crash and never NaN in silence."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from allegory import data, views
from allegory.core import Problem
from allegory.questions import CodeSet, Features, ask, gather, put, registered
from allegory.questions.encoders import Seeing, raw_input

# the same procedures at sizes that a test can wait for
CHEAP = {"reasoning": {"samples": (200,)}, "efficiency": {"counts": (10, 100), "draws": 2, "rounds": 5}}


def question(name):
    cls = registered()[name]
    known = {f.name for f in dataclasses.fields(cls)}
    return cls(**{k: v for k, v in CHEAP.get(name, {}).items() if k in known})


@pytest.fixture(scope="module")
def sprites():
    return data.open_source("sprites:size=16,shapes=2,scales=2,orientations=2,xs=5,ys=5")


def features_of(source, z):
    """Codes of a source whose encoder can be asked again, beside nothing."""
    found, _ = gather(z, source, controls=[])
    intake = data.Intake.fit(source, source.part("train"))
    encoder = Seeing(lambda x: raw_input(x)[:, : z.shape[1]], intake, views.augment(intake.spec, source.mirror))
    pair = tuple(torch.as_tensor(z, dtype=torch.float32)[found.parts["test"]] for _ in range(2))
    sets = {None: CodeSet(found.sets[None].seeds, (pair,), (encoder,))}
    return dataclasses.replace(found, sets=sets, viewed=len(pair[0]))


def relabelled(source, values):
    return dataclasses.replace(source, labels=data.Labels(values, source.labels.names))


def one_member(source):
    values = np.zeros(len(source), dtype=np.int64)
    values[source.part("train")[0]] = 1
    return relabelled(source, values)


def one_test_item(source):
    test = source.part("test")
    kept = np.setdiff1d(np.arange(len(source)), test[1:])
    return source.subset(kept)


CASES = {
    "constant codes": lambda s: features_of(s, np.full((len(s), 5), 3.0)),
    "one class": lambda s: features_of(relabelled(s, np.zeros(len(s), dtype=np.int64)), codes(s, 5)),
    "a class with one member": lambda s: features_of(one_member(s), codes(s, 5)),
    "more numbers than items": lambda s: features_of(s, codes(s, len(s) + 50)),
    "one test item": lambda s: features_of(one_test_item(s), codes(one_test_item(s), 5)),
    "one number": lambda s: features_of(s, codes(s, 1)),
    "huge numbers": lambda s: features_of(s, 1e18 * codes(s, 5)),
}


def codes(source, width):
    return np.random.default_rng(0).standard_normal((len(source), width))


@pytest.fixture(scope="module")
def hostile(sprites):
    return {case: make(sprites) for case, make in CASES.items()}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", list(registered()))
def test_a_hostile_case_ends_in_a_clear_answer(hostile, case, name):
    scores = put(hostile[case], [question(name)])
    assert scores or scores.notes, "neither a number nor a reason"
    for s in scores:
        assert math.isfinite(s.value) and s.low <= s.value <= s.high, s
    for note in scores.notes:
        assert "\n" not in note and name in note.replace(" ", "_"), note
    assert isinstance(question(name).words(scores), str)


def test_codes_that_are_not_numbers_are_refused(sprites):
    z = codes(sprites, 5)
    z[3, 2] = np.nan
    with pytest.raises(Problem, match="the codes of 1 of 200 items are NaN or infinite"):
        ask(z, sprites, ["few_labels"])


def test_copies_of_training_items_in_the_test_part_are_an_alarm(sprites):
    parts = np.arange(len(sprites)) % 3
    images = sprites.take(slice(None)).copy()
    images[2], images[5] = images[0], images[3]
    source = data.open_source(images, labels=sprites.labels.values.tolist(), parts=[("train", "validation", "test")[p] for p in parts])
    notes = ask(codes(source, 5), source, ["effective_rank"], controls=[]).notes
    (alarm,) = [note for note in notes if note.startswith("leakage")]
    copies = int(np.isin(source.item_keys[parts == 2], source.item_keys[parts == 0]).sum())
    assert copies >= 2 and alarm.startswith(f"leakage: {copies} test items are exact copies of training items")
    own = ask(codes(sprites, 5), sprites, ["effective_rank"], controls=[]).notes
    assert not any(note.startswith("leakage") for note in own), "a split by content keeps copies together"


def test_features_without_a_source_are_asked_what_needs_none():
    z = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
    parts = {"train": torch.arange(40), "validation": torch.arange(40, 45), "test": torch.arange(45, 60)}
    bare = Features({None: CodeSet((z,))}, torch.arange(60) % 2, ("a", "b"), parts, "bare")
    for name in registered():
        scores = put(bare, [question(name)])
        assert scores or scores.notes, name
