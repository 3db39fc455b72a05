"""Pairs differ in as many factors as they should, or are of one group; nothing else is said of them."""

import numpy as np
import pytest
import torch
from helpers.toys import learner_of

import allegory as al
from allegory.core import Dice, Problem
from allegory.data import FactorPairs, GroupPairs, Intake, Items, pairs_of
from allegory.methods.latent.ada_gvae import AdaGVAE
from allegory.methods.latent.vae import VAE

SPRITES = "sprites:size=16,shapes=3,scales=2,orientations=4,xs=5,ys=5"


def items_of(source, index):
    return Items(source, Intake.fit(source, index), index)


def drawn(pairs, index, seed=0):
    return pairs.partners(index, Dice.roll(seed, 0, index))


def sprites():
    source = al.load(SPRITES)
    return source, items_of(source, source.part("train"))


@pytest.mark.parametrize("differ", [1, 2, 4])
def test_partners_differ_in_as_many_factors(differ):
    source, items = sprites()
    index = torch.arange(len(items))
    partner = drawn(pairs_of(source, items, differ), index)
    values = source.factors.values[items.index]
    apart = (values[partner.numpy()] != values).sum(1)
    assert partner.min() >= 0 and partner.max() < len(items)
    alone = partner == index  # no partner in the training part after all tries
    assert float(alone.float().mean()) < 0.02
    assert set(apart[~alone.numpy()]) == {differ}


def test_the_number_of_factors_may_be_drawn_and_every_factor_comes():
    source, items = sprites()
    partner = drawn(pairs_of(source, items, None), torch.arange(len(items))).numpy()
    changed = source.factors.values[items.index][partner] != source.factors.values[items.index]
    counts = np.bincount(changed.sum(1), minlength=6)
    assert counts[1:5].min() > 0.15 * len(items) and counts[5] == 0  # five factors vary; one at least stays
    assert changed.mean(0)[1:].min() > 0.3 and not changed[:, 0].any()  # colour has one value


def test_a_pair_is_the_items_own_draw():
    source, items = sprites()
    pairs, index = pairs_of(source, items, 1), torch.arange(40)
    whole = drawn(pairs, index)
    assert torch.equal(drawn(pairs, index.flip(0)).flip(0), whole) and torch.equal(drawn(pairs, index[7:9]), whole[7:9])
    assert not torch.equal(drawn(pairs, index, seed=1), whole)


def test_groups():
    group = torch.tensor([0, 1, 0, 2, 1, 0])
    pairs, index = GroupPairs.of(group), torch.arange(6)
    seen = {i: set() for i in range(6)}
    for seed in range(60):
        for i, j in enumerate(drawn(pairs, index, seed).tolist()):
            seen[i].add(j)
    assert seen == {0: {2, 5}, 1: {4}, 2: {0, 5}, 3: {3}, 4: {1}, 5: {0, 2}}  # 3 is alone


def test_where_pairs_come_from():
    digits = al.load("digits")
    with pytest.raises(Problem, match=r"digits has no pairs: bring items with factors.*--groups"):
        pairs_of(digits, items_of(digits, np.arange(20)), 1)
    source, items = sprites()
    assert isinstance(pairs_of(source, items, 1), FactorPairs)
    with pytest.raises(Problem, match="differ in 5 factors need more that vary; here 5 do"):
        pairs_of(source, items, 5)
    named = al.load(np.random.default_rng(0).normal(size=(30, 3)), groups=[f"g{i // 3}" for i in range(30)])
    pairs = pairs_of(named, items_of(named, np.arange(30)), 1)
    assert isinstance(pairs, GroupPairs)
    assert bool((drawn(pairs, torch.arange(30)) // 3 == torch.arange(30) // 3).all())


def test_who_learns_from_pairs_is_dealt_the_partners_and_nobody_else():
    source = al.load(SPRITES)
    for method, paired in ((AdaGVAE(latent=2, encoder="mlp-plain", decoder="mlp"), True), (VAE(latent=2, encoder="mlp-plain"), False)):
        learner = learner_of(method, source, batch=64)
        batch, _ = learner.deal(learner.players[0], 0)
        assert (batch.pairs is not None) == paired
        if paired:
            other = (batch.pairs != batch.x).flatten(1).any(1)
            assert batch.pairs.shape == batch.x.shape and float(other.float().mean()) > 0.7  # a turned square looks the same
