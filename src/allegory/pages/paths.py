"""From one item to another: codes along three ways, decoded, and how far the picture goes on each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory.core import Tree
from allegory.data import Source
from allegory.measures import geometry
from allegory.pages import pictures
from allegory.pages.codes_map import Encoded
from allegory.pages.items import label, of_part, spread
from allegory.pages.numbers import number
from allegory.pages.strips import Strip, strip
from allegory.representation import at_rest

PAIRS = 3
STEPS = 9
HOW = {
    "straight": "decoded from the straight line between the two codes",
    "spherical": "decoded from the great circle between the two codes",
    "geodesic": "decoded from the path of codes along which the pictures change least",
}


@dataclass(frozen=True)
class Pair:
    """Two items, and a strip for each way from one to the other."""

    name: str
    strips: tuple[Strip, ...]


@dataclass(frozen=True)
class Paths:
    """Pairs of items, and the names of the ways that were gone."""

    pairs: tuple[Pair, ...]
    ways: tuple[str, ...]


def interpolations(source: Source, items: Encoded, rep: Any, spherical: bool = False) -> Paths:
    """Codes between those of pairs of test items: on the straight line; on the great circle, if `spherical`, which suits a Gaussian prior;
    and on the geodesic of the decoder, where it has a gradient. The length is that of the nine pictures' broken line, pixels in [-1, 1]."""
    chosen = spread(source, items.index, of_part(source, items.index, "test"), 2 * PAIRS)
    pairs = tuple(_pair(source, items, rep, (int(a), int(b)), spherical) for a, b in zip(chosen[0::2], chosen[1::2], strict=False))
    return Paths(pairs, tuple(s.name.split(",")[0] for s in pairs[0].strips) if pairs else ())


def _pair(source: Source, items: Encoded, rep: Any, places: tuple[int, int], spherical: bool) -> Pair:
    a, b = (torch.as_tensor(items.z[p]) for p in places)
    t = torch.linspace(0.0, 1.0, STEPS, dtype=a.dtype)
    ways = {"straight": geometry.straight(a, b, t)}
    if spherical:
        ways["spherical"] = geometry.spherical(a, b, t)
    if (relaxed := _relaxed(rep, ways["straight"])) is not None:
        ways["geodesic"] = relaxed
    names = " → ".join(label(source, int(items.index[p])) or source.id(int(items.index[p])) for p in places)
    return Pair(names, tuple(_way(rep, name, z.numpy(), names) for name, z in ways.items()))


def _way(rep: Any, name: str, z: np.ndarray, between: str) -> Strip:
    decoded = rep.decode(z)
    long = number(float(geometry.path_length(torch.as_tensor(pixels(rep, decoded)).double())))
    row = strip(pictures.seen(rep.intake.spec, decoded), f"{name}, length\u00a0{long}", HOW[name])
    return Strip(row.uri, row.name, f"{between}, {row.alt}")


def pixels(rep: Any, x: Tree) -> Any:
    """The picture of an observation, of one part or of several."""
    part = pictures.image_part(rep.intake.spec)
    return x[part] if part else x


def _relaxed(rep: Any, path: Tensor) -> Tensor | None:
    """The geodesic near `path`; None where the decoder has no gradient."""
    path = path.to(rep.device, rep.dtype)
    with at_rest(rep.net), torch.enable_grad():
        decode: Callable[[Tensor], Tensor] = lambda z: pixels(rep, partial(rep.method.decode, rep.net)(z))
        if not decode(path[:1].clone().requires_grad_()).requires_grad:
            return None
        return geometry.geodesic(decode, path).cpu().float()
