"""Items as methods see them, without a source."""

import torch

from allegory.core import Array


class Observations:
    """Some rows, handed on a few at a time."""

    def __init__(self, x, levels=None):
        self.x = torch.as_tensor(x)
        self.spec = Array(tuple(self.x.shape[1:]), levels)

    def __len__(self):
        return len(self.x)

    def take(self, index):
        return self.x[index]

    def batches(self, size=7):
        yield from self.x.split(size)

    def whole(self):
        return self.x
