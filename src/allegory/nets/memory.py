"""What is remembered from step to step: one code for each training item. Buffers, which no gradient moves."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """One unit vector for each of `n` training items, a moving average of its codes (Wu et al. 2018, section 3.1).

    Losses only `recall`; the bank moves in a method's `after_step`. It begins with directions drawn at random.
    """

    codes: Float[Tensor, "n z"]

    def __init__(self, n: int, z: int):
        super().__init__()
        self.register_buffer("codes", F.normalize(nn.init.normal_(torch.empty(n, z)), dim=1))

    def recall(self, index: Int[Tensor, " *b"]) -> Float[Tensor, "*b z"]:
        """The codes of the items at `index`, as they are remembered."""
        return self.codes[index]

    @torch.no_grad()
    def update(self, index: Int[Tensor, " b"], z: Float[Tensor, "b z"], keep: float) -> None:
        """codes[i] <- keep * codes[i] + (1 - keep) * z_i / |z_i|, back on the sphere. `index` names every item once at most."""
        moved = torch.lerp(F.normalize(z.to(self.codes.dtype), dim=1), self.codes[index], keep)
        self.codes[index] = F.normalize(moved, dim=1)
