"""The table of nats, from rows of the ledger."""

from allegory import methods
from allegory.pages.nats import nats_page


def row(method, seconds=60.0, **nats):
    told = {"fields": {"latent": 50}, "steps": 45_000, "batch": 128, "seconds": seconds, "minutes": 20, "peak_memory_bytes": 2**20}
    return {"method": method, "data": "mnist", "nats": nats, **told}


def test_the_fewest_nats_come_first_and_the_newest_row_counts():
    ledger = [
        row("VAE", **{"lower bound": [-99.0, 0.5]}),
        row("GatedPixelCNN", exact=[-85.25, 0.4]),
        row("VAE", seconds=720.0, **{"lower bound": [-94.5, 0.5], "estimate": [-90.25, 1.4]}),
        {"method": "VAE", "data": "mnist", "question": "knn", "metric": "accuracy", "value": 0.9},
        row("Unknown", exact=[-1.0, 0.1]),
    ]
    page = nats_page("MNIST", "Digits.", "mnist", methods.classes(), ledger)
    lines = [line for line in page.splitlines() if line.startswith("| [")]
    assert [line.split("]")[0] for line in lines] == ["| [GatedPixelCNN", "| [VAE"]
    assert "85.25 ± 0.40 (exact)" in lines[0]
    assert "94.50 ± 0.50 (lower bound) | 90.25 ± 1.40 | latent 50 | 45,000 x 128 | 12.0 | 20 | 1 |" in lines[1]
