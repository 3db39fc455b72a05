"""64-bit keys for content, the same on every machine: equal keys mean equal content (but for one chance in 2**64)."""

import hashlib
import math
from collections.abc import Iterable

import numpy as np


def key_of(content: bytes | memoryview) -> int:
    """The key of some bytes (BLAKE2b, 8 bytes)."""
    return int.from_bytes(_digest(content), "little")


def keys_of(names: Iterable[object]) -> np.ndarray:
    """(n,) uint64: the keys of names; every different name is hashed once."""
    texts = [str(name) for name in names]
    known = {text: key_of(text.encode("utf-8", "surrogatepass")) for text in set(texts)}
    return np.array([known[text] for text in texts], dtype=np.uint64)


def row_keys(*leaves: np.ndarray) -> np.ndarray:
    """(n,) uint64: a key for the bytes of each item, over all `leaves` (n, *d)."""
    flat = [_bytes(leaf) for leaf in leaves]
    rows = flat[0] if len(flat) == 1 else np.concatenate(flat, 1)
    n, width = rows.shape
    view = np.ascontiguousarray(rows).reshape(-1).data
    digests = b"".join([_digest(view[start : start + width]) for start in range(0, n * width, width)]) if width else bytes(8 * n)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def spread(keys: np.ndarray) -> np.ndarray:
    """(n,) uint64 over all 64 bits, for keys that may be small or consecutive numbers (splitmix64)."""
    with np.errstate(over="ignore"):
        z = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def fold(*columns: np.ndarray) -> np.ndarray:
    """(n,) uint64: one key from several columns of numbers, in order. Equal rows give equal keys (0.0 equals -0.0, NaN equals NaN)."""
    keys = np.zeros(len(columns[0]), dtype=np.uint64)
    for column in columns:
        if column.dtype.kind == "f":
            column = np.where(np.isnan(column), np.nan, column.astype(np.float64) + 0.0).view(np.uint64)
        keys = spread(keys ^ spread(column))
    return keys


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=8).digest()


def _bytes(leaf: np.ndarray) -> np.ndarray:
    leaf = np.ascontiguousarray(leaf)
    return leaf.reshape(-1).view(np.uint8).reshape(len(leaf), math.prod(leaf.shape[1:]) * leaf.itemsize)
