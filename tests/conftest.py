"""One torch thread, and shapes checked at run time in the parts that are mathematics."""

import helpers.typed  # noqa: F401  (the hook finds the checker by its name)
import torch
from jaxtyping import install_import_hook

TYPED = ("core", "objectives", "measures", "nets", "methods")

torch.set_num_threads(1)
install_import_hook([f"allegory.{part}" for part in TYPED], "helpers.typed.typed")
