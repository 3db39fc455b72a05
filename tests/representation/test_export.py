"""The exported graph gives our codes, and lies are found."""

import dataclasses
import itertools
import os
import sys
from dataclasses import dataclass

import numpy as np
import onnxruntime
import pytest
from torch import nn

from allegory.core import Array, Problem, Solved
from allegory.data import Column, Source, open_source
from allegory.methods.contrastive.cpc import CPC
from allegory.methods.latent.vae import VAE
from allegory.methods.spectral.pca import PCA
from allegory.representation import Representation
from allegory.representation.export import export
from allegory.train import fit

CALLS = itertools.count()


def codes(path, x):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(["code"], {"x": x})[0]


def test_images_as_stored(vae, images, tmp_path, generators):
    before = generators()
    vae.net.train()
    assert export(vae, tmp_path / "a.onnx") < 1e-4
    assert vae.net.training and generators() == before
    assert os.listdir(tmp_path) == ["a.onnx"]
    for n in (1, 3, 7, 60):
        np.testing.assert_allclose(codes(tmp_path / "a.onnx", images.x[:n]), vae.encode(images)[:n], rtol=1e-4, atol=1e-5)


def test_tables_with_gaps_and_categories(tmp_path):
    x = np.stack([np.arange(40.0) * 100, np.arange(40) % 3], 1)
    table = Source("table", Array((2,)), x, columns=(Column("size"), Column("kind", "category", ("x", "y", "z"))))
    rep = Representation.of(fit(PCA(latent=2), table, device="cpu"))
    export(rep, tmp_path / "a.onnx")
    odd = np.array([[np.nan, 1], [700, -1], [np.inf, 2]], dtype=np.float32)
    np.testing.assert_allclose(codes(tmp_path / "a.onnx", odd), rep.encode(odd), rtol=1e-4, atol=1e-5)


def test_holes_stay_holes(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    x[::3, 1] = np.nan
    rep = Representation.of(fit(VAE(latent=2), open_source(x), steps=2, batch=16, device="cpu"))
    assert rep.spec.holes and export(rep, tmp_path / "a.onnx") < 1e-4
    np.testing.assert_allclose(codes(tmp_path / "a.onnx", x), rep.encode(x), rtol=1e-4, atol=1e-5)


def test_series_by_channel_and_window(tmp_path):
    x = (1000 * np.random.default_rng(0).normal(size=(20, 2, 40))).astype(np.int16)
    source = open_source(x, series=True)
    rep = Representation.of(fit(CPC(latent=4, context=8), source, steps=2, batch=4, device="cpu"))
    assert export(rep, tmp_path / "a.onnx") < 1e-4
    np.testing.assert_allclose(codes(tmp_path / "a.onnx", x[:3].astype(np.float32)), rep.encode(source)[:3], rtol=1e-4, atol=1e-5)


@dataclass(frozen=True)
class Silent(Solved):
    def build(self, spec, n):
        return nn.Identity()


@dataclass(frozen=True)
class Forgetful(Silent):
    """Its graph holds as a constant what changes from call to call."""

    def encode(self, net, x):
        return x.flatten(1) + 0.01 * next(CALLS)


def test_a_graph_that_differs_is_not_written(vae, tmp_path):
    with pytest.raises(Problem, match="differ from ours"):
        export(dataclasses.replace(vae, method=Forgetful()), tmp_path / "a.onnx")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_exported(vae, tmp_path, monkeypatch):
    with pytest.raises(Problem, match="gives no codes"):
        export(dataclasses.replace(vae, method=Silent()), tmp_path / "a.onnx")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(Problem, match=r"pip install .allegory\[export\]"):
        export(vae, tmp_path / "a.onnx")
