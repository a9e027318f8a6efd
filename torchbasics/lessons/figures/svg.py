"""A figure as SVG that stands in a page and takes its colours from it.

What matplotlib gives as styles becomes attributes: a page obeys no style of an element,
and an attribute may name a colour of the page's theme.
"""

import io
import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from torchbasics.lessons import figures
from torchbasics.lessons.figures import canvas
from torchbasics.lessons.prose import Language

COLOURS = {
    "#ffffff": "paper",
    "#000000": "ink",
    canvas.INK: "ink",
    canvas.GREY: "soft",
    canvas.PALE: "fig-pale",
    canvas.BLUE: "fig-blue",
    canvas.ORANGE: "fig-orange",
    canvas.RED: "fig-red",
    canvas.GREEN: "fig-green",
    "#e4e4e4": "line",
    "#cccccc": "line",
    "#d9d9d9": "fig-shade",
    "#f2f2f2": "panel",
}
"""The colours of the figures, and the properties of the page that stand for them."""

APART = re.compile(
    r"<metadata>.*?</metadata>|<style.*?</style>|xlink:|image-rendering:[^;\"]*;?"
    r"|(?<=>)\s+(?=<)",
    re.S,
)
"""What a page does without."""


def drawn(name: str, lang: Language) -> Element:
    """A figure of a lesson as an element of a page, which has its title as a name."""
    file = io.BytesIO()
    figures.draw(name, lang, file, figures.SVG | {"svg.hashsalt": name})
    drawing = ElementTree.fromstring(_plain(file.getvalue().decode(), name))
    made = Element("svg", viewBox=drawing.attrib["viewBox"], role="img")
    made.set("aria-label", drawing.findtext("title", ""))
    made.extend(part for part in drawing if part.tag != "title")
    return made


def _plain(text: str, name: str) -> str:
    """The text of a drawing, its styles as attributes, its ids with that name."""
    text = APART.sub("", text).replace(' xmlns="http', ' xmlns:svg="http')
    for colour, place in COLOURS.items():
        text = text.replace(colour.lower(), f"var(--{place})")
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r'style="(.*?)"', _attributes, text)
    return re.sub(r'\bd="(.*?)"', _short, text, flags=re.S)


def _attributes(style: re.Match[str]) -> str:
    return re.sub(r"([\w-]+): *([^;]+);?", r'\1="\2"', style[1])


def _short(path: re.Match[str]) -> str:
    """Two decimals: a hundredth of a point is not seen."""
    parts = (
        f"{float(part):.2f}".rstrip("0").rstrip(".") if "." in part else part
        for part in path[1].split()
    )
    return f'd="{" ".join(parts)}"'
