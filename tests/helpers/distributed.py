"""Runs a function of a test file in several processes that are joined by gloo.

    def work(factor):                                    # at the top level of the test file
        return everyone(torch.ones(2) * factor * rank())

    first, second = over_processes(work, 3.0)            # one result a process, tensors as numpy arrays

The processes are kept for further calls, so that torch is imported once.
"""

import datetime
import functools
import importlib.util
import inspect
import multiprocessing
import pathlib
import tempfile
from concurrent.futures import ProcessPoolExecutor

import torch
import torch.distributed as dist

from allegory.core import tree

PATIENCE = datetime.timedelta(seconds=60)


def over_processes(function, *args, n=2):
    """The results of `function(*args)` in each of `n` processes; `args` are plain values. What a process raises is raised here."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(pathlib.Path(folder) / "store")
        where = inspect.getsourcefile(function)
        futures = [_workers(n).submit(_work, store, i, n, where, function.__name__, args) for i in range(n)]
        return [future.result(timeout=2 * PATIENCE.seconds) for future in futures]


@functools.cache
def _workers(n):
    """Every task waits for all others of its call, so each of the `n` processes gets exactly one."""
    return ProcessPoolExecutor(n, mp_context=multiprocessing.get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,))


def _work(store, rank, n, where, name, args):
    dist.init_process_group("gloo", store=dist.FileStore(store, n), rank=rank, world_size=n, timeout=PATIENCE)
    try:
        result = getattr(_module(where), name)(*args)
        return tree.map(lambda leaf: leaf.detach().numpy() if isinstance(leaf, torch.Tensor) else leaf, result)
    finally:
        dist.destroy_process_group()


def _module(path):
    """The test file as a module, whatever name pytest knows it by."""
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
