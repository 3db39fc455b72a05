"""The global generators are left as found."""

import contextlib
from collections.abc import Iterator

import numpy as np
import torch


@contextlib.contextmanager
def fenced(seed: int) -> Iterator[None]:
    """Runs a block (initialisers of nets, mostly) with torch's and numpy's global generators seeded, then puts them back."""
    state, cpu = np.random.get_state(), torch.get_rng_state()
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    try:
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        yield
    finally:
        np.random.set_state(state)
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)
