"""Stages of nets, found and listened to; a probe on each, with a code that was broken on purpose."""

import numpy as np
import pytest
import torch

from allegory import data, methods, nets
from allegory.core import Array, Trained, fenced
from allegory.questions import put, stages
from allegory.questions.gathering import gather
from allegory.questions.uses.layer_probe import LayerProbe
from allegory.representation import Representation

LITTLE = Array((1, 16, 16))
TRAINED = [cls.__name__ for cls in methods.classes() if issubclass(cls, Trained)]


@pytest.fixture(scope="module")
def digits():
    return data.open_source("digits").subset(np.arange(900))


def untrained(name, source, **settings):
    method = methods.find(name)(**settings).resolved(source.spec, source)
    intake = data.Intake.fit(source, source.part("train"))
    with fenced(0):
        net = method.build(intake.spec, len(source))
    return Representation(method, net.eval(), intake, {"seed": 0})


@pytest.mark.parametrize(("name", "count"), [("mlp", 2), ("convnet", 4), ("convnet-plain", 4), ("resnet18", 9), ("vit-tiny", 12)])
def test_stages_of_the_encoders(name, count):
    """Two hidden layers; three scales and one more; a stem and eight residual blocks; twelve attention blocks."""
    net = nets.encoder(name, LITTLE)
    found = [path for path, _ in stages.ends(net)]
    assert len(found) == len(set(found)) == count


@pytest.mark.parametrize("name", TRAINED)
def test_the_stages_of_a_method_speak_while_it_encodes_and_the_code_is_last(name, digits):
    rep = untrained(name, digits)
    features, _ = gather(rep, digits, ())
    subject = next(features.sets[None].subjects(None))
    heard = stages.heard(subject, features, torch.arange(300), 3)
    linear = not list(stages.ends(rep.net))  # a linear map has no stage but its code
    assert 2 - linear <= len(heard) <= 4 and list(heard)[-1] == "code"
    assert torch.equal(heard["code"], subject.z[:300])
    assert all(z.shape[0] == 300 and z.std(0).max() > 0 for z in heard.values())
    assert all(z.shape[1] <= stages.NUMBERS for name, z in heard.items() if name != "code")
    assert not any(module._forward_hooks for module in rep.net.modules())


def test_pooling_by_hand():
    """256 channels leave two numbers, so one place; 128 channels 2 x 2 places, the means of the quarters; tokens their mean."""
    assert stages.pooled(torch.ones(1, 256, 4, 4)).shape == (1, 256)
    maps = torch.zeros(1, 128, 4, 4)
    maps[0, 0, :2, :2] = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert stages.pooled(maps)[0, :4].tolist() == [2.5, 0.0, 0.0, 0.0]
    assert stages.pooled(torch.tensor([[[1.0, 5.0], [3.0, 7.0]]])).tolist() == [[2.0, 6.0]]
    assert stages.pooled(torch.ones(2, 3)).shape == (2, 3)


def test_a_broken_code_loses_to_the_layers_before_it(digits):
    rep = untrained("Autoencoder", digits)
    last = next(m for m in rep.net.modules() if isinstance(m, torch.nn.Linear))
    with torch.no_grad():  # only one number of the code says anything
        last.weight[1:] = 0.0
        last.bias[1:] = 0.0
    features, _ = gather(rep, digits, ("untrained",))
    scores = put(features, [LayerProbe()])
    assert scores.get("accuracy of code").value < 0.4 and scores.get("accuracy of best layer").value > 0.8
    assert scores.get("best over code").low > 0.3 and scores.get("depth of best layer").value < 1.0
    assert scores.get("best over code").value == pytest.approx(
        scores.get("accuracy of best layer").value - scores.get("accuracy of code").value
    )
    assert LayerProbe().words(scores).startswith("Use the layer at")
    (picture,) = scores.pictures["layer_probe"]
    assert [c.name for c in picture.curves] == ["this method", "untrained"]
    assert picture.curves[0].y[-1] == scores.get("accuracy of code").value and "code" in picture.title


def test_what_has_no_network_of_ours_is_told(digits):
    for subject in (lambda x: x.reshape(len(x), -1), np.zeros((len(digits), 3))):
        features, _ = gather(subject, digits, ())
        notes = put(features, [LayerProbe()]).notes
        assert "listened to" in notes[0] or "method that can encode" in notes[0]
    solved = untrained("PCA", digits)
    assert "listened to" in LayerProbe().missing(gather(solved, digits, ())[0])
