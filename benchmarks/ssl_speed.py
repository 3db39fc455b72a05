"""How fast a whole step of self-supervised learning is, and how soon the codes are good.

    python benchmarks/ssl_speed.py cpu --data-root DATA --peer-python PEER/bin/python [--json FILE]
    python benchmarks/ssl_speed.py ceiling --data-root DATA [--json FILE]
    python benchmarks/ssl_speed.py gpu --data-root DATA --minutes 2 --out RUN [--json FILE]

`cpu`: SimCLR with the small ConvNet, beside lightly in an environment of its own (ssl_speed_peer.py), which needs torch, torchvision and
lightly. Same images, net, first weights, batch, augmentations, optimiser, schedule, precision and threads. The two take turns, so that
whatever else the machine does slows both. Of each turn two times are kept: that of the clock, and that of all processors together, which
other work on the machine changes little. Views a second are those of the fastest turn, a ratio is the median over the turns. Threads
that wait for each other spin a while, as torch has it; lightly is tried with threads that sleep at once, too, and takes the faster. On a
busy machine spinning makes both several times slower: set OMP_WAIT_POLICY=PASSIVE there. After every turn the nearest neighbours say how
good the codes are, off the clock.

`ceiling`: views a second of the views alone, of the net without views, and of both, with the peak of memory, in half a minute.

`gpu`: SimCLR with ResNet-18 on CIFAR-10 by the library's own `learn` in bf16, compiled, for some minutes that include opening the data,
learning, and reading the codes by a linear and a kNN probe. A run that takes longer than one command may (`--command-minutes`) goes on
where it stopped when the same command is given again. Both verbs also run on a CPU, at a smaller scale (`--encoder convnet --items 500`).

Measured on 2 AMD EPYC cores (AVX2), torch 2.13 and, for lightly 1.6, 2.14: 1 x 28 x 28 (Fashion-MNIST) 3.3 times lightly (3.2 to 4.5 over
the turns; 4,630 views a second for 1,190), 3.4 times to a kNN accuracy of .76, 2.7 without augmentation; 3 x 32 x 32 (CIFAR-10) 2.5 times
(2.3 to 2.9; 3,200 for 1,410), 2.7 to a kNN accuracy of .40, 2.2 without augmentation: short of the goal of 3. There our
views take a tenth of a step, and the rest is the net, which is the same on both sides. By --steps 120; not yet run on a GPU.

DATA holds cifar10/ (see cifar10.py) or fashion_mnist/ (IDX files).
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any

import numpy as np
import torch
from cifar10 import opened
from torch import Tensor

import allegory as al
from allegory import measures
from allegory.core import DEFAULT, Dice, Optim
from allegory.data.idx import read
from allegory.questions import logistic, probing
from allegory.questions.uses.knn import KNN
from allegory.questions.uses.linear_probe import LinearProbe
from allegory.runs import Run
from allegory.train import Interrupted, Settings, begin, learner_for, steps
from allegory.train.fit import peak_memory
from allegory.train.health import Watch
from allegory.train.learner import compiled
from allegory.train.plan import rate
from allegory.views import ColourJitter, Compose, Flip, Grey, Identity, Pair, ResizedCrop

AUGMENT = Compose((ResizedCrop((0.2, 1.0)), Flip(0.5), ColourJitter(0.4, 0.4, 0.4, 0.1, p=0.8), Grey(0.2)))
PEER = Path(__file__).with_name("ssl_speed_peer.py")
CORES = 2
NEIGHBOURS = 20
TRIED = 6  # steps for which each way to wait is tried
LOGGED = 12  # steps between two looks at health, as in a run of 240 steps
GOAL = 3.0  # times lightly
GOALS = {2.0: 0.907, 8.0: 0.926}  # linear accuracy on CIFAR-10 after so many minutes


@dataclass(frozen=True, eq=False)
class Images:
    """Pixels (n, h, w, c) uint8 and classes of both parts."""

    train: np.ndarray
    test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray

    @staticmethod
    def open(root: Path, name: str) -> "Images":
        if name == "fashion_mnist":
            train, test, y_train, y_test = (
                read(root / name / f"{part}-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1") for part in ("train", "t10k")
            )
            return Images(train[..., None], test[..., None], y_train, y_test)
        return Images(*opened(root / name)[:4])

    def first(self, train: int, test: int) -> "Images":
        return Images(self.train[:train], self.test[:test], self.y_train[:train], self.y_test[:test])


class Ours:
    """The library's loop, with its health watch, one turn at a time."""

    def __init__(self, images: Images, augment: bool, batch: int, total: int, threads: int, seed: int):
        torch.set_num_threads(threads)
        source = al.load(images.train, mirror=True)
        settings = Settings(seed=seed, batch=batch, steps=total, device="cpu", log_every=LOGGED)
        method = al.SimCLR(views=Pair(AUGMENT if augment else Identity()))
        self.method, self.net, items = begin(method, source, settings, np.arange(len(source)))
        self.learner = learner_for(self.method, self.net, items, source, settings)
        self.pixels = torch.from_numpy(np.concatenate([images.train, images.test])).permute(0, 3, 1, 2)
        self.intake, self.watch = items.intake, Watch()
        self.ticks = steps(self.learner)

    def learn(self, count: int) -> dict[str, float]:
        clock, processor = time.perf_counter(), time.process_time()
        for _ in range(count):
            tick = next(self.ticks)
            self.watch(self.learner, tick)
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
        return {"seconds": clock, "processor": processor, "loss": float(tick.terms["encoder/nt_xent"])}

    def codes(self) -> Tensor:
        with torch.no_grad():
            self.net.eval()
            return torch.cat([self.method.encode(self.net, self.intake(x)) for x in self.pixels.split(1000)])


