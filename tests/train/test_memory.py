"""Out of memory is one line with a batch size to try."""

import pytest
import torch

from allegory.core import Problem
from allegory.train.fit import memory_advice

FULL = [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes")]


@pytest.mark.parametrize("error", FULL, ids=["python", "gpu", "cpu"])
def test_a_smaller_batch_is_advised(error):
    with pytest.raises(Problem, match=r"batch of 256; try --batch 128"), memory_advice(256):
        raise error


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"), memory_advice(256):
        raise RuntimeError("shapes do not fit")
