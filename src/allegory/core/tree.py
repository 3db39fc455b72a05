"""An observation is a tensor, a `Ragged`, or a dict/tuple of these. Whatever moves, slices or hashes data goes through here.

Leaves may be torch tensors or numpy arrays; every leaf has the same leading axis (the items).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

Tree = Any


@dataclass(frozen=True, eq=False)
class Ragged:
    """Items of unequal length, laid end to end: `values` (sum of lengths, *d) and `lengths` (n,)."""

    values: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Tensor) -> "Ragged":
        """The items at `index`, in that order."""
        starts = torch.cumsum(self.lengths, 0) - self.lengths
        lengths = self.lengths[index]
        rows = torch.repeat_interleave(starts[index] - (torch.cumsum(lengths, 0) - lengths), lengths)
        return Ragged(self.values[rows + torch.arange(len(rows), device=rows.device)], lengths)


def is_leaf(tree: Tree) -> bool:
    return not isinstance(tree, (dict, tuple, Ragged))


def map(f: Callable[..., Any], tree: Tree, *more: Tree) -> Tree:
    """`f` on every leaf; further trees of the same form are walked along. A NamedTuple keeps its type."""
    if isinstance(tree, dict):
        return {k: map(f, v, *(m[k] for m in more)) for k, v in tree.items()}
    if isinstance(tree, tuple):
        parts = [map(f, *leaves_) for leaves_ in zip(tree, *more, strict=True)]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if isinstance(tree, Ragged):
        return Ragged(f(tree.values, *(m.values for m in more)), f(tree.lengths, *(m.lengths for m in more)))
    return f(tree, *more)


def leaves(tree: Tree) -> Iterator[Any]:
    """The leaves in a fixed order: dict order, then tuple order; a `Ragged` gives values, then lengths."""
    if isinstance(tree, dict):
        for v in tree.values():
            yield from leaves(v)
    elif isinstance(tree, tuple):
        for v in tree:
            yield from leaves(v)
    elif isinstance(tree, Ragged):
        yield tree.values
        yield tree.lengths
    else:
        yield tree


def length(tree: Tree) -> int:
    """The number of items: the common leading axis of all leaves."""
    if isinstance(tree, Ragged):
        return len(tree)
    if is_leaf(tree):
        return len(tree)
    parts = tree.values() if isinstance(tree, dict) else tree
    return length(next(iter(parts)))


def take(tree: Tree, index: Any) -> Tree:
    """The items at `index` (a tensor, array or slice) of every leaf."""
    if isinstance(tree, dict):
        return {k: take(v, index) for k, v in tree.items()}
    if isinstance(tree, tuple):
        parts = [take(v, index) for v in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
    if isinstance(tree, Ragged):
        whole = torch.arange(len(tree), device=tree.lengths.device)
        return tree.take(whole[index])
    if isinstance(tree, Tensor) and isinstance(index, Tensor) and index.dtype == torch.int64 and index.ndim == 1:
        return tree.index_select(0, index)  # many times faster than tree[index]
    return tree[index]


def to(tree: Tree, device: torch.device | str, dtype: torch.dtype | None = None) -> Tree:
    """Every leaf as a tensor on `device`; `dtype` is applied to floating leaves only."""

    def move(leaf: Any) -> Tensor:
        t = torch.as_tensor(leaf).to(device, non_blocking=True)
        return t.to(dtype) if dtype is not None and t.is_floating_point() else t

    return map(move, tree)


def cat(trees: Sequence[Tree]) -> Tree:
    """Trees of one form, joined along the leading axis."""
    first = trees[0]
    join = np.concatenate if isinstance(next(leaves(first)), np.ndarray) else torch.cat
    return map(lambda *parts: join(parts), first, *trees[1:])


def named(tree: Tree, prefix: str = "") -> dict[str, Any]:
    """The leaves by dotted path, for files: {"image": ..., "pose.angle": ...}; a bare leaf has the name ""."""
    if isinstance(tree, Ragged):
        return {f"{prefix}.values".lstrip("."): tree.values, f"{prefix}.lengths".lstrip("."): tree.lengths}
    if is_leaf(tree):
        return {prefix: tree}
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {n: leaf for k, v in pairs for n, leaf in named(v, f"{prefix}.{k}".lstrip(".")).items()}
