"""Residual nets (He et al. 2016), with the stem for small images that SimCLR (Chen et al. 2020) uses on CIFAR-10."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from allegory.nets.conv import Conv2d
from allegory.nets.encoder import Encoder, last_of_each_size
from allegory.nets.norm import Norm, norms

SMALL = 100
Block = Callable[[Norm, int, int, int], tuple[nn.Module, int]]


def _conv(norm: Norm, before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps the size (over stride), and a norm."""
    return nn.Sequential(Conv2d(before, after, kernel, stride, kernel // 2, bias=norm == "none"), *norms(norm, after))


class _Residual(nn.Module):
    """relu(body(x) + x), with a 1x1 convolution on the short way where the shape changes."""

    def __init__(self, body: nn.Module, norm: Norm, before: int, after: int, stride: int):
        super().__init__()
        self.body = body
        self.short = nn.Identity() if before == after and stride == 1 else _conv(norm, before, after, 1, stride)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        return (self.body(x) + self.short(x)).relu_()


def _basic(norm: Norm, before: int, width: int, stride: int) -> tuple[nn.Module, int]:
    """Two 3x3 convolutions."""
    body = nn.Sequential(_conv(norm, before, width, 3, stride), nn.ReLU(inplace=True), _conv(norm, width, width, 3))
    return _Residual(body, norm, before, width, stride), width


def _bottleneck(norm: Norm, before: int, width: int, stride: int) -> tuple[nn.Module, int]:
    """1x1, 3x3 (which takes the stride: "version 1.5"), 1x1 to four times the width."""
    after = 4 * width
    narrow, middle, wide = _conv(norm, before, width, 1), _conv(norm, width, width, 3, stride), _conv(norm, width, after, 1)
    return _Residual(nn.Sequential(narrow, nn.ReLU(inplace=True), middle, nn.ReLU(inplace=True), wide), norm, before, after, stride), after


class ResNet(Encoder):
    """(b, c, h, w) -> (b, out) by four stages and the mean over the places. `out` is 512 for resnet18, 2048 for resnet50.

    Images with both sides under 100 pixels get a 3x3 stem without pooling, larger ones the 7x7 stem of stride 2 and max-pooling.
    """

    any_size = True

    def __init__(self, shape: tuple[int, int, int], block: Block, depths: tuple[int, ...], norm: Norm = "batch"):
        super().__init__()
        channels, h, w = shape
        if max(h, w) < SMALL:
            self.stem = nn.Sequential(_conv(norm, channels, 64, 3), nn.ReLU(inplace=True))
        else:
            self.stem = nn.Sequential(_conv(norm, channels, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        blocks: list[nn.Module] = []
        width = 64
        for stage, depth in enumerate(depths):
            for i in range(depth):
                one, width = block(norm, width, 64 * 2**stage, 2 if stage > 0 and i == 0 else 1)
                blocks.append(one)
        self.blocks = nn.Sequential(*blocks)
        self.out = width
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out"]:
        return self.read(self.blocks(self.stem(x)))

    def maps(self, x: Float[Tensor, "b c h w"]) -> tuple[Tensor, ...]:
        return last_of_each_size(self.blocks, self.stem(x))


def resnet18(shape: tuple[int, int, int], norm: Norm = "batch") -> ResNet:
    return ResNet(shape, _basic, (2, 2, 2, 2), norm)


def resnet50(shape: tuple[int, int, int]) -> ResNet:
    return ResNet(shape, _bottleneck, (3, 4, 6, 3))
