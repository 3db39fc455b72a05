"""The page as text: escaped, self-contained, complete; the card and the comparison."""

import json
import re

import pytest
from helpers.scores import few, score

from allegory import pages
from allegory.core import Misuse, Problem
from allegory.pages import card, comparison, page, render


def test_json_cannot_leave_its_script_element():
    value = {"</script><script>": ["<!--", "\u2028\u2029", "&", float("nan"), {"a": (1, float("inf"))}], "n": "\udc80"}
    text = render.json(value)
    assert not set("<>&\u2028\u2029") & set(text)
    back = json.loads(text)
    assert back["</script><script>"] == ["<!--", "\u2028\u2029", "&", None, {"a": [1, None]}] and back["n"] == "?"


def test_hostile_names_are_escaped_everywhere(hostile_pca, hostile, scores):
    html = pages.report(hostile_pca, hostile, [*scores, score("<script>m", 1.0, control="<b>c")], [{"step": 1, "<i>": 1.0}], title="<u>t")
    for name in ("<img src=x", "</script><script>window", "<svg onload", "<script>m", "<b>c", "<i>", "<u>t"):
        assert name not in html
    assert "\u2028" not in re.search(r'id="map-data">(.*?)</script>', html, re.S)[1]
    assert "49" not in re.findall(r"<li>(.*?)</li>", html) and "{{ 7 * 7 }}" in html
    markdown = pages.model_card(hostile_pca, hostile, scores)
    assert not re.search(r"<(?!https://)", markdown) and "](" not in markdown.replace("\\](", "")


def test_the_policy_allows_this_script_and_style_and_nothing_else(pca, images):
    html = pages.report(pca, images, [])
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', html)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy and "eval" not in policy
    assert re.search(r"<script>.*</script>", html, re.S) and "eval(" not in html and "innerHTML" not in html
    outside = [u for u in re.findall(r"""(?:src|href|action)\s*=\s*["']([^"']*)""", html) if not u.startswith(("data:", "#"))]
    assert outside == [] and "url(" not in html and "@import" not in html
    assert '<html lang="en">' in html and re.search("<title>.+</title>", html)
    assert all("alt=" in tag for tag in re.findall("<img[^>]*>", html))


def test_the_page_is_written_whole(pca, images, tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss/pca": 2.0}\n{"step": 2, "loss/pca": 1.0}\n{"step": 3, "lo')
    path = pages.write_report(tmp_path / "run" / "report.html", pca, images, [], tmp_path / "metrics.jsonl")
    assert "loss/pca over 2 logged steps: first 2, last 1" in path.read_text(encoding="utf-8")


def test_a_torn_line_in_the_middle_is_named(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"ste\n{"step": 3}\n')
    with pytest.raises(Problem, match="line 2 is not JSON"):
        page.read_metrics(tmp_path / "metrics.jsonl")
    with pytest.raises(Problem, match="cannot read"):
        page.read_metrics(tmp_path / "none.jsonl")


def test_the_page_says_what_was_done(vae, images, scores):
    html = pages.report(vae, images, scores)
    for words in ("VAE on pictures", "90 items", "3 classes", "4 numbers an item", "Higgins", "<code>4</code>", "78.0", "76.0–80.0"):
        assert words in html
    assert "The gain over each control" not in html and 'id="training"' not in html and 'id="health"' not in html


def test_settings_are_named_and_views_come_last(vae):
    from allegory.methods.contrastive.simclr import SimCLR
    from allegory.views import Pair, Rotations

    assert dict(page.settings(vae.method)) | {"latent": "4", "beta": "4", "views": "default"} == dict(page.settings(vae.method))
    name, words = page.settings(SimCLR(views=Pair(Rotations())))[-1]
    assert name == "views" and words.startswith("Pair(")


def test_the_card_has_the_verdict_the_table_and_the_use(vae, images, scores):
    text = card.model_card(vae, images, [*scores, score("effective_rank", 3.21, 3.0, 3.5, question="effective_rank")])
    assert text.startswith("# BetaVAE on pictures\n\n**Better than every control.** With one label a class")
    assert "| BetaVAE | 78.0 (76.0–80.0) | 87.0 (85.0–89.0) |" in text
    assert "effective rank (effective rank): this method 3.21 (3.00–3.50)" in text
    assert "al.Representation.load" in text and "Higgins et al." in text


def run(name, *values, protocol="p", half=0.02, **facts):
    rows = few(None, *values, half=half) + few("raw input", *(0.5 for _ in values))
    return {"name": name, "method": "M", "scores": [{**r, "protocol": protocol} for r in rows], "facts": facts}


def test_runs_stand_in_one_table_with_their_controls_once():
    lines = comparison.table_of([run("a", 0.7, 0.8), run("b", 0.6, 0.75), run("a", 0.9, 0.9)]).board.lines
    assert [line.who for line in lines] == ["a", "b", "a (2)", "raw input"]
    other = {**run("c", 0.6, 0.7), "scores": few(None, 0.6, 0.7) + few("raw input", 0.4, 0.4)}
    lines = comparison.table_of([run("a", 0.7, 0.8), run("b", 0.6, 0.75), other]).board.lines
    assert [line.who for line in lines][3:] == ["raw input (a and 1 more)", "raw input (c)"]
    html = pages.compare([run("a", 0.7, 0.8), run("<b>", 0.6, 0.75)])
    assert "&lt;b&gt;" in html and "<b>" not in re.sub(r"<b>[\d.–]+</b>", "", html)
    assert "ahead with 70.0" in html and "is told apart from it" in html


def test_runs_that_are_not_told_apart_have_no_winner():
    html = pages.compare([run("a", 0.70, 0.8), run("b", 0.69, 0.75)])
    assert "not told apart from b" in html


def test_other_protocols_and_other_data_are_warned_about():
    html = pages.compare([run("a", 0.7, 0.8, fingerprint="x"), run("b", 0.2, 0.3, protocol="q", fingerprint="y")])
    assert "measured by 2 protocols, which are not compared" in html
    assert "ahead" not in html
    html = pages.compare([run("a", 0.7, 0.8, fingerprint="x"), run("b", 0.2, 0.3, fingerprint="y")])
    assert "did not learn from the same data" in html
    with pytest.raises(Misuse, match="nothing to compare"):
        pages.compare([])


def test_a_run_that_was_asked_more_is_compared_where_both_were_asked():
    more = run("b", 0.6, 0.75)
    more["scores"] += [{**score("mig", 0.3, 0.2, 0.4, question="mig"), "protocol": "another"}]
    table = comparison.table_of([run("a", 0.7, 0.8), more])
    assert table.warnings == () and table.best == {(0, 0), (0, 1)}


def test_a_run_without_scores_is_listed_as_not_measured():
    html = pages.compare([run("a", 0.7, 0.8), {"name": "b", "method": "M", "scores": [], "facts": None}])
    assert "Not measured: b." in html
