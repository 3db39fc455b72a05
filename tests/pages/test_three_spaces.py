"""The lab of the three spaces: its figures are those of Musgrave et al. (2020), and its page is the one it writes."""

import pytest
from helpers.labs import LABS, lab_named


@pytest.fixture(scope="module")
def lab():
    return lab_named("three_spaces")


def test_the_figures_are_those_of_the_paper(lab):
    """R@1 of 99, 99.8, 100 beside MAP@R of 71, 78, 99.8."""
    rows = [lab.measured(*lab.items(space)) for space in lab.SPACES.values()]
    assert [row["R@1"] for row in rows] == pytest.approx([99.0, 99.8, 100.0], abs=0.06)
    assert [row["MAP@R"] for row in rows] == pytest.approx([71.0, 78.0, 99.8], abs=0.6)


def test_the_page_and_the_picture_are_up_to_date(lab):
    assert (LABS / "three_spaces.md").read_text() == lab.page(), "run python docs/labs/three_spaces.py"
    assert (LABS / "images" / "three_spaces.svg").read_text() == lab.picture()
