"""Tensors and facts in one file that is whole, verified, or refused; and the state of a run as such tensors.

A file is plain safetensors: any safetensors reader opens it. Its metadata holds a version, the facts as JSON, which tensors are tied,
and a SHA-256 of the whole file (taken with the digest itself as zeros), so that a flipped bit anywhere is noticed.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor, nn

from allegory.core import Problem
from allegory.core.files import atomic

VERSION = "1"
SUFFIX = ".safetensors"
HEADER_BYTES = 100_000_000  # the format's own limit
NO_DIGEST = "0" * 64
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "C64": torch.complex64,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def save(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Writes `path`, whole or not at all, one tensor in memory at a time. Tied tensors are stored once.

    `facts` are JSON values. Raises `Problem` when the disk is full or the folder cannot be written.
    """
    owners, aliases = _untie(tensors)
    entries, at = {}, 0
    for name, t in owners.items():
        if t.dtype not in NAMES:
            raise Problem(f"the tensor {name!r} is {t.dtype}, which cannot be saved; expected one of {', '.join(map(str, NAMES))}")
        entries[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + t.nbytes]}
        at += t.nbytes
    metadata = {"sha256": NO_DIGEST, "allegory": VERSION, "facts": json.dumps(facts), "aliases": json.dumps(aliases), "format": "pt"}
    header = json.dumps({"__metadata__": metadata, **entries}).encode()
    header += b" " * (-len(header) % 8)
    head = len(header).to_bytes(8, "little") + header
    digest = hashlib.sha256(head)
    with atomic(path) as f:
        f.write(head)
        for t in owners.values():
            content = _bytes(t).numpy().data
            digest.update(content)
            f.write(content)
        f.seek(0)
        f.write(_with_digest(head, NO_DIGEST, digest.hexdigest()))


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The (tensors, facts) of a file that `save` wrote; tied names share one tensor.

    Raises `Problem` when the file is missing, foreign, of another version, cut short, or differs from what was written by one bit.
    """
    try:
        with open(path, "rb") as f:
            head, header = _header(path, f)
            metadata = _metadata(path, header)
            tensors, digest = {}, hashlib.sha256(_with_digest(head, metadata["sha256"], NO_DIGEST))
            for name, dtype, shape in _entries(path, header, Path(path).stat().st_size - len(head)):
                tensors[name] = torch.empty(shape, dtype=dtype)
                content = _bytes(tensors[name]).numpy().data
                if f.readinto(content) != len(content):
                    raise _damaged(path, "it is cut short")
                digest.update(content)
    except OSError as e:
        raise Problem(f"cannot read {path}: {e.strerror or e}") from e
    if digest.hexdigest() != metadata["sha256"]:
        raise _damaged(path, "its content does not match its checksum")
    try:
        facts, aliases = json.loads(metadata["facts"]), json.loads(metadata["aliases"])
        return tensors | {name: tensors[owner] for name, owner in aliases.items()}, facts
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise _damaged(path, "its facts are not readable") from e


def at(folder: Path, step: int) -> Path:
    """The file of the checkpoint after `step` steps; names sort as steps do."""
    return Path(folder) / f"{step:012d}{SUFFIX}"


def diverged(folder: Path) -> Path:
    """The file for a state that is kept to be looked at, and never resumed from."""
    return Path(folder) / f"diverged{SUFFIX}"


def latest(folder: Path) -> Path | None:
    """The newest checkpoint in `folder` that is whole; damaged ones are passed over. None when there is none."""
    for path in reversed(_checkpoints(folder)):
        try:
            load(path)
        except Problem:
            continue
        return path
    return None


def prune(folder: Path, keep: int = 2) -> None:
    """Removes all but the newest `keep` checkpoints, and what a killed writer left half-written. Only the one writer calls this."""
    for path in [*_checkpoints(folder)[: -keep or None], *Path(folder).glob(f".*{SUFFIX}.*.part")]:
        path.unlink(missing_ok=True)


def state(nets: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Everything that learning changes: "net/NAME/..." parameters and buffers, "optim/NAME/POSITION/..." the optimisers' state.

    The tensors are the live ones, not copies. An optimiser's settings are not state: they follow from the configuration and the step.
    """
    tensors = {f"net/{name}/{k}": t for name, net in nets.items() for k, t in contents(net).items()}
    for name, optimiser in optimisers.items():
        for position, (p, _) in enumerate(_moved(optimiser)):
            for key, value in optimiser.state.get(p, {}).items():
                if value is None:
                    continue
                if not isinstance(value, Tensor):
                    raise Problem(f"{type(optimiser).__name__} keeps {key!r} as a {type(value).__name__}; only tensors can be saved")
                tensors[f"optim/{name}/{position}/{key}"] = value
    return tensors


