"""The command in this process, and what its runs leave."""

import contextlib
import errno
import json
import os

import numpy as np
import torch
import yaml

from allegory.cli import main
from allegory.core import files
from allegory.train import checkpoints


def weights(run):
    """The model's tensors by name, verified."""
    return checkpoints.load(run / "model" / "model.safetensors")[0]


def same(a, b):
    """Whether two sets of tensors agree bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def vectors(folder, n=60):
    """An .npy of n vectors of 6 numbers."""
    path = folder / "vectors.npy"
    np.save(path, np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32))
    return path


def learn(data, out, *more):
    """`allegory learn` with three steps, a checkpoint after each, and no questions."""
    tiny = ["--steps", "3", "--batch", "16", "--save-every", "0", "--no-evaluate"]
    return main(["learn", str(data), "--out", str(out), *tiny, *more])


@contextlib.contextmanager
def failing(after, number=errno.ENOSPC, monkeypatch=None):
    """Every write, fsync and rename from call `after` on raises OSError; gives the list of calls. None: nothing fails."""
    calls = []

    def fault(operation, path):
        calls.append((operation, str(path)))
        if after is not None and len(calls) > after:
            raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(files, "fault", fault)
        yield calls


def assert_whole(run):
    """Whatever is in the folder can be read, and nothing is half-written."""
    assert not [p for p in run.rglob("*") if p.name.endswith((".part", ".old"))]
    for path in run.rglob("*.json"):
        json.loads(path.read_text())
    for path in run.rglob("*.safetensors"):
        checkpoints.load(path)
    if (run / "metrics.jsonl").exists():
        [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    if (run / "config.yaml").exists():
        yaml.safe_load((run / "config.yaml").read_text())
    if (run / "model").exists():
        assert {p.name for p in (run / "model").iterdir()} == {"config.json", "model.safetensors", "manifest.json"}
