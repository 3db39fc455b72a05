import xml.etree.ElementTree as ET

from allegory.pages import drawings, plots

SVG = "{http://www.w3.org/2000/svg}"


def drawn(columns=1):
    series = [plots.Series("<one>", "own", ((0.0, 0.0), (1.0, 1.0))), plots.Series("two", "raw", ((0.0, 1.0),), mark="square")]
    return ET.fromstring(drawings.drawing(series, plots.axis([0, 1]), plots.axis([0, 1]), "what it shows", columns=columns))


def test_a_drawing_is_a_picture_file_of_its_own():
    root = drawn()
    assert root.tag == f"{SVG}svg" and "prefers-color-scheme:dark" in root.find(f"{SVG}style").text
    assert [t.text for t in root.findall(f"{SVG}text")] == ["<one>", "two"]
    inner = root.find(f"{SVG}svg")
    assert inner.find(f"{SVG}title").text == "what it shows"


def test_the_plot_begins_below_the_key():
    """Two rows of 19 and a gap of 8 in one column, one row in two columns."""
    for columns, top in ((1, 46), (2, 27)):
        root = drawn(columns)
        assert root.get("viewBox") == f"0 0 460 {300 + top}"
        assert root.find(f"{SVG}svg").get("y") == str(top)


def test_every_colour_of_a_series_is_defined():
    style = drawn().find(f"{SVG}style").text
    assert all(f".{css}{{--ink:var(--{css})}}" in style for css in ("own", "raw", "pca", "untrained", "ceiling"))


def test_a_plot_that_was_drawn_and_its_title_stand_below_the_key():
    """One row of 19 for the key, one for the title, and a gap of 8; the interval across is a bar from 0.2 to 0.6."""
    axis, frame = plots.axis([0, 1], air=0.0), plots.Frame(left=0, right=60)
    series = [plots.Series("a", "k3", ((0.5, 0.5),), sides=((0.2, 0.6),), bounds=((0.4, 0.7),))]
    plot = plots.scatter(series, axis, axis, "what it shows", frame, rules=((0.9, "a <rule>"), (2.0, "outside")))
    root = ET.fromstring(drawings.framed(series, plot, frame, title="what goes <up>"))
    assert root.find(f"{SVG}svg").get("y") == "46" and ".k3{--ink:var(--c3)}" in root.find(f"{SVG}style").text
    assert [t.text for t in root.findall(f"{SVG}text")] == ["a", "what goes <up>"]
    bars = [p.get("d") for p in root.iter(f"{SVG}path") if p.get("class") == "bar k3"]
    assert bars[0].startswith("M200.0 ") and bars[1].startswith("M80.0 ") and "H240.0" in bars[1]
    words = [t.text for t in root.iter(f"{SVG}text")]
    assert "a <rule>" in words and "outside" not in words
