"""What contrastive predictive coding hears in 3,000 spoken digits: which digit it is, and who speaks.

    python benchmarks/audio.py --data-root /path/to/data [--steps 400] [--batch 32] [--samples 4096] [--seed 0] [--json] [last=6]

`spoken_digits/fsdd_8k.npz` under the data root holds clips of six people at 8 kHz (the Free Spoken Digit Dataset, CC BY-SA 4.0). Clips
are cut or padded with silence to the same length; takes 0 to 4 of every digit and speaker are the test part (as its authors say), takes 5
to 9 the validation part. CPC learns without labels; linear readers of its code, with few labels or all, are compared with those of the raw
input, of PCA, of the same network untrained and of log-spectrograms (the mean and the deviation over time of 64 bands, and whole
spectrograms by PCA). Processor seconds are those of this process.

Measured with last=6, seed 0, in 121 processor seconds, accuracy with 1 % of the labels and with all: which digit .27 and .88 (untrained .18
and .54, raw .10 and .15, log-spectrogram .43 and .93), who speaks .87 and .98 (untrained .53 and .86, raw .18 and .41, log-spectrogram .61
and .96). CPC hears who speaks better than what people made by hand, and what is said worse.
"""

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import allegory as al
from allegory import questions
from allegory.data import Labels, Source

FILE = "spoken_digits/fsdd_8k.npz"
TEST, VALIDATION = 5, 10  # takes below these
WINDOW, HOP = 256, 128  # samples: 32 ms every 16 ms
KEPT = 128  # components of whole spectrograms
ASKED = ("few_labels", "share_labels", "linear_probe")
SHOWN = ("accuracy@1", "accuracy@1%", "accuracy@10%", "accuracy")


def clips(root: Path, samples: int) -> dict[str, Source]:
    """The same clips labelled by digit, and by speaker."""
    with np.load(root / FILE) as file:
        stored = {name: file[name] for name in file.files}
    x = np.zeros((len(stored["digit"]), 1, samples), dtype=np.int16)
    for row, start, end in zip(x, stored["offsets"][:-1], stored["offsets"][1:], strict=True):
        clip = stored["audio"][start : min(end, start + samples)]
        row[0, : len(clip)] = clip
    take = stored["take"]
    parts = np.where(take < TEST, "test", np.where(take < VALIDATION, "validation", "train"))
    speaker = stored["speaker"].astype(np.int64)
    names = tuple(str(name) for name in stored["speaker_names"])
    source = al.load(x, labels=stored["digit"].tolist(), series=True, parts=parts.tolist(), name="spoken digits")
    return {"digit": source, "speaker": dataclasses.replace(source, labels=Labels(speaker, names))}


def spectrograms(x: np.ndarray) -> np.ndarray:
    """(n, times, bands) logarithms of the power in 64 bands of equal width, each clip's loudest at 0."""
    wave = x[:, 0].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW, axis=1)[:, ::HOP] * np.hanning(WINDOW).astype(np.float32)
    power = np.abs(np.fft.rfft(frames, axis=2)[:, :, 1:]) ** 2  # (n, times, 128)
    bands = np.log(power.reshape(*power.shape[:2], -1, 2).sum(3) + 1e-3 * power.max((1, 2), keepdims=True) + 1e-6)
    return (bands - bands.max((1, 2), keepdims=True)).astype(np.float32)


def baselines(source: Source) -> dict[str, np.ndarray]:
    """Codes made by hand."""
    from sklearn.decomposition import PCA

    grams = spectrograms(source.take(slice(None)))
    flat = grams.reshape(len(grams), -1)
    whole = PCA(KEPT, random_state=0).fit(flat[source.part("train")]).transform(flat)
    return {"log-spectrogram, mean and deviation": np.concatenate([grams.mean(1), grams.std(1)], 1), "log-spectrogram, pca": whole}


def measured(subject: Any, source: Source, controls: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Accuracies by whose code was read, "" for the subject's."""
    found: dict[str, dict[str, float]] = {}
    for score in questions.ask(subject, source, ASKED, controls):
        if score.metric in SHOWN:
            found.setdefault(score.control or "", {})[score.metric] = score.value
    return found


def learned(source: Source, told: argparse.Namespace) -> tuple[Any, float]:
    """A representation and the processor seconds that it took."""
    busy = time.process_time()
    rep = al.learn(source, al.CPC(**dict(told.field)), steps=told.steps, batch=told.batch, seed=told.seed, device="cpu")
    return rep, time.process_time() - busy


def field(text: str) -> tuple[str, Any]:
    name, value = text.split("=", 1)
    return name, json.loads(value) if value[:1] in "-0123456789" else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--samples", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("field", nargs="*", type=field, help="fields of CPC, as name=value")
    told = parser.parse_args()
    sources = clips(told.data_root, told.samples)
    rep, seconds = learned(sources["digit"], told)
    found: dict[str, Any] = {"learning_processor_seconds": round(seconds, 1), "health": rep.facts.get("health", {})}
    by_hand = baselines(sources["digit"])
    show: Callable[..., None] = print if not told.json else lambda *_: None
    show(f"CPC learned in {seconds:.0f} processor seconds")
    for target, source in sources.items():
        rows = {name or "CPC": row for name, row in measured(rep, source, ("raw input", "pca", "untrained")).items()}
        rows |= {name: measured(z, source, ())[""] for name, z in by_hand.items()}
        found[target] = rows
        show(f"\n{target:36}" + "".join(f"{name:>14}" for name in SHOWN))
        for name, row in rows.items():
            show(f"{name:36}" + "".join(f"{row.get(metric, float('nan')):14.3f}" for metric in SHOWN))
    if told.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
