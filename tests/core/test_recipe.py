"""Batches by class: a pure function of the moment, so many of each class, and one batch for all processes."""

import numpy as np
import pytest
from helpers.distributed import over_processes
from helpers.toys import classes, learner_of, vectors

from allegory.core import ByClass
from allegory.methods.metric.siamese import Siamese

LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(6), [40, 30, 30, 20, 3, 1]))
CLASSES = [np.flatnonzero(c == LABELS) for c in range(6)]
N = len(LABELS)


def drawn(size=16, seed=0, step=0, turn=0, k=4, members=CLASSES):
    return ByClass(k).indices(N, size, seed, step, turn, members)


def test_it_is_a_pure_function_of_seed_step_and_turn():
    drawn(step=5)
    assert np.array_equal(drawn(step=3), drawn(step=3))
    others = [drawn(seed=1, step=3), drawn(step=4), drawn(step=3, turn=1)]
    assert not any(np.array_equal(drawn(step=3), other) for other in others)


def test_a_batch_has_k_of_each_of_its_classes():
    for step in range(20):
        found, counts = np.unique(LABELS[drawn(step=step)], return_counts=True)
        assert len(found) == 4
        assert set(counts) == {4}


def test_items_of_a_class_that_is_large_enough_differ():
    large = [c for c in CLASSES if len(c) >= 4]
    for step in range(20):
        index = drawn(step=step, members=large)
        assert len(set(index)) == len(index) == 16


def test_a_small_class_repeats_its_items():
    for step in range(40):
        index = drawn(step=step)
        assert set(np.bincount(LABELS[index], minlength=6)) <= {0, 4}
        alone = index[LABELS[index] == 5]
        assert len(set(alone)) == (1 if len(alone) else 0)


def test_with_fewer_classes_each_gives_more():
    index = drawn(size=16, k=2, members=CLASSES[:3])
    assert sorted(np.bincount(LABELS[index])) == [5, 5, 6]


def test_every_class_comes_as_often_as_any_other():
    """4 of 6 classes a batch: over 600 batches each in 400 of them, within four standard errors, whatever its size."""
    often = np.mean([np.isin(np.arange(6), LABELS[drawn(step=step)]) for step in range(600)], 0)
    assert often == pytest.approx(4 / 6, abs=4 * np.sqrt(4 / 6 * 2 / 6 / 600))


def test_all_items_come_in_time():
    assert len(np.unique(np.concatenate([drawn(step=step) for step in range(300)]))) == N


@pytest.mark.parametrize(("size", "length"), [(1000, N), (3, 3), (1, 1)])
def test_the_batch_has_the_size_that_is_asked_for_up_to_all_items(size, length):
    index = drawn(size=size)
    assert index.dtype == np.int64
    assert len(index) == length


def dealt():
    """The numbers and the classes of this process's part of the first batch."""
    learner = learner_of(Siamese(k=2), vectors(labels=classes()))
    batch, _ = learner.deal(learner.players[0], 0)
    return batch.index, batch.y


def test_processes_share_one_batch():
    index, y = dealt()
    (first, y_first), (second, y_second) = over_processes(dealt)
    assert np.array_equal(np.concatenate([first, second]), index.numpy())
    assert np.array_equal(np.concatenate([y_first, y_second]), y.numpy())
    assert set(np.bincount(y)) == {2}
