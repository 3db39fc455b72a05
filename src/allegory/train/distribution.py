"""More than one process: `torchrun` starts them, gloo on CPU and NCCL on GPU connect them."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from allegory.core import everyone, processes, tree


def leads() -> bool:
    """Whether this process is the first of those that torchrun started, or alone. Needs no connection."""
    return os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def together(device: str) -> Iterator[None]:
    """Within the block the processes that torchrun started learn as one, each on its own GPU if `device` is "cuda". Alone: nothing."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def own(device: str) -> str:
    """The device of this process: "cuda" is the GPU of its number when there are several processes."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" and processes() > 1 else device


def anyone(flag: bool) -> bool:
    """Whether the flag is set in any process, so that all stop after the same step."""
    if processes() == 1:
        return flag
    asked = torch.tensor(float(flag), device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(asked, dist.ReduceOp.MAX)
    return bool(asked)


def average_over_processes(gradients: list[Tensor]) -> None:
    """The mean over processes, in place; one collective for all gradients of a dtype. See `core.gather` for why the mean."""
    if processes() == 1:
        return
    for dtype in dict.fromkeys(g.dtype for g in gradients):  # not a set: its order differs between processes
        some = [g for g in gradients if g.dtype == dtype]
        flat = torch.cat([g.reshape(-1) for g in some])
        dist.all_reduce(flat)
        flat /= processes()
        for g, part in zip(some, flat.split([g.numel() for g in some]), strict=True):
            g.copy_(part.view_as(g))


def of_all_processes(memo: Any) -> Any:
    """A memo whose rows are those of the global batch, in example order."""
    if memo is None or processes() == 1:
        return memo
    with torch.no_grad():
        return tree.map(everyone, memo)
