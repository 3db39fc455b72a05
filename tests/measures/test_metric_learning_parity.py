"""What pytorch-metric-learning, torchmetrics, prdc and scikit-learn gave for the same numbers (benchmarks/parity/metric_learning.json)."""

import json
from pathlib import Path

import pytest
import torch

from allegory.measures import clustering, samples
from allegory.measures.retrieval import precision_at_1, retrieval

GOLDEN = json.loads((Path(__file__).parents[2] / "benchmarks" / "parity" / "metric_learning.json").read_text())
GAVE, INPUTS = GOLDEN["outputs"], {name: torch.tensor(values) for name, values in GOLDEN["inputs"].items()}


def test_retrieval():
    z, y = INPUTS["z"].double(), INPUTS["y"]
    got = retrieval(z, y)
    assert float(got.first.nanmean()) == pytest.approx(GAVE["precision_at_1"], abs=1e-12)
    assert float(precision_at_1(z, y).nanmean()) == pytest.approx(GAVE["precision_at_1"], abs=1e-12)
    assert float(got.r_precision.nanmean()) == pytest.approx(GAVE["r_precision"], abs=1e-12)
    assert float(got.map_at_r.nanmean()) == pytest.approx(GAVE["mean_average_precision_at_r"], abs=1e-7)  # precisions are float32 here


def test_clustering():
    y, clusters = INPUTS["y"], INPUTS["clusters"]
    assert clustering.nmi(y, clusters) == pytest.approx(GAVE["nmi"], rel=1e-12)
    assert clustering.ami(y, clusters) == pytest.approx(GAVE["ami"], rel=1e-10)
    assert clustering.nmi(y, clusters) == pytest.approx(GAVE["torchmetrics_nmi"], rel=1e-5)  # it computes in float32
    assert clustering.ami(y, clusters) == pytest.approx(GAVE["torchmetrics_ami"], rel=1e-4)
    (_, wrong), (missed, right) = GAVE["pair_confusion"]
    assert clustering.pairwise_f1(y, clusters) == pytest.approx(2 * right / (2 * right + wrong + missed), rel=1e-12)


def test_samples():
    real, fake = INPUTS["z"].double(), INPUTS["fake"].double()
    assert float(samples.covered(real, fake).double().mean()) == pytest.approx(GAVE["precision"], rel=1e-12)
    assert float(samples.covered(fake, real).double().mean()) == pytest.approx(GAVE["recall"], rel=1e-12)
