import numpy as np

from allegory.measures.lattice import Lattice


def test_items_are_found_by_their_factors():
    """A 2 x 3 grid without (1, 2), in another order; a second item at (0, 1) does not hide the first."""
    values = np.array([[1, 1], [0, 1], [0, 0], [1, 0], [0, 2], [0, 1]])
    lattice = Lattice.of(values, (2, 3))
    assert lattice.find(values).tolist() == [0, 1, 2, 3, 4, 1]
    assert lattice.find(np.array([1, 2])) == -1


def test_do_sets_one_factor_and_leaves_the_others():
    values = np.array([[1, 1], [0, 1], [0, 0], [1, 0], [0, 2]])
    lattice = Lattice.of(values, (2, 3))
    assert lattice.with_each(values[[0, 4]], 0).tolist() == [[1, 4], [0, -1]]
    assert lattice.with_each(values[[0, 4]], 1).tolist() == [[3, 2], [0, 1], [-1, 4]]
    assert values.tolist() == [[1, 1], [0, 1], [0, 0], [1, 0], [0, 2]]
