"""What each number of a code adds, and the spectrum."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from allegory.core import Spectrum
from allegory.methods.spectral.pca import PCA
from allegory.pages import adds, codes_map, page
from allegory.representation import Representation
from allegory.train import fit


@pytest.fixture(scope="module")
def encoded(images, pca):
    return codes_map.encoded(pca, images)


def opened(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"))


def test_the_pictures_are_the_axes_of_pca_each_scaled_by_itself(encoded, pca):
    found = adds.adds(encoded, pca)
    assert (found.shown, found.size, found.columns) == (6, 6, 6)
    sheet = opened(found.uri)
    first = pca.net.W[0].view(3, 8, 8)  # the axis of the largest variance moves pictures most
    expected = (first / first.abs().max() + 1) * 127.5
    assert np.abs(sheet[:8, :8].transpose(2, 0, 1) - expected.numpy()).max() <= 1


def test_a_decoder_that_is_no_sum_of_pictures_has_none(images, vae):
    assert adds.adds(codes_map.encoded(vae, images), vae) is None


def test_the_words_of_a_spectrum_by_hand():
    """Of 10 in all: 4, 3 and 1 are 40, 70 and 80 %, so that half is reached with two."""

    class Told:
        def __init__(self, *spectrum):
            self.told = Spectrum(*spectrum)

        def can(self):
            return ("spectrum",)

        def spectrum(self):
            return self.told

    found = adds.scree(Told(torch.tensor([4.0, 3.0, 1.0]), "variance", torch.tensor(10.0)))
    assert found.words == "The first number of the code has 40.0 % of the variance, all 3 together 80.0 %; half of it is reached with 2."
    assert found.name == "% of the variance" and "first 40" in found.drawing
    assert "that is less than half" in adds.scree(Told(torch.tensor([2.0, 1.0]), "variance", torch.tensor(10.0))).words
    plain = adds.scree(Told(torch.tensor([0.0, 0.5, 2.0]), "eigenvalue"))
    assert plain.words == "From 0 at the first number of the code to 2 at the last." and plain.name == "eigenvalue"


def test_a_report_shows_both_and_tables_show_the_spectrum(images, pca, vectors, vae):
    html = page.report(pca, images, [])
    assert 'id="adds"' in html and 'id="spectrum"' in html
    table = Representation.of(fit(PCA(latent=3), vectors, device="cpu"))
    html = page.report(table, vectors, [])
    assert 'id="adds"' not in html and 'id="spectrum"' in html
    html = page.report(vae, images, [])
    assert 'id="adds"' not in html and 'id="spectrum"' not in html
