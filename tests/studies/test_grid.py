"""What a grid may say, and its cells."""

import pytest

from allegory.core import Misuse, Problem
from allegory.studies import grid as grids
from allegory.studies.grid import parsed, read

TEXT = """
data: [digits]
methods:
  BetaVAE: {beta: [1.0, 4.0], latent: [4, 8]}
  PCA: {latent: 4}
seeds: 2
steps: 10
questions: [mig, {efficiency: {counts: [10, 20]}}]
"""


def test_every_combination_and_one_seed_of_what_is_solved():
    grid = parsed(TEXT, "g")
    assert [label for label, _ in grid.methods] == [
        "BetaVAE beta 1.0 latent 4", "BetaVAE beta 1.0 latent 8", "BetaVAE beta 4.0 latent 4", "BetaVAE beta 4.0 latent 8", "PCA",
    ]  # fmt: skip
    assert len(grid.cells) == 2 * 4 + 1 and [c.seed for c in grid.cells] == [0] * 5 + [1] * 4
    assert len({c.name for c in grid.cells}) == 9 and all("/" not in c.name for c in grid.cells)
    assert grid.questions[1].counts == (10, 20)
    assert {c.steps for c in grid.cells if c.family == "PCA"} == {None}


def test_a_cell_is_named_by_all_that_it_is_trained_with():
    names = {c.name for c in parsed(TEXT, "g").cells}
    assert names == {c.name for c in parsed(TEXT.replace("mig, ", ""), "other").cells}, "questions can be added later"
    assert not names & {c.name for c in parsed(TEXT.replace("steps: 10", "steps: 20"), "g").cells} - {n for n in names if "PCA" in n}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("beta: [1.0, 4.0]", "betta: [1.0]", "has no setting betta"),
        ("beta: [1.0, 4.0]", "beta: [high]", "expected a? ?float"),
        ("BetaVAE", "BetaVEA", "Did you mean .*BetaVAE"),
        ("mig", "migg", "Did you mean .*mig"),
        ("seeds: 2", "seeds: no", "seeds: expected a whole number"),
        ("seeds: 2", "seeds: 5000", "has 25000 cells"),
        ("steps: 10", "stepps: 10", "Did you mean .*steps"),
        ("data: [digits]", "data: []", "data: expected a list"),
        ("{counts: [10, 20]}", "{counts: few}", "expected a list"),
        ("methods:", "methods: [", "is not YAML"),
        ("seeds: 2", "roles: {natur: [a]}", "Did you mean nature"),
        ("[digits]", "[!!python/object/apply:os.system [ls]]", "is not YAML"),
    ],
)
def test_what_is_wrong_is_said(old, new, said):
    with pytest.raises(Problem, match=said):
        parsed(TEXT.replace(old, new, 1), "g")


def test_files_and_names(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT)
    assert read(str(path)).name == "mine"
    with pytest.raises(Misuse, match=r"built in: .*sprites16"):
        read("nothing-of-the-kind")
    with pytest.raises(Misuse, match="no built-in grid"):
        read("../../../etc/passwd-that-is-not")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Problem, match="cannot read"):
        read(str(path))


def test_the_built_in_grids_can_be_read_and_are_of_their_size():
    sizes = {"sprites16": 42, "disentangling": 50, "usefulness": 45, "rate_distortion": 31}
    assert list(grids.built_in()) == sorted(sizes)
    for name, size in sizes.items():
        grid = read(name)
        assert len(grid.cells) == size
        named = [score for scores in grid.roles.values() for score in scores] + [n for p in grid.pictures for n in (p.across, p.up)]
        asked = {q.card.name for q in grid.questions}
        assert {part.partition(":")[0] for score in named for part in score.split(" / ")} <= asked


def test_a_grid_names_one_of_its_own_settings_to_be_set_beside():
    text = "data: [digits]\nmethods: {BetaVAE: {beta: [1.0, 4.0]}}\nquestions: [mig]\nagainst: "
    assert parsed(text + "BetaVAE beta 1.0", "g").against == "BetaVAE beta 1.0"
    with pytest.raises(Misuse, match=r"BetaVAE beta 1\.0"):
        parsed(text + "BetaVAE beta 1", "g")
