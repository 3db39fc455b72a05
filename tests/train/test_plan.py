"""Settings: who is heard first, what a schedule says at its corners, and what is refused."""

import math

import pytest
from checks.planted import Linear
from helpers.toys import learner_of

from allegory.core import DEFAULT, Misuse, Optim, Player, Recipe
from allegory.methods.contrastive.simclr import SimCLR
from allegory.train import Settings
from allegory.train.plan import rate, resolve


def players(**optim):
    return [Player("a", (), lambda batch, now: None, optim=Optim(**optim) if optim else None)]


def plan(settings=None, recipe=None, who=None, n=100, **said):
    return resolve(settings or Settings(**said), recipe or Recipe(), who or players(), n, "cpu")


def test_flag_before_player_before_recipe_before_default():
    recipe = Recipe(optim=Optim(lr=3.0, weight_decay=3.0, clip=3.0))
    got = plan(Settings(optim=Optim(lr=1.0)), recipe, players(lr=2.0, weight_decay=2.0)).optims["a"]
    assert (got.lr, got.weight_decay, got.clip, got.momentum) == (1.0, 2.0, 3.0, DEFAULT.momentum)
    assert None not in vars(got).values()


def test_a_flag_of_zero_is_heard():
    recipe = Recipe(optim=Optim(weight_decay=3.0, warmup=0.5))
    got = plan(Settings(optim=Optim(weight_decay=0.0, warmup=0.0)), recipe).optims["a"]
    assert (got.weight_decay, got.warmup) == (0.0, 0.0)


def test_a_flag_for_one_player_is_for_it_alone():
    two = [*players(), Player("b", (), lambda batch, now: None)]
    got = plan(Settings(optims={"b": Optim(lr=0.5)}), who=two).optims
    assert (got["a"].lr, got["b"].lr) == (DEFAULT.lr, 0.5)


def test_steps_and_batches():
    recipe = Recipe(steps=70, batch=32)
    assert (plan(recipe=recipe).steps, plan(recipe=recipe).batch) == (70, 32)
    assert plan(recipe=recipe, steps=5, batch=10).steps == 5
    assert plan(recipe=recipe, epochs=2).steps == 6  # 100 items give 3 whole batches of 32 an epoch
    assert plan(recipe=recipe, epochs=0.5).steps == 2  # rounded up
    assert plan(recipe=recipe, n=20).batch == 20, "a batch larger than the data is the data"
    assert plan(recipe=recipe, n=20, epochs=3).steps == 3


@pytest.mark.parametrize("said", [{"steps": 0}, {"epochs": -1}, {"batch": 0}, {"budget": 0.0}, {"steps": 3, "epochs": 1}])
def test_impossible_settings_are_refused(said):
    with pytest.raises(Misuse):
        Settings(**said)


def test_a_batch_of_one_is_refused():
    with pytest.raises(Misuse, match="batch of 1 is too small"):
        plan(batch=1)


def test_micro_batches_are_refused_where_they_would_change_the_loss():
    with pytest.raises(Misuse, match=r"pieces of 4 .* batch of 8 .*batch statistics.*convnet-group"):
        learner_of(SimCLR(projection=4), micro=4)
    assert learner_of(Linear(), micro=4).plan.micro == 4
    assert learner_of(SimCLR(projection=4), micro=8).plan.micro == 8, "a whole batch is none"
    with pytest.raises(Misuse, match="knows no gradient caching"):
        plan(batch=8, micro=4)


def test_a_logical_batch_passes_in_pieces_of_a_batch():
    got = learner_of(SimCLR(projection=4, encoder="mlp-plain"), logical_batch=20, batch=8).plan
    assert (got.batch, got.micro) == (20, 8)
    assert plan(recipe=Recipe(batch=32), who=[Player("a", (), lambda batch, now: None, additive=True)], logical_batch=64).micro == 32


def test_the_schedule_by_hand():
    """Warm-up over a fifth, then a half cosine: 0, half, full, half way down at .6, a quarter angle at .4, nothing at the end."""
    cosine = Optim(lr=2.0, warmup=0.2, schedule="cosine")
    angle = 2.0 * 0.5 * (1 + math.cos(math.pi / 4))
    told = {0.0: 0.0, 0.1: 1.0, 0.2: 2.0, 0.4: angle, 0.6: 1.0, 1.0: 0.0}
    assert {t: rate(cosine, t) for t in told} == pytest.approx(told, abs=1e-12)
    constant = Optim(lr=2.0, warmup=0.2, schedule="constant")
    assert [rate(constant, t) for t in (0.1, 0.2, 0.7, 1.0)] == pytest.approx([1.0, 2.0, 2.0, 2.0])
    assert rate(Optim(lr=2.0, warmup=0.0, schedule="cosine"), 0.0) == 2.0
