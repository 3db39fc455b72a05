"""A step on an accelerator waits for nothing: no number is read from the device, and none sent to it that it has to be stopped for.

On the meta device reading a number is an error in itself; what is sent is seen on its way.
"""

import dataclasses

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from allegory import methods, train, views
from allegory.core import Array
from allegory.data import Source
from allegory.train import Settings, optimisers
from allegory.train.finite import Guard
from allegory.train.lars import LARS
from allegory.train.learner import Learner
from allegory.train.steps import play

META = torch.device("meta")
CASES = {
    "SimCLR": {},
    "BYOL": {},
    "Rotation": {},
    "SimCLR on views of all kinds": {
        "views": views.Pair(
            views.Compose((
                views.Affine(), views.ResizedCrop(), views.Flip(), views.ColourJitter(), views.Sometimes(views.Blur(), 0.5), views.Grey(),
                views.Noise(0.1), views.Sometimes(views.Solarize(), 0.2),
            ))
        )
    },
}  # fmt: skip


class Made(TorchFunctionMode):
    """No tensor of numbers that the host holds."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor, torch.scalar_tensor) and torch.device(kwargs.get("device") or "cpu") == META:
            raise AssertionError("numbers are made on the host and sent: use views.draws.constant, or arange and full")
        return func(*args, **kwargs)


class Sent(TorchDispatchMode):
    """No copy that is waited for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        copied = func.overloadpacket.__name__ == "_to_copy" and torch.device(kwargs.get("device") or "cpu") == META != args[0].device
        if copied and not kwargs.get("non_blocking"):
            raise AssertionError("a copy to the device that is waited for")
        return func(*args, **kwargs)


def away(name, said, monkeypatch):
    """A learner whose net and items lie on the meta device. Fused optimisers do not run there; what they read is tested elsewhere."""
    monkeypatch.setattr(optimisers, "make", lambda player, optim: LARS([p for _, p in player.parameters], lr=0.1))
    x = np.random.default_rng(0).integers(0, 256, (32, 3, 16, 16), dtype=np.uint8)
    source, settings = Source("noise", Array((3, 16, 16), levels=256), x, mirror=True), Settings(batch=20, device="cpu")
    method, net, items = train.begin(dataclasses.replace(methods.find(name)(), **said), source, settings, np.arange(32))
    plan = train.learner_for(method, net, items, source, settings).plan
    items.device, items.intake, items._resident = META, items.intake.to(META), items._resident.to(META)
    found = Learner(method, net.to(META), items, plan)
    found.guard = Guard(lags=True)
    return found


@pytest.mark.parametrize("case", CASES)
def test_a_step_waits_for_nothing(case, monkeypatch):
    found = away(case.split()[0], CASES[case], monkeypatch)
    for player in found.players:
        play(found, player, 0)  # the first step may send what is then kept
    with Made(), Sent():
        for player in found.players:
            found.step += 1
            loss = play(found, player, 0)
            found.method.after_step(found.net, found.moment(), {player.name: loss.memo})


def test_the_watch_sees_what_waits():
    with Made(), pytest.raises(AssertionError, match="numbers"):
        torch.tensor([1.0, 2.0], device=META)
    with Sent(), pytest.raises(AssertionError, match="copy"):
        torch.zeros(2).to(META)
    with Sent():
        torch.zeros(2).to(META, non_blocking=True)
    with pytest.raises(RuntimeError, match="meta"):
        bool(torch.zeros((), device=META).isfinite())
