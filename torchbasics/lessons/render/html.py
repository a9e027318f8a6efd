"""The items of a lesson's parts as HTML, and the elements that a page is built of.

Elements are built, never written as text: nothing in them can be taken for HTML.
"""

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, tostring

from torch import Tensor

from torchbasics.command.page import picture
from torchbasics.lessons import checks
from torchbasics.lessons.checks import Check, Item, Words, grouped


def element(tag: str, *children: Element | str, **attributes: object) -> Element:
    """An element of a page; `class_` and `data_x` stand for `class` and `data-x`.

    >>> html_of(element("p", "1 < ", element("b", 2), class_="sum"))
    '<p class="sum">1 &lt; <b>2</b></p>'
    """
    made = Element(tag)
    for key, value in attributes.items():
        made.set(key.rstrip("_").replace("_", "-"), str(value))
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = f"{made[-1].tail or ''}{child}"
        else:
            made.text = f"{made.text or ''}{child}"
    return made


def html_of(*elements: Element) -> str:
    """Elements as text."""
    return "".join(tostring(one, encoding="unicode", method="html") for one in elements)


def rendered(items: Iterable[Item], words: Words) -> list[Element]:
    """A part as page and notebook show it: checks in a row share a table."""
    return [
        checks_table(one, words) if isinstance(one, list) else shown(one)
        for one in grouped(items)
    ]


def shown(item: Item) -> Element:
    """One item that is no check."""
    match item:
        case checks.Table(headers, rows):
            lines = [element("tr", *(element("td", cell) for cell in r)) for r in rows]
            return element("div", table(headers, lines, "plain"), class_="wide")
        case checks.Answer():
            return answer(item)
        case checks.Images(images):
            return element("div", *map(digit, images), class_="digits")
        case checks.Listing(text):
            return element("pre", text.rstrip("\n"), class_="listing")
        case checks.Paragraph(text):
            return element("p", text)
    raise TypeError(f"{item!r} is no item of a lesson")


def table(headers: Iterable[str], rows: Iterable[Element], kind: str) -> Element:
    """Rows under their headers; where a column has no name that is an empty cell."""
    heads = (
        element("th", name, scope="col") if name else element("td") for name in headers
    )
    head = element("thead", element("tr", *heads))
    return element("table", head, element("tbody", *rows), class_=kind)


def checks_table(group: Iterable[Check], words: Words) -> Element:
    """The checks, a row each: name, the source's numbers, ours, whether equal."""
    rows = []
    for check in group:
        name, expected, computed, sign, source = check.cells(words)
        mark = element("td", sign, class_="mark wrong")
        if check.passed:
            named = element("span", sign, role="img", aria_label=words["agrees"])
            mark = element("td", named, class_="mark")
        row = element(
            "tr",
            element("th", *unbroken(name), scope="row"),
            element("td", *unbroken(expected, ", ")),
            element("td", *unbroken(computed, ", ")),
            mark,
            element("td", source, class_="source"),
        )
        rows.append(row)
    heads = ("checked", "expected", "computed", "agrees", "source")
    return table((words[head] for head in heads), rows, "checks")


def unbroken(text: str, between: str = " ") -> Iterator[Element | str]:
    """A text, of which lines end between its parts only: not within 1e-16, or at -m."""
    for place, part in enumerate(text.split(between)):
        yield from [between] if place else []
        yield element("span", part, class_="whole") if "-" in part else part


def digit(image: Tensor, label: str = "") -> Element:
    """A digit, its pixels as squares; without a label it is decoration.

    Shape: (28, 28) uint8.
    """
    look = {"alt": label, "width": 28, "height": 28, "class_": "digit"}
    return element("img", src=picture(image.numpy()), **look)


def answer(item: checks.Answer) -> Element:
    """A digit, its ten probabilities as bars, and which digit was read."""
    bars = [
        element(
            "tr",
            element("th", str(number), scope="row"),
            element("td", bar(prob)),
            element("td", f"{100 * prob:.2f} %"),
        )
        for number, prob in enumerate(item.probs.tolist())
    ]
    bars[int(item.probs.argmax())].set("class", "best")
    read = element("table", element("tbody", *bars), class_="probs")
    said = element("figcaption", item.text)
    picked = digit(item.image, str(item.label))
    return element("figure", picked, read, said, class_="answer")


def bar(share: float) -> Element:
    """A share of 1 as a bar; the number stands beside it."""
    filled = element("rect", width=f"{100 * share:.2f}", height=8)
    look = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none"}
    return element("svg", filled, aria_hidden="true", **look)
