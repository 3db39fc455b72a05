"""The report in a headless Chromium: it draws, answers to hands, and asks nothing of the network."""

import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from allegory import pages
from allegory.pages import codes_map, layout, pictures

NO_WEBGL = """HTMLCanvasElement.prototype.getContext = ((old) => function (kind, options) {
  return kind === 'webgl' ? null : old.call(this, kind, options);
})(HTMLCanvasElement.prototype.getContext);"""
THUMB = """(() => {
  const t = document.getElementById('thumb');
  return [...t.getContext('2d').getImageData(0, 0, t.width, t.height).data];
})()"""
HANDS = """(() => {
  const map = document.getElementById('points'), box = map.getBoundingClientRect(), begun = performance.now();
  for (let i = 0; i < 50; i++) {
    map.dispatchEvent(new WheelEvent('wheel', { deltaY: -5, ctrlKey: true, cancelable: true, clientX: box.x + 300, clientY: box.y + 200 }));
    map.dispatchEvent(new PointerEvent('pointermove', { clientX: box.x + 200 + i, clientY: box.y + 200, pointerType: 'mouse' }));
  }
  return (performance.now() - begun) / 50;
})()"""
FLOOR = """(() => {
  const points = new Float64Array(40000).fill(1), begun = performance.now();
  let sum = 0;
  for (let i = 0; i < 50; i++) for (const at of points) sum += Math.sqrt(at + i);
  return (performance.now() - begun) / 50 + 0 * sum;
})()"""
METRICS = [{"step": i, "seconds": 0.1 * i, "loss/vae": 3.0 / (1 + i), "health/effective_rank": 2.0 + 0.1 * i} for i in range(20)]


@pytest.fixture(scope="module")
def report(vae, images, scores):
    return pages.report(vae, images, scores, METRICS)


@pytest.fixture(scope="module")
def table_report(table_vae, vectors):
    return pages.report(table_vae, vectors, [])


def pixels(visit):
    """The map as it stands on the screen, (h, w, 3)."""
    shot = visit.tab.locator("#points").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def drawn(picture):
    """Where points are: what is neither page nor grey (borders, buttons)."""
    return np.ptp(picture, axis=2) > 40


def payload(html):
    return json.loads(re.search(r'id="map-data">(.*?)</script>', html, re.S)[1])


def places(html, visit):
    """Where each item must be drawn, by the formula in the docs of the map: 92 % of the shorter side, centred."""
    box = visit.tab.locator("#points").bounding_box()
    xy = np.frombuffer(base64.b64decode(payload(html)["layouts"][0]["xy"]), "<u2").reshape(-1, 2) / 65535
    scale = 0.92 * min(box["width"], box["height"])
    return (xy - 0.5) * scale + [box["width"] / 2, box["height"] / 2], box


def lonely(where, box):
    """Items far from all others and from the buttons, so that a hover can mean only them."""
    gaps = np.linalg.norm(where[:, None] - where[None], axis=-1) + 1e9 * np.eye(len(where))
    free = where[:, 0] < box["width"] - 60
    return np.argsort(-gaps.min(1) * free)[:3]


def hover(visit, where, box, i):
    visit.tab.mouse.move(box["x"] + where[i][0], box["y"] + where[i][1])
    visit.until("!document.getElementById('tip').hidden")


@pytest.mark.parametrize(("kind", "script"), [("webgl", ""), ("2d", NO_WEBGL)])
def test_the_map_draws_every_item_and_names_the_one_under_the_pointer(visit, report, vae, images, kind, script):
    seen = visit(report, script=script)
    assert seen.tab.evaluate("document.getElementById('points').dataset.brush") == kind
    seen.tab.locator("#points").scroll_into_view_if_needed()
    picture = drawn(pixels(seen))
    where, box = places(report, seen)
    hit = [picture[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2].any() for x, y in where if x < box["width"] - 60]
    assert np.mean(hit) == 1.0
    assert 0.001 < picture.mean() < 0.2
    index = np.argsort(images.item_keys, kind="stable")
    for i in lonely(where, box):
        hover(seen, where, box, i)
        item = int(index[i])
        words = seen.tab.inner_text("#tip")
        assert images.id(item) in words and images.labels.names[images.labels.values[item]] in words
        expected = pictures.stored(vae.intake, images.take(np.array([item])))[0]
        assert (np.array(seen.tab.evaluate(THUMB)).reshape(8, 8, 4)[..., :3] == expected).all()
    seen.tab.mouse.move(2, 2)
    assert seen.tab.locator("#tip").is_hidden()
    # Chromium remarks on this test's own reading of pixels.
    assert [e for e in seen.errors if "getImageData" not in e] == [] and seen.requests == []


