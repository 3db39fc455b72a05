"""What is saved comes back equal; what was touched is refused."""

import json

import numpy as np
import pytest
from helpers.promises import flipped_bits_are_refused

from allegory import api
from allegory.adapting import tuning
from allegory.adapting.adapted import Adapted
from allegory.core import Problem, files
from allegory.methods.latent.autoencoder import Autoencoder
from allegory.representation import store


@pytest.fixture
def saved(adapted, tmp_path):
    adapted.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("which", ["adapted", "numbers", "several"])
def test_round_trip(which, digits, tmp_path, request):
    model = request.getfixturevalue(which)
    model.save(tmp_path / "model")
    again = Adapted.load(tmp_path / "model")
    assert (again.task, again.calibration, again.facts) == (model.task, model.calibration, model.facts)
    np.testing.assert_array_equal(again.predict(digits), model.predict(digits))
    if which == "numbers":
        np.testing.assert_array_equal(again.predict_interval(digits), model.predict_interval(digits))
    else:
        np.testing.assert_array_equal(again.predict_proba(digits), model.predict_proba(digits))
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["config.json", "manifest.json", "model.safetensors"]


def test_a_tuned_model_round_trips(digits, tmp_path, monkeypatch):
    """Classes are told by a Classifier of the learned method; numbers by a Teller, which no registry knows."""
    monkeypatch.setattr(tuning, "LEAST_STEPS", 2)
    monkeypatch.setattr(tuning, "MOST_STEPS", 2)
    rep = api.learn(digits, Autoencoder(latent=3), steps=2, device="cpu")
    some = digits.subset(np.arange(60))
    for labels, kind in ((some.labels.listed(), "Classifier"), (some.x.reshape(60, -1).sum(1) / 7.0, "Teller")):
        model = api.adapt(rep, some, labels, readers=["fine-tuning"])
        assert type(model.rep.method).__name__ == kind
        model.save(tmp_path / kind)
        np.testing.assert_array_equal(Adapted.load(tmp_path / kind).predict(digits), model.predict(digits))


def test_flipped_bits_are_all_refused(saved):
    flipped_bits_are_refused(saved, Adapted.load, 20)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(extra=1), "differing: extra"),
        (lambda c: c.update(version=2), "version 2"),
        (lambda c: c.update(allegory="other"), "does not describe"),
        (lambda c: c["task"].update({"is": "Shape"}), "not a known kind"),
        (lambda c: c["task"].update(kind="regression"), "expected one of"),
        (lambda c: c["task"].update(names=["a", "a"]), "different"),
        (lambda c: c["task"].update(names=["a", "b"]), "outputs"),
        (lambda c: c["head"].update(form="code"), "expected one of"),
        (lambda c: c["head"].update(inputs=31), "shape"),
        (lambda c: c["head"].update(items=10**8), "head|shape"),
        (lambda c: c["calibration"].update(temperature=0.0), "not possible"),
        (lambda c: c["calibration"].update(temperature="1"), "expected float"),
        (lambda c: c["representation"]["method"].update({"is": "os.system"}), "unknown method"),
        (lambda c: c.update(spread=c["head"]), "outputs"),
    ],
)
def test_a_forged_config_is_refused(saved, change, said):
    config = json.loads((saved / "config.json").read_text())
    change(config)
    (saved / "config.json").write_text(json.dumps(config))
    digests = {name: files.sha256(saved / name) for name in ("config.json", "model.safetensors")}
    (saved / "manifest.json").write_text(store._manifest(digests))
    with pytest.raises(Problem, match=said):
        Adapted.load(saved)


def test_a_representation_is_no_adapted_model(rep, tmp_path):
    rep.save(tmp_path / "model")
    with pytest.raises(Problem, match="adapt it first"):
        Adapted.load(tmp_path / "model")
