"""Codes kept in a folder, so that one feature pass a model and source serves every later question.

What is kept goes by the content of the model, of the data and of the request; nothing has to be thrown away by hand when one changes.
"""

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from allegory.core import Problem
from allegory.representation import Representation
from allegory.train import checkpoints

VERSION = 1


@dataclass(frozen=True)
class Cache:
    """A folder of kept tensors and models; None keeps nothing."""

    folder: Path | None = None

    def find(self, key: tuple[str, ...]) -> tuple[Tensor, ...] | None:
        """What was kept under this key; None when there is nothing, or when it is damaged."""
        if self.folder is None or not self._file(key).exists():
            return None
        try:
            kept, _ = checkpoints.load(self._file(key))
        except Problem:
            return None
        return tuple(kept[name] for name in sorted(kept, key=int))

    def keep(self, key: tuple[str, ...], tensors: tuple[Tensor, ...]) -> None:
        """Keeps tensors under a key."""
        self._write(lambda: checkpoints.save(self._file(key), {str(i): t.contiguous() for i, t in enumerate(tensors)}, {}))

    def model(self, key: tuple[str, ...], make: Callable[[], Representation]) -> Representation:
        """The model that `make` trains, from the folder when it is there."""
        if self.folder is None:
            return make()
        path = self.folder / f"model-{digest(*key)}"
        if path.exists():
            with contextlib.suppress(Problem):
                return Representation.load(path)
        made = make()
        self._write(lambda: made.save(path))
        return made

    def _file(self, key: tuple[str, ...]) -> Path:
        assert self.folder is not None, "asked of folders only"
        return self.folder / f"{digest(*key)}.safetensors"

    def _write(self, write: Callable[[], None]) -> None:
        """A folder that cannot be written to costs time the next time, and nothing else."""
        if self.folder is None:
            return
        with contextlib.suppress(Problem, OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write()


def digest(*parts: str) -> str:
    """16 hexadecimal digits of some texts."""
    return hashlib.sha256("\0".join((str(VERSION), *parts)).encode()).hexdigest()[:16]


def identity(rep: Representation) -> str:
    """Names a model by its method, its settings and its weights."""
    h = hashlib.sha256(repr((rep.method, rep.spec)).encode())
    for module in (rep.net, rep.intake):
        for name, tensor in sorted(module.state_dict().items()):
            h.update(name.encode())
            h.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return h.hexdigest()[:16]
