"""Nets at rest: nothing learns, and they are left as found."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def at_rest(*nets: nn.Module) -> Iterator[None]:
    """Eval mode and no gradients. Never inference_mode: what needs gradients to encode or sample may open `enable_grad` inside."""
    found = [(module, module.training) for net in nets for module in net.modules()]
    try:
        for net in nets:
            net.eval()
        with torch.no_grad():
            yield
    finally:
        for module, training in found:
            module.training = training
