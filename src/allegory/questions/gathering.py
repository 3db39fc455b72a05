"""One pass over the data gives the codes of the method and of all controls."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory import data, views
from allegory.core import Array, Dice, Misuse, Problem, Spec, Tree, tree
from allegory.data import PARTS, Intake, Source
from allegory.questions import cache as cache_
from allegory.questions import controls as controls_
from allegory.questions import handmade
from allegory.questions.cache import Cache
from allegory.questions.controls import Ceiling, Control
from allegory.questions.encoders import Encoder, Foreign, Seeing, encoder_of, raw_input, shrunk
from allegory.questions.features import CodeSet, Features, evenly
from allegory.representation import Representation

BATCH = 1024
BATCH_BYTES = 64 << 20
VIEWED = 2048
MOST = {"train": 60_000, "validation": 10_000, "test": 20_000}  # bounds memory and time whatever the size of the source


@dataclass(eq=False)
class Gathering:
    """What is to be encoded, and the notes made on the way. `given` are codes that came as arrays; `reps` the encoders that are models."""

    source: Source
    cache: Cache = field(default_factory=Cache)
    encoders: dict[str | None, list[Encoder]] = field(default_factory=dict)
    reps: dict[str | None, list[Representation]] = field(default_factory=dict)
    given: list[Tensor] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, who: str | None, reps: list[Representation], view: views.View | None) -> None:
        """Models to encode with, one a training seed."""
        self.reps[who] = reps
        self.encoders[who] = [encoder_of(rep.method, rep.net, rep.intake, view) for rep in reps]


def gather(
    subject: Any,
    source: Any,
    controls: Sequence[str] | None = None,
    seed: int = 0,
    ceiling: Ceiling | None = None,
    cache: Path | None = None,
) -> tuple[Features, tuple[str, ...]]:
    """The features of `subject` and its controls on `source`, and notes for people on what was left out.

    `subject`: a `Representation`, a function of stored observations, an array of codes in the order of the source, or a list of these
    (training seeds of one method). `controls`: names; None is all. `cache`: a folder that keeps codes and the ceiling.
    Raises `Misuse` and `Problem` for what cannot be evaluated.
    """
    subjects = list(subject) if isinstance(subject, (list, tuple)) else [subject]
    if not subjects:
        raise Misuse("expected a representation, a function or an array of codes, got an empty list")
    reps = [s for s in subjects if isinstance(s, Representation)]
    if reps and (len(reps) < len(subjects) or any(r.method != reps[0].method for r in reps)):
        raise Misuse("several representations are training seeds of one method with equal settings; ask different ones one by one")
    source = source if isinstance(source, Source) else data.open_source(source)
    wanted = controls_.chosen(None if controls is None else tuple(controls))
    how = ceiling or Ceiling()
    work = _of_representations(reps, source, wanted, seed, how, Cache(cache)) if reps else _of_others(subjects, source, wanted)
    return _encoded(work, wanted, seed, _learned_on(reps)), tuple(work.notes)


def _of_representations(
    reps: list[Representation], source: Source, wanted: Sequence[Control], seed: int, how: Ceiling, cache: Cache
) -> Gathering:
    source = reps[0].intake.accept(source)
    work, view, n = Gathering(source, cache), _view(reps[0].spec, source), len(source.part("train"))
    work.add(None, reps, view)
    _add_raw(work, wanted, reps[0].intake, view, reps[0].device)
    if "untrained" in wanted and not _noted(work, controls_.why_not_untrained(reps[0])):
        work.add("untrained", [controls_.untrained(rep, n) for rep in reps], view)
    if "supervised" in wanted and not _noted(work, controls_.why_no_ceiling(source, _task(source).why_no_probe())):
        key = ("supervised", repr(reps[0].method), identity(source), str(seed), repr(how))
        work.add("supervised", [cache.model(key, lambda: controls_.supervised(reps[0], source, seed, how))], view)
    return work


def _of_others(subjects: list[Any], source: Source, wanted: Sequence[Control]) -> Gathering:
    work = Gathering(source)
    functions = [Foreign(f) for s in subjects if (f := _function(s)) is not None]
    if functions and len(functions) < len(subjects):
        raise Misuse("expected functions or arrays of codes, got both; ask them one by one")
    if functions:
        work.encoders[None] = list(functions)
    else:
        work.given = [_codes(s, len(source)) for s in subjects]
    intake = Intake.fit(source, source.part("train"))
    _add_raw(work, wanted, intake, _view(intake.spec, source))
    if left := [c for c in wanted if c in controls_.OF_METHODS]:
        work.notes.append(f"without the controls {' and '.join(left)}: they take a method of allegory, and these are somebody else's codes")
    return work


def _function(subject: Any) -> Callable[[Any], Any] | None:
    """The function x -> codes of somebody else's encoder: itself, or its `encode` or `transform`."""
    named = (getattr(subject, name, None) for name in ("encode", "transform"))
    found = next((f for f in named if callable(f)), subject)
    return found if callable(found) else None


