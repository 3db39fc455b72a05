import re
import xml.etree.ElementTree as ET

from allegory.pages.drawn import drawn
from allegory.questions.picture import Disc

CHAIN = Disc("a <tree>", (0.0, 0.5, 0.0, 0.5), (0.0, 0.0, 0.5, 0.5), ("root.n.1", "<b>", "c", "d"), ((1, 0), (2, 0), (3, 1)))


def test_nodes_ways_and_names_are_drawn_and_escaped():
    text = str(drawn(CHAIN))
    svg = ET.fromstring(text[text.index("<svg ", text.index("</ul>")) : text.rindex("</svg>") + 6])
    assert len(svg.findall("circle")) == 1 + 4 and "&lt;b&gt;" in text and "<b>" not in text
    assert [c.find("title").text for c in svg.findall("circle")[1:]] == ["c", "d", "<b>", "root.n.1"]  # the largest on top
    assert "root" in [t.text for t in svg.findall("text")]  # the word of a word net's name


def test_ways_through_the_middle_are_straight_and_others_bend_towards_it():
    """From (.5, .5) to (.5, 0): the middle of the arc is nearer to the origin than that of the chord, so it bends to the left."""
    paths = re.findall(r'd="(M[^"]*)"', str(drawn(CHAIN)))
    whole = "".join(paths)
    assert "M341.0 230.0L230.0 230.0" in whole  # 230 + 222 / 2
    assert re.search(r"M341\.0 119\.0A([0-9.]+) \1 0 0 0 341\.0 230\.0", whole)


def test_a_disc_of_one_node():
    assert "svg" in drawn(Disc("alone", (0.0,), (0.0,), ("a",), ()))
