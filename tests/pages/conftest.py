"""Small runs to make pages of, and one browser for all tests."""

import shutil
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from helpers.scores import few

from allegory.core import Array
from allegory.data import Column, Factors, Labels, Source
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.spectral.pca import PCA
from allegory.representation import Representation
from allegory.train import fit

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WEBGL = ("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
HOSTILE = (
    "<img src=x onerror=alert(1)>", "</script><script>window.hacked=1</script>", "<!--<script>", "a\u2028b\u2029c", "{{ 7 * 7 }} ${8*8}",
    "'\"><svg onload=window.hacked=1>", "`|*_[link](javascript:alert(1))",
)  # fmt: skip


@pytest.fixture(scope="session")
def scores():
    """The method ahead of its controls."""
    own = few(None, 0.78, 0.87, 0.93, 0.96, 0.99)
    return own + few("raw input", 0.55, 0.69, 0.81, 0.88, 0.96) + few("untrained", 0.50, 0.64, 0.77, 0.85, 0.95)


@pytest.fixture(scope="session")
def images():
    """90 images of 3 x 8 x 8 in three classes, every one with colours of its own, and two factors."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    x = rng.integers(0, 120, (90, 3, 8, 8))
    x[np.arange(90), y] += 120
    factors = Factors(("shape", "angle"), (2, 30), np.stack([np.arange(90) % 2, np.arange(90) // 3], 1))
    ids = [f"folder/picture-{i:03d}.png" for i in range(90)]
    return Source("pictures", Array((3, 8, 8), levels=256), x.astype(np.uint8), Labels(y, ("red", "green", "blue")), factors, ids=ids)


@pytest.fixture(scope="session")
def vectors():
    """120 rows of 6 named columns, a third of them without a label."""
    rng = np.random.default_rng(1)
    y = np.arange(120) % 2
    x = rng.normal(size=(120, 6)) + 3 * y[:, None]
    columns = tuple(Column(f"column {c}") for c in "abcdef")
    labels = Labels(np.where(np.arange(120) % 3 == 0, -1, y), ("no", "yes"))
    return Source("table", Array((6,)), x, labels, columns=columns, ids=[f"row-{i}" for i in range(120)])


@pytest.fixture(scope="session")
def hostile():
    """Names that try to get out of the page."""
    rng = np.random.default_rng(2)
    y = np.arange(70) % len(HOSTILE)
    ids = [f"{HOSTILE[i % len(HOSTILE)]}{i}" for i in range(70)]
    factors = Factors((HOSTILE[0],), (2,), (np.arange(70) % 2)[:, None])
    return Source(HOSTILE[1], Array((4,)), rng.normal(size=(70, 4)) + y[:, None], Labels(y, HOSTILE), factors, ids=ids, notes=(HOSTILE[2],),
                  columns=tuple(Column(name) for name in HOSTILE[:4]))  # fmt: skip


@pytest.fixture(scope="session")
def pca(images):
    return Representation.of(fit(PCA(latent=6), images, device="cpu"))


@pytest.fixture(scope="session")
def vae(images):
    return Representation.of(fit(BetaVAE(latent=4), images, steps=2, batch=16, device="cpu"))


@pytest.fixture(scope="session")
def table_vae(vectors):
    return Representation.of(fit(BetaVAE(latent=3, likelihood="gaussian"), vectors, steps=2, batch=16, device="cpu"))


@pytest.fixture(scope="session")
def hostile_pca(hostile):
    return Representation.of(fit(PCA(latent=2), hostile, device="cpu"))


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for the session."""
    play = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on the path")
    with play.sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=found, args=list(WEBGL))
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page in a tab, and everything it complained about or asked for."""

    tab: object
    errors: list = field(default_factory=list)
    requests: list = field(default_factory=list)

    def until(self, condition):
        """Waits for a JavaScript condition. (Playwright's own waiting needs eval, which the page forbids.)"""
        end = time.monotonic() + 20
        while not self.tab.evaluate(condition):
            assert time.monotonic() < end, f"never came true: {condition}"
            self.tab.wait_for_timeout(30)


@pytest.fixture
def visit(browser, tmp_path):
    """Opens HTML in a fresh context: `visit(html, width=..., scheme=..., script=..., touch=...)`."""
    contexts = []

    def open_(html, width=1000, scheme="light", script="", touch=False):
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce", has_touch=touch, is_mobile=touch
        )
        contexts.append(context)
        seen = Visit(context.new_page())
        seen.tab.on("console", lambda m: seen.errors.append(m.text) if m.type in ("error", "warning") else None)
        seen.tab.on("pageerror", lambda e: seen.errors.append(str(e)))
        seen.tab.on("dialog", lambda d: (seen.errors.append(f"dialog {d.message}"), d.dismiss()))
        seen.tab.on("request", lambda r: None if r.url.startswith(("data:", "file:")) else seen.requests.append(r))
        if script:
            seen.tab.add_init_script(script)
        path = tmp_path / f"page{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        seen.tab.goto(path.as_uri())
        seen.until("!document.getElementById('points') || document.getElementById('points').dataset.brush")
        seen.tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return seen

    yield open_
    for context in contexts:
        context.close()
