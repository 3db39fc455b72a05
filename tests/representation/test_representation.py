"""Encoding and the other capabilities: any input, any batch, and nothing else changes."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from allegory.core import Array, Misuse, Problem, Solved
from allegory.data import Intake, Source, open_source
from allegory.methods.spectral.pca import PCA
from allegory.representation import Representation
from allegory.representation.reading import batches
from allegory.train import fit


def test_a_code_does_not_depend_on_batch_mates_or_their_order(vae, images):
    z = vae.encode(images)
    assert z.dtype == np.float32 and z.shape == (60, 4)
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(vae.encode(images.x[order], batch=7), z[order], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.concatenate([vae.encode(images.x[i : i + 1]) for i in range(5)]), z[:5], rtol=1e-5, atol=1e-6)


def test_nets_see_whole_blocks(vae, images):
    seen = []
    with vae.net.body.register_forward_pre_hook(lambda _, x: seen.append(len(x[0]))):
        assert len(vae.encode(images, batch=20)) == 60 and len(vae.encode(images.x[:1])) == 1
        assert vae.log_density(images, batch=59).values.shape == (60,)
    assert seen == [32, 32, 32, 16, 64, 16]


def test_codes_are_those_of_the_method_on_what_the_intake_gives(vae, images):
    with torch.no_grad():
        expected = vae.method.encode(vae.net.eval(), torch.from_numpy(images.x).float() / 7.5 - 1)
    np.testing.assert_allclose(vae.encode(images), expected.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "form", [np.asarray, torch.as_tensor, lambda x: torch.as_tensor(x).to(torch.int64), lambda x: x.astype(np.float64)]
)
def test_any_form_of_the_same_data_gives_the_same_codes(vae, images, form):
    np.testing.assert_array_equal(vae.encode(form(images.x)), vae.encode(images))


def test_tables_and_files_are_opened_in_the_terms_of_training(pca, vectors, vae, images, tmp_path):
    frame = pd.DataFrame({"kind": ["x", "y", "x", "z"] * 10, "size": np.arange(40.0), "extra": 1.0})
    rep = Representation.of(fit(PCA(latent=2), open_source(frame[["size", "kind"]]), device="cpu"))
    np.testing.assert_allclose(rep.encode(frame.iloc[7:9]), rep.encode(frame)[7:9], rtol=1e-5, atol=1e-6)
    with pytest.raises(Problem, match="size"):
        rep.encode(frame[["kind"]])
    np.save(tmp_path / "x.npy", images.x)
    np.testing.assert_array_equal(vae.encode(tmp_path / "x.npy"), vae.encode(images))
    np.testing.assert_array_equal(pca.encode(pd.DataFrame(vectors.x).iloc[:, :]), pca.encode(vectors))


def test_what_was_not_stored_so_is_refused(vae, pca, images):
    for bad, said in [
        (images.x / 15.0, "whole numbers 0 to 15"), (images.x.astype(np.int16) - 1, "-1 to 14"), (images.x + np.uint8(1), "got 1 to 16"),
        (np.full((2, 1, 8, 8), np.nan), "NaN"), (images.x[:, :, :7], "8 x 8"), (images.x[:0], "nothing"),
    ]:  # fmt: skip
        with pytest.raises(Problem, match=said):
            vae.encode(bad)
    with pytest.raises(Problem, match="5"):
        pca.encode(np.zeros((4, 6)))
    assert np.isfinite(pca.encode(np.full((2, 5), np.nan))).all()  # a table's gaps are imputed


def test_nothing_else_changes(vae, images, generators):
    before, weights = generators(), [t.clone() for t in vae.net.state_dict().values()]
    vae.net.train()
    next(iter(vae.net.children())).eval()
    modes = [m.training for m in vae.net.modules()]
    data = images.x.copy()
    for codes in vae.stream(images, batch=16):  # between two batches the consumer's world is its own
        assert torch.is_grad_enabled() and [m.training for m in vae.net.modules()] == modes and not torch.is_inference_mode_enabled()
        assert codes.shape[1] == 4
    vae.reconstruct(images), vae.sample(3), vae.log_density(images), vae.codes(images)
    assert [m.training for m in vae.net.modules()] == modes
    assert generators() == before
    assert all(torch.equal(a, b) for a, b in zip(weights, vae.net.state_dict().values(), strict=True))
    assert np.array_equal(images.x, data)


def test_the_method_may_ask_for_gradients(vae, images):
    @dataclasses.dataclass(frozen=True)
    class Curious(Solved):
        def build(self, spec, n):
            return vae.net

        def encode(self, net, x):
            with torch.enable_grad():
                x = x.clone().requires_grad_()
                return torch.autograd.grad(x.square().sum(), x)[0].flatten(1)

    assert dataclasses.replace(vae, method=Curious()).encode(images).shape == (60, 64)


def test_capabilities(vae, pca, images, vectors):
    assert vae.can() == ("encode", "codes", "decode", "sample", "log_density", "bound", "rate_distortion", "complete", "reconstruct")
    assert pca.can() == ("encode", "decode", "spectrum", "reconstruct")
    told = pca.spectrum()
    assert told.name == "variance" and told.values.dtype == torch.float32 and float(told.values.sum()) <= float(told.total) * (1 + 1e-6)
    z = vae.encode(images)
    assert vae.decode(z).shape == (60, 1, 8, 8) and abs(vae.decode(z)).max() <= 1
    np.testing.assert_allclose(vae.reconstruct(images, batch=9), vae.decode(z), rtol=1e-4, atol=1e-5)
    named = vae.codes(images, ("mean", "kl"), batch=9)
    assert list(named) == ["mean", "kl"] and named["kl"].values.shape == (60, 4)
    np.testing.assert_allclose(named["mean"].values.numpy(), z, rtol=1e-5, atol=1e-6)
    with pytest.raises(Misuse, match="PCA cannot log density; it can encode, decode, spectrum, reconstruct"):
        pca.log_density(vectors)
    for call in (pca.predict, pca.codes, lambda x: pca.sample(len(x))):
        with pytest.raises(Misuse, match="PCA cannot"):
            call(vectors)


def test_codes_of_another_size_are_refused_with_the_size_that_fits(vae, pca, images):
    z = vae.encode(images)
    with pytest.raises(Misuse, match=r"expected codes of shape \(n, 4\), got \(4,\); for one code pass z\[None\]"):
        vae.decode(z[0])
    with pytest.raises(Misuse, match=r"expected codes of shape \(n, 4\), got \(60, 3\); pass codes as encode gives them"):
        vae.decode(z[:, :3])
    with pytest.raises(Misuse, match=r"expected codes of shape \(n, 3\), got \(60, 4\)"):
        pca.decode(z)
    with pytest.raises(Misuse, match=r"\(n, 4\), got \(0, 4\)"):
        vae.decode(z[:0])


def test_draws_depend_on_the_seed_and_the_number_alone(vae, images):
    many = vae.sample(600, seed=3)
    np.testing.assert_allclose(vae.sample(300, seed=3)[:256], many[:256], rtol=1e-5, atol=1e-6)
    assert abs(vae.sample(3, seed=4) - many[:3]).max() > 1e-3
    assert len(np.unique(many.reshape(600, -1).round(5), axis=0)) == 600  # chunks are not copies of one another
    one, other = vae.log_density(images, seed=1, batch=7), vae.log_density(images, seed=1)
    assert one.kind == "lower bound" and one.values.shape == (60,)
    np.testing.assert_allclose(one.values, other.values, rtol=1e-4)


def test_memory_is_bounded(pca):
    class Endless:  # 40 GB, made on demand
        shape, dtype, asked = (1_000_000, 5), np.dtype(np.float64), []

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            self.asked.append(len(rows))
            return np.ones((len(rows), 5))

    stream = pca.stream(Source("endless", Array((5,)), Endless()))
    assert [next(stream).shape for _ in range(3)] == [(1024, 3)] * 3
    assert max(Endless.asked) == 1024


def test_large_items_come_in_small_batches(vae):
    big = Array((3, 2048, 2048), levels=256)
    source = Source("big", big, np.broadcast_to(np.uint8(0), (10, 3, 2048, 2048)))
    x, n = next(batches(source, Intake(big), 1024, torch.device("cpu"), torch.float32))
    assert n == 1 and x.shape == (1, 3, 2048, 2048)


def test_float64_nets_are_encoded_in_float64(vae, images):
    double = Representation(vae.method, copy.deepcopy(vae.net).double(), vae.intake, vae.facts)
    assert double.dtype == torch.float64
    np.testing.assert_allclose(double.encode(images), vae.encode(images), rtol=1e-3, atol=1e-4)
