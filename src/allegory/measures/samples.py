"""Are two samples of one distribution? Of real observations x (n, d) and generated ones y (m, d), as vectors.

- MMD^2 = E k(x, x') + E k(y, y') - 2 E k(x, y), the square of the largest difference of means, sup (E f(x) - E f(y)) over f in the unit
  ball of the kernel's Hilbert space; k(a, b) = exp(-|a - b|^2 / (2 sigma^2)). Unbiased: an item is not paired with itself, and so the
  estimate may fall below 0 (Gretton et al. 2012, equation 3).
- energy distance = 2 E|x - y| - E|x - x'| - E|y - y'|, unbiased likewise; in one dimension twice the squared Cramer distance, the
  integral of (F - G)^2 (Szekely and Rizzo 2013).
- sliced Wasserstein: the root of the mean over directions on the sphere of the squared W_2 of the projections (Bonneel et al. 2015).
- precision: the share of y within the k-nearest-neighbour radius of some x; recall: the share of x within that of some y
  (Kynkaanniemi et al. 2019, equation 1).
- classifier two-sample test: the accuracy on held-out items of a network with one hidden layer of 20 units that tells x from y; 1/2
  for equal distributions (Lopez-Paz and Oquab 2017).

All but the unbiased ones are off even for equal distributions of finite samples: show them beside real against real of the same sizes.
"""

import warnings

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor

Sample = Float[Tensor, "n d"]
HIDDEN, EPOCHS = 20, 100


def mmd2(x: Sample, y: Float[Tensor, "m d"], sigma: float) -> float:
    """The unbiased squared MMD with bandwidth `sigma`; at least 2 items each."""
    return discrepancies(gaussian_kernel(torch.cat([x, y]), sigma), len(x), 1)[0]


def energy_distance(x: Sample, y: Float[Tensor, "m d"]) -> float:
    """The unbiased energy distance, in the unit of x; at least 2 items each."""
    return discrepancies(minus_distance(torch.cat([x, y])), len(x), 1)[0]


def median_distance(x: Sample) -> float:
    """The median distance of two different items: the usual bandwidth (Gretton et al. 2012, section 8). 1 when more than half agree."""
    return float(torch.pdist(x).median()) or 1.0


def gaussian_kernel(a: Sample, sigma: float) -> Float[Tensor, "n n"]:
    """exp(-|a - b|^2 / (2 sigma^2)) of all pairs."""
    return torch.exp(-torch.cdist(a, a).square() / (2.0 * sigma * sigma))


def minus_distance(a: Sample) -> Float[Tensor, "n n"]:
    """-|a - b| of all pairs: the kernel whose squared MMD is the energy distance (Sejdinovic et al. 2013)."""
    return -torch.cdist(a, a)


def discrepancies(kernel: Float[Tensor, "p p"], n: int, groups: int) -> tuple[float, Float[np.ndarray, " g"]]:
    """E k(x, x') + E k(y, y') - 2 E k(x, y), and its values without each group of items (item i of x and of y is in group i mod g).

    `kernel` of all pairs of x, its first `n` items, and of y. Sums between groups are made once.
    """
    m = len(kernel) - n
    group = torch.cat([torch.arange(n) % groups, groups + torch.arange(m) % groups])
    member = torch.nn.functional.one_hot(group, 2 * groups).to(kernel.dtype)
    between = member.T @ (kernel - torch.diag(kernel.diagonal())) @ member
    size = member.sum(0)

    def value(kept: Tensor) -> float:
        """With the groups of which `kept` is 1, in x and in y."""
        a, b = torch.cat([kept, torch.zeros_like(kept)]), torch.cat([torch.zeros_like(kept), kept])
        of_x, of_y = float(size @ a), float(size @ b)
        own = float(a @ between @ a) / (of_x * (of_x - 1)) + float(b @ between @ b) / (of_y * (of_y - 1))
        return own - 2.0 * float(a @ between @ b) / (of_x * of_y)

    every = torch.ones(groups, dtype=kernel.dtype)
    return value(every), np.array([value(every - one) for one in torch.eye(groups, dtype=kernel.dtype)] if groups > 1 else [])


def sliced_wasserstein(x: Sample, y: Sample, directions: Float[Tensor, "d k"]) -> float:
    """In the unit of x, over the columns of `directions` (any lengths); two samples of one size."""
    unit = directions / directions.norm(dim=0)
    return float(((x @ unit).sort(0).values - (y @ unit).sort(0).values).square().mean().sqrt())


def covered(centres: Sample, asked: Float[Tensor, "m d"], k: int = 3) -> Bool[Tensor, " m"]:
    """Which of `asked` lie within the distance of some centre to its k-th nearest other centre: precision has real centres and asks
    generated items, recall the other way round. More than k centres."""
    radius = torch.cdist(centres, centres).kthvalue(k + 1, dim=1).values
    return (torch.cdist(asked, centres) <= radius).any(1)


def told_apart(x: Sample, y: Sample, rng: np.random.Generator) -> tuple[Bool[np.ndarray, " t"], Bool[np.ndarray, " t"]]:
    """Which held-out items a small network puts on the right side, and on which side they are (true for y).

    Half of each sample trains it, standardised by that half; the mean of the first is the test's statistic.
    """
    parts = [s.numpy()[rng.permutation(len(s))] for s in (x, y)]
    halves = [len(p) // 2 for p in parts]
    train, held = np.concatenate([p[:h] for p, h in zip(parts, halves, strict=True)]), [p[h:] for p, h in zip(parts, halves, strict=True)]
    mean, std = train.mean(0), train.std(0)
    scale = np.where(std > 1e-6 * np.abs(mean) + 1e-12, 1.0 / np.maximum(std, 1e-12), 0.0)
    net = MLPClassifier((HIDDEN,), max_iter=EPOCHS, random_state=int(rng.integers(1 << 31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is trained for so many epochs, as in the paper, and no longer
        net.fit((train - mean) * scale, np.repeat([False, True], halves))
    side = np.repeat([False, True], [len(h) for h in held])
    return net.predict((np.concatenate(held) - mean) * scale) == side, side
