"""A representation as a folder: config.json (closed schema), model.safetensors (net and intake), manifest.json (SHA-256 of each).

Loading trusts nothing: only these three names are opened, none through a link; every byte is covered by a checksum; classes come from
the registry of methods, never from a string in the file; and sizes are compared before memory is taken.
"""

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from allegory.core import Method, Problem, files
from allegory.data import Intake
from allegory.representation import config
from allegory.representation.representation import Representation
from allegory.train import checkpoints

CONFIG, MODEL, MANIFEST = "config.json", "model.safetensors", "manifest.json"
CONFIG_BYTES = 64 << 20
T = TypeVar("T")


def save(rep: Representation, folder: Path) -> None:
    """Writes the folder, whole or not at all; an older representation there is replaced, anything else is refused."""
    write(folder, described(rep), {"model": rep.net, "intake": rep.intake})


def described(rep: Representation) -> dict[str, Any]:
    """What config.json says of a representation: everything but the tensors."""
    if "items" not in rep.facts:
        raise Problem('a representation needs facts["items"], the number of items it was learned on, to be saved')
    dtype = "float64" if rep.dtype == torch.float64 else "float32"
    return config.Config(rep.method, rep.spec, int(rep.facts["items"]), dtype, rep.intake.config(), dict(rep.facts)).written()


def write(folder: Path, said: Mapping[str, Any], nets: Mapping[str, nn.Module]) -> None:
    """Writes config.json (`said`), the tensors of `nets` and the manifest, as one folder that is whole or not there."""
    tensors = checkpoints.state(nets, {})
    refuse_nan(tensors, _parameters(nets))
    with _new_folder(folder) as new:
        files.write_json(new / CONFIG, said)
        checkpoints.save(new / MODEL, tensors, {})
        files.atomic_write(new / MANIFEST, _manifest({name: files.sha256(new / name) for name in (CONFIG, MODEL)}))


def load(folder: Path, known: Sequence[type[Method[Any]]] = ()) -> Representation:
    """Reads what `save` wrote. Raises `Problem` for anything else. `known`: method classes that no package registers."""
    told, tensors = read(folder, lambda said: config.read(said, known))
    return of(told, filled(lambda: nets_of(told), tensors))


def nets_of(told: config.Config) -> dict[str, nn.Module]:
    """The nets of a representation by their names in the file, without their numbers."""
    net, intake = told.build()
    return {"model": net, "intake": intake}


def of(told: config.Config, nets: Mapping[str, nn.Module]) -> Representation:
    """The representation of these nets, with their numbers."""
    intake = nets["intake"].eval()
    assert isinstance(intake, Intake)
    return Representation(told.method, nets["model"].eval(), intake, told.facts)


def read(folder: Path, understand: Callable[[Any], T]) -> tuple[T, dict[str, Tensor]]:
    """What config.json says, through `understand`, and the tensors of a folder that `write` wrote; every byte is verified first."""
    folder = _settled(folder)
    digests = _digests(_read(folder / MANIFEST, 1 << 16))
    raw = _read(folder / CONFIG, CONFIG_BYTES)
    _same_digest(folder / CONFIG, hashlib.sha256(raw).hexdigest(), digests)
    _regular(folder / MODEL)
    _same_digest(folder / MODEL, files.sha256(folder / MODEL), digests)
    try:
        told = understand(json.loads(raw))
    except (ValueError, RecursionError) as e:
        raise e if isinstance(e, Problem) else Problem(f"{folder / CONFIG} is not valid JSON: {e}") from e
    return told, checkpoints.load(folder / MODEL)[0]


def filled(build: Callable[[], Mapping[str, nn.Module]], tensors: Mapping[str, Tensor]) -> Mapping[str, nn.Module]:
    """The nets that `build` makes, holding `tensors`. Raises `Problem` unless names, shapes and types agree and numbers are finite."""
    _measure(build, tensors)
    nets = build()
    checkpoints.restore(tensors, nets, {})
    refuse_nan(tensors, _parameters(nets))
    return nets


