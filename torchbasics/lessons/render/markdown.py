"""A lesson's Markdown as HTML; the glossary's words are links where they come first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markdown_it import MarkdownIt
from markdown_it.token import Token

from torchbasics.lessons.prose import Term
from torchbasics.lessons.render.html import element, html_of, unbroken

COMMON = {"example", "shape", "step", "step-function", "label", "class"}
"""Words that say other things, too: they are explained only where they stand out."""

ENDING = (
    r"(?:e?s)?(?![a-z0-9_])"
    r"(?:(?![가-힣])|(?=은|는|이|가|을|를|의|에|와|과|로|으로|도|만|들|마다|까지|부터|란|라|인))"
)
"""What follows a word of the glossary: a plural, or a particle of Korean."""


def _code(_: object, tokens: Sequence[Token], place: int, *given: object) -> str:
    return html_of(element("code", *unbroken(tokens[place].content)))


MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
MARKDOWN.add_render_rule("code_inline", _code)


class Prose:
    """The Markdown of one lesson, piece by piece, as HTML.

    Headings are one level lower, as the page has one above them; those of sections are
    kept with their ids, `headings`. A word of the glossary is a link where it comes
    first.
    """

    def __init__(self, lesson: str, terms: Mapping[str, Term]) -> None:
        self.lesson = lesson
        self.headings: dict[str, str] = {}
        self.explained: set[str] = set()
        self.keys = {
            name.lower(): key
            for key, term in terms.items()
            for name in (term.name, *term.also)
        }
        longest = sorted(map(re.escape, self.keys), key=len, reverse=True)
        words = rf"(?<!\w)({'|'.join(longest)}){ENDING}"
        self.pattern = re.compile(words, re.IGNORECASE)

    def elements(self, text: str) -> list[Element]:
        """The elements of a piece."""
        tokens = MARKDOWN.parse(text)
        for before, token in pairwise(tokens):
            if token.children and self.keys and before.type != "heading_open":
                token.children = self._linked(token.children)
        made = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
        whole = [*ElementTree.fromstring(f"<div>{made}</div>")]
        for heading in whole:
            if level := re.fullmatch(r"h(\d)", heading.tag):
                heading.tag = f"h{int(level[1]) + 1}"
            if heading.tag == "h3":
                name = f"{self.lesson}-{len(self.headings) + 1}"
                heading.set("id", name)
                self.headings[name] = "".join(heading.itertext())
        return whole

    def _linked(self, tokens: Sequence[Token]) -> list[Token]:
        made, stress = list[Token](), 0
        for token in tokens:
            stress += token.nesting if token.tag in ("strong", "em") else 0
            made += self._split(token, stress) if token.type == "text" else [token]
        return made

    def _split(self, token: Token, stress: int) -> Iterator[Token]:
        """A text with links where a word of the glossary is new in the lesson."""
        at = 0
        for found in self.pattern.finditer(token.content):
            key = self.keys[found[1].lower()]
            if key in self.explained or (key in COMMON and not stress):
                continue
            self.explained.add(key)
            yield Token("text", "", 0, content=token.content[at : found.start()])
            link = {"href": f"#term-{key}", "class": "term"}
            yield Token("link_open", "a", 1, attrs=dict(link))
            yield Token("text", "", 0, content=found[0])
            yield Token("link_close", "a", -1)
            at = found.end()
        yield Token("text", "", 0, content=token.content[at:])
