"""`torchrun --nproc-per-node 2 -m allegory learn ...`: all processes learn as one run, and the first one writes and speaks."""

import contextlib
import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from allegory.cli.job import Task
from allegory.train import distribution
from allegory.train.fit import pick_device


@contextlib.contextmanager
def together(task: Task) -> Iterator[Task]:
    """Within the block all processes learn. The others than the first do so silently, in private folders that are thrown away."""
    device = pick_device(task.settings.device)
    with contextlib.ExitStack() as stack:
        if not distribution.leads():
            out = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "run"
            if task.where.resume and task.out.exists():
                shutil.copytree(task.out, out)  # before the first process, which waits for this one below, goes on in it
            stack.enter_context(contextlib.redirect_stderr(stack.enter_context(open(os.devnull, "w"))))
            task = dataclasses.replace(task, out=out)
        stack.enter_context(distribution.together(device))
        yield task
