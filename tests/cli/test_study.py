"""`allegory study`: two cells in two processes, the page, and what is no grid."""

import json

from allegory.cli import main

TEXT = """
data: ["sprites:size=16,orientations=1,xs=3,ys=3,scales=1"]
methods: {PCA: {latent: [2, 4]}}
questions: [reconstruction]
"""


def test_a_study_in_two_processes(tmp_path, capsys):
    grid, out, page = tmp_path / "grid.yaml", tmp_path / "study", tmp_path / "page.md"
    grid.write_text(TEXT)
    assert main(["study", str(grid), "--out", str(out), "--jobs", "2", "--page", str(page)]) == 0
    said = capsys.readouterr()
    assert "2/2 PCA latent" in said.err and "all done" in said.err and said.out.endswith(f"report: {out / 'report.html'}\n")
    assert page.read_text() == (out / "README.md").read_text()
    assert main(["study", str(grid), "--out", str(out), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["trainings"]) == 2


def test_what_is_no_grid(tmp_path, capsys):
    assert main(["study", str(tmp_path / "none.yaml")]) == 2
    assert "built in: sprites16" in capsys.readouterr().err
    (tmp_path / "a.yaml").write_text("data: [digits]")
    assert main(["study", str(tmp_path / "a.yaml")]) == 1
    assert main(["study", "--help"]) == 0
    assert "A grid is a small YAML file" in capsys.readouterr().out
