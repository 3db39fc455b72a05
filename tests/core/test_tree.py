"""Trees of observations."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from allegory.core import Ragged, tree


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


def ragged() -> Ragged:
    return Ragged(torch.arange(6.0), torch.tensor([2, 0, 3, 1]))


def test_map_keeps_the_form_and_walks_several_trees():
    t = {"a": torch.ones(2), "b": (torch.zeros(2), Pair(torch.ones(2), torch.ones(2))), "r": ragged()}
    out = tree.map(lambda x, y: x + 2 * y, t, t)
    assert (out["a"] == 3).all() and (out["b"][0] == 0).all() and isinstance(out["b"][1], Pair) and (out["b"][1].right == 3).all()
    assert isinstance(out["r"], Ragged) and (out["r"].values == 3 * torch.arange(6.0)).all()
    assert (t["a"] == 1).all()


def test_trees_of_other_forms_do_not_go_together():
    with pytest.raises(ValueError):
        tree.map(lambda x, y: x, (torch.ones(1),), (torch.ones(1), torch.ones(1)))
    with pytest.raises(KeyError):
        tree.map(lambda x, y: x, {"a": torch.ones(1)}, {"b": torch.ones(1)})


def test_leaves_come_in_a_fixed_order():
    t = {"b": 1, "a": (2, {"c": 3}), "r": Ragged(torch.tensor([4]), torch.tensor([5]))}
    assert [int(v) for v in tree.leaves(t)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("index", [[2, 0], [2, 2, 0], [], [3, 2, 1, 0]])
def test_take_from_every_kind_of_leaf(index):
    i = torch.tensor(index, dtype=torch.int64)
    t = {"dense": torch.arange(8).view(4, 2), "pair": Pair(torch.arange(4), torch.arange(4)), "ragged": ragged()}
    out = tree.take(t, i)
    assert out["dense"][:, 0].tolist() == [2 * j for j in index] and isinstance(out["pair"], Pair)
    rows = [[0.0, 1.0], [], [2.0, 3.0, 4.0], [5.0]]
    assert out["ragged"].lengths.tolist() == [len(rows[j]) for j in index]
    assert out["ragged"].values.tolist() == [v for j in index for v in rows[j]]


def test_take_a_slice_and_a_mask_of_ragged_items():
    assert tree.take(ragged(), slice(2, 4)).values.tolist() == [2.0, 3.0, 4.0, 5.0]
    assert tree.take(ragged(), torch.tensor([True, False, False, True])).values.tolist() == [0.0, 1.0, 5.0]


def test_length_is_the_number_of_items():
    assert tree.length({"a": (torch.zeros(3, 2),)}) == 3 and tree.length(ragged()) == 4 and tree.length(np.zeros((5, 2))) == 5


def test_cat_joins_numpy_and_torch():
    joined = tree.cat([{"a": torch.zeros(2, 3)}, {"a": torch.ones(1, 3)}])
    assert joined["a"].shape == (3, 3) and joined["a"][2].sum() == 3
    assert isinstance(tree.cat([(np.zeros(2),), (np.ones(1),)])[0], np.ndarray)
    both = tree.cat([ragged(), ragged()])
    assert both.take(torch.tensor([6])).values.tolist() == [2.0, 3.0, 4.0]


def test_to_casts_real_numbers_only():
    out = tree.to({"x": np.zeros(3, np.float64), "i": np.arange(3)}, "cpu", torch.float32)
    assert out["x"].dtype == torch.float32 and out["i"].dtype == torch.int64


def test_named_gives_every_leaf_its_path():
    t = {"image": 1, "pose": {"angle": 2, "at": (3, 4)}, "r": ragged()}
    assert list(tree.named(t)) == ["image", "pose.angle", "pose.at.0", "pose.at.1", "r.values", "r.lengths"]
    assert tree.named(7) == {"": 7}
