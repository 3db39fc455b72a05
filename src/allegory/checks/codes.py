"""Checks of what a learned method can do: its codes, its capabilities, in a file and back."""

import tempfile
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from allegory import measures
from allegory.checks.trial import DATA, FEW, Breach, Learned, data, distance, expect, fitting, learn_on, learned, listed
from allegory.core import Code, Density, Dice, Method, Spectrum, can, capabilities, tree
from allegory.representation import Representation

SINGLE = 1e-5  # float32: a sum of some thousand products in another order
LEAST_RANK = 1.5
SOME = 5
BUDGETS = (0.0, 0.5, 2.0, 8.0, float("inf"))  # bits
DENSITIES = ("exact", "lower bound", "estimate")
CODE_KINDS = typing.get_args(typing.get_type_hints(Code)["kind"])


def check_batch_mates(method: Method[Any]) -> None:
    """What is said of an item (its code, density, classes) depends neither on its batch mates nor on their order (float32: 1e-5)."""
    done = learned(method)
    n = tree.length(done.x)
    backwards, halves = torch.arange(n - 1, -1, -1), (slice(0, n // 2), slice(n // 2, n))
    alone = [slice(i, i + 1) for i in range(SOME)]
    for name, f in _said_of_items(done).items():
        whole = f(slice(None))
        others = {
            "in another order": f(backwards)[backwards],
            "in halves": torch.cat([f(half) for half in halves]),
            "alone": torch.cat([f(one) for one in alone]),
        }
        for how, values in others.items():
            apart = distance(whole[: len(values)], values)
            expect(
                apart < SINGLE, f"the same `{name}` {how}", f"a difference of {apart:.1e}", f"use no statistics of the batch in `{name}`"
            )


def _said_of_items(done: Learned) -> dict[str, Callable[[Any], Tensor]]:
    """What the method says of the items at an index, by capability."""
    method, net = done.method, done.net
    every: dict[str, Callable[[Any, Dice], Tensor]] = {
        "encode": lambda x, _: method.encode(net, x),
        "predict": lambda x, _: method.predict(net, x),
        "log_density": lambda x, dice: method.log_density(net, x, dice).values,
    }
    dice = Dice.roll(0, 0, torch.arange(tree.length(done.x)))

    def of_items(f: Callable[[Any, Dice], Tensor]) -> Callable[[Any], Tensor]:
        return torch.no_grad()(lambda index: f(tree.take(done.x, index), dice.take(index)))

    return {name: of_items(f) for name, f in every.items() if name in can(method)}


def check_effective_rank(method: Method[Any]) -> None:
    """After the tiny training the codes use more than one direction: effective rank above 1.5, centred."""
    z = learned(method).codes
    rank = float(measures.effective_rank(z - z.mean(0)))
    expect(rank > LEAST_RANK, f"an effective rank above {LEAST_RANK}", f"{rank:.2f}", "look for a missing stop-gradient or dead units")


def check_double(method: Method[Any]) -> None:
    """Everything works in float64: learning, codes, and whatever else it can do; nothing falls back to float32."""
    done = learned(method, FEW, precision="float64")
    single = [name for name, t in done.net.state_dict().items() if t.dtype == torch.float32]
    expect(not single, "a net in float64", f"float32 in {listed(single)}", "make new tensors like old ones: x.new_zeros, .to(x)")
    outcomes = {"encode": done.codes} | {name: TRIALS[name](done) for name in can(done.method) if name in TRIALS}
    for name, outcome in outcomes.items():
        leaves = [leaf for leaf in tree.leaves(outcome) if isinstance(leaf, Tensor) and leaf.is_floating_point()]
        wrong = {str(leaf.dtype) for leaf in leaves if leaf.dtype != torch.float64}
        expect(not wrong, f"float64 from `{name}`", listed(wrong), "make new tensors like old ones: x.new_zeros, .to(x)")


def check_capabilities(method: Method[Any]) -> None:
    """What it can do has the declared shapes and finite values, on every kind of data that its card names."""
    expect("encode" in can(method), "a method that can encode", f"one that can {listed(can(method)) or 'nothing'}", "define `encode`")
    taken = [name for name in capabilities.RESERVED if hasattr(method, name)]
    expect(not taken, "no attribute with a reserved name", listed(taken), "rename it: the capability is still to be defined")
    for kind, source in DATA.items():
        if kind in method.card.specs:
            main = kind == next(k for k in DATA if k in method.card.specs)
            done = learned(method) if main else learn_on(fitting(method, source()), method, FEW)
            _check_codes_of(done)
            for name in can(done.method):
                if name in TRIALS:
                    TRIALS[name](done)


def _check_codes_of(done: Learned) -> None:
    z, n = done.codes, tree.length(done.x)
    expect(z.ndim == 2 and len(z) == n and z.shape[1] > 0, f"codes of shape ({n}, z)", tuple(z.shape), "flatten them to one row an item")
    expect(z.is_floating_point() and bool(z.isfinite().all()), "codes that are finite numbers", _content(z), "look at the loss for NaN")


def _try_decode(done: Learned) -> Any:
    with torch.no_grad():
        x = done.method.decode(done.net, done.codes[:SOME])
    return _observations(done, x, "decode")


def _try_sample(done: Learned) -> Any:
    dice = Dice.roll(0, 0, torch.arange(SOME))
    with torch.no_grad():
        x, again = (done.method.sample(done.net, SOME, dice) for _ in range(2))
    apart = max(distance(a, b) for a, b in zip(tree.leaves(x), tree.leaves(again), strict=True))
    expect(apart == 0.0, "the same samples from the same dice", f"a difference of {apart:.1e}", "draw from the dice only")
    alike = any(distance(leaf[0], leaf[1]) == 0.0 for leaf in tree.leaves(x))
    expect(not alike, "samples that differ", "twice the same", "draw a row each: dice.rows(n)")
    return _observations(done, x, "sample")


def _observations(done: Learned, x: Any, name: str) -> Any:
    spec, n = done.fitted.intake.spec, tree.length(x)
    spec.check(x, f"what `{name}` gave")
    expect(n == SOME, f"{SOME} observations from `{name}`", n, "return one a row")
    bad = [_content(leaf) for leaf in tree.leaves(x) if not bool(torch.isfinite(leaf).all())]
    expect(not bad, f"finite observations from `{name}`", listed(bad), "look at the decoder")
    return x


def _try_log_density(done: Learned) -> Tensor:
    x, dice = tree.take(done.x, slice(0, SOME)), Dice.roll(0, 0, torch.arange(SOME))
    with torch.no_grad():
        density = done.method.log_density(done.net, x, dice)
    expect(isinstance(density, Density), "a Density", type(density).__name__, "say whether it is exact, a lower bound or an estimate")
    expect(density.kind in DENSITIES, f"one of {', '.join(DENSITIES)}", repr(density.kind), "say what the number is")
    values = density.values
    expect(values.shape == (SOME,), f"({SOME},) nats", tuple(values.shape), "sum over dimensions, not over examples")
    expect(bool(values.isfinite().all()), "finite log densities", _content(values), "bound the variance away from 0")
    return values


def _try_bound(done: Learned) -> Tensor:
    x, dice = tree.take(done.x, slice(0, SOME)), Dice.roll(0, 0, torch.arange(SOME))
    mu = done.codes[:SOME].clone().requires_grad_()
    values: Tensor = done.method.bound(done.net, x, mu, torch.zeros_like(mu), dice)
    expect(values.shape == (SOME,), f"({SOME},) nats", tuple(values.shape), "sum over dimensions, not over examples")
    (slope,) = torch.autograd.grad(values.sum(), mu)
    expect(bool((slope != 0).any()), "a bound that moves with the posterior's mean", "a gradient of 0", "use `mu` and `log_var` as given")
    return values.detach()


def _try_rate_distortion(done: Learned) -> tuple[Tensor, ...]:
    x, dice = tree.take(done.x, slice(0, SOME)), Dice.roll(0, 0, torch.arange(SOME))
    with torch.no_grad():
        told = done.method.rate_distortion(done.net, x, dice)
        bound = done.method.log_density(done.net, x, dice) if "log_density" in can(done.method) else None
    shapes = tuple(told.rate.shape), tuple(told.distortion.shape)
    expect(shapes == ((SOME,), (SOME,)), f"({SOME},) nats each", shapes, "sum over dimensions, not over examples")
    finite = bool(told.rate.isfinite().all() and told.distortion.isfinite().all())
    expect(finite and bool((told.rate >= 0).all()), "finite nats, and none below 0 for a code", _content(told.rate), "rate = KL(q || p)")
    if bound is not None and bound.kind == "lower bound":
        apart = distance(-(told.rate + told.distortion), bound.values)
        expect(apart < SINGLE, "rate + distortion = -bound", f"a difference of {apart:.1e}", "distortion = -log p(x|z), at the same draw")
    return told.rate, told.distortion


def _try_complete(done: Learned) -> Any:
    x, dice = tree.take(done.x, slice(0, SOME)), Dice.roll(0, 0, torch.arange(SOME))
    known = torch.arange(x[0].numel()).view(x.shape[1:]).expand_as(x) < x[0].numel() // 2
    with torch.no_grad():
        filled, again = (
            done.method.complete(done.net, torch.where(known, x, other), known, dice) for other in (x, torch.full_like(x, 0.25))
        )
    expect(torch.equal(filled[known], x[known]), "known entries as they were", "others", "put them back: torch.where(known, x, ...)")
    apart = distance(filled, again)
    expect(apart == 0.0, "a completion from the known entries alone", f"a difference of {apart:.1e}", "hide what is not known first")
    return _observations(done, filled, "complete")


def _try_progressive(done: Learned) -> tuple[Tensor, ...]:
    x, dice = done.x, Dice.roll(0, 0, torch.arange(tree.length(done.x)))
    with torch.no_grad():
        told = done.method.progressive(done.net, x, dice, BUDGETS)
    expect(len(told) == len(BUDGETS), f"{len(BUDGETS)} pictures of an item, one a budget", len(told), "give one for each number of bits")
    spent = torch.stack([bits for _, bits in told])
    expect(spent.shape == (len(BUDGETS), len(x)), f"({len(x)},) bits a budget", tuple(spent.shape), "count the bits of each item")
    kept = bool((spent.diff(dim=0) >= 0).all()) and bool((spent <= spent.new_tensor(BUDGETS)[:, None]).all())
    expect(kept and bool((spent >= 0).all()), "bits that grow with the budget and stay within it", _content(spent), "send the same prefix")
    pictures = [_observations(done, tree.take(picture, slice(0, SOME)), "progressive") for picture, _ in told]
    first, last = (float((picture - x).square().mean()) for picture, _ in (told[0], told[-1]))
    learns = len(done.history) <= FEW or last < first
    expect(learns, "all bits to say more than none", f"an error of {first:.4g}, then {last:.4g}", "put what is sent in the prior's place")
    return (*pictures, spent)


def _try_codes(done: Learned) -> tuple[Tensor, ...]:
    x = tree.take(done.x, slice(0, SOME))
    with torch.no_grad():
        every = done.method.codes(done.net, x)
    expect(bool(every) and all(isinstance(c, Code) for c in every.values()), "a dict of Code", every, "name each code")
    for name, code in every.items():
        expect(len(code.values) == SOME, f"{SOME} rows in the code {name!r}", len(code.values), "one row an item")
        expect(code.kind in CODE_KINDS, f"a kind out of {', '.join(CODE_KINDS)}", repr(code.kind), "choose one of them")
        expect(
            code.kind != "vector" or bool(code.values.isfinite().all()), f"finite values in {name!r}", _content(code.values), "look there"
        )
        with torch.no_grad():
            only = done.method.codes(done.net, x, (name,))
        expect(list(only) == [name], f"only {name!r} when only it is asked for", listed(only), "obey `names`")
    return tuple(code.values for code in every.values())


def _try_predict(done: Learned) -> Tensor:
    with torch.no_grad():
        p: Tensor = done.method.predict(done.net, done.x)
    whole = p.ndim == 2 and bool((p >= 0).all()) and distance(p.sum(1), torch.ones_like(p[:, 0])) < SINGLE
    expect(whole, "class probabilities (b, k) that sum to 1", _content(p), "end in a softmax")
    return p


def _try_spectrum(done: Learned) -> Tensor:
    with torch.no_grad():
        found = done.method.spectrum(done.net)
    expect(isinstance(found, Spectrum) and bool(found.name), "a Spectrum with a name", found, "say what the numbers are, in a word")
    values: Tensor = found.values
    expect(values.ndim == 1 and len(values) > 0 and bool(values.isfinite().all()), "finite numbers (z,)", _content(values), "look there")
    if found.total is not None:
        kept = bool((values >= 0).all()) and float(values.sum()) <= float(found.total) * (1 + SINGLE)
        expect(kept, f"shares of {float(found.total):.3g}", _content(values), "leave `total` out where the numbers are no parts of it")
    return values


def _try_compare(done: Learned) -> Tensor:
    z = done.codes[:SOME]
    with torch.no_grad():
        d: Tensor = done.method.compare(done.net, z, z)
    expect(d.shape == (SOME, SOME), f"({SOME}, {SOME}) distances", tuple(d.shape), "one for every pair")
    good = bool(d.isfinite().all()) and bool((d >= 0).all()) and distance(d, d.T) < SINGLE and float(d.diagonal().abs().max()) < SINGLE
    expect(good, "distances: finite, at least 0, as far there as back, and 0 from a code to itself", _content(d), "look at rounding")
    return d


TRIALS: dict[str, Callable[[Learned], Any]] = {
    "decode": _try_decode, "sample": _try_sample, "log_density": _try_log_density, "codes": _try_codes, "predict": _try_predict,
    "bound": _try_bound, "rate_distortion": _try_rate_distortion, "complete": _try_complete, "progressive": _try_progressive,
    "spectrum": _try_spectrum, "compare": _try_compare,
}  # fmt: skip


def _content(t: Tensor) -> str:
    finite = t[torch.isfinite(t)]
    span = f" from {float(finite.min()):.3g} to {float(finite.max()):.3g}" if finite.numel() else ""
    return f"{t.dtype} {tuple(t.shape)}{span}, {t.numel() - finite.numel()} not finite"


def check_saved(method: Method[Any]) -> None:
    """Saved and loaded again, it is the same method and gives the same codes to the bit."""
    done, source = learned(method), data(method)
    rep = Representation.of(done.fitted)
    with tempfile.TemporaryDirectory() as folder:
        rep.save(Path(folder) / "model")
        again = Representation.load(Path(folder) / "model", known=(type(method),))
    if again.method != done.method:
        raise Breach(f"expected {done.method} back from its file; got {again.method}. Use plain values as fields")
    before, after = rep.encode(source), again.encode(source)
    do = "keep all that was learned in parameters and buffers, and build the same net from (spec, n)"
    expect(np.array_equal(before, after), "equal codes after loading", f"a difference of {np.abs(before - after).max():.1e}", do)
