"""The command line. Thin: flags come from dataclasses, work is done by `allegory.api`. Nothing here imports torch before it must."""

from allegory.cli.main import main

__all__ = ["main"]
