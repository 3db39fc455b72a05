"""The contract as a list of checks, and what came of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from allegory.checks import codes, form, laws, learning, players, processes, purity
from allegory.checks.trial import Breach, tiny
from allegory.core import Method, Trained

Check = Callable[[Any], None]

EVERY: tuple[Check, ...] = (
    form.check_value, form.check_constructor, form.check_card, form.check_docstring, form.check_json,
    purity.check_global_state, purity.check_seeds,
    codes.check_capabilities, codes.check_batch_mates, codes.check_effective_rank, codes.check_double, codes.check_saved,
)  # fmt: skip
LEARNERS: tuple[Check, ...] = (
    players.check_ownership, players.check_own_modules, players.check_micro_batches,
    purity.check_loss_pure, purity.check_batching, purity.check_resume, learning.check_falls, processes.check_processes,
)  # fmt: skip
CHECKS: tuple[Check, ...] = (*EVERY, purity.check_labels_unseen, *LEARNERS, laws.check_laws)


@dataclass(frozen=True)
class Result:
    """What came of one check; `guarantee` is what it promises, `text` why it failed."""

    check: str
    guarantee: str
    state: Literal["passed", "failed", "expected failure"]
    text: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.state != "failed"


def checks_for(method: type[Method[Any]] | Method[Any]) -> list[Check]:
    """The checks that say something about a method: those of learning for trained ones, of labels for those that may not see them."""
    cls = method if isinstance(method, type) else type(method)
    return [
        check
        for check in CHECKS
        if (check not in LEARNERS or issubclass(cls, Trained))
        and (check is not purity.check_labels_unseen or cls.card.supervision not in ("labels", "factors"))
        and (check is not laws.check_laws or cls.card.laws)
    ]


def run(check: Check, method: Method[Any]) -> Result:
    """One check of one method. An expected failure (`card.xfail`) that does not fail is a failure."""
    name, begun = check.__name__, time.perf_counter()
    guarantee = (check.__doc__ or "").split("\n")[0]
    excused, _, reason = method.card.xfail.partition(": ")
    try:
        check(method)
    except Exception as e:  # whatever a method's code raises is its failure
        text = str(e) if isinstance(e, Breach) else f"{type(e).__name__}: {e}"
        state: Literal["failed", "expected failure"] = "expected failure" if name == excused else "failed"
        return Result(name, guarantee, state, reason if name == excused else text, time.perf_counter() - begun)
    if name == excused:
        return Result(name, guarantee, "failed", f"it holds, though card.xfail says otherwise ({reason}). Take xfail from the card")
    return Result(name, guarantee, "passed", "", time.perf_counter() - begun)


def check(method: type[Method[Any]] | Method[Any]) -> list[Result]:
    """The whole contract on a method class (at its card's `tiny` size) or on an instance, in a few seconds. Raises nothing."""
    try:
        subject = tiny(method)
    except Exception as e:  # whatever a method's code raises is its failure
        return [Result("construction", "The method can be made.", "failed", f"{type(e).__name__}: {e}")]
    return [run(each, subject) for each in checks_for(subject)]


def check_method(method: type[Method[Any]] | Method[Any]) -> None:
    """Raises `Breach` with all that a method breaks, one line each; for a test in another package."""
    broken = [f"{r.check}: {r.text}" for r in check(method) if not r.ok]
    if broken:
        raise Breach("\n".join(broken))
