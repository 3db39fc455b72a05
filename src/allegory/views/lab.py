"""The colour space CIE L*a*b*: lightness, and two axes of colour in which distances are about as large as they look."""

import torch
from jaxtyping import Float
from torch import Tensor

# Linear sRGB to XYZ and the white D65, 2 degrees (IEC 61966-2-1), as scikit-image has them.
XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)


def lab(x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """L in [0, 100], a (green to red) and b (blue to yellow), both about [-108, 99], of sRGB images in [-1, 1]."""
    rgb = ((x + 1.0) / 2.0).clamp(0.0, 1.0)
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    r, g, b = linear.unbind(1)
    bent = []
    for row, white in zip(XYZ, WHITE, strict=True):
        t = (row[0] * r + row[1] * g + row[2] * b) / white
        bent.append(torch.where(t > 0.008856, t.clamp_min(0.008856) ** (1.0 / 3.0), 7.787 * t + 16.0 / 116.0))
    fx, fy, fz = bent
    return torch.stack([116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)], 1)
