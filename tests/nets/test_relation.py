import pytest
import torch

from allegory.nets.relation import RelationNet


@pytest.fixture
def net():
    torch.manual_seed(0)
    return RelationNet(4, edge=(7, 6), graph=(5,)).double()


def panels(b=3, k=6):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(b, 8, 4, generator=rng, dtype=torch.float64), torch.randn(b, k, 4, generator=rng, dtype=torch.float64)


def test_the_scores_are_f_of_the_sum_over_all_ordered_pairs(net):
    """The definition, pair by pair: 81 ordered pairs of nine panels, each a code and its place."""
    context, answers = panels()
    scores = net(context, answers)
    for i in range(3):
        for k in range(6):
            nine = torch.cat([torch.cat([context[i], answers[i, k : k + 1]]), torch.eye(9, dtype=torch.float64)], 1)
            pairs = sum(net.g(net.first(one) + net.second(other)) for one in nine for other in nine)
            assert scores[i, k].item() == pytest.approx(net.f(pairs / 9).item(), rel=1e-9)


def test_candidates_do_not_see_each_other(net):
    context, answers = panels()
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(net(context, answers[:, order]), net(context, answers)[:, order])
    torch.testing.assert_close(net(context, answers[:, :1]), net(context, answers)[:, :1])


def test_places_matter(net):
    context, answers = panels()
    assert (net(context.roll(1, 1), answers) - net(context, answers)).abs().max() > 1e-6


def test_a_single_edge_layer(net):
    context, answers = panels()
    assert RelationNet(4, edge=(7,)).double()(context, answers).shape == (3, 6)
