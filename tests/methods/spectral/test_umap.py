"""UMAP: how often edges come, its map of digits, seeds; what it shares with t-SNE is tested there."""

import pytest
import torch
from helpers.observations import Observations
from helpers.solved import placed
from sklearn.datasets import load_digits

from allegory.core import Dice
from allegory.measures import neighbourhoods
from allegory.measures.affinities import Edges
from allegory.methods.spectral._sampling import Sampling, sampled
from allegory.methods.spectral.umap import UMAP


def test_an_edge_comes_as_often_as_it_weighs():
    w = torch.tensor([1.0, 0.5, 0.3, 0.01])
    came = torch.zeros(4)
    for parts in Sampling(100, parts=3).due(w, Dice.roll(0, 0, torch.arange(0))):
        assert len(parts) == 3
        came += torch.bincount(torch.cat(parts), minlength=4)
    assert (came - 100 * w).abs().max() <= 1.0


def test_one_step_by_hand():
    """Places 0 and 1, one edge of factor 2, no push: the slope is 2 (y_i - y_j) = -2 at the head; at rate 1/8, places 1/4 and 3/4."""
    edges = Edges(2, torch.tensor([0]), torch.tensor([1]), torch.tensor([1.0]))
    y = torch.tensor([[0.0, 1.0]])
    twice, nothing = lambda square: torch.full_like(square, 2.0), torch.zeros_like
    one = Sampling(1, rate=0.125, parts=1)
    dice = Dice.roll(0, 0, torch.arange(0))
    assert sampled(y, edges, twice, nothing, one, dice).tolist() == [[0.25, 0.75]]
    push = lambda square: torch.full_like(square, -0.5)  # strangers are 0 itself, which has no slope, or 1
    pushed = sampled(y, edges, torch.zeros_like, push, one, dice)
    times = (pushed[0, 0] / -0.0625).item()
    assert pushed[0, 1] == 1.0 and times == round(times) and 0 < times <= 5
    assert sampled(y, edges, lambda s: torch.full_like(s, 100.0), nothing, one, dice).tolist() == [[0.5, 0.5]]  # clipped at 4


def test_neighbours_of_digits_are_kept():
    """umap-learn keeps .988 of trustworthiness and .984 of continuity of all digits; 500 of them are a little harder."""
    x = torch.as_tensor(load_digits().data[:500], dtype=torch.float32) / 16.0
    maps = []
    for seed in (0, 0, 1):
        maps.append(placed(UMAP(epochs=200), x, seed))
    assert neighbourhoods.trustworthiness(x, maps[0]) > 0.965 and neighbourhoods.continuity(x, maps[0]) > 0.965
    assert torch.equal(maps[0], maps[1]) and not torch.equal(maps[0], maps[2])


@pytest.mark.parametrize("strangers", [1, 10])
def test_more_strangers_spread_the_map(strangers):
    x = torch.as_tensor(load_digits().data[:300], dtype=torch.float32) / 16.0
    items, method = Observations(x), UMAP(epochs=100, strangers=strangers)
    net = method.build(items.spec, 300)
    method.prepare(net, items, Dice.roll(0, -1, torch.arange(0), "prepare"))
    spread = float(net.z.std(0).mean())
    assert spread < 3.5 if strangers == 1 else spread > 3.5
