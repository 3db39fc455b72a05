"""Initial weights, in the module's own precision."""

import math

from torch import nn


def he(net: nn.Module) -> None:
    """He et al. (2015): weights N(0, 2 / fan_in), biases 0, so that the variance survives each ReLU layer.

    The fan-in of a transposed convolution of stride s is in_channels * kernel / s**2: each of its outputs meets only that many weights.
    """
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, std=math.sqrt(2.0 / _fan_in(module)))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _fan_in(module: nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d) -> float:
    if isinstance(module, nn.ConvTranspose2d):
        return module.in_channels * math.prod(module.kernel_size) / math.prod(module.stride)
    return module.weight[0].numel()
