"""The gradient that an optimiser is given."""

import torch

from allegory.train.pieces import gradient


def test_a_gradient_has_the_layout_of_its_parameter_and_the_optimiser_moves_the_right_entries() -> None:
    weight = torch.nn.Parameter(torch.zeros(3, 4))
    wanted = torch.tensor([[1.0, -1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0], [1.0, 1.0, -1.0, -1.0]])

    class Transposing(torch.autograd.Function):
        """Gives its gradient with the strides of a transposed matrix, as compiled graphs may."""

        @staticmethod
        def forward(ctx, w):
            return (w * wanted).sum()

        @staticmethod
        def backward(ctx, g):
            return (g * wanted).t().contiguous().t()

    (g,) = gradient(Transposing.apply(weight), [weight])
    assert g.stride() == weight.stride()
    weight.grad = g
    torch.optim.AdamW([weight], lr=0.5, weight_decay=0.0, fused=True).step()
    torch.testing.assert_close(weight.detach(), -0.5 * wanted)


def test_an_untouched_parameter_has_gradient_zero() -> None:
    used, unused = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))
    first, second = gradient((used * 3.0).sum(), [used, unused])
    assert first.tolist() == [3.0, 3.0]
    assert second.tolist() == [0.0, 0.0, 0.0]
