"""Two scores drawn against each other: whose means they are, what stands as a line, and what is never drawn together."""

import dataclasses
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from allegory.core import Problem
from allegory.pages.results import Result
from allegory.questions import Score
from allegory.studies import population, report, scatters, work
from allegory.studies.grid import Against, Cell, parsed
from allegory.studies.relations import relations
from allegory.studies.scatters import Place, Scatter, joined, said
from allegory.studies.statistics import Correlation
from allegory.studies.study import study, write_page

TEXT = """
title: A <b>tiny</b> study
data: ["sprites:size=16,orientations=1,xs=8,ys=8,scales=2"]
methods:
  BetaVAE: {beta: [1.0, 8.0], latent: [3], encoder: [mlp-plain], decoder: [mlp]}
  VAE: {latent: [3], likelihood: [gaussian], encoder: [mlp-plain], decoder: [mlp]}
  PCA: {latent: [2]}
seeds: 3
steps: 3
batch: 16
questions: [{rate_distortion: {sweep: false}}, {few_labels: {counts: [1]}}]
controls: [raw input, untrained]
pictures:
  - {across: "rate_distortion:rate", up: "few_labels:accuracy@1"}
  - {across: "rate_distortion:rate", up: "rate_distortion:distortion"}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return study(parsed(TEXT, "tiny"), tmp_path_factory.mktemp("study") / "tiny")


def test_a_mark_is_the_mean_over_seeds_of_a_setting(made):
    first = scatters.scatters(made.population)[0]
    assert [p.name for p in first.places] == ["BetaVAE (beta 1)", "BetaVAE (beta 8)"]  # sprites are black and white: bernoulli
    for beta, place in zip((1.0, 8.0), first.places, strict=True):
        seeds = [t for t in made.population.trainings if getattr(t.cell.method, "beta", None) == beta]
        assert len(seeds) == 3
        for result, name in ((place.across, "rate_distortion:rate"), (place.up, "few_labels:accuracy@1")):
            assert result.value == pytest.approx(np.mean([t.value(name) for t in seeds]))
            assert result.low < result.value < result.high


def test_what_has_no_score_across_is_a_line_and_so_are_the_controls(made):
    rules = {name: value for value, name in scatters.scatters(made.population)[0].rules}
    assert set(rules) == {"PCA", "raw input", "untrained network, mean"}
    pca = next(t for t in made.population.trainings if t.cell.family == "PCA")
    assert rules["PCA"] == pytest.approx(pca.value("few_labels:accuracy@1"))
    raw = next(s for s in pca.run.answers if s.control == "raw input" and s.metric == "accuracy@1")
    assert rules["raw input"] == pytest.approx(raw.value)


def test_distortions_of_two_likelihoods_are_two_pictures(made):
    apart = [s for s in scatters.scatters(made.population) if s.up == "rate_distortion:distortion"]
    assert [{p.method for p in s.places} for s in apart] == [{"BetaVAE"}, {"VAE"}]


def test_the_rank_correlation_is_of_what_is_drawn():
    """Ranks 2 1 3 5 4 over 1 .. 5: 1 - 6 * 4 / (5 * 24) = .8; with the training of another protocol it would be below 0."""
    trainings = []
    for k, (x, y, protocol) in enumerate([(1, 3, "p"), (2, 1, "p"), (3, 4, "p"), (4, 6, "p"), (5, 5, "p"), (9, 0, "other")]):
        scores = {f"q:{m}": Score("q", m, float(v), None, None, 9, 1, "test", None, protocol) for m, v in (("x", x), ("y", y))}
        trainings.append(population.Training(Cell(str(k), str(k), "M", "d", None, 0), None, scores))
    found = population.Population(None, tuple(trainings))
    got = scatters._rho(found, ("q:x", "q:y"), ("p", "p"))
    assert got.n == 5 and got.rho == pytest.approx(0.8)


def test_the_files_beside_the_page(made, tmp_path):
    write_page(tmp_path / "docs" / "tiny.md", made.population, made.relations)
    text, names = (tmp_path / "docs" / "tiny.md").read_text(), sorted(p.name for p in (tmp_path / "docs" / "images").iterdir())
    assert len(names) == len(scatters.scatters(made.population)) and all(f"(images/{name})" in text for name in names)
    root = ET.fromstring((tmp_path / "docs" / "images" / "tiny_1.svg").read_text())
    words = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "BetaVAE, beta 1 to 8" in words and "few labels at 1 ↑" in words and any("untrained network" in w for w in words)
    assert "2 numbers of code" in text and "parameters, 3 numbers of code" in text
    assert "No rank correlation" not in text and "A correlation over" not in text  # the grid has no roles
    html = report.page(made.population, made.relations)
    assert 'id="scatters"' in html and "Distortions are nats of one likelihood" in html and "<b>tiny" not in html


def test_the_controls_belong_to_the_protocol(made):
    grid, run = made.population.grid, made.population.trainings[0].run
    assert work.unasked(run, grid.questions, grid.controls) == []
    assert work.unasked(run, grid.questions) == list(grid.questions)


def test_a_picture_of_what_nobody_has_is_left_out(made):
    grid = dataclasses.replace(made.population.grid, pictures=(Against("mig:mig", "few_labels:accuracy@1"),))
    other = population.Population(grid, made.population.trainings)
    assert scatters.scatters(other) == [] and "images/" not in report.markdown(other, relations(other))


def place(name, across, up):
    def result(metric, v):
        return Result("q", metric, v, v - 0.1, v + 0.1)

    return Place(name, name, result("bits_per_dimension", across), result("accuracy@10", up))


def test_words_by_hand():
    """C has the fewest bits and is second by accuracy; B the most, and is last; A is first."""
    up = "few_labels:accuracy@10"
    s = Scatter("likelihood:bits_per_dimension", up, "d", (place("A", 2.0, 0.8), place("B", 3.0, 0.5), place("C", 1.0, 0.7)), ())
    words = said(s)
    assert "lowest: C, 1.00 (0.900–1.10), number 2 of 3 by few labels at 10; highest: B, 3.00 (2.90–3.10), number 3 of 3" in words
    assert "the first is A, 80.0 % (70.0–90.0), and the last B, 50.0 % (40.0–60.0)" in words
    turned = dataclasses.replace(s, up="fairness:unfairness")  # low is good
    assert "the first is B" in said(turned) and "lowest: C, 1.00 (0.900–1.10), number 2 of 3" in said(turned)
    assert "correlation" not in words
    clear, unclear = Correlation(-0.6, -0.8, -0.2, 9), Correlation(-0.6, -0.8, 0.2, 9)
    more = said(dataclasses.replace(s, rho=clear))
    assert "over 9 trainings is −0.60 (−0.80 to −0.20): a lower likelihood: bits per dimension goes with more few labels at 10." in more
    assert "goes with less" in said(dataclasses.replace(s, rho=Correlation(0.6, 0.2, 0.8, 9)))
    assert "no relation is seen beyond chance" in said(dataclasses.replace(s, rho=unclear))
    assert said(dataclasses.replace(s, up="likelihood:log_likelihood")) == ""  # nobody says which end is good


def test_the_best_bound_of_each_method_by_hand():
    """A: 5 and 4.5; B: 4.8."""
    first, second, other = place("A (beta 1)", 2.0, 3.0), place("A (beta 2)", 1.0, 3.5), place("B", 0.5, 4.3)
    places = tuple(dataclasses.replace(p, method=p.name[0]) for p in (first, second, other))
    words = said(Scatter("rate_distortion:rate", "rate_distortion:distortion", "d", places, ()))
    assert words.endswith("the fewest of each method: 4.5 by A (beta 2); 4.8 by B.")


def test_rules_that_are_close_share_a_name():
    assert joined([(0.5, "b"), (0.52, "a"), (0.9, "c")], 1.0) == [(pytest.approx(0.51), "b; a"), (0.9, "c")]
    assert len(joined([(0.5, "b"), (0.55, "a")], 1.0)) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("controls: [raw input", "controls: [raw inputt", "Did you mean .*raw input"),
        ('- {across: "rate_distortion:rate", up: "few', '- {over: "rate_distortion:rate", up: "few', "across: a score, up: a score"),
        ("controls: [raw input, untrained]", "controls: 3", "controls: expected a list"),
    ],
)
def test_what_is_wrong_is_said(old, new, told):
    assert old in TEXT
    with pytest.raises(Problem, match=told):
        parsed(TEXT.replace(old, new, 1), "g")
