"""Writes a run's encoder as one ONNX file: observations as stored in, codes out; checked against our own codes first.

  allegory export runs/photos --out encoder.onnx

Anything that reads ONNX can run it, with batches of any size. Needs pip install "allegory[export]".
"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from allegory.cli.told import Json, Overwrite, RunFolder


def run(
    run: RunFolder,
    /,
    *,
    out: Annotated[str, Parameter(help="a file that ends in .onnx")],
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Translates, checks and writes."""
    from allegory.cli import judge, opened
    from allegory.core import Misuse
    from allegory.representation.export import export

    if Path(out).suffix != ".onnx":
        raise Misuse(f"expected a file that ends in .onnx, got {Path(out).name!r}")
    opened.free(out, overwrite)
    error = export(opened.representation(run), out)
    if json:
        judge.show_json({"run": run, "file": out, "largest_difference": error})
    else:
        print(f"encoder: {out} (codes agree to {error:.1g} of their size)")
    return 0