def _codes(subject: Any, n: int) -> Tensor:
    z = torch.as_tensor(np.asarray(subject.detach().cpu() if isinstance(subject, Tensor) else subject))
    if z.ndim < 2 or len(z) != n:
        raise Misuse(f"expected codes of shape ({n}, z), one row for each item of the source in its order, got {tuple(z.shape)}")
    return z.to(torch.float32).flatten(1)


def _add_raw(
    work: Gathering, wanted: Sequence[Control], intake: Intake, view: views.View | None, device: torch.device | str = "cpu"
) -> None:
    if "raw input" in wanted or "pca" in wanted:
        work.encoders["raw input"] = [Seeing(raw_input, intake, view, device=device)]
        _noted(work, shrunk(intake.spec))
    if "hand-made" in wanted and isinstance(intake.spec, Array) and intake.spec.is_image:
        work.encoders["hand-made"] = [Seeing(handmade.features, intake, view, device=device)]


def _noted(work: Gathering, note: str) -> bool:
    """Writes a note down, if there is one."""
    if note:
        work.notes.append(note)
    return bool(note)


def _view(spec: Spec, source: Source) -> views.View | None:
    """The default view of these data, from which alignment takes its pairs."""
    try:
        return views.augment(spec, source.mirror)
    except Problem:
        return None


def _encoded(work: Gathering, wanted: Sequence[Control], seed: int, learned_on: str) -> Features:
    index, task = asked(work.source), _task(work.source)
    if len(index) < len(task.labels):
        limits = ", ".join(f"{most:,} {name}" for name, most in MOST.items())
        work.notes.append(f"asked of {len(index):,} of {len(task.labels):,} items: at most {limits}, labelled ones first")
    task = _narrowed(task, index)
    viewed = evenly(task.parts["test"], VIEWED)
    codes = _each(work, index, _codes_of)
    pairs = _each(work, index[viewed.numpy()], _pair_of)
    found = {
        who: CodeSet(tuple(z for (z,) in seeds), _both(pairs.get(who)), tuple(work.encoders[who]), tuple(work.reps.get(who, ())))
        for who, seeds in codes.items()
    }
    if work.given:
        found[None] = CodeSet(tuple(z[index] for z in work.given))
    if "pca" in wanted:
        found["pca"] = _pca(found, task, work.notes)
    kept: dict[str | None, CodeSet] = {who: found[who] for who in (None, *wanted) if who in found}
    _check_finite(kept)
    missing = int((task.labels < 0).sum())
    if task.names and missing:
        work.notes.append(f"{missing:,} of {len(index):,} items have no label; the probes leave them out")
    strange = task.class_sizes("test") * (task.class_sizes("train") == 0)
    if strange.any():
        work.notes.append(f"{int(strange.sum())} test items are of a class without a labelled training item; they count as errors")
    if leaked := _leaked(work.source):
        work.notes.append(leaked)
    return Features(kept, task.labels, task.names, task.parts, task.data + learned_on, seed, len(viewed), work.source, index)


def _leaked(source: Source) -> str:
    """The alarm when test items are exact copies of training items, which only a split of the source's own can do; "" without."""
    keys = source.item_keys
    copies = int(np.isin(keys[source.part("test")], keys[source.part("train")]).sum())
    return (
        f"leakage: {copies:,} test items are exact copies of training items, so the scores are too good; mend the split" if copies else ""
    )


def _codes_of(encoder: Encoder, stored: Tree, rows: np.ndarray) -> tuple[Tensor, ...]:
    del rows
    return (encoder.codes(stored),)


def _pair_of(encoder: Encoder, stored: Tree, rows: np.ndarray) -> tuple[Tensor, ...]:
    """The same views of an item for every encoder; () from an encoder that cannot."""
    return encoder.pair(stored, Dice.roll(0, 0, torch.as_tensor(rows), "positive pairs")) or ()


