"""`allegory VERB ...`: finds the verb, reads its flags, and turns every error into one line and an exit code.

0 done; 1 an error in the data or the run; 2 wrong usage; 130 stopped by Ctrl-C.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from allegory import __version__
from allegory.cli.help import overview, page

VERBS = {
    "learn": "Learn a representation, judge it, and write a report.",
    "evaluate": "Ask questions of a representation that was learned.",
    "adapt": "Make a model that labels, from a run and some labels.",
    "predict": "Label a pile of items, the least sure first.",
    "impute": "Fill in what is missing in a table or array.",
    "embed": "Write the codes of data to a file.",
    "compare": "One table and one page for several runs.",
    "study": "Train a grid of methods, and see which scores go together.",
    "methods": "List the methods by taxonomy.",
    "questions": "List what can be asked of a representation.",
    "show": "Explain a method, a question or a run.",
    "check": "Run the contract every method must keep.",
    "bench": "Measure what methods claim, and write it down.",
    "export": "Write an encoder as one ONNX file.",
}
INTRODUCTION = """Learns representations from data without labels, and tells you honestly whether they are any good.

  allegory learn digits                       a first try, about a minute
  allegory learn photos/ --budget 10m         a folder of images
  allegory learn table.csv --labels species   a table, with a column to judge by
  allegory methods                            what there is to choose from

Each command explains itself: allegory learn --help. Errors in full: --debug."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    debug = bool(os.environ.get("ALLEGORY_DEBUG"))
    if "--debug" in tokens:
        tokens.remove("--debug")
        debug = True
    try:
        return run(tokens)
    except KeyboardInterrupt:
        return _failed("stopped", 130, debug)
    except BrokenPipeError:  # the reader of our output went away: `allegory methods | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:
        said = " ".join(str(e).split())
        if type(e).__module__.startswith("cyclopts"):
            return _failed(said, 2, debug)
        code = getattr(type(e), "code", None)  # core.Problem and its kin, which are not imported here: torch comes with them
        if isinstance(code, int):
            return _failed(said, code, debug)
        return _failed(f"{type(e).__name__}: {said} (a bug, or data nobody foresaw; --debug shows where)", 1, debug)


def run(tokens: list[str]) -> int:
    """Runs one command; errors are raised."""
    verb, rest = (tokens[0], tokens[1:]) if tokens else ("help", [])
    if verb in ("help", "--help", "-h"):
        print(overview(INTRODUCTION, VERBS))
        return 0
    if verb == "--version":
        print(__version__)
        return 0
    if verb not in VERBS:
        raise _unknown(verb, list(VERBS), "command")
    module = importlib.import_module(f"allegory.cli.{verb}")
    command = module.prepared(rest) if hasattr(module, "prepared") else module.run
    if "--help" in rest or "-h" in rest:
        print(page(verb, module.__doc__ or "", command))
        return 0
    return _called(command, rest)


def _called(command: Callable[..., int], tokens: list[str]) -> int:
    """`command` with what the tokens say."""
    from cyclopts import App

    from allegory.cli.flags import normalised

    app = App(
        default_command=command, result_action="return_value", exit_on_error=False, print_error=False,
        help_flags=(), version_flags=(), suppress_keyboard_interrupt=False,
    )  # fmt: skip
    code: int = app(normalised(tokens, app))
    return code


def _unknown(name: str, known: list[str], what: str) -> Exception:
    from allegory.core import nearest

    return nearest(name, known, what)


def _failed(text: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"error: {text}\n")
    return code
