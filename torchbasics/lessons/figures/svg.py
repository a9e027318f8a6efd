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

SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"

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

THEMED = {colour.lower(): f"var(--{name})" for colour, name in COLOURS.items()}


def drawn(name: str, lang: Language) -> Element:
    """A figure of a lesson as an element of a page, which has its title as a name."""
    file = io.BytesIO()
    figures.draw(name, lang, file, figures.SVG | {"svg.hashsalt": name})
    drawing = ElementTree.fromstring(file.getvalue())
    made = Element("svg", viewBox=drawing.attrib["viewBox"], role="img")
    made.set("aria-label", drawing.findtext(f"{SVG}title", ""))
    made.extend(_plain(drawing, name))
    return made


def _plain(element: Element, name: str) -> list[Element]:
    """The children of an element, without titles, styles and namespaces."""
    children = []
    for child in element:
        tag = str(child.tag).removeprefix(SVG)
        if tag in ("title", "metadata", "style"):
            continue
        made = Element(tag, _attributes(child.attrib, name))
        made.extend(_plain(child, name))
        children.append(made)
    return children


def _attributes(given: dict[str, str], name: str) -> dict[str, str]:
    made = {key.removeprefix(XLINK): value for key, value in given.items()}
    for declaration in filter(None, made.pop("style", "").split(";")):
        key, value = map(str.strip, declaration.split(":", 1))
        if key != "image-rendering":
            made[key] = value
    made = {key: THEMED.get(value, value) for key, value in made.items()}
    if "d" in made:
        made["d"] = re.sub(r"\s+", " ", re.sub(r"\d+\.\d+", _short, made["d"])).strip()
    for key in ("fill", "clip-path"):
        if key in made:
            made[key] = made[key].replace("url(#", f"url(#{name}-")
    if made.get("href", "").startswith("#"):
        made["href"] = f"#{name}-{made['href'][1:]}"
    if "id" in made:
        made["id"] = f"{name}-{made['id']}"
    return made


def _short(number: re.Match[str]) -> str:
    """Two decimals: a hundredth of a point is not seen."""
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
