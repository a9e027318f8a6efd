"""The whole course as one page: a file that opens by a double click and asks nobody."""

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from torchbasics import data
from torchbasics.command.files import write_named
from torchbasics.command.page import page
from torchbasics.device import cpu_threads
from torchbasics.lessons import LESSONS, figures, moving, parts_of, prose
from torchbasics.lessons.checks import Check, Words, checks_of
from torchbasics.lessons.figures import svg
from torchbasics.lessons.prose import Language, Term
from torchbasics.lessons.questions import question
from torchbasics.lessons.render.html import element, html_of, rendered
from torchbasics.lessons.render.markdown import Prose
from torchbasics.mnist import playground, subjects

PAGES = Path(__file__).parent.parent / "pages"
LIST = re.compile(r"^- .*(?:\n(?:- |  ).*)*", re.M)


class Lesson(NamedTuple):
    """A lesson as an element, its title, its sections' headings, what it checked."""

    name: str
    title: str
    body: Element
    headings: dict[str, str]
    checks: list[Check]


def write(path: Path, names: Iterable[str], lang: Language) -> list[Check]:
    """Put lessons at `path` as one page; the numbers on it. Raises UserError."""
    with cpu_threads(1):  # small matrices: a second thread only waits
        lessons = [lesson(name, lang) for name in names]
        content = course(lessons, lang)
    write_named(path, content)
    return [check for one in lessons for check in one.checks]


def course(lessons: Sequence[Lesson], lang: Language) -> bytes:
    """The page of these lessons."""
    words = prose.read("page", lang).words
    told = {key: html.escape(text) for key, text in words.items()} | {
        "lang": lang,
        "contents_list": html_of(*contents(lessons)),
        "lessons": html_of(*(one.body for one in lessons)),
        "glossary_list": html_of(*glossary(prose.glossary(lang), words)),
        "written": html.escape(summary(lessons, words)),
    }
    parts = [part for one in lessons for part in one.body.iter()]
    moved = filter(None, (part.get("data-moving") for part in parts))
    framed = "".join(part.get("srcdoc", "") for part in parts)
    shown = {
        "words": words,
        "moving": {name: moving.FIGURES[name]() for name in moved},
        "moving_words": prose.read("moving", lang).words,
    }
    return page(
        PAGES / "course.html", words["course"], shown,
        framed=framed, parts=PAGES / "moving", **told,
    )  # fmt: skip


def summary(lessons: Iterable[Lesson], words: Words) -> str:
    """How many numbers of the page are right."""
    checks = [check for one in lessons for check in one.checks]
    total = sum(len(check.expected) for check in checks)
    right = sum(len(check.expected) for check in checks if check.passed)
    return words["written"].format(right=right, total=total)


def lesson(name: str, lang: Language) -> Lesson:
    """A lesson: its prose, with parts and figures where it has places for them."""
    read = prose.read(name, lang)
    words = {**read.words, **prose.read("page", lang).words}
    told, checks = Prose(name, prose.glossary(lang)), list[Check]()
    named = {part.__name__: part for part in parts_of(name)}
    body = element("section", id=name, class_="lesson")
    *pieces, (end, _) = read.pieces(figures=True)
    for markdown, place in pieces:
        body.extend(told.elements(markdown))
        if place.startswith("figure: "):
            body.append(figure(place.removeprefix("figure: "), words, lang))
        else:
            items = list(named[place](read.words))
            checks += checks_of(items)
            body.append(part(place, rendered(items, words), words))
    text, questions, after = split_questions(end)
    body.extend(told.elements(text))
    body.extend(fold_outs(questions, prose.replies(lang)[name]))
    body.extend(told.elements(after))
    return Lesson(name, read.words["title"], body, told.headings, checks)


def part(name: str, items: Iterable[Element], words: Words) -> Element:
    """A part's items; behind the lesson's own question, where it asks one first."""
    asked = question(name, words)
    if asked is None:
        return element("div", *items, class_="part")
    title = element("summary", element("b", words["guess"]), " ", asked.text)
    reply = element("p", words["reply"].format(answer=asked.answer), class_="reply")
    return element("details", title, reply, *items, class_="part guess")


def split_questions(markdown: str) -> tuple[str, list[str], str]:
    r"""The end of a lesson: its text, the questions of its last list, what follows.

    >>> split_questions("Can you say:\n\n- Why is it\n  so?\n- And how?\n\nBye.")
    ('Can you say:\n\n', ['Why is it so?', 'And how?'], '\n\nBye.')
    """
    *_, found = LIST.finditer(markdown)
    items = re.split(r"^- ", found[0], flags=re.M)[1:]
    questions = [" ".join(item.split()) for item in items]
    return markdown[: found.start()], questions, markdown[found.end() :]


def fold_outs(questions: Sequence[str], replies: Sequence[str]) -> Iterator[Element]:
    """The questions at the end of a lesson, each with its answer under it."""
    told = Prose("", {})
    for asked, reply in zip(questions, replies, strict=True):
        title, *said = told.elements(f"{asked}\n\n{reply}")
        title.tag = "summary"
        yield element("details", title, *said, class_="question")


def figure(name: str, words: Words, lang: Language) -> Element:
    """A figure: one that stands, one that moves, or the sheet to draw on."""
    if name in figures.FIGURES:
        drawn = svg.drawn(name, lang)
        size = element("svg", viewBox=drawn.attrib["viewBox"], aria_hidden="true")
        wide = element("div", size, element("div", drawn), class_="wide")
        return element("figure", wide, class_="still")
    if name in moving.FIGURES:
        absent = element("noscript", element("p", words["moving_absent"]))
        return element("figure", absent, data_moving=name)
    frame = element("iframe", title=words["draw"], srcdoc=drawing(lang), loading="lazy")
    return element("figure", frame, class_="drawing")


def drawing(lang: Language) -> str:
    """The playground of the lesson's network, a page of its own that stands in this."""
    words = prose.read("page", lang).words
    subject = subjects.find("pretrained")._replace(name=words["drawn_for"])
    shown = playground.playground([subject], data.load("test")) | {"language": lang}
    return page(playground.FORM, words["draw"], shown).decode()


def contents(lessons: Iterable[Lesson]) -> Iterator[Element]:
    """The lessons, each with its sections, as links."""
    for one in lessons:
        sections = (
            element("li", element("a", heading, href=f"#{name}"))
            for name, heading in one.headings.items()
        )
        link = element(
            "a", f"{LESSONS.index(one.name) + 1}. {one.title}", href=f"#{one.name}"
        )
        yield element("li", link, element("ol", *sections))


def glossary(terms: dict[str, Term], words: Words) -> Iterator[Element]:
    """The words of the field, by name, each with what it is called besides."""
    ordered = sorted(terms.items(), key=lambda one: one[1].name.casefold())
    for key, (name, text, also) in ordered:
        others = f" ({words['also']} {', '.join(also)})" if also else ""
        title = element("dt", element("dfn", name), element("span", others))
        yield element("div", title, element("dd", text), id=f"term-{key}")