class Theirs:
    """lightly's half, in its own process."""

    def __init__(self, python: str, folder: Path, said: dict[str, Any], ours: Ours, images: Images):
        self.python, self.folder, self.few = python, folder, min(TRIED, len(said["rates"]) // 2)
        np.save(folder / "pixels.npy", np.concatenate([images.train, images.test]))
        np.savez(folder / "weights.npz", **{name: t.detach().numpy().copy() for name, t in ours.net.state_dict().items()})
        (folder / "said.json").write_text(json.dumps(said))
        waits = (os.environ,) if "OMP_WAIT_POLICY" in os.environ else (os.environ, {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"})
        best = min(waits, key=self.seconds)
        self.begin(best)
        self.about["OMP_WAIT_POLICY"] = best.get("OMP_WAIT_POLICY")

    def begin(self, env: Mapping[str, str]) -> None:
        command = [self.python, str(PEER), str(self.folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.about = self.heard()

    def seconds(self, env: Mapping[str, str]) -> float:
        """Of a few steps, once all is running."""
        self.begin(env)
        self.learn(self.few)
        took = self.learn(self.few)["seconds"]
        self.close()
        return took

    def heard(self) -> dict[str, Any]:
        line = pipe(self.process.stdout).readline()
        if not line:
            raise SystemExit(f"{PEER.name} stopped with {self.process.wait()}; run it by hand to see why")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **what: Any) -> dict[str, Any]:
        print(json.dumps(what), file=pipe(self.process.stdin), flush=True)
        return self.heard()

    def learn(self, count: int) -> dict[str, float]:
        return self.ask(learn=count)

    def codes(self) -> Tensor:
        return torch.from_numpy(np.load(self.ask(codes=str(self.folder / "codes.npy"))["path"]))

    def close(self) -> None:
        pipe(self.process.stdin).close()
        self.process.wait()


def pipe(end: IO[str] | None) -> IO[str]:
    assert end is not None
    return end


def accuracy(z: Tensor, images: Images) -> float:
    """Of the test images, by weighted votes of 20 neighbours among the training images."""
    n = len(images.train)
    z = measures.on_sphere(z - z[:n].mean(0))
    y = torch.from_numpy(images.y_train.astype(np.int64))
    answer = KNN().votes(z[n:], z[:n], y, int(y.max()) + 1, [NEIGHBOURS])[0]
    return float((answer.numpy() == images.y_test).mean())


@dataclass
class Curve:
    """What one side needed, turn by turn."""

    steps: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)

    def views_a_second(self, batch: int, what: str, cores: int = 1) -> list[float]:
        """Turn by turn."""
        return [2 * batch * n * cores / s for n, s in zip(self.steps, getattr(self, what), strict=True)]

    def until(self, reach: float, what: str) -> float | None:
        """Seconds until the codes first were as good as `reach`."""
        for i, value in enumerate(self.accuracy):
            if value >= reach:
                return sum(getattr(self, what)[: i + 1])
        return None


def compared(images: Images, args: argparse.Namespace, augment: bool) -> dict[str, Any]:
    """Both in turns: the curves, and what lightly's half says of itself."""
    turns, count = (args.turns, args.steps // args.turns) if augment else (3, max(4, args.steps // args.turns // 4))
    ours = Ours(images, augment, args.batch, turns * count, args.threads, args.seed)
    optim = ours.method.recipe.optim.over(DEFAULT)
    said = {
        "threads": args.threads, "workers": args.workers, "seed": args.seed, "augment": augment, "batch": args.batch,
        "items": len(images.train), "tau": ours.method.tau, "weight_decay": optim.weight_decay,
        "rates": [rate(optim, (step + 0.5) / (turns * count)) for step in range(turns * count)],
        "strides": [m.stride[0] for m in ours.net.body.modules() if isinstance(m, torch.nn.Conv2d)],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        theirs = Theirs(args.peer_python, Path(folder), said, ours, images)
        sides = {"ours": ours, "lightly": theirs}
        curves = {name: Curve() for name in sides}
        for turn in range(turns):
            for name, side in sides.items():
                took, curve = side.learn(count), curves[name]
                curve.steps.append(count)
                curve.seconds.append(took["seconds"])
                curve.processor.append(took["processor"])
                if augment:
                    curve.accuracy.append(accuracy(side.codes(), images))
                told(name, turn, took, curve, args.batch)
        theirs.close()
    return {"curves": curves, "about": theirs.about, "said": {k: v for k, v in said.items() if k != "rates"}}


def told(name: str, turn: int, took: dict[str, float], curve: Curve, batch: int) -> None:
    views, good = 2 * batch * sum(curve.steps), f", kNN accuracy {curve.accuracy[-1]:.3f}" if curve.accuracy else ""
    spent = f"{sum(curve.seconds):7.1f} s, {sum(curve.processor):7.1f} processor s"
    print(f"{name:8} turn {turn + 1}: {views:8,} views, {spent}, loss {took['loss']:.3f}{good}", flush=True)


def figures(found: dict[str, Any], args: argparse.Namespace, augment: bool) -> dict[str, Any]:
    """Views a second on the clock and by the processor, the ratios, and the seconds to an accuracy that both reach."""
    curves: dict[str, Curve] = found["curves"]
    out: dict[str, Any] = {}
    for what, cores in (("seconds", 1), ("processor", CORES)):
        speed = {name: curve.views_a_second(args.batch, what, cores) for name, curve in curves.items()}
        by_turn = [ours / theirs for ours, theirs in zip(speed["ours"], speed["lightly"], strict=True)]
        ratio = {"ratio": round(median(by_turn), 2), "from": round(min(by_turn), 2), "to": round(max(by_turn), 2)}
        out[f"views a second by {what}"] = {**{k: round(max(v)) for k, v in speed.items()}, **ratio}
    if augment:
        reach = args.reach or np.floor(100 * min(max(curve.accuracy) for curve in curves.values())) / 100
        for what in ("seconds", "processor"):
            until = {name: curve.until(reach, what) for name, curve in curves.items()}
            ratio = until["lightly"] / until["ours"] if until["ours"] and until["lightly"] else None
            out[f"{what} to kNN accuracy {reach:.2f}"] = {**until, "ratio": ratio and round(ratio, 2)}
    return out


def on_cpu(args: argparse.Namespace) -> dict[str, Any]:
    images = Images.open(args.data_root, args.data).first(args.items, args.tested)
    shape = images.train.shape
    print(
        f"SimCLR, small ConvNet, {args.data} ({shape[0]} images {shape[3]} x {shape[1]} x {shape[2]}), batch {args.batch}, {args.steps} "
        f"steps, float32, {args.threads} threads, lightly with {args.workers} loader processes, seed {args.seed}"
    )
    kept: dict[str, Any] = {}
    for augment in (True, False):
        print("\nwith augmentation" if augment else "\nwithout augmentation")
        found = compared(images, args, augment)
        told_in_all = figures(found, args, augment)
        print("\n".join(f"{k}: {json.dumps(v)}" for k, v in [*told_in_all.items(), ("lightly", found["about"])]))
        curves = {name: vars(curve) for name, curve in found["curves"].items()}
        kept["augmented" if augment else "plain"] = {**told_in_all, "turns": curves, "settings": found["said"], "lightly": found["about"]}
    ratio = kept["augmented"]["views a second by seconds"]["ratio"]
    print(f"\ngoal: {GOAL:g} times lightly end to end; {ratio:g} by the clock: {'met' if ratio >= GOAL else 'not met'}")
    return kept


def linear(z: Tensor, images: Images) -> float:
    """Of the test images, by logistic regression on standardised codes of all training images; its strength by every tenth of them."""
    n, y = len(images.train), torch.from_numpy(images.y_train.astype(np.int64))
    z = probing.standardised(z, torch.arange(n))
    held, classes = torch.arange(n) % 10 == 0, int(y.max()) + 1
    strengths = LinearProbe().strengths

    def right(classifier: logistic.Linear, x: Tensor, of: Tensor) -> float:
        return float((classifier.logits(x)[0].argmax(1) == of).double().mean())

    tried = logistic.path(z[:n][~held], y[~held], classes, [s * int((~held).sum()) for s in strengths], LinearProbe().tolerance)
    quality = [right(each, z[:n][held], y[held]) for each in tried]
    best = strengths[quality.index(max(quality))]
    (final,) = logistic.path(z[:n], y, classes, [best * n], LinearProbe().tolerance)
    return right(final, z[n:], torch.from_numpy(images.y_test.astype(np.int64)))


def on_device(args: argparse.Namespace) -> dict[str, Any]:
    """One command's worth of a run, and what it led to once the run is whole."""
    begun = time.perf_counter()
    images = Images.open(args.data_root, args.data).first(args.items, args.tested)
    notes = args.out.with_name(f"{args.out.name}.seconds.json")  # beside the run: what each command took
    before = json.loads(notes.read_text()) if notes.exists() and args.out.exists() else []
    left = 60 * args.minutes - args.reserve - (time.perf_counter() - begun)
    stop = threading.Timer(60 * args.command_minutes - args.reserve, os.kill, (os.getpid(), signal.SIGINT))
    stop.daemon = True
    stop.start()
    try:
        method = al.SimCLR(encoder=args.encoder, views=Pair(AUGMENT))
        source = al.load(images.train, mirror=True)
        rep = al.learn(source, method, settings=settings_of(args, budget=left), out=args.out, resume=True, all_items=True, quiet=False)
    except Interrupted as e:
        notes.write_text(json.dumps([*before, time.perf_counter() - begun]))
        raise SystemExit(f"{e}\nor give the same command again") from None
    finally:
        stop.cancel()
    probed = time.perf_counter()
    z = torch.from_numpy(rep.encode(np.concatenate([images.train, images.test])))
    run = Run.open(args.out)
    batch, count = (run.config["training"][name] for name in ("batch", "steps"))
    found = {"linear accuracy": linear(z, images), "kNN accuracy": accuracy(z, images)}
    found |= {
        "images": len(images.train), "steps": count, "learning seconds": run.facts["seconds"],
        "views a second": 2 * batch * count / run.facts["seconds"], "probing seconds": time.perf_counter() - probed,
        "peak memory GB": run.facts["peak_memory_bytes"] / 1e9, "commands": len(before) + 1,
        "all seconds": sum(before) + time.perf_counter() - begun,
    }  # fmt: skip
    print("\n".join(f"{name:17} {value:.4g}" for name, value in found.items()))
    goal = GOALS.get(args.minutes)
    if goal and len(images.train) == 50_000:
        print(f"goal: linear accuracy {goal:g}: {'met' if found['linear accuracy'] >= goal else 'not met'}")
    return found


def ceiling(args: argparse.Namespace) -> dict[str, Any]:
    """Views a second of the parts and of the whole, and the peak of memory of the whole."""
    images = Images.open(args.data_root, args.data).first(args.items, args.tested)
    source, found = al.load(images.train, mirror=True), {}
    for name, view in (("net alone", Identity()), ("whole step", AUGMENT)):
        settings = settings_of(args, steps=args.warm + args.timed)
        method, net, items = begin(al.SimCLR(encoder=args.encoder, views=Pair(view)), source, settings, np.arange(len(source)))
        learner = learner_for(method, net, items, source, settings)
        if args.compile:
            compiled(learner.net)
        going, batch = steps(learner), learner.plan.batch
        for _ in range(args.warm):
            next(going)
        found[name] = 2 * batch * args.timed / waited(items.device, lambda going=going: [next(going) for _ in range(args.timed)])
    index = torch.arange(batch, device=items.device)
    shown = [Dice.roll(0, step, index) for step in range(args.timed)]
    Pair(AUGMENT)(items.take(index), shown[0])
    found["views alone"] = 2 * batch * args.timed / waited(items.device, lambda: [Pair(AUGMENT)(items.take(index), d) for d in shown])
    found["peak memory GB"] = peak_memory(str(items.device)) / 1e9
    print("\n".join(f"{name:15} {value:,.4g}" for name, value in found.items()))
    return found


def waited(device: torch.device, work: Callable[[], Any]) -> float:
    """Seconds until the device has done it."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def settings_of(args: argparse.Namespace, **length: Any) -> Settings:
    said = {name: getattr(args, name) for name in ("seed", "batch", "device", "precision", "compile")}
    return Settings(**said, optim=Optim(lr=args.lr), **length)


def parsed(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__), formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, work in (("cpu", on_cpu), ("ceiling", ceiling), ("gpu", on_device)):
        verb = verbs.add_parser(name)
        verb.set_defaults(work=work)
        verb.add_argument("--data-root", type=Path, required=True)
        verb.add_argument("--data", default="cifar10", choices=("cifar10", "fashion_mnist"))
        verb.add_argument("--items", type=int, default=10_000 if name == "cpu" else None, help="only the first so many")
        verb.add_argument("--tested", type=int, default=2_000 if name == "cpu" else None)
        verb.add_argument("--batch", type=int, default=256 if name == "cpu" else 512)
        verb.add_argument("--seed", type=int, default=0)
        verb.add_argument("--json", type=Path, help="also write what was found there")
    cpu, top, gpu = (verbs.choices[name] for name in ("cpu", "ceiling", "gpu"))
    cpu.add_argument("--peer-python", required=True, help="the interpreter of an environment with lightly")
    cpu.add_argument("--steps", type=int, default=240)
    cpu.add_argument("--turns", type=int, default=6)
    cpu.add_argument("--threads", type=int, default=CORES)
    cpu.add_argument("--workers", type=int, default=CORES)
    cpu.add_argument("--smoke", action="store_true", help="a few small steps, to see that all works")
    cpu.add_argument("--reach", type=float, help="the kNN accuracy to time; by default the lower of the two best, rounded down")
    for verb in (top, gpu):
        verb.add_argument("--encoder", default="resnet18")
        verb.add_argument("--device", default="auto")
        verb.add_argument("--precision", default="bf16", choices=("bf16", "float32"))
        verb.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
        verb.add_argument("--lr", type=float)
    top.add_argument("--warm", type=int, default=10)
    top.add_argument("--timed", type=int, default=30)
    gpu.add_argument("--out", type=Path, required=True)
    gpu.add_argument("--minutes", type=float, default=2.0, help="of the whole run")
    gpu.add_argument("--command-minutes", type=float, default=9.0, help="of one command")
    gpu.add_argument("--reserve", type=float, default=30.0, help="seconds kept for opening, saving and probing")
    args = parser.parse_args(argv)
    if vars(args).get("smoke"):
        args.items, args.tested, args.batch, args.steps, args.turns = 200, 50, 16, 8, 2
    return args


def main() -> None:
    args = parsed()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    found = args.work(args) | {"torch": torch.__version__, "device": device}
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
