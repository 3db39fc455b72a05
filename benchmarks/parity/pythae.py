"""Runs the losses and the quantiser of pythae once on small inputs and keeps what they gave.

    python -P benchmarks/parity/pythae.py > benchmarks/parity/pythae.json

Needs pythae; -P, or the script would import itself under that name. tests/methods/latent/test_pythae_parity.py reads the file and needs
only torch. All in float64, but for `vq`, which pythae has in float32. `vae`: error and rate of pixels in black and white, and with the
squared error. `tc`: the total correlation by minibatch weighting, for 4 of 100 examples, out of two losses that differ in its price (not
by stratified weights: pythae has, as the authors' code, the weight of an example's own posterior in the first column, not on the
diagonal). `iwae`: the loss of 5 draws, which weighs log w by weights without a gradient, so that its gradient is the bound's and its value
is not; and its gradient by mu. `vq`: one step of a codebook of 4 that follows its vectors (decay .9).
"""

import json
import sys
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from pythae.models import IWAE, VAE, BetaTCVAE, BetaTCVAEConfig, IWAEConfig, VAEConfig
from pythae.models.vq_vae.vq_vae_utils import QuantizerEMA
from torch import Tensor

PEERS = ("pythae", "torch", "numpy")
B, D, Z, K, N = 4, 6, 3, 5, 100
CODES, DECAY = 4, 0.9
SHAPES = {"mu": (B, Z), "log_var": (B, Z), "eps": (B, Z), "eps_k": (B, K, Z), "vectors": (2, 2, 2, Z), "codes": (CODES, Z)}
SIZES: dict[str, Any] = {"input_dim": (D,), "latent_dim": Z}


def inputs() -> dict[str, Tensor]:
    rng = np.random.default_rng(2017)
    made = {name: np.round(rng.normal(size=shape), 3) for name, shape in SHAPES.items()}
    made |= {"x": np.round(rng.uniform(size=(B, D)), 3), "p": np.round(rng.uniform(0.05, 0.95, (B, D)), 3)}
    made |= {"p_k": np.round(rng.uniform(0.05, 0.95, (B, K, D)), 3), "counts": np.array([1.0, 2.0, 0.5, 3.0])}
    return {name: torch.tensor(values) for name, values in made.items()}


def z_of(x: dict[str, Tensor]) -> Tensor:
    return x["mu"] + (0.5 * x["log_var"]).exp() * x["eps"]


def of_vae(x: dict[str, Tensor]) -> dict[str, float]:
    found = {}
    for name in ("bce", "mse"):
        model = VAE(VAEConfig(**SIZES, reconstruction_loss=name))
        loss, error, rate = model.loss_function(x["p"], x["x"], x["mu"], x["log_var"], z_of(x))
        found |= {f"{name} loss": float(loss), f"{name} error": float(error), "rate": float(rate)}
    return found


def of_tc(x: dict[str, Tensor]) -> dict[str, float]:
    priced = []
    for beta in (1.0, 6.0):
        model = BetaTCVAE(BetaTCVAEConfig(**SIZES, alpha=1.0, beta=beta, gamma=1.0, use_mss=False))
        priced.append(model.loss_function(x["p"], x["x"], x["mu"], x["log_var"], z_of(x), N)[0])
    return {"tc": float(priced[1] - priced[0]) / 5.0}


def of_iwae(x: dict[str, Tensor]) -> dict[str, Any]:
    model = IWAE(IWAEConfig(**SIZES, reconstruction_loss="bce", number_samples=K))
    mu = x["mu"].clone().requires_grad_()
    many, log_var = (t[:, None].expand(-1, K, -1) for t in (mu, x["log_var"]))
    loss, _, _ = model.loss_function(x["p_k"], x["x"], many, log_var, many + (0.5 * log_var).exp() * x["eps_k"])
    loss.backward()
    assert mu.grad is not None
    return {"loss": float(loss.detach()), "gradient": mu.grad.tolist()}


def of_vq(x: dict[str, Tensor]) -> dict[str, Any]:
    """What it gives while it learns, and the codebook after it."""
    config = SimpleNamespace(embedding_dim=Z, num_embeddings=CODES, decay=DECAY, commitment_loss_factor=1.0)
    book = QuantizerEMA(config).train()
    x = {name: values.float() for name, values in x.items()}
    book.embeddings, book.ema_embed, book.cluster_size = x["codes"].clone(), x["codes"] * x["counts"][:, None], x["counts"].clone()
    out = book(x["vectors"])
    return {
        "index": out.quantized_indices.flatten().tolist(), "commitment": float(out.loss), "counts": book.cluster_size.tolist(),
        "codes": book.embeddings.tolist(),
    }  # fmt: skip


def main() -> None:
    torch.set_default_dtype(torch.float64)
    x = inputs()
    kept = {
        "command": "python -P benchmarks/parity/pythae.py > benchmarks/parity/pythae.json",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "settings": {"n": N, "k": K, "decay": DECAY},
        "inputs": {name: values.tolist() for name, values in x.items()},
        "outputs": {"vae": of_vae(x), "tc": of_tc(x), "iwae": of_iwae(x), "vq": of_vq(x)},
    }
    print(json.dumps(kept, separators=(",", ":")))


if __name__ == "__main__":
    main()
