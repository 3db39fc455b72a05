"""Two processes with half the batch each learn what one learns."""

import numpy as np
import pytest
import torch
from checks.planted import Linear
from helpers.distributed import over_processes
from helpers.toys import learner_of

from allegory.core import Array, processes, rank
from allegory.data import Source
from allegory.methods.contrastive.simclr import SimCLR
from allegory.train import budget, steps
from allegory.train.distribution import anyone, average_over_processes, leads, of_all_processes, own, together


def pictures():
    x = np.random.default_rng(0).integers(0, 256, (24, 1, 8, 8)).astype(np.uint8)
    return Source("noise", Array((1, 8, 8), levels=256), x)


def trained():
    """The weights, statistics and losses of four steps of SimCLR with BatchNorm, in float64."""
    learner = learner_of(SimCLR(projection=8), pictures(), precision="float64", steps=4, batch=12)
    losses = [tick.terms["loss/encoder"] for tick in steps(learner)]
    return {**{k: v.double() for k, v in learner.net.state_dict().items()}, "losses": torch.stack(losses)}


def test_two_processes_learn_what_one_learns():
    alone = trained()
    for got in over_processes(trained):
        assert got.keys() == alone.keys()
        for name, value in alone.items():
            np.testing.assert_allclose(got[name], value.numpy(), rtol=1e-10, atol=1e-10, err_msg=name)


def averaged():
    gradients = [torch.full((2, 2), float(rank())), torch.tensor([4.0 * rank()]), torch.ones(3, dtype=torch.float64) * rank()]
    average_over_processes(gradients)
    return {"gradients": tuple(gradients), "memo": of_all_processes({"index": torch.arange(2) + 10 * rank()})["index"]}


def test_gradients_are_averaged_and_memos_laid_end_to_end():
    for got in over_processes(averaged):
        assert [g.tolist() for g in got["gradients"]] == [[[0.5, 0.5], [0.5, 0.5]], [2.0], [0.5, 0.5, 0.5]]
        assert got["memo"].tolist() == [0, 1, 10, 11]


def in_steps():
    return budget.in_steps(learner_of(Linear()), 0.3)


def test_a_time_budget_is_the_same_number_of_steps_everywhere():
    first, second = over_processes(in_steps)
    assert first == second


def test_alone_there_is_nothing_to_join(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("RANK", raising=False)
    with together("cpu"):
        assert processes() == 1
    assert leads()
    assert own("cuda") == "cuda"
    assert anyone(True)
    assert not anyone(False)
    gradients = [torch.ones(2)]
    average_over_processes(gradients)
    assert gradients[0].tolist() == [1.0, 1.0]
    assert of_all_processes(None) is None


def odd():
    return learner_of(Linear(), batch=7).plan.batch


def one_asked():
    return anyone(rank() == 1)


def test_one_process_that_wants_to_stop_stops_all():
    assert over_processes(one_asked) == [True, True]


def test_a_batch_is_shared_evenly():
    assert over_processes(odd) == [6, 6]


@pytest.mark.parametrize("memo", [None, (torch.arange(3), {"a": torch.zeros(3, 2)})])
def test_a_memo_alone_is_itself(memo):
    assert of_all_processes(memo) is memo
