"""Generates what is not written by hand: docs/methods/, docs/questions/, docs/results.md, the tables in README.md, and the screenshots.

python docs/build.py              everything (learns the demo first when runs/digits is missing)
python docs/build.py --pages      the Markdown only: seconds
python docs/build.py --check      exits with 1 when a generated Markdown page is out of date
"""

import argparse
import subprocess
import sys
from pathlib import Path

from allegory import methods, questions
from allegory.core import files
from allegory.pages import asked, board, nats, zoo

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "benchmarks" / "ledger.jsonl"
DEMO = ROOT / "runs" / "digits"


def pages() -> dict[Path, str]:
    """Every generated Markdown file and its text."""
    ledger, classes = zoo.read_ledger(LEDGER), methods.classes()
    folder = ROOT / "docs" / "methods"
    made = {folder / zoo.file_name(cls): zoo.method_page(cls, ledger) for cls in classes}
    made[folder / "README.md"] = zoo.zoo_page(classes)
    asked_of = ROOT / "docs" / "questions"
    made |= {asked_of / f"{name}.md": asked.question_page(cls) for name, cls in questions.registered().items()}
    made[asked_of / "README.md"] = asked.questions_page(questions.registered().values())
    made[ROOT / "docs" / "results.md"] = results(ledger)
    made |= boards(ledger)
    for data, (title, text) in NATS.items():
        made[ROOT / "docs" / "boards" / f"{data}.md"] = nats.nats_page(title, text, data, classes, ledger)
    readme = ROOT / "README.md"
    made[readme] = filled(readme.read_text(), {"claims": claims_table(ledger)})
    return made


BOARDS = {
    "fashion_mnist": (
        "Fashion-MNIST",
        "60,000 and 10,000 grey images of clothes, 28 x 28, in ten classes. Every method learns with its own recipe on one CPU thread",
    ),
    "cifar10": (
        "CIFAR-10",
        "20,000 and 5,000 colour images, 32 x 32, in ten classes: a part of CIFAR-10. The eight methods that were best on "
        "Fashion-MNIST without labels learn for 1,000 steps of their own recipe on one CPU thread",
    ),
}
FAMILIES = ("pretext", "contrastive", "metric")
HOW = (
    "seconds are processor time for learning, MB the process's peak memory. Values are means over training seeds with half a 95 % "
    "interval; a gain is the paired difference on the same test items and label draws, bold where its interval leaves out 0. *supervised* "
    "is SimCLR's net that learned from all labels of the training part, in 1,500 steps that show each item a little shifted or mirrored. "
    "Made by benchmarks/images.py."
)


OF_NATS = (
    "whose pixels are probabilities of white: every look at an image draws it anew in black and white (Burda et al. 2016), and the test "
    "images are drawn once. Nats an image, the fewer the better, with half a 95 % interval over images: an upper bound over all test "
    "images, or exact; and an estimate with 1,000 importance samples over 1,000 of them. One training seed, one CPU thread of a busy "
    "machine; *allowed* is the budget in core-minutes."
)
NATS = {
    "mnist": (
        "MNIST in black and white",
        f"54,000 and 10,000 digits, 28 x 28, {OF_NATS} Published, with more time: VAE 86.8, IWAE-50 84.8 (one stochastic layer, Burda et "
        "al. 2016, table 1). Made by benchmarks/nats.py.",
    ),
    "mnist14": (
        "MNIST at 14 pixels, in black and white",
        f"The same digits, 14 x 14, each pixel the mean of four, {OF_NATS} The largest size at which an image GPT sees tens of thousands "
        "of images in its minutes: at 28 pixels one takes it about eight times as long. Made by benchmarks/nats.py.",
    ),
}


def boards(ledger: list[zoo.Row]) -> dict[Path, str]:
    """A table of all methods for each set of real images."""
    shown = [cls for cls in methods.classes() if cls.card.family in FAMILIES and "image" in cls.card.specs]
    made = {}
    for data, (title, what) in BOARDS.items():
        eight = {r["method"] for r in ledger if r["data"] == data and "gains" in r}
        classes = shown if data == "fashion_mnist" else [cls for cls in shown if cls.__name__ in eight]
        made[ROOT / "docs" / "boards" / f"{data}.md"] = board.board_page(title, f"{what}; {HOW}", data, classes, ledger)
    return made


def results(ledger: list[zoo.Row]) -> str:
    """The whole ledger as a table, newest last."""
    head = [zoo.NOTE, "# What was measured", "", "Every row was appended by `allegory bench`; the ledger is benchmarks/ledger.jsonl.", ""]
    head += [
        "| date | method | data | question | value (95 % interval) | claimed | seeds | seconds | commit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [_result(row) for row in ledger if "at_least" in row]) + "\n"


def _result(row: zoo.Row) -> str:
    value = f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
    cells = [row["date"][:10], row["method"], row["data"], f"{row['question']}, {row['metric']}", value, row["at_least"]]
    return "| " + " | ".join(str(c) for c in [*cells, row["seeds"], f"{row['seconds']:.0f}", row["commit"][:9]]) + " |"


def claims_table(ledger: list[zoo.Row]) -> str:
    """What the methods reach on the demo's data, from the ledger."""
    rows = ["| method | question | reached (95 % interval) | claimed at least |", "|---|---|---|---|"]
    for cls in methods.classes():
        for claim in cls.card.claims:
            row = zoo.newest(ledger, cls.__name__, claim.question, claim.metric, claim.data)
            if row:
                value = f"{row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
                rows.append(f"| {cls.__name__} | {claim.data}: {claim.question}, {claim.metric} | {value} | {claim.at_least} |")
    return "\n".join(rows)


def filled(text: str, blocks: dict[str, str]) -> str:
    """`text` with the part between `<!-- name -->` and `<!-- end name -->` replaced."""
    for name, block in blocks.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
        before, _, rest = text.partition(start)
        text = before + start + block + "\n" + end + rest.partition(end)[2]
    return text


def pictures() -> None:
    """Screenshots of the demo's report at 1280 and 390 pixels."""
    if not (DEMO / "report.html").exists():
        subprocess.run([sys.executable, "-m", "allegory", "learn", "digits", "--out", str(DEMO), "--overwrite"], check=True)
    shoot = [str(ROOT / "docs" / "screenshots.py"), str(DEMO / "report.html"), str(ROOT / "docs" / "images")]
    subprocess.run([sys.executable, *shoot], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", action="store_true", help="the Markdown only")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when something is out of date")
    asked = parser.parse_args()
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text() != text]
    if asked.check:
        sys.stderr.writelines(f"{path.relative_to(ROOT)} is out of date; run make docs\n" for path in stale)
        return 1 if stale else 0
    if not asked.pages:
        pictures()
    for path in stale:
        files.atomic_write(path, pages()[path])
    return 0


if __name__ == "__main__":
    sys.exit(main())
