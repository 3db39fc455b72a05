"""Nets by name (matched without case, "_" and "-"), made to fit a spec."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from allegory.core import Array, Misuse, Parts, Problem, Spec, key, nearest
from allegory.nets.broadcast import Broadcast
from allegory.nets.convnet import ConvNet
from allegory.nets.deconv import Deconv
from allegory.nets.encoder import Encoder
from allegory.nets.linear import Flat, LinearDecoder
from allegory.nets.mlp import MLP, MLPDecoder
from allegory.nets.parts import PartsDecoder, PartsEncoder
from allegory.nets.resnet import resnet18, resnet50
from allegory.nets.vit import ViT
from allegory.nets.wave import Wave

N = TypeVar("N", bound=nn.Module)
SMALL = (128, 128)

ENCODERS: dict[str, Callable[[Any], Encoder]] = {
    "linear": Flat,
    "mlp": MLP,
    "mlp-group": lambda shape: MLP(shape, norm="group"),
    "mlp-plain": lambda shape: MLP(shape, norm="none"),
    "mlp-small-plain": lambda shape: MLP(shape, SMALL, norm="none"),
    "convnet": ConvNet,
    "convnet-group": lambda shape: ConvNet(shape, norm="group"),
    "convnet-plain": lambda shape: ConvNet(shape, plain=True),
    "resnet18": resnet18,
    "resnet18-group": lambda shape: resnet18(shape, norm="group"),
    "resnet50": resnet50,
    "vit-mini": lambda shape: ViT(shape, width=64, heads=4, depth=3, grid=8, sine=True),
    "vit-tiny": lambda shape: ViT(shape, width=192, heads=3),
    "vit-small": lambda shape: ViT(shape, width=384, heads=6),
}
OF_SERIES: dict[str, Callable[[Any], Encoder]] = {"wave": Wave, "wave-group": lambda shape: Wave(shape, norm="group")}
DECODERS: dict[str, Callable[[Any, int], nn.Module]] = {
    "linear": LinearDecoder,
    "mlp": MLPDecoder,
    "mlp-small": lambda shape, latent: MLPDecoder(shape, latent, SMALL),
    "deconv": Deconv,
    "broadcast": Broadcast,
}
DEFAULTS = {  # for images, series and other arrays
    "default": ("convnet", "wave", "mlp"),
    "default-group": ("convnet-group", "wave-group", "mlp-group"),
    "default-plain": ("convnet-plain", "mlp-plain", "mlp-plain"),
}


def encoder(name: str, spec: Spec) -> Encoder:
    """A net from observations of `spec` to (b, out), with the int attribute `out`.

    "default" is "convnet" for images, "wave" for series and "mlp" for other arrays. The "-plain" ones have no batch statistics and keep
    places; the "-group" ones have group norms for batch norms, so that large batches may pass in pieces.
    `Parts` get one net a part; parts that are no images get the default where `name` reads images only.
    Raises `Misuse` for an unknown name and for a net of images or series where there are none.
    """
    if isinstance(spec, Parts):
        return PartsEncoder({part: encoder(_fitting(name, of), of) for part, of in spec.parts})
    array = _array(spec)
    image, series, other = DEFAULTS.get(_own(name, DEFAULTS), (name, name, name))
    named = image if array.is_image else series if array.is_series else other
    return _find(named, array, ENCODERS | OF_SERIES, "encoder")(array.shape)


def transformer(name: str, spec: Spec) -> ViT:
    """The encoder of this name where it is a vision transformer, for methods that hide patches. Raises `Misuse` for any other."""
    net = encoder(name, spec)
    if not isinstance(net, ViT):
        vits = [known for known in ENCODERS if known.startswith("vit")]
        raise Misuse(f"hidden patches need a vision transformer; {name!r} on {spec} is none. Take images, and one of {', '.join(vits)}")
    return net


def patch_of(name: str, spec: Spec) -> int:
    """The side in pixels of the patches of a vision transformer of this name."""
    with torch.device("meta"):
        return transformer(name, spec).patch


def decoder(name: str, spec: Spec, latent: int) -> nn.Module:
    """A net from (b, latent) to observations of `spec`, real-valued without squashing; "default" is "deconv" for images, else "mlp"."""
    if isinstance(spec, Parts):
        return PartsDecoder({part: decoder(_fitting(name, of), of, latent) for part, of in spec.parts})
    array = _array(spec)
    if key(name) == "default":
        name = "deconv" if array.is_image else "mlp"
    return _find(name, array, DECODERS, "decoder")(array.shape, latent)


def default(spec: Spec, out: int) -> nn.Module:
    """The plain encoder that suits `spec`, with a linear layer to (b, out): no batch statistics, for likelihoods and reconstructions."""
    trunk = encoder("default-plain", spec)
    return nn.Sequential(trunk, nn.Linear(trunk.out, out))


def _find(name: str, spec: Array, known: Mapping[str, Callable[..., N]], what: str) -> Callable[..., N]:
    name = _own(name, known)
    if name not in known:
        raise nearest(name, ["default", *known], what)
    fits, reads = (spec.is_series, "series (c, t)") if name in OF_SERIES else (spec.is_image, "images (c, h, w)")
    if not (fits or name.startswith(("mlp", "linear"))):
        raise Misuse(f"the {what} {name!r} reads {reads}; these are {spec}. Use 'mlp' or 'default'")
    return known[name]


def _own(name: str, known: Iterable[str]) -> str:
    """The known name that `name` means without case, "_" and "-"; itself where there is none."""
    return {key(k): k for k in known}.get(key(name), name)


def _fitting(name: str, spec: Spec) -> str:
    return name if key(name).startswith(("default", "mlp", "linear")) or (isinstance(spec, Array) and spec.is_image) else "default"


def _array(spec: Spec) -> Array:
    if not isinstance(spec, Array):
        raise Problem(f"no net reads {type(spec).__name__} observations yet; bring arrays, images, tables, or Parts of these")
    return spec
