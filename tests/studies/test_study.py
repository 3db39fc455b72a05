"""A tiny grid from end to end: what it writes, what it does not do again, and what it makes of failures and hostile names."""

import csv
import json
import re

import pytest

from allegory import api
from allegory.core import Misuse, Problem
from allegory.runs import Run
from allegory.studies import population, report, work
from allegory.studies.grid import parsed
from allegory.studies.relations import along, relations, reversals
from allegory.studies.statistics import Correlation
from allegory.studies.study import study
from allegory.train import Interrupted

TEXT = """
title: A <script>tiny</script> study | of *little*
data: ["sprites:size=16,orientations=1,xs=4,ys=4,scales=2"]
methods:
  BetaVAE: {beta: [1.0, 8.0], latent: [3], encoder: [mlp-plain], decoder: [mlp]}
  PCA: {latent: [2, 4]}
seeds: 2
steps: 3
batch: 16
questions: [reconstruction, {efficiency: {counts: [10, 40], draws: 2, rounds: 2}}]
roles:
  nature: ["reconstruction:share_of_variance"]
  uses: ["efficiency:lr_accuracy@10", "efficiency:lr_accuracy@40", "efficiency:lr_accuracy@10 / efficiency:lr_accuracy@40", "no:body"]
  compression: "reconstruction:mse"
  transfer: "efficiency:lr_accuracy@40"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(parsed(TEXT, "tiny"), tmp_path_factory.mktemp("study") / "tiny")


def test_the_files(made):
    told = json.loads((made.folder / "study.json").read_text())
    assert len(told["trainings"]) == 6 and told["failed"] == [] and told["correlations"]
    rows = list(csv.DictReader((made.folder / "table.csv").read_text().splitlines()))
    assert [row["label"] for row in rows].count("BetaVAE beta 8.0") == 2
    assert all(0 <= float(row["efficiency:lr_accuracy@40"]) <= 1 for row in rows)
    html, page = (made.folder / "report.html").read_text(), (made.folder / "README.md").read_text()
    for text in (html, page):
        assert "<script>tiny" not in text
        assert "efficiency: LR accuracy at 10 / 40 ↑" in text and "BetaVAE (beta 8)" in text and "does not show" in text
    assert "No training has: no: body" in html and "<script" not in html and "src=" not in html
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in page.splitlines() if line.startswith("| efficiency")} == {3}


def test_bold_is_what_the_interval_tells_from_0(made):
    found = relations(made.population)
    pair = next(iter(found.pairs))
    for low, bold in ((0.2, True), (-0.1, False)):
        found.pairs[pair] = Correlation(0.61, low, 0.83, 9)
        assert ("<b>0.61</b>" in report.page(made.population, found)) == bold
        assert (f"**0.61 ({low:.2f} to 0.83)**".replace("-", "−") in report.markdown(made.population, found)) == bold


def test_a_ratio_is_that_of_its_scores(made):
    t = made.population.trainings[0]
    few, many = (t.value(f"efficiency:lr_accuracy@{n}") for n in (10, 40))
    assert t.value("efficiency:lr_accuracy@10 / efficiency:lr_accuracy@40") == pytest.approx(few / many)
    assert population.sign("efficiency:lr_accuracy@10 / efficiency:lr_accuracy@40") == 1


def test_what_is_there_is_not_done_again(made, monkeypatch):
    def again(*_, **__):
        raise AssertionError("it was done again")

    monkeypatch.setattr(work, "do", again)
    assert len(study(made.population.grid, made.folder).population.trainings) == 6


def test_a_question_more_is_asked_of_what_was_learned(made, tmp_path, monkeypatch):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(made.folder, folder)
    more = parsed(TEXT.replace("[reconstruction,", "[reconstruction, effective_rank,"), "tiny")
    asked = []
    monkeypatch.setattr(work, "put", lambda f, questions, *_, **__: asked.append([q.card.name for q in questions]) or _real(f, questions))
    found = study(more, folder)
    assert asked == [["effective_rank"]] * 6
    assert all({"effective_rank:effective_rank", "reconstruction:mse"} <= set(t.scores) for t in found.population.trainings)
    other = parsed(TEXT.replace("counts: [10, 40]", "counts: [10, 20]"), "tiny")
    assert [q.card.name for q in work.unasked(found.population.trainings[0].run, other.questions)] == ["efficiency"]


_real = work.put


def test_a_study_that_is_stopped_goes_on(tmp_path, monkeypatch):
    """Ctrl-C while the third cell is asked: two are done; then the third is learned no more, only asked."""
    grid, calls, learn = parsed(TEXT, "tiny"), [], api.learn

    def stopped(*args, **more):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return _real(*args, **more)

    monkeypatch.setattr(work, "put", stopped)
    with pytest.raises(Interrupted, match="2 of 6 cells are done"):
        study(grid, tmp_path / "s")
    third = Run(tmp_path / "s" / "cells" / grid.cells[2].name)
    assert third.learned and third.scores == []
    steps = []
    monkeypatch.setattr(work, "put", _real)
    monkeypatch.setattr(api, "learn", lambda *a, **k: steps.append(Run(k["out"]).learned) or learn(*a, **k))
    assert len(study(grid, tmp_path / "s").population.trainings) == 6
    assert steps == [True, False, False, False]


def test_a_cell_that_fails_stops_nobody(tmp_path, monkeypatch):
    grid, learn = parsed(TEXT, "tiny"), api.learn

    def fails(source, method, **said):
        if type(method).__name__ == "PCA":
            raise Problem("it broke | <b>here</b>")
        return learn(source, method, **said)

    monkeypatch.setattr(api, "learn", fails)
    made = study(grid, tmp_path / "s")
    assert len(made.population.trainings) == 4 and [f.partition(":")[2] for f in made.population.failed] == [" it broke | <b>here</b>"] * 2
    assert "&lt;b&gt;here" in (tmp_path / "s" / "report.html").read_text()
    monkeypatch.setattr(api, "learn", lambda *_, **__: fails(None, api.methods.find("PCA")()))
    with pytest.raises(Problem, match=r"no cell of the study could be done; the first: .* it broke"):
        study(grid, tmp_path / "t")


def test_folders_that_hold_something_else_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(Misuse, match="something else than a study"):
        study(parsed(TEXT, "tiny"), tmp_path)
    with pytest.raises(Misuse, match="is a file"):
        study(parsed(TEXT, "tiny"), tmp_path / "mine.txt")
    with pytest.raises(Misuse, match="jobs must be above 0"):
        study(parsed(TEXT, "tiny"), tmp_path / "s", jobs=0)


def test_scores_at_several_numbers_of_samples():
    found = along(["a:x@100", "a:x@10", "a:y", "b:x@10", "a:x@10 / a:x@100"])
    assert [(line.name, line.at) for line in found] == [("a:x", ((10, "a:x@10"), (100, "a:x@100")))]


def test_a_sign_that_turns_needs_two_clear_ends(made):
    found = relations(made.population)
    row, (line, *_) = found.rows[0], found.along
    (_, few), (_, many) = line.at
    found.pairs[row, few], found.pairs[row, many] = Correlation(0.6, 0.2, 0.8, 9), Correlation(-0.6, -0.8, -0.2, 9)
    assert reversals(found) == [(row, line)] and "The sign turns" in report.markdown(made.population, found)
    found.pairs[row, many] = Correlation(-0.6, -0.8, 0.1, 9)
    assert reversals(found) == [] and "within chance these do: reconstruction" in report.markdown(made.population, found)
