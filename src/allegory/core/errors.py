"""Errors a person can act on: one line that says what was expected, what came, and what to do."""


class Problem(ValueError):
    """An error in the data or the run (exit code 1). Its text is shown as it stands, without a traceback."""

    code = 1


class Misuse(Problem):
    """A wrong argument, name or combination of settings (exit code 2)."""

    code = 2


def key(name: str) -> str:
    """The form in which names are compared: without case, "_" and "-"."""
    return name.lower().replace("_", "").replace("-", "")


def nearest(name: str, known: list[str], what: str) -> Misuse:
    """The error for an unknown name: it lists the nearest known ones, the nearest first."""
    import difflib

    close = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=3, cutoff=0.4)
    near = [k for c in close for k in known if k.lower() == c] or sorted(known)[:8]
    return Misuse(f"unknown {what} {name!r}. Did you mean {', '.join(near)}?")


def needs(extra: str, package: str, what: str) -> Problem:
    """The error for a feature whose optional package is missing."""
    return Problem(f'{what} needs the package {package}. Install it with: pip install "allegory[{extra}]"')
