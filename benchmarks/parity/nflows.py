"""Runs the layers of nflows and the spline of zuko once on small inputs and keeps what they gave.

    python -P benchmarks/parity/nflows.py > benchmarks/parity/nflows.json

Needs nflows and zuko; -P, or the script would import itself under that name. tests/nets/test_flows_parity.py reads the file and needs only
torch. All in float64. `spline`: 5 bins between -2 and 2 for 12 numbers, some of them outside; `zuko`: the same pieces from their
knots. `affine`: a coupling that keeps the numbers 0, 2 and 4 of 5. `lu`: a linear layer by its triangles.
"""

import json
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from nflows.transforms import LULinear
from nflows.transforms.coupling import AffineCouplingTransform
from nflows.transforms.splines.rational_quadratic import unconstrained_rational_quadratic_spline
from torch import Tensor, nn
from zuko.transforms import MonotonicRQSTransform

PEERS = ("nflows", "zuko", "torch", "numpy")
BINS, BOUND = 5, 2.0
SHAPES = {
    "x": (12,), "widths": (12, BINS), "heights": (12, BINS), "slopes": (12, BINS - 1), "vectors": (4, 5), "weight": (4, 3), "bias": (4,),
    "lower": (3,), "upper": (3,), "diagonal": (3,), "shift": (3,), "three": (4, 3),
}  # fmt: skip


def inputs() -> dict[str, Tensor]:
    rng = np.random.default_rng(2019)
    made = {name: np.round(1.4 * rng.normal(size=shape), 3) for name, shape in SHAPES.items()}
    made["x"] = np.round(2.4 * made["x"], 3)
    return {name: torch.tensor(values) for name, values in made.items()}


class Conditioner(nn.Module):
    """The 4 numbers of a coupling from 3, linear; nflows hands in the sizes."""

    def __init__(self, weight: Tensor, bias: Tensor):
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, x: Tensor, context: Any = None) -> Tensor:
        del context
        return x @ self.weight.T + self.bias


def of_splines(x: dict[str, Tensor]) -> dict[str, Any]:
    raw = (x["widths"], x["heights"], x["slopes"])
    y, log_slope = unconstrained_rational_quadratic_spline(x["x"], *raw, tail_bound=BOUND)
    back, log_back = unconstrained_rational_quadratic_spline(x["x"], *raw, tail_bound=BOUND, inverse=True)
    return {"y": y.tolist(), "log_slope": log_slope.tolist(), "back": back.tolist(), "log_slope_back": log_back.tolist()}


def of_zuko(x: dict[str, Tensor]) -> dict[str, Any]:
    """zuko's numbers mean other widths and slopes (squashed): kept are its knots and slopes, and what it gives between them."""
    transform = MonotonicRQSTransform(x["widths"], x["heights"], x["slopes"], bound=BOUND)
    y, log_slope = transform.call_and_ladj(x["x"])
    knots = {"horizontal": transform.horizontal, "vertical": transform.vertical, "slopes": transform.derivatives}
    return {name: t.tolist() for name, t in knots.items()} | {"y": y.tolist(), "log_slope": log_slope.tolist()}


def of_affine(x: dict[str, Tensor]) -> dict[str, Any]:
    """nflows squashes the scale in its own way; scale and shift are kept, and are ours to reach by exp(s) and t."""
    mask = torch.tensor([-1, 1, -1, 1, -1])
    layer = AffineCouplingTransform(mask, lambda *_: Conditioner(x["weight"], x["bias"]))
    scale, shift = layer._scale_and_shift(layer.transform_net(x["vectors"][:, layer.identity_features]))
    y, log_det = layer(x["vectors"])
    return {"scale": scale.tolist(), "shift": shift.tolist(), "y": y.tolist(), "log_det": log_det.tolist()}


def of_lu(x: dict[str, Tensor]) -> dict[str, Any]:
    layer = LULinear(3).double()
    with torch.no_grad():
        layer.lower_entries.copy_(x["lower"]), layer.upper_entries.copy_(x["upper"])
        layer.unconstrained_upper_diag.copy_(x["diagonal"]), layer.bias.copy_(x["shift"])
        y, log_det = layer(x["three"])
        lower, upper = layer._create_lower_upper()
    return {"y": y.tolist(), "log_det": log_det.tolist(), "lower": lower.tolist(), "upper": upper.tolist()}


def main() -> None:
    x = inputs()
    kept = {
        "command": "python -P benchmarks/parity/nflows.py > benchmarks/parity/nflows.json",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "settings": {"bins": BINS, "bound": BOUND},
        "inputs": {name: values.tolist() for name, values in x.items()},
        "outputs": {"spline": of_splines(x), "zuko": of_zuko(x), "affine": of_affine(x), "lu": of_lu(x)},
    }
    print(json.dumps(kept, separators=(",", ":")))


if __name__ == "__main__":
    main()
