"""lightly's half of ssl_speed.py, in an environment of its own that has lightly and torchvision and not allegory.

Started by ssl_speed.py, which asks one line of JSON at a time: `learn` a number of steps, or write the `codes` of all images. What
lightly's SimCLR example does, at its best: images wait decoded in memory, as many loader processes as cores, batches drawn ahead, a
fused optimiser, and the quickest of three ways to write the same transforms.
"""

import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightly.loss import NTXentLoss
from lightly.transforms.multi_view_transform import MultiViewTransform
from lightly.transforms.simclr_transform import SimCLRViewTransform
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms import v2

PROBED = 200  # images that each way to transform is tried on
CODED = 1000  # images encoded at once


class Views(Dataset[list[Tensor]]):
    def __init__(self, images: list[Image.Image], transform: Callable[[Image.Image], list[Tensor]]):
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> list[Tensor]:
        return self.transform(self.images[i])


class Net(nn.Module):
    """The same net, parameter by parameter: a convolution, a norm and a ReLU a scale, the mean over the places, and a head."""

    def __init__(self, strides: list[int], weights: dict[str, Tensor]):
        super().__init__()
        layers: list[nn.Module] = []
        for i, stride in enumerate(strides):
            after, before = weights[f"body.layers.{3 * i}.weight"].shape[:2]
            layers += [nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        (wide, code), out = weights["head.0.weight"].shape, len(weights["head.3.weight"])
        self.body = nn.ModuleDict({"layers": nn.Sequential(*layers)})
        self.head = nn.Sequential(nn.Linear(code, wide, bias=False), nn.BatchNorm1d(wide), nn.ReLU(), nn.Linear(wide, out))
        self.load_state_dict(weights)

    def encode(self, x: Tensor) -> Tensor:
        return self.body["layers"](x).mean((2, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encode(x))


def ways(side: int, channels: int, augment: bool) -> dict[str, Callable[[Image.Image], Tensor]]:
    """The same view of one image, written in three ways: by torchvision's transforms, its second version, and lightly's own class."""
    middle = {"mean": [0.5] * channels, "std": [0.5] * channels}
    floats = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    if not augment:
        return {
            "transforms": transforms.Compose([transforms.ToTensor(), transforms.Normalize(**middle)]),
            "transforms.v2": v2.Compose([floats, v2.Normalize(**middle)]),
        }

    def written(of: Any, to_tensor: Any) -> Any:
        jitter = of.RandomApply([of.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8)
        grey = [of.RandomGrayscale(0.2)] if channels == 3 else []
        first = [of.RandomResizedCrop(side, (0.2, 1.0)), of.RandomHorizontalFlip(0.5)]
        return of.Compose([*first, jitter, *grey, to_tensor, of.Normalize(**middle)])

    lightly = SimCLRViewTransform(
        input_size=side, cj_bright=0.4, cj_contrast=0.4, cj_sat=0.4, cj_hue=0.1, min_scale=0.2,
        random_gray_scale=0.2 if channels == 3 else 0.0, gaussian_blur=0.0, normalize=middle,
    )  # fmt: skip
    return {"transforms": written(transforms, transforms.ToTensor()), "transforms.v2": written(v2, floats), "lightly": lightly}


def quickest(named: dict[str, Callable[[Image.Image], Tensor]], images: list[Image.Image]) -> tuple[str, dict[str, float]]:
    """The name of the way that needs the least processor time, and the microseconds of each."""
    took = dict.fromkeys(named, float("inf"))
    for _ in range(3):
        for name, view in named.items():
            before = time.thread_time()
            for image in images:
                view(image)
            took[name] = min(took[name], (time.thread_time() - before) / len(images) * 1e6)
    return min(took, key=lambda name: took[name]), {name: round(value) for name, value in took.items()}


class Peer:
    def __init__(self, folder: Path, said: dict[str, Any]):
        self.said = said
        torch.set_num_threads(said["threads"])
        torch.manual_seed(said["seed"])
        pixels = np.load(folder / "pixels.npy")  # (n, h, w, c) of both parts
        self.raw = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        images = [Image.fromarray(p.squeeze()) for p in pixels[: said["items"]]]
        named = ways(pixels.shape[1], pixels.shape[3], said["augment"])
        self.way, self.microseconds = quickest(named, images[:PROBED])
        self.data = Views(images, MultiViewTransform([named[self.way]] * 2))
        with np.load(folder / "weights.npz") as stored:
            self.net = Net(said["strides"], {name: torch.from_numpy(stored[name]) for name in stored.files})
        flat = [p for p in self.net.parameters() if p.ndim <= 1]
        wide = [p for p in self.net.parameters() if p.ndim > 1]
        groups = [{"params": wide, "weight_decay": said["weight_decay"]}, {"params": flat, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=said["rates"][0], fused=True)
        self.loss = NTXentLoss(temperature=said["tau"])
        self.step = 0

    def batches(self, steps: int) -> list[list[int]]:
        """Which images the next batches hold: every one once an epoch."""
        size, n = self.said["batch"], len(self.data)
        found = []
        for step in range(self.step, self.step + steps):
            epoch, at = divmod(step, n // size)
            order = np.random.default_rng([self.said["seed"], epoch]).permutation(n)
            found.append(order[at * size : (at + 1) * size].tolist())
        return found

    def learn(self, steps: int) -> dict[str, float]:
        """Seconds on the clock, and of all processors, for the next steps; loader processes start, work ahead and end within the clock."""
        clock, own, children = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_CHILDREN)
        loader = DataLoader(self.data, batch_sampler=self.batches(steps), num_workers=self.said["workers"])
        self.net.train()
        last = torch.tensor(0.0)
        for first, second in loader:
            for group in self.optimiser.param_groups:
                group["lr"] = self.said["rates"][self.step]
            last = self.loss(self.net(first), self.net(second))
            self.optimiser.zero_grad(set_to_none=True)
            last.backward()
            self.optimiser.step()
            self.step += 1
        clock, own = time.perf_counter() - clock, time.process_time() - own
        del loader
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        theirs = ended.ru_utime + ended.ru_stime - children.ru_utime - children.ru_stime
        return {"seconds": clock, "processor": own + theirs, "loss": float(last.detach())}

    def codes(self, path: str) -> dict[str, str]:
        self.net.eval()
        with torch.no_grad():
            z = [self.net.encode(x.float() * (2 / 255) - 1) for x in self.raw.split(CODED)]
        np.save(path, torch.cat(z).numpy())
        return {"path": path}


def main() -> None:
    warnings.simplefilter("ignore")
    folder = Path(sys.argv[1])
    peer = Peer(folder, json.loads((folder / "said.json").read_text()))
    versions = {name: version(name) for name in ("lightly", "torch", "torchvision", "pillow")}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may write where the answers go
    print(json.dumps({"way": peer.way, "microseconds a view": peer.microseconds, "versions": versions}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        answer = peer.learn(asked["learn"]) if "learn" in asked else peer.codes(asked["codes"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