def _each(
    work: Gathering, index: np.ndarray, f: Callable[[Encoder, Tree, np.ndarray], tuple[Tensor, ...]]
) -> dict[str | None, list[tuple[Tensor, ...]]]:
    """What `f` gives for the items at `index`, for every seed of every encoder, in one pass over those that were not kept; an encoder
    for which it gives () is left out."""
    keys = _keys(work, index, f.__name__)
    wholes = {place: kept for place, key in keys.items() if (kept := work.cache.find(key))}
    new = [(who, i) for who, encoders in work.encoders.items() for i in range(len(encoders)) if (who, i) not in wholes]
    for at, rows in _batches(work.source, index) if new else ():
        stored = work.source.take(rows)
        for who, i in new:
            parts = f(work.encoders[who][i], stored, rows)
            if at == 0:
                wholes[who, i] = tuple(torch.empty(len(index), part.shape[1]) for part in parts)
            for whole, part in zip(wholes[who, i], parts, strict=True):
                whole[at : at + len(rows)] = part
    for place in new:
        if place in keys:
            work.cache.keep(keys[place], wholes[place])
    found = {who: [wholes[who, i] for i in range(len(encoders))] for who, encoders in work.encoders.items()}
    return {who: seeds for who, seeds in found.items() if all(seeds)}


def _keys(work: Gathering, index: np.ndarray, what: str) -> dict[tuple[str | None, int], tuple[str, ...]]:
    """The keys under which codes are kept, for the encoders that are models: others are not known by their content."""
    if work.cache.folder is None:
        return {}
    asked = (what, identity(work.source), hashlib.sha256(index.tobytes()).hexdigest())
    return {(who, i): (*asked, cache_.identity(rep)) for who, reps in work.reps.items() for i, rep in enumerate(reps)}


def _batches(source: Source, index: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Where a batch begins, and its item numbers: as many as fit into 64 MiB, at most 1024."""
    item = sum(leaf.nbytes for leaf in tree.leaves(source.take(slice(0, 1))))
    size = max(1, min(BATCH, BATCH_BYTES // max(1, item)))
    for start in range(0, len(index), size):
        yield start, index[start : start + size]


def _both(pairs: list[tuple[Tensor, ...]] | None) -> tuple[tuple[Tensor, Tensor], ...] | None:
    return None if pairs is None else tuple((one, two) for one, two in pairs)


def _pca(found: dict[str | None, CodeSet], task: Features, notes: list[str]) -> CodeSet:
    """PCA of the raw input with as many components as the code has numbers."""
    raw, size = found["raw input"], found[None].seeds[0].shape[1]
    model = controls_.components(raw.seeds[0], task.parts["train"], size)
    if model.n_components_ < size:
        notes.append(f"pca: the code has {size} numbers, but the raw input allows {model.n_components_} components")
    pairs = raw.pairs and tuple((controls_.project(model, a), controls_.project(model, b)) for a, b in raw.pairs)
    return CodeSet((controls_.project(model, raw.seeds[0]),), pairs)


def _check_finite(sets: dict[str | None, CodeSet]) -> None:
    for who, codes in sets.items():
        for z in codes.seeds:
            bad = int((~torch.isfinite(z)).any(1).sum())
            if bad:
                what = "the codes" if who is None else f"the codes of the control {who}"
                raise Problem(f"{what} of {bad} of {len(z)} items are NaN or infinite; mend the encoder before asking what it is worth")


def _task(source: Source) -> Features:
    """Labels and parts, without codes."""
    labels = torch.full((len(source),), -1) if source.labels is None else torch.as_tensor(source.labels.values.astype(np.int64))
    names = () if source.labels is None else tuple(source.labels.names)
    parts: dict[str, Tensor] = {name: torch.as_tensor(source.part(name)) for name in PARTS}
    return Features({}, labels, names, parts, identity(source))


def asked(source: Source) -> np.ndarray:
    """The item numbers that are encoded, in order: of every part at most `MOST`, evenly spaced, the labelled ones first."""
    known = np.zeros(len(source), dtype=bool) if source.labels is None else source.labels.known
    chosen = []
    for name in PARTS:
        rows = source.part(name)
        labelled = evenly(torch.as_tensor(rows[known[rows]]), MOST[name])
        others = evenly(torch.as_tensor(rows[~known[rows]]), MOST[name] - len(labelled))
        chosen += [labelled, others]
    return torch.cat(chosen).sort().values.numpy()


def _narrowed(task: Features, index: np.ndarray) -> Features:
    """Labels and parts of some items, numbered anew."""
    place = torch.full((len(task.labels),), -1)
    place[index] = torch.arange(len(index))
    parts = {name: new[new >= 0] for name, rows in task.parts.items() for new in (place[rows],)}
    return dataclasses.replace(task, labels=task.labels[index], parts=parts)


def identity(source: Source) -> str:
    """Names the items in order, their labels and their parts."""
    h = hashlib.sha256(source.fingerprint.encode())
    for name in PARTS:
        h.update(source.part(name).astype(np.int64).tobytes() + b";")
    return f"{source.name} {h.hexdigest()[:12]}"


def _learned_on(reps: list[Representation]) -> str:
    """Said in every score when the encoder learned from all parts."""
    return ", the encoder learned on all parts" if any(rep.facts.get("trained_on") == "all" for rep in reps) else ""