def restore(tensors: Mapping[str, Tensor], nets: Mapping[str, nn.Module], optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
    """Puts back what `state` gave, in place and bit for bit. Other prefixes than "net/" and "optim/" are the caller's and left alone.

    Raises `Problem` when a net or optimiser is missing or unknown, or a tensor's name, shape or type is not the net's.
    """
    compare(tensors, nets)
    for name, net in nets.items():
        fill(net, _under(tensors, f"net/{name}/"), f"net {name!r}")
    unknown = {k.split("/")[1] for k in tensors if k.startswith("optim/")} - set(optimisers)
    if unknown:
        raise Problem(f"the checkpoint holds optimisers that this run does not have: {', '.join(sorted(unknown))}")
    for name, optimiser in optimisers.items():
        _fill_optimiser(optimiser, _under(tensors, f"optim/{name}/"), name)


def compare(tensors: Mapping[str, Tensor], nets: Mapping[str, nn.Module]) -> None:
    """Raises `Problem` unless the tensors under "net/" are those of `nets`; nothing is moved, and `nets` may live on the meta device."""
    _same({k.split("/")[1] for k in tensors if k.startswith("net/")}, {n for n in nets if contents(nets[n])}, "the file's nets")
    for name, net in nets.items():
        _fits(net, _under(tensors, f"net/{name}/"), f"net {name!r}")


def contents(net: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers by name, tied ones under each of their names."""
    pairs = [*net.named_parameters(remove_duplicate=False), *net.named_buffers(remove_duplicate=False)]
    return {name: t.detach() for name, t in pairs}


def fill(net: nn.Module, tensors: Mapping[str, Tensor], what: str = "the net") -> None:
    """Loads strictly, in place: the same names, shapes and types, or a `Problem`.

    A buffer whose size the data decide (a table, a set of components) takes its shape from `tensors` if its module declares it:
    `sized = {"components": 1_000_000}`, the greatest number of elements that is believable; the number of axes must agree.
    """
    _fits(net, tensors, what)
    with torch.no_grad():
        for name, t in contents(net).items():
            if tensors[name].shape == t.shape:
                t.copy_(tensors[name])
            else:
                owner, _, leaf = name.rpartition(".")
                setattr(net.get_submodule(owner), leaf, tensors[name].to(t.device, copy=True))


def _fits(net: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    own = contents(net)
    _same(set(tensors), set(own), f"{what}'s tensors")
    sizes = {f"{path}.{k}".lstrip("."): most for path, m in net.named_modules() for k, most in getattr(m, "sized", {}).items()}
    for name, t in own.items():
        new = tensors[name]
        fits = new.shape == t.shape if name not in sizes else new.ndim == t.ndim and new.numel() <= sizes[name]
        if not fits or new.dtype != t.dtype:
            expected = (
                f"{t.dtype} of shape {tuple(t.shape)}" if name not in sizes else f"{t.dtype}, {t.ndim} axes, <= {sizes[name]} elements"
            )
            raise Problem(f"{what}: expected {name!r} as {expected}, got {new.dtype} of shape {tuple(new.shape)}")


def _fill_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor], name: str) -> None:
    moved = _moved(optimiser)
    optimiser.state.clear()
    for key, value in tensors.items():
        position, _, field = key.partition("/")
        if int(position) >= len(moved):
            raise Problem(f"the checkpoint's optimiser {name!r} moves more than the {len(moved)} parameters that this run has")
        p, group = moved[int(position)]
        # Counters live on the CPU unless the kernel itself counts; load_state_dict would also cast the rest to the parameter's type.
        on_cpu = value.ndim == 0 and not (group.get("capturable") or group.get("fused"))
        optimiser.state[p][field] = value.to("cpu" if on_cpu else p.device, copy=True)


def _moved(optimiser: torch.optim.Optimizer) -> list[tuple[Tensor, dict[str, Any]]]:
    return [(p, group) for group in optimiser.param_groups for p in group["params"]]


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): t for k, t in tensors.items() if k.startswith(prefix)}


def _same(got: set[str], expected: set[str], what: str) -> None:
    missing, unknown = sorted(expected - got), sorted(got - expected)
    if missing or unknown:
        raise Problem(f"{what} do not fit: missing {', '.join(missing[:5]) or 'none'}; unknown {', '.join(unknown[:5]) or 'none'}")


def _checkpoints(folder: Path) -> list[Path]:
    """By step, oldest first."""
    return sorted(p for p in Path(folder).glob(f"*{SUFFIX}") if re.fullmatch(r"\d{12}", p.stem))


def _untie(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors to store, and {further name: name it is stored under}."""
    owners: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    seen: dict[Any, str] = {}
    for name, t in tensors.items():
        place = (t.device, t.data_ptr(), t.dtype, t.shape, t.stride()) if t.numel() else name
        if place in seen:
            aliases[name] = seen[place]
        else:
            owners[name] = t
            seen[place] = name
    return owners, aliases


def _bytes(t: Tensor) -> Tensor:
    """The memory of a tensor (a copy only if it is elsewhere or not contiguous)."""
    return t.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def _with_digest(head: bytes, old: str, new: str) -> bytes:
    """`head` with its digest, which stands first in the metadata, replaced."""
    return head.replace(f'"sha256": "{old}"'.encode(), f'"sha256": "{new}"'.encode(), 1)


def _header(path: Path, f: IO[bytes]) -> tuple[bytes, dict[str, Any]]:
    size = f.read(8)
    length = int.from_bytes(size, "little")
    if len(size) < 8 or not 2 <= length <= HEADER_BYTES:
        raise _damaged(path, "it does not begin as a safetensors file does")
    raw = f.read(length)
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not readable")
    return size + raw, header


def _metadata(path: Path, header: dict[str, Any]) -> dict[str, str]:
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or "allegory" not in metadata:
        raise Problem(f"{path} was not written by allegory; expected one of its own safetensors files")
    if metadata["allegory"] != VERSION:
        raise Problem(
            f"{path} has format version {metadata['allegory']!r}, this allegory reads {VERSION!r}; use the allegory that wrote it"
        )
    if set(metadata) != {"sha256", "allegory", "facts", "aliases", "format"} or not re.fullmatch("[0-9a-f]{64}", str(metadata["sha256"])):
        raise _damaged(path, "its metadata is incomplete")
    return metadata


def _entries(path: Path, header: dict[str, Any], size: int) -> Iterator[tuple[str, torch.dtype, tuple[int, ...]]]:
    """The tensors in file order. Their sizes are checked against the file's before anything is allocated."""
    end, entries = 0, []
    for name, entry in header.items():
        try:
            dtype, shape, (start, stop) = DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
            fits = start == end and stop - start == math.prod(shape) * dtype.itemsize
            fits &= all(isinstance(s, int) and s >= 0 for s in shape) and math.prod(max(s, 1) for s in shape) < 2**60
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise _damaged(path, f"its entry {name!r} is wrong")
        entries.append((name, dtype, shape))
        end = stop
    if end != size:
        raise _damaged(path, f"it should hold {end} bytes of tensors and holds {size}")
    yield from entries


def _damaged(path: Path, how: str) -> Problem:
    return Problem(f"{path} is damaged: {how}. Use another copy.")
