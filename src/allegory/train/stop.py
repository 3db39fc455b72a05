"""Ctrl-C once: finish the step, save, say how to go on. Twice: stop at once."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from allegory.core import Problem


class Interrupted(Problem):
    """The person asked to stop; the state of the last finished step is kept."""

    code = 130


@dataclass
class Wish:
    """Whether somebody asked to stop."""

    asked: bool = False


@contextlib.contextmanager
def on_request() -> Iterator[Wish]:
    """Within the block, the first Ctrl-C (or SIGTERM) is written down, not raised; the second acts as usual."""
    wish = Wish()
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def note(number: int, frame: FrameType | None) -> None:
        if wish.asked:
            raise KeyboardInterrupt
        del number, frame
        wish.asked = True

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wish
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
