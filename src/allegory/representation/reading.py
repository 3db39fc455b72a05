"""Whatever a person holds, as a source of what an intake reads, or one clear error."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory import data
from allegory.core import Array, Parts, Problem, Spec, Tree, tree
from allegory.data import Intake, Source

BATCH_BYTES = 64 << 20
BLOCK = 16  # the kernels of matrix products round otherwise for the rows that fill no block: an item's code would depend on its mates


def as_stored(x: Any, intake: Intake) -> Source:
    """`x` (a source, an array or tensor as stored, a tree of these, or anything that `open_source` takes), fit for `intake`.

    A bare array of the right shape is taken to be as stored; a table's columns are found by name. Raises `Problem` for what does not fit.
    """
    if isinstance(x, Source):
        x.check_items()
        return intake.accept(x)
    bare = all(isinstance(leaf, (np.ndarray, Tensor)) and leaf.dtype != object for leaf in tree.leaves(x))
    if bare and _fits(x, intake.raw):
        return as_stored(Source("the data", intake.raw, tree.map(_as_numpy, x)), intake)
    return data.open_source(x, like=intake)


def batches(
    source: Source, intake: Intake, most: int, device: torch.device, dtype: torch.dtype, holes: bool | None = None
) -> Iterator[tuple[Tree, int]]:
    """All observations in order through the intake, on `device`: (x, n), of which the first n items count and the rest pads to a block.

    At most `most` items count, and fewer when items are large. `holes`: whether what is missing stays NaN; None as the method learned.
    """
    fitting = max(1, BATCH_BYTES // (4 * max(1, _numbers(intake.raw))))
    block = BLOCK if fitting >= BLOCK else 1
    size = max(1, min(most, fitting))
    for start in range(0, len(source), size):
        raw = tree.to(source.take(slice(start, start + size)), device)
        n = tree.length(raw)
        check_values(raw, intake.raw, source.name, intake.holes if holes is None else holes)
        if n % block:
            raw = tree.take(raw, torch.arange(-(-n // block) * block, device=device) % n)
        with torch.no_grad():
            x = intake(raw, holes)
        yield tree.to(x, device, dtype), n


def check_values(x: Tree, spec: Spec, name: str, holes: bool = False) -> None:
    """Raises `Problem` for pixels that cannot be as stored: fractions or numbers outside the levels, and without `holes` NaN, infinity."""
    if isinstance(spec, Parts):
        for part, inner in spec.parts:
            check_values(x[part], inner, f"{name}, part {part!r}", holes)
    if not (isinstance(spec, Array) and spec.is_image) or (x.dtype == torch.uint8 and spec.levels == 256):
        return
    known = torch.isfinite(x)
    if not (holes or known.all()):
        raise Problem(f"{name}: there are pixels that are NaN or infinite; leave those images out")
    x = x[known] if holes else x
    if spec.levels and x.numel() and (x.min() < 0 or x.max() > spec.levels - 1 or bool((x != x.round()).any())):
        got = f"{x.min().item():g} to {x.max().item():g}"
        raise Problem(f"{name}: expected pixels as stored, whole numbers 0 to {spec.levels - 1}; got {got}. Undo any scaling first")


def _fits(x: Tree, spec: Spec) -> bool:
    try:
        spec.check(x)
    except Problem:
        return False
    return True


def _as_numpy(leaf: Any) -> np.ndarray:
    if isinstance(leaf, Tensor):
        leaf = leaf.detach().cpu()
        return leaf.float().numpy() if leaf.dtype == torch.bfloat16 else leaf.numpy()
    return np.asarray(leaf)


def _numbers(spec: Spec) -> int:
    """How many numbers one item has."""
    return sum(_numbers(s) for _, s in spec.parts) if isinstance(spec, Parts) else getattr(spec, "size", 1)
