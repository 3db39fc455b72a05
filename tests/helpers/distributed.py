"""Runs a function of a test file in several processes that are joined by gloo.

    def work(factor):                                    # at the top level of the test file
        return everyone(torch.ones(2) * factor * rank())

    first, second = over_processes(work, 3.0)            # one result a process, tensors as numpy arrays

The processes are kept for further calls, so that torch is imported once: what a function changes in them, it puts back.
"""

import importlib.util
import inspect
import pathlib

import torch

from allegory.checks import processes
from allegory.core import tree


def over_processes(function, *args, n=2):
    """The results of `function(*args)` in each of `n` processes; `args` are plain values. What a process raises is raised here."""
    return processes.over_processes(_call, inspect.getsourcefile(function), function.__name__, args, n=n)


def _call(where, name, args):
    """A test file is read by its path, whatever name pytest knows it by."""
    spec = importlib.util.spec_from_file_location(pathlib.Path(where).stem, where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = getattr(module, name)(*args)
    return tree.map(lambda leaf: leaf.detach().numpy() if isinstance(leaf, torch.Tensor) else leaf, result)