def refuse_nan(tensors: Mapping[str, Tensor], parameters: set[str]) -> None:
    """NaN anywhere, and infinity in a parameter, raise `Problem`; a buffer may hold infinity (a mask, a bound)."""
    for name, t in tensors.items():
        if (t.is_floating_point() and t.isnan().any()) or (name in parameters and not t.isfinite().all()):
            raise Problem(f"{name.partition('/')[2]} holds numbers that are not finite; learning diverged. Learn again with a smaller --lr")


def _measure(build: Callable[[], Mapping[str, nn.Module]], tensors: Mapping[str, Tensor]) -> None:
    """Builds once without memory, so that absurd sizes are refused before they are allocated."""
    try:
        with torch.device("meta"):
            nets = build()
    except Problem:
        return  # a net that needs real tensors to be built; the strict comparison follows
    checkpoints.compare(tensors, nets)


def _parameters(nets: Mapping[str, nn.Module]) -> set[str]:
    return {f"net/{name}/{path}" for name, net in nets.items() for path, _ in net.named_parameters()}


def _manifest(digests: Mapping[str, str]) -> str:
    return json.dumps({"allegory": "manifest", "version": 1, "sha256": dict(digests)}, indent=2) + "\n"


def _digests(raw: bytes) -> dict[str, str]:
    """What the manifest says, if it is byte for byte what we would write: no other name, path, case or blank."""
    try:
        digests = json.loads(raw)["sha256"]
        names, whole = list(digests), _manifest(digests).encode() == raw
    except (ValueError, TypeError, KeyError, RecursionError):
        names, whole = [], False
    if not whole or names != [CONFIG, MODEL]:
        raise Problem(f"{MANIFEST} is not a manifest of exactly {CONFIG} and {MODEL}; the folder is damaged or not a saved representation")
    return digests


def _same_digest(path: Path, digest: str, digests: Mapping[str, str]) -> None:
    if digest != digests[path.name]:
        raise Problem(f"{path} is damaged: it does not match its checksum in {MANIFEST}. Use another copy.")


def _regular(path: Path) -> os.stat_result:
    """Raises `Problem` for what is missing, or a link, folder or device."""
    try:
        found = os.lstat(path)
    except OSError as e:
        raise Problem(f"cannot read {path}: {e.strerror}; expected a saved representation (RUN/model)") from e
    if not stat.S_ISREG(found.st_mode):
        raise Problem(f"{path} is not a regular file; links and devices are refused")
    return found


def _read(path: Path, most: int) -> bytes:
    if _regular(path).st_size > most:
        raise Problem(f"{path} is larger than {most >> 10} KiB; it is not one of our files")
    try:
        return path.read_bytes()
    except OSError as e:
        raise Problem(f"cannot read {path}: {e.strerror}") from e


def _settled(folder: Path) -> Path:
    """The folder itself, RUN/model for RUN, or the version that a killed replacement had just set aside."""
    aside = _aside(folder)
    if not folder.exists() and aside.is_dir():
        return aside
    return folder / "model" if not (folder / MANIFEST).exists() and (folder / "model" / MANIFEST).exists() else folder


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.old"


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that takes the place of `folder` when the block ends without an error."""
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or {p.name for p in folder.iterdir()} - {CONFIG, MODEL, MANIFEST}):
        raise Problem(f"{folder} holds something else than a saved representation; choose another folder")
    new, aside = folder.parent / f".{folder.name}.part", _aside(folder)
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        files.fault("rename", folder)
        if folder.exists():
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
        new.rename(folder)
        files.sync_folder(folder.parent)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as e:
        raise Problem(f"cannot write {folder}: {e.strerror}; choose another folder. What was there before is untouched.") from e
    finally:
        shutil.rmtree(new, ignore_errors=True)
