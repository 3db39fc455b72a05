"""From stored observations to the float32 that methods see, fitted on the training part and saved with the representation.

Images become [-1, 1], and so do vectors of levels, as marks are; other vectors are imputed and standardised, series by channel and not
by time; categories become one-hot. It is a
module, so that its numbers travel with the weights and into an exported graph, and it is applied in one place for training, encoding,
export and questions. An intake with `holes` leaves what is missing as NaN, for methods that read holes.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from allegory.core import SPECS, Array, Parts, Problem, Spec, Tree, plain
from allegory.data.align import aligned
from allegory.data.source import Column, Source

FIT_ITEMS = 50_000
FIT_BYTES = 1 << 30
FIT_NUMBERS = 1 << 22  # of which mean and deviation are taken at once


class Pixels(nn.Module):
    """Images to [-1, 1]: from 0 .. levels - 1, or from a range seen in the training part."""

    def __init__(self, low: float, high: float):
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: Tensor, holes: bool = False) -> Tensor:
        seen = (x.float() - self.low).mul_(2.0 / (self.high - self.low)).sub_(1.0)
        return torch.where(torch.isfinite(seen), seen, math.nan) if holes else seen

    def filled(self, raw: Tensor, x: Tensor) -> Tensor:
        """`raw` with its missing pixels from `x`, which is as methods see it."""
        return torch.where(torch.isfinite(raw), raw, (x + 1.0) * ((self.high - self.low) / 2.0) + self.low)


class Standardise(nn.Module):
    """Vectors to mean 0 and standard deviation 1 a feature; what is not finite becomes the mean, or NaN; a constant feature stays 0.

    The features of `series` (b, c, t) are their c channels, whatever the time: a moment has no scale of its own.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, size: int, series: bool = False):
        super().__init__()
        self.series = series
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))

    def fit(self, x: np.ndarray) -> "Standardise":
        flat = np.moveaxis(x, 1, 2).reshape(-1, x.shape[1]) if self.series else x.reshape(len(x), -1)
        width = max(1, FIT_NUMBERS // max(1, len(flat)))
        told = [_mean_and_deviation(flat[:, at : at + width]) for at in range(0, max(1, flat.shape[1]), width)]
        mean, std = (np.concatenate(parts) for parts in zip(*told, strict=True))
        self.mean = torch.as_tensor(mean, dtype=torch.float32)
        self.scale = torch.as_tensor(np.where(std > 1e-12 * np.maximum(1.0, abs(mean)), std, 1.0), dtype=torch.float32)
        return self

    def forward(self, x: Tensor, holes: bool = False) -> Tensor:
        wide = x if x.is_floating_point() else x.double()  # large whole numbers lose nothing before the mean goes
        wide = wide if self.series else wide.flatten(1)
        mean, scale = (v[:, None] if self.series else v for v in (self.mean, self.scale))
        z = torch.where(torch.isfinite(wide), (wide - mean) / scale, torch.full_like(wide, math.nan if holes else 0.0))
        return z.float().view(x.shape)

    def filled(self, raw: Tensor, x: Tensor) -> Tensor:
        """`raw` with its missing numbers from `x`, which is as methods see it."""
        mean, scale = (v[:, None] if self.series else v for v in (self.mean, self.scale))
        return torch.where(torch.isfinite(raw), raw, x * scale + mean)


def _mean_and_deviation(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every feature of x (n, d), over its finite entries; 0 for one without any."""
    x = np.where(np.isfinite(x), x, np.nan).astype(np.float64)
    safe = np.where(np.isfinite(x).any(0), x, 0.0)
    return np.nanmean(safe, 0), np.nanstd(safe, 0)


class Table(nn.Module):
    """Columns of numbers standardised, then columns of categories as one-hot; a category that is missing, or was not seen in training, is
    all zeros, or NaN in all its places."""

    def __init__(self, columns: tuple[Column, ...]):
        super().__init__()
        self.columns = columns
        self.numbers = [i for i, c in enumerate(columns) if c.kind == "number"]
        self.categories = [i for i, c in enumerate(columns) if c.kind == "category"]
        self.standardise = Standardise(len(self.numbers))

    @property
    def size(self) -> int:
        return len(self.numbers) + sum(len(self.columns[i].categories) for i in self.categories)

    def forward(self, x: Tensor, holes: bool = False) -> Tensor:
        out = [self.standardise(x[:, self.numbers], holes)]
        for i in self.categories:
            known = torch.arange(len(self.columns[i].categories), device=x.device, dtype=x.dtype)
            hot = (x[:, i, None] == known).float()
            out.append(torch.where(hot.sum(1, keepdim=True) > 0, hot, math.nan) if holes else hot)
        return torch.cat(out, 1)

    @property
    def owners(self) -> list[int]:
        """Of each number that methods see: which column it is of."""
        return [*self.numbers, *(i for i in self.categories for _ in self.columns[i].categories)]

    def filled(self, raw: Tensor, x: Tensor) -> Tensor:
        """`raw` with its missing numbers, and the most likely one of its missing categories, from `x`, which is as methods see it."""
        out, owners = raw.clone(), torch.as_tensor(self.owners)
        out[:, self.numbers] = self.standardise.filled(raw[:, self.numbers], x[:, : len(self.numbers)])
        for i in (c for c in self.categories if self.columns[c].categories):
            said = x[:, owners == i]
            missing = ~((raw[:, i] >= 0) & (raw[:, i] < said.shape[1]))
            out[:, i] = torch.where(missing, said.argmax(1).to(raw), raw[:, i])
        return out


class Intake(nn.Module):
    """`raw` is the spec of what is stored, `spec` of what methods see. Rules are kept by the name of the part, "" for a bare one.

    `holes`: what is missing stays NaN; else it becomes the mean, and a category all zeros.
    """

    def __init__(
        self, raw: Spec, columns: tuple[Column, ...] = (), ranges: dict[str, tuple[float, float]] | None = None, holes: bool = False
    ):
        super().__init__()
        self.raw, self.columns, self.ranges, self.holes = raw, columns, dict(ranges or {}), holes
        self.rules = nn.ModuleDict({f"at_{name}": self._rule(name, spec) for name, spec in _parts(raw)})
        self.spec: Spec = self._seen()

    def _rule(self, name: str, spec: Spec) -> nn.Module:
        if not isinstance(spec, Array):
            raise Problem(f"no intake for {type(spec).__name__} observations yet; bring arrays, images or tables")
        if spec.is_image or (spec.levels and not spec.is_series):
            low, high = (0.0, float(spec.levels - 1)) if spec.levels else self.ranges.get(name, (-1.0, 1.0))
            return Pixels(low, high)
        if spec.is_series:
            return Standardise(spec.shape[0], series=True)
        return Table(self.columns) if self.columns and not name else Standardise(spec.size)

    def _seen(self) -> Spec:
        if isinstance(self.raw, Parts):
            return self.raw
        rule = self.rules["at_"]
        assert isinstance(self.raw, Array), "no rule for another kind"
        return Array((rule.size,), holes=self.holes) if isinstance(rule, Table) else dataclasses.replace(self.raw, holes=self.holes)

    @staticmethod
    def fit(source: Source, index: np.ndarray, holes: bool = False) -> "Intake":
        """The intake of a source; statistics come from the known entries of the items at `index` (the training part, at most 50,000).

        `holes`: for a method that reads them; they are kept where the source says that it has some (`source.spec.holes`).
        """
        most = max(1, min(FIT_ITEMS, FIT_BYTES // max(1, source.item_bytes)))
        sample = source.take(index[:: max(1, math.ceil(len(index) / most))])
        parts = {name: sample[name] if name else sample for name, _ in _parts(source.spec)}
        ranges = {n: _range(parts[n]) for n, s in _parts(source.spec) if isinstance(s, Array) and s.is_image and not s.levels}
        intake = Intake(source.spec, source.columns, ranges, holes and isinstance(source.spec, Array) and source.spec.holes)
        for name in parts:
            rule = intake.rules[f"at_{name}"]
            if isinstance(rule, Standardise):
                rule.fit(parts[name])
            elif isinstance(rule, Table):
                rule.standardise.fit(np.asarray(parts[name])[:, rule.numbers])
        return intake

    def forward(self, x: Tree, holes: bool | None = None) -> Tree:
        """Stored observations (tensors) to float32 ones. `holes`: whether what is missing stays NaN; None as it was learned."""
        holes = self.holes if holes is None else holes
        if isinstance(self.raw, Parts):
            return {name: self.rules[f"at_{name}"](x[name], holes) for name, _ in _parts(self.raw)}
        return self.rules["at_"](x, holes)

    def filled(self, raw: Tensor, x: Tensor) -> Tensor:
        """Stored observations with their missing entries from `x`, as methods see it, float64 and in the stored unit; a missing category
        becomes the most likely one. Raises `Problem` for observations of several parts."""
        if not isinstance(self.raw, Array):
            raise Problem("what is missing in observations of several parts is not filled in yet; bring one array")
        full: Tensor = self.rules["at_"].filled(raw.double(), x.double())  # type: ignore[operator]
        return full.round().clamp(0, self.raw.levels - 1) if self.raw.levels else full

    def accept(self, source: Source) -> Source:
        """`source` in the terms of training: its columns in training's order and codes. Raises `Problem` where it does not fit."""
        return aligned(source, self.raw, self.columns)

    def config(self) -> dict[str, Any]:
        """Everything but the tensors, as JSON values."""
        columns = [plain.plain(c) for c in self.columns]
        told = {"raw": plain.plain(self.raw), "columns": columns, "ranges": {k: list(v) for k, v in self.ranges.items()}}
        return told | ({"holes": True} if self.holes else {})

    @staticmethod
    def from_config(config: dict[str, Any]) -> "Intake":
        """The intake that `config` wrote; its tensors come from the state dict. Raises `Problem` for anything unexpected."""
        if not isinstance(config, dict) or set(config) - {"holes"} != {"raw", "columns", "ranges"}:
            raise Problem("intake: expected the settings raw, columns, ranges and perhaps holes; this file was not written by allegory")
        raw = plain.restore(config["raw"], SPECS, Spec, "intake.raw")
        columns = plain.restore(config["columns"], {"Column": Column}, tuple[Column, ...], "intake.columns")
        pairs = plain.restore(config["ranges"], {}, dict, "intake.ranges")
        ranges = {name: plain.restore(pair, {}, tuple[float, float], f"intake.ranges.{name}") for name, pair in pairs.items()}
        if not all(-math.inf < low < high < math.inf for low, high in ranges.values()):
            raise Problem(f"intake.ranges: expected finite pairs low < high, got {ranges}")
        if columns and not (isinstance(raw, Array) and raw.shape == (len(columns),)):
            raise Problem(f"intake: {len(columns)} columns do not go with {raw}")
        holes = plain.restore(config.get("holes", False), {}, bool, "intake.holes")
        if holes and not isinstance(raw, Array):
            raise Problem(f"intake: holes are kept in arrays, not in {raw}")
        return Intake(raw, columns, ranges, holes)


def _parts(spec: Spec) -> tuple[tuple[str, Spec], ...]:
    return spec.parts if isinstance(spec, Parts) else (("", spec),)


def _range(x: np.ndarray) -> tuple[float, float]:
    finite = x[np.isfinite(x)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    return (low, high) if high > low else (low - 1.0, low + 1.0)
