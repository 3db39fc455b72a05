"""The only randomness: rows are independent of their batch, draws have their distributions, nothing changes unnoticed."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy import stats

from allegory.core import dice
from allegory.core.dice import Dice, splitmix64

GOLDEN_ROOT = 2179974267622890607
GOLDEN_KEYS = [2195211047237681937, -3842147170591458675, -466016701685717119]
GOLDEN_BITS = [[-1797085095, 1197209623], [-1177032623, -678229403], [-1186465958, -67667181]]
GOLDEN_ROWS = [-327747289, 1119987577]


def roll(n: int = 64, seed: int = 0, **more) -> Dice:
    return Dice.roll(seed, more.pop("step", 3), torch.arange(n), **more)


def test_splitmix64_is_the_published_one():
    # the first outputs of the reference implementation (Vigna, splitmix64.c) for state 1234567
    state, outputs = 1234567, []
    for _ in range(3):
        outputs.append(splitmix64(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_row_depends_on_its_example_alone():
    index = torch.arange(64)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
    whole, shuffled, few = (Dice.roll(0, 3, i) for i in (index, order, index[10:20]))
    for draw in (
        lambda d: d.uniform("u", 3, 2), lambda d: d.normal("n", 5), lambda d: d.integers("i", 7), lambda d: d.bits("b", 4),
        lambda d: d.split("s").split(2).normal("n", 2),
    ):  # fmt: skip
        assert (draw(shuffled) == draw(whole)[order]).all()
        assert (draw(few) == draw(whole)[10:20]).all()
        assert (draw(whole.take(slice(10, 20))) == draw(few)).all() and (draw(whole.take(order)) == draw(shuffled)).all()


def test_a_longer_draw_begins_with_the_shorter():
    assert (roll().uniform("u", 10)[:, :4] == roll().uniform("u", 4)).all()


def test_draws_are_repeated_by_name_and_differ_by_everything_else():
    base = roll().bits("a", 8)
    assert (base == roll().bits("a", 8)).all()
    others = [
        roll().bits("b", 8), roll(seed=1).bits("a", 8), roll(step=4).bits("a", 8), roll(player="critic").bits("a", 8),
        roll(turn=1).bits("a", 8),
        roll().split("a").bits("a", 8), roll().split(0).bits("a", 8), roll().rows(64).bits("a", 8), roll().bits("a", 8).roll(1, 0),
    ]  # fmt: skip
    for other in others:
        assert (base != other).float().mean() > 0.99


def test_example_numbers_seeds_and_steps_do_not_stand_for_each_other():
    draws = [int(Dice.roll(s, t, torch.tensor([i])).bits("x")) for s in range(8) for t in range(8) for i in range(8)]
    # birthday bound: the chance that 512 random words of 32 bits have a pair in common is 0.00003
    assert len(set(draws)) == 8**3


@pytest.mark.parametrize("axis", ["examples", "within"])
def test_uniforms_are_uniform_and_normals_normal(axis):
    dice, shape = (roll(100_000), ()) if axis == "examples" else (roll(1), (100_000,))
    u, z = dice.uniform("u", *shape).flatten().double().numpy(), dice.normal("z", *shape).flatten().double().numpy()
    # fixed seeds: the test is deterministic; a p-value below 1e-3 would be a sign of a real defect
    assert stats.kstest(u, "uniform").pvalue > 1e-3 and stats.kstest(z, "norm").pvalue > 1e-3
    assert u.min() >= 0 and u.max() < 1 and abs(z).max() < 5.4
    assert abs(z.mean()) < 0.015 and abs(z.std() - 1) < 0.01 and abs((z**4).mean() - 3) < 0.15


def test_all_bits_are_fair_and_independent():
    words = roll(20_000).bits("b").numpy().view(np.uint32)
    bits = (words[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    # 4.5 standard deviations of a mean of 20,000 fair bits is 0.016; of a correlation 0.032
    assert abs(bits.mean(0) - 0.5).max() < 0.016
    assert abs(np.corrcoef(bits.T) - np.eye(32)).max() < 0.032


def test_integers_are_even():
    k = roll(70_000).integers("k", 7)
    assert k.dtype == torch.int64 and k.min() == 0 and k.max() == 6
    assert stats.chisquare(np.bincount(k.numpy(), minlength=7)).pvalue > 1e-3
    assert roll(1000).integers("k", 1).max() == 0


def test_ranges():
    u = roll(1000).uniform("u", low=-3.0, high=5.0)
    assert u.shape == (1000,) and u.min() >= -3 and u.max() < 5 and abs(u.mean() - 1) < 0.3
    assert torch.allclose(u, -3 + 8 * roll(1000).uniform("u"))


def test_names_splits_neighbours_and_steps_are_independent():
    a = roll(4000).normal("a", 4)
    others = [
        roll(4000).normal("b", 4), roll(4000).split("s").normal("a", 4), roll(4000, seed=1).normal("a", 4),
        roll(4000, step=4).normal("a", 4), a.roll(1, 0), a.roll(1, 1), roll(4000).rows(4000).normal("a", 4),
    ]  # fmt: skip
    for other in others:
        # 4.5 standard deviations of the correlation of 16,000 independent pairs
        assert abs((a * other).mean()) < 4.5 / math.sqrt(16_000)


def test_rows_belong_to_no_example():
    first, second = Dice.roll(0, 3, torch.arange(5)), Dice.roll(0, 3, torch.tensor([90, 7]))
    assert (first.rows(10).normal("z") == second.rows(10).normal("z")).all()
    assert (first.rows(10).normal("z")[:4] == first.rows(4).normal("z")).all()
    assert (first.split("a").rows(4).normal("z") != first.split("b").rows(4).normal("z")).any()


def test_global_generators_are_left_alone():
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    roll().normal("z", 3)
    assert (torch.random.get_rng_state() == before[0]).all() and (np.random.get_state()[1] == before[1]).all()


def test_golden_values_so_that_a_changed_hash_is_noticed():
    """Changing these changes every run of every user: it needs a CHANGELOG entry."""
    dice = Dice.roll(7, 11, torch.tensor([0, 1, 123_456_789]), player="critic", turn=2)
    assert dice.root == GOLDEN_ROOT and dice.keys.tolist() == GOLDEN_KEYS
    assert dice.bits("name", 2).tolist() == GOLDEN_BITS
    assert dice.split("s").rows(2).bits(0).tolist() == GOLDEN_ROWS


COMPILED = """
import torch
from allegory.core import Dice
dice = Dice.roll(0, 3, torch.arange(8))
draw = lambda keys: (Dice(keys, dice.root).split("s").normal("z", 3), Dice(keys, dice.root).rows(4).integers(0, 9))
compiled = torch.compile(draw, backend="eager", fullgraph=True)
assert all((a == b).all() for a, b in zip(compiled(dice.keys), draw(dice.keys)))
"""


def test_it_compiles_to_the_same_values():
    """In one graph and without a warning; in a process of its own, since the run-time check of shapes cannot be compiled."""
    done = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", COMPILED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_torch_and_numpy_hash_to_the_same_bits(monkeypatch):
    """On a CPU numpy does the work; elsewhere, and in a compiled step, torch does."""
    by_numpy = roll().bits("a", 300), roll().normal("b", 3, 5)
    monkeypatch.setattr("torch.compiler.is_compiling", lambda: True)
    assert isinstance(dice._words(torch.zeros(1, dtype=torch.int32)), torch.Tensor)
    assert torch.equal(roll().bits("a", 300), by_numpy[0]) and torch.equal(roll().normal("b", 3, 5), by_numpy[1])


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 0)])
def test_nothing_is_drawn_for_no_examples_or_no_numbers(shape):
    for n in (0, 4):
        assert roll(n).split("a").uniform("u", *shape).shape == roll(n).normal("z", *shape).shape == (n, *shape)
    assert roll(0).rows(5).bits("b", *shape).shape == (5, *shape) and roll(4).rows(0).bits("b", *shape).shape == (0, *shape)
