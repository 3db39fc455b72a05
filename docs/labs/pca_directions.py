"""Writes docs/labs/pca_directions.md and its pictures: why the axes of a VAE are not arbitrary, and what they follow.

python docs/labs/pca_directions.py     five minutes on one core; the words are in pca_directions.txt
"""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

import allegory as al
from allegory.core import Optim, files
from allegory.methods.latent.autoencoder import Autoencoder
from allegory.methods.latent.beta_vae import BetaVAE
from allegory.methods.latent.vae import VAE
from allegory.methods.spectral.pca import PCA
from allegory.pages import drawings, plots
from allegory.train import Settings

HERE = Path(__file__).resolve().parent
SEEDS = range(3)
LATENT, D, N = 3, 8, 2000
BETAS = (0.5, 1.0, 2.0, 4.0)
ITEMS, TURNS = 64, 20
LINEAR: dict[str, Any] = {"latent": LATENT, "encoder": "linear", "decoder": "linear"}


def gaussian() -> Float[np.ndarray, "n d"]:
    """Gaussian rows with three directions of different variance above the noise."""
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(D, D)))[0]
    return np.asarray(rng.normal(size=(N, D)) * [4.0, 2.0, 1.0, 0.4, 0.4, 0.4, 0.4, 0.4] @ axes.T)


def rotation(k: int, rng: np.random.Generator) -> Float[np.ndarray, "k k"]:
    """A random one."""
    return np.asarray(np.linalg.qr(rng.normal(size=(k, k)))[0])


def degrees_off(columns: Float[np.ndarray, "d k"], components: Float[np.ndarray, "k d"]) -> float:
    """The mean angle between a column and the principal component nearest to it."""
    unit = columns / np.linalg.norm(columns, axis=0)
    nearest = np.abs(components @ unit).max(0)
    return float(np.degrees(np.arccos(np.clip(nearest, 0, 1))).mean())


def linear_axes() -> dict[str, list[float]]:
    """For each seed, how far the decoder's columns are from principal components: VAE, autoencoder, and the VAE turned."""
    x = gaussian()
    components = al.learn(x, PCA(latent=LATENT), all_items=True).net.W.numpy()
    found: dict[str, list[float]] = {"VAE": [], "autoencoder": [], "VAE, turned": []}
    for seed in SEEDS:
        settings = Settings(steps=6000, batch=500, optim=Optim(lr=1e-2, weight_decay=0.0), seed=seed)
        vae, ae = (al.learn(x, method, settings=settings, all_items=True) for method in (VAE(**LINEAR), Autoencoder(**LINEAR)))
        columns = [rep.net.decoder.layer.weight.detach().numpy() for rep in (vae, ae)]
        turned = columns[0] @ rotation(LATENT, np.random.default_rng(seed))
        for name, these in zip(found, (*columns, turned), strict=True):
            found[name].append(degrees_off(these, components))
    return found


def jacobians(rep: Any, z: Float[Tensor, "n z"]) -> Float[np.ndarray, "n d z"]:
    """The decoder's Jacobian at each code."""
    return np.stack([torch.autograd.functional.jacobian(lambda c: rep.method.decode(rep.net, c[None]).flatten(), row).numpy() for row in z])


def mean_cosine(J: Float[np.ndarray, "n d k"]) -> float:
    """|cos| of the angle between two columns, averaged over pairs and items."""
    unit = J / np.maximum(np.linalg.norm(J, axis=1, keepdims=True), 1e-12)
    pairs = itertools.combinations(range(J.shape[2]), 2)
    return float(np.mean([np.abs((unit[:, :, i] * unit[:, :, j]).sum(1)).mean() for i, j in pairs]))


def curved_axes() -> list[tuple[float, int, float, float]]:
    """For each beta on digits: latents in use, mean |cos| of the Jacobian's columns, and the same with the code turned."""
    x, rows = al.load("digits"), []
    for beta in BETAS:
        rep = al.learn(x, BetaVAE(beta=beta, encoder="mlp-plain", decoder="mlp"), steps=800, seed=0)
        test = x.subset(x.part("test")[:ITEMS])
        used = (rep.codes(test, ("kl",))["kl"].values.mean(0) > 0.05).numpy()
        J = jacobians(rep, torch.as_tensor(rep.encode(test)))[:, :, used]
        rng = np.random.default_rng(0)
        turned = float(np.mean([mean_cosine(J @ rotation(J.shape[2], rng)) for _ in range(TURNS)]))
        rows.append((beta, int(used.sum()), mean_cosine(J), turned))
    return rows


def pictures(linear: dict[str, list[float]], curved: list[tuple[float, int, float, float]]) -> dict[str, str]:
    """By name."""
    looks = {"VAE": ("own", "circle"), "autoencoder": ("raw", "square"), "VAE, turned": ("untrained", "triangle")}
    seeds = [plots.Series(n, looks[n][0], tuple((float(s), v) for s, v in enumerate(vs)), mark=looks[n][1]) for n, vs in linear.items()]
    across = plots.Axis(-0.3, len(SEEDS) - 0.7, tuple((float(s), str(s)) for s in SEEDS), "training seed")
    angle = plots.Axis(0.0, 50.0, tuple((float(t), str(t)) for t in range(0, 51, 10)))
    named = (("the VAE's own axes", "own", "circle", 2), ("the same, turned at random", "untrained", "triangle", 3))
    betas = [plots.Series(n, css, tuple((float(i), row[k]) for i, row in enumerate(curved)), mark=m) for n, css, m, k in named]
    by_beta = plots.Axis(-0.3, len(BETAS) - 0.7, tuple((float(i), f"{b:g}") for i, b in enumerate(BETAS)), "beta")
    cosine = plots.Axis(0.0, 0.4, tuple((t / 10, f"{t / 10:g}") for t in range(5)))
    return {
        "pca_directions_linear": drawings.drawing(seeds, across, angle, "Degrees from the nearest principal component, for three seeds"),
        "pca_directions_curved": drawings.drawing(betas, by_beta, cosine, "Mean |cos| between two columns of the decoder's Jacobian"),
    }


def page(linear: dict[str, list[float]], curved: list[tuple[float, int, float, float]]) -> str:
    """The Markdown."""
    table = ["| beta | latents in use | mean cosine | turned at random |", "|---|---|---|---|"]
    table += [f"| {beta:g} | {used} | {own:.2f} | {turned:.2f} |" for beta, used, own, turned in curved]
    mean = {name: f"{np.mean(values):.1f}" for name, values in linear.items()}
    return (
        (HERE / "pca_directions.txt")
        .read_text()
        .format(
            table="\n".join(table), vae=mean["VAE"], ae=mean["autoencoder"], turned=mean["VAE, turned"], d=D, k=LATENT, seeds=len(SEEDS)
        )
    )


def main() -> None:
    linear, curved = linear_axes(), curved_axes()
    for name, text in pictures(linear, curved).items():
        files.atomic_write(HERE / "images" / f"{name}.svg", text)
    files.atomic_write(HERE / "pca_directions.md", page(linear, curved))


if __name__ == "__main__":
    main()
