import dataclasses

import numpy as np
import pytest
import torch

from allegory.core import Problem
from allegory.questions import put
from allegory.questions.uses.reasoning import Reasoning

SHORT = Reasoning(samples=(64, 1600), tested=500)


@pytest.fixture(scope="module")
def easy(on_sprites):
    return put(on_sprites(), [Reasoning(samples=(64, 1200), tested=500, batch=8, kind="easy")])


def test_codes_that_know_solve_puzzles_and_noise_does_not(easy):
    """The true factors, easy candidates: far above chance after 1,200; four standard errors of chance at 500 puzzles are .067."""
    found = {(s.metric, s.control): s.value for s in easy}
    assert found["solved@1200", "truth"] > 0.3
    assert abs(found["solved@1200", "noise"] - 1 / 6) < 0.067
    assert found["solved@1200", "truth"] > found["solved@64", "truth"] + 0.1
    assert "1,200 puzzles" in Reasoning().words(easy) and "17%" in Reasoning().words(easy)
    assert all(s.low < s.value < s.high for s in easy if not s.metric.startswith("gain"))


def test_panels_are_items_with_the_values_of_the_puzzle(on_sprites):
    features = on_sprites()
    drawn, told = SHORT.puzzles(50, features, np.random.default_rng(0))
    values = features.factors.values
    for of_values, of_items in ((drawn.context, told.context), (drawn.answers, told.answers)):
        assert (values[of_items] == of_values).all()
    assert (drawn.right == told.right).all()


def test_factors_of_many_values_are_thinned_evenly(on_sprites):
    """4 places with at most 2 levels: 0 and 2."""
    features = on_sprites()
    _, told = dataclasses.replace(SHORT, levels=2).puzzles(200, features, np.random.default_rng(0))
    assert set(features.factors.values[told.answers][..., 4].ravel()) == {0, 2}
    assert set(features.factors.values[told.answers][..., 1].ravel()) == {0, 1}


def test_the_curve_of_a_seed_is_the_same_again_and_leaves_the_generators_alone(on_sprites):
    features = on_sprites()
    z, state = features.sets[None].seeds[0], torch.get_rng_state()
    one, two = ([hits for _, hits, _ in dataclasses.replace(SHORT, samples=(64,)).curve(z, features, 0)] for _ in range(2))
    assert (one[0] == two[0]).all() and (torch.get_rng_state() == state).all()


def test_an_item_that_is_missing_is_said(on_sprites):
    features = on_sprites()
    kept = np.arange(431)
    parts = {name: rows[rows < 431] for name, rows in features.parts.items()}
    some = dataclasses.replace(features, labels=features.labels[:431], parts=parts, rows=kept)
    with pytest.raises(Problem, match="every combination"):
        SHORT.puzzles(2000, some, np.random.default_rng(0))


def test_hostile(make_features, on_sprites):
    assert "factors" in put(make_features(), [Reasoning()]).notes[0]
    small = on_sprites(where="sprites:size=16,shapes=3,scales=1,orientations=1,xs=3,ys=1")
    assert "9 combinations" in put(small, [Reasoning()]).notes[0]
    constant = put(on_sprites(torch.ones(432, 3)), [dataclasses.replace(SHORT, samples=(64,))])
    assert constant.get("solved@64").value < 0.3  # equal scores: the first candidate, right one time in six
