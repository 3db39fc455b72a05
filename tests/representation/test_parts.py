"""An observation of several parts travels the whole road: source, views, loss, code, file, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
import pytest
import torch
from torch import nn

from allegory import nets
from allegory.core import Array, Card, Loss, Misuse, Paper, Parts, Player, Problem, Trained, batch_mean
from allegory.data import Source
from allegory.representation import Representation
from allegory.representation.embed import embed
from allegory.representation.export import export
from allegory.train import fit
from allegory.views import VIEWS

SPEC = Parts({"image": Array((1, 8, 8), levels=256), "pose": Array((3,))})


class TwoSided(nn.Module):
    def __init__(self, spec, latent):
        super().__init__()
        self.body = nets.encoder("default", spec)
        self.code = nn.Linear(self.body.out, latent)
        self.pose = nn.Linear(latent, spec["pose"].size)


@final
@dataclass(frozen=True)
class Scratch(Trained[TwoSided]):
    """Predicts the pose from a code of image and pose, with noise on both as its view."""

    latent: int = 4
    card: ClassVar[Card] = Card(
        family="scratch", title="Scratch", paper=Paper("Nobody", "Nothing", 2026, "", ""), density="not modelled",
        manifold="Euclidean space", principle="reconstruction under noise", modelled="", minimised="", unit="squared error", buys="",
        costs="", fails="", specs=("parts",),
    )  # fmt: skip

    def default_views(self, spec: Any, source: Any) -> Any:
        return VIEWS["Part"]("image", VIEWS["Noise"](0.1))

    def build(self, spec: Any, n: int) -> TwoSided:
        return TwoSided(spec, self.latent)

    def players(self, net: TwoSided) -> Sequence[Player]:
        return [Player("all", (net,), partial(self.loss, net))]

    def loss(self, net: TwoSided, batch: Any, now: Any) -> Loss:
        assert set(batch.views) == set(batch.x) == {"image", "pose"}
        assert not torch.equal(batch.views["image"], batch.x["image"]) and torch.equal(batch.views["pose"], batch.x["pose"])
        error = batch_mean((net.pose(self.encode(net, batch.views)) - batch.x["pose"]).square().sum(1))
        return Loss(error, {"error": error})

    def encode(self, net: TwoSided, x: Any) -> torch.Tensor:
        return net.code(net.body(x))


@pytest.fixture(scope="module")
def scenes():
    random = np.random.default_rng(0)
    x = {"image": random.integers(0, 256, (50, 1, 8, 8)).astype(np.uint8), "pose": random.normal(5.0, 3.0, (50, 3))}
    return Source("scenes", SPEC, x)


@pytest.fixture(scope="module")
def rep(scenes):
    errors = []
    fitted = fit(Scratch(), scenes, steps=40, batch=16, device="cpu", listeners=[lambda _, tick: errors.append(tick)])
    assert len(errors) == 40
    return Representation.of(fitted)


def test_the_whole_road(rep, scenes, tmp_path):
    z = rep.encode(scenes)
    assert z.shape == (50, 4) and z.std() > 0.1
    np.testing.assert_array_equal(rep.encode(scenes.x), z)
    few = {k: torch.as_tensor(v[10:13]) for k, v in scenes.x.items()}
    np.testing.assert_allclose(rep.encode(few), z[10:13], rtol=1e-5, atol=1e-6)
    rep.save(tmp_path / "model")
    again = Representation.load(tmp_path / "model", known=[Scratch])
    assert again.method == rep.method and again.spec == SPEC
    np.testing.assert_array_equal(again.encode(scenes), z)
    embed(again, scenes, tmp_path / "z.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), z)


def test_learning_used_both_parts(rep, scenes):
    x = scenes.take(slice(0, 8))
    with torch.no_grad():
        pose = rep.net.pose(torch.from_numpy(rep.encode(x)))
    truth = rep.intake({k: torch.as_tensor(v) for k, v in x.items()})["pose"]
    assert (pose - truth).square().sum(1).mean() < truth.square().sum(1).mean()
    for part in ("image", "pose"):
        changed = {**x, part: x[part][::-1].copy()}
        assert abs(rep.encode(changed) - rep.encode(x)).max() > 1e-3


def test_export_has_one_input_a_part(rep, scenes, tmp_path):
    import onnxruntime

    export(rep, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    raw = {"image": scenes.x["image"][:5], "pose": scenes.x["pose"][:5].astype(np.float32)}
    np.testing.assert_allclose(session.run(["code"], raw)[0], rep.encode(scenes)[:5], rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_refused(rep, scenes, tmp_path):
    with pytest.raises(Problem, match="pose"):
        rep.encode({"image": scenes.x["image"]})
    rep.save(tmp_path / "model")
    with pytest.raises(Misuse, match="unknown method 'Scratch'"):
        Representation.load(tmp_path / "model")
