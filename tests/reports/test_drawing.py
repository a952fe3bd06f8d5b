import re
import xml.etree.ElementTree as ElementTree

from reports.drawing import COLOURS, DARK, LIGHT, draw_svg, standalone


def line_of_every_colour(figure):
    axes = figure.subplots()
    for place, colour in enumerate(COLOURS.values()):
        axes.plot([0, 1], [place, place], color=colour)


def test_every_colour_becomes_a_variable_of_its_own():
    svg = draw_svg("colours", line_of_every_colour, (4, 3))
    lines = re.findall(r"stroke: var\(--([\w-]+)\); stroke-width: 1.5", svg)
    assert lines == list(LIGHT) == list(DARK)
    assert not any(colour in svg for colour in COLOURS.values())


def test_a_picture_of_its_own_is_xml_with_colours():
    text = standalone(draw_svg("colours", line_of_every_colour, (4, 3)))
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    for name, colour in (*LIGHT.items(), *DARK.items()):
        assert f"--{name}: {colour};" in text
