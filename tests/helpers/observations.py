"""Items as methods see them, without a source."""

import torch

from allegory.data import Given


class Observations(Given):
    """Some rows, handed on a few at a time."""

    def __init__(self, x, levels=None):
        super().__init__(torch.as_tensor(x), levels)

    def batches(self, size=7):
        yield from self.x.split(size)
