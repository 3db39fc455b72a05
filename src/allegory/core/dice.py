"""The only randomness: a value. Row i of a draw depends on (seed, step, player, turn, name of the draw, example i) alone.

A counter-based hash in plain tensor operations, so a draw is the same in any batch, order, micro-batch, process or device, and it
compiles. Every draw has a name; two draws with one name from one `Dice` are equal, as with a key in JAX.
Uniforms and integers are equal bit for bit across devices; normals agree to float32 rounding.

The mixing functions are splitmix64 (Steele, Lea and Flood 2014) for keys and Wellons' lowbias32 for the bulk of the draws.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

_MASK64 = (1 << 64) - 1


def _signed(x: int, bits: int = 64) -> int:
    """The two's complement reading of `x` modulo 2**bits."""
    x &= (1 << bits) - 1
    return x - (1 << bits) if x >> (bits - 1) else x


def splitmix64(x: int) -> int:
    """One splitmix64 output for state `x` (Python integers modulo 2**64)."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK64
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK64
    return x ^ (x >> 31)


def _shift(x: Tensor, by: int, bits: int) -> Tensor:
    """Logical right shift of signed integers."""
    return torch.bitwise_right_shift(x, by).bitwise_and_((1 << (bits - by)) - 1)


def _mix64(x: Tensor) -> Tensor:
    """`splitmix64` on an int64 tensor, which wraps around."""
    x = x + _signed(0x9E3779B97F4A7C15)
    x.bitwise_xor_(_shift(x, 30, 64)).mul_(_signed(0xBF58476D1CE4E5B9))
    x.bitwise_xor_(_shift(x, 27, 64)).mul_(_signed(0x94D049BB133111EB))
    return x.bitwise_xor_(_shift(x, 31, 64))


def _mix32_(x: Tensor) -> Tensor:
    """lowbias32 on an int32 tensor, which wraps around; in place, as most of the cost of a large draw is memory."""
    x.bitwise_xor_(_shift(x, 16, 32)).mul_(_signed(0x7FEB352D, 32))
    x.bitwise_xor_(_shift(x, 15, 32)).mul_(_signed(0x846CA68B, 32))
    return x.bitwise_xor_(_shift(x, 16, 32))


@lru_cache(maxsize=4096)
def _hashed(name: str | int) -> int:
    return int.from_bytes(hashlib.blake2b(str(name).encode(), digest_size=8).digest(), "little")


def _word(name: str | int) -> int:
    """A fixed 64-bit number for a name, the same on every machine."""
    return _hashed(name)


# The compiler cannot trace hashlib: the word is a constant to it. (This is all that torch.compiler.assume_constant_result does, but
# that function imports the compiler, which takes seconds.)
_word.__dict__["_dynamo_marked_constant"] = True


@dataclass(frozen=True, eq=False)
class Dice:
    """Draws for a batch of b examples: `keys` (b,) holds one int64 key an example, `root` the key without an example."""

    keys: Int[Tensor, " b"]
    root: int

    @staticmethod
    def roll(seed: int, step: int, index: Int[Tensor, " b"], player: str = "", turn: int = 0) -> "Dice":
        """The dice of one moment of a run. `index` (b,) numbers the examples in the data set."""
        root = 0
        for part in (seed, step, player, turn):
            root = splitmix64(root ^ _word(part))
        index = index.to(torch.int64)
        return Dice(_mix64(index ^ _signed(root)) if len(index) else index, root)

    def split(self, name: str | int) -> "Dice":
        """Independent dice for a named sub-task."""
        word = _word(name)
        return Dice(_mix64(self.keys ^ _signed(word)), splitmix64(self.root ^ word))

    def rows(self, n: int) -> "Dice":
        """Dice for `n` draws that belong to no example (samples from a prior, negatives, initial states)."""
        index = torch.arange(n, device=self.keys.device)
        return Dice(_mix64(index ^ _signed(splitmix64(self.root ^ _word("rows")))), self.root)

    def take(self, index: Tensor | slice) -> "Dice":
        """The dice of some of the examples."""
        return Dice(self.keys[index], self.root)

    def to(self, device: torch.device | str) -> "Dice":
        return Dice(self.keys.to(device), self.root)

    def bits(self, name: str | int, *shape: int) -> Int[Tensor, "b *shape"]:
        """32 uniform random bits as int32, of shape (b, *shape)."""
        keys = self.split(name).keys
        low, high = keys.view(torch.int32).view(-1, 2).unbind(1)  # as memory is laid out on every machine that torch runs on
        counter = torch.arange(math.prod(shape), dtype=torch.int32, device=keys.device) * _signed(0x9E3779B1, 32)
        words = _mix32_(_mix32_(counter + low[:, None]).add_(high[:, None]))
        return words.view(len(keys), *shape)

    def uniform(self, name: str | int, *shape: int, low: float = 0.0, high: float = 1.0) -> Float[Tensor, "b *shape"]:
        """Uniform on [low, high), 24 random bits, float32."""
        u = _shift(self.bits(name, *shape), 8, 32).to(torch.float32).mul_(2.0**-24)
        return u if (low, high) == (0.0, 1.0) else low + (high - low) * u

    def normal(self, name: str | int, *shape: int) -> Float[Tensor, "b *shape"]:
        """Standard normal, float32, by the inverse distribution function of 23 random bits (|draw| < 5.3)."""
        u = _shift(self.bits(name, *shape), 9, 32).to(torch.float32).add_(0.5).mul_(2.0**-23)  # 24 bits: exact in float32
        return torch.special.ndtri(u)

    def integers(self, name: str | int, high: int, *shape: int) -> Int[Tensor, "b *shape"]:
        """Uniform on 0 .. high - 1 (high up to 2**24), int64."""
        return (self.uniform(name, *shape) * high).to(torch.int64).clamp_(max=high - 1)

    def chance(self, name: str | int, p: float, *shape: int) -> Tensor:
        """True with probability `p`, of shape (b, *shape)."""
        return self.uniform(name, *shape) < p

    def permutation(self, name: str | int, n: int) -> Int[Tensor, "b n"]:
        """One permutation of 0 .. n - 1 an example."""
        return torch.argsort(self.bits(name, n), dim=1, stable=True)