def test_search_by_id_finds_and_centres_the_item(visit, report, images):
    seen = visit(report)
    seen.tab.fill("#query", "picture-042")
    seen.tab.keyboard.press("Enter")
    assert seen.tab.inner_text("#found") == "found"
    assert "folder/picture-042.png" in seen.tab.inner_text("#tip")
    assert "folder/picture-042.png" in seen.tab.inner_text("#said")
    box, mark = seen.tab.locator("#points").bounding_box(), seen.tab.locator("#picked").bounding_box()
    assert abs(mark["x"] + mark["width"] / 2 - box["x"] - box["width"] / 2) < 2
    seen.tab.fill("#query", "no such thing")
    seen.tab.keyboard.press("Enter")
    assert seen.tab.inner_text("#found") == "not on the map"
    seen.tab.fill("#query", "picture-00")
    for k in (1, 2):
        seen.tab.keyboard.press("Enter")
        assert seen.tab.inner_text("#found") == f"{k} of 10"


def test_colour_by_changes_points_and_legend_and_the_legend_singles_out(visit, report):
    seen = visit(report)
    seen.tab.locator("#points").scroll_into_view_if_needed()
    assert seen.tab.locator("#legend button").all_inner_texts()[0].split() == ["red", "30"]
    before = pixels(seen)
    seen.tab.select_option("#colour", label="shape")
    assert len(seen.tab.locator("#legend button").all()) == 2
    after = pixels(seen)
    assert (before != after).any()
    seen.tab.select_option("#colour", label="angle")
    assert seen.tab.inner_text("#legend").split() == ["0", "29"]
    seen.tab.select_option("#colour", label="part")
    assert "train" in seen.tab.inner_text("#legend")
    seen.tab.select_option("#colour", label="label")
    everything = drawn(pixels(seen)).sum()
    seen.tab.locator("#legend button").first.click()
    assert seen.tab.locator("#legend button").first.get_attribute("aria-pressed") == "true"
    assert 0.15 < drawn(pixels(seen)).sum() / everything < 0.6
    seen.tab.locator("#legend button").first.click()
    assert abs(drawn(pixels(seen)).sum() / everything - 1) < 0.02


def test_keys_zoom_and_name_items(visit, report):
    seen = visit(report)
    seen.tab.focus("#points")
    seen.tab.keyboard.press("Enter")
    assert seen.tab.inner_text("#said").startswith("item folder/picture-")
    before = pixels(seen)
    for key in ("+", "+", "ArrowLeft"):
        seen.tab.keyboard.press(key)
    assert (pixels(seen) != before).mean() > 0.001
    seen.tab.keyboard.press("Escape")
    assert seen.tab.locator("#tip").is_hidden()


def test_the_wheel_scrolls_the_page_until_the_map_is_clicked(visit, report):
    seen = visit(report)
    seen.tab.locator("#points").scroll_into_view_if_needed()
    box = seen.tab.locator("#points").bounding_box()
    seen.tab.mouse.move(box["x"] + 20, box["y"] + 200)
    at = seen.tab.evaluate("scrollY")
    seen.tab.mouse.wheel(0, 100)
    seen.until(f"scrollY !== {at}")
    seen.tab.locator("#points").scroll_into_view_if_needed()
    before = pixels(seen)
    box = seen.tab.locator("#points").bounding_box()
    seen.tab.mouse.click(box["x"] + 20, box["y"] + 200)
    at = seen.tab.evaluate("scrollY")
    seen.tab.mouse.wheel(0, -300)
    seen.tab.wait_for_timeout(100)
    assert seen.tab.evaluate("scrollY") == at
    assert (pixels(seen) != before).mean() > 0.001


def test_a_drag_moves_the_map(visit, report):
    seen = visit(report)
    seen.tab.locator("#points").scroll_into_view_if_needed()
    before = drawn(pixels(seen))
    box = seen.tab.locator("#points").bounding_box()
    seen.tab.mouse.move(box["x"] + 100, box["y"] + 100)
    seen.tab.mouse.down()
    seen.tab.mouse.move(box["x"] + 130, box["y"] + 110, steps=4)
    seen.tab.mouse.up()
    seen.tab.mouse.move(2, 2)
    after = drawn(pixels(seen))
    inner = np.s_[40:-40, 60:-120]
    agree = after[inner] == np.roll(before, (10, 30), (0, 1))[inner]
    assert agree.mean() > 0.995 > (after[inner] == before[inner]).mean()


def test_a_touch_names_the_item(visit, report):
    seen = visit(report, width=390, touch=True)
    seen.tab.locator("#points").scroll_into_view_if_needed()
    where, box = places(report, seen)
    i = lonely(where, box)[0]
    seen.tab.touchscreen.tap(box["x"] + where[i][0], box["y"] + where[i][1])
    seen.until("!document.getElementById('tip').hidden")
    assert seen.tab.get_attribute("#tip", "data-item") == str(i)


