"""The algebra of specs."""

import numpy as np
import pytest
import torch

from allegory.core import Array, Graph, Parts, Problem, Seq, Set, Spec, Tokens
from allegory.core.spec import SPECS


def test_an_array_knows_its_size_and_whether_it_is_an_image():
    assert Array((3, 8, 9)).size == 216 and Array((3, 8, 9)).is_image and not Array((8, 9)).is_image and Array(()).size == 1
    assert str(Array((3, 8, 9), 256)) == "images 3 x 8 x 9, 256 levels" and str(Array((7,))) == "arrays 7"


def test_check_takes_items_of_the_shape_and_names_both_otherwise():
    Array((3, 8)).check(torch.zeros(5, 3, 8))
    Array((3, 8)).check(np.zeros((0, 3, 8)))
    for wrong in (torch.zeros(5, 8, 3), torch.zeros(3, 8), {"a": torch.zeros(5, 3, 8)}, "text"):
        with pytest.raises(Problem, match=r"photos: expected items of shape \(3, 8\), got"):
            Array((3, 8)).check(wrong, "photos")


def test_parts_are_a_value_with_names():
    spec = Parts({"image": Array((1, 4, 4)), "pose": Array((6,))})
    assert spec == Parts((("image", Array((1, 4, 4))), ("pose", Array((6,))))) and hash(spec) == hash(Parts(spec.parts))
    assert spec["pose"] == Array((6,)) and "pose: arrays 6" in str(spec)
    x = {"image": torch.zeros(2, 1, 4, 4), "pose": torch.zeros(2, 6)}
    spec.check(x)
    with pytest.raises(Problem, match=r"part 'pose': expected items of shape \(6,\), got \(7,\)"):
        spec.check({**x, "pose": torch.zeros(2, 7)})
    for wrong in ({"image": x["image"]}, x["image"], {**x, "more": x["pose"]}):
        with pytest.raises(Problem, match=r"expected the parts \['image', 'pose'\]"):
            spec.check(wrong)


def test_specs_nest_and_are_equal_by_value():
    a = Seq(Parts({"obs": Array((3, 8, 8), 256), "action": Array((2,))}), 10)
    assert a == Seq(Parts({"obs": Array((3, 8, 8), 256), "action": Array((2,))}), 10)
    assert a != Seq(Parts({"obs": Array((3, 8, 8)), "action": Array((2,))}), 10)
    assert len({Tokens(9), Tokens(9), Set(Array((2,))), Graph(Array((2,)))}) == 3


def test_what_no_method_reads_yet_is_said():
    with pytest.raises(Problem, match=r"Tokens observations are declared, but no method reads them yet"):
        Tokens(9).check(torch.zeros(3, 4))


def test_the_closed_schema_holds_every_spec():
    assert set(SPECS.values()) == set(Spec.__subclasses__())
