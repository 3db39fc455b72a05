"""`allegory compare` over folders that hold what a run leaves, made by hand."""

import json

import pytest
import yaml
from helpers.scores import score

from allegory.cli import main


@pytest.fixture
def folders(tmp_path):
    """Three runs with six figures; the third was asked one question more."""
    for i, name in enumerate(("one", "two", "three")):
        run = tmp_path / name
        run.mkdir()
        config = {"format": 1, "data": {}, "method": {"is": "VAE", "latent": 4}, "training": {"is": "Settings", "seed": i}}
        (run / "config.yaml").write_text(yaml.safe_dump(config))
        facts = {"seed": i, "data": {"name": "d", "fingerprint": "x", "parts": {"train": 10}}}
        (run / "run.json").write_text(json.dumps(facts))
        own = [score(f"accuracy@{j}", 0.9 - 0.1 * i, 0.85 - 0.1 * i, 0.95 - 0.1 * i) for j in (1, 2, 4, 8, 16, 32)]
        (run / "scores.json").write_text(json.dumps(own + [score("mig", 0.1, question="mig")] * (i == 2)))
    return [str(tmp_path / name) for name in ("one", "two", "three")]


def test_the_table_of_the_terminal_and_the_files(folders, tmp_path, capsys):
    assert main(["compare", *folders, "--metrics", "few_labels,mig", "--out", str(tmp_path / "t.csv")]) == 0
    out = capsys.readouterr().out
    assert "90.0±5.0*" in out and "one is ahead with 90.0 %" in out and "Nemenyi" in out and "protocols" not in out
    assert (tmp_path / "t.csv").read_text().startswith("who,control,1 label,1 label low,1 label high,1 label best,")
    assert main(["compare", *folders, "--out", str(tmp_path / "t.csv")]) == 2
    assert main(["compare", *folders, "--out", str(tmp_path / "t.html")]) == 0
    assert main(["compare", *folders, "--out", str(tmp_path / "t.doc")]) == 2
    assert main(["compare", *folders, "--metrics", "migg"]) == 2
    assert "Did you mean mig:mig" in capsys.readouterr().err


def test_one_document(folders, capsys):
    assert main(["compare", *folders, "--by", "method", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [line["who"] for line in told["lines"]] == ["VAE"] and told["warnings"] == []
    assert told["lines"][0]["cells"][0]["value"] == pytest.approx(0.8)


def test_runs_that_were_not_asked_say_what_they_have(folders, tmp_path, capsys):
    (tmp_path / "one" / "scores.json").write_text(json.dumps([score("mig", 0.1, question="mig")]))
    assert main(["compare", folders[0]]) == 0
    assert "--metrics: mig:mig" in capsys.readouterr().out
