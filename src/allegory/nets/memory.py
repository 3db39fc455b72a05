"""What is remembered from step to step: a code for each training item, or the last codes. Buffers, which no gradient moves."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory import measures
from allegory.core import Items, tree

WATCHED = 8192


def directions(n: int, z: int) -> Float[Tensor, "n z"]:
    """Unit vectors drawn at random, for buffers made in `build`."""
    return F.normalize(nn.init.normal_(torch.empty(n, z)), dim=1)


def spread(codes: Float[Tensor, "n z"]) -> Float[Tensor, ""]:
    """How much of the sphere the codes fill, from 0 (one point) to 1, from at most 8192 of them, evenly taken."""
    some = codes[:: 1 + (len(codes) - 1) // WATCHED]
    return measures.spread(some)


class MemoryBank(nn.Module):
    """One unit vector for each of `n` training items, a moving average of its codes (Wu et al. 2018, section 3.1).

    Losses only `recall`; the bank moves in a method's `after_step`. It begins with directions drawn at random.
    """

    codes: Float[Tensor, "n z"]

    def __init__(self, n: int, z: int):
        super().__init__()
        self.register_buffer("codes", directions(n, z))

    def recall(self, index: Int[Tensor, " *b"]) -> Float[Tensor, "*b z"]:
        """The codes of the items at `index`, as they are remembered."""
        return self.codes[index]

    def moved(self, index: Int[Tensor, " b"], z: Float[Tensor, "b z"], keep: float) -> Float[Tensor, "b z"]:
        """What `update` would make of the codes at `index`: keep * codes[i] + (1 - keep) * z_i / |z_i|, back on the sphere."""
        return F.normalize(torch.lerp(F.normalize(z.to(self.codes.dtype), dim=1), self.codes[index], keep), dim=1)

    @torch.no_grad()
    def update(self, index: Int[Tensor, " b"], z: Float[Tensor, "b z"], keep: float) -> None:
        """codes[i] <- keep * codes[i] + (1 - keep) * z_i / |z_i|, back on the sphere. `index` names every item once at most."""
        self.codes[index] = self.moved(index, z, keep)

    @torch.no_grad()
    def remember(self, z: Float[Tensor, "n z"]) -> None:
        """Forgets what it holds, for z_i / |z_i| of all items in order."""
        self.codes.copy_(F.normalize(z, dim=1))

    def spread(self) -> Float[Tensor, ""]:
        return spread(self.codes)


class Queue(nn.Module):
    """The last `size` codes, as unit vectors, the oldest replaced first (He et al. 2020, section 3.2).

    Losses only read `codes`; `push` belongs in a method's `after_step`. It begins with directions drawn at random.
    """

    codes: Float[Tensor, "size z"]
    at: Int[Tensor, ""]  # the row that is replaced next

    def __init__(self, size: int, z: int):
        super().__init__()
        self.register_buffer("codes", directions(size, z))
        self.register_buffer("at", torch.tensor(0))

    @torch.no_grad()
    def push(self, z: Float[Tensor, "b z"]) -> None:
        """Takes in z_i / |z_i| in order; of more than `size` the last."""
        z = z[-len(self.codes) :]
        rows = (self.at + torch.arange(len(z), device=z.device)) % len(self.codes)
        self.codes[rows] = F.normalize(z.to(self.codes.dtype), dim=1)
        self.at.copy_((self.at + len(z)) % len(self.codes))

    def spread(self) -> Float[Tensor, ""]:
        return spread(self.codes)

    def nearest(self, z: Float[Tensor, "b z"]) -> Float[Tensor, "b z"]:
        """The remembered code of the largest cosine with each row, without a gradient."""
        with torch.no_grad():
            return self.codes[(F.normalize(z, dim=1) @ self.codes.T).argmax(1)]


@torch.no_grad()
def at_rest(net: nn.Module, items: Items, index: Int[Tensor, " m"] | None = None, size: int = 1024) -> Float[Tensor, "n z"]:
    """What `net` makes of all items, or of those at `index`, with running statistics for those of a batch."""
    modes = [(module, module.training) for module in net.modules()]
    kind = next(net.parameters()).dtype
    shown = items.batches(size) if index is None else (items.take(part) for part in index.split(size))
    try:
        net.eval()
        return torch.cat([net(tree.map(lambda leaf: leaf.to(kind), x)) for x in shown])
    finally:
        for module, mode in modes:
            module.training = mode
