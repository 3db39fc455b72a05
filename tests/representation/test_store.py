"""What is saved comes back equal; what was touched is refused."""

import copy
import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import torch
from helpers.promises import flipped_bits_are_refused

from allegory.core import Array, Problem, files
from allegory.data import Column, Labels, Source
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.supervised.classifier import Classifier
from allegory.representation import Representation, store
from allegory.train import checkpoints, fit
from allegory.views import Compose, Noise


@pytest.fixture
def saved(vae, tmp_path):
    vae.save(tmp_path / "model")
    return tmp_path / "model"


def rewritten(folder, change):
    """The folder with config.json changed and a manifest that agrees: what only somebody who means harm would write."""
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))
    resealed(folder)


def resealed(folder):
    digests = {name: files.sha256(folder / name) for name in ("config.json", "model.safetensors")}
    (folder / "manifest.json").write_text(store._manifest(digests))


def test_round_trip(vae, images, saved, generators):
    before = generators()
    again = Representation.load(saved)
    assert generators() == before
    assert again.method == vae.method and again.spec == vae.spec and again.facts == vae.facts and again.intake.raw == images.spec
    np.testing.assert_array_equal(again.encode(images), vae.encode(images))
    assert sorted(os.listdir(saved)) == ["config.json", "manifest.json", "model.safetensors"]
    assert os.listdir(saved.parent) == ["model"]
    assert not again.net.training


def test_tables_views_and_nested_methods_come_back(tmp_path):
    x = np.stack([np.arange(40.0), np.arange(40) % 3], 1)
    columns = (Column("size"), Column("kind", "category", ("x", "y", "z")))
    table = Source("table", Array((2,)), x, labels=Labels(np.arange(40) % 2, ("no", "yes")), columns=columns)
    method = Classifier(of=BetaVAE(latent=2), views=Compose((Noise(), Noise())))
    rep = Representation.of(fit(method, table, steps=2, device="cpu"))
    rep.save(tmp_path / "m")
    again = Representation.load(tmp_path / "m")
    assert again.method == rep.method and again.intake.columns == columns
    np.testing.assert_array_equal(again.predict(table), rep.predict(table))
    turned = dataclasses.replace(table, x=x[:, ::-1], columns=columns[::-1], keys=None)
    np.testing.assert_array_equal(again.encode(turned), rep.encode(table))
    other = dataclasses.replace(columns[1], categories=("z", "new", "x"))
    unseen = dataclasses.replace(table, x=np.array([[7.0, 1.0], [7.0, 2.0]]), columns=(columns[0], other), keys=None)
    expected = dataclasses.replace(table, x=np.array([[7.0, -1.0], [7.0, 0.0]]))
    np.testing.assert_array_equal(again.encode(unseen), rep.encode(expected))


def test_fifty_flipped_bits_are_all_refused(saved, tmp_path):
    flipped_bits_are_refused(saved, Representation.load, 50)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "manifest.json"])
def test_links_missing_files_and_folders_are_refused(saved, tmp_path, name):
    kept = tmp_path / "elsewhere"
    (saved / name).rename(kept)
    with pytest.raises(Problem, match="cannot read"):
        Representation.load(saved)
    (saved / name).symlink_to(kept)
    with pytest.raises(Problem, match="not a regular file"):
        Representation.load(saved)
    (saved / name).unlink()
    (saved / name).mkdir()
    with pytest.raises(Problem, match="not a regular file"):
        Representation.load(saved)


@pytest.mark.parametrize("path", ["../config.json", "/etc/passwd", "model/../config.json", "CONFIG.JSON"])
def test_the_manifest_names_no_other_path(saved, path):
    manifest = json.loads((saved / "manifest.json").read_text())
    manifest["sha256"][path] = manifest["sha256"].pop("config.json")
    for text in (json.dumps(manifest, indent=2) + "\n", store._manifest(dict(sorted(manifest["sha256"].items())))):
        (saved / "manifest.json").write_text(text)
        with pytest.raises(Problem, match="manifest of exactly"):
            Representation.load(saved)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["method"].update({"is": "os.system"}), "unknown method"),
        (lambda c: c["method"].update({"is": "beta_vae"}), "only BetaVAE"),
        (lambda c: c["method"].update({"is": "PCA"}), "no setting"),
        (lambda c: c["method"].update(evil=1), "no setting evil"),
        (lambda c: c["method"].update(latent="4"), "expected int"),
        (lambda c: c["method"].update(latent=5), "shape"),
        (lambda c: c["method"].update(latent=-5), "do not make a net"),
        (lambda c: c["method"].update(latent=10**12), "shape"),
        (lambda c: c["method"].update(encoder="nothing"), "nothing"),
        (lambda c: c["method"].update(views={"is": "subprocess.Popen"}), "unknown method"),
        (lambda c: c["method"].update(views={"is": "Flip", "p": {"is": "Evil"}}), "unknown method"),
        (lambda c: c["spec"].update(shape=[1, 9, 9]), "intake gives"),
        (lambda c: c["intake"]["raw"].update(shape=[10**9, 1, 1]), "intake gives"),
        (lambda c: c.update(extra=1), "differing: extra"),
        (lambda c: c.pop("facts"), "differing: facts"),
        (lambda c: c.update(version=2), "version 2"),
        (lambda c: c.update(items=-1), "count of items"),
        (lambda c: c.update(items=True), "count of items"),
        (lambda c: c.update(dtype="float16"), "float32 or float64"),
        (lambda c: c.update(dtype="float64"), "float64"),
        (lambda c: c.clear(), "does not describe"),
    ],
)
def test_a_forged_config_is_refused(saved, change, said):
    rewritten(saved, change)
    with pytest.raises(Problem, match=said):
        Representation.load(saved)


