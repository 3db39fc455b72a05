"""Columns, what is bold, ranks, groups and the files of a comparison, by hand."""

import csv
import io
import re

import pytest
from helpers.scores import score

from allegory.core import Misuse
from allegory.pages import comparison, ranked, tabled
from allegory.pages.comparison import table_of
from allegory.pages.grouping import by_method
from allegory.pages.standings import better, data_in

HOSTILE = ('=cmd|"/c calc"!A0', "a\\b{c}$d&e#f_g%h~i^j\nk", "<script>x</script>", "+1+1 | *b*")


def protocol(data="digits", seed=0, way="as usual"):
    return f"q/1: {way}; data {data} 0123456789ab; seed {seed}"


def run(name, scores, method="M", seed=0, data="digits", **settings):
    """A run with (question, metric): (value, low, high), all on one data set."""
    rows = [score(m, *v, question=q, protocol=protocol(data)) for (q, m), v in scores.items()]
    facts = {"seed": seed, "data": data, "fingerprint": data}
    return {"name": name, "method": method, "settings": settings, "scores": rows, "facts": facts}


def mig(value, half=0.02):
    return {("mig", "mig"): (value, value - half, value + half)}


def test_bold_is_what_the_intervals_do_not_tell_apart():
    """The difference of .70 and .68 has the interval .02 -+ sqrt(2) .02, of .70 and .66 it is .04 -+ .028."""
    table = table_of([run("a", mig(0.70)), run("b", mig(0.68)), run("c", mig(0.66))], ["mig"])
    assert table.best == {(0, 0), (1, 0)}
    assert any("intervals" in note for note in table.how)


def test_low_is_best_where_low_is_good():
    rows = [run(n, {("fairness", "unfairness"): (v, v - 0.01, v + 0.01)}) for n, v in (("a", 0.1), ("b", 0.3))]
    assert table_of(rows, ["fairness"]).best == {(0, 0)}
    assert [better("covariate_shift", m) for m in ("drop@linear", "accuracy@linear")] == [-1, 1]
    assert [better("reconstruction", m) for m in ("mse", "share_of_variance")] == [-1, 1]
    assert better("effective_rank", "effective_rank") == 0 and better("nobody knows", "it") == 0
    ranks = [run(n, {("effective_rank", "effective_rank"): (v, v - 1, v + 1)}) for n, v in (("a", 5.0), ("b", 9.0))]
    assert table_of(ranks, ["effective_rank"]).best == frozenset()


def test_six_seeds_are_paired_and_five_are_not():
    """Six pairs of one sign have p = 2/64; the stored intervals overlap widely."""

    def pairs(n):
        return [run(f"{m}{s}", mig(0.5 + 0.01 * s + up, 0.2), m, s) for s in range(n) for m, up in (("A", 0.001), ("B", 0.0))]

    six, five = (table_of(pairs(n), ["mig"], "method") for n in (6, 5))
    assert [line.who for line in six.board.lines] == ["A", "B"] and six.best == {(0, 0)}
    assert any("sign-flip" in note for note in six.how)
    assert five.best == {(0, 0), (1, 0)} and not any("sign-flip" in note for note in five.how)


def test_the_mean_of_seeds_has_their_interval():
    """Values .4, .5, .6: Student's half-width is 4.303 * .1 / sqrt 3 = .2484; with the items' .02 in squares .2492."""
    cell = table_of([run(str(s), mig(v), "A", s) for s, v in enumerate((0.4, 0.5, 0.6))], ["mig"], "method").board.lines[0].cells[0]
    assert cell.value == pytest.approx(0.5) and cell.seeds == 3
    assert (cell.high - cell.value, cell.value - cell.low) == pytest.approx((0.2492, 0.2492), abs=1e-4)


def test_methods_are_named_by_what_parts_them():
    rows = [run("a", mig(0.1), beta=1.0, latent=4), run("b", mig(0.1), beta=4.0, latent=4), run("c", mig(0.1), beta=1.0, latent=4, seed=1)]
    assert {k: [r["name"] for r in v] for k, v in by_method(rows).items()} == {"M (beta 1)": ["a", "c"], "M (beta 4)": ["b"]}
    follows = [run("a", mig(0.1), latent=4), run("b", mig(0.1), data="wine", latent=2)]
    assert list(by_method(follows)) == ["M"], "what follows the data parts nobody"
    views = [run("a", mig(0.1), views={"p": 1}), run("b", mig(0.1), views={"p": 2})]
    assert list(by_method(views)) == ["M (views A)", "M (views B)"]


def test_other_data_and_other_ways_have_columns_of_their_own():
    rows = [run("a", mig(0.5)), run("b", mig(0.4), data="wine")]
    table = table_of(rows, ["mig"])
    assert table.board.columns == ("MIG on digits", "MIG on wine") and table.board.lines[0].cells[1] is None
    assert table.warnings == () and table.best == frozenset()
    other = run("b", mig(0.4))
    other["scores"][0]["protocol"] = protocol(way="in another way")
    table = table_of([run("a", mig(0.5)), other], ["mig"])
    assert table.board.columns == ("MIG [1]", "MIG [2]") and "MIG was measured by 2 protocols" in table.warnings[0]
    assert data_in(protocol("my data; seed 3")) == "my data; seed 3" and data_in("p") == ""


