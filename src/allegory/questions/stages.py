"""The stages of a network: what its encoders hand on from block to block, listened to while it encodes.

A stage ends at every activation and at every block (residual, attention) of an encoder's own chains: `nets.Encoder` bodies are chains of
these, so the stages of every method whose net holds one are found without knowing the method. What does not speak while items are encoded
(a target network, a decoder, a projection head) is no stage of the code.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from allegory.nets.encoder import Encoder
from allegory.questions.features import Features, Subject, evenly

ACTIVATIONS = (nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid, nn.Softplus)
NUMBERS = 512  # of a stage, at most, where it can be averaged down to that
BATCH = 256


def ends(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules at which stages end, by their path in the net."""
    for path, body in net.named_modules():
        if isinstance(body, Encoder):
            for chain, children in ((name, child) for name, child in body.named_children() if isinstance(child, nn.Sequential)):
                for name, module in children.named_children():
                    if isinstance(module, ACTIVATIONS) or _is_block(module):
                        yield ".".join(filter(None, (path, chain, name))), module


def _is_block(module: nn.Module) -> bool:
    return not isinstance(module, (nn.Sequential, nn.ModuleList)) and any(True for _ in module.children())


def pooled(out: Tensor) -> Float[Tensor, "b d"]:
    """A vector an item: maps (b, c, h, w) averaged to as many places as keep it within 512 numbers, tokens (b, n, c) to their mean."""
    if out.ndim == 4:
        side = max(1, int((NUMBERS / out.shape[1]) ** 0.5))
        sides = (min(side, out.shape[2]), min(side, out.shape[3]))
        return torch.nn.functional.adaptive_avg_pool2d(out, sides).flatten(1)
    return out.mean(1) if out.ndim == 3 else out.flatten(1)


def heard(subject: Subject, features: Features, rows: Int[Tensor, " q"], most: int) -> dict[str, Float[Tensor, "q _"]]:
    """What at most `most` stages, evenly spaced, gave for the items at `rows`, in the order in which they spoke, and the code last.

    Only the code for what has no encoders of ours in it.
    """
    said: dict[str, list[Tensor]] = {}
    if subject.rep is not None and subject.encoder is not None:
        order = _speaking(subject, features, rows[:1])
        kept = [order[i] for i in evenly(torch.arange(len(order)), most).tolist()]
        for part in rows.split(BATCH):
            for name, out in _outputs(subject, features, part, kept).items():
                said.setdefault(name, []).append(out)
    return {name: torch.cat(parts) for name, parts in said.items()} | {"code": subject.z[rows]}


def _speaking(subject: Subject, features: Features, rows: Tensor) -> list[str]:
    assert subject.rep is not None, "asked of models only"
    return list(_outputs(subject, features, rows, [name for name, _ in ends(subject.rep.net)]))


def _outputs(subject: Subject, features: Features, rows: Tensor, names: list[str]) -> dict[str, Tensor]:
    """What the modules of these names gave, in the order in which they were called."""
    assert subject.rep is not None and subject.encoder is not None, "asked of models only"
    said: dict[str, Tensor] = {}

    def listener(name: str) -> Any:
        def hear(module: nn.Module, given: object, out: Tensor) -> None:
            del module, given
            parts = pooled(out.detach()).float().cpu()
            said[name] = parts.view(len(rows), -1, parts.shape[1]).mean(1)  # an encoder of patches or windows sees many an item

        return hear

    modules = dict(subject.rep.net.named_modules())
    hooks = [modules[name].register_forward_hook(listener(name)) for name in names]
    try:
        subject.encoder.codes(features.stored(rows))
    finally:
        for hook in hooks:
            hook.remove()
    return said
