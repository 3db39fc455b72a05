"""Two processes on this machine learn as one."""

import datetime
import functools
import importlib
import multiprocessing
import operator
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch._C._distributed_c10d import TCPStore

from allegory.checks.trial import distance, expect, listed, start_exactly, tensors, written
from allegory.core import Trained
from allegory.representation import config
from allegory.train import steps
from allegory.train.distribution import average_over_processes
from allegory.train.steps import descend

PATIENCE = datetime.timedelta(seconds=120)
EXACT = 1e-10  # float64 rounding over the sums of a small net, with room
LEAST = 1e-5  # zero but for rounding, such as the running mean of what a norm without shift has centred, is compared with this


@dataclass(frozen=True)
class Place:
    """Where a class is defined, so that another process finds it: its name, its module, and the folder from which that is imported."""

    name: str
    module: str
    root: str

    @staticmethod
    def of(cls: type) -> "Place":
        """Raises `Breach` for a class that is in no file (typed into a console, or made inside a function)."""
        file = Path(getattr(sys.modules.get(cls.__module__), "__file__", None) or "")
        module = file.stem if cls.__module__ == "__main__" else cls.__module__
        up = module.count(".") + (file.stem == "__init__")
        expect(bool(file.name) and "<" not in cls.__qualname__, "a class at the top of a file", cls.__qualname__, "move it there")
        return Place(cls.__qualname__, module, str(file.resolve().parents[up]))

    def find(self) -> Any:
        """The class, imported."""
        if self.root not in sys.path:
            sys.path.insert(0, self.root)
        return operator.attrgetter(self.name)(importlib.import_module(self.module))


def check_processes(method: Trained[Any]) -> None:
    """Two processes with half the batch each find the gradients, and after a step the state, of one (float64, 1e-10)."""
    alone, together = gradients_and_state(method), over_processes(_of_written, Place.of(type(method)), written(method))
    for rank, got in enumerate(together):
        expect(got.keys() == alone.keys(), "the same players and tensors", listed(got), "build the same net everywhere")
        apart = {name: distance(torch.as_tensor(alone[name]), torch.as_tensor(got[name]), LEAST) for name in alone}
        wrong = {name: d for name, d in apart.items() if d > EXACT}
        worst = max(wrong, key=lambda name: wrong[name], default="")
        came = f"a difference of {wrong.get(worst, 0.0):.1e} in {worst} of process {rank}"
        do = "reach the other examples by `everyone` and `batch_mean`, in losses, norms and memos"
        expect(not wrong, "two processes to learn as one", came, do)


def _of_written(place: Place, told: dict[str, Any]) -> dict[str, np.ndarray]:
    method = config.read(told, known=(place.find(),)).method
    assert isinstance(method, Trained)
    return gradients_and_state(method)


def gradients_and_state(method: Trained[Any]) -> dict[str, np.ndarray]:
    """The gradient of every player at the first step, and what the net is after that step (plain gradient descent, float64)."""
    learner = start_exactly(method)
    found: dict[str, np.ndarray] = {}
    for player in learner.players:
        parameters = [p for _, p in player.parameters]
        with learner.playing(player, 0):
            _, gradients = descend(learner, player, parameters, 0)
        average_over_processes(gradients)
        found[f"the gradient of {player.name}"] = torch.cat([g.flatten() for g in gradients]).numpy()
    learner = start_exactly(method)
    next(steps(learner))
    return found | {name: t.detach().double().numpy().copy() for name, t in tensors(learner.net).items()}


def over_processes(function: Callable[..., Any], *args: Any, n: int = 2) -> list[Any]:
    """The results of `function(*args)` in each of `n` processes that gloo joins; what one of them raises is raised here.

    The function goes by its name, so it stands at the top of a module; arguments are plain values. The processes are kept.
    """
    # A server in this process, not a file: the destructor of a FileStore waits for minutes when its file is gone already.
    meeting = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=PATIENCE)
    try:
        futures = [_workers(n).submit(_joined, meeting.port, rank, n, function, args) for rank in range(n)]
        return [future.result(timeout=2 * PATIENCE.seconds) for future in futures]
    except BrokenProcessPool:
        _workers.cache_clear()  # the next call gets new processes
        raise


@functools.cache
def _workers(n: int) -> ProcessPoolExecutor:
    """Every task waits for all others of its call, so each of the `n` processes gets exactly one."""
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(n, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,))


def _joined(port: int, rank: int, n: int, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    store = TCPStore("127.0.0.1", port, is_master=False, timeout=PATIENCE)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=n, timeout=PATIENCE)
    try:
        dist.barrier()  # nobody is done before all have met
        return function(*args)
    finally:
        dist.destroy_process_group()
