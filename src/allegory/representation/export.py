"""One ONNX file that takes observations as stored and gives codes: intake, net and method in one graph, checked before it is written."""

import copy
import io
import logging
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from allegory.core import Array, Parts, Problem, Spec, Tree, needs, tree
from allegory.core.files import atomic_write
from allegory.data import Intake
from allegory.representation.representation import Representation
from allegory.representation.rest import at_rest

SIZES = (1, 3, 7)
TOLERANCE = 1e-4


class Encoder(nn.Module):
    """From raw tensors, one for each part of the observation in the order of the spec, to the code."""

    def __init__(self, rep: Representation, dtype: torch.dtype):
        super().__init__()
        self.method, self.dtype = rep.method, dtype
        self.net, self.intake = copy.deepcopy(rep.net).cpu(), copy.deepcopy(rep.intake).cpu()

    def forward(self, *raw: Tensor) -> Tensor:
        names = _names(self.intake.raw)
        x = dict(zip(names, raw, strict=True)) if isinstance(self.intake.raw, Parts) else raw[0]
        z: Tensor = self.method.encode(self.net, tree.to(self.intake(x), "cpu", self.dtype))  # type: ignore[attr-defined]
        return z.float()


def export(rep: Representation, path: Path | str) -> float:
    """Writes `path` and gives the greatest difference from `encode` that was found, relative to the size of the codes.

    Inputs are "x" (or the names of the parts), uint8 for images of 256 levels or fewer and float32 otherwise, with a free batch axis;
    the output is "code", (b, z) float32. Needs the extra "export". Raises `Problem` when the method does not translate, or when
    onnxruntime's codes differ from ours by more than 1e-4.
    """
    if "encode" not in rep.can():
        raise Problem(f"{type(rep.method).__name__} gives no codes, so there is nothing to export")
    encoder = Encoder(rep, rep.dtype)
    with at_rest(encoder):
        content = _translated(encoder, rep.intake)
    error = max(_difference(rep, content, n) for n in SIZES)
    if not error <= TOLERANCE:
        raise Problem(f"the exported graph's codes differ from ours by {error:.1g} (allowed {TOLERANCE:g}); nothing was written")
    atomic_write(path, content)
    return error


def _translated(encoder: Encoder, intake: Intake) -> bytes:
    """The graph as bytes. torch's exporter talks a lot; what it says is kept for the error."""
    try:
        import onnx  # noqa: F401 - asked for by name, so that the error can name it
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as e:
        raise needs("export", e.name or "onnx", "ONNX export") from e
    names, example = _names(intake.raw), tuple(torch.as_tensor(x) for x in _examples(intake, 2))
    said, level = io.StringIO(), logging.root.manager.disable
    try:
        logging.disable(logging.WARNING)
        with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
            warnings.simplefilter("ignore")
            shapes = (tuple({0: torch.export.Dim("b")} for _ in names),)
            program = torch.onnx.export(encoder, example, input_names=names, output_names=["code"], dynamic_shapes=shapes, dynamo=True)
        assert program is not None
        content: bytes = program.model_proto.SerializeToString()
    except Exception as e:
        raise Problem(f"{type(encoder.method).__name__} does not translate to ONNX: {str(e).splitlines()[0]}") from e
    finally:
        logging.disable(level)
    return content


def _difference(rep: Representation, content: bytes, n: int) -> float:
    """The greatest difference of codes on `n` random observations, relative to the greatest code."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    raw = _examples(rep.intake, n)
    got = session.run(["code"], dict(zip(_names(rep.intake.raw), raw, strict=True)))[0]
    expected = rep.encode(dict(zip(_names(rep.intake.raw), raw, strict=True)) if isinstance(rep.intake.raw, Parts) else raw[0])
    return float(np.abs(got - expected).max() / max(1.0, np.abs(expected).max()))


def _names(spec: Spec) -> list[str]:
    return [name for name, _ in spec.parts] if isinstance(spec, Parts) else ["x"]


def _examples(intake: Intake, n: int) -> list[np.ndarray]:
    """`n` random observations as stored, one array a part."""
    random = np.random.default_rng(n)
    parts = intake.raw.parts if isinstance(intake.raw, Parts) else (("", intake.raw),)
    return [_example(intake, name, spec, n, random) for name, spec in parts]


def _example(intake: Intake, name: str, spec: Spec, n: int, random: np.random.Generator) -> np.ndarray:
    assert isinstance(spec, Array)
    if spec.is_image and spec.levels:
        return random.integers(0, spec.levels, (n, *spec.shape)).astype(np.uint8 if spec.levels <= 256 else np.float32)
    if spec.is_image:
        return random.uniform(*intake.ranges.get(name, (-1.0, 1.0)), (n, *spec.shape)).astype(np.float32)
    return _like_training(intake.rules[f"at_{name}"], spec, random.normal(size=(n, *spec.shape)), random)


def _like_training(rule: Any, spec: Array, x: Tree, random: np.random.Generator) -> np.ndarray:
    """Vectors on the scale that the intake learned; category codes among those it knows, and -1."""
    if hasattr(rule, "columns"):
        x[:, rule.numbers] = x[:, rule.numbers] * rule.standardise.scale.numpy() + rule.standardise.mean.numpy()
        for i in rule.categories:
            x[:, i] = random.integers(-1, max(1, len(rule.columns[i].categories)), len(x))
    else:
        shape = (-1, 1) if spec.is_series else spec.shape
        x = x * rule.scale.cpu().numpy().reshape(shape) + rule.mean.cpu().numpy().reshape(shape)
    return x.astype(np.float32)
