"""Runs lightly's losses once on small inputs and keeps what they gave, values and gradients.

    python -P benchmarks/parity/lightly.py > benchmarks/parity/lightly.json

Needs lightly; -P, or the script would import itself under that name. tests/objectives/test_lightly_parity.py reads the file and needs
only torch. Every loss is computed in float64; its value and its gradients by its arguments (rounded to 6 digits) stand under one name.
`inputs` holds the tensors by the names used here, `settings` the arguments a loss was given.
"""

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from lightly import loss as losses
from lightly.loss.hypersphere_loss import HypersphereLoss
from lightly.loss.msn_loss import sinkhorn as msn_sinkhorn
from lightly.loss.swav_loss import sinkhorn
from lightly.loss.vicreg_loss import covariance_loss, invariance_loss, variance_loss
from lightly.models.utils import get_2d_sine_cosine_positional_embedding, patchify, update_momentum
from torch import Tensor, nn

PEERS = ("lightly", "torch", "numpy")
SETTINGS: dict[str, dict[str, Any]] = {
    "nt_xent": {"temperature": 0.4}, "nt_xent_bank": {"temperature": 0.2}, "dcl": {"temperature": 0.3},
    "dclw": {"temperature": 0.3, "sigma": 0.5}, "barlow_twins": {"lambda_param": 0.02},
    "vicreg": {"lambda_param": 25.0, "mu_param": 20.0, "nu_param": 2.0, "eps": 1e-4}, "tico": {"beta": 0.9, "rho": 8.0},
    "align_uniform": {"t": 2.0, "lam": 0.7, "alpha": 2.0}, "mmcr": {"lmda": 0.005}, "koleo": {},
    "swav": {"temperature": 0.1, "sinkhorn_iterations": 3, "sinkhorn_epsilon": 0.05},
    "dino": {"teacher_temp": 0.06, "student_temp": 0.15, "center_momentum": 0.9},
    "ibot": {"teacher_temp": 0.06, "student_temp": 0.15, "center_momentum": 0.9},
    "msn": {"temperature": 0.1, "sinkhorn_iterations": 0, "regularization_weight": 1.3},
    "msn_sinkhorn": {"temperature": 0.1, "sinkhorn_iterations": 3, "regularization_weight": 1.3},
    "pmsn": {"temperature": 0.1, "sinkhorn_iterations": 0, "regularization_weight": 1.3, "power_law_exponent": 0.25},
}  # fmt: skip


def inputs() -> dict[str, Tensor]:
    """Codes of two views (a, b), scores of 5 prototypes for four crops, the centre, the queue, the prototypes and an image."""
    rng = np.random.default_rng(2021)
    drawn = {"a": (6, 4), "b": (6, 4), "bank": (7, 4), "prototypes": (5, 4), "centre": (5,), "image": (1, 3, 4, 4)}
    drawn |= dict.fromkeys(("crop0", "crop1", "crop2", "crop3", "teacher0", "teacher1", "queue0", "queue1"), (4, 5))
    made = {name: np.round(rng.normal(size=shape), 3) for name, shape in drawn.items()}
    made["b"] = np.round(0.7 * made["a"] + 0.6 * made["b"], 3)  # positives are alike
    for name in made:
        if name.startswith(("crop", "queue")):
            made[name] = np.round(np.tanh(made[name]) * 0.9, 3)  # scores of SwAV are cosines
    return {name: torch.tensor(values, dtype=torch.float64) for name, values in made.items()}


def value_and_gradients(loss: Callable[..., Tensor], *given: Tensor) -> dict[str, Any]:
    leaves = [each.clone().requires_grad_() for each in given]
    value = loss(*leaves)
    gradients = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
    return {"value": float(value.detach()), "gradients": [None if g is None else nested(g) for g in gradients]}


def nested(values: Tensor) -> Any:
    return json.loads(json.dumps(values.detach().tolist()), parse_float=lambda text: float(f"{float(text):.6g}"))


