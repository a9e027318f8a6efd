"""The items of a lesson's parts as HTML, and the elements that a page is built of.

Elements are built, never written as text: nothing in them can be taken for HTML.
"""

from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element

from torchbasics.command.page import picture
from torchbasics.lessons.checks import (
    Answer,
    Check,
    Images,
    Item,
    Listing,
    Paragraph,
    Table,
    Words,
    grouped,
)


def element(tag: str, *children: Element | str, **attributes: object) -> Element:
    """An element of a page; `class_` and `data_x` stand for `class` and `data-x`.

    >>> from xml.etree.ElementTree import tostring
    >>> tostring(element("p", "1 < ", element("b", 2), class_="sum"))
    b'<p class="sum">1 &lt; <b>2</b></p>'
    """
    made = Element(tag)
    for key, value in attributes.items():
        made.set(key.rstrip("_").replace("_", "-"), str(value))
    last = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = f"{made.text or ''}{child}"
        else:
            last.tail = f"{last.tail or ''}{child}"
    return made


def rendered(items: Iterable[Item], words: Words) -> list[Element]:
    """A part as the page shows it: checks that follow each other in one table."""
    return [
        checks_table(one, words) if isinstance(one, list) else shown(one)
        for one in grouped(items)
        if not is_blank(one)
    ]


def is_blank(item: Item | list[Check]) -> bool:
    """Whether it only leaves room between two others in a terminal."""
    return isinstance(item, Listing) and not item.text.strip()


def shown(item: Item) -> Element:
    """One item that is no check."""
    match item:
        case Table(headers, rows):
            return element("div", table(headers, rows), class_="wide")
        case Answer():
            return answer(item)
        case Images(images):
            drawn = (digit(picture(image.numpy())) for image in images)
            return element("div", *drawn, class_="digits")
        case Listing(text):
            return element("pre", text.rstrip("\n"), class_="listing")
        case Paragraph(text):
            return element("p", text)
    raise TypeError(f"{item!r} is no item of a lesson")


def checks_table(checks: Iterable[Check], words: Words) -> Element:
    """The checks, a row each: name, the source's numbers, ours, whether equal."""
    heads = ("checked", "expected", "computed", "agrees", "source")
    rows = [
        element(
            "tr",
            element("th", *unbroken(name), scope="row"),
            element("td", *unbroken(expected, ", "), class_="expected"),
            element("td", *unbroken(computed, ", "), class_="computed"),
            mark(check, sign, words),
            element("td", source, class_="source"),
        )
        for check in checks
        for name, expected, computed, sign, source in [check.cells(words)]
    ]
    return element(
        "table", head(words[name] for name in heads), body(rows), class_="checks"
    )


def unbroken(text: str, between: str = " ") -> Iterator[Element | str]:
    """A text, of which lines end between its parts only: not within 1e-16, or at -m."""
    for place, part in enumerate(text.split(between)):
        yield from [between] if place else []
        yield element("span", part, class_="whole") if "-" in part else part


def mark(check: Check, sign: str, words: Words) -> Element:
    """Whether a check's numbers are right, by a sign and in words."""
    if check.passed:
        named = element("span", sign, role="img", aria_label=words["agrees"])
        return element("td", named, class_="mark")
    return element("td", sign, class_="mark wrong")


def table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> Element:
    """Rows of cells under their headers."""
    lines = [element("tr", *(element("td", cell) for cell in row)) for row in rows]
    return element("table", head(headers), body(lines), class_="plain")


def head(headers: Iterable[str]) -> Element:
    """The first row of a table; where a column has no name it is an empty cell."""
    cells = (
        element("th", name, scope="col") if name else element("td") for name in headers
    )
    return element("thead", element("tr", *cells))


def body(rows: Iterable[Element]) -> Element:
    """All other rows of a table."""
    return element("tbody", *rows)


def digit(source: str, label: str = "") -> Element:
    """A picture of a digit, its pixels as squares; without a label it is decoration."""
    return element("img", src=source, alt=label, width=28, height=28, class_="digit")


def answer(item: Answer) -> Element:
    """A digit, its ten probabilities as bars, and which digit was read."""
    most = int(item.probs.argmax())
    bars = (
        element(
            "tr",
            element("th", str(number), scope="row"),
            element("td", bar(prob)),
            element("td", f"{100 * prob:.2f} %"),
            **({"class_": "best"} if number == most else {}),
        )
        for number, prob in enumerate(item.probs.tolist())
    )
    read = element("table", body(bars), class_="probs")
    picked = digit(picture(item.image.numpy()), str(item.label))
    return element(
        "figure", picked, read, element("figcaption", item.text), class_="answer"
    )


def bar(share: float) -> Element:
    """A share of 1 as a bar; the number stands beside it."""
    filled = element("rect", width=f"{100 * share:.2f}", height=8)
    return element(
        "svg",
        filled,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