def test_metrics_by_question_and_name():
    both = {("dci", "disentanglement"): (0.5, 0.4, 0.6), ("dci", "completeness"): (0.4, 0.3, 0.5), ("knn", "accuracy"): (0.9, 0.8, 1.0)}
    assert table_of([run("a", both)], ["dci"]).board.columns == ("disentanglement", "completeness")
    assert table_of([run("a", both)], ["knn:accuracy", "completeness"]).board.columns == ("kNN", "completeness")
    with pytest.raises(Misuse, match=r"Did you mean .*dci:completeness"):
        table_of([run("a", both)], ["dci:complete"])


def many(k=4, n=6):
    """k runs with n metrics, the first always best."""
    return [run(f"r{i}", {(f"q{j}", f"accuracy@{j}"): (0.9 - 0.1 * i, 0.85 - 0.1 * i, 0.95 - 0.1 * i) for j in range(n)}) for i in range(k)]


def test_ranks_and_their_tests():
    rows = many()
    table = table_of(rows, [f"q{j}" for j in range(6)])
    assert table.ranks == (1, 2, 3, 4) and table.ranked == 6 and table.leading == {0}
    assert table.friedman.p == 0.0 and table.difference == pytest.approx(2.569 * (20 / 36) ** 0.5, abs=1e-3)
    assert table_of(many(n=4), [f"q{j}" for j in range(4)]).friedman is None, "five columns are needed"
    assert table_of(many(k=2), [f"q{j}" for j in range(6)]).difference is None, "three methods are needed"
    rows[1]["scores"] = rows[1]["scores"][1:]
    assert table_of(rows, [f"q{j}" for j in range(6)]).ranked == 5, "a column that one lacks ranks nobody"


def test_the_diagram_joins_what_is_not_told_apart():
    drawn = ranked.drawing(["a", "<b>", "c" * 60], (1.2, 1.6, 2.9), 0.7)
    assert drawn.count('class="clique"') == 1 and "&lt;b&gt;" in drawn and "<b>" not in drawn
    ends = re.search(r'<line x1="([\d.]+)" x2="([\d.]+)"[^>]*class="clique"', drawn)
    assert float(ends[1]) < float(ends[2])
    assert "critical difference 0.70" in drawn and "Mean ranks, 1 is best: a 1.20" in drawn
    assert ranked.diagram(table_of(many(n=4), ["q1"])) is None


def hostile():
    rows = many(k=4)
    for row, name in zip(rows, HOSTILE, strict=True):
        row["name"] = name
        for s in row["scores"]:
            s["protocol"] = protocol(HOSTILE[1])
    rows[0]["scores"].append(score(HOSTILE[0], -1.5, -2.0, -1.0, question="odd", protocol=protocol()))
    return rows


def test_nothing_in_a_csv_is_a_formula_and_numbers_stay_numbers():
    table = table_of(hostile(), ["q1", f"odd:{HOSTILE[0]}"])
    rows = list(csv.reader(io.StringIO(tabled.as_csv(table))))
    assert {len(row) for row in rows} == {2 + 4 * 2}
    assert [row[0] for row in rows[1:]] == ["'" + HOSTILE[0], HOSTILE[1], HOSTILE[2], "'" + HOSTILE[3]]
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    assert rows[1][2:6] == ["0.9", "0.85", "0.95", "1"] and rows[1][6] == "-1.5"


def test_latex_is_escaped_in_cells_heads_and_comments():
    text = tabled.as_latex(table_of(hostile(), ["q1", "q2", f"odd:{HOSTILE[0]}"]))
    assert r"a\textbackslash{}b\{c\}\$d\&e\#f\_g\%h\textasciitilde{}i\textasciicircum{}j k" in text
    lines = text.splitlines()
    assert all(line.startswith(("%", "\\", "=", "a\\", "+", " &")) for line in lines), "no line begins with what came after a line break"
    rows = [line for line in lines if line.endswith("\\\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {4}
    assert "\\textbf{90.0 (85.0--95.0)}" in text and "$-$1.50" in text
    assert tabled.latex("a\u2028\\input{x}") == r"a \textbackslash{}input\{x\}"


def test_markdown_and_html_are_escaped():
    runs = hostile()
    table = table_of(runs, ["q1", f"odd:{HOSTILE[0]}"])
    text = tabled.as_markdown(table)
    assert "**90.0 (85.0–95.0)**" in text and "<script>" not in text
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()[:6]} == {4 if not table.ranks else 5}
    html = comparison.page(runs, table)
    assert "<script>x" not in html and "&lt;script&gt;x" in html and 'class="best"' in html


def test_files_by_their_ending():
    runs = many()
    table = table_of(runs, [f"q{j}" for j in range(6)])
    assert comparison.write("x.HTML", runs, table).startswith("<!DOCTYPE html>") and "critical difference" in comparison.write(
        "x.html", runs, table
    )
    assert comparison.write("x.csv", runs, table).startswith("who,control,")
    assert "\\toprule" in comparison.write("x.tex", runs, table) and "| --- |" in comparison.write("x.md", runs, table)
    with pytest.raises(Misuse, match=r"ends in \.html"):
        comparison.write("x.xlsx", runs, table)
