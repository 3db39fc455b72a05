"""The only randomness: a value. Row i of a draw depends on (seed, step, player, turn, name of the draw, example i) alone.

A counter-based hash in plain operations of tensors, or of numpy where that is quicker. A draw is the same in any batch, order,
micro-batch, process or device, and it compiles. Every draw has a name; two draws with one name from one `Dice` are equal, as with a
key in JAX.
Uniforms and integers are equal bit for bit across devices; normals agree to float32 rounding.

The mixing functions are splitmix64 (Steele, Lea and Flood 2014) for keys and Wellons' lowbias32 for the bulk of the draws.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

_MASK64 = (1 << 64) - 1
_UNSIGNED: dict[int, np.dtype[Any]] = {4: np.dtype(np.uint32), 8: np.dtype(np.uint64)}
_SIGNED: dict[int, np.dtype[Any]] = {4: np.dtype(np.int32), 8: np.dtype(np.int64)}


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


Words = Tensor | np.ndarray  # of 32 or 64 bits: signed where torch holds them, unsigned where numpy does


def _words(x: Tensor) -> Words:
    """`x` as the hash works on it: itself, or on a CPU that compiles nothing its memory as numpy sees it, which is twice as fast."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return x
    return x.numpy().view(_UNSIGNED[x.itemsize])


def _tensor(words: Words) -> Tensor:
    """The signed tensor of the words, in the same memory."""
    return words if isinstance(words, Tensor) else torch.from_numpy(words.view(_SIGNED[words.itemsize]))


def _number(x: int, words: Words) -> int:
    """`x` as the words hold numbers."""
    return _signed(x, 8 * words.itemsize) if isinstance(words, Tensor) else x


def _shift(x: Words, by: int) -> Words:
    """Logical right shift."""
    return torch.bitwise_right_shift(x, by).bitwise_and_((1 << (8 * x.itemsize - by)) - 1) if isinstance(x, Tensor) else x >> by


def _mix_(x: Words, rounds: tuple[tuple[int, int], tuple[int, int]], last: int) -> Words:
    """Shift, exclusive or and multiply, wrapping around; in place, as most of the cost of a large draw is memory."""
    for by, factor in rounds:
        x ^= _shift(x, by)
        x *= _number(factor, x)
    x ^= _shift(x, last)
    return x


def _mix64(x: Tensor) -> Tensor:
    """`splitmix64` on an int64 tensor."""
    words = _words(x)
    return _tensor(_mix_(words + _number(0x9E3779B97F4A7C15, words), ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)), 31))


def _mix32_(x: Words) -> Words:
    """lowbias32 on words of 32 bits, in place."""
    return _mix_(x, ((16, 0x7FEB352D), (15, 0x846CA68B)), 16)


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
        keys, n = self.split(name).keys, math.prod(shape)
        if not (len(keys) and n):  # which numpy would hand back with strides that torch cannot view
            return torch.zeros(len(keys), *shape, dtype=torch.int32, device=keys.device)
        halves = _words(keys.view(torch.int32).view(-1, 2))  # low and high, as memory is laid out on every machine that torch runs on
        counter = _words(torch.arange(n, dtype=torch.int32, device=keys.device))
        words = _mix32_(counter * _number(0x9E3779B1, counter) + halves[:, :1])
        words += halves[:, 1:]
        return _tensor(_mix32_(words)).view(len(keys), *shape)

    def uniform(self, name: str | int, *shape: int, low: float = 0.0, high: float = 1.0) -> Float[Tensor, "b *shape"]:
        """Uniform on [low, high), 24 random bits, float32."""
        u = _tensor(_shift(_words(self.bits(name, *shape)), 8)).to(torch.float32).mul_(2.0**-24)
        return u if (low, high) == (0.0, 1.0) else low + (high - low) * u

    def normal(self, name: str | int, *shape: int) -> Float[Tensor, "b *shape"]:
        """Standard normal, float32, by the inverse distribution function of 23 random bits (|draw| < 5.3)."""
        u = _tensor(_shift(_words(self.bits(name, *shape)), 9)).to(torch.float32).add_(0.5).mul_(2.0**-23)  # 24 bits: exact in float32
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