@pytest.mark.parametrize("kind", ["images", "vectors"])
def test_right_on_a_phone_and_a_screen_in_light_and_dark(visit, report, table_report, kind):
    seen = visit(report if kind == "images" else table_report)
    seen.tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for width in (390, 1280):
        for scheme, page in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(22, 24, 29)")):
            seen.tab.set_viewport_size({"width": width, "height": 844})
            seen.tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert seen.tab.evaluate("document.documentElement.scrollWidth") <= width
            assert seen.tab.evaluate("getComputedStyle(document.body).backgroundColor") == page
    assert seen.errors == [] and seen.requests == []


def test_vectors_have_no_thumbnail_but_names(visit, table_report, vectors):
    seen = visit(table_report)
    seen.tab.locator("#points").scroll_into_view_if_needed()
    where, box = places(table_report, seen)
    i = int(lonely(where, box)[0])
    hover(seen, where, box, i)
    item = int(np.argsort(vectors.item_keys, kind="stable")[i])
    assert f"row-{item}" in seen.tab.inner_text("#tip").split()
    assert seen.tab.locator("#thumb").is_hidden()
    assert seen.tab.locator("img").count() == 0


def test_hostile_names_stay_text(visit, hostile_pca, hostile, scores):
    html = pages.report(hostile_pca, hostile, scores, [{"step": 1, "loss/<b>": 1.0, "alarms": [hostile.name]}], title=hostile.ids[0])
    seen = visit(html, width=390)
    assert seen.tab.title() == hostile.ids[0]
    assert seen.tab.evaluate("window.hacked") is None
    assert seen.tab.evaluate("document.querySelectorAll('img[src=x], svg[onload], body b b').length") == 0
    assert seen.tab.evaluate("document.querySelectorAll('script').length") == 2
    assert seen.tab.locator("#legend button span").all_inner_texts()[0] == hostile.labels.names[0]
    seen.tab.fill("#query", hostile.ids[1])
    seen.tab.keyboard.press("Enter")
    assert hostile.ids[1] in seen.tab.text_content("#tip")
    assert seen.tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert seen.errors == [] and seen.requests == []


def test_a_script_that_slipped_in_would_not_run(visit, report):
    strange = "<script>window.hacked = 1</script><img src='https://example.org/x.png' onerror='window.hacked = 2'>"
    slipped = report.replace("<footer>", strange + "<footer>")
    seen = visit(slipped)
    assert seen.tab.evaluate("window.hacked") is None
    assert len(seen.errors) >= 2 and all("Content Security Policy" in e for e in seen.errors)
    assert {r.failure for r in seen.requests} == {"csp"}


class Halves:
    """A representation that costs nothing: the mean of each quarter of the pixels."""

    facts = {}

    def __init__(self, rep):
        self.method, self.net, self.intake = rep.method, rep.net, rep.intake

    def can(self):
        return ("encode",)

    def encode(self, x):
        return np.stack([q.mean((1, 2, 3)) for q in (x[..., :14, :14], x[..., :14, 14:], x[..., 14:, :14], x[..., 14:, 14:])], 1)


def test_twenty_thousand_noisy_pictures_fit_and_stay_quick(visit, vae, images, monkeypatch):
    from allegory.core import Array
    from allegory.data import Intake, Labels, Source

    x = np.random.default_rng(0).integers(0, 256, (20_500, 1, 28, 28), dtype=np.uint8)
    ids = [f"very/long/path/{'ü' * 60}/to/a/picture/{i:06d}.png" for i in range(len(x))]
    labels = Labels(np.arange(len(x)) % 25, tuple(f"class {i}" for i in range(25)))
    source = Source("noise", Array((1, 28, 28), levels=256), x, labels, ids=ids)
    rep = Halves(vae)
    rep.intake = Intake(source.spec)
    # The layout has its own tests; here its seconds would only be waited for.
    monkeypatch.setattr(layout, "near", lambda start, graph: start)
    nobody = lambda z, queries=None, k=15: (np.zeros((len(z if queries is None else queries), k), int),) * 2
    monkeypatch.setattr(layout, "neighbours", nobody)
    html = pages.report(rep, source, [])
    assert len(html.encode()) < 12_000_000
    assert payload(html)["n"] == codes_map.MOST == 20_000
    seen = visit(html)
    seen.tab.locator("#points").scroll_into_view_if_needed()
    assert drawn(pixels(seen)).mean() > 0.02
    # The work of one zoom step and one hover, drawing aside, in passes over all coordinates: some 20, where pairs would take 20,000.
    hands, floor = seen.tab.evaluate(HANDS), max(seen.tab.evaluate(FLOOR) for _ in range(5))
    assert hands < 100 * floor
    assert seen.errors == []


def test_one_class_and_two_items_of_a_kind_still_make_a_page(visit, pca, images):
    few = replace(images.subset(np.arange(12)), labels=None, factors=None)
    seen = visit(pages.report(pca, few, []))
    assert seen.tab.inner_text(".mark").endswith("not measured")
    assert seen.errors == []
