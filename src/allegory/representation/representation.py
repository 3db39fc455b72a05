"""What is left after learning: a method, its fitted net and its intake, with whatever the method can do."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from allegory import core
from allegory.core import Code, Density, Dice, Method, Misuse, RateDistortion, Spectrum, Tree, tree
from allegory.data import Intake, Source
from allegory.representation.reading import as_stored, batches
from allegory.representation.rest import at_rest

CHUNK = 1024
SAMPLES = 256  # a sample depends on the seed and its number, and on this


@dataclass(frozen=True, eq=False)
class Representation:
    """Encodes, and whatever else its method can do (`can`). Everything comes back as numpy, in the order of the input.

    `x` is always data as stored: a source, an array or tensor of such items, a table, a path. What comes out of `decode`, `sample` and
    `reconstruct` is in the method's units: images in [-1, 1], tables standardised. `facts` are JSON values; "items" counts the
    training items. The net is left as found: its mode, its gradients, the global generators.
    """

    method: Method[Any]
    net: nn.Module = field(repr=False)
    intake: Intake = field(repr=False)
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, fitted: Any, **facts: Any) -> "Representation":
        """From what `train.fit` gave, with further facts."""
        return cls(fitted.method, fitted.net, fitted.intake, {**fitted.facts, **facts})

    @property
    def spec(self) -> core.Spec:
        """What the method sees; `intake.raw` is what is stored."""
        return self.intake.spec

    @property
    def device(self) -> torch.device:
        return next((t.device for t in _floating(self.net)), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """What the net computes in: float32, or float64 when it was trained so."""
        return next((t.dtype for t in _floating(self.net)), torch.float32)

    def to(self, device: torch.device | str) -> "Representation":
        """Moves the net and the intake, in place."""
        self.net.to(device)
        self.intake.to(device)
        return self

    def can(self) -> tuple[str, ...]:
        """The names of what this can do: encode, codes, decode, sample, log_density, bound, rate_distortion ..."""
        names = core.can(self.method)
        return (*names, "reconstruct") if {"encode", "decode"} <= set(names) else names

    def encode(self, x: Any, batch: int = CHUNK) -> Float[np.ndarray, "n z"]:
        """The default code of every item, float32. At most `batch` items are in memory beside the codes."""
        source = as_stored(x, self.intake)
        return _joined(self.stream(source, batch), len(source))

    def stream(self, x: Any, batch: int = CHUNK) -> Iterator[Float[np.ndarray, "b z"]]:
        """The codes batch by batch, for data of any size."""
        method = self._that_can("encode")
        return self._each(as_stored(x, self.intake), batch, lambda x, _: method.encode(self.net, x))

    def codes(self, x: Any, names: tuple[str, ...] | None = None, batch: int = CHUNK) -> dict[str, Code]:
        """Named codes (layers, patches, posteriors ...) of every item, as tensors on the CPU; all of them when `names` is None."""
        method, parts = self._that_can("codes"), []
        for seen, n in batches(as_stored(x, self.intake), self.intake, batch, self.device, self.dtype):
            with at_rest(self.net):
                parts.append({name: _first(code, n) for name, code in method.codes(self.net, seen, names).items()})
        return {name: _join_codes([part[name] for part in parts]) for name in parts[0]}

    def predict(self, x: Any, batch: int = CHUNK) -> Float[np.ndarray, "n k"]:
        """Class probabilities of every item."""
        method, source = self._that_can("predict"), as_stored(x, self.intake)
        return _joined(self._each(source, batch, lambda x, _: method.predict(self.net, x)), len(source))

    def reconstruct(self, x: Any, batch: int = CHUNK) -> Tree:
        """decode(encode(x)) of every item."""
        method, source = self._that_can("reconstruct"), as_stored(x, self.intake)
        return _joined(self._each(source, batch, lambda x, _: method.decode(self.net, method.encode(self.net, x))), len(source))

    def decode(self, z: np.ndarray | Tensor, batch: int = CHUNK) -> Tree:
        """The observation (its mean) that each code of `z` (n, z) stands for. Raises `Misuse` for codes of another size."""
        method, codes = self._that_can("decode"), torch.as_tensor(z)
        size = self.code_size
        if codes.ndim != 2 or not len(codes) or (size is not None and codes.shape[1] != size):
            hint = "for one code pass z[None]" if codes.ndim < 2 else "pass codes as encode gives them"
            raise Misuse(f"expected codes of shape (n, {'z' if size is None else size}), got {tuple(codes.shape)}; {hint}")
        parts = (self._rest(lambda c: method.decode(self.net, c.to(self.device, self.dtype)), c) for c in codes.split(batch))
        return _joined(parts, len(codes))

    def compare(self, a: np.ndarray | Tensor, b: np.ndarray | Tensor) -> Float[np.ndarray, "m n"]:
        """The distance of every code of `a` (m, z) from every code of `b` (n, z) in the space that codes live in, in double precision."""
        method, (left, right) = self._that_can("compare"), (torch.as_tensor(z).to(self.device, torch.float64) for z in (a, b))
        with at_rest(self.net):
            return np.asarray(method.compare(self.net, left, right).cpu())

    def sample(self, n: int, seed: int = 0) -> Tree:
        """`n` new observations."""
        method = self._that_can("sample")
        if n < 1:
            raise Misuse(f"expected at least 1 sample, got {n}")
        root = Dice.roll(seed, 0, torch.empty(0, dtype=torch.int64, device=self.device), "sample")
        sizes = {at: min(SAMPLES, n - at) for at in range(0, n, SAMPLES)}
        return _joined((self._rest(lambda at: method.sample(self.net, sizes[at], root.split(at).rows(sizes[at])), at) for at in sizes), n)

    def log_density(self, x: Any, seed: int = 0, k: int = 1, batch: int = CHUNK) -> Density:
        """log p(x) of every item in nats, (n,) on the CPU, and whether it is exact, a lower bound or an estimate (of `k` samples)."""
        method, source = self._that_can("log_density"), as_stored(x, self.intake)
        kinds: list[Density] = []

        def values(x: Tree, at: int) -> Tensor:
            index = torch.arange(at, at + tree.length(x), device=self.device)
            density = method.log_density(self.net, x, Dice.roll(seed, 0, index, "log density"), k)
            kinds.append(density)
            return density.values

        joined = _joined(self._each(source, batch, values), len(source))
        return Density(torch.as_tensor(joined), kinds[0].kind, kinds[0].levels, kinds[0].k)

    def rate_distortion(self, x: Any, seed: int = 0, batch: int = CHUNK) -> RateDistortion:
        """What the code of every item takes and what is left to say, in nats, (n,) each on the CPU."""
        method, source = self._that_can("rate_distortion"), as_stored(x, self.intake)
        names: list[str] = []

        def told(x: Tree, at: int) -> Tree:
            index = torch.arange(at, at + tree.length(x), device=self.device)
            found = method.rate_distortion(self.net, x, Dice.roll(seed, 0, index, "rate and distortion"))
            names.append(found.likelihood)
            return found.rate, found.distortion

        rate, distortion = (torch.as_tensor(v) for v in _joined(self._each(source, batch, told), len(source)))
        return RateDistortion(rate, distortion, names[0])

    def complete(self, x: Any, known: np.ndarray | Tensor, seed: int = 0, batch: int = CHUNK) -> Tree:
        """`x` with the entries where `known` (n, *d), of the shape that the method sees, is False said anew from the others.

        What is missing in `x` itself (NaN, a category that training had not) is said anew too, whatever `known` says.
        """
        return self._completed(as_stored(x, self.intake), torch.as_tensor(known, dtype=torch.bool), seed, batch)

    def impute(self, x: Any, seed: int = 0, batch: int = CHUNK) -> np.ndarray:
        """`x` as stored, with what is missing (NaN) filled in from the rest, in the stored unit; all else as it was.

        Of a table's missing categories the most likely one, as its code: categories are numbered as in `intake.columns`. Where a method
        completes by draws, what is filled in is one. Raises `Problem` for observations of several parts.
        """
        source = as_stored(x, self.intake)
        filled = self._completed(source, None, seed, batch)
        stored = source.take(slice(None))
        full = self.intake.filled(*(torch.as_tensor(v).to(self.device) for v in (stored, filled))).cpu().numpy()
        return np.asarray(full.astype(stored.dtype if np.issubdtype(stored.dtype, np.floating) else np.float64))

    def _completed(self, source: Source, known: Tensor | None, seed: int, batch: int) -> Tree:
        """Every item with what is missing, or not `known`, said anew."""
        method = self._that_can("complete")

        def filled(x: Tree, at: int) -> Tree:
            told, index = ~x.isnan(), torch.arange(at, at + tree.length(x), device=self.device)
            told = told if known is None else told & _rows_of(known, x, at).to(self.device)
            return method.complete(self.net, torch.nan_to_num(x), told, Dice.roll(seed, 0, index, "complete"))

        return _joined(self._each(source, batch, filled, holes=True), len(source))

    def progressive(self, x: Any, bits: Sequence[float], seed: int = 0, batch: int = CHUNK) -> list[tuple[Tree, Float[np.ndarray, " n"]]]:
        """For each budget of bits an item: every item as it is said with at most so many, and the bits that each took."""
        method, source, budgets = self._that_can("progressive"), as_stored(x, self.intake), tuple(float(most) for most in bits)
        if not budgets or not all(most >= 0 for most in budgets):
            raise Misuse(f"expected budgets of 0 bits or more, such as (10, 100, float('inf')); got {budgets}")

        def said(x: Tree, at: int) -> Tree:
            index = torch.arange(at, at + tree.length(x), device=self.device)
            return tuple(method.progressive(self.net, x, Dice.roll(seed, 0, index, "progressive"), budgets))

        return list(_joined(self._each(source, batch, said), len(source)))

    def spectrum(self) -> Spectrum:
        """The numbers that stand behind those of the code (variances, eigenvalues), as float32 tensors on the CPU."""
        method = self._that_can("spectrum")
        with at_rest(self.net):
            found = method.spectrum(self.net)
        total = None if found.total is None else found.total.detach().float().cpu()
        return Spectrum(found.values.detach().float().cpu(), found.name, total)

    def save(self, folder: Path | str) -> None:
        """Writes `folder`: config.json, model.safetensors, manifest.json; whole or not at all. See `representation.store`."""
        from allegory.representation import store

        store.save(self, Path(folder))

    @staticmethod
    def load(folder: Path | str, known: Sequence[type[Method[Any]]] = ()) -> "Representation":
        """Reads what `save` wrote; anything else, and any flipped bit, raises `Problem`.

        Methods are found in the registry (`allegory.methods`); pass the classes of others as `known`.
        """
        from allegory.representation import store

        return store.load(Path(folder), known)

    @cached_property
    def code_size(self) -> int | None:
        """How many numbers the default code has, seen on a blank observation; None where nothing is encoded."""
        if "encode" not in self.can():
            return None
        blank = _blank(self.spec, self.device, self.dtype)
        return int(self._rest(lambda: self._that_can("encode").encode(self.net, blank)).shape[1])

    def _that_can(self, name: str) -> Any:
        """The method, if it can."""
        if name not in self.can():
            raise Misuse(f"{type(self.method).__name__} cannot {name.replace('_', ' ')}; it can {', '.join(self.can()) or 'do nothing'}")
        return self.method

    def _each(self, source: Source, batch: int, f: Callable[[Tree, int], Any], holes: bool | None = None) -> Iterator[Tree]:
        """`f(x, number of its first item)` of every batch, as numpy."""
        at = 0
        for x, n in batches(source, self.intake, batch, self.device, self.dtype, holes):
            yield tree.take(self._rest(f, x, at), slice(n))
            at += n

    def _rest(self, f: Callable[..., Any], *arguments: Any) -> Tree:
        """The result as numpy. The net rests only meanwhile, not while a generator waits for its consumer."""
        with at_rest(self.net):
            return tree.map(lambda t: t.detach().numpy(), tree.to(f(*arguments), "cpu", torch.float32))


def _blank(spec: core.Spec, device: torch.device, dtype: torch.dtype) -> Tree:
    """One observation of zeros."""
    if isinstance(spec, core.Parts):
        return {name: _blank(of, device, dtype) for name, of in spec.parts}
    assert isinstance(spec, core.Array), "no intake of another kind"
    return torch.zeros(1, *spec.shape, device=device, dtype=dtype)


def _rows_of(known: Tensor, x: Tensor, at: int) -> Tensor:
    """What is known of a batch that begins at item `at`, all of it of the items that pad it."""
    if known.shape[1:] != x.shape[1:]:
        raise Misuse(f"expected `known` of shape (n, {', '.join(map(str, x.shape[1:]))}), as the method sees items; got {known.shape}")
    some = known[at : at + len(x)]
    return torch.cat([some, some.new_ones(len(x) - len(some), *some.shape[1:])])


def _floating(net: nn.Module) -> Iterator[Tensor]:
    for tensors in (net.parameters(), net.buffers()):
        yield from (t for t in tensors if t.is_floating_point())


def _joined(parts: Iterator[Tree], n: int) -> Tree:
    """The parts end to end, with no second copy of the whole."""
    whole, at = None, 0
    for part in parts:
        if whole is None:
            whole = tree.map(lambda leaf: np.empty((n, *leaf.shape[1:]), leaf.dtype), part)
        here = slice(at, at + tree.length(part))
        tree.map(lambda target, leaf, here=here: target.__setitem__(here, leaf), whole, part)
        at = here.stop
    return whole


def _first(code: Code, n: int) -> Code:
    return Code(code.values[:n].detach().cpu(), None if code.mask is None else code.mask[:n].cpu(), code.kind)


def _join_codes(parts: list[Code]) -> Code:
    masks = [p.mask for p in parts if p.mask is not None]
    return Code(torch.cat([p.values for p in parts]), torch.cat(masks) if masks else None, parts[0].kind)
