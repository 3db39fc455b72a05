"""What every method that foresees an image number by number must keep: laws, each to be held against a method of one's own."""

import itertools

import torch

from allegory.core import Array, Dice
from allegory.nets import picture, raster
from allegory.questions import put
from allegory.questions.nature.likelihood import APART, Likelihood

DRAWS = 4000


def net_of(method, shape, levels, seed=0, scale=0.5):
    """A net of generic weights, none of them zero, in float64."""
    net = method.build(Array(shape, levels=levels), 4).double().eval()
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(scale * torch.randn(p.shape, generator=dice, dtype=torch.float64))
    return net


def every_image(shape, levels):
    """All images of so many levels, (levels ** d, c, h, w)."""
    d = shape[0] * shape[1] * shape[2]
    numbers = torch.tensor(list(itertools.product(range(levels), repeat=d)), dtype=torch.float64)
    return picture(numbers * (2 / (levels - 1)) - 1, shape)


def some_images(n, shape, levels, seed=0):
    """Images with every number at random, in float64."""
    numbers = torch.randint(levels, (n, *shape), generator=torch.Generator().manual_seed(seed))
    return numbers.double() * (2 / (levels - 1)) - 1


def dice_of(n):
    return Dice.roll(0, 0, torch.arange(n))


@torch.no_grad()
def probabilities(method, net, images):
    found = method.log_density(net, images, dice_of(len(images)))
    assert found.kind == "exact" and found.levels == net.p.levels
    return found.values.exp()


def assert_probabilities(method, shape, levels):
    """Those of all images there are sum to one, and differ."""
    p = probabilities(method, net_of(method, shape, levels), every_image(shape, levels))
    assert abs(p.sum().item() - 1.0) < 1e-6 and p.std() > 0.1 * p.mean()


