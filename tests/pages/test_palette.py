"""The colours are as far apart, and as far from the page, as their module says. Measured here, by another road than they were found."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from allegory import pages
from allegory.pages import palette

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protan": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deutan": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritan": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
SCHEMES = [("light", palette.LIGHT), ("dark", palette.DARK)]


def linear(colour):
    v = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    low, high = sorted(linear(c) @ [0.2126, 0.7152, 0.0722] for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    x = np.clip(rgb, 0, 1) @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]) / [0.9505, 1, 1.089]
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(("scheme", "colours"), SCHEMES)
def test_every_colour_stands_out_from_the_page(scheme, colours):
    assert len(set(colours)) == 12
    assert min(contrast(c, palette.BACKGROUND[scheme]) for c in colours) >= 3.0


@pytest.mark.parametrize(("scheme", "colours"), SCHEMES)
@pytest.mark.parametrize("vision", list(VISION))
def test_ten_classes_are_told_apart_by_everybody(scheme, colours, vision):
    seen = [lab(VISION[vision] @ linear(c)) for c in colours[:10]]
    # A difference of 2 in CIELAB is just visible side by side; map points are small and far apart, hence several times that.
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 9


def test_words_and_lines_have_contrast_in_both_schemes():
    css = (Path(pages.__file__).parent / "static" / "base.css").read_text()
    for block, scheme in zip(re.findall(r":root \{(.*?)\}", css, re.S), ("light", "dark"), strict=True):
        value = dict(re.findall(r"--([\w-]+): (#\w{6})", block))
        assert value["page"] == palette.BACKGROUND[scheme]
        for name in ("text", "strong", "quiet", "accent", "good", "bad", "warn"):
            assert contrast(value[name], value["page"]) >= 4.5, (scheme, name)
        for name in ("good", "bad", "warn"):
            assert contrast(value[name], value[f"{name}-soft"]) >= 4.5, (scheme, name)
        assert contrast(value["strong"], value["accent-soft"]) >= 4.5
        assert contrast(value["text"], value["accent-soft"]) >= 4.5
        assert contrast(value["quiet"], value["panel"]) >= 4.5
        for name in ("own", "raw", "pca", "handmade", "untrained", "ceiling"):
            assert contrast(value[name], value["page"]) >= 3.0, (scheme, name)
