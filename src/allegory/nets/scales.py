"""How images shrink on their way in and grow on their way out: one plan for `ConvNet` and `Deconv`."""

import math

NARROWEST, WIDEST = 32, 256  # channels


def scales(h: int, w: int) -> list[tuple[int, tuple[int, int]]]:
    """(channels, (height, width)) of the maps from fine to coarse.

    Each step halves the image (rounding up) and doubles the channels, until about 4 pixels are left on the shorter side. The first map
    has half the image's resolution; images under 23 pixels, which are halved only twice, begin at full resolution.
    """
    times = max(2, round(math.log2(min(h, w) / 4)))
    sizes = [(math.ceil(h / 2**k), math.ceil(w / 2**k)) for k in range(0 if times == 2 else 1, times + 1)]
    return [(min(WIDEST, NARROWEST * 2**i), size) for i, size in enumerate(sizes)]