def assert_causal(method, shape):
    """What foresees number i moves with every number before it, and with none from it on."""
    net = net_of(method, shape, 2)
    x = torch.tanh(torch.randn(1, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    jacobian = torch.autograd.functional.jacobian(lambda flat: raster(net.body.predicted(picture(flat, shape)))[0], raster(x))[:, 0]
    moves = jacobian != 0
    assert torch.equal(moves, torch.ones_like(moves).tril(-1)), moves.int()


@torch.no_grad()
def naively(method, net, x, known, dice):
    """The completion with a whole pass for every number."""
    shape = tuple(x.shape[1:])
    kept, done = raster(known), raster(torch.where(known, x, 0.0)).clone()
    for i in range(done.shape[1]):
        out = net.body.predicted(picture(done, shape))  # (b, numbers * c, h, w)
        own = raster(out.unflatten(1, (-1, shape[0])).transpose(1, 2).flatten(1, 2)).view(len(x), -1, shape[0] * net.p.numbers)
        pixel, channel = divmod(i, shape[0])
        said = own[:, pixel].view(len(x), shape[0], -1)[:, channel]
        drawn = net.p.sample(said, x.new_ones(()), dice.split(f"number {i}"))[:, 0]
        done[:, i] = torch.where(kept[:, i], done[:, i], drawn)
    return picture(done, shape)


def assert_cached_is_naive(method, shape, levels):
    """Number by number, with what is kept, the same draws as by whole passes; some are known, here and there."""
    net, x = net_of(method, shape, levels), some_images(6, shape, levels)
    known = torch.rand(x.shape, generator=torch.Generator().manual_seed(2)) < 0.3
    own = method.complete(net, x, known, dice_of(6))
    torch.testing.assert_close(own, naively(method, net, x, known, dice_of(6)), rtol=0, atol=1e-12)
    assert torch.equal(own[known], x[known]) and len(torch.unique(own[~known])) > 1
    walk, flat = net.body.walk(6), raster(x)
    with torch.no_grad():
        said = torch.stack([walk(flat, i) for i in range(flat.shape[1])], 1)  # (b, d, numbers)
        whole = net.body.predicted(x).unflatten(1, (net.p.numbers, -1)).permute(0, 3, 4, 2, 1).flatten(1, 3)
    torch.testing.assert_close(said, whole, rtol=1e-10, atol=1e-10)


def positions(net, work):
    """At how many places each layer with weights computes for `work`, by name, for one image."""
    counts, hooks = {}, []

    def counter(name, rank):
        def hear(module, given, out):
            out = out[0] if isinstance(out, tuple) else out
            counts[name] = counts.get(name, 0) + out.numel() // out.shape[rank]

        return hear

    for name, module in net.named_modules():
        if not any(True for _ in module.children()) and any(True for _ in module.parameters()):
            hooks.append(module.register_forward_hook(counter(name, 1 if isinstance(module, torch.nn.Conv2d) else -1)))
    try:
        with torch.no_grad():
            work()
    finally:
        for hook in hooks:
            hook.remove()
    return counts


def assert_a_sample_costs_one_pass(method, shape):
    """All numbers drawn one by one, no layer computes at more places than one pass over a whole image does."""
    net = net_of(method, shape, 2)
    x = torch.zeros(1, *shape, dtype=torch.float64)
    drawn, passed = positions(net.body, lambda: method.sample(net, 1, dice_of(1))), positions(net.body, lambda: net.body.predicted(x))
    assert drawn.keys() == passed.keys() and all(drawn[name] <= passed[name] for name in passed), (drawn, passed)
    return drawn


def heard(module, work):
    """What `work` gives, and what a module said meanwhile."""
    said = []
    hook = module.register_forward_hook(lambda module, given, out: said.append(out))
    try:
        return work(), said[0]
    finally:
        hook.remove()


def assert_code(method, layer, count, places):
    """The code is the mean over the `places` of what the layer of this number says, and one of the `count` codes of layers."""
    net, x = net_of(method, (1, 3, 2), 2), some_images(4, (1, 3, 2), 2)
    z, said = heard(net.body.layers[layer], lambda: method.encode(net, x))
    torch.testing.assert_close(z, said.mean(places))
    codes = method.codes(net, x)
    assert list(codes) == [f"layer {i}" for i in range(count)] and torch.equal(codes[f"layer {layer}"].values, z)


def assert_completes_by_the_law(method):
    """2 x 2 black and white numbers: the frequencies of what is drawn are the products of the conditionals, by enumeration."""
    shape = (1, 2, 2)
    net, images = net_of(method, shape, 2, scale=1.0), every_image(shape, 2)
    p = probabilities(method, net, images).view(2, 2, 2, 2)  # by the numbers in raster order, black first
    upper = torch.tensor([1.0, -1.0, 0.0, 0.0]).double()
    law = (p[1, 0] / p[1, 0].sum()).flatten()
    _assert_frequencies(method, net, upper, [True, True, False, False], law, lambda d: 2 * d[:, 2] + d[:, 3])
    # Only the third is known: it does not inform the first two, which come before it.
    third = torch.tensor([0.0, 0.0, 1.0, 0.0]).double()
    law = (p.sum((2, 3))[..., None] * (p[:, :, 1] / p[:, :, 1].sum(-1, keepdim=True))).flatten()
    _assert_frequencies(method, net, third, [False, False, True, False], law, lambda d: 4 * d[:, 0] + 2 * d[:, 1] + d[:, 3])


def _assert_frequencies(method, net, x, known, law, number):
    x, known = (picture(torch.as_tensor(v).expand(DRAWS, 4), (1, 2, 2)) for v in (x, known))
    drawn = (raster(method.complete(net, x, known, dice_of(DRAWS))) > 0).long()
    found = torch.bincount(number(drawn), minlength=len(law)) / DRAWS
    # a frequency has a standard error of at most sqrt(p / n); five of these
    assert ((found - law).abs() < 5 * (law / DRAWS).sqrt()).all(), (found, law)
    assert (law * len(law) - 1).abs().max() > 0.25  # a law that fair coins do not keep


def assert_foresees_better_than_a_histogram(features):
    """Of test items, after a short training: more nats than every number apart, by more than chance; and the number is exact."""
    scores = put(features, [Likelihood()])
    assert scores.get("gain in log_likelihood", APART).low > 0
    assert any("the method's number is exact of the logarithm" in note for note in scores.notes)
