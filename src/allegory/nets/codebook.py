"""Codebooks: the vectors that stand for others. Buffers, which no gradient moves."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

LEAST = 1e-12  # a code that has stood for less than this for so long stays where it is


class Codebook(nn.Module):
    """`k` vectors of `z` numbers in each of `groups` books; book g knows the g-th part of what is shown to it.

    `codes` are the e_i of van den Oord et al. 2017; `counts` and `sums` are the moving averages N_i and m_i of their appendix A.1, by
    which the codes follow the vectors that they stand for. Losses only ask for the `nearest`; `follow` and `restart` belong in a method's
    `after_step`. It begins with draws of N(0, 1).
    """

    codes: Float[Tensor, "g k z"]
    counts: Float[Tensor, "g k"]
    sums: Float[Tensor, "g k z"]

    def __init__(self, groups: int, k: int, z: int):
        super().__init__()
        self.register_buffer("codes", nn.init.normal_(torch.empty(groups, k, z)))
        self.register_buffer("counts", torch.ones(groups, k))
        self.register_buffer("sums", self.codes.clone())

    def nearest(self, z_e: Float[Tensor, "*b g z"]) -> Int[Tensor, "*b g"]:
        """Which code of each book lies nearest (the first of those that do)."""
        with torch.no_grad():
            # |z - e|^2 = |z|^2 - 2 z.e + |e|^2, and |z|^2 is the same for all codes.
            far = self.codes.square().sum(2) - 2.0 * torch.einsum("...gz,gkz->...gk", z_e, self.codes)
            return far.argmin(-1)

    def of(self, index: Int[Tensor, "*b g"]) -> Float[Tensor, "*b g z"]:
        """The codes of these numbers."""
        return self.codes[torch.arange(len(self.codes), device=index.device), index]

    def one_hot(self, index: Int[Tensor, "*b g"]) -> Float[Tensor, "*b g k"]:
        return F.one_hot(index, self.codes.shape[1]).to(self.codes.dtype)

    @torch.no_grad()
    def set_to(self, z: Float[Tensor, "k g z"]) -> None:
        """Forgets what it holds: every code is one of these vectors, and stands for that one."""
        self.codes.copy_(z.transpose(0, 1))
        self.sums.copy_(self.codes)
        self.counts.fill_(1.0)

    @torch.no_grad()
    def follow(self, z_e: Float[Tensor, "n g z"], index: Int[Tensor, "n g"], gamma: float) -> None:
        """N_i <- gamma N_i + (1 - gamma) n_i; m_i <- gamma m_i + (1 - gamma) (sum of the n_i vectors of code i); e_i = m_i / N_i."""
        told = self.one_hot(index)
        self.counts.lerp_(told.sum(0), 1.0 - gamma)
        self.sums.lerp_(torch.einsum("ngk,ngz->gkz", told, z_e.to(told.dtype)), 1.0 - gamma)
        n = self.counts[:, :, None]
        self.codes.copy_(torch.where(n > LEAST, self.sums / n.clamp_min(LEAST), self.codes))

    def dead(self, share: float) -> Bool[Tensor, "g k"]:
        """The codes whose moving count is below `share` of the mean count of their book."""
        return self.counts < share * self.counts.mean(1, keepdim=True)

    @torch.no_grad()
    def restart(self, which: Bool[Tensor, "g k"], at: Float[Tensor, "g k z"]) -> None:
        """Puts these codes on new places, each as if it had stood for as many vectors as the mean code of its book."""
        counts = torch.where(which, self.counts.mean(1, keepdim=True), self.counts)
        self.codes.copy_(torch.where(which[:, :, None], at.to(self.codes.dtype), self.codes))
        self.sums.copy_(torch.where(which[:, :, None], self.codes * counts[:, :, None], self.sums))
        self.counts.copy_(counts)
