"""What nflows and zuko gave for the same numbers (benchmarks/parity/nflows.json)."""

import json
import math
from pathlib import Path

import torch
from torch import nn

from allegory.nets import Affine, Spline
from allegory.nets.bijections import Coupling, Mixing
from allegory.nets.curves import LEAST, Piece

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "nflows.json").read_text())
INPUTS = {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["inputs"].items()}
BOUND = GOLDEN["settings"]["bound"]


def gave(layer):
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in GOLDEN["outputs"][layer].items()}


def close(got, expected):
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


def raw():
    """nflows adds nothing to the raw slopes, so that at 0 they are log 2 and not 1."""
    slopes = INPUTS["slopes"] - math.log(math.expm1(1.0 - LEAST))
    return torch.cat([INPUTS["widths"], INPUTS["heights"], slopes], 1)[..., None]


def test_the_spline_of_nflows():
    expected, spline, x = gave("spline"), Spline(GOLDEN["settings"]["bins"], BOUND), INPUTS["x"][:, None]
    assert 0 < (x.abs() > BOUND).sum() < len(x)
    y, log_slope = spline(x, raw())
    close(y[:, 0], expected["y"])
    close(log_slope[:, 0], expected["log_slope"])
    back = spline.inverse(x, raw())
    close(back[:, 0], expected["back"])
    close(-spline(back, raw())[1][:, 0], expected["log_slope_back"])


def test_the_pieces_of_zuko():
    expected, x = gave("zuko"), INPUTS["x"]
    inside = x.abs() < BOUND
    xs, ys, ds, x = expected["horizontal"][inside], expected["vertical"][inside], expected["slopes"][inside], x[inside]
    k = torch.searchsorted(xs, x[:, None]) - 1
    left, right = ([knots.gather(1, at)[:, 0] for knots in (xs, ys, ds)] for at in (k, k + 1))
    piece = Piece(left[0], right[0] - left[0], left[1], right[1] - left[1], left[2], right[2])
    y, log_slope = piece.at((x - piece.x) / piece.w)
    close(y, expected["y"][inside])
    close(log_slope, expected["log_slope"][inside])


def test_the_affine_coupling_of_nflows():
    expected, x = gave("affine"), INPUTS["vectors"]

    class Net(nn.Module):
        def forward(self, kept):
            close(kept[:, ::2], x[:, ::2])
            s, t = torch.zeros_like(x), torch.zeros_like(x)
            s[:, 1::2], t[:, 1::2] = torch.atanh(expected["scale"].log() / 9.0), expected["shift"]
            return torch.cat([s, t], 1)

    curve = Affine((5,))
    nn.init.constant_(curve.gain, 9.0)
    y, log_det = Coupling(torch.tensor([True, False, True, False, True]), Net(), curve).double()(x)
    close(y, expected["y"])
    close(log_det, expected["log_det"])


def test_the_triangles_of_nflows():
    expected, mixing = gave("lu"), Mixing(3).double()
    with torch.no_grad():
        mixing.order.copy_(torch.arange(3))
        mixing.lower.copy_(expected["lower"]), mixing.upper.copy_(expected["upper"])
        mixing.log_scale.copy_(expected["upper"].diagonal().log())
        z, log_det = mixing(INPUTS["three"])
        close(z + INPUTS["shift"], expected["y"])
        close(log_det, expected["log_det"])
        close(mixing.inverse(z), INPUTS["three"])
