"""Under torchrun the first process writes and speaks; the others work in silence and leave nothing."""

from allegory.cli import main


def test_a_process_that_is_not_the_first_leaves_nothing_and_says_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    out = tmp_path / "run"
    assert main(["learn", "digits", "--method", "PCA", "--out", str(out)]) == 0
    assert not out.exists()
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == ""


def test_the_first_process_writes_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "0")
    assert main(["learn", "digits", "--method", "PCA", "--out", str(tmp_path / "run"), "--no-evaluate"]) == 0
    assert (tmp_path / "run" / "model" / "manifest.json").exists()