def of_two_codes(x: dict[str, Tensor]) -> dict[str, Any]:
    a, b = x["a"], x["b"]
    gave = {
        "nt_xent": value_and_gradients(losses.NTXentLoss(**SETTINGS["nt_xent"]), a, b),
        "cosine": value_and_gradients(losses.NegativeCosineSimilarity(), a, b),
        "dcl": value_and_gradients(losses.DCLLoss(**SETTINGS["dcl"]), a, b),
        "dclw": value_and_gradients(losses.DCLWLoss(**SETTINGS["dclw"]), a, b),
        "barlow_twins": value_and_gradients(losses.BarlowTwinsLoss(**SETTINGS["barlow_twins"]), a, b),
        "vicreg": value_and_gradients(losses.VICRegLoss(**SETTINGS["vicreg"]), a, b),
        "vicreg_invariance": value_and_gradients(invariance_loss, a, b),
        "vicreg_variance": value_and_gradients(variance_loss, a),
        "vicreg_covariance": value_and_gradients(covariance_loss, a),
        "align_uniform": value_and_gradients(HypersphereLoss(**SETTINGS["align_uniform"]), a, b),
        "mmcr": value_and_gradients(
            lambda p, q: losses.MMCRLoss(**SETTINGS["mmcr"])(*(torch.nn.functional.normalize(v, dim=1)[:, None] for v in (p, q))), a, b
        ),
        "koleo": value_and_gradients(losses.KoLeoLoss(), a),
    }
    with_bank = losses.NTXentLoss(memory_bank_size=(7, 4), **SETTINGS["nt_xent_bank"]).double()
    with_bank.memory_bank.bank = torch.nn.functional.normalize(x["bank"], dim=1)
    with_bank.memory_bank.bank_ptr.fill_(4)
    gave["nt_xent_bank"] = value_and_gradients(with_bank, a, b)
    gave["bank_after"] = nested(with_bank.memory_bank.bank)  # pointer at 4 of 7: the last 3 rows are the first 3 of b, normalised
    tico = losses.TiCoLoss(**SETTINGS["tico"])
    gave["tico_first"] = value_and_gradients(tico, a, b)
    gave["tico_second"] = value_and_gradients(tico, b, a)  # the covariance of the first call has moved
    gave["tico_covariance"] = nested(tico.C)
    return gave


def of_prototypes(x: dict[str, Tensor]) -> dict[str, Any]:
    crops, queues, centre = [x[f"crop{i}"] for i in range(4)], [x["queue0"], x["queue1"]], x["centre"]
    swav = losses.SwaVLoss(**SETTINGS["swav"])
    gave: dict[str, Any] = {
        "sinkhorn": nested(sinkhorn(x["crop0"], iterations=3, epsilon=0.05)),
        "sinkhorn_one": nested(sinkhorn(x["crop0"], iterations=1, epsilon=0.2)),
        "sinkhorn_settled": nested(sinkhorn(x["crop0"], iterations=500, epsilon=0.2)),
        "msn_sinkhorn_3": nested(msn_sinkhorn(torch.softmax(x["crop0"] / 0.1, 1), iterations=3)),
        "swav": value_and_gradients(lambda *s: swav(s[:2], s[2:]), *crops),
        "swav_two_crops": value_and_gradients(lambda *s: swav(s, []), *crops[:2]),
        "swav_queue": value_and_gradients(lambda *s: swav(s[:2], s[2:], queues), *crops),
    }
    for name, students in (("dino", crops[:2]), ("dino_multi_crop", crops)):
        dino = losses.DINOLoss(5, **SETTINGS["dino"]).double()
        dino.center.copy_(centre)
        gave[name] = value_and_gradients(lambda *s, dino=dino: dino([x["teacher0"], x["teacher1"]], list(s)), *students)
        gave["dino_centre_after"] = nested(dino.center.flatten())
    ibot = losses.IBOTPatchLoss(5, **SETTINGS["ibot"]).double()
    ibot.center.center.copy_(centre)
    mask = torch.tensor([[[1, 0, 0], [0, 0, 0]], [[1, 1, 0], [1, 0, 0]]], dtype=torch.bool)  # 1 token of the first image, 3 of the second
    gave["ibot"] = value_and_gradients(lambda s: ibot(x["teacher0"], s, mask), x["crop0"])
    for name, kind in (("msn", losses.MSNLoss), ("msn_sinkhorn", losses.MSNLoss), ("pmsn", losses.PMSNLoss)):
        anchors = torch.cat([x["a"], x["b"]])  # two views of 6 images, view by view, against one target each
        gave[name] = value_and_gradients(lambda p, c, name=name, kind=kind: kind(**SETTINGS[name])(p, x["b"], c), anchors, x["prototypes"])
    return gave


def of_modules(x: dict[str, Tensor]) -> dict[str, Any]:
    student, teacher = nn.Linear(4, 2).double(), nn.Linear(4, 2).double()
    with torch.no_grad():
        student.weight.copy_(x["a"][:2]), student.bias.copy_(x["a"][2, :2])
        teacher.weight.copy_(x["b"][:2]), teacher.bias.copy_(x["b"][2, :2])
    update_momentum(student, teacher, 0.9)
    return {
        "momentum_weight": nested(teacher.weight),
        "patchify": nested(patchify(x["image"], 2)),
        "sincos_2d": nested(torch.tensor(get_2d_sine_cosine_positional_embedding(embed_dim=8, grid_size=2, cls_token=False))),
    }


def main() -> None:
    torch.manual_seed(0)
    x = inputs()
    kept = {
        "command": "python -P benchmarks/parity/lightly.py > benchmarks/parity/lightly.json",
        "versions": {"python": sys.version.split()[0], **{name: version(name) for name in PEERS}},
        "settings": SETTINGS,
        "inputs": {name: values.tolist() for name, values in x.items()},
        "outputs": of_two_codes(x) | of_prototypes(x) | of_modules(x),
    }
    print(json.dumps(kept, separators=(",", ":")))


if __name__ == "__main__":
    main()
