"""allegory adapt and allegory predict, from a run and a csv of labels to labelled items."""

import csv
import json

import numpy as np
import pytest

from allegory.cli import main


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    """A run on the table, with its kinds set aside."""
    path = tmp_path_factory.mktemp("runs") / "one"
    assert main(["learn", str(table), "--labels", "kind", "--method", "PCA", "--latent", "3", "--out", str(path), "--no-evaluate"]) == 0
    return path


@pytest.fixture(scope="module")
def adapted(run):
    assert main(["adapt", str(run)]) == 0
    return run


def rows(path):
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def test_the_runs_own_labels_are_told(adapted, table, tmp_path, capsys):
    folder = adapted / "adapted"
    assert sorted(p.name for p in folder.iterdir()) == ["model", "report.html", "scores.json"]
    facts = json.loads((folder / "scores.json").read_text())
    assert facts["test"]["scores"]["accuracy"][0] > 0.8 and facts["labelled"] == 90
    page = (folder / "report.html").read_text()
    assert "default-src" in page and "http://" not in page.replace("http://www.w3.org", "")
    assert "kind0" in page and "calibration error" in page
    out = tmp_path / "told.csv"
    capsys.readouterr()
    assert main(["predict", str(adapted), str(table), "-o", str(out)]) == 0
    assert "kind (3 classes) of 90 items, the least sure first" in capsys.readouterr().out
    truth = [line.split(",")[-1] for line in table.read_text().splitlines()[1:]]
    told = rows(out)
    assert np.mean([truth[int(r["row"])] == r["kind"] for r in told]) > 0.8
    assert main(["predict", str(folder), str(table), "-o", str(out)]) == 2, "the file is there"
    assert main(["predict", str(folder), str(table), "-o", str(out), "--overwrite", "--order", "source"]) == 0
    assert [int(r["row"]) for r in rows(out)] == list(range(90))


def test_the_table_of_the_terminal(run, tmp_path, capsys):
    capsys.readouterr()
    assert main(["adapt", str(run), "--readers", "linear,prototypes", "--out", str(tmp_path / "m")]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert "cross-validation" in lines[0] and sum(line.startswith("* ") for line in lines) == 1
    assert any(line.startswith("  raw input, linear layer") for line in lines) and "test items, read once" in out
    assert f"allegory predict {tmp_path / 'm'} DATA" in out


def test_a_number_from_a_csv_of_a_few_items(run, table, tmp_path, capsys):
    """Every second row has an age, which the width tells."""
    width = [float(line.split(",")[0]) for line in table.read_text().splitlines()[1:]]
    labels = tmp_path / "ages.csv"
    labels.write_text("id,age,note\n" + "".join(f"{i},{2 * width[i] + 30:.3f},x\n" for i in range(0, 90, 2)))
    capsys.readouterr()
    told = ["adapt", str(run), str(table), "--labels", str(labels), "--out", str(tmp_path / "m"), "--json"]
    assert main([*told, "--attribute", "agee"]) == 2
    assert "Did you mean age" in capsys.readouterr().err
    assert main([*told, "--attribute", "age"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["labelled"] == 45 and facts["test"]["scores"]["r2"][0] > 0.9
    assert "true against told" in (tmp_path / "m" / "report.html").read_text()
    assert main(["predict", str(tmp_path / "m"), str(table), "-o", str(tmp_path / "p.csv"), "--order", "source", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "continuous"
    found = rows(tmp_path / "p.csv")
    assert np.corrcoef([float(r["age"]) for r in found], width)[0, 1] > 0.95


def test_images_by_folder(photos, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["learn", str(photos), "--method", "PCA", "--latent", "4", "--out", str(run), "--no-evaluate"]) == 0
    assert main(["adapt", str(run), "--labels", "folders"]) == 0
    capsys.readouterr()
    assert main(["predict", str(run), str(photos), "-o", str(tmp_path / "p.csv")]) == 0
    found = rows(tmp_path / "p.csv")
    assert all(r["path"].endswith(r["id"]) and r["path"].startswith(str(photos)) for r in found)
    assert np.mean([r["id"].startswith(r["folders"]) for r in found]) > 0.9
    assert "data:image/png" in (run / "adapted" / "report.html").read_text()


@pytest.mark.parametrize(
    ("tokens", "code", "said"),
    [
        (["--labels", "nowhere.csv"], 2, "there is no such file"),
        (["--labels", "width"], 2, "was learned from"),
        (["--readers", "forest"], 2, "Did you mean"),
        (["--labels", "kind", "--out", "{run}/adapted"], 2, "exists already"),
    ],
)
def test_what_cannot_be_adapted(adapted, tokens, code, said, tmp_path, capsys):
    told = [t.format(run=adapted) for t in tokens]
    assert main(["adapt", str(adapted), *(told if "--out" in told else [*told, "--out", str(tmp_path / "m")])]) == code
    err = capsys.readouterr().err
    assert said in err and err.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "m").exists()


def test_what_cannot_be_predicted(adapted, table, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("a,b\n" + "1,2\n" * 20)
    out = ["-o", str(tmp_path / "p.csv")]
    for tokens, code, said in (
        ([str(adapted), str(other), *out], 1, "lacks the columns"),
        ([str(tmp_path), str(table), *out], 1, "cannot read"),
        ([str(adapted), str(table), "-o", str(tmp_path / "p.xlsx")], 2, ".csv or .parquet"),
    ):
        assert main(["predict", *tokens]) == code
        err = capsys.readouterr().err
        assert said in err.splitlines()[-1]
    assert not (tmp_path / "p.csv").exists()


def test_a_run_that_was_not_adapted_says_how(table, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["learn", str(table), "--labels", "none", "--method", "PCA", "--latent", "2", "--out", str(run), "--no-evaluate"]) == 0
    capsys.readouterr()
    assert main(["predict", str(run), str(table), "-o", str(tmp_path / "p.csv")]) == 1
    assert f"allegory adapt {run} --labels" in capsys.readouterr().err
    assert main(["adapt", str(run)]) == 2
    assert "has no labels" in capsys.readouterr().err


def test_learning_anew_takes_the_adapted_model_along(table, tmp_path):
    """It was made from the representation that is replaced."""
    run = tmp_path / "run"
    told = ["learn", str(table), "--labels", "kind", "--method", "PCA", "--latent", "2", "--out", str(run), "--no-evaluate"]
    assert main(told) == 0 and main(["adapt", str(run), "--readers", "prototypes"]) == 0 and (run / "adapted" / "model").is_dir()
    assert main([*told, "--overwrite"]) == 0 and not (run / "adapted").exists()
