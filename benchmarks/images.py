"""Every method on real images: what its codes are worth with few labels and with all, what it took, beside the controls.

    python benchmarks/images.py --data-root DATA                        Fashion-MNIST: all methods of three families, 3 seeds
    python benchmarks/images.py --data-root DATA --data cifar10 --methods SimCLR BYOL --batch 256 --steps 1500
    python benchmarks/images.py --data-root DATA --ledger               append what is there to the ledger, for the tables of the docs

One row is a method and a training seed. It is measured in a process of its own on one thread, kept as a file under --out, and never
measured again while the method's settings stay as they are; so the table may be stopped at any time and goes on where it was. --jobs
rows are measured side by side. Seconds are the process's processor time for learning alone, on a machine that may be busy.

The questions are those of `allegory evaluate`: share_labels (1 % and 10 % of the labels), linear_probe (all labels), knn. Raw input, PCA,
features made by hand and the supervised ceiling are measured once; the untrained network is that of the method with its own first
weights of seed 0, measured once for all methods that begin alike. A gain is the paired difference on the same test items and label draws.
"""

import argparse
import datetime
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cifar10 import opened

import allegory as al
from allegory import methods, questions
from allegory.cli import claims
from allegory.core import Trained, files, plain
from allegory.data import Source
from allegory.questions.features import Features
from allegory.questions.gathering import gather
from allegory.questions.intervals import Evidence, joined
from allegory.representation import Representation
from allegory.train import Settings
from allegory.train.fit import peak_memory

FAMILIES = ("pretext", "contrastive", "metric")
QUESTIONS = ("share_labels", "linear_probe", "knn")
METRICS = (("share_labels", "accuracy@1%"), ("share_labels", "accuracy@10%"), ("linear_probe", "accuracy"), ("knn", "accuracy"))
CONTROLS = ("raw input", "pca", "hand-made", "supervised")
ALIKE = 256  # items whose codes tell untrained networks apart
Measured = dict[str, Evidence]


def fashion_mnist(root: Path) -> Source:
    """70,000 grey images, 28 x 28, its own split."""
    return al.load(root / "fashion_mnist")


def cifar10(root: Path) -> Source:
    """The 20,000 and 5,000 colour images of the folder, 32 x 32, its own split."""
    train, test, y_train, y_test, names = opened(root / "cifar10")
    parts = ["train"] * len(train) + ["test"] * len(test)
    labels = [names[y] for y in (*y_train, *y_test)]
    return al.load(np.concatenate([train, test]), labels=labels, parts=parts, channels="last", mirror=True, name="cifar10")


DATA = {"fashion_mnist": fashion_mnist, "cifar10": cifar10}


def settings_of(asked: argparse.Namespace, seed: int) -> Settings:
    return Settings(seed=seed, steps=asked.steps, batch=asked.batch, device=asked.device)


def key_of(asked: argparse.Namespace, name: str) -> str:
    """Names a method with all that changes its training: eight digits."""
    cls = methods.find(name)
    recipe = cls.recipe if issubclass(cls, Trained) else None
    said = plain.plain((cls(), settings_of(asked, 0))) if recipe is None else plain.plain((cls(), recipe, settings_of(asked, 0)))
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


def place(asked: argparse.Namespace, name: str, seed: int) -> Path:
    return Path(asked.out) / asked.data / f"{name}-{key_of(asked, name)}-{seed}.json"


def answers(features: Features) -> dict[str | None, Measured]:
    """The evidence for each metric of the table, of the method (None) and of each control that was gathered."""
    scores = questions.put(features, [questions.registered()[name]() for name in QUESTIONS])
    found: dict[str | None, Measured] = {}
    for score in scores:
        if (score.question, score.metric) in METRICS and score.evidence is not None:
            found.setdefault(score.control, {})[f"{score.question}, {score.metric}"] = score.evidence
    return found


