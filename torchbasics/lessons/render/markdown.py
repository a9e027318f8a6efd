"""A lesson's Markdown as HTML; the glossary's words are links where they come first."""

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markdown_it import MarkdownIt
from markdown_it.token import Token

from torchbasics.lessons.prose import Term
from torchbasics.lessons.render.html import element, unbroken

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
NO_TERMS: Mapping[str, Term] = {}
COMMON = {"example", "shape", "step", "step-function", "label", "class"}
"""Words that say other things, too: they are explained only where they stand out."""

ENDING = (
    r"(?:e?s)?(?![a-z0-9_])"
    r"(?:(?![가-힣])|(?=은|는|이|가|을|를|의|에|와|과|로|으로|도|만|들|마다|까지|부터|란|라|인))"
)
"""What follows a word of the glossary: a plural, or a particle of Korean."""


class Prose:
    """The Markdown of one lesson, piece by piece, as HTML.

    Headings are one level lower, as the page has one above them; those of sections are
    kept with their ids, `headings`. A word of the glossary is a link where it comes
    first.
    """

    def __init__(self, lesson: str = "", terms: Mapping[str, Term] = NO_TERMS) -> None:
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
        for before, token in zip([None, *tokens], tokens, strict=False):
            if token.type in ("heading_open", "heading_close"):
                token.tag = f"h{int(token.tag[1]) + 1}"
            elif token.children and before and before.type == "heading_open":
                self._name(before, token.content)
            elif token.children and self.keys:
                token.children = self._linked(token.children)
        made = MARKDOWN.renderer.render(tokens, MARKDOWN.options, {})
        whole = ElementTree.fromstring(f"<div>{made}</div>")
        lines = (
            one for around in whole.iter() if around.tag != "pre" for one in around
        )
        for code in [one for one in lines if one.tag == "code"]:
            words = element("code", *unbroken(code.text or ""))
            code.text = words.text
            code.extend(words)
        return list(whole)

    def _name(self, heading: Token, text: str) -> None:
        if heading.tag == "h3":
            name = f"{self.lesson}-{len(self.headings) + 1}"
            heading.attrSet("id", name)
            self.headings[name] = text

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
