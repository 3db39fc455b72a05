"""The verbs that come after learning, and those that know the methods."""

import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.runs import failing, vectors

from allegory import api, methods
from allegory.cli import claims, judge, main, opened
from allegory.core import Problem
from allegory.questions import controls, gathering
from allegory.runs import Run


@pytest.fixture(scope="module")
def runs(table, tmp_path_factory):
    """Two runs on the table, judged by a question only."""
    folder = tmp_path_factory.mktemp("runs")
    for name, method in (("one", "PCA"), ("two", "VAE")):
        told = ["learn", str(table), "--labels", "kind", "--method", method, "--latent", "2", "--steps", "2", "--batch", "16"]
        assert main([*told, "--out", str(folder / name), "--no-evaluate"]) == 0
        assert main(["evaluate", str(folder / name), "--out", str(folder / name), "--questions", "few-labels,knn"]) == 0
    return folder


def documents(capsys, *tokens):
    """The one JSON document on stdout."""
    capsys.readouterr()
    assert main([*map(str, tokens), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_evaluate_asks_what_is_wanted_and_keeps_the_other_answers(runs, tmp_path, capsys):
    run, before = tmp_path / "one", Run(runs / "one").scores
    shutil.copytree(runs / "one", run)
    told = documents(capsys, "evaluate", run, "--questions", "effective-rank", "--seed", "1")
    assert {s["question"] for s in told["scores"]} == {"effective_rank"}
    after = Run(run).scores
    assert [s for s in after if s["question"] != "effective_rank"] == [s for s in before if s["question"] != "effective_rank"]
    assert {s["protocol"].rpartition("; ")[2] for s in after if s["question"] == "effective_rank"} == {"seed 1"}
    assert main(["evaluate", str(run), "--questions", "kn"]) == 2
    assert "Did you mean knn" in capsys.readouterr().err


def test_what_was_encoded_and_trained_once_is_kept(runs, monkeypatch):
    def again(*_):
        raise AssertionError("it was made again")

    monkeypatch.setattr(controls, "supervised", again)
    monkeypatch.setattr(gathering, "encoder_of", lambda *_: SimpleNamespace(codes=again, pair=again))
    done, source = opened.run_and_data(str(runs / "two"), None)
    scores = judge.ask(done, source, ["knn"])
    assert {s.control for s in scores} == {None, "raw input", "pca", "untrained", "supervised"}
    assert [s.value for s in scores] == [s.value for s in done.run.answers.of("knn")]
    with pytest.raises(AssertionError, match="made again"):
        judge.ask(done, source, ["knn"], seed=1)


def test_evaluate_on_other_data(runs, table, tmp_path, capsys):
    other = tmp_path / "other.csv"
    lines = table.read_text().splitlines()
    other.write_text(
        "\n".join(["kind,height,extra,width,colour", *(",".join([*(r := x.split(","))[3:], r[1], "7", r[0], r[2]]) for x in lines[1:])])
    )
    told = documents(capsys, "evaluate", runs / "one", other, "--labels", "kind", "--questions", "knn", "--out", tmp_path / "judged")
    assert told["report"] == str(tmp_path / "judged" / "report.html")
    assert (tmp_path / "judged" / "scores.json").exists()
    own = [s["value"] for s in Run(runs / "one").scores if s["question"] == "knn"]
    assert [s["value"] for s in told["scores"]] == pytest.approx(own), "columns are found by name"


def test_a_full_disk_at_any_write_of_the_pages(runs, tmp_path, monkeypatch, capsys):
    """What was there before stays, whichever of scores.json, details.json, report.html and README.md the disk fills up at."""
    done, source = opened.run_and_data(str(runs / "one"), None)
    rows = done.run.answers
    names = ("scores.json", "details.json", "report.html", "README.md")
    for name in names:
        (tmp_path / name).write_text("before")
    with failing(None, monkeypatch=monkeypatch) as calls:
        judge.write(done, source, rows, tmp_path / "new")
    assert len(calls) == 12
    for k in range(12):
        with failing(k, monkeypatch=monkeypatch), pytest.raises(Problem, match="untouched"):
            judge.write(done, source, rows, tmp_path)
        texts = [(tmp_path / name).read_text() for name in names]
        assert [text == "before" for text in texts] == [k < 3, k < 6, k < 9, True]
        assert len(list(tmp_path.iterdir())) == 5


def test_embed_to_npy_and_parquet(runs, table, tmp_path, capsys):
    npy, parquet = tmp_path / "codes.npy", tmp_path / "codes.parquet"
    told = documents(capsys, "embed", runs / "one", table, "--out", npy)
    assert told["items"] == 90 and told["files"] == [str(npy), str(tmp_path / "codes.items.csv")]
    assert main(["embed", str(runs / "one"), str(table), "--labels", "kind", "--out", str(parquet)]) == 0
    z = np.load(npy)
    assert z.shape == (90, 2)
    columns = pq.read_table(parquet)
    np.testing.assert_array_equal(np.stack(columns["vector"].to_numpy()), z)
    assert columns["label"].to_pylist()[:3] == ["kind0", "kind1", "kind2"]
    assert main(["embed", str(runs / "one"), str(table), "--out", str(npy)]) == 2
    assert main(["embed", str(runs / "one"), str(table), "--out", str(npy), "--overwrite"]) == 0
    assert main(["embed", str(runs / "one"), str(table), "--out", str(tmp_path / "codes.txt")]) == 2
    assert main(["embed", str(runs / "one"), str(vectors(tmp_path)), "--out", str(tmp_path / "b.npy")]) == 1
    assert not (tmp_path / "b.npy").exists()


def test_export(runs, tmp_path, capsys):
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    told = documents(capsys, "export", runs / "one", "--out", tmp_path / "encoder.onnx")
    assert told["largest_difference"] < 1e-4 and (tmp_path / "encoder.onnx").stat().st_size > 100
    assert main(["export", str(runs / "one"), "--out", str(tmp_path / "encoder.pt")]) == 2


def test_compare(runs, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["compare", str(runs / "one"), str(runs / "two"), "--out", str(page)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^one +\d", out, re.M) and re.search(r"^two +\d", out, re.M) and "raw input" in out
    assert out.endswith(f"page: {page}\n") and "<html" in page.read_text()
    told = documents(capsys, "compare", runs / "one", runs / "two")
    assert [r["method"] for r in told["runs"]] == ["PCA", "VAE"] and told["warnings"] == []


def test_what_is_no_run(tmp_path, capsys):
    for verb in (["evaluate"], ["compare"], ["export", "--out", "x.onnx"], ["embed", "digits", "--out", "x.npy"]):
        assert main([verb[0], str(tmp_path), *verb[1:]]) == 1
        err = capsys.readouterr().err
        assert err.startswith("error: ") and err.count("\n") == 1


def test_a_run_without_a_model_says_how_to_go_on(tmp_path, capsys):
    run = tmp_path / "run"
    api.learn(api.load(vectors(tmp_path)), "VAE", out=run, steps=1, batch=16)
    (run / "model").rename(tmp_path / "model")
    assert main(["evaluate", str(run)]) == 1
    assert f"allegory learn --resume --out {run}" in capsys.readouterr().err
    (tmp_path / "model").rename(run / "model")
    assert main(["evaluate", str(run)]) == 1
    assert "learned from an object in Python" in capsys.readouterr().err


def test_methods_by_taxonomy(capsys):
    assert main(["methods"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in methods.names())
    listed = documents(capsys, "methods", "--principle", "contrast")
    assert {m["principle"] for m in listed} == {"contrast"} and "SimCLR" in {m["name"] for m in listed}
    both = documents(capsys, "methods", "--density", "prescribed", "--reads", "vector")
    assert {"VAE", "BetaVAE", "FactorVAE"} <= {m["name"] for m in both} and "Rotation" not in {m["name"] for m in both}
    assert main(["methods", "--level", "physical", "--family", "latent"]) == 0
    assert "no method is like that" in capsys.readouterr().out


def test_show_a_method_and_a_run(runs, capsys):
    assert main(["show", "beta_vae"]) == 0
    out = capsys.readouterr().out
    assert "Higgins et al. 2017" in out and r"\beta\, KL(q(z|x)" in out and re.search(r"--beta +None +the price of a nat", out)
    assert "can" in out and "fails" in out and "views" in out
    told = documents(capsys, "show", "beta_vae")
    meaning = "the price of a nat; 1 is the VAE; None follows the data (4 for images, else 1)"
    assert told["settings"][-1] == {"name": "beta", "default": None, "meaning": meaning, "flag": True}
    assert main(["show", str(runs / "two")]) == 0
    out = capsys.readouterr().out
    assert "VAE: latent 2" in out and "blobs (90 of 90 items used)" in out and "raw input" in out
    assert documents(capsys, "show", runs / "two")["config"]["method"]["is"] == "VAE"


def test_questions_are_listed_and_shown(capsys):
    assert main(["questions", "--needs", "factors"]) == 0
    out = capsys.readouterr().out
    assert "fairness" in out and "few_labels" not in out
    assert {q["name"] for q in documents(capsys, "questions")} >= {"few_labels", "reconstruction"}
    assert main(["show", "few-labels"]) == 0
    assert "20 stratified nested draws" in capsys.readouterr().out
    assert documents(capsys, "show", "knn")["settings"]["tau"] == 0.07
    assert main(["show", "simclrr"]) == 2 and "Did you mean SimCLR" in capsys.readouterr().err


def test_a_ninth_method_from_another_package(ninth, table, tmp_path, capsys):
    """By its entry point it is listed, shown, learned with, saved, loaded and checked like our own."""
    assert "TurnedRound" in {m["name"] for m in documents(capsys, "methods")}
    assert main(["show", "turned_round"]) == 0 and "Baldi and Hornik 1989" in capsys.readouterr().out
    run = tmp_path / "run"
    assert main(["learn", str(table), "--method", "TurnedRound", "--latent", "3", "--steps", "2", "--out", str(run), "--no-evaluate"]) == 0
    assert main(["embed", str(run), str(table), "--out", str(tmp_path / "codes.npy")]) == 0
    assert np.load(tmp_path / "codes.npy").shape == (90, 3)
    capsys.readouterr()
    code = main(["check", "turned-round"])
    out = capsys.readouterr().out
    assert code == 0, out
    assert re.search(r"TurnedRound: (\d+) of \1 checks hold", out)


def test_check_a_file_and_a_failure(ninth, tmp_path, capsys, monkeypatch):
    broken = (tmp_path / "mine.py").write_text("from allegory.methods.spectral.pca import PCA\nclass Mine(PCA):\n    pass\n")
    assert broken
    assert main(["check", f"{tmp_path}/mine.py:Mine", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False and any(c["state"] == "failed" and c["text"] for c in told["checks"])
    monkeypatch.chdir(tmp_path)
    assert main(["check", "mine:Yours"]) == 2
    assert "Did you mean" in capsys.readouterr().err
    (tmp_path / "mine.py").write_text("x = 1\n")
    assert main(["check", f"{tmp_path}/mine.py:Mine"]) == 2


def test_bench_measures_claims_and_goes_on_where_it_was(ninth, table, tmp_path, capsys, monkeypatch):
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text('{"method": "Old", "data": "x"}')
    monkeypatch.setattr(claims, "_commit", lambda: "abc")
    told = ["bench", "turned_round", "--data-root", str(table.parent), "--ledger", str(ledger)]
    assert main(told) == 1, "one of its two claims is out of reach"
    out = capsys.readouterr().out
    assert re.search(r"^ok +TurnedRound on blobs.csv, knn accuracy: .* claimed at least 0.5; 2 seeds", out, re.M)
    assert re.search(r"^FAIL TurnedRound on blobs.csv, effective_rank", out, re.M)
    old, knn, rank = (json.loads(line) for line in ledger.read_text().splitlines())
    assert old["method"] == "Old" and rank["at_least"] == 100.0
    assert knn["low"] <= knn["value"] <= knn["high"] and knn["commit"] == "abc" and knn["machine"]["cores"] and knn["seconds"] > 0
    assert set(knn) >= {"date", "method", "data", "question", "metric", "seeds", "recipe", "peak_memory_bytes", "torch"}
    assert main(told) == 1 and len(ledger.read_text().splitlines()) == 3, "what this commit has measured is not measured again"
    monkeypatch.setattr(claims, "_commit", lambda: "abc+")
    assert claims.measured(claims.read(ledger), ninth, ninth.card.claims[0], claims.place()) is None
    assert main([*told, "--recorded"]) == 1 and len(ledger.read_text().splitlines()) == 3, "the rows of another commit are enough then"


def test_a_family_is_benched_by_its_name(capsys):
    assert {cls.card.family for cls in methods.of_families(["spectral", "supervised"])} == {"spectral", "supervised"}
    assert main(["bench", "--family", "spektral"]) == 2
    assert "spectral" in capsys.readouterr().err


def test_recipes_are_read_as_flags(ninth):
    method, settings, what = claims.told(ninth, {"latent": 3, "epochs": 2, "lr": 0.5, "labels": "kind"})
    assert (method.latent, settings.epochs, settings.optim.lr, what.labels) == (3, 2, 0.5, "kind")
    with pytest.raises(Problem, match="bogus, which is no setting"):
        claims.told(ninth, {"bogus": 1})


@pytest.mark.parametrize("text", ["{", "[1]\nx"])
def test_what_is_no_ledger(tmp_path, text):
    (tmp_path / "ledger.jsonl").write_text(text)
    with pytest.raises(Problem, match="not a ledger"):
        claims.read(tmp_path / "ledger.jsonl")


def test_python_dash_m(capsys):
    import runpy
    import sys

    before = sys.argv
    sys.argv = ["allegory", "--version"]
    try:
        with pytest.raises(SystemExit) as e:
            runpy.run_module("allegory", run_name="__main__")
    finally:
        sys.argv = before
    assert e.value.code == 0 and capsys.readouterr().out == "0.1.0\n"