def keep(path: Path, facts: dict[str, Any], measured: Measured) -> None:
    evidence = {name: {"values": e.values.tolist(), "replicates": np.round(e.replicates, 6).tolist()} for name, e in measured.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    files.atomic_write(path, json.dumps({**facts, "evidence": evidence}))


def kept(path: Path) -> tuple[dict[str, Any], Measured] | None:
    if not path.exists():
        return None
    facts = json.loads(path.read_text())
    evidence = facts.pop("evidence")
    return facts, {name: Evidence(np.array(e["values"]), np.array(e["replicates"])) for name, e in evidence.items()}


def measure(asked: argparse.Namespace, name: str, seed: int) -> None:
    """One row, in this process: learn, ask, keep."""
    source = DATA[asked.data](Path(asked.data_root))
    begun = time.process_time()
    rep = al.learn(source, methods.find(name)(), settings=settings_of(asked, seed))
    seconds, peak = time.process_time() - begun, peak_memory(asked.device)
    facts = {"method": name, "seed": seed, "seconds": round(seconds, 1), "peak_memory_bytes": peak, "width": 0}
    facts |= {"alarms": [a["name"] for a in rep.facts["alarms"]], "health": rep.facts["health"]}
    facts["untrained"] = measure_untrained(asked, rep, source) if seed == 0 else None
    features, _ = gather(rep, source, controls=())
    facts["width"] = features.sets[None].seeds[0].shape[1]
    keep(place(asked, name, seed), facts, answers(features)[None])


def measure_control(asked: argparse.Namespace, who: str) -> None:
    """Raw input, PCA of 128, features made by hand or the ceiling, beside the default network."""
    source = DATA[asked.data](Path(asked.data_root))
    rep = al.learn(source, methods.find("SimCLR")(), steps=1, device=asked.device)  # only its network is asked for
    begun = time.process_time()
    features, _ = gather(rep, source, controls=(who,))
    seconds, width = round(time.process_time() - begun, 1), features.sets[who].seeds[0].shape[1]
    keep(control_place(asked, who), {"method": who, "seconds": seconds, "peak_memory_bytes": 0, "width": width}, answers(features)[who])


def control_place(asked: argparse.Namespace, who: str) -> Path:
    return Path(asked.out) / asked.data / f"control-{who.replace(' ', '-')}.json"


def measure_untrained(asked: argparse.Namespace, rep: Representation, source: Source) -> str:
    """The file of the network of `rep` with its first weights; networks that give the same codes share it."""
    raw = questions.controls.untrained(rep, len(source.part("train")))
    some = raw.encode(source.take(slice(0, ALIKE)))
    digest = hashlib.sha256(np.round(some, 4).tobytes()).hexdigest()[:8]
    path = control_place(asked, f"untrained-{digest}")
    if not path.exists():
        features, _ = gather(raw, source, controls=())
        keep(path, {"method": "untrained", "like": type(rep.method).__name__, "width": some.shape[1]}, answers(features)[None])
    return path.name


def missing(asked: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """The rows that are not there yet: controls, then all methods with their first seed before any with its second."""
    yield from ((who, 0) for who in CONTROLS if not control_place(asked, who).exists())
    for seed in range(asked.seeds):
        for name in asked.methods:
            if not place(asked, name, seed).exists():
                yield name, seed


def measure_all(asked: argparse.Namespace) -> None:
    """Each missing row in a process of its own; one that fails is told and left missing."""

    def one(row: tuple[str, int]) -> None:
        name, seed = row
        own = [sys.executable, __file__, *sys.argv[1:], "--row", name, str(seed)]
        done = subprocess.run(own, capture_output=True, text=True)
        said = "" if done.returncode == 0 else f" FAILED\n{done.stderr[-2000:]}"
        print(line(asked, name, seed) + said, flush=True)

    with ThreadPoolExecutor(asked.jobs) as pool:
        list(pool.map(one, missing(asked)))


def line(asked: argparse.Namespace, name: str, seed: int) -> str:
    """A row in words."""
    found = kept(control_place(asked, name) if name in CONTROLS else place(asked, name, seed))
    if found is None:
        return f"{name} {seed}: missing"
    facts, measured = found
    values = ", ".join(f"{what.split(', ')[1]} {e.value:.3f}" for what, e in measured.items())
    alarms = " ".join(facts.get("alarms", ()))
    return f"{name} {seed}: {values}; {facts['seconds']:.0f} s, {facts['peak_memory_bytes'] / 2**20:.0f} MB {alarms}"


def to_ledger(asked: argparse.Namespace) -> None:
    """Appends the rows that the ledger does not hold yet."""
    torch.set_num_threads(1)  # as all was measured
    path = Path(asked.ledger)
    known = [figure(row) for row in claims.read(path)]
    for row in all_rows(asked):
        if figure(row) not in known:
            claims.append(path, row)


def figure(row: dict[str, Any]) -> tuple[Any, ...]:
    """What was measured, by what, and what came out."""
    return tuple(row[key] for key in ("method", "data", "question", "metric", "recipe", "seeds", "value"))


def all_rows(asked: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One row a control and metric; one a method and metric, of all its seeds, where all were measured."""
    here = claims.place()
    for who in CONTROLS:
        if found := kept(control_place(asked, who)):
            yield from rows_of(asked, who, [found], {}, here)
    for name in asked.methods:
        seeds = [found for seed in range(asked.seeds) if (found := kept(place(asked, name, seed)))]
        if len(seeds) == asked.seeds:
            beside = {who: control for who in ("raw input", "pca", "hand-made") if (control := kept(control_place(asked, who)))}
            if own := kept(Path(asked.out) / asked.data / seeds[0][0]["untrained"]):
                beside["untrained"] = own
            yield from rows_of(asked, name, seeds, beside, here)


def rows_of(
    asked: argparse.Namespace, name: str, seeds: list[tuple[dict[str, Any], Measured]], beside: dict[str, Any], here: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """A row for each metric: the value over the seeds with its interval, and the paired gain over each control."""
    facts = [f for f, _ in seeds]
    for question, metric in METRICS:
        what = f"{question}, {metric}"
        if not all(what in measured for _, measured in seeds):
            continue
        own = joined([measured[what] for _, measured in seeds])
        low, high = own.interval(0.0, 1.0)
        gains = {who: gain(own, measured[what]) for who, (_, measured) in beside.items()}
        rivals = {who: measured[what] for who, (_, measured) in beside.items()}
        best = max(rivals, key=lambda who: rivals[who].value, default=None)
        yield {
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "method": name, "data": asked.data,
            "question": question, "metric": metric, "value": own.value, "low": low, "high": high, "gains": gains,
            "best_control": best and control_of(best, rivals[best]),
            "untrained": rivals["untrained"].value if "untrained" in rivals else None,
            "seeds": len(seeds), "recipe": {k: v for k, v in (("steps", asked.steps), ("batch", asked.batch)) if v is not None},
            "seconds": round(float(np.mean([f["seconds"] for f in facts])), 1),
            "peak_memory_bytes": max(f["peak_memory_bytes"] for f in facts), "width": facts[0]["width"],
            "alarms": sorted({a for f in facts for a in f.get("alarms", ())}), **here,
        }  # fmt: skip


def gain(own: Evidence, other: Evidence) -> list[float]:
    """The paired difference and its 95 % interval."""
    difference = own.minus(other)
    return [round(v, 5) for v in (difference.value, *difference.interval())]


def control_of(name: str, evidence: Evidence) -> dict[str, Any]:
    low, high = evidence.interval(0.0, 1.0)
    return {"name": name, "value": evidence.value, "low": low, "high": high}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", required=True, help="the folder with fashion_mnist/ and cifar10/")
    parser.add_argument("--data", choices=DATA, default="fashion_mnist")
    parser.add_argument("--out", default="runs/images", help="where the rows are kept")
    parser.add_argument("--methods", nargs="+", help="names (default: all of the families pretext, contrastive and metric)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--batch", type=int, help="instead of the recipe's")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--jobs", type=int, default=2, help="rows at a time")
    parser.add_argument("--ledger", nargs="?", const="benchmarks/ledger.jsonl", help="append the rows to this file, measure nothing")
    parser.add_argument("--row", nargs=2, metavar=("METHOD", "SEED"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    own = [cls.__name__ for cls in methods.classes() if cls.card.family in FAMILIES and "image" in cls.card.specs]
    asked.methods = [methods.find(name).__name__ for name in asked.methods] if asked.methods else own
    return asked


def main() -> int:
    asked = parsed()
    if asked.row:
        torch.set_num_threads(1)
        name, seed = asked.row
        measure_control(asked, name) if name in CONTROLS else measure(asked, name, int(seed))
    elif asked.ledger:
        to_ledger(asked)
    else:
        measure_all(asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
