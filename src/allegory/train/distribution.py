"""More than one process: `torchrun` starts them, gloo on CPU and NCCL on GPU connect them."""

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from allegory.core import everyone, processes, tree


def join(device: str) -> str:
    """Joins the processes that torchrun started, if it did; gives the device of this one ("cuda:1")."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not dist.is_available():
        return device
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device.startswith("cuda") else device


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
