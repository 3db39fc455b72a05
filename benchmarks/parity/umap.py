"""What umap-learn makes of 40 digits: the graph of memberships and the curve, for tests/measures and tests/objectives.

    python -P benchmarks/parity/umap.py > benchmarks/parity/umap.json

Needs umap-learn; -P, or the script would import itself under that name.
"""

import json
import sys

import numpy as np
import umap
from sklearn.datasets import load_digits

ITEMS, NEIGHBOURS, DISTS = 40, 7, (0.0, 0.1, 0.5)

x = load_digits().data[:ITEMS].astype(np.float32)
graph, _, _ = umap.umap_.fuzzy_simplicial_set(x, NEIGHBOURS, np.random.RandomState(0), "euclidean")
edges = graph.tocoo()
told = {
    "command": "python -P benchmarks/parity/umap.py", "umap-learn": umap.__version__, "items": ITEMS, "neighbours": NEIGHBOURS,
    "edges": [[int(i), int(j), round(float(w), 7)] for i, j, w in sorted(zip(edges.row, edges.col, edges.data, strict=True))],
    "curves": {str(d): [float(v) for v in umap.umap_.find_ab_params(1.0, d)] for d in DISTS},
}  # fmt: skip
json.dump(told, sys.stdout)
