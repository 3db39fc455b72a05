"""Checks that nothing moves but what may: global state, the input, the state of the nets."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from allegory.checks import trial
from allegory.checks.trial import BATCH, FEW, ITEMS, changed, data, distance, expect, learn_on, learned, listed, same, snapshot, start
from allegory.core import Method, Trained, tree
from allegory.core.recipe import Batching
from allegory.nets import BatchNorm
from allegory.train import checkpoints, steps


def check_global_state(method: Method[Any]) -> None:
    """Building, preparing, learning and encoding leave the global generators, threads, modes and the data as they were."""
    source = data(method)
    before, stored = world(), tree.map(np.copy, source.x)
    done = learn_on(source, method, FEW)
    seen = tree.map(torch.clone, done.x)
    trial.encode(done.method, done.net, done.x)
    after = world()
    moved = [name for name in before if before[name] != after[name]]
    expect(not moved, "global state as it was", f"another {listed(moved)}", "draw from the dice that are given, and set nothing global")
    kept = all(np.array_equal(a, b) for a, b in zip(tree.leaves(stored), tree.leaves(source.x), strict=True))
    kept &= all(same(a, b) for a, b in zip(tree.leaves(seen), tree.leaves(done.x), strict=True))
    expect(kept, "the observations as they were", "observations written over", "work on copies: x - m, not x -= m")


def world() -> dict[str, Any]:
    """What is global and must stay as it is."""
    kind, words, *rest = np.random.get_state()  # a tuple by default
    return {
        "torch generator": torch.get_rng_state().tolist(),
        "numpy generator": (kind, np.asarray(words).tolist(), rest),
        "python generator": random.getstate(),
        "number of threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "grad mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "determinism": torch.are_deterministic_algorithms_enabled(),
        "matmul precision": torch.get_float32_matmul_precision(),
        "working folder": Path.cwd(),
    }


def check_seeds(method: Method[Any]) -> None:
    """The same seed gives the same codes to the bit; for a trained method another seed gives others."""
    first, second = learned(method, FEW), learn_on(data(method), method, FEW)
    apart = distance(first.codes, second.codes)
    expect(
        same(first.codes, second.codes), "equal codes from one seed", f"a difference of {apart:.1e}", "draw from the dice, never elsewhere"
    )
    if isinstance(method, Trained):
        other = learned(method, FEW, seed=1)
        expect(not same(first.codes, other.codes), "other codes from another seed", "the same", "draw initial weights in `build`")


def check_labels_unseen(method: Method[Any]) -> None:
    """Other labels change nothing, unless the card says that the method learns from labels."""
    source = data(method)
    shuffled = learn_on(trial.relabelled(source), method, FEW)
    moved = changed(shuffled.net, snapshot(learned(method, FEW).net))
    do = 'look at no labels, or say supervision="labels" on the card'
    expect(not moved, "the same weights under other labels", f"another {listed(moved)}", do)


def check_loss_pure(method: Trained[Any]) -> None:
    """The loss, twice at the same moment, is the same number to the bit, and moves nothing but running statistics."""
    learner = start(method)
    next(steps(learner))  # so that teachers and statistics are no longer what they began as
    for player in learner.players:
        batch, now = learner.deal(player, 0)
        seen = tree.map(torch.clone, (batch.x, batch.views))
        before = snapshot(learner.net)
        with learner.playing(player, 0):
            first, second = player.loss(batch, now), player.loss(batch, now)
        told = f"the loss of {player.name!r}"
        expect(first.total.ndim == 0, f"{told} to be one number", tuple(first.total.shape), "average over the batch with batch_mean")
        values = f"{first.total.item()!r}, then {second.total.item()!r}"
        expect(same(first.total, second.total), f"{told} to repeat itself", values, "draw from now.dice, and keep no state in the loss")
        loose = [k for k, v in first.terms.items() if v.ndim or not same(v, second.terms[k])]
        expect(not loose, f"terms of {player.name!r} that are single numbers and repeat", listed(loose), "report means over the batch")
        moved = changed(learner.net, before) - running_statistics(learner.net)
        expect(not moved, f"{told} to move only running statistics", f"a moved {listed(moved)}", "move other state in `after_step`")
        pairs = zip(tree.leaves(seen), tree.leaves((batch.x, batch.views)), strict=True)
        expect(all(same(a, b) for a, b in pairs), f"{told} to leave its batch alone", "a batch written over", "write into copies")


def running_statistics(net: torch.nn.Module) -> set[str]:
    """The names of the buffers that batch normalisation keeps."""
    return {f"{path}.{name}".lstrip(".") for path, m in net.named_modules() if isinstance(m, BatchNorm) for name, _ in m.named_buffers()}


def check_batching(method: Trained[Any]) -> None:
    """Batches follow from (seed, step, turn) alone: distinct items in range, again the same, and others under another seed."""
    batching: Batching = method.batching
    classes = start(method).classes
    draw = lambda seed, step: batching.indices(ITEMS, BATCH, seed, step, 0, classes)
    first, again, other = draw(0, 1), draw(0, 1), draw(1, 1)
    expect(first.shape == (BATCH,) and first.dtype == np.int64, f"({BATCH},) int64 indices", (first.shape, first.dtype), "return those")
    inside = bool((first >= 0).all() and (first < ITEMS).all())
    expect(inside, f"indices below {ITEMS}", f"{first.min()} to {first.max()}", "stay in range")
    expect(np.array_equal(first, again), "the same batch again", "another", "make `indices` a pure function")
    expect(not np.array_equal(first, other), "another batch under another seed", "the same", "use the seed")


def check_resume(method: Trained[Any]) -> None:
    """Killed after any step and resumed from its checkpoint, it ends in the same weights and optimiser state to the bit."""
    whole = start(method, steps=FEW)
    saved = {t.step: {k: v.clone() for k, v in checkpoints.state({"net": whole.net}, whole.optimisers).items()} for t in steps(whole)}
    end = saved[FEW]
    for step in range(1, FEW):
        again = start(method, steps=FEW)
        again.step = step
        checkpoints.restore(saved[step], {"net": again.net}, again.optimisers)
        for _ in steps(again):
            pass
        reached = checkpoints.state({"net": again.net}, again.optimisers)
        wrong = [k for k in end.keys() | reached.keys() if k not in end or k not in reached or not same(end[k], reached[k])]
        do = "keep all state in parameters and buffers of the net"
        expect(not wrong, f"the same state after a restart at step {step}", f"another {listed(wrong)}", do)
