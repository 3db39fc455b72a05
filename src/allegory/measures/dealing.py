"""Work dealt to a few threads, each of which uses one thread of torch.

Small products gain nothing from being shared out themselves, and lose much when other work keeps their threads waiting for each other.
torch's number of threads is each thread's own, but for what threads born later begin with: both are left as they were found.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from threadpoolctl import threadpool_limits

J = TypeVar("J")
Deal = Callable[[Sequence[Any], Callable[[Any], None]], None]


@contextlib.contextmanager
def dealing(device: torch.device) -> Iterator[Deal]:
    """Within, torch uses one thread, and `deal(jobs, work)` does every job, on a CPU by as many threads as torch had."""
    with one_thread() as before:
        if before == 1 or device.type != "cpu":
            yield one_by_one
        else:
            with ThreadPoolExecutor(before, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                yield lambda jobs, work: all_of(pool, jobs, work)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Within, torch and BLAS use one thread: sums come out the same, bit for bit, whatever number of threads there is."""
    with one_thread(), threadpool_limits(1, "blas"):
        yield


@contextlib.contextmanager
def one_thread() -> Iterator[int]:
    """Within, torch uses one thread; how many it had."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield before
    finally:
        torch.set_num_threads(before)


def one_by_one(jobs: Sequence[J], work: Callable[[J], None]) -> None:
    for job in jobs:
        work(job)


def all_of(pool: ThreadPoolExecutor, jobs: Sequence[J], work: Callable[[J], None]) -> None:
    """Ends when all are done, with the error of the first that failed."""
    for _ in pool.map(torch.no_grad()(work), jobs):
        pass
