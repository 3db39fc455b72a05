import numpy as np
import pytest
import torch

import allegory as al
from allegory import data
from allegory.questions import put
from allegory.questions.gathering import gather
from allegory.questions.nature.layers import Layers


@pytest.fixture(scope="module")
def asked():
    source = data.open_source("digits")
    rep = al.learn(source, al.VAE(latent=4), seed=0, steps=3)
    features, _ = gather(rep, source, ("untrained",))
    return rep, features, put(features, [Layers(most=200)])


def test_layers_in_order_and_the_code_last(asked):
    rep, features, scores = asked
    subject = next(iter(features.sets[None].subjects(None)))
    heard = Layers(most=200).heard(subject, features)
    assert list(heard)[-1] == "code"
    assert 2 < len(heard) <= 13
    assert all(len(z) == 200 and z.ndim == 2 for z in heard.values())
    assert not any(module._forward_hooks for module in rep.net.modules())
    assert not any("decoder" in name for name in heard)
    values = {s.metric: s.value for s in scores if s.control is None}
    assert set(values) == {"between of first", "between of last", "cka of first and last"}
    assert values["between of last"] == pytest.approx(_share(heard["code"], features, 200), abs=1e-6)
    curves, heat = scores.pictures["layers"]
    assert heat.columns == tuple(heard)
    assert heat.values[0][0] == pytest.approx(1.0)
    assert heat.values[0][-1] == pytest.approx(values["cka of first and last"], abs=1e-6)
    assert curves.curves[0].y[-1] == pytest.approx(values["between of last"])
    assert "of the spread lies between classes in the first layer" in Layers().words(scores)


def _share(z, features, most):
    """By scikit-learn's F statistic of each number: the adjusted share from sums over numbers."""
    y = features.labels[Layers(most=most).rows(features)].numpy()
    z = z.double().numpy()
    within = sum(((z[y == c] - z[y == c].mean(0)) ** 2).sum() for c in np.unique(y))
    total = ((z - z.mean(0)) ** 2).sum()
    return 1 - within / (len(z) - 10) / (total / (len(z) - 1))


def test_without_a_network(of_codes):
    source = data.open_source("digits")
    features, _ = gather(lambda x: torch.zeros(len(x), 2), source, ())
    assert "no network to listen to" in put(features, [Layers()]).notes[0]
    assert "can encode" in put(of_codes(np.eye(300)), [Layers()]).notes[0]
