"""`allegory learn` from end to end, on every kind of data, in this process."""

import json

import numpy as np
import pytest
from helpers.runs import assert_whole, same, vectors, weights

from allegory.cli import main
from allegory.representation import Representation
from allegory.runs import Run, read_config

TINY = ("--steps", "2", "--batch", "16")
ARTEFACTS = {
    "config.yaml", "run.json", "metrics.jsonl", "model", "checkpoints", "features", "scores.json", "details.json",
    "report.html", "README.md",
}  # fmt: skip


def learn(*tokens):
    return main(["learn", *map(str, tokens), *TINY])


def test_digits(tmp_path, capsys):
    run = tmp_path / "run"
    assert learn("digits", "--method", "VAE", "--latent", "2", "--out", run) == 0
    out, err = capsys.readouterr()
    assert {p.name for p in run.iterdir()} == ARTEFACTS
    assert_whole(run)
    assert "digits: 1797 items, images 1 x 8 x 8, 17 levels" in err and "step 2/2" in err and "method: VAE" in err
    for who in ("VAE", "raw input", "PCA of the same size", "features made by hand", "untrained network", "supervised ceiling"):
        assert f"\n{who} " in out
    assert out.endswith(f"report: {run / 'report.html'}\n")
    scores = Run(run).scores
    assert {s["control"] for s in scores} == {None, "raw input", "pca", "hand-made", "untrained", "supervised"}
    assert {"accuracy@1", "accuracy@8"} <= {s["metric"] for s in scores if s["question"] == "few_labels"}
    facts = Run(run).facts
    assert facts["state"] == "done" and facts["data"]["counts"] == {"in": 1797, "used": 1797, "skipped": 0}
    assert facts["versions"]["torch"] and facts["hardware"]["cores"] and facts["seconds"] > 0 and facts["peak_memory_bytes"] > 0
    assert (run / "report.html").read_text().count("<html") == 1 and "VAE" in (run / "README.md").read_text()
    before = (run / "report.html").stat().st_mtime_ns
    assert main(["learn", "--resume", "--out", str(run), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["scores"] == scores and "step" not in err
    assert (run / "report.html").stat().st_mtime_ns == before, "what is done is not done again"


def test_photos_with_labels_by_folder(photos, tmp_path, capsys):
    run = tmp_path / "run"
    assert learn(photos, "--labels", "folders", "--out", run, "--json") == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["method"] == "SimCLR" and told["report"] == str(run / "report.html") and told["data"]["name"] == "photos"
    assert told["scores"] == Run(run).scores and any(s["question"] == "knn" for s in told["scores"])
    assert "labels: 2 classes (round, square), 64 of 64 items labelled" in err
    assert read_config(run / "config.yaml")["data"] == {
        "is": "Origin", "data": str(photos), "labels": "folders", "options": {}, "all": False,
    }  # fmt: skip


def test_photos_with_a_tenth_of_the_labels_in_a_csv(photos, tmp_path, capsys):
    rows = [
        "path,label",
        *(f"{kind}/{i:02d}.jpg,{kind}" for i, kind in ((0, "round"), (1, "square"), (2, "round"), (3, "square"), (4, "round"))),
    ]
    (tmp_path / "tenth.csv").write_text("\n".join(rows) + "\n")
    told = (photos, "--labels", tmp_path / "tenth.csv", "--data", "size=8", "--data", "channels=1", "--out", tmp_path / "run")
    assert learn(*told) == 0
    out, err = capsys.readouterr()
    assert "5 of 64 items labelled" in err and "images 1 x 8 x 8" in err
    assert "report:" in out
    origin = read_config(tmp_path / "run" / "config.yaml")["data"]
    assert origin["labels"] == str(tmp_path / "tenth.csv") and origin["options"] == {"size": 8, "channels": 1}


def test_photos_without_labels(photos, tmp_path, capsys):
    assert learn(photos, "--labels", "none", "--out", tmp_path / "run", "--all") == 0
    out, _ = capsys.readouterr()
    assert "report:" in out
    scores = Run(tmp_path / "run").scores
    assert scores and not any("accuracy" in s["metric"] for s in scores)
    assert Representation.load(tmp_path / "run").facts["items"] == 64


def test_npy_is_resumed_from_anywhere(tmp_path, monkeypatch, capsys):
    vectors(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert learn("vectors.npy", "--no-evaluate") == 0
    run = tmp_path / "runs" / "vectors-BetaVAE"
    assert capsys.readouterr().out == "run: runs/vectors-BetaVAE\n" and not (run / "scores.json").exists()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["learn", "--resume", "--out", str(run)]) == 0
    assert {p.name for p in run.iterdir()} == ARTEFACTS


def test_a_table_with_categories(table, tmp_path, capsys):
    assert learn(table, "--labels", "kind", "--method", "beta-vae", "--latent", "2", "--out", tmp_path / "run") == 0
    out, err = capsys.readouterr()
    assert "2 numbers" in err and "colour (3)" in err and "3 classes" in err
    assert "BetaVAE" in out and "raw input" in out


def test_seeds_are_whole_runs_and_one_table(table, tmp_path, capsys):
    study = tmp_path / "study"
    told = [table, "--labels", "kind", "--method", "PCA", "--latent", "2", "--out", study]
    assert learn(*told, "--seeds", "3", "--seed", "5") == 0
    assert "report:" in capsys.readouterr().out
    assert [r.path.name for r in Run(study).seeds] == ["seed-5", "seed-6", "seed-7"]
    for run in Run(study).seeds:
        assert run.facts["state"] == "done" and run.representation.can()
    assert {s["seeds"] for s in Run(study).scores if s["control"] is None} == {3}
    assert main(["show", str(study)]) == 0 and main(["evaluate", str(study), "--questions", "effective-rank"]) == 0
    for path in (study / "seed-6" / "model").iterdir():
        path.unlink()
    assert main(["learn", "--resume", "--out", str(study), "--json"]) == 0
    assert Run(study).seeds[1].learned
    assert main(["learn", "--config", str(study / "config.yaml"), "--out", str(tmp_path / "again"), "--no-evaluate"]) == 0
    assert same(weights(tmp_path / "again" / "seed-6"), weights(study / "seed-6"))


def test_a_configuration_with_something_changed(table, tmp_path, capsys):
    assert learn(table, "--method", "VAE", "--latent", "2", "--lr", "0.1", "--out", tmp_path / "a", "--no-evaluate") == 0
    again = ["learn", "--config", str(tmp_path / "a" / "config.yaml"), "--latent", "3", "--epochs", "1", "--no-evaluate"]
    assert main([*again, "--out", str(tmp_path / "b")]) == 0
    first, second = (Run(tmp_path / name).config for name in "ab")
    assert (first["method"]["latent"], second["method"]["latent"]) == (2, 3)
    assert first["training"]["steps"] == 2 and second["training"]["steps"] == Run(tmp_path / "b").metrics[-1]["step"] > 2
    assert second["training"]["optims"]["vae"]["lr"] == 0.1


HOSTILE = {
    "empty.npy": b"",
    "not.npy": b"hello, I am not an array",
    "pickled.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(128) + b"\x80\x04.",
    "few.csv": b"a,b\n1,2\n3,4\n",
    "empty.csv": b"",
    "text.csv": b"\xff\xfe\x00\x01" * 40,
    "poem.txt": b"roses are red",
    "image.jpg": b"\xff\xd8\xff\xe0 not really",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(name, tmp_path, capsys, monkeypatch):
    (tmp_path / name).write_bytes(HOSTILE[name])
    monkeypatch.chdir(tmp_path)
    assert learn(name) in (1, 2)
    err = capsys.readouterr().err
    assert err.splitlines()[-1].startswith("error: ") and "Traceback" not in err and "a bug" not in err
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_folder_of_rubbish(tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    assert learn(folder, "--out", tmp_path / "run") == 1
    (folder / "zero.jpg").touch()
    (folder / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    assert learn(folder, "--out", tmp_path / "run") == 1
    assert "none of the 2 files" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_vectors_for_a_method_of_images(tmp_path, capsys):
    assert learn(vectors(tmp_path), "--method", "Rotation", "--out", tmp_path / "run") == 1
    assert "Rotation reads image observations; got vectors" in capsys.readouterr().err
    assert learn(vectors(tmp_path), "--method", "Classifier", "--out", tmp_path / "run") == 1
    assert "has none; pass --labels" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_cleared_for_one_that_cannot_begin(table, tmp_path):
    run = tmp_path / "run"
    assert learn(table, "--out", run, "--no-evaluate") == 0
    before = weights(run)
    assert learn(table, "--out", run, "--overwrite", "--method", "Rotation") == 1
    assert learn(table, "--out", run, "--overwrite", "--labels", "nothing") == 2
    assert same(weights(run), before)


def test_ctrl_c_while_asking(table, tmp_path, capsys, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("allegory.cli.judge.ask", stop)
    assert learn(table, "--out", tmp_path / "run") == 130
    assert f"the model is kept. Go on with: allegory learn --resume --out {tmp_path / 'run'}" in capsys.readouterr().err
    assert Run(tmp_path / "run").learned


def test_nan_in_an_array_is_said(tmp_path, capsys):
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[3, 1] = np.nan
    np.save(tmp_path / "holes.npy", x)
    code = learn(tmp_path / "holes.npy", "--out", tmp_path / "run", "--no-evaluate")
    err = capsys.readouterr().err
    assert "nan" in err.lower() and (code == 0 or not (tmp_path / "run").exists())