@pytest.mark.parametrize("raw", [b"", b"[1]", b"\xff", b"[" * 100_000, b'{"allegory": NaN}'])
def test_config_that_is_not_ours(saved, raw):
    (saved / "config.json").write_bytes(raw)
    resealed(saved)
    with pytest.raises(Problem, match=r"config\.json"):
        Representation.load(saved)


def test_forged_tensors_are_refused(vae, saved):
    tensors, facts = checkpoints.load(saved / "model.safetensors")
    name = "net/model/posterior.weight"
    w = tensors[name]
    for change, said in [
        ({name: w * float("nan")}, "not finite"), ({name: w / 0}, "not finite"), ({name: w[1:]}, "shape"), ({name: w.half()}, "float16"),
        ({"net/model/more": w}, "unknown more"), ({"net/other/a": w}, "other"),
    ]:  # fmt: skip
        checkpoints.save(saved / "model.safetensors", tensors | change, facts)
        resealed(saved)
        with pytest.raises(Problem, match=said):
            Representation.load(saved)
    checkpoints.save(saved / "model.safetensors", {k: t for k, t in tensors.items() if k != name}, facts)
    resealed(saved)
    with pytest.raises(Problem, match=r"missing posterior\.weight"):
        Representation.load(saved)


def test_a_diverged_net_is_not_saved(vae, tmp_path):
    bad = dataclasses.replace(vae, net=copy.deepcopy(vae.net))
    with torch.no_grad():
        bad.net.posterior.bias[0] = float("inf")
    with pytest.raises(Problem, match=r"model/posterior\.bias holds numbers that are not finite"):
        bad.save(tmp_path / "model")
    assert os.listdir(tmp_path) == []
    with pytest.raises(Problem, match="items"):
        dataclasses.replace(vae, facts={}).save(tmp_path / "model")
    with pytest.raises(Problem, match="written down"):
        dataclasses.replace(vae, facts={"items": 1, "bad": object()}).save(tmp_path / "model")


def test_a_representation_is_replaced_whole_and_nothing_else_is_touched(vae, pca, saved, vectors, monkeypatch):
    pca.save(saved)
    assert Representation.load(saved).method == pca.method
    for operation in ("write", "fsync", "rename"):

        def broken(now, path, operation=operation):
            if now == operation:
                raise OSError(28, "no space")

        monkeypatch.setattr(files, "fault", broken)
        with pytest.raises(Problem, match="cannot write"):
            vae.save(saved)
        monkeypatch.undo()
        assert Representation.load(saved).method == pca.method
        assert os.listdir(saved.parent) == ["model"]
    saved.rename(saved.parent / ".model.old")  # killed between the two renames
    assert Representation.load(saved).method == pca.method
    vae.save(saved)
    assert os.listdir(saved.parent) == ["model"]
    (saved / "thesis.tex").write_text("ten years")
    with pytest.raises(Problem, match="something else"):
        pca.save(saved)
    assert (saved / "thesis.tex").exists()


def test_load_takes_the_run_folder(saved, vae):
    assert Representation.load(saved.parent).method == vae.method
    with pytest.raises(Problem, match="RUN/model"):
        Representation.load(saved.parent / "nowhere")


def test_a_moved_folder_loads(saved, tmp_path, vae):
    shutil.move(saved, tmp_path / "else where")
    assert Representation.load(str(tmp_path / "else where")).method == vae.method


def test_float64_comes_back_as_float64(vae, images, tmp_path):
    double = dataclasses.replace(vae, net=copy.deepcopy(vae.net).double())
    double.save(tmp_path / "model")
    np.testing.assert_array_equal(Representation.load(tmp_path / "model").encode(images), double.encode(images))


def test_intakes_statistics_travel(pca, vectors, tmp_path):
    pca.save(tmp_path / "m")
    again = Representation.load(tmp_path / "m")
    np.testing.assert_array_equal(again.encode(vectors), pca.encode(vectors))
